//! One builder a column: values of the binary protocol into Arrow.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
    DurationMicrosecondBuilder, FixedSizeBinaryBuilder, Float32Builder, Float64Builder,
    Int8Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder, UInt8Builder, UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, TimeUnit};
use syncline_types::{Code, field};

use super::Check;
use super::value::{bits, decimal, length_of_time, moment_of, uuid, wide_decimal};

/// A single value beyond this cannot be held by an Arrow text or binary column with others.
pub(crate) const LARGEST: usize = 1 << 30;

/// Why a value cannot be held, with its text.
#[derive(Debug)]
pub(crate) struct Misfit {
    pub(crate) code: Code,
    pub(crate) why: &'static str,
    pub(crate) text: String,
}

impl Misfit {
    pub(crate) fn new(code: Code, why: &'static str, text: impl Into<String>) -> Box<Self> {
        Box::new(Self { code, why, text: text.into() })
    }
}

/// Bytes that are text, as one.
#[inline]
pub(crate) fn utf8(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}

/// Builds the column of one field.
pub(crate) enum Build {
    I8(Int8Builder),
    I16(Int16Builder),
    I32(Int32Builder),
    I64(Int64Builder),
    U8(UInt8Builder),
    U16(UInt16Builder),
    U32(UInt32Builder),
    U64(UInt64Builder),
    F32(Float32Builder),
    F64(Float64Builder),
    Decimal(Decimal128Builder, u8),
    Wide(Decimal256Builder, u8),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Bits(StringBuilder, usize),
    Uuid(FixedSizeBinaryBuilder),
    Date(Date32Builder),
    Moment(TimestampMicrosecondBuilder),
    Length(DurationMicrosecondBuilder),
    /// Not a column of the rows.
    Check(Check),
}

macro_rules! each {
    ($build:expr, $builder:ident => $does:expr, $check:expr) => {
        match $build {
            Build::I8($builder) => $does,
            Build::I16($builder) => $does,
            Build::I32($builder) => $does,
            Build::I64($builder) => $does,
            Build::U8($builder) => $does,
            Build::U16($builder) => $does,
            Build::U32($builder) => $does,
            Build::U64($builder) => $does,
            Build::F32($builder) => $does,
            Build::F64($builder) => $does,
            Build::Decimal($builder, _) => $does,
            Build::Wide($builder, _) => $does,
            Build::Text($builder) => $does,
            Build::Bytes($builder) => $does,
            Build::Bits($builder, _) => $does,
            Build::Uuid($builder) => $does,
            Build::Date($builder) => $does,
            Build::Moment($builder) => $does,
            Build::Length($builder) => $does,
            Build::Check(_) => $check,
        }
    };
}

/// The first `N` bytes; a row's packet was cut to fit before.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let n = bytes.len().min(N);
    out[..n].copy_from_slice(&bytes[..n]);
    out
}

impl Build {
    /// The builder of a column's values; `None` for a type that no column of ours has.
    pub(crate) fn of(f: &Field) -> Option<Self> {
        let made = f.data_type().clone();
        Some(match f.data_type() {
            DataType::Int8 => Build::I8(Int8Builder::new()),
            DataType::UInt8 => Build::U8(UInt8Builder::new()),
            DataType::Int16 => Build::I16(Int16Builder::new()),
            DataType::UInt16 => Build::U16(UInt16Builder::new()),
            DataType::Int32 => Build::I32(Int32Builder::new()),
            DataType::UInt32 => Build::U32(UInt32Builder::new()),
            DataType::Int64 => Build::I64(Int64Builder::new()),
            DataType::UInt64 => Build::U64(UInt64Builder::new()),
            DataType::Float32 => Build::F32(Float32Builder::new()),
            DataType::Float64 => Build::F64(Float64Builder::new()),
            DataType::Decimal128(_, s) => {
                Build::Decimal(Decimal128Builder::new().with_data_type(made), s.unsigned_abs())
            }
            DataType::Decimal256(_, s) => {
                Build::Wide(Decimal256Builder::new().with_data_type(made), s.unsigned_abs())
            }
            DataType::Date32 => Build::Date(Date32Builder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Build::Moment(TimestampMicrosecondBuilder::new().with_data_type(made))
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                Build::Length(DurationMicrosecondBuilder::new())
            }
            DataType::Utf8 if field::logical(f) == Some("bit") => {
                let bits = field::length(f).and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
                Build::Bits(StringBuilder::new(), bits)
            }
            DataType::FixedSizeBinary(16) => Build::Uuid(FixedSizeBinaryBuilder::new(16)),
            DataType::Utf8 => Build::Text(StringBuilder::new()),
            DataType::Binary => Build::Bytes(BinaryBuilder::new()),
            _ => return None,
        })
    }

    pub(crate) fn null(&mut self) {
        each!(self, builder => builder.append_null(), ());
    }

    pub(crate) fn finish(&mut self) -> Option<ArrayRef> {
        each!(self, builder => Some(Arc::new(builder.finish()) as ArrayRef), None)
    }

    /// Takes a value. After a misfit, nothing has been taken.
    #[inline]
    pub(crate) fn value(&mut self, bytes: &[u8]) -> Result<(), Box<Misfit>> {
        match self {
            Build::I8(b) => b.append_value(i8::from_le_bytes(array(bytes))),
            Build::U8(b) => b.append_value(u8::from_le_bytes(array(bytes))),
            Build::I16(b) => b.append_value(i16::from_le_bytes(array(bytes))),
            Build::U16(b) => b.append_value(u16::from_le_bytes(array(bytes))),
            Build::I32(b) => b.append_value(i32::from_le_bytes(array(bytes))),
            Build::U32(b) => b.append_value(u32::from_le_bytes(array(bytes))),
            Build::I64(b) => b.append_value(i64::from_le_bytes(array(bytes))),
            Build::U64(b) => b.append_value(u64::from_le_bytes(array(bytes))),
            Build::F32(b) => b.append_value(f32::from_le_bytes(array(bytes))),
            Build::F64(b) => b.append_value(f64::from_le_bytes(array(bytes))),
            Build::Decimal(b, scale) => match decimal(bytes, *scale) {
                Some(value) => b.append_value(value),
                None => return Err(not_a_number(bytes)),
            },
            Build::Wide(b, scale) => match wide_decimal(bytes, *scale) {
                Some(value) => b.append_value(value),
                None => return Err(not_a_number(bytes)),
            },
            Build::Text(b) => match utf8(bytes) {
                Some(text) if text.len() <= LARGEST => b.append_value(text),
                Some(_) => return Err(too_long()),
                None => return Err(not_text(bytes)),
            },
            Build::Bytes(b) if bytes.len() <= LARGEST => b.append_value(bytes),
            Build::Bytes(_) => return Err(too_long()),
            Build::Bits(b, width) => b.append_value(bits(bytes, *width)),
            Build::Uuid(b) => match uuid(bytes) {
                // The length is 16: that is all append_value checks.
                Some(value) => drop(b.append_value(value)),
                None => {
                    let text = String::from_utf8_lossy(bytes);
                    return Err(Misfit::new(Code::Conversion, "is not a UUID", text));
                }
            },
            Build::Date(b) => {
                let (days, _) = moment_of(bytes);
                let days = i32::try_from(days).map_err(|_| too_long())?;
                b.append_value(days);
            }
            Build::Moment(b) => {
                let (days, micros) = moment_of(bytes);
                b.append_value(days * 86_400_000_000 + micros);
            }
            Build::Length(b) => b.append_value(length_of_time(bytes)),
            Build::Check(_) => {}
        }
        Ok(())
    }
}

pub(crate) fn not_a_number(bytes: &[u8]) -> Box<Misfit> {
    let text = String::from_utf8_lossy(bytes);
    Misfit::new(Code::Conversion, "does not fit the column's decimal type", text)
}

pub(crate) fn too_long() -> Box<Misfit> {
    Misfit::new(Code::Conversion, "the value is longer than 1 GiB", "")
}

/// Bytes that are no text of their character set.
pub(crate) fn not_text(bytes: &[u8]) -> Box<Misfit> {
    let hex: String = bytes.iter().take(64).map(|b| format!("{b:02X}")).collect();
    let why = "these bytes are not text in the column's character set";
    Misfit::new(Code::BadEncoding, why, format!("0x{hex}"))
}
