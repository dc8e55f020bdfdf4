//! Arrow columns as parameters of an INSERT. A value that the column's affinity would change is
//! refused.

use arrow::array::{Array, AsArray, BinaryArray, BooleanArray, PrimitiveArray, StringArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, Field, Float64Type, Int64Type, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType, UInt64Type, i256,
};
use rusqlite::Statement;
use rusqlite::types::Null;
use syncline_sql::push_decimal;
use syncline_types::{Code, Error, Flaw, Result, field};

use crate::database::map_error;
use crate::decode::{Number, infinity_of, number_of};
use crate::form::{Form, Moment};
use crate::special::Special;
use crate::types::{Affinity, form_of};

/// Decimals of fewer digits than this come back from a float exactly.
const EXACT_IN_A_FLOAT: i128 = 1_000_000_000_000_000;

/// A column of a batch, ready to be bound.
pub(crate) struct Parameter<'a> {
    name: &'a str,
    values: Values<'a>,
    affinity: Affinity,
    /// How dates and times are spelled.
    form: Form,
    /// It has values beyond the numbers of its type; see [`field::SPECIAL`].
    special: Option<Special>,
    /// The array, where it has NULLs.
    nulls: Option<&'a dyn Array>,
}

enum Values<'a> {
    Bool(&'a BooleanArray),
    Int(&'a PrimitiveArray<Int64Type>),
    Unsigned(&'a PrimitiveArray<UInt64Type>),
    Float(&'a PrimitiveArray<Float64Type>),
    Decimal128(&'a PrimitiveArray<Decimal128Type>, i8),
    Decimal256(&'a PrimitiveArray<Decimal256Type>, i8),
    Text(&'a StringArray),
    /// Texts and numbers of another file.
    Any(&'a StringArray),
    Number(&'a StringArray),
    Bytes(&'a BinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Instant(&'a PrimitiveArray<TimestampMicrosecondType>),
    Time(&'a PrimitiveArray<Time64MicrosecondType>),
    Duration(&'a PrimitiveArray<DurationMicrosecondType>),
}

/// Whether the sink takes columns of this type.
pub(crate) fn takes(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Int64
            | DataType::UInt64
            | DataType::Float64
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
            | DataType::Utf8
            | DataType::Binary
            | DataType::Date32
            | DataType::Timestamp(TimeUnit::Microsecond, _)
            | DataType::Time64(TimeUnit::Microsecond)
            | DataType::Duration(TimeUnit::Microsecond)
    )
}

fn primitive<T: ArrowPrimitiveType>(array: &dyn Array) -> &PrimitiveArray<T> {
    array.as_primitive::<T>()
}

impl<'a> Parameter<'a> {
    /// A column of the target's field, in a table that is STRICT or not.
    pub(crate) fn new(target: &'a Field, array: &'a dyn Array, strict: bool) -> Result<Self> {
        if array.data_type() != target.data_type() {
            return Err(Error::bug(format!(
                "column {:?} is of {} instead of {}",
                target.name(),
                array.data_type(),
                target.data_type()
            )));
        }
        let values = match target.data_type() {
            DataType::Boolean => Values::Bool(array.as_boolean()),
            DataType::Int64 => Values::Int(primitive(array)),
            DataType::UInt64 => Values::Unsigned(primitive(array)),
            DataType::Float64 => Values::Float(primitive(array)),
            DataType::Decimal128(_, s) => Values::Decimal128(primitive(array), *s),
            DataType::Decimal256(_, s) => Values::Decimal256(primitive(array), *s),
            DataType::Utf8 if field::logical(target) == Some("decimal") => {
                Values::Number(array.as_string())
            }
            DataType::Utf8 if field::logical(target) == Some("text-of") => {
                Values::Any(array.as_string())
            }
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::Binary => Values::Bytes(array.as_binary()),
            DataType::Date32 => Values::Date(primitive(array)),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Values::Timestamp(primitive(array)),
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                Values::Instant(primitive(array))
            }
            DataType::Time64(TimeUnit::Microsecond) => Values::Time(primitive(array)),
            DataType::Duration(TimeUnit::Microsecond) => Values::Duration(primitive(array)),
            other => {
                let message = format!("column {:?}: SQLite takes no {other}", target.name());
                return Err(Error::bug(message));
            }
        };
        let nulls = (array.null_count() > 0).then_some(array);
        if nulls.is_some() && !target.is_nullable() {
            // The library would number a NULL in an INTEGER PRIMARY KEY by itself.
            let message = format!("NULL for column {:?}, which takes none", target.name());
            return Err(Error::new(Code::NotNull, message));
        }
        let declared = field::native(target, "sqlite").unwrap_or_default();
        let affinity = Affinity::within(declared, strict);
        let special = Special::of(target);
        Ok(Self { name: target.name(), values, affinity, form: form_of(target), special, nulls })
    }

    /// Binds the value of `row` as parameter `at`, from 1. `text` is room to write in.
    pub(crate) fn bind(
        &self,
        statement: &mut Statement<'_>,
        at: usize,
        row: usize,
        text: &mut String,
    ) -> Result<()> {
        if self.nulls.is_some_and(|array| array.is_null(row)) {
            return statement.raw_bind_parameter(at, Null).map_err(map_error);
        }
        text.clear();
        match &self.values {
            Values::Int(a) => statement.raw_bind_parameter(at, a.value(row)),
            Values::Text(a) => return self.bind_text(statement, at, a.value(row)),
            Values::Any(a) => match number_of(a.value(row)) {
                Some(Number::Integer(n)) => statement.raw_bind_parameter(at, n),
                Some(Number::Real(f)) => statement.raw_bind_parameter(at, f),
                None => return self.bind_text(statement, at, a.value(row)),
            },
            Values::Float(a) => {
                let value = a.value(row);
                if value.is_nan() {
                    let message = format!("column {:?}: SQLite has no NaN", self.name);
                    return Err(Error::new(Code::NoEquivalent, message).flawed(Flaw::Nan));
                }
                if value == 0.0 && value.is_sign_negative() && self.affinity.makes_numbers() {
                    let message = format!("column {:?}: SQLite has no −0 here", self.name);
                    let error = Error::new(Code::NoEquivalent, message);
                    return Err(error.flawed(Flaw::NegativeZero));
                }
                statement.raw_bind_parameter(at, value)
            }
            Values::Bytes(a) => statement.raw_bind_parameter(at, a.value(row)),
            Values::Bool(a) => statement.raw_bind_parameter(at, a.value(row)),
            Values::Unsigned(a) => match i64::try_from(a.value(row)) {
                Ok(value) => statement.raw_bind_parameter(at, value),
                Err(_) => {
                    let digits = format!("{:020}", a.value(row));
                    statement.raw_bind_parameter(at, digits.as_bytes())
                }
            },
            Values::Decimal128(a, _) if self.special.is_some() && a.value(row) == i128::MIN => {
                statement.raw_bind_parameter(at, "NaN")
            }
            Values::Decimal256(a, _) if self.special.is_some() && a.value(row) == i256::MIN => {
                statement.raw_bind_parameter(at, "NaN")
            }
            Values::Decimal128(a, scale) => {
                let value = a.value(row);
                let small = value.abs() < EXACT_IN_A_FLOAT && (0..=22).contains(scale);
                if small && self.affinity.makes_numbers() {
                    // Both are exact, so the quotient is the float nearest to the decimal.
                    #[allow(clippy::cast_precision_loss)]
                    let nearest = value as f64 / 10_f64.powi(i32::from(*scale));
                    statement.raw_bind_parameter(at, nearest)
                } else {
                    push_decimal(&value.to_string(), *scale, text);
                    return self.bind_number(statement, at, text);
                }
            }
            Values::Decimal256(a, scale) => {
                push_decimal(&a.value(row).to_string(), *scale, text);
                return self.bind_number(statement, at, text);
            }
            Values::Number(a) => return self.bind_number(statement, at, a.value(row)),
            Values::Date(a) => {
                let value = a.value(row);
                let beyond = self.special.and_then(|s| s.day_text(value));
                return self.bind_moment(statement, at, value.into(), beyond, (Moment::Date, text));
            }
            Values::Timestamp(a) => {
                let value = a.value(row);
                let beyond = self.special.and_then(|s| s.moment_text(value));
                return self.bind_moment(statement, at, value, beyond, (Moment::Timestamp, text));
            }
            Values::Instant(a) => {
                let value = a.value(row);
                let beyond = self.special.and_then(|s| s.moment_text(value));
                return self.bind_moment(statement, at, value, beyond, (Moment::Instant, text));
            }
            Values::Time(a) => {
                return self.bind_moment(statement, at, a.value(row), None, (Moment::Time, text));
            }
            Values::Duration(a) => {
                let value = a.value(row);
                return self.bind_moment(statement, at, value, None, (Moment::Duration, text));
            }
        }
        .map_err(map_error)
    }

    /// A text, where SQLite leaves it as it is.
    fn bind_text(&self, statement: &mut Statement<'_>, at: usize, value: &str) -> Result<()> {
        if self.affinity.makes_numbers() && !keeps(self.affinity, value) {
            let why = format!("SQLite would make a number of the text {value:?}");
            return Err(self.refused(&why));
        }
        statement.raw_bind_parameter(at, value).map_err(map_error)
    }

    /// A date or time, in the column's form where that can spell it; or what it is called `beyond`
    /// the numbers.
    fn bind_moment(
        &self,
        statement: &mut Statement<'_>,
        at: usize,
        value: i64,
        beyond: Option<String>,
        (of, text): (Moment, &mut String),
    ) -> Result<()> {
        if let Some(beyond) = beyond {
            return statement.raw_bind_parameter(at, beyond.as_str()).map_err(map_error);
        }
        if !self.form.write(value, of, text) {
            // Rows from elsewhere, that the form of the column's own rows cannot spell.
            text.clear();
            Form::default().write(value, of, text);
        }
        statement.raw_bind_parameter(at, text.as_str()).map_err(map_error)
    }

    /// A decimal: as a number where that is what the column holds and it stays the same. Infinity
    /// is a number there, too: as a text it would sort behind all of them.
    fn bind_number(&self, statement: &mut Statement<'_>, at: usize, digits: &str) -> Result<()> {
        if let Some(infinity) = infinity_of(digits).filter(|_| self.affinity.makes_numbers()) {
            return statement.raw_bind_parameter(at, infinity).map_err(map_error);
        }
        if !self.affinity.makes_numbers() || !looks_like_number(digits) {
            return statement.raw_bind_parameter(at, digits).map_err(map_error);
        }
        let bound = if let Ok(whole) = digits.parse::<i64>() {
            statement.raw_bind_parameter(at, whole)
        } else if let Ok(number) = digits.parse::<f64>()
            && (significant_digits(digits) <= 15 || number.to_string() == digits)
        {
            statement.raw_bind_parameter(at, number)
        } else {
            return Err(self
                .refused(&format!("SQLite keeps 15 digits of a number, and {digits} has more"))
                .hint("declare the column as DECIMAL_TEXT, or TEXT, to keep all digits"));
        };
        bound.map_err(map_error)
    }

    fn refused(&self, why: &str) -> Error {
        Error::new(Code::Conversion, format!("column {:?}: {why}", self.name))
    }
}

/// Digits of a plain decimal that count.
fn significant_digits(text: &str) -> usize {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() {
        fraction.trim_start_matches('0').len()
    } else if fraction.is_empty() {
        whole.trim_end_matches('0').len()
    } else {
        whole.len() + fraction.len()
    }
}

/// Whether SQLite takes the text for a number: `[+-]digits[.digits][e[+-]digits]`, with white
/// space around it.
fn looks_like_number(text: &str) -> bool {
    let text = text.trim_matches(|c: char| matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r'));
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    !(whole.is_empty() && fraction.is_empty()) && digits(whole) && digits(fraction) && exponent_fits
}

/// Whether the text is read back as it is from a column that makes numbers of texts.
fn keeps(affinity: Affinity, text: &str) -> bool {
    if !looks_like_number(text) {
        return true;
    }
    if affinity != Affinity::Real && text.parse::<i64>().is_ok_and(|n| n.to_string() == text) {
        return true;
    }
    // A float that is whole becomes an integer, and comes back without its point.
    text.parse::<f64>().is_ok_and(|f| format!("{f:?}") == text && f.fract() != 0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn digits_that_count_are_counted() {
        for (text, count) in [("0", 0), ("-0.0010", 1), ("120", 2), ("120.5", 4), ("9.99", 3)] {
            assert_eq!(significant_digits(text), count, "{text}");
        }
    }

    proptest! {
        /// SQLite as the oracle: a text that is let through comes back as it was.
        #[test]
        fn texts_in_numeric_columns_stay_texts(
            text in "[ +-]?[0-9]{0,20}[.]?[0-9]{0,3}(e[+-]?[0-9]{0,3})?[ a]?",
        ) {
            let db = Connection::open_in_memory().unwrap();
            db.execute_batch("CREATE TABLE t (n JSON, r REAL)").unwrap();
            db.execute("INSERT INTO t VALUES (?1, ?1)", [&text]).unwrap();
            let (n, r): (rusqlite::types::Value, rusqlite::types::Value) =
                db.query_row("SELECT n, r FROM t", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            for (value, affinity) in [(n, Affinity::Numeric), (r, Affinity::Real)] {
                let back = match value {
                    rusqlite::types::Value::Integer(n) => n.to_string(),
                    rusqlite::types::Value::Real(f) => format!("{f:?}"),
                    rusqlite::types::Value::Text(t) => t,
                    other => panic!("{other:?}"),
                };
                if keeps(affinity, &text) {
                    prop_assert_eq!(&back, &text);
                }
            }
        }

        /// Decimals of up to 15 digits come back from the float they are kept as.
        #[test]
        fn small_decimals_survive_as_floats(unscaled in -999_999_999_999_999_i64..1_000_000_000_000_000, scale in 0_i8..16) {
            let mut text = String::new();
            push_decimal(&unscaled.to_string(), scale, &mut text);
            #[allow(clippy::cast_precision_loss)]
            let nearest = unscaled as f64 / 10_f64.powi(i32::from(scale));
            prop_assert_eq!(nearest, text.parse::<f64>().unwrap());
            let trimmed = if scale > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            let trimmed = if trimmed == "-0" { "0" } else { trimmed };
            prop_assert_eq!(nearest.to_string(), trimmed);
        }
    }
}
