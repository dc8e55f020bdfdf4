//! Values of one column from their send form into an Arrow builder, and as text for keys and
//! messages. The forms are those of the types' `…_send` functions in the server.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Decimal128Builder, Decimal256Builder,
    FixedSizeBinaryBuilder, PrimitiveBuilder, StringBuilder,
};
use arrow::datatypes::{
    Date32Type, Field, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt32Type, i256,
};
use syncline_sql::moment;
use syncline_types::Code;

use crate::numeric::{self, Fault};
use crate::types::Wire;

/// Days and microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
pub(crate) const EPOCH_DAYS: i32 = 10_957;
pub(crate) const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Bytes reserved for the texts of a batch, at most: the usual batch has no more.
const MOST_RESERVED: usize = 4 << 20;

/// Bytes from which on values are no longer many to a batch.
const LARGE: usize = 256 << 10;

/// Why a value could not be appended.
pub(crate) enum Trouble {
    /// The value has no equivalent; its column says why.
    Value(Code, &'static str),
    /// The bytes are not those of the type.
    Shape,
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => Trouble::Shape,
            Fault::NotFinite => Trouble::Value(Code::NoEquivalent, "is no number"),
            Fault::TooLarge => Trouble::Value(Code::OutOfRange, "has too many digits"),
        }
    }
}

/// One column under construction.
pub(crate) struct Values {
    pub(crate) wire: Wire,
    builder: Builder,
    /// Bytes of texts since the last batch, to reserve as much for the next.
    bytes: usize,
}

enum Builder {
    Bool(BooleanBuilder),
    Int2(PrimitiveBuilder<Int16Type>),
    Int4(PrimitiveBuilder<Int32Type>),
    Int8(PrimitiveBuilder<Int64Type>),
    Oid(PrimitiveBuilder<UInt32Type>),
    Float4(PrimitiveBuilder<Float32Type>),
    Float8(PrimitiveBuilder<Float64Type>),
    Decimal128(Decimal128Builder),
    Decimal256(Decimal256Builder),
    Bytes(BinaryBuilder),
    Uuid(FixedSizeBinaryBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Time(PrimitiveBuilder<Time64MicrosecondType>),
    Timestamp(PrimitiveBuilder<TimestampMicrosecondType>),
    Text(StringBuilder, String),
}

macro_rules! each_builder {
    ($of:expr, $b:ident => $do:expr) => {
        match $of {
            Builder::Bool($b) => $do,
            Builder::Int2($b) => $do,
            Builder::Int4($b) => $do,
            Builder::Int8($b) => $do,
            Builder::Oid($b) => $do,
            Builder::Float4($b) => $do,
            Builder::Float8($b) => $do,
            Builder::Decimal128($b) => $do,
            Builder::Decimal256($b) => $do,
            Builder::Bytes($b) => $do,
            Builder::Uuid($b) => $do,
            Builder::Date($b) => $do,
            Builder::Time($b) => $do,
            Builder::Timestamp($b) => $do,
            Builder::Text($b, _) => $do,
        }
    };
}

impl Builder {
    fn new(wire: Wire, field: &Field, rows: usize, bytes: usize) -> Self {
        let arrow = field.data_type().clone();
        match wire {
            Wire::Bool => Builder::Bool(BooleanBuilder::with_capacity(rows)),
            Wire::Int2 => Builder::Int2(PrimitiveBuilder::with_capacity(rows)),
            Wire::Int4 => Builder::Int4(PrimitiveBuilder::with_capacity(rows)),
            Wire::Int8 => Builder::Int8(PrimitiveBuilder::with_capacity(rows)),
            Wire::Oid => Builder::Oid(PrimitiveBuilder::with_capacity(rows)),
            Wire::Float4 => Builder::Float4(PrimitiveBuilder::with_capacity(rows)),
            Wire::Float8 => Builder::Float8(PrimitiveBuilder::with_capacity(rows)),
            Wire::Money | Wire::Numeric128(_) => {
                Builder::Decimal128(PrimitiveBuilder::with_capacity(rows).with_data_type(arrow))
            }
            Wire::Numeric256(_) => {
                Builder::Decimal256(PrimitiveBuilder::with_capacity(rows).with_data_type(arrow))
            }
            Wire::Bytea => Builder::Bytes(BinaryBuilder::with_capacity(rows, bytes)),
            Wire::Uuid => Builder::Uuid(FixedSizeBinaryBuilder::with_capacity(rows, 16)),
            Wire::Date => Builder::Date(PrimitiveBuilder::with_capacity(rows)),
            Wire::Time => Builder::Time(PrimitiveBuilder::with_capacity(rows)),
            Wire::Timestamp => {
                Builder::Timestamp(PrimitiveBuilder::with_capacity(rows).with_data_type(arrow))
            }
            Wire::Text | Wire::Padded | Wire::Jsonb | Wire::Bits | Wire::NumericText => {
                Builder::Text(StringBuilder::with_capacity(rows, bytes), String::new())
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        each_builder!(self, b => Arc::new(b.finish()))
    }
}

/// The value's bytes as an array of the length its type has.
fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], Trouble> {
    value.try_into().map_err(|_| Trouble::Shape)
}

fn utf8(value: &[u8]) -> Result<&str, Trouble> {
    simdutf8::basic::from_utf8(value)
        .map_err(|_| Trouble::Value(Code::BadEncoding, "is not valid UTF-8"))
}

impl Values {
    pub(crate) fn new(wire: Wire, field: &Field, rows: usize, bytes: usize) -> Self {
        Self { wire, builder: Builder::new(wire, field, rows, bytes), bytes: 0 }
    }

    pub(crate) fn append_null(&mut self) {
        each_builder!(&mut self.builder, b => b.append_null());
    }

    pub(crate) fn append(&mut self, value: Option<&[u8]>) -> Result<(), Trouble> {
        let Some(value) = value else {
            self.append_null();
            return Ok(());
        };
        match (&mut self.builder, self.wire) {
            (Builder::Bool(b), _) => b.append_value(fixed::<1>(value)?[0] != 0),
            (Builder::Int2(b), _) => b.append_value(i16::from_be_bytes(fixed(value)?)),
            (Builder::Int4(b), _) => b.append_value(i32::from_be_bytes(fixed(value)?)),
            (Builder::Int8(b), _) => b.append_value(i64::from_be_bytes(fixed(value)?)),
            (Builder::Oid(b), _) => b.append_value(u32::from_be_bytes(fixed(value)?)),
            (Builder::Float4(b), _) => b.append_value(f32::from_be_bytes(fixed(value)?)),
            (Builder::Float8(b), _) => b.append_value(f64::from_be_bytes(fixed(value)?)),
            (Builder::Decimal128(b), Wire::Numeric128(scale)) => {
                let read = numeric::to_i128(value, scale);
                b.append_value(or_nan(read, value, NAN128)?);
            }
            (Builder::Decimal128(b), _) => {
                b.append_value(i64::from_be_bytes(fixed(value)?).into());
            }
            (Builder::Decimal256(b), Wire::Numeric256(scale)) => {
                b.append_value(or_nan(numeric::to_i256(value, scale), value, NAN256)?);
            }
            (Builder::Decimal256(_), _) => return Err(Trouble::Shape),
            (Builder::Bytes(b), _) => {
                self.bytes += value.len();
                b.append_value(value);
            }
            (Builder::Uuid(b), _) => {
                b.append_value(fixed::<16>(value)?).map_err(|_| Trouble::Shape)?;
            }
            (Builder::Date(b), _) => b.append_value(date(i32::from_be_bytes(fixed(value)?))?),
            (Builder::Time(b), _) => b.append_value(i64::from_be_bytes(fixed(value)?)),
            (Builder::Timestamp(b), _) => {
                b.append_value(timestamp(i64::from_be_bytes(fixed(value)?))?);
            }
            (Builder::Text(b, scratch), wire) => {
                let text = match wire {
                    Wire::Padded => utf8(value)?.trim_end_matches(' '),
                    Wire::Jsonb => match value.split_first() {
                        Some((1, text)) => utf8(text)?,
                        _ => return Err(Trouble::Shape),
                    },
                    Wire::Bits => {
                        scratch.clear();
                        bits(value, scratch)?;
                        scratch
                    }
                    Wire::NumericText => {
                        scratch.clear();
                        numeric::to_text(value, scratch)?;
                        scratch
                    }
                    _ => utf8(value)?,
                };
                self.bytes += text.len();
                b.append_value(text);
            }
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self, field: &Field, rows: usize) -> ArrayRef {
        let array = self.builder.finish();
        let mut bytes = std::mem::take(&mut self.bytes).min(MOST_RESERVED);
        if bytes > rows.saturating_mul(LARGE) {
            // The next large value takes what it needs, and no more than that.
            bytes = 0;
        }
        self.builder = Builder::new(self.wire, field, rows, bytes);
        array
    }
}

/// What stands for NaN in a decimal that has it; see [`syncline_types::field::SPECIAL`].
pub(crate) const NAN128: i128 = i128::MIN;
pub(crate) const NAN256: i256 = i256::MIN;

fn or_nan<T>(read: Result<T, Fault>, bytes: &[u8], nan: T) -> Result<T, Fault> {
    match read {
        Err(Fault::NotFinite) if numeric::is_nan(bytes) => Ok(nan),
        other => other,
    }
}

/// The infinities are the ends of the numbers on both sides.
fn date(days: i32) -> Result<i32, Trouble> {
    match days {
        i32::MIN | i32::MAX => Ok(days),
        _ => days.checked_add(EPOCH_DAYS).filter(|d| *d != i32::MAX).ok_or(Trouble::Value(
            Code::OutOfRange,
            "is after the last day that can be carried, 5881580-07-10",
        )),
    }
}

fn timestamp(micros: i64) -> Result<i64, Trouble> {
    match micros {
        i64::MIN | i64::MAX => Ok(micros),
        _ => micros.checked_add(EPOCH_MICROS).filter(|m| *m != i64::MAX).ok_or(Trouble::Value(
            Code::OutOfRange,
            "is after the last moment that can be carried, 294247-01-10 04:00:54.775806",
        )),
    }
}

fn bits(value: &[u8], out: &mut String) -> Result<(), Trouble> {
    let (count, bytes) = value.split_at_checked(4).ok_or(Trouble::Shape)?;
    let count = i32::from_be_bytes(fixed(count)?);
    let count = usize::try_from(count).map_err(|_| Trouble::Shape)?;
    if bytes.len() != count.div_ceil(8) {
        return Err(Trouble::Shape);
    }
    out.extend((0..count).map(|at| if bytes[at / 8] >> (7 - at % 8) & 1 == 1 { '1' } else { '0' }));
    Ok(())
}

impl Wire {
    /// Whether [`Wire::show`] gives a text that the server takes for the very same value.
    pub(crate) fn shows_exactly(self) -> bool {
        use Wire::{Int2, Int4, Int8, NumericText, Oid, Padded, Text, Uuid};
        matches!(self, Int2 | Int4 | Int8 | Oid | Text | Padded | Uuid | NumericText)
    }

    /// The value as text, for keys and messages.
    pub(crate) fn show(self, bytes: &[u8]) -> String {
        let fixed4 = || bytes.try_into().map(i32::from_be_bytes);
        let fixed8 = || bytes.try_into().map(i64::from_be_bytes);
        let shown = match self {
            Wire::Int2 => bytes.try_into().map(|b| i16::from_be_bytes(b).to_string()).ok(),
            Wire::Int4 => fixed4().map(|n| n.to_string()).ok(),
            Wire::Int8 => fixed8().map(|n| n.to_string()).ok(),
            Wire::Oid => bytes.try_into().map(|b| u32::from_be_bytes(b).to_string()).ok(),
            Wire::Date => fixed4().map(show_date).ok(),
            Wire::Timestamp => fixed8().map(show_timestamp).ok(),
            Wire::Numeric128(_) | Wire::Numeric256(_) | Wire::NumericText => {
                let mut text = String::new();
                numeric::to_text(bytes, &mut text).map(|()| text).ok()
            }
            Wire::Uuid => bytes.try_into().map(show_uuid).ok(),
            Wire::Text => std::str::from_utf8(bytes).map(str::to_owned).ok(),
            Wire::Padded => {
                std::str::from_utf8(bytes).map(|t| t.trim_end_matches(' ').to_owned()).ok()
            }
            _ => None,
        };
        shown.unwrap_or_else(|| {
            let hex: String = bytes.iter().take(64).map(|b| format!("{b:02x}")).collect();
            format!("\\x{hex}")
        })
    }
}

fn show_date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".into(),
        i32::MIN => "-infinity".into(),
        _ => {
            let mut text = String::new();
            moment::push_date(i64::from(days) + i64::from(EPOCH_DAYS), &mut text);
            text
        }
    }
}

fn show_timestamp(micros: i64) -> String {
    match micros {
        i64::MAX => "infinity".into(),
        i64::MIN => "-infinity".into(),
        _ => {
            let mut text = String::new();
            let days = micros.div_euclid(moment::DAY) + i64::from(EPOCH_DAYS);
            moment::push_date(days, &mut text);
            text.push(' ');
            moment::push_time(micros.rem_euclid(moment::DAY), &mut text);
            text
        }
    }
}

fn show_uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    push_uuid(&bytes, &mut text);
    text
}

/// Appends `123e4567-e89b-12d3-a456-426614174000`.
pub(crate) fn push_uuid(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}
