//! What the values of a column mean, read once from its Arrow type and metadata.
//!
//! Arrow types outside of the canonical table (`crates/types/src/field.rs`) have no kind of their
//! own: [`crate::canonical`] brings them into it first.

use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_types::field::{self, LENGTH};

/// The meaning of a column's values: one variant for each line of the canonical table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing but NULL.
    Null,
    Bool,
    /// An integer of that many bits.
    Int {
        bits: u8,
        signed: bool,
    },
    Year,
    Float32,
    Float64,
    Decimal {
        precision: u8,
        scale: i8,
        /// In 256 bits.
        wide: bool,
    },
    /// Decimal text without bounds, `NaN` and infinities among it.
    DecimalText,
    Text,
    Json,
    Enum(Vec<String>),
    Set(Vec<String>),
    /// A text of 0 and 1; `fixed` when every value has exactly the column's length.
    Bit {
        fixed: bool,
    },
    /// The store's own text form of `native`.
    TextOf {
        native: Option<String>,
    },
    Binary,
    /// Geometry in the form of `store`.
    Geometry {
        store: Option<String>,
    },
    Uuid,
    Date,
    Timestamp {
        utc: bool,
    },
    Time,
    Duration,
}

impl Kind {
    /// Whether the column is `Utf8` in Arrow.
    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self,
            Kind::Text
                | Kind::Json
                | Kind::Enum(_)
                | Kind::Set(_)
                | Kind::Bit { .. }
                | Kind::TextOf { .. }
                | Kind::DecimalText
        )
    }
}

/// A column's kind with the limits on its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// Largest length in characters (text) or bytes (binary).
    pub(crate) length: Option<u64>,
    /// The type was found in a sample: what the source holds is text that looks like it.
    pub(crate) sampled: bool,
}

impl Shape {
    /// The shape of a canonical field; `None` for any other Arrow type.
    pub(crate) fn of(field: &Field) -> Option<Self> {
        let kind = match field.data_type() {
            DataType::Null => Kind::Null,
            DataType::Boolean => Kind::Bool,
            DataType::Int16 if field::logical(field) == Some("year") => Kind::Year,
            DataType::Int8 => Kind::Int { bits: 8, signed: true },
            DataType::Int16 => Kind::Int { bits: 16, signed: true },
            DataType::Int32 => Kind::Int { bits: 32, signed: true },
            DataType::Int64 => Kind::Int { bits: 64, signed: true },
            DataType::UInt8 => Kind::Int { bits: 8, signed: false },
            DataType::UInt16 => Kind::Int { bits: 16, signed: false },
            DataType::UInt32 => Kind::Int { bits: 32, signed: false },
            DataType::UInt64 => Kind::Int { bits: 64, signed: false },
            DataType::Float32 => Kind::Float32,
            DataType::Float64 => Kind::Float64,
            DataType::Decimal128(p, s) => Kind::Decimal { precision: *p, scale: *s, wide: false },
            DataType::Decimal256(p, s) => Kind::Decimal { precision: *p, scale: *s, wide: true },
            DataType::Utf8 => text_kind(field),
            DataType::Binary => match field::logical(field) {
                Some("geometry") => {
                    let store = field::get(field, field::STORE).map(str::to_owned);
                    Kind::Geometry { store }
                }
                _ => Kind::Binary,
            },
            DataType::FixedSizeBinary(16) => Kind::Uuid,
            DataType::Date32 => Kind::Date,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Kind::Timestamp { utc: false },
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if is_utc(zone) => {
                Kind::Timestamp { utc: true }
            }
            DataType::Time64(TimeUnit::Microsecond) => Kind::Time,
            DataType::Duration(TimeUnit::Microsecond) => Kind::Duration,
            _ => return None,
        };
        let measured = kind.is_text() || matches!(kind, Kind::Binary | Kind::Geometry { .. });
        let length = if measured { field::length(field) } else { None };
        // A database's values have types of their own, whatever its columns say.
        let sampled = field::get(field, field::SAMPLED).is_some()
            && field::get(field, field::STORE).is_none();
        Some(Self { kind, length, sampled })
    }
}

/// Whether a zone's name is one for UTC itself.
pub(crate) fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "utc" | "Z" | "+00:00" | "+00" | "Etc/UTC")
}

fn text_kind(field: &Field) -> Kind {
    let members =
        || -> Option<Vec<String>> { serde_json::from_str(field::get(field, field::MEMBERS)?).ok() };
    let native = || field::get(field, field::NATIVE);
    match field::logical(field) {
        Some("json") => Kind::Json,
        Some("decimal") => Kind::DecimalText,
        // Without its members an enumeration cannot be checked; its text passes as it is.
        Some("enum") => members().map_or(Kind::TextOf { native: None }, Kind::Enum),
        Some("set") => members().map_or(Kind::TextOf { native: None }, Kind::Set),
        Some("bit") => Kind::Bit {
            fixed: field::get(field, LENGTH).is_some()
                && !native().is_some_and(|n| n.to_ascii_lowercase().contains("var")),
        },
        Some("text-of") => Kind::TextOf { native: native().map(str::to_owned) },
        _ => Kind::Text,
    }
}
