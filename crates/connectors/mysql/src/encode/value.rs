//! Single values as digits and escaped text, and the values a column would change.

use std::collections::HashSet;

use syncline_sql::moment;
use syncline_types::{Code, field};

use super::{Form, Refusal, Rule};

pub(super) const DAY: i64 = 86_400_000_000;

pub(super) fn quoted(form: Form, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if form == Form::Sql {
        out.push(b'\'');
        write(out);
        out.push(b'\'');
    } else {
        write(out);
    }
}

pub(super) fn integer(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    natural(value.unsigned_abs(), out);
}

pub(super) fn natural(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// `value` with `width` digits at least.
fn padded(value: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    for _ in digits.len()..width {
        out.push(b'0');
    }
    out.extend_from_slice(digits);
}

/// Digits with a point before the last `scale` of them.
pub(super) fn fixed(digits: u64, scale: usize, out: &mut Vec<u8>) {
    if scale == 0 {
        return natural(digits, out);
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(digits).as_bytes();
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    out.push(b'.');
    for _ in fraction.len()..scale {
        out.push(b'0');
    }
    out.extend_from_slice(fraction);
}

/// The two digits of a number below 100.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "below 100")]
fn two(value: u64) -> [u8; 2] {
    debug_assert!(value < 100);
    [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]
}

pub(super) fn plain_decimal(digits: &str, scale: usize, out: &mut Vec<u8>) {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    out.extend_from_slice(sign.as_bytes());
    let missing = (scale + 1).saturating_sub(digits.len());
    let mut all = vec![b'0'; missing];
    all.extend_from_slice(digits.as_bytes());
    let (whole, fraction) = all.split_at(all.len() - scale);
    out.extend_from_slice(whole);
    if scale > 0 {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

pub(super) fn float(
    value: f64,
    rule: &Rule,
    single: bool,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    if !value.is_finite() {
        return Err((Code::NoEquivalent, format!("{value} does not exist in MySQL")));
    }
    if let Rule::Rounded(digits) = rule {
        let rounded: f64 = format!("{value:.digits$}").parse().unwrap_or(value);
        #[allow(clippy::float_cmp, clippy::cast_possible_truncation)] // the same value, or not
        let same = if single { rounded as f32 == value as f32 } else { rounded == value };
        if !same {
            return Err((Code::Conversion, format!("{value} would be rounded")));
        }
    }
    // Shortest digits that give the same double; always with an exponent, so that it is read as a
    // double and not as a decimal.
    let mut buffer = zmij::Buffer::new();
    let digits = buffer.format_finite(value);
    out.extend_from_slice(digits.as_bytes());
    if !digits.contains('e') {
        out.extend_from_slice(b"e0");
    }
    Ok(())
}

pub(super) fn year(value: i16, form: Form, out: &mut Vec<u8>) -> Result<(), Refusal> {
    if value != 0 && !(1901..=2155).contains(&value) {
        // One and two digits would become 20xx or 19xx.
        return Err((Code::OutOfRange, format!("{value} is not a year of 1901 to 2155, nor 0")));
    }
    quoted(form, out, |out| padded(u64::from(value.unsigned_abs()), 4, out));
    Ok(())
}

pub(super) fn text(value: &str, rule: &Rule, form: Form, out: &mut Vec<u8>) -> Result<(), Refusal> {
    match rule {
        Rule::Char if value.ends_with(' ') => {
            return Err((Code::Conversion, format!("{} would lose its last spaces", shown(value))));
        }
        // The error value of columns of such a type: the way to here lets it in from no other.
        Rule::Members { texts, set: false } if value.is_empty() && !texts.contains(value) => {
            out.push(b'0');
            return Ok(());
        }
        Rule::Members { texts, set: false } if !texts.contains(value) => {
            return Err((Code::Conversion, format!("{} is not one of its members", shown(value))));
        }
        Rule::Members { texts, set: true } if !value.is_empty() => {
            let mut seen = HashSet::new();
            for member in value.split(',') {
                if !texts.contains(member) || !seen.insert(member) {
                    let why = format!("{} is not a set of its members", shown(value));
                    return Err((Code::Conversion, why));
                }
            }
        }
        Rule::Bits(width) => return bits(value, *width, form, out),
        _ => {}
    }
    match form {
        Form::Load => load_escaped(value.as_bytes(), out),
        Form::Sql => sql_escaped(value.as_bytes(), out),
    }
    Ok(())
}

/// The beginning of a text, for a message.
fn shown(value: &str) -> String {
    let start: String = value.chars().take(60).collect();
    if start.len() < value.len() { format!("{start:?}…") } else { format!("{start:?}") }
}

pub(super) fn bytes(
    value: &[u8],
    rule: &Rule,
    form: Form,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    if let Rule::FixedBytes(size) = rule
        && value.len() < *size
    {
        let why = format!("{} bytes would be filled up with zeros to {size}", value.len());
        return Err((Code::Conversion, why));
    }
    match form {
        Form::Load => load_escaped(value, out),
        Form::Sql => {
            out.extend_from_slice(b"_binary");
            sql_escaped(value, out);
        }
    }
    Ok(())
}

/// LOAD DATA takes the bytes of a BIT as they lie in it, INSERT takes `b'01'`.
fn bits(value: &str, width: usize, form: Form, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let number = u64::from_str_radix(value, 2).ok().filter(|_| value.len() == width);
    let Some(number) = number.filter(|_| !value.starts_with('+')) else {
        let why = format!("{} is not a string of {width} bits", shown(value));
        return Err((Code::Conversion, why));
    };
    match form {
        Form::Load => load_escaped(&number.to_be_bytes()[8 - width.div_ceil(8)..], out),
        Form::Sql => {
            out.extend_from_slice(b"b'");
            out.extend_from_slice(value.as_bytes());
            out.push(b'\'');
        }
    }
    Ok(())
}

fn escaped(value: &[u8], out: &mut Vec<u8>, escape: impl Fn(u8) -> Option<u8>) {
    let mut from = 0;
    for (at, byte) in value.iter().enumerate() {
        if let Some(instead) = escape(*byte) {
            out.extend_from_slice(&value[from..at]);
            out.extend_from_slice(&[b'\\', instead]);
            from = at + 1;
        }
    }
    out.extend_from_slice(&value[from..]);
}

fn load_escaped(value: &[u8], out: &mut Vec<u8>) {
    // Most texts have nothing to escape.
    if !has_marks(value) {
        out.extend_from_slice(value);
        return;
    }
    escaped(value, out, |byte| match byte {
        b'\\' => Some(b'\\'),
        b'\t' => Some(b't'),
        b'\n' => Some(b'n'),
        0 => Some(b'0'),
        _ => None,
    });
}

/// Whether there is a byte that LOAD DATA would not take for itself. Whole pieces are looked at
/// without a branch, which the compiler does with vector instructions; the last one may go over
/// bytes of the one before.
fn has_marks(value: &[u8]) -> bool {
    const PIECE: usize = 16;
    let mark = |byte: &u8| (*byte == b'\\') | (*byte == b'\t') | (*byte == b'\n') | (*byte == 0);
    let marked = |piece: &[u8; PIECE]| piece.iter().fold(false, |found, byte| found | mark(byte));
    let (pieces, _) = value.as_chunks::<PIECE>();
    match value.last_chunk::<PIECE>() {
        Some(last) => pieces.iter().any(marked) || marked(last),
        None => value.iter().any(mark),
    }
}

fn sql_escaped(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    escaped(value, out, |byte| match byte {
        b'\'' | b'\\' => Some(byte),
        0 => Some(b'0'),
        _ => None,
    });
    out.push(b'\'');
}

pub(super) fn uuid(value: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in value.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

/// Whether the number stands for a date that is no day of the calendar, in a column that takes one.
pub(super) fn is_no_day(days: i64, rule: &Rule) -> bool {
    days < FIRST_DAY.into()
        && matches!(rule, Rule::Day | Rule::Fraction(_))
        && field::no_day(days).is_some()
}

/// 0000-01-01
pub(super) const FIRST_DAY: i32 = -719_528;

/// Years 0000 to 9999.
pub(super) fn day_in_range(days: i64) -> Result<(), Refusal> {
    if (FIRST_DAY.into()..=2_932_896).contains(&days) {
        return Ok(());
    }
    let (year, ..) = moment::civil(days);
    Err((Code::OutOfRange, format!("the year {year} is beyond 9999 or before 0")))
}

pub(super) fn fraction_fits(micros: i64, rule: &Rule) -> Result<(), Refusal> {
    match rule {
        Rule::Fraction(unit) if micros.rem_euclid(*unit) != 0 => {
            let fraction = micros.rem_euclid(1_000_000);
            Err((Code::Conversion, format!("the fraction .{fraction:06} would be rounded")))
        }
        _ => Ok(()),
    }
}

pub(super) fn date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = match field::no_day(days) {
        Some((year, month, day)) => (i64::from(year), month.into(), day.into()),
        None => moment::civil(days),
    };
    let (year, [e, f], [g, h]) = (year.unsigned_abs(), two(month.into()), two(day.into()));
    if year > 9999 {
        natural(year, out);
    } else {
        let ([a, b], [c, d]) = (two(year / 100), two(year % 100));
        out.extend_from_slice(&[a, b, c, d]);
    }
    out.extend_from_slice(&[b'-', e, f, b'-', g, h]);
}

/// `hh:mm:ss`, with a fraction where there is one; hours go beyond 24.
pub(super) fn time(micros: i64, out: &mut Vec<u8>) {
    let micros = micros.unsigned_abs();
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, [c, d], [e, f]) = (seconds / 3600, two(seconds / 60 % 60), two(seconds % 60));
    if hours > 99 {
        natural(hours, out);
    } else {
        out.extend_from_slice(&two(hours));
    }
    out.extend_from_slice(&[b':', c, d, b':', e, f]);
    if fraction > 0 {
        let [a, b] = two(fraction / 10_000);
        let ([c, d], [e, f]) = (two(fraction / 100 % 100), two(fraction % 100));
        out.extend_from_slice(&[b'.', a, b, c, d, e, f]);
    }
}

pub(super) fn length(
    micros: i64,
    rule: &Rule,
    form: Form,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    fraction_fits(micros, rule)?;
    quoted(form, out, |out| {
        if micros < 0 {
            out.push(b'-');
        }
        time(micros, out);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = b"x".to_vec();
        write(&mut out);
        String::from_utf8(out).unwrap()[1..].to_owned()
    }

    #[test]
    fn numbers_are_plain_digits() {
        assert_eq!(written(|o| integer(i64::MIN, o)), i64::MIN.to_string());
        assert_eq!(written(|o| natural(u64::MAX, o)), u64::MAX.to_string());
        assert_eq!(written(|o| fixed(5, 2, o)), "0.05");
        assert_eq!(written(|o| fixed(12, 2, o)), "0.12");
        assert_eq!(written(|o| fixed(12, 0, o)), "12");
        assert_eq!(written(|o| fixed(1234, 2, o)), "12.34");
        assert_eq!(written(|o| plain_decimal("-5", 3, o)), "-0.005");
        assert_eq!(written(|o| plain_decimal("-12345", 3, o)), "-12.345");
        assert_eq!(written(|o| padded(7, 4, o)), "0007");
        assert_eq!(written(|o| float(0.1, &Rule::None, false, o).unwrap()), "0.1e0");
        assert!(float(f64::NAN, &Rule::None, false, &mut Vec::new()).is_err());
    }

    #[test]
    fn moments_are_written_in_full() {
        assert_eq!(written(|o| date(0, o)), "1970-01-01");
        assert_eq!(written(|o| date(-719_528, o)), "0000-01-01");
        let none = i64::from(field::NO_DAY) + 20_200_010;
        assert!(is_no_day(none, &Rule::Day) && !is_no_day(none, &Rule::None));
        assert_eq!(written(|o| date(none, o)), "2020-00-10");
        assert_eq!(written(|o| time(1, o)), "00:00:00.000001");
        assert_eq!(written(|o| time(86_399_120_304, o)), "23:59:59.120304");
        let most = (838 * 3600 + 59 * 60 + 59) * 1_000_000;
        let write = |o: &mut Vec<u8>| length(-most, &Rule::None, Form::Sql, o).unwrap();
        assert_eq!(written(write), "'-838:59:59'");
        assert!(day_in_range(2_932_897).is_err());
    }

    #[test]
    fn values_that_the_column_would_change_are_refused() {
        let mut out = Vec::new();
        assert!(fraction_fits(1_500, &Rule::Fraction(1_000)).is_err());
        assert!(fraction_fits(-2_000, &Rule::Fraction(1_000)).is_ok());
        assert!(text("ab ", &Rule::Char, Form::Load, &mut out).is_err());
        let members = Rule::Members { texts: ["a".into(), "b".into()].into(), set: false };
        assert!(text("1", &members, Form::Load, &mut out).is_err());
        assert!(text("A", &members, Form::Load, &mut out).is_err());
        assert!(bytes(b"ab", &Rule::FixedBytes(3), Form::Load, &mut out).is_err());
        assert!(year(70, Form::Load, &mut out).is_err());
        assert!(bits("101", 8, Form::Load, &mut out).is_err());
        assert!(float(1.25, &Rule::Rounded(1), false, &mut out).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn escapes_leave_nothing_to_be_misread() {
        assert_eq!(written(|o| load_escaped(b"a\tb\\N\nc\0", o)), "a\\tb\\\\N\\nc\\0");
        assert_eq!(written(|o| sql_escaped(b"it's \\ \0", o)), "'it\\'s \\\\ \\0'");
        // Wherever a mark stands, in short and in long texts.
        for mark in *b"\\\t\n\0" {
            for (length, at) in (1..70).flat_map(|n| (0..n).map(move |at| (n, at))) {
                let mut text = vec![b'x'; length];
                assert!(!has_marks(&text));
                text[at] = mark;
                assert!(has_marks(&text), "{mark} at {at} of {length}");
            }
        }
    }
}
