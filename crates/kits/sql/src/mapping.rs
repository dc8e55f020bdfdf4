//! What a column of another store becomes in a dialect: the native type, and the Arrow type the
//! store reports and takes for it.
//!
//! | value | mysql | postgres | sqlite | ansi |
//! |---|---|---|---|---|
//! | Int8 | tinyint | smallint | INTEGER | smallint |
//! | Int16, Int32, Int64 | smallint, int, bigint | smallint, integer, bigint | INTEGER | smallint, integer, bigint |
//! | UInt8, UInt16, UInt32 | … unsigned | smallint, integer, bigint | INTEGER | smallint, integer, bigint |
//! | UInt64 | bigint unsigned | numeric(20,0) | BIGINT UNSIGNED | decimal(20,0) |
//! | year | year | smallint | INTEGER | smallint |
//! | Boolean | tinyint(1) | boolean | BOOLEAN | boolean |
//! | Float32, Float64 | float, double | real, double precision | FLOAT, DOUBLE | real, double precision |
//! | Decimal(p,s) | decimal(p,s), beyond 65 digits longtext | numeric(p,s) | DECIMAL(p,s), from 16 digits on DECIMAL_TEXT(p,s) | decimal(p,s) |
//! | decimal without bounds | longtext | numeric | DECIMAL_TEXT | character large object |
//! | text of at most n | varchar(n) | varchar(n) | VARCHAR(n) | varchar(n) |
//! | text | longtext | text | TEXT | character large object |
//! | JSON | longtext (MySQL's json would rewrite the text) | json (jsonb would) | JSON_TEXT | character large object |
//! | enum | enum(…) | text | TEXT | varchar(n) |
//! | set | longtext | text | TEXT | character large object |
//! | bit string | longtext | varbit | TEXT | character large object |
//! | UUID | char(36) | uuid | CHAR(36) | char(36) |
//! | bytes, geometry | longblob, varbinary(n) | bytea | BLOB | binary large object |
//! | Date32 | date | date | DATE | date |
//! | Timestamp(µs) | datetime(6) | timestamp(6) | TIMESTAMP | timestamp(6) |
//! | Timestamp(µs, UTC) | datetime(6) holding UTC (MySQL's timestamp ends in 2038) | timestamptz(6) | TIMESTAMPTZ | timestamp(6) with time zone |
//! | Time64(µs) | time(6) | time(6) | TIME | time(6) |
//! | Duration(µs) | time(6) | interval | DURATION | varchar(32) |
//!
//! A column that came from the same store keeps its native type word for word.

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, TimeUnit};
use syncline_types::{Code, Error, Result, field};

use crate::Dialect;

/// A native type, and what the field that has it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapped {
    pub(crate) native: String,
    pub(crate) arrow: DataType,
    pub(crate) logical: Option<&'static str>,
    pub(crate) length: Option<u64>,
    pub(crate) charset: Option<&'static str>,
    pub(crate) collation: Option<&'static str>,
    /// Carry the members of the enumeration on.
    pub(crate) members: bool,
}

impl Mapped {
    fn new(native: impl Into<String>, arrow: DataType) -> Self {
        Self {
            native: native.into(),
            arrow,
            logical: None,
            length: None,
            charset: None,
            collation: None,
            members: false,
        }
    }

    fn logical(mut self, logical: &'static str) -> Self {
        self.logical = Some(logical);
        self
    }

    fn length(mut self, length: Option<u64>) -> Self {
        self.length = length;
        self
    }

    /// MySQL text that compares byte by byte, as it does in every other store.
    fn collated(mut self, charset: &'static str, collation: &'static str) -> Self {
        self.charset = Some(charset);
        self.collation = Some(collation);
        self
    }
}

/// What a value is, once stripped of how Arrow lays it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    /// Bits, and whether signed.
    Int(u8, bool),
    Float(u8),
    /// Precision and scale; the scale is not negative and not larger than the precision.
    Decimal(u16, u16),
    AnyDecimal,
    Text,
    Json,
    Enum,
    Bits,
    Uuid,
    Bytes,
    Date,
    Timestamp,
    Instant,
    Time,
    Duration,
    Year,
}

fn kind(source: &Field) -> Result<Kind> {
    let logical = field::logical(source);
    Ok(match source.data_type() {
        DataType::Boolean => Kind::Bool,
        DataType::Int8 => Kind::Int(8, true),
        DataType::Int16 if logical == Some("year") => Kind::Year,
        DataType::Int16 => Kind::Int(16, true),
        DataType::Int32 => Kind::Int(32, true),
        DataType::Int64 => Kind::Int(64, true),
        DataType::UInt8 => Kind::Int(8, false),
        DataType::UInt16 => Kind::Int(16, false),
        DataType::UInt32 => Kind::Int(32, false),
        DataType::UInt64 => Kind::Int(64, false),
        DataType::Float16 | DataType::Float32 => Kind::Float(32),
        DataType::Float64 => Kind::Float(64),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => {
            let shift = u16::try_from(-i16::from(*s)).unwrap_or(0);
            let scale = u16::try_from(*s).unwrap_or(0);
            Kind::Decimal((u16::from(*p) + shift).max(scale), scale)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => match logical
        {
            Some("decimal") => Kind::AnyDecimal,
            Some("json") => Kind::Json,
            Some("enum") => Kind::Enum,
            Some("bit") => Kind::Bits,
            _ => Kind::Text,
        },
        DataType::FixedSizeBinary(16) if logical == Some("uuid") => Kind::Uuid,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Kind::Bytes,
        DataType::Date32 | DataType::Date64 => Kind::Date,
        DataType::Timestamp(_, None) => Kind::Timestamp,
        DataType::Timestamp(_, Some(_)) => Kind::Instant,
        DataType::Time32(_) | DataType::Time64(_) => Kind::Time,
        DataType::Duration(_) => Kind::Duration,
        DataType::Dictionary(_, values) => {
            return kind(
                &Field::new(source.name(), values.as_ref().clone(), true)
                    .with_metadata(source.metadata().clone()),
            );
        }
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::Struct(_)
        | DataType::Map(..) => Kind::Json,
        other => {
            let message = format!("column {:?}: no SQL type for {other}", source.name());
            return Err(Error::new(Code::Unsupported, message)
                .hint("leave the column out, or give it a type: --columns 'name::text'"));
        }
    })
}

/// What the field becomes. `cap` limits the length of a text or binary column that has to be part
/// of an index in MySQL, in characters or bytes; the others need no limit.
pub(crate) fn map(dialect: Dialect, source: &Field, cap: Option<u64>) -> Result<Mapped> {
    let kind = kind(source)?;
    let length = match source.data_type() {
        DataType::FixedSizeBinary(n) => u64::try_from(*n).ok(),
        _ => field::length(source).filter(|n| *n > 0),
    };
    Ok(match dialect {
        Dialect::Mysql => mysql(source, kind, length, cap),
        Dialect::Postgres => postgres(source, kind, length),
        Dialect::Sqlite => sqlite(kind, length),
        Dialect::Ansi => ansi(source, kind, length),
    })
}

/// Whether MySQL needs to know a length before it takes the column into an index.
pub(crate) fn needs_cap(source: &Field) -> Result<bool> {
    Ok(matches!(
        kind(source)?,
        Kind::Text | Kind::Json | Kind::Bits | Kind::Bytes | Kind::AnyDecimal
    ))
}

fn micros(zone: bool) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, zone.then(|| "UTC".into()))
}

fn time() -> DataType {
    DataType::Time64(TimeUnit::Microsecond)
}

fn duration() -> DataType {
    DataType::Duration(TimeUnit::Microsecond)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // at most 76
fn decimal(precision: u16, scale: u16) -> DataType {
    if precision <= u16::from(DECIMAL128_MAX_PRECISION) {
        DataType::Decimal128(precision as u8, scale as i8)
    } else {
        DataType::Decimal256(precision as u8, scale as i8)
    }
}

/// Digits of bit strings whose native type says that all have the same length: `bit(8)`.
fn fixed_bits(source: &Field) -> Option<u64> {
    let native = field::get(source, field::NATIVE)?.to_ascii_lowercase();
    native.strip_prefix("bit(")?.strip_suffix(')')?.trim().parse().ok()
}

fn mysql(source: &Field, kind: Kind, length: Option<u64>, cap: Option<u64>) -> Mapped {
    let length = match (length, cap) {
        (Some(n), Some(cap)) => Some(n.min(cap)),
        (n, cap) => n.or(cap),
    };
    let text = || {
        match length {
            Some(n) if n <= 16_383 => Mapped::new(format!("varchar({n})"), DataType::Utf8),
            _ => Mapped::new("longtext", DataType::Utf8),
        }
        .length(length.filter(|n| *n <= 16_383))
        .collated("utf8mb4", "utf8mb4_bin")
    };
    match kind {
        Kind::Bool => Mapped::new("tinyint(1)", DataType::Int8),
        Kind::Int(bits, signed) => {
            let (name, arrow) = match (bits, signed) {
                (8, true) => ("tinyint", DataType::Int8),
                (16, true) => ("smallint", DataType::Int16),
                (32, true) => ("int", DataType::Int32),
                (_, true) => ("bigint", DataType::Int64),
                (8, false) => ("tinyint unsigned", DataType::UInt8),
                (16, false) => ("smallint unsigned", DataType::UInt16),
                (32, false) => ("int unsigned", DataType::UInt32),
                (_, false) => ("bigint unsigned", DataType::UInt64),
            };
            Mapped::new(name, arrow)
        }
        Kind::Year => Mapped::new("year", DataType::Int16).logical("year"),
        Kind::Float(32) => Mapped::new("float", DataType::Float32),
        Kind::Float(_) => Mapped::new("double", DataType::Float64),
        Kind::Decimal(p, s) if p <= 65 && s <= 30 => {
            Mapped::new(format!("decimal({p},{s})"), decimal(p, s))
        }
        Kind::Enum => mysql_enum(source).unwrap_or_else(text),
        Kind::Json => text().logical("json"),
        Kind::Bits => match fixed_bits(source) {
            Some(n @ 1..=64) => {
                Mapped::new(format!("bit({n})"), DataType::Utf8).logical("bit").length(Some(n))
            }
            _ => text(),
        },
        Kind::Decimal(..) | Kind::AnyDecimal | Kind::Text => text(),
        Kind::Uuid => {
            Mapped::new("char(36)", DataType::Utf8).length(Some(36)).collated("ascii", "ascii_bin")
        }
        Kind::Bytes => match length {
            Some(n) if n <= 16_383 => {
                Mapped::new(format!("varbinary({n})"), DataType::Binary).length(Some(n))
            }
            _ => Mapped::new("longblob", DataType::Binary),
        },
        Kind::Date => Mapped::new("date", DataType::Date32),
        Kind::Timestamp | Kind::Instant => Mapped::new("datetime(6)", micros(false)),
        Kind::Time | Kind::Duration => Mapped::new("time(6)", duration()),
    }
}

/// `enum('a','b')`, when MySQL can hold the members as they are.
fn mysql_enum(source: &Field) -> Option<Mapped> {
    let members: Vec<String> = serde_json::from_str(field::get(source, field::MEMBERS)?).ok()?;
    let holds = |m: &String| m.chars().count() <= 255 && !m.ends_with(' ') && !m.contains('\0');
    if members.is_empty() || members.len() > 65_535 || !members.iter().all(holds) {
        return None;
    }
    let literals: Vec<String> = members.iter().map(|m| Dialect::Mysql.string(m)).collect();
    let mut mapped = Mapped::new(format!("enum({})", literals.join(",")), DataType::Utf8)
        .logical("enum")
        .collated("utf8mb4", "utf8mb4_bin");
    mapped.members = true;
    Some(mapped)
}

/// The longest member, as the length of a text column.
fn longest_member(source: &Field) -> Option<u64> {
    let members: Vec<String> = serde_json::from_str(field::get(source, field::MEMBERS)?).ok()?;
    members.iter().map(|m| m.chars().count() as u64).max().filter(|n| *n > 0)
}

fn postgres(source: &Field, kind: Kind, length: Option<u64>) -> Mapped {
    match kind {
        Kind::Bool => Mapped::new("boolean", DataType::Boolean),
        Kind::Int(64, false) => Mapped::new("numeric(20,0)", decimal(20, 0)),
        Kind::Int(8, _) | Kind::Int(16, true) | Kind::Year => {
            Mapped::new("smallint", DataType::Int16)
        }
        Kind::Int(16, false) | Kind::Int(32, true) => Mapped::new("integer", DataType::Int32),
        Kind::Int(..) => Mapped::new("bigint", DataType::Int64),
        Kind::Float(32) => Mapped::new("real", DataType::Float32),
        Kind::Float(_) => Mapped::new("double precision", DataType::Float64),
        Kind::Decimal(p, s) if p <= 76 => Mapped::new(format!("numeric({p},{s})"), decimal(p, s)),
        Kind::Decimal(..) | Kind::AnyDecimal => {
            Mapped::new("numeric", DataType::Utf8).logical("decimal")
        }
        Kind::Text => match length {
            Some(n) if n <= 10_485_760 => {
                Mapped::new(format!("varchar({n})"), DataType::Utf8).length(length)
            }
            _ => Mapped::new("text", DataType::Utf8),
        },
        Kind::Enum => Mapped::new("text", DataType::Utf8),
        Kind::Json => Mapped::new("json", DataType::Utf8).logical("json"),
        Kind::Bits => match fixed_bits(source) {
            Some(n) => Mapped::new(format!("bit({n})"), DataType::Utf8).length(Some(n)),
            None => Mapped::new("varbit", DataType::Utf8),
        }
        .logical("bit"),
        Kind::Uuid => Mapped::new("uuid", DataType::FixedSizeBinary(16)).logical("uuid"),
        Kind::Bytes => Mapped::new("bytea", DataType::Binary),
        Kind::Date => Mapped::new("date", DataType::Date32),
        Kind::Timestamp => Mapped::new("timestamp(6)", micros(false)),
        Kind::Instant => Mapped::new("timestamptz(6)", micros(true)),
        Kind::Time => Mapped::new("time(6)", time()),
        Kind::Duration => Mapped::new("interval", duration()),
    }
}

fn sqlite(kind: Kind, length: Option<u64>) -> Mapped {
    match kind {
        Kind::Bool => Mapped::new("BOOLEAN", DataType::Boolean),
        Kind::Int(64, false) => Mapped::new("BIGINT UNSIGNED", DataType::UInt64),
        Kind::Int(..) | Kind::Year => Mapped::new("INTEGER", DataType::Int64),
        Kind::Float(32) => Mapped::new("FLOAT", DataType::Float64),
        Kind::Float(_) => Mapped::new("DOUBLE", DataType::Float64),
        // Up to 15 digits a double holds every decimal exactly, so numbers stay numbers; from 16
        // digits on they are kept as text, which no affinity may touch.
        Kind::Decimal(p, s) if p <= 15 => Mapped::new(format!("DECIMAL({p},{s})"), decimal(p, s)),
        Kind::Decimal(p, s) if p <= 76 => {
            Mapped::new(format!("DECIMAL_TEXT({p},{s})"), decimal(p, s))
        }
        Kind::Decimal(..) | Kind::AnyDecimal => {
            Mapped::new("DECIMAL_TEXT", DataType::Utf8).logical("decimal")
        }
        Kind::Text => match length {
            Some(n) => Mapped::new(format!("VARCHAR({n})"), DataType::Utf8).length(length),
            None => Mapped::new("TEXT", DataType::Utf8),
        },
        Kind::Enum | Kind::Bits => Mapped::new("TEXT", DataType::Utf8),
        Kind::Json => Mapped::new("JSON_TEXT", DataType::Utf8).logical("json"),
        Kind::Uuid => Mapped::new("CHAR(36)", DataType::Utf8).length(Some(36)),
        Kind::Bytes => Mapped::new("BLOB", DataType::Binary),
        Kind::Date => Mapped::new("DATE", DataType::Date32),
        Kind::Timestamp => Mapped::new("TIMESTAMP", micros(false)),
        Kind::Instant => Mapped::new("TIMESTAMPTZ", micros(true)),
        Kind::Time => Mapped::new("TIME", time()),
        Kind::Duration => Mapped::new("DURATION", duration()),
    }
}

fn ansi(source: &Field, kind: Kind, length: Option<u64>) -> Mapped {
    let text = |length: Option<u64>| match length {
        Some(n) => Mapped::new(format!("varchar({n})"), DataType::Utf8).length(Some(n)),
        None => Mapped::new("character large object", DataType::Utf8),
    };
    match kind {
        Kind::Bool => Mapped::new("boolean", DataType::Boolean),
        Kind::Int(64, false) => Mapped::new("decimal(20,0)", decimal(20, 0)),
        Kind::Int(8, _) | Kind::Int(16, true) | Kind::Year => {
            Mapped::new("smallint", DataType::Int16)
        }
        Kind::Int(16, false) | Kind::Int(32, true) => Mapped::new("integer", DataType::Int32),
        Kind::Int(..) => Mapped::new("bigint", DataType::Int64),
        Kind::Float(32) => Mapped::new("real", DataType::Float32),
        Kind::Float(_) => Mapped::new("double precision", DataType::Float64),
        Kind::Decimal(p, s) if p <= 76 => Mapped::new(format!("decimal({p},{s})"), decimal(p, s)),
        Kind::Decimal(..) | Kind::AnyDecimal => text(None).logical("decimal"),
        Kind::Text => text(length),
        Kind::Enum => text(longest_member(source)),
        Kind::Json | Kind::Bits => text(None),
        Kind::Uuid => Mapped::new("char(36)", DataType::Utf8).length(Some(36)),
        Kind::Bytes => Mapped::new("binary large object", DataType::Binary),
        Kind::Date => Mapped::new("date", DataType::Date32),
        Kind::Timestamp => Mapped::new("timestamp(6)", micros(false)),
        Kind::Instant => Mapped::new("timestamp(6) with time zone", micros(true)),
        Kind::Time => Mapped::new("time(6)", time()),
        Kind::Duration => text(Some(32)),
    }
}
