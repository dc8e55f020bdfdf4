//! The servers' types: how `information_schema` writes them, and what they are as Arrow fields.
//!
//! The table for people stands in `TYPES.md`, which a test holds against this module.

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, TimeUnit};
use syncline_types::field;

use crate::wire::{Flavor, WireColumn};

/// Our id in a field's metadata.
pub(crate) const STORE: &str = "mysql";

/// What [`field::SPECIAL`] of every date says: it may be no day of the calendar.
pub(crate) const ZERO_DATE: &str = "zero-date";

/// A native type, taken apart: `decimal(12,2) unsigned` is `decimal`, `["12", "2"]`, unsigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Native {
    /// The name, in lower case.
    pub(crate) base: String,
    /// What stands in parentheses; members of ENUM and SET unquoted.
    pub(crate) args: Vec<String>,
    pub(crate) unsigned: bool,
}

impl Native {
    /// Takes `COLUMN_TYPE` apart.
    pub(crate) fn parse(text: &str) -> Self {
        let end = text.find(['(', ' ']).unwrap_or(text.len());
        let base = text[..end].to_ascii_lowercase();
        let (args, rest) = match text[end..].strip_prefix('(') {
            Some(inside) => arguments(inside),
            None => (Vec::new(), &text[end..]),
        };
        let unsigned = rest.to_ascii_lowercase().contains("unsigned");
        Self { base, args, unsigned }
    }

    /// The argument at `index` as a number.
    pub(crate) fn number(&self, index: usize) -> Option<u32> {
        self.args.get(index)?.trim().parse().ok()
    }
}

/// Splits at commas outside of quotes, up to the closing parenthesis.
fn arguments(inside: &str) -> (Vec<String>, &str) {
    let mut args = Vec::new();
    let mut arg = String::new();
    let mut chars = inside.char_indices().peekable();
    let mut quoted = false;
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' if quoted && chars.peek().is_some_and(|(_, next)| *next == '\'') => {
                chars.next();
                arg.push('\'');
            }
            '\'' => quoted = !quoted,
            '\\' if quoted => {
                if let Some((_, escaped)) = chars.next() {
                    arg.push(match escaped {
                        '0' => '\0',
                        'n' => '\n',
                        'r' => '\r',
                        other => other,
                    });
                }
            }
            ',' if !quoted => args.push(std::mem::take(&mut arg)),
            ')' if !quoted => {
                args.push(arg);
                return (args, &inside[at + 1..]);
            }
            other => arg.push(other),
        }
    }
    args.push(arg);
    (args, "")
}

/// A column as the catalog describes it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Described<'a> {
    pub(crate) name: &'a str,
    /// `COLUMN_TYPE`.
    pub(crate) native: &'a str,
    pub(crate) nullable: bool,
    pub(crate) charset: Option<&'a str>,
    pub(crate) collation: Option<&'a str>,
    /// `CHARACTER_MAXIMUM_LENGTH`.
    pub(crate) length: Option<u64>,
}

/// The field of a column.
pub(crate) fn field_of(column: &Described<'_>) -> Field {
    let native = Native::parse(column.native);
    let (arrow, logical) = arrow_of(&native);
    let mut pairs =
        vec![(field::STORE, STORE.to_owned()), (field::NATIVE, column.native.to_owned())];
    if let Some(logical) = logical {
        pairs.push((field::LOGICAL, logical.to_owned()));
    }
    if matches!(native.base.as_str(), "date" | "datetime" | "timestamp") {
        pairs.push((field::SPECIAL, ZERO_DATE.to_owned()));
    }
    let texts = [(field::CHARSET, column.charset), (field::COLLATION, column.collation)];
    pairs.extend(texts.into_iter().filter_map(|(key, text)| Some((key, text?.to_owned()))));
    let members = matches!(native.base.as_str(), "enum" | "set");
    if members {
        let texts: Vec<&str> = native.args.iter().map(String::as_str).collect();
        pairs.push((field::MEMBERS, serde_json::Value::from(texts).to_string()));
    }
    let length = match native.base.as_str() {
        "bit" => Some(u64::from(native.number(0).unwrap_or(1))),
        "char" | "varchar" | "binary" | "varbinary" => column.length,
        // The longest texts the server writes of them.
        "inet4" => Some(15),
        "inet6" => Some(39),
        _ => None,
    };
    if let Some(length) = length {
        pairs.push((field::LENGTH, length.to_string()));
    }
    field::with(Field::new(column.name, arrow, column.nullable), pairs)
}

/// What columns of the same type hold in the one server and not in the other. MariaDB keeps −0 as 0:
/// its columns of floats say so, those of MySQL do not. MariaDB's times go on to the end of the last
/// second, MySQL's to its beginning.
pub(crate) fn of_flavor(column: Field, flavor: Flavor) -> Field {
    let native = Native::parse(field::native(&column, STORE).unwrap_or_default());
    let (key, value) = match column.data_type() {
        DataType::Float32 | DataType::Float64 => (field::ONE_ZERO, "true".to_owned()),
        DataType::Duration(_) if native.base == "time" => match native.number(0).unwrap_or(0) {
            0 => return column,
            digits => (field::LONGEST, longest(digits).to_string()),
        },
        _ => return column,
    };
    let mut metadata = column.metadata().clone();
    match flavor {
        Flavor::MariaDb => drop(metadata.insert(key.into(), value)),
        Flavor::MySql => drop(metadata.remove(key)),
    }
    column.with_metadata(metadata)
}

/// The last moment of 838:59:59 with so many digits of a second's fraction, in microseconds.
fn longest(digits: u32) -> i64 {
    let hour = 3_600_000_000;
    839 * hour - 10_i64.pow(6_u32.saturating_sub(digits))
}

/// The Arrow type of a native type, and what it means beyond that.
fn arrow_of(native: &Native) -> (DataType, Option<&'static str>) {
    let micros = |zone: Option<&str>| {
        DataType::Timestamp(TimeUnit::Microsecond, zone.map(|z| z.to_owned().into()))
    };
    let plain = match (native.base.as_str(), native.unsigned) {
        ("tinyint", false) => DataType::Int8,
        ("tinyint", true) => DataType::UInt8,
        ("smallint", false) => DataType::Int16,
        ("smallint", true) => DataType::UInt16,
        ("mediumint" | "int" | "integer", false) => DataType::Int32,
        ("mediumint" | "int" | "integer", true) => DataType::UInt32,
        ("bigint", false) => DataType::Int64,
        ("bigint", true) => DataType::UInt64,
        ("float", _) => DataType::Float32,
        ("double" | "real", _) => DataType::Float64,
        ("decimal" | "numeric", _) => {
            decimal(native.number(0).unwrap_or(10), native.number(1).unwrap_or(0))
        }
        ("year", _) => return (DataType::Int16, Some("year")),
        ("date", _) => DataType::Date32,
        ("datetime", _) => micros(None),
        ("timestamp", _) => micros(Some("UTC")),
        ("time", _) => DataType::Duration(TimeUnit::Microsecond),
        ("bit", _) => return (DataType::Utf8, Some("bit")),
        ("enum", _) => return (DataType::Utf8, Some("enum")),
        ("set", _) => return (DataType::Utf8, Some("set")),
        ("json", _) => return (DataType::Utf8, Some("json")),
        ("uuid", _) => return (DataType::FixedSizeBinary(16), Some("uuid")),
        ("inet4" | "inet6", _) => return (DataType::Utf8, Some("text-of")),
        ("char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext", _) => DataType::Utf8,
        (
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector",
            _,
        ) => DataType::Binary,
        (
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
            | "multipolygon" | "geometrycollection" | "geomcollection",
            _,
        ) => return (DataType::Binary, Some("geometry")),
        // A type of a later server: its own text form, which it takes back.
        _ => return (DataType::Utf8, Some("text-of")),
    };
    (plain, None)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // at most 65 and 38
fn decimal(precision: u32, scale: u32) -> DataType {
    let (p, s) = (precision.clamp(1, 65) as u8, scale.min(38) as i8);
    if p <= DECIMAL128_MAX_PRECISION {
        DataType::Decimal128(p, s)
    } else {
        DataType::Decimal256(p, s)
    }
}

/// Numbers of the protocol's types (`enum_field_types`).
pub(crate) mod wire {
    pub(crate) const TINY: u8 = 1;
    pub(crate) const SHORT: u8 = 2;
    pub(crate) const LONG: u8 = 3;
    pub(crate) const FLOAT: u8 = 4;
    pub(crate) const DOUBLE: u8 = 5;
    pub(crate) const NULL: u8 = 6;
    pub(crate) const TIMESTAMP: u8 = 7;
    pub(crate) const LONGLONG: u8 = 8;
    pub(crate) const INT24: u8 = 9;
    pub(crate) const DATE: u8 = 10;
    pub(crate) const TIME: u8 = 11;
    pub(crate) const DATETIME: u8 = 12;
    pub(crate) const YEAR: u8 = 13;
    pub(crate) const BIT: u8 = 16;
    pub(crate) const VECTOR: u8 = 242;
    pub(crate) const JSON: u8 = 245;
    pub(crate) const DECIMAL: u8 = 0;
    pub(crate) const NEWDECIMAL: u8 = 246;
    pub(crate) const GEOMETRY: u8 = 255;

    /// Flag: the number is unsigned.
    pub(crate) const UNSIGNED: u16 = 0x20;
    /// Collation id of bytes.
    pub(crate) const BINARY: u16 = 63;
}

/// The field of a query's result column. Members of ENUM and SET are not in the protocol: such a
/// column is text.
pub(crate) fn field_of_result(column: &WireColumn) -> Field {
    let unsigned = column.flags & wire::UNSIGNED != 0;
    let sign = if unsigned { " unsigned" } else { "" };
    // 31 stands for "as many as needed".
    let fraction = match column.decimals {
        n @ 1..=6 => format!("({n})"),
        _ => String::new(),
    };
    let bytes = column.charset == wire::BINARY;
    let characters = column.length / 4;
    let native = match column.kind {
        wire::TINY => format!("tinyint{sign}"),
        wire::SHORT => format!("smallint{sign}"),
        wire::INT24 => format!("mediumint{sign}"),
        wire::LONG => format!("int{sign}"),
        wire::LONGLONG => format!("bigint{sign}"),
        wire::FLOAT => "float".into(),
        wire::DOUBLE => "double".into(),
        wire::DECIMAL | wire::NEWDECIMAL => {
            let point = u32::from(column.decimals > 0);
            let digits = column.length.saturating_sub(point + u32::from(!unsigned));
            format!(
                "decimal({},{})",
                digits.max(u32::from(column.decimals)).max(1),
                column.decimals
            )
        }
        wire::YEAR => "year".into(),
        wire::DATE => "date".into(),
        wire::TIME => format!("time{fraction}"),
        wire::DATETIME => format!("datetime{fraction}"),
        wire::TIMESTAMP => format!("timestamp{fraction}"),
        wire::BIT => format!("bit({})", column.length.clamp(1, 64)),
        wire::JSON => "json".into(),
        wire::GEOMETRY => "geometry".into(),
        wire::VECTOR => "longblob".into(),
        _ if bytes && column.kind != wire::NULL => match column.length {
            n @ 1..=16_383 => format!("varbinary({n})"),
            _ => "longblob".into(),
        },
        _ => match characters {
            n @ 1..=16_383 => format!("varchar({n})"),
            _ => "longtext".into(),
        },
    };
    let text = native.starts_with("varchar") || native == "longtext";
    let length = match native.split_once('(').map(|(base, _)| base) {
        Some("varchar") => Some(u64::from(characters)),
        Some("varbinary") => Some(u64::from(column.length)),
        _ => None,
    };
    field_of(&Described {
        name: &column.name,
        native: &native,
        nullable: true,
        charset: text.then_some("utf8mb4"),
        collation: None,
        length,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_types_are_taken_apart() {
        let native = Native::parse("decimal(12,2) unsigned zerofill");
        assert_eq!(
            (native.base.as_str(), native.number(1), native.unsigned),
            ("decimal", Some(2), true)
        );
        let native = Native::parse(r"enum('a','it''s','a,b)','\\','unsigned')");
        assert_eq!(native.args, ["a", "it's", "a,b)", "\\", "unsigned"]);
        assert!(!native.unsigned);
        let native = Native::parse("varchar(100) /*M!100301 COMPRESSED*/");
        assert_eq!((native.base.as_str(), native.number(0)), ("varchar", Some(100)));
        assert_eq!(Native::parse("longtext").args, Vec::<String>::new());
    }

    #[test]
    fn unsigned_64_bits_and_65_digits_have_room() {
        assert_eq!(arrow_of(&Native::parse("bigint(20) unsigned")).0, DataType::UInt64);
        assert_eq!(arrow_of(&Native::parse("decimal(65,30)")).0, DataType::Decimal256(65, 30));
        assert_eq!(arrow_of(&Native::parse("tinyint(1)")).0, DataType::Int8);
    }

    #[test]
    fn the_page_for_people_says_what_the_code_does() {
        let page = include_str!("../TYPES.md");
        let mut bases = std::collections::HashSet::new();
        for line in page.lines().filter(|l| l.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [native, arrow, logical, _] = cells[..] else { continue };
            let native = Native::parse(native.trim_matches('`'));
            let (data_type, meaning) = arrow_of(&native);
            let said = data_type.to_string();
            assert_eq!(said, arrow, "{line}");
            assert_eq!(meaning.unwrap_or_default(), logical, "{line}");
            bases.insert(native.base);
        }
        assert!(bases.len() > 35, "{}", bases.len());
    }
}
