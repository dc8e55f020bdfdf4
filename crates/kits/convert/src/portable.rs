//! Names of types that mean the same for every store: `name::int32`, `born:year:int16`, `types=`.
//!
//! [`parse_type`] reads one, [`type_name`] writes one for a field. The names are those of
//! `docs/processors.md`; a few that people know from SQL are read as well.

use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_types::field::{self, LENGTH, LOGICAL};
use syncline_types::{Code, Error, Result, did_you_mean};

/// Every name that [`parse_type`] reads, as documentation shows it.
pub const TYPE_NAMES: &[&str] = &[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "decimal(p,s)",
    "decimal",
    "text",
    "text(n)",
    "binary",
    "binary(n)",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "duration",
    "year",
    "uuid",
    "json",
    "bit(n)",
];

/// A type that has a portable name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortableType {
    /// The Arrow type.
    pub data_type: DataType,
    /// What it means beyond the Arrow type (see [`syncline_types::field`]).
    pub logical: Option<&'static str>,
    /// Largest length in characters or bytes.
    pub length: Option<u64>,
}

impl PortableType {
    /// A field of this type, with its metadata.
    pub fn field(&self, name: impl Into<String>, nullable: bool) -> Field {
        let logical = self.logical.map(|l| (LOGICAL, l.to_owned()));
        let length = self.length.map(|n| (LENGTH, n.to_string()));
        let field = Field::new(name, self.data_type.clone(), nullable);
        field::with(field, logical.into_iter().chain(length))
    }
}

/// Reads a type's name: `int32`, `decimal(12,2)`, `text(20)`. Case does not matter.
///
/// # Errors
/// [`Code::BadValue`] with the nearest name.
pub fn parse_type(text: &str) -> Result<PortableType> {
    let lower = text.trim().to_ascii_lowercase();
    let (name, arguments) = match lower.split_once('(') {
        None => (lower.as_str(), Vec::new()),
        Some((name, rest)) => {
            let inner = rest.strip_suffix(')').ok_or_else(|| unknown(text))?;
            let numbers = inner.split(',').map(|n| n.trim().parse::<u64>().ok());
            (name.trim_end(), numbers.collect::<Option<Vec<_>>>().ok_or_else(|| unknown(text))?)
        }
    };
    let plain = |data_type| PortableType { data_type, logical: None, length: None };
    let logical =
        |data_type, logical| PortableType { data_type, logical: Some(logical), length: None };
    let found = match (name, arguments.as_slice()) {
        ("bool" | "boolean", []) => plain(DataType::Boolean),
        ("int8" | "tinyint", []) => plain(DataType::Int8),
        ("int16" | "smallint", []) => plain(DataType::Int16),
        ("int32" | "int" | "integer", []) => plain(DataType::Int32),
        ("int64" | "bigint", []) => plain(DataType::Int64),
        ("uint8", []) => plain(DataType::UInt8),
        ("uint16", []) => plain(DataType::UInt16),
        ("uint32", []) => plain(DataType::UInt32),
        ("uint64", []) => plain(DataType::UInt64),
        ("float32" | "real", []) => plain(DataType::Float32),
        ("float64" | "double", []) => plain(DataType::Float64),
        ("decimal" | "numeric", []) => logical(DataType::Utf8, "decimal"),
        ("decimal" | "numeric", [p]) => plain(decimal(text, *p, 0)?),
        ("decimal" | "numeric", [p, s]) => plain(decimal(text, *p, *s)?),
        ("text" | "string", []) => plain(DataType::Utf8),
        ("text" | "string" | "varchar", [n]) if *n > 0 => {
            PortableType { length: Some(*n), ..plain(DataType::Utf8) }
        }
        ("binary" | "bytes", []) => plain(DataType::Binary),
        ("binary" | "bytes" | "varbinary", [n]) if *n > 0 => {
            PortableType { length: Some(*n), ..plain(DataType::Binary) }
        }
        ("date", []) => plain(DataType::Date32),
        ("time", []) => plain(DataType::Time64(TimeUnit::Microsecond)),
        ("timestamp" | "datetime", []) => plain(DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("timestamptz", []) => {
            plain(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
        }
        ("duration", []) => plain(DataType::Duration(TimeUnit::Microsecond)),
        ("year", []) => logical(DataType::Int16, "year"),
        ("uuid", []) => logical(DataType::FixedSizeBinary(16), "uuid"),
        ("json", []) => logical(DataType::Utf8, "json"),
        ("bit", [n]) if *n > 0 => {
            PortableType { length: Some(*n), ..logical(DataType::Utf8, "bit") }
        }
        _ => return Err(unknown(text)),
    };
    Ok(found)
}

fn decimal(text: &str, precision: u64, scale: u64) -> Result<DataType> {
    let bad = || {
        Error::new(
            Code::BadValue,
            format!(
                "{text:?}: a decimal has 1 to 76 digits, of which 0 to all are after the point"
            ),
        )
    };
    let (p, s) = (u8::try_from(precision).ok(), i8::try_from(scale).ok());
    match (p, s) {
        (Some(p @ 1..=38), Some(s)) if scale <= precision => Ok(DataType::Decimal128(p, s)),
        (Some(p @ 39..=76), Some(s)) if scale <= precision => Ok(DataType::Decimal256(p, s)),
        _ => Err(bad()),
    }
}

fn unknown(text: &str) -> Error {
    let bare = TYPE_NAMES.iter().map(|n| n.split('(').next().unwrap_or(n));
    let near = did_you_mean(text.split('(').next().unwrap_or(text).trim(), bare);
    Error::new(Code::BadValue, format!("{text:?} is not a type{near}"))
        .hint(format!("types are {}", TYPE_NAMES.join(", ")))
}

/// The name of a field's type, for people and as [`parse_type`] reads it. Types without a portable
/// name are given by their native one, else by a word for what they are (`enum`, `geometry`).
pub fn type_name(field: &Field) -> String {
    let sized = |name: &str| match field::length(field) {
        Some(n) => format!("{name}({n})"),
        None => name.to_owned(),
    };
    match field.data_type() {
        DataType::Boolean => "bool".into(),
        DataType::Int16 if field::logical(field) == Some("year") => "year".into(),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => format!("decimal({p},{s})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => match field::logical(field) {
            Some("text-of") => field::get(field, field::NATIVE).unwrap_or("text").to_owned(),
            Some("bit") => sized("bit"),
            Some(logical) => logical.to_owned(),
            None => sized("text"),
        },
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            match field::logical(field) {
                Some(logical) => logical.to_owned(),
                None => sized("binary"),
            }
        }
        DataType::FixedSizeBinary(16) => "uuid".into(),
        DataType::FixedSizeBinary(n) => format!("binary({n})"),
        DataType::Date32 => "date".into(),
        DataType::Time64(TimeUnit::Microsecond) => "time".into(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp".into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(z)) if crate::kind::is_utc(z) => {
            "timestamptz".into()
        }
        DataType::Duration(TimeUnit::Microsecond) => "duration".into(),
        other => other.to_string().to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in TYPE_NAMES {
            let name = name.replace("(p,s)", "(12,2)").replace("(n)", "(20)");
            let field = parse_type(&name).unwrap().field("c", true);
            assert_eq!(type_name(&field), name);
        }
        let wide = parse_type("DECIMAL( 76 , 0 )").unwrap().field("c", true);
        assert_eq!(wide.data_type(), &DataType::Decimal256(76, 0));
    }

    #[test]
    fn wrong_names_offer_the_nearest() {
        for bad in ["int33", "decimal(0)", "decimal(5,6)", "decimal(77,1)", "text(0)", "text(", ""]
        {
            assert_eq!(parse_type(bad).unwrap_err().code(), Code::BadValue, "{bad}");
        }
        assert!(parse_type("flot64").unwrap_err().message().contains("float64"));
        assert!(parse_type("timestmp").unwrap_err().message().contains("timestamp"));
    }
}
