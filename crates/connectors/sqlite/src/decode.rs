//! Values of SQLite into Arrow columns. A value that is not of its column's type is refused; it
//! never becomes another.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
    DurationMicrosecondBuilder, Float64Builder, Int64Builder, StringBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, TimeUnit, i256};
use rusqlite::types::ValueRef;
use syncline_sql::push_decimal;
use syncline_types::{Code, Error, Result, field};

use crate::form::{Form, Moment};
use crate::special::Special;
use crate::types::{Affinity, form_of};

/// Why a value does not fit, to be completed with its place.
pub(crate) struct Misfit {
    pub(crate) code: Code,
    pub(crate) why: String,
}

fn misfit<T>(code: Code, why: impl Into<String>) -> Result<T, Misfit> {
    Err(Misfit { code, why: why.into() })
}

/// A column being filled.
pub(crate) struct Column {
    values: Values,
    nullable: bool,
    /// How dates and times are spelled.
    form: Form,
    /// It has values beyond the numbers of its type; see [`field::SPECIAL`].
    special: Option<Special>,
}

enum Values {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Unsigned(UInt64Builder),
    Float(Float64Builder),
    Decimal128(Decimal128Builder, u8, i8),
    Decimal256(Decimal256Builder, u8, i8),
    Text(StringBuilder),
    /// Texts and numbers.
    Any(StringBuilder),
    /// Decimal text without bounds; whether SQLite makes numbers of texts in the column.
    Number(StringBuilder, bool),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Instant(TimestampMicrosecondBuilder),
    Time(Time64MicrosecondBuilder),
    Duration(DurationMicrosecondBuilder),
}

impl Column {
    /// A column of this field, with room for `rows`.
    pub(crate) fn new(column: &Field, rows: usize) -> Result<Self> {
        // A wide table must not claim room for rows that never come.
        let rows = rows.min(1024);
        let values = match column.data_type() {
            DataType::Boolean => Values::Bool(BooleanBuilder::with_capacity(rows)),
            DataType::Int64 => Values::Int(Int64Builder::with_capacity(rows)),
            DataType::UInt64 => Values::Unsigned(UInt64Builder::with_capacity(rows)),
            DataType::Float64 => Values::Float(Float64Builder::with_capacity(rows)),
            t @ DataType::Decimal128(p, s) => Values::Decimal128(
                Decimal128Builder::with_capacity(rows).with_data_type(t.clone()),
                *p,
                *s,
            ),
            t @ DataType::Decimal256(p, s) => Values::Decimal256(
                Decimal256Builder::with_capacity(rows).with_data_type(t.clone()),
                *p,
                *s,
            ),
            DataType::Utf8 if field::logical(column) == Some("decimal") => {
                let texts = StringBuilder::with_capacity(rows, rows * 8);
                Values::Number(texts, makes_numbers(column))
            }
            DataType::Utf8
                if field::logical(column) == Some("text-of") || makes_numbers(column) =>
            {
                Values::Any(StringBuilder::with_capacity(rows, rows * 8))
            }
            DataType::Utf8 => Values::Text(StringBuilder::with_capacity(rows, rows * 8)),
            DataType::Binary => Values::Bytes(BinaryBuilder::with_capacity(rows, rows * 8)),
            DataType::Date32 => Values::Date(Date32Builder::with_capacity(rows)),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Values::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows))
            }
            t @ DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Values::Instant(
                TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(t.clone()),
            ),
            DataType::Time64(TimeUnit::Microsecond) => {
                Values::Time(Time64MicrosecondBuilder::with_capacity(rows))
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                Values::Duration(DurationMicrosecondBuilder::with_capacity(rows))
            }
            other => {
                let message = format!("column {:?}: SQLite is not read as {other}", column.name());
                return Err(Error::bug(message));
            }
        };
        let special = Special::of(column);
        Ok(Self { values, nullable: column.is_nullable(), form: form_of(column), special })
    }

    /// Appends a value. After a misfit nothing has been appended.
    pub(crate) fn push(&mut self, value: ValueRef<'_>) -> Result<(), Misfit> {
        if value == ValueRef::Null {
            if !self.nullable {
                return misfit(Code::NotNull, "NULL in a column declared NOT NULL");
            }
            self.push_null();
            return Ok(());
        }
        let (form, special) = (self.form, self.special);
        match &mut self.values {
            Values::Int(b) => match value {
                ValueRef::Integer(n) => b.append_value(n),
                _ => return wrong(value, "an integer"),
            },
            Values::Text(b) => match value {
                ValueRef::Text(bytes) => b.append_value(utf8(bytes)?),
                _ => return wrong(value, "a text"),
            },
            Values::Any(b) => b.append_value(any_text(value)?),
            Values::Float(b) => b.append_value(float(value)?),
            Values::Bool(b) => match value {
                ValueRef::Integer(n @ 0..=1) => b.append_value(n == 1),
                _ => return wrong(value, "0 or 1"),
            },
            Values::Unsigned(b) => b.append_value(unsigned(value)?),
            Values::Decimal128(b, precision, scale) => {
                if special.is_some() && value == ValueRef::Text(b"NaN") {
                    b.append_value(i128::MIN);
                    return Ok(());
                }
                let digits = decimal_at(value, *precision, *scale)?;
                let Ok(number) = digits.parse() else { return wrong(value, "a number") };
                b.append_value(number);
            }
            Values::Decimal256(b, precision, scale) => {
                if special.is_some() && value == ValueRef::Text(b"NaN") {
                    b.append_value(i256::MIN);
                    return Ok(());
                }
                let digits = decimal_at(value, *precision, *scale)?;
                let Some(number) = i256::from_string(&digits) else {
                    return wrong(value, "a number");
                };
                b.append_value(number);
            }
            Values::Number(b, numbers) => b.append_value(decimal_text(value, *numbers)?),
            Values::Bytes(b) => match value {
                ValueRef::Blob(bytes) => b.append_value(bytes),
                _ => return wrong(value, "a blob"),
            },
            Values::Date(b) => match beyond(value, special, Special::days) {
                Some(days) => b.append_value(days),
                None => {
                    let days = moment(value, form, Moment::Date)?;
                    let Ok(days) = i32::try_from(days) else { return wrong(value, "a date") };
                    b.append_value(days);
                }
            },
            Values::Timestamp(b) | Values::Instant(b)
                if let Some(micros) = beyond(value, special, Special::micros) =>
            {
                b.append_value(micros);
            }
            Values::Timestamp(b) => b.append_value(moment(value, form, Moment::Timestamp)?),
            Values::Instant(b) => b.append_value(moment(value, form, Moment::Instant)?),
            Values::Time(b) => b.append_value(moment(value, form, Moment::Time)?),
            Values::Duration(b) => b.append_value(moment(value, form, Moment::Duration)?),
        }
        Ok(())
    }

    /// Appends NULL, whatever the column takes: the place of a value that was refused.
    pub(crate) fn push_null(&mut self) {
        match &mut self.values {
            Values::Bool(b) => b.append_null(),
            Values::Int(b) => b.append_null(),
            Values::Unsigned(b) => b.append_null(),
            Values::Float(b) => b.append_null(),
            Values::Decimal128(b, ..) => b.append_null(),
            Values::Decimal256(b, ..) => b.append_null(),
            Values::Text(b) | Values::Any(b) | Values::Number(b, _) => b.append_null(),
            Values::Bytes(b) => b.append_null(),
            Values::Date(b) => b.append_null(),
            Values::Timestamp(b) | Values::Instant(b) => b.append_null(),
            Values::Time(b) => b.append_null(),
            Values::Duration(b) => b.append_null(),
        }
    }

    /// The column.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Bool(b) => Arc::new(b.finish()),
            Values::Int(b) => Arc::new(b.finish()),
            Values::Unsigned(b) => Arc::new(b.finish()),
            Values::Float(b) => Arc::new(b.finish()),
            Values::Decimal128(b, ..) => Arc::new(b.finish()),
            Values::Decimal256(b, ..) => Arc::new(b.finish()),
            Values::Text(b) | Values::Any(b) | Values::Number(b, _) => Arc::new(b.finish()),
            Values::Bytes(b) => Arc::new(b.finish()),
            Values::Date(b) => Arc::new(b.finish()),
            Values::Timestamp(b) | Values::Instant(b) => Arc::new(b.finish()),
            Values::Time(b) => Arc::new(b.finish()),
            Values::Duration(b) => Arc::new(b.finish()),
        }
    }
}

/// Arrow bytes a value takes, roughly.
pub(crate) fn size(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() + 4,
        _ => 8,
    }
}

/// What the value is, in a few words.
pub(crate) fn describe(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(n) => format!("the integer {n}"),
        ValueRef::Real(f) => format!("the float {f:?}"),
        ValueRef::Text(bytes) => {
            let text: String = String::from_utf8_lossy(bytes).chars().take(60).collect();
            format!("the text {text:?}")
        }
        ValueRef::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    }
}

fn wrong<T>(value: ValueRef<'_>, wanted: &str) -> Result<T, Misfit> {
    misfit(Code::Conversion, format!("{} is not {wanted}", describe(value)))
}

fn utf8(bytes: &[u8]) -> Result<&str, Misfit> {
    std::str::from_utf8(bytes)
        .map_err(|e| Misfit { code: Code::BadEncoding, why: format!("the text is not UTF-8: {e}") })
}

fn float(value: ValueRef<'_>) -> Result<f64, Misfit> {
    match value {
        ValueRef::Real(f) => Ok(f),
        ValueRef::Integer(n) => {
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
            // looked at on the way back
            let f = n as f64;
            #[allow(clippy::cast_possible_truncation)]
            if f as i128 == i128::from(n) {
                Ok(f)
            } else {
                wrong(value, "a number that a float can hold")
            }
        }
        _ => wrong(value, "a number"),
    }
}

/// Integers from 2^63 on stand as blobs of twenty digits, as the sink writes them.
fn unsigned(value: ValueRef<'_>) -> Result<u64, Misfit> {
    let number = match value {
        ValueRef::Integer(n) => u64::try_from(n).ok(),
        ValueRef::Blob(digits) if digits.len() == 20 && digits.iter().all(u8::is_ascii_digit) => {
            let large = std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok());
            large.filter(|n| i64::try_from(*n).is_err())
        }
        _ => None,
    };
    number.map_or_else(|| wrong(value, "an integer from 0 to 2^64 - 1"), Ok)
}

/// The value as plain decimal text. In a column of numbers an infinity is a number: the text that
/// says the same there is another value, and would come back as the number.
fn decimal_text(value: ValueRef<'_>, numbers: bool) -> Result<String, Misfit> {
    match value {
        ValueRef::Integer(n) => Ok(n.to_string()),
        ValueRef::Real(f) if f == f64::INFINITY => Ok(INFINITY.into()),
        ValueRef::Real(f) if f == f64::NEG_INFINITY => Ok(NEGATIVE_INFINITY.into()),
        // The shortest digits that lead to this float, without an exponent.
        ValueRef::Real(f) => Ok(f.to_string()),
        ValueRef::Text(bytes) => {
            let text = utf8(bytes)?;
            if numbers && infinity_of(text).is_some() {
                return wrong(value, "told from the number infinity");
            }
            let digits = text.strip_prefix('-').unwrap_or(text);
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
            let all = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
            if all(whole) && all(fraction) || text == "NaN" || infinity_of(text).is_some() {
                return Ok(text.to_owned());
            }
            wrong(value, "a decimal number")
        }
        _ => wrong(value, "a number"),
    }
}

const INFINITY: &str = "Infinity";
const NEGATIVE_INFINITY: &str = "-Infinity";

/// The infinity that a text of decimals without bounds stands for.
pub(crate) fn infinity_of(text: &str) -> Option<f64> {
    match text {
        INFINITY => Some(f64::INFINITY),
        NEGATIVE_INFINITY => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// The digits of a decimal text at a scale, when they fit without rounding.
fn unscaled(text: &str, precision: u8, scale: i8) -> Result<String, Misfit> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !whole.bytes().all(|b| b.is_ascii_digit()) {
        return misfit(Code::NoEquivalent, format!("there is no {text} among decimals"));
    }
    let scale = usize::try_from(scale).unwrap_or(0);
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > scale {
        return misfit(Code::Conversion, format!("{text} has more than {scale} decimal places"));
    }
    let mut out = String::with_capacity(sign.len() + whole.len() + scale);
    out.push_str(whole.trim_start_matches('0'));
    out.push_str(fraction);
    out.extend(std::iter::repeat_n('0', scale - fraction.len()));
    let significant = out.trim_start_matches('0').len();
    if significant > usize::from(precision) {
        return misfit(Code::OutOfRange, format!("{text} has more than {precision} digits"));
    }
    if significant == 0 {
        return Ok("0".into());
    }
    out.insert_str(0, sign);
    Ok(out)
}

/// Whether SQLite itself makes numbers of texts in the column, so that a number that is read as
/// text becomes the number again.
fn makes_numbers(column: &Field) -> bool {
    let declared = field::native(column, "sqlite").unwrap_or_default();
    // In a STRICT table, ANY changes nothing.
    Affinity::within(declared, true).makes_numbers()
}

/// What stands for a text in a column that has such values.
fn beyond<T>(
    value: ValueRef<'_>,
    special: Option<Special>,
    read: impl Fn(Special, &str) -> Option<T>,
) -> Option<T> {
    let ValueRef::Text(bytes) = value else { return None };
    read(special?, std::str::from_utf8(bytes).ok()?)
}

fn moment(value: ValueRef<'_>, form: Form, of: Moment) -> Result<i64, Misfit> {
    let wanted = match of {
        Moment::Date => "a date YYYY-MM-DD",
        Moment::Timestamp => "a date and time without zone",
        Moment::Instant => "a date and time with Z or an offset",
        Moment::Time => "a time HH:MM:SS",
        Moment::Duration => "a length HH:MM:SS",
    };
    let ValueRef::Text(bytes) = value else { return wrong(value, wanted) };
    let text = utf8(bytes)?;
    form.read(text, of).map_or_else(
        || {
            let why = match of {
                Moment::Date => String::new(),
                _ => format!(
                    " spelled {form}, as in the first rows (sample_rows looks at more of them)"
                ),
            };
            wrong(value, &format!("{wanted}{why}"))
        },
        Ok,
    )
}

/// A value of a column in which texts and numbers stand: numbers as SQL writes them, and texts
/// that cannot be taken for a number.
fn any_text(value: ValueRef<'_>) -> Result<String, Misfit> {
    match value {
        ValueRef::Integer(n) => Ok(n.to_string()),
        ValueRef::Real(f) => Ok(real_text(f)),
        ValueRef::Text(bytes) => {
            let text = utf8(bytes)?;
            if number_of(text).is_some() {
                return wrong(value, "told from a number, and numbers stand in the same column");
            }
            Ok(text.to_owned())
        }
        _ => wrong(value, "a text or a number"),
    }
}

fn real_text(real: f64) -> String {
    match real {
        f64::INFINITY => INFINITY.into(),
        f64::NEG_INFINITY => NEGATIVE_INFINITY.into(),
        _ => format!("{real:?}"),
    }
}

/// The number that a text of such a column stands for.
pub(crate) fn number_of(text: &str) -> Option<Number> {
    let first = *text.as_bytes().first()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'I')) {
        return None;
    }
    if let Some(n) = text.parse::<i64>().ok().filter(|n| n.to_string() == text) {
        return Some(Number::Integer(n));
    }
    text.parse::<f64>().ok().filter(|f| real_text(*f) == text).map(Number::Real)
}

/// A number of SQLite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    Real(f64),
}

/// The digits of a value at a scale. A text must have just these: it would come back with others.
fn decimal_at(value: ValueRef<'_>, precision: u8, scale: i8) -> Result<String, Misfit> {
    let text = decimal_text(value, false)?;
    let digits = unscaled(&text, precision, scale)?;
    if let ValueRef::Text(_) = value {
        let mut again = String::new();
        push_decimal(&digits, scale, &mut again);
        if again != text {
            return wrong(value, &format!("a decimal of {scale} places"));
        }
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{Decimal128Type, UInt64Type};

    use super::*;
    use crate::types::meaning;

    fn push(declared: &str, value: ValueRef<'_>) -> Result<ArrayRef, Code> {
        let mut column = Column::new(&meaning(declared).field("c", true, declared), 1).unwrap();
        column.push(value).map_err(|m| m.code)?;
        Ok(column.finish())
    }

    #[test]
    fn values_of_another_class_are_refused() {
        let text = ValueRef::Text(b"abc");
        let blob = ValueRef::Blob(b"abc");
        for declared in ["INTEGER", "DOUBLE", "BOOLEAN", "BLOB", "DATE", "TIMESTAMPTZ", "DECIMAL"] {
            assert_eq!(push(declared, text).err(), Some(Code::Conversion), "{declared}");
        }
        for declared in ["INTEGER", "TEXT", "DATE", "DECIMAL(5,2)", "BIGINT UNSIGNED"] {
            assert_eq!(push(declared, blob).err(), Some(Code::Conversion), "{declared}");
        }
        assert_eq!(push("TEXT", ValueRef::Text(b"\xff")).err(), Some(Code::BadEncoding));
        assert_eq!(push("BOOLEAN", ValueRef::Integer(2)).err(), Some(Code::Conversion));
        assert_eq!(push("INTEGER", ValueRef::Real(1.0)).err(), Some(Code::Conversion));
        assert_eq!(push("DOUBLE", ValueRef::Integer(i64::MAX)).err(), Some(Code::Conversion));
        assert_eq!(push("BIGINT UNSIGNED", ValueRef::Integer(-1)).err(), Some(Code::Conversion));
    }

    #[test]
    fn numbers_and_texts_of_one_column_are_told_apart() {
        let field = crate::types::Meaning::any().field("c", true, "");
        let mut column = Column::new(&field, 4).unwrap();
        let mut of = |value| column.push(value).map_err(|m| m.code);
        for value in [ValueRef::Integer(-1), ValueRef::Real(2.0), ValueRef::Real(f64::NEG_INFINITY)]
        {
            assert_eq!(of(value), Ok(()));
        }
        for text in ["a", "", "-", "007", "1.50", "1e3", "+1", "0x1", "NaN", "inf"] {
            assert_eq!(of(ValueRef::Text(text.as_bytes())), Ok(()), "{text}");
            assert_eq!(number_of(text), None, "{text}");
        }
        for text in ["7", "-1", "1.5", "2.0", "1e300", "Infinity"] {
            assert_eq!(of(ValueRef::Text(text.as_bytes())), Err(Code::Conversion), "{text}");
        }
        assert_eq!(of(ValueRef::Blob(b"x")), Err(Code::Conversion));
        let texts = column.finish();
        let texts = texts.as_string::<i32>();
        assert_eq!((texts.value(0), texts.value(1), texts.value(2)), ("-1", "2.0", "-Infinity"));
        assert_eq!(number_of("2.0"), Some(Number::Real(2.0)));
        assert_eq!(number_of("-0"), None);
    }

    #[test]
    fn infinity_is_a_number_in_a_column_of_numbers_and_a_text_in_one_of_texts() {
        let of = |declared, value| {
            push(declared, value).map(|a| a.as_string::<i32>().value(0).to_owned())
        };
        let (number, text) = (ValueRef::Real(f64::NEG_INFINITY), ValueRef::Text(b"-Infinity"));
        for declared in ["NUMERIC", "DECIMAL", "NUMERIC(99,2)"] {
            assert_eq!(of(declared, number).as_deref(), Ok("-Infinity"), "{declared}");
            assert_eq!(of(declared, text), Err(Code::Conversion), "{declared}");
        }
        assert_eq!(of("DECIMAL_TEXT", text).as_deref(), Ok("-Infinity"));
        assert_eq!(push("INTEGER", number).err(), Some(Code::Conversion));
        assert_eq!(infinity_of("Infinity"), Some(f64::INFINITY));
        assert_eq!(infinity_of("infinity"), None);
    }

    #[test]
    fn decimals_are_never_rounded() {
        let of = |value| {
            push("DECIMAL(5,2)", value).map(|a| a.as_primitive::<Decimal128Type>().value(0))
        };
        assert_eq!(of(ValueRef::Integer(-12)), Ok(-1200));
        assert_eq!(of(ValueRef::Real(0.1)), Ok(10));
        assert_eq!(of(ValueRef::Real(0.1 + 0.2)), Err(Code::Conversion));
        assert_eq!(of(ValueRef::Text(b"-0.05")), Ok(-5));
        assert_eq!(of(ValueRef::Text(b"-0.050")), Err(Code::Conversion));
        assert_eq!(of(ValueRef::Text(b"-0")), Err(Code::Conversion));
        assert_eq!(of(ValueRef::Integer(1000)), Err(Code::OutOfRange));
        assert_eq!(of(ValueRef::Real(f64::INFINITY)), Err(Code::NoEquivalent));
        assert_eq!(of(ValueRef::Text(b"1e3")), Err(Code::Conversion));
    }

    #[test]
    fn unsigned_integers_beyond_the_signed_are_blobs() {
        let of =
            |value| push("BIGINT UNSIGNED", value).map(|a| a.as_primitive::<UInt64Type>().value(0));
        assert_eq!(of(ValueRef::Blob(b"18446744073709551615")), Ok(u64::MAX));
        assert_eq!(of(ValueRef::Blob(b"00000000000000000001")), Err(Code::Conversion));
        assert_eq!(of(ValueRef::Integer(i64::MAX)), Ok(i64::MAX.unsigned_abs()));
    }
}
