//! Values as COPY's text form has them, which the server's own input functions read.

use std::io::Write as _;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type,
    Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use syncline_sql::moment;

use super::limits::{
    Fault, check_digits, check_fraction, check_length, check_scale, check_step, date, money,
    timestamp,
};
use super::{CHUNK, Form, text_of};
use crate::numeric;
use crate::values::push_uuid;

pub(super) fn text_value(
    form: &Form,
    cell: &dyn Array,
    row: usize,
    out: &mut Vec<u8>,
    scratch: &mut String,
) -> Result<(), Fault> {
    macro_rules! primitive {
        ($type:ty) => {
            cell.as_primitive::<$type>().value(row)
        };
    }
    macro_rules! show {
        ($($arg:tt)*) => {{
            // Writing to memory cannot fail.
            let _ = write!(out, $($arg)*);
        }};
    }
    scratch.clear();
    match form {
        Form::Bool => out.push(if cell.as_boolean().value(row) { b't' } else { b'f' }),
        Form::Int2 => show!("{}", primitive!(Int16Type)),
        Form::Int4 => show!("{}", primitive!(Int32Type)),
        Form::Int8 => show!("{}", primitive!(Int64Type)),
        Form::Oid => show!("{}", primitive!(UInt32Type)),
        // The shortest text that is read as the very same number; NaN and inf are read, too.
        Form::Float4 => show!("{}", primitive!(Float32Type)),
        Form::Float8 => show!("{}", primitive!(Float64Type)),
        Form::Decimal128(scale, step) => {
            let value = primitive!(Decimal128Type);
            check_step(value, *scale, *step)?;
            show!("{}", numeric::plain(&value.to_string(), *scale));
        }
        Form::Decimal256(scale, own) => {
            let text = numeric::plain(&primitive!(Decimal256Type).to_string(), *scale);
            check_scale(&text, *own)?;
            show!("{text}");
        }
        // Whatever the server's own lc_monetary counts, our sessions' is C, and counts hundredths.
        Form::Money => {
            let units = money(primitive!(Decimal128Type))?;
            show!("{}", numeric::plain(&units.to_string(), 2));
        }
        Form::DecimalText(scale) => {
            let text = text_of(cell, row);
            check_scale(text, *scale)?;
            escape(text.as_bytes(), out);
        }
        Form::Bytes => {
            out.extend_from_slice(b"\\\\x");
            for byte in cell.as_binary::<i32>().value(row) {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                out.push(DIGITS[usize::from(byte >> 4)]);
                out.push(DIGITS[usize::from(byte & 15)]);
            }
        }
        Form::Uuid => {
            push_uuid(cell.as_fixed_size_binary().value(row), scratch);
            out.extend_from_slice(scratch.as_bytes());
        }
        Form::Date => {
            let days = primitive!(Date32Type);
            date(days)?;
            let era = push_date(days.into(), scratch);
            show!("{scratch}{era}");
        }
        Form::Time(step) => {
            let micros = primitive!(Time64MicrosecondType);
            check_fraction(micros, *step)?;
            moment::push_time(micros, scratch);
            show!("{scratch}");
        }
        Form::Timestamp(step) | Form::Instant(step) => {
            let micros = primitive!(TimestampMicrosecondType);
            check_fraction(micros, *step)?;
            timestamp(micros)?;
            let era = push_date(micros.div_euclid(moment::DAY), scratch);
            scratch.push(' ');
            moment::push_time(micros.rem_euclid(moment::DAY), scratch);
            let zone = if matches!(form, Form::Instant(_)) { "+00" } else { "" };
            show!("{scratch}{zone}{era}");
        }
        Form::Duration => {
            moment::push_time(primitive!(DurationMicrosecondType), scratch);
            show!("{scratch}");
        }
        Form::Text(most) => {
            let text = text_of(cell, row);
            check_length(text, *most)?;
            escape(text.as_bytes(), out);
        }
        Form::TextOf(Some(digits)) => {
            let text = text_of(cell, row);
            check_digits(text, *digits)?;
            escape(text.as_bytes(), out);
        }
        Form::Jsonb | Form::Bits | Form::TextOf(None) => {
            escape(text_of(cell, row).as_bytes(), out);
        }
    }
    Ok(())
}

/// Appends a date with years counted as people do; what stands after it for those before Christ.
fn push_date(days: i64, out: &mut String) -> &'static str {
    use std::fmt::Write as _;
    let (year, month, day) = moment::civil(days);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    let _ = write!(out, "{year:04}-{month:02}-{day:02}");
    era
}

/// Appends a value as COPY's text form has it: what separates rows and fields is escaped.
fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.len() > CHUNK {
        out.reserve_exact(bytes.len() + bytes.len() / 16);
    }
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let letter = match byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => continue,
        };
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(&[b'\\', letter]);
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_copy_cannot_be_left_from_inside() {
        let mut out = Vec::new();
        escape("a\tb\nc\r\\N\\.é".as_bytes(), &mut out);
        assert_eq!(out, "a\\tb\\nc\\r\\\\N\\\\.é".as_bytes());
    }

    #[test]
    fn years_before_christ_are_counted_as_people_do() {
        let mut out = String::new();
        assert_eq!(push_date(moment::days(0, 3, 15).unwrap(), &mut out), " BC");
        assert_eq!(out, "0001-03-15");
    }
}
