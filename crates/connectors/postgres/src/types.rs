//! PostgreSQL's types as Arrow fields with metadata, and the wire form each is read in.
//!
//! What has a direct Arrow form travels in it. Everything else travels in its own exact text form
//! (`text-of`), which the same type reads back: so PostgreSQL to PostgreSQL is exact for all types.
//! The table for people is `TYPES.md`.

use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, TimeUnit,
};
use syncline_sql::Dialect;
pub(crate) use syncline_sql::actions::{COLLATION_SCHEMA, DOMAIN};
use syncline_types::{Error, Result, field};

/// Type oids, fixed in `pg_type.dat`.
pub(crate) mod oid {
    pub(crate) const BOOL: u32 = 16;
    pub(crate) const BYTEA: u32 = 17;
    pub(crate) const NAME: u32 = 19;
    pub(crate) const INT8: u32 = 20;
    pub(crate) const INT2: u32 = 21;
    pub(crate) const INT4: u32 = 23;
    pub(crate) const TEXT: u32 = 25;
    pub(crate) const OID: u32 = 26;
    pub(crate) const JSON: u32 = 114;
    pub(crate) const FLOAT4: u32 = 700;
    pub(crate) const FLOAT8: u32 = 701;
    pub(crate) const MONEY: u32 = 790;
    pub(crate) const BPCHAR: u32 = 1042;
    pub(crate) const VARCHAR: u32 = 1043;
    pub(crate) const DATE: u32 = 1082;
    pub(crate) const TIME: u32 = 1083;
    pub(crate) const TIMESTAMP: u32 = 1114;
    pub(crate) const TIMESTAMPTZ: u32 = 1184;
    pub(crate) const INTERVAL: u32 = 1186;
    pub(crate) const TIMETZ: u32 = 1266;
    pub(crate) const BIT: u32 = 1560;
    pub(crate) const VARBIT: u32 = 1562;
    pub(crate) const NUMERIC: u32 = 1700;
    pub(crate) const UUID: u32 = 2950;
    pub(crate) const JSONB: u32 = 3802;
}

/// Id of this store in field metadata.
pub(crate) const STORE: &str = "postgres";
/// [`field::SPECIAL`] of dates and timestamps, and of decimals.
const INFINITY: &str = "infinity";
const NAN: &str = "nan";

/// A column's type as the catalog has it, domains already replaced by what they are over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NativeType {
    /// Its oid.
    pub(crate) oid: u32,
    /// Its modifier (length, precision), or -1.
    pub(crate) modifier: i32,
    /// `pg_type.typname`.
    pub(crate) name: String,
    /// As `format_type` writes it, with schema where it is not one of the server's own.
    pub(crate) format: String,
    /// Labels in order, of an enumeration.
    pub(crate) members: Option<Vec<String>>,
    /// The column's collation, when it is not the type's own.
    pub(crate) collation: Option<String>,
    /// The domain it was given as, as `format_type` writes it.
    pub(crate) domain: Option<String>,
}

/// Precision and scale of `numeric(p,s)`; the scale may be negative or beyond the precision from
/// version 15 on (11 bits, signed, in `numeric.c`).
pub(crate) fn numeric_bounds(modifier: i32) -> Option<(i32, i32)> {
    let packed = modifier.checked_sub(4).filter(|m| *m >= 0)?;
    Some(((packed >> 16) & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024))
}

/// The Arrow decimal that holds every value of `numeric(p,s)`.
fn decimal(modifier: i32) -> Option<DataType> {
    let (precision, scale) = numeric_bounds(modifier)?;
    let (precision, scale) = match scale {
        ..0 => (precision - scale, 0),
        _ => (precision.max(scale), scale),
    };
    let (digits, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
    match digits {
        1..=DECIMAL128_MAX_PRECISION => Some(DataType::Decimal128(digits, scale)),
        _ if digits <= DECIMAL256_MAX_PRECISION => Some(DataType::Decimal256(digits, scale)),
        _ => None,
    }
}

fn micros(zone: bool) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, zone.then(|| "UTC".into()))
}

/// The Arrow field of a column.
pub(crate) fn arrow_field(name: &str, nullable: bool, ty: &NativeType, money_scale: i8) -> Field {
    let length = (ty.modifier > 0).then_some(ty.modifier);
    let mut logical = None;
    let mut of_length = None;
    let arrow = match ty.oid {
        oid::BOOL => DataType::Boolean,
        oid::INT2 => DataType::Int16,
        oid::INT4 => DataType::Int32,
        oid::INT8 => DataType::Int64,
        oid::OID => DataType::UInt32,
        oid::FLOAT4 => DataType::Float32,
        oid::FLOAT8 => DataType::Float64,
        oid::MONEY => DataType::Decimal128(19, money_scale),
        oid::NUMERIC => decimal(ty.modifier).unwrap_or_else(|| {
            logical = Some("decimal");
            DataType::Utf8
        }),
        oid::BYTEA => DataType::Binary,
        oid::DATE => DataType::Date32,
        oid::TIME => DataType::Time64(TimeUnit::Microsecond),
        oid::TIMESTAMP => micros(false),
        oid::TIMESTAMPTZ => micros(true),
        oid::UUID => {
            logical = Some("uuid");
            DataType::FixedSizeBinary(16)
        }
        other => {
            match other {
                // Lengths are kept with four bytes for a header, bits without.
                oid::BPCHAR | oid::VARCHAR => of_length = length.map(|n| n - 4),
                oid::TEXT | oid::NAME => {}
                oid::JSON | oid::JSONB => logical = Some("json"),
                oid::BIT | oid::VARBIT => {
                    logical = Some("bit");
                    of_length = length;
                }
                _ if ty.members.is_some() => logical = Some("enum"),
                _ if ty.name == "citext" => {}
                _ => logical = Some("text-of"),
            }
            DataType::Utf8
        }
    };
    let mut pairs = vec![(field::STORE, STORE.to_owned()), (field::NATIVE, ty.format.clone())];
    pairs.extend(ty.domain.clone().map(|d| (DOMAIN, d)));
    pairs.extend(special(ty.oid, &arrow).map(|s| (field::SPECIAL, s.to_owned())));
    pairs.extend(logical.map(|l| (field::LOGICAL, l.to_owned())));
    pairs.extend(of_length.map(|n| (field::LENGTH, n.to_string())));
    if let Some(members) = &ty.members {
        pairs.push((field::MEMBERS, serde_json::json!(members).to_string()));
    }
    if arrow == DataType::Utf8 {
        pairs.extend(ty.collation.clone().map(|c| (field::COLLATION, c)));
    }
    field::with(Field::new(name, arrow, nullable), pairs)
}

/// What the type's values are beside the numbers of the Arrow type.
fn special(oid: u32, arrow: &DataType) -> Option<&'static str> {
    match (oid, arrow) {
        (oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ, _) => Some(INFINITY),
        (oid::NUMERIC, DataType::Decimal128(..) | DataType::Decimal256(..)) => Some(NAN),
        _ => None,
    }
}

/// Whether the field has values beside the numbers of its Arrow type.
pub(crate) fn is_special(column: &Field) -> bool {
    matches!(field::get(column, field::SPECIAL), Some(INFINITY | NAN))
}

/// How a column's values look in a binary COPY, as far as reading them goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    /// `money`: an integer count of its smallest unit.
    Money,
    /// Into `Decimal128`, by its scale.
    Numeric128(i8),
    /// Into `Decimal256`, by its scale.
    Numeric256(i8),
    /// Into text, whatever its size.
    NumericText,
    Bytea,
    Uuid,
    Date,
    Time,
    Timestamp,
    /// UTF-8 as it is: text, names, JSON, labels, and whatever is selected as text.
    Text,
    /// `character(n)`: the blanks it is filled up with are no part of the value.
    Padded,
    /// A version byte, then text.
    Jsonb,
    /// A count of bits, then the bits.
    Bits,
}

/// The wire form of a column that [`arrow_field`] made.
pub(crate) fn wire(column: &Field) -> Result<Wire> {
    let native = field::native(column, STORE).unwrap_or_default();
    Ok(match column.data_type() {
        DataType::Boolean => Wire::Bool,
        DataType::Int16 => Wire::Int2,
        DataType::Int32 => Wire::Int4,
        DataType::Int64 => Wire::Int8,
        DataType::UInt32 => Wire::Oid,
        DataType::Float32 => Wire::Float4,
        DataType::Float64 => Wire::Float8,
        DataType::Decimal128(..) if native == "money" => Wire::Money,
        DataType::Decimal128(_, scale) => Wire::Numeric128(*scale),
        DataType::Decimal256(_, scale) => Wire::Numeric256(*scale),
        DataType::Binary => Wire::Bytea,
        DataType::FixedSizeBinary(16) => Wire::Uuid,
        DataType::Date32 => Wire::Date,
        DataType::Time64(TimeUnit::Microsecond) => Wire::Time,
        DataType::Timestamp(TimeUnit::Microsecond, _) => Wire::Timestamp,
        DataType::Utf8 => match field::logical(column) {
            Some("decimal") => Wire::NumericText,
            Some("json") if native == "jsonb" => Wire::Jsonb,
            Some("bit") => Wire::Bits,
            None if native.starts_with("character(") => Wire::Padded,
            _ => Wire::Text,
        },
        other => {
            let name = column.name();
            return Err(Error::bug(format!("column {name:?}: {other} is not read by postgres")));
        }
    })
}

/// What is selected for a column, so that its values come in the form of [`wire`].
pub(crate) fn expression(column: &Field) -> String {
    let name = Dialect::Postgres.quote(column.name());
    if field::logical(column) != Some("text-of") {
        return name;
    }
    // A cast shows the mask of a single host; the type's own text form does not.
    match field::native(column, STORE) {
        Some("inet") => format!("pg_catalog.abbrev({name})"),
        _ => format!("{name}::pg_catalog.text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(oid: u32, modifier: i32, format: &str) -> NativeType {
        NativeType {
            oid,
            modifier,
            name: format.into(),
            format: format.into(),
            members: None,
            collation: None,
            domain: None,
        }
    }

    fn typmod(precision: i32, scale: i32) -> i32 {
        ((precision << 16) | (scale & 0x7ff)) + 4
    }

    #[test]
    fn numerics_get_a_decimal_that_holds_all_their_values() {
        let arrow = |p, s| {
            let ty = native(oid::NUMERIC, typmod(p, s), "numeric");
            arrow_field("n", true, &ty, 2).data_type().clone()
        };
        assert_eq!(arrow(12, 2), DataType::Decimal128(12, 2));
        assert_eq!(arrow(38, 38), DataType::Decimal128(38, 38));
        assert_eq!(arrow(39, 0), DataType::Decimal256(39, 0));
        assert_eq!(arrow(76, 30), DataType::Decimal256(76, 30));
        assert_eq!(arrow(77, 0), DataType::Utf8);
        assert_eq!(arrow(3, -2), DataType::Decimal128(5, 0));
        assert_eq!(arrow(3, 5), DataType::Decimal128(5, 5));
        let free = arrow_field("n", true, &native(oid::NUMERIC, -1, "numeric"), 2);
        assert_eq!(field::logical(&free), Some("decimal"));
    }

    #[test]
    fn types_with_more_than_numbers_say_so() {
        let special = |oid, modifier| {
            let column = arrow_field("c", true, &native(oid, modifier, "x"), 2);
            field::get(&column, field::SPECIAL).map(str::to_owned)
        };
        assert_eq!(special(oid::DATE, -1).as_deref(), Some("infinity"));
        assert_eq!(special(oid::TIMESTAMPTZ, -1).as_deref(), Some("infinity"));
        assert_eq!(special(oid::NUMERIC, typmod(60, 2)).as_deref(), Some("nan"));
        for plain in [oid::MONEY, oid::TIME, oid::INT8, oid::NUMERIC] {
            assert_eq!(special(plain, -1), None);
        }
    }

    #[test]
    fn lengths_are_in_characters_and_bits() {
        let length =
            |oid, modifier| field::length(&arrow_field("c", true, &native(oid, modifier, "x"), 2));
        assert_eq!(length(oid::VARCHAR, 14), Some(10));
        assert_eq!(length(oid::BPCHAR, 5), Some(1));
        assert_eq!(length(oid::BIT, 8), Some(8));
        assert_eq!(length(oid::VARCHAR, -1), None);
    }
}
