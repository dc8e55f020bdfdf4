//! Values of one column from the text form in which the log has them into an Arrow builder: the
//! very values that `values` reads from a binary COPY.
//!
//! The log's types have their output form (under the session's settings, which `connect` makes the
//! same everywhere), because most types are carried in it anyway: intervals, arrays, ranges,
//! composite types and whatever extensions bring.

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
use syncline_types::{Code, Result};

use crate::types::{Wire, wire};
use crate::values::{NAN128, NAN256, Trouble};

/// One column under construction.
pub(super) struct Values {
    wire: Wire,
    builder: Builder,
}

enum Builder {
    Bool(BooleanBuilder),
    Int2(PrimitiveBuilder<Int16Type>),
    Int4(PrimitiveBuilder<Int32Type>),
    Int8(PrimitiveBuilder<Int64Type>),
    Oid(PrimitiveBuilder<UInt32Type>),
    Float4(PrimitiveBuilder<Float32Type>),
    Float8(PrimitiveBuilder<Float64Type>),
    Decimal128(Decimal128Builder, i8),
    Decimal256(Decimal256Builder, i8),
    Bytes(BinaryBuilder, Vec<u8>),
    Uuid(FixedSizeBinaryBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Time(PrimitiveBuilder<Time64MicrosecondType>),
    Timestamp(PrimitiveBuilder<TimestampMicrosecondType>),
    Text(StringBuilder),
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
            Builder::Decimal128($b, _) => $do,
            Builder::Decimal256($b, _) => $do,
            Builder::Bytes($b, _) => $do,
            Builder::Uuid($b) => $do,
            Builder::Date($b) => $do,
            Builder::Time($b) => $do,
            Builder::Timestamp($b) => $do,
            Builder::Text($b) => $do,
        }
    };
}

impl Values {
    pub(super) fn new(field: &Field) -> Result<Self> {
        let arrow = field.data_type().clone();
        let wire = wire(field)?;
        let builder = match wire {
            Wire::Bool => Builder::Bool(BooleanBuilder::new()),
            Wire::Int2 => Builder::Int2(PrimitiveBuilder::new()),
            Wire::Int4 => Builder::Int4(PrimitiveBuilder::new()),
            Wire::Int8 => Builder::Int8(PrimitiveBuilder::new()),
            Wire::Oid => Builder::Oid(PrimitiveBuilder::new()),
            Wire::Float4 => Builder::Float4(PrimitiveBuilder::new()),
            Wire::Float8 => Builder::Float8(PrimitiveBuilder::new()),
            Wire::Money => Builder::Decimal128(PrimitiveBuilder::new().with_data_type(arrow), 0),
            Wire::Numeric128(scale) => {
                Builder::Decimal128(PrimitiveBuilder::new().with_data_type(arrow), scale)
            }
            Wire::Numeric256(scale) => {
                Builder::Decimal256(PrimitiveBuilder::new().with_data_type(arrow), scale)
            }
            Wire::Bytea => Builder::Bytes(BinaryBuilder::new(), Vec::new()),
            Wire::Uuid => Builder::Uuid(FixedSizeBinaryBuilder::new(16)),
            Wire::Date => Builder::Date(PrimitiveBuilder::new()),
            Wire::Time => Builder::Time(PrimitiveBuilder::new()),
            Wire::Timestamp => Builder::Timestamp(PrimitiveBuilder::new().with_data_type(arrow)),
            Wire::Text | Wire::Padded | Wire::Jsonb | Wire::Bits | Wire::NumericText => {
                Builder::Text(StringBuilder::new())
            }
        };
        Ok(Self { wire, builder })
    }

    pub(super) fn append_null(&mut self) {
        each_builder!(&mut self.builder, b => b.append_null());
    }

    pub(super) fn append(&mut self, value: &[u8]) -> Result<(), Trouble> {
        match &mut self.builder {
            Builder::Bool(b) => match value {
                b"t" => b.append_value(true),
                b"f" => b.append_value(false),
                _ => return Err(Trouble::Shape),
            },
            Builder::Int2(b) => b.append_value(narrow(integer(value)?)?),
            Builder::Int4(b) => b.append_value(narrow(integer(value)?)?),
            Builder::Int8(b) => b.append_value(integer(value)?),
            Builder::Oid(b) => b.append_value(narrow(integer(value)?)?),
            Builder::Float4(b) => b.append_value(float(value)?),
            Builder::Float8(b) => b.append_value(float(value)?),
            Builder::Decimal128(b, _) if self.wire == Wire::Money => b.append_value(money(value)?),
            Builder::Decimal128(b, scale) => b.append_value(decimal(value, *scale)?),
            Builder::Decimal256(b, scale) => b.append_value(wide_decimal(value, *scale)?),
            Builder::Bytes(b, scratch) => {
                scratch.clear();
                unhex(value.strip_prefix(b"\\x").ok_or(Trouble::Shape)?, scratch)?;
                b.append_value(&scratch);
            }
            Builder::Uuid(b) => b.append_value(uuid(value)?).map_err(|_| Trouble::Shape)?,
            Builder::Date(b) => b.append_value(date(value)?),
            Builder::Time(b) => b.append_value(time(value)?),
            Builder::Timestamp(b) => b.append_value(timestamp(value)?),
            Builder::Text(b) => {
                let text = std::str::from_utf8(value)
                    .map_err(|_| Trouble::Value(Code::BadEncoding, "is not valid UTF-8"))?;
                b.append_value(match self.wire {
                    Wire::Padded => text.trim_end_matches(' '),
                    _ => text,
                });
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        each_builder!(&mut self.builder, b => Arc::new(b.finish()))
    }
}

fn digit(byte: u8) -> Result<i64, Trouble> {
    let digit = byte.wrapping_sub(b'0');
    if digit < 10 { Ok(digit.into()) } else { Err(Trouble::Shape) }
}

fn integer(text: &[u8]) -> Result<i64, Trouble> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return Err(Trouble::Shape);
    }
    let mut number: i64 = 0;
    if digits.len() < 19 {
        for byte in digits {
            number = number * 10 - digit(*byte)?;
        }
    } else {
        for byte in digits {
            let digit = digit(*byte)?;
            number =
                number.checked_mul(10).and_then(|n| n.checked_sub(digit)).ok_or(Trouble::Shape)?;
        }
    }
    if negative { Ok(number) } else { number.checked_neg().ok_or(Trouble::Shape) }
}

fn narrow<T: TryFrom<i64>>(number: i64) -> Result<T, Trouble> {
    T::try_from(number).map_err(|_| Trouble::Shape)
}

fn float<T: std::str::FromStr>(text: &[u8]) -> Result<T, Trouble> {
    std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).ok_or(Trouble::Shape)
}

/// `-$1,234.56`: what is no digit is dressing, as the sessions' `lc_monetary` has it.
fn money(text: &[u8]) -> Result<i128, Trouble> {
    let mut number: i128 = 0;
    for byte in text.iter().filter(|b| b.is_ascii_digit()) {
        number = number * 10 + i128::from(byte - b'0');
        if number > i128::from(i64::MAX) + 1 {
            return Err(Trouble::Shape);
        }
    }
    Ok(if text.iter().any(|b| matches!(b, b'-' | b'(')) { -number } else { number })
}

/// Sign, digits, and digits behind the point of a decimal number.
struct Digits<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
}

fn digits(text: &[u8]) -> Digits<'_> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    match text.iter().position(|b| *b == b'.') {
        Some(at) => Digits { negative, whole: &text[..at], fraction: &text[at + 1..] },
        None => Digits { negative, whole: text, fraction: &[] },
    }
}

const NOT_FINITE: Trouble = Trouble::Value(Code::NoEquivalent, "is no number");
const TOO_LARGE: Trouble = Trouble::Value(Code::OutOfRange, "has too many digits");

/// Zeros to add to the fraction so that it has as many digits as the scale says.
fn padding(fraction: &[u8], scale: i8) -> Result<u32, Trouble> {
    let scale = usize::try_from(scale).map_err(|_| Trouble::Shape)?;
    let missing = scale.checked_sub(fraction.len()).ok_or(TOO_LARGE)?;
    u32::try_from(missing).map_err(|_| Trouble::Shape)
}

fn decimal(text: &[u8], scale: i8) -> Result<i128, Trouble> {
    match text {
        b"NaN" => return Ok(NAN128),
        b"Infinity" | b"-Infinity" => return Err(NOT_FINITE),
        _ => {}
    }
    let Digits { negative, whole, fraction } = digits(text);
    let mut number: i128 = 0;
    // A decimal has 38 digits at most; 39 still fit here.
    if whole.len() + fraction.len() > 39 {
        return Err(TOO_LARGE);
    }
    for byte in whole.iter().chain(fraction) {
        let digit = i128::from(digit(*byte)?);
        number = number.checked_mul(10).and_then(|n| n.checked_add(digit)).ok_or(TOO_LARGE)?;
    }
    let zeros = 10_i128.checked_pow(padding(fraction, scale)?).ok_or(TOO_LARGE)?;
    let number = number.checked_mul(zeros).ok_or(TOO_LARGE)?;
    Ok(if negative { -number } else { number })
}

fn wide_decimal(text: &[u8], scale: i8) -> Result<i256, Trouble> {
    match text {
        b"NaN" => return Ok(NAN256),
        b"Infinity" | b"-Infinity" => return Err(NOT_FINITE),
        _ => {}
    }
    let Digits { negative, whole, fraction } = digits(text);
    let zeros = padding(fraction, scale)?;
    let mut plain = String::with_capacity(text.len() + zeros as usize);
    if negative {
        plain.push('-');
    }
    for byte in whole.iter().chain(fraction) {
        digit(*byte)?;
        plain.push(char::from(*byte));
    }
    plain.extend((0..zeros).map(|_| '0'));
    i256::from_string(&plain).ok_or(TOO_LARGE)
}

fn half(byte: u8) -> Result<u8, Trouble> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(Trouble::Shape),
    }
}

fn unhex(text: &[u8], out: &mut Vec<u8>) -> Result<(), Trouble> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Trouble::Shape);
    }
    out.reserve(pairs.len());
    for [high, low] in pairs {
        out.push(half(*high)? << 4 | half(*low)?);
    }
    Ok(())
}

fn uuid(text: &[u8]) -> Result<[u8; 16], Trouble> {
    let mut out = [0; 16];
    let mut digits = text.iter().filter(|b| **b != b'-');
    for byte in &mut out {
        let (high, low) = (digits.next(), digits.next());
        let (Some(high), Some(low)) = (high, low) else { return Err(Trouble::Shape) };
        *byte = half(*high)? << 4 | half(*low)?;
    }
    match digits.next() {
        None => Ok(out),
        Some(_) => Err(Trouble::Shape),
    }
}

/// A number of digits, none of them missing.
fn number(text: &[u8]) -> Result<i64, Trouble> {
    if text.is_empty() || text.len() > 9 {
        return Err(Trouble::Shape);
    }
    let mut number = 0;
    for byte in text {
        number = number * 10 + digit(*byte)?;
    }
    Ok(number)
}

/// Takes ` BC` off the end.
fn era(text: &[u8]) -> (&[u8], bool) {
    match text.strip_suffix(b" BC") {
        Some(rest) => (rest, true),
        None => (text, false),
    }
}

/// Days since 1970 of `2020-01-31`, years of any length.
fn days(text: &[u8], bc: bool) -> Result<i64, Trouble> {
    let Some(([year @ .., b'-'], [m1, m2, b'-', d1, d2])) = text.split_last_chunk::<5>() else {
        return Err(Trouble::Shape);
    };
    let year = number(year)?;
    let month = digit(*m1)? * 10 + digit(*m2)?;
    let day = digit(*d1)? * 10 + digit(*d2)?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(Trouble::Shape);
    }
    // The year before 1 is 1 BC. Days from civil: see `moment`, whose range ends before this one's.
    let year = if bc { 1 - year } else { year };
    let y = if month <= 2 { year - 1 } else { year };
    let (of_era, era) = (y.rem_euclid(400), y.div_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Ok(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn date(text: &[u8]) -> Result<i32, Trouble> {
    match text {
        b"infinity" => return Ok(i32::MAX),
        b"-infinity" => return Ok(i32::MIN),
        _ => {}
    }
    let (text, bc) = era(text);
    i32::try_from(days(text, bc)?).ok().filter(|d| *d != i32::MAX).ok_or(Trouble::Value(
        Code::OutOfRange,
        "is after the last day that can be carried, 5881580-07-10",
    ))
}

/// `12:34:56` with up to six digits behind the point.
fn time(text: &[u8]) -> Result<i64, Trouble> {
    let Some(([h1, h2, b':', m1, m2, b':', s1, s2], fraction)) = text.split_first_chunk::<8>()
    else {
        return Err(Trouble::Shape);
    };
    let two = |a: &u8, b: &u8| Ok::<_, Trouble>(digit(*a)? * 10 + digit(*b)?);
    let seconds = (two(h1, h2)? * 60 + two(m1, m2)?) * 60 + two(s1, s2)?;
    let micros = match fraction {
        [] => 0,
        [b'.', digits @ ..] if digits.len() <= 6 => {
            let mut micros = number(digits)?;
            for _ in digits.len()..6 {
                micros *= 10;
            }
            micros
        }
        _ => return Err(Trouble::Shape),
    };
    Ok(seconds * moment::SECOND + micros)
}

/// A moment, with `+00` behind it where its type has a zone: the sessions' zone is UTC.
fn timestamp(text: &[u8]) -> Result<i64, Trouble> {
    match text {
        b"infinity" => return Ok(i64::MAX),
        b"-infinity" => return Ok(i64::MIN),
        _ => {}
    }
    let (text, bc) = era(text);
    let text = text.strip_suffix(b"+00").unwrap_or(text);
    let at = text.iter().position(|b| *b == b' ').ok_or(Trouble::Shape)?;
    let (days, time) = (days(&text[..at], bc)?, time(&text[at + 1..])?);
    days.checked_mul(moment::DAY)
        .and_then(|d| d.checked_add(time))
        .filter(|m| *m != i64::MAX)
        .ok_or(Trouble::Value(
            Code::OutOfRange,
            "is after the last moment that can be carried, 294247-01-10 04:00:54.775806",
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok<T>(read: Result<T, Trouble>) -> T {
        read.unwrap_or_else(|_| panic!("cannot be read"))
    }

    #[test]
    fn dates_and_moments_have_the_days_of_the_calendar() {
        for (text, expected) in [
            ("1970-01-01", 0),
            ("2000-01-01", 10_957),
            ("0001-01-01", -719_162),
            ("0001-12-31 BC", -719_163),
            // Day 0 of the Julian count.
            ("4714-11-24 BC", -2_440_588),
            ("5874897-12-31", 2_145_042_905),
        ] {
            assert_eq!(ok(date(text.as_bytes())), expected, "{text}");
        }
        assert_eq!(ok(timestamp(b"1970-01-01 00:00:00.000001")), 1);
        assert_eq!(ok(timestamp(b"1969-12-31 23:59:59.5+00")), -500_000);
        assert_eq!(ok(timestamp(b"294247-01-10 04:00:54.775806")), i64::MAX - 1);
        assert!(timestamp(b"294247-01-10 04:00:54.775807").is_err());
        assert!(timestamp(b"2020-01-01").is_err());
        assert!(date(b"2020-13-01").is_err());
        assert_eq!(ok(time(b"24:00:00")), moment::DAY);
    }

    #[test]
    fn numbers_keep_every_digit() {
        assert_eq!(ok(integer(b"-9223372036854775808")), i64::MIN);
        assert_eq!(ok(integer(b"9223372036854775807")), i64::MAX);
        assert!(integer(b"9223372036854775808").is_err());
        assert!(integer(b"").is_err() && integer(b"-").is_err() && integer(b"1a").is_err());
        assert_eq!(ok(decimal(b"-0.05", 2)), -5);
        assert_eq!(ok(decimal(b"12", 2)), 1200);
        assert_eq!(ok(decimal(b"NaN", 2)), NAN128);
        assert!(decimal(b"0.001", 2).is_err());
        let most = "9".repeat(76);
        assert_eq!(ok(wide_decimal(most.as_bytes(), 0)).to_string(), most);
        assert_eq!(ok(money(b"-$92,233,720,368,547,758.08")), i128::from(i64::MIN));
        assert_eq!(ok(money(b"$1,234.50")), 123_450);
    }
}
