//! Values as COPY's binary form has them: the types' `…_recv` functions of the server.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type,
    Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use syncline_types::Code;

use super::limits::{
    Fault, check_fraction, check_length, check_step, clipped, date, decimal_text, money, timestamp,
};
use super::special::binary_special;
use super::{CHUNK, Column, Form, text_of};
use crate::numeric;

/// A field: its length, then its bytes.
#[inline]
pub(super) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > CHUNK {
        out.reserve_exact(bytes.len() + 4);
    }
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The values of one column, taken out of their array once and not for each row.
pub(super) struct Cells<'a> {
    nulls: Option<&'a NullBuffer>,
    array: &'a dyn Array,
    values: Values<'a>,
}

/// Values of the forms that most columns have.
enum Values<'a> {
    Int4(&'a [i32]),
    Int8(&'a [i64]),
    Float8(&'a [f64]),
    /// And the microseconds they must be a multiple of.
    Moment(&'a [i64], i64),
    Text(&'a StringArray, Option<usize>),
    /// Any other, and values beside those of the type.
    Other,
}

impl<'a> Cells<'a> {
    pub(super) fn of(column: &Column, array: &'a ArrayRef) -> Self {
        let values = match &column.form {
            _ if column.special => None,
            Form::Int4 => array.as_primitive_opt::<Int32Type>().map(|a| Values::Int4(a.values())),
            Form::Int8 => array.as_primitive_opt::<Int64Type>().map(|a| Values::Int8(a.values())),
            Form::Float8 => {
                array.as_primitive_opt::<Float64Type>().map(|a| Values::Float8(a.values()))
            }
            Form::Timestamp(step) | Form::Instant(step) => array
                .as_primitive_opt::<TimestampMicrosecondType>()
                .map(|a| Values::Moment(a.values(), *step)),
            Form::Text(most) => array.as_string_opt().map(|texts| Values::Text(texts, *most)),
            _ => None,
        };
        let values = values.unwrap_or(Values::Other);
        Self { nulls: array.nulls(), array: array.as_ref(), values }
    }

    #[inline]
    pub(super) fn write(
        &self,
        row: usize,
        column: &Column,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            return Ok(());
        }
        match self.values {
            Values::Int4(values) => put(out, &values[row].to_be_bytes()),
            Values::Int8(values) => put(out, &values[row].to_be_bytes()),
            Values::Float8(values) => put(out, &values[row].to_be_bytes()),
            Values::Moment(values, step) => {
                check_fraction(values[row], step)?;
                put(out, &timestamp(values[row])?.to_be_bytes());
            }
            Values::Text(texts, most) => {
                let text = texts.value(row);
                check_length(text, most)?;
                put(out, text.as_bytes());
            }
            Values::Other if column.special && binary_special(self.array, row, out) => {}
            Values::Other => binary_value(&column.form, self.array, row, out)?,
        }
        Ok(())
    }
}

pub(super) fn binary_value(
    form: &Form,
    cell: &dyn Array,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    macro_rules! primitive {
        ($type:ty) => {
            cell.as_primitive::<$type>().value(row)
        };
    }
    match form {
        Form::Bool => put(out, &[u8::from(cell.as_boolean().value(row))]),
        Form::Int2 => put(out, &primitive!(Int16Type).to_be_bytes()),
        Form::Int4 => put(out, &primitive!(Int32Type).to_be_bytes()),
        Form::Int8 => put(out, &primitive!(Int64Type).to_be_bytes()),
        Form::Oid => put(out, &primitive!(UInt32Type).to_be_bytes()),
        Form::Float4 => put(out, &primitive!(Float32Type).to_be_bytes()),
        Form::Float8 => put(out, &primitive!(Float64Type).to_be_bytes()),
        Form::Decimal128(scale, step) => {
            let value = primitive!(Decimal128Type);
            check_step(value, *scale, *step)?;
            numeric::push_i128(value, *scale, out);
        }
        Form::Decimal256(scale, own) => {
            let text = numeric::plain(&primitive!(Decimal256Type).to_string(), *scale);
            decimal_text(&text, *own, out)?;
        }
        Form::Money => put(out, &money(primitive!(Decimal128Type))?.to_be_bytes()),
        Form::DecimalText(scale) => decimal_text(text_of(cell, row), *scale, out)?,
        Form::Bytes => put(out, cell.as_binary::<i32>().value(row)),
        Form::Uuid => put(out, cell.as_fixed_size_binary().value(row)),
        Form::Date => put(out, &date(primitive!(Date32Type))?.to_be_bytes()),
        Form::Time(step) => {
            let micros = primitive!(Time64MicrosecondType);
            check_fraction(micros, *step)?;
            put(out, &micros.to_be_bytes());
        }
        Form::Timestamp(step) | Form::Instant(step) => {
            let micros = primitive!(TimestampMicrosecondType);
            check_fraction(micros, *step)?;
            put(out, &timestamp(micros)?.to_be_bytes());
        }
        Form::Duration => {
            // Microseconds, then days and months, of which there are none.
            out.extend_from_slice(&16_u32.to_be_bytes());
            out.extend_from_slice(&primitive!(DurationMicrosecondType).to_be_bytes());
            out.extend_from_slice(&[0; 8]);
        }
        Form::Text(most) => {
            let text = text_of(cell, row);
            check_length(text, *most)?;
            put(out, text.as_bytes());
        }
        Form::Jsonb => {
            let text = text_of(cell, row);
            out.extend_from_slice(&u32::try_from(text.len() + 1).unwrap_or(u32::MAX).to_be_bytes());
            out.push(1);
            out.extend_from_slice(text.as_bytes());
        }
        Form::Bits => bits(text_of(cell, row), out)?,
        Form::TextOf(_) => {
            return Err(Fault(Code::Bug, "its binary form is not known".into()));
        }
    }
    Ok(())
}

fn bits(text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let count = text.len();
    let bytes = count.div_ceil(8);
    out.extend_from_slice(&u32::try_from(bytes + 4).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    for group in text.as_bytes().chunks(8) {
        let mut byte = 0;
        for (at, digit) in group.iter().enumerate() {
            match digit {
                b'0' => {}
                b'1' => byte |= 0x80 >> at,
                _ => {
                    let why = format!("{:?} is no bit string", clipped(text));
                    return Err(Fault(Code::Conversion, why));
                }
            }
        }
        out.push(byte);
    }
    Ok(())
}
