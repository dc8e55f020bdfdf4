//! Columns as text, for the text formats: each type's text is written straight into the output.

use std::io::Write;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use serde_json::ser::{CompactFormatter, Formatter};
use syncline_convert::Converter;
use syncline_types::{Code, Error, Result, field};

/// What a value's text is to a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Any text.
    Text,
    /// A number or a truth value.
    Scalar,
    /// A number that may be `NaN` or infinite.
    Float,
    /// Decimal text that may be `NaN` or infinite.
    Decimal,
    /// Letters, digits, spaces and `+-.:`.
    Word,
    /// `\x` and hexadecimal digits.
    Hex,
    /// JSON.
    Json,
}

/// Makes the texts of one column.
pub(crate) struct ValueWriter {
    /// What its texts are.
    pub(crate) sort: Sort,
    name: String,
    data_type: DataType,
    converter: Option<Converter>,
}

impl ValueWriter {
    /// For a column.
    ///
    /// # Errors
    /// [`Code::ColumnMismatch`] for a type that has no text.
    pub(crate) fn new(column: &Field) -> Result<Self> {
        let data_type = column.data_type().clone();
        let (sort, direct) = match &data_type {
            DataType::Utf8 => {
                let sort = match field::logical(column) {
                    Some("json") => Sort::Json,
                    Some("decimal") => Sort::Decimal,
                    _ => Sort::Text,
                };
                (sort, true)
            }
            DataType::Binary => (Sort::Hex, true),
            DataType::Boolean => (Sort::Scalar, true),
            t if t.is_integer() => (Sort::Scalar, true),
            DataType::Float32 | DataType::Float64 => (Sort::Float, true),
            DataType::Decimal128(..) | DataType::Decimal256(..) => (Sort::Scalar, false),
            _ => (Sort::Word, false),
        };
        let converter = if direct {
            None
        } else {
            let text = Field::new(column.name(), DataType::Utf8, true);
            Some(Converter::for_files(column, &text)?)
        };
        Ok(Self { sort, name: column.name().clone(), data_type, converter })
    }

    /// The column's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The values of a batch, ready to be written.
    pub(crate) fn values(&self, array: &ArrayRef) -> Result<Values> {
        if array.data_type() != &self.data_type {
            let (found, wanted) = (array.data_type(), &self.data_type);
            return Err(Error::bug(format!("column {:?}: {found}, not {wanted}", self.name)));
        }
        if let Some(converter) = &self.converter {
            let converted = converter.convert(array)?;
            if let Some(bad) = converted.bad.into_iter().next() {
                return Err(bad.error);
            }
            return Ok(Values::Text(converted.array.as_string().clone()));
        }
        Ok(match &self.data_type {
            DataType::Utf8 => Values::Text(array.as_string().clone()),
            DataType::Binary => Values::Bytes(array.as_binary().clone()),
            DataType::Boolean => Values::Bool(array.as_boolean().clone()),
            DataType::Int8 => Values::Int8(array.as_primitive().clone()),
            DataType::Int16 => Values::Int16(array.as_primitive().clone()),
            DataType::Int32 => Values::Int32(array.as_primitive().clone()),
            DataType::Int64 => Values::Int64(array.as_primitive().clone()),
            DataType::UInt8 => Values::UInt8(array.as_primitive().clone()),
            DataType::UInt16 => Values::UInt16(array.as_primitive().clone()),
            DataType::UInt32 => Values::UInt32(array.as_primitive().clone()),
            DataType::UInt64 => Values::UInt64(array.as_primitive().clone()),
            DataType::Float32 => Values::Float32(array.as_primitive().clone()),
            DataType::Float64 => Values::Float64(array.as_primitive().clone()),
            other => return Err(Error::bug(format!("column {:?}: {other}", self.name))),
        })
    }

    /// The error for a value that the format cannot hold.
    pub(crate) fn cannot_hold(&self, value: &str, why: &str) -> Error {
        let shown: String = value.chars().take(60).collect();
        let message = format!("column {:?}: {shown:?}: {why}", self.name);
        Error::new(Code::NoEquivalent, message)
    }
}

/// The values of one column of one batch.
pub(crate) enum Values {
    Text(StringArray),
    Bytes(BinaryArray),
    Bool(BooleanArray),
    Int8(PrimitiveArray<Int8Type>),
    Int16(PrimitiveArray<Int16Type>),
    Int32(PrimitiveArray<Int32Type>),
    Int64(PrimitiveArray<Int64Type>),
    UInt8(PrimitiveArray<UInt8Type>),
    UInt16(PrimitiveArray<UInt16Type>),
    UInt32(PrimitiveArray<UInt32Type>),
    UInt64(PrimitiveArray<UInt64Type>),
    Float32(PrimitiveArray<Float32Type>),
    Float64(PrimitiveArray<Float64Type>),
}

impl Values {
    /// Whether the value is NULL.
    #[inline]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Text(a) => a.is_null(row),
            Values::Bytes(a) => a.is_null(row),
            Values::Bool(a) => a.is_null(row),
            Values::Int8(a) => a.is_null(row),
            Values::Int16(a) => a.is_null(row),
            Values::Int32(a) => a.is_null(row),
            Values::Int64(a) => a.is_null(row),
            Values::UInt8(a) => a.is_null(row),
            Values::UInt16(a) => a.is_null(row),
            Values::UInt32(a) => a.is_null(row),
            Values::UInt64(a) => a.is_null(row),
            Values::Float32(a) => a.is_null(row),
            Values::Float64(a) => a.is_null(row),
        }
    }

    /// The text itself, where the values are texts.
    #[inline]
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        match self {
            Values::Text(a) => Some(a.value(row)),
            _ => None,
        }
    }

    /// Whether the value is a number at all: not `NaN`, not infinite.
    #[inline]
    pub(crate) fn is_finite(&self, row: usize) -> bool {
        match self {
            Values::Float32(a) => a.value(row).is_finite(),
            Values::Float64(a) => a.value(row).is_finite(),
            _ => true,
        }
    }

    /// Appends the value's text. The value is not NULL.
    #[inline]
    pub(crate) fn write(&self, row: usize, out: &mut Vec<u8>) {
        // Writing into a vector cannot fail.
        let format = &mut CompactFormatter;
        let _ = match self {
            Values::Text(a) => {
                out.extend_from_slice(a.value(row).as_bytes());
                Ok(())
            }
            Values::Bytes(a) => {
                hex(a.value(row), out);
                Ok(())
            }
            Values::Bool(a) => {
                out.extend_from_slice(if a.value(row) { b"true" } else { b"false" });
                Ok(())
            }
            Values::Int8(a) => format.write_i8(out, a.value(row)),
            Values::Int16(a) => format.write_i16(out, a.value(row)),
            Values::Int32(a) => format.write_i32(out, a.value(row)),
            Values::Int64(a) => format.write_i64(out, a.value(row)),
            Values::UInt8(a) => format.write_u8(out, a.value(row)),
            Values::UInt16(a) => format.write_u16(out, a.value(row)),
            Values::UInt32(a) => format.write_u32(out, a.value(row)),
            Values::UInt64(a) => format.write_u64(out, a.value(row)),
            Values::Float32(a) => {
                let value = a.value(row);
                float(value.into(), out, |out| format.write_f32(out, value))
            }
            Values::Float64(a) => {
                let value = a.value(row);
                float(value, out, |out| format.write_f64(out, value))
            }
        };
    }
}

/// The shortest digits that read back as the same number; `1` and not `1.0`.
fn float(
    value: f64,
    out: &mut Vec<u8>,
    shortest: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    if value.is_nan() {
        return out.write_all(b"NaN");
    }
    if value.is_infinite() {
        return out.write_all(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
    shortest(out)?;
    if out.ends_with(b".0") {
        out.truncate(out.len() - 2);
    }
    Ok(())
}

/// `\x` and two hexadecimal digits a byte.
fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 + 2 * bytes.len());
    out.extend_from_slice(b"\\x");
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Writes rows of a text format.
pub(crate) trait RowEncoder: Send {
    /// What a file begins with; `first` for the first one of the table.
    fn head(&self, first: bool) -> Result<Vec<u8>>;

    /// Appends the rows, and to `ends` each place where a page may end, with the rows up to there.
    /// `pages` tells after how many rows pages are to end: the first, and the others.
    ///
    /// # Errors
    /// Of kind data, for a value that the format cannot hold; the caller drops what was appended.
    fn encode(
        &mut self,
        rows: &RecordBatch,
        pages: Option<(usize, usize)>,
        out: &mut Vec<u8>,
        ends: &mut Vec<(usize, usize)>,
    ) -> Result<()>;
}
