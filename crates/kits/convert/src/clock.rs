//! Dates, times and lengths of time as text, both ways, in microseconds and days since 1970.
//!
//! Written: `2024-02-29`, `2024-02-29 23:59:59.5`, the same with `+00:00` for an instant,
//! `24:00:00`, `-838:59:59.000001`; a fraction without trailing zeros, none when it is zero. Years
//! before 0 and after 9999 carry a sign (ISO 8601 expanded form; year 0 is 1 BC). The calendar is
//! the proleptic Gregorian one.

use std::fmt::Write;

use crate::digits::write_padded;
use crate::misfit::{Fit, conversion, invalid_date, out_of_range, zero_date};
use crate::special;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// Days since 1970 of a date (Howard Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let month = i64::from(month);
    let of_year =
        (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    // Both are within 1..=31.
    (year, month as u32, day as u32)
}

// Writing into a String cannot fail, so the results of `write!` are dropped below.

pub(crate) fn write_date(days: i64, out: &mut String) {
    let (year, month, day) = civil_from_days(days);
    match year {
        0..=9999 => write_padded(year.unsigned_abs(), 4, out),
        _ => drop(write!(out, "{year:+05}")),
    }
    out.push('-');
    write_padded(month.into(), 2, out);
    out.push('-');
    write_padded(day.into(), 2, out);
}

/// `HH:MM:SS[.ffffff]`, hours as many as it takes.
fn write_clock(micros: u64, out: &mut String) {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    write_padded(hours, 2, out);
    out.push(':');
    write_padded(minutes, 2, out);
    out.push(':');
    write_padded(seconds, 2, out);
    if fraction != 0 {
        out.push('.');
        write_padded(fraction, 6, out);
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// A timestamp of a year of four digits, written at fixed places; how much of it counts.
fn fixed_timestamp(micros: i64) -> Option<([u8; 26], usize)> {
    let (year, month, day) = civil_from_days(micros.div_euclid(DAY));
    let year = u32::try_from(year).ok().filter(|year| *year <= 9999)?;
    let of_day = micros.rem_euclid(DAY).unsigned_abs();
    // Seconds of a day and millionths of a second are within 32 bits.
    let (seconds, fraction) = ((of_day / 1_000_000) as u32, (of_day % 1_000_000) as u32);
    let mut text = *b"0000-00-00 00:00:00.000000";
    let mut put = |at: usize, two: u32| {
        text[at] += (two / 10) as u8;
        text[at + 1] += (two % 10) as u8;
    };
    put(0, year / 100);
    put(2, year % 100);
    put(5, month);
    put(8, day);
    put(11, seconds / 3600);
    put(14, seconds / 60 % 60);
    put(17, seconds % 60);
    if fraction == 0 {
        return Some((text, 19));
    }
    put(20, fraction / 10_000);
    put(22, fraction / 100 % 100);
    put(24, fraction % 100);
    let zeros = text.iter().rev().take_while(|b| **b == b'0').count();
    Some((text, 26 - zeros))
}

pub(crate) fn write_timestamp(micros: i64, utc: bool, out: &mut String) {
    let fixed = fixed_timestamp(micros);
    match fixed.as_ref().and_then(|(text, long)| std::str::from_utf8(&text[..*long]).ok()) {
        Some(text) => out.push_str(text),
        None => {
            write_date(micros.div_euclid(DAY), out);
            out.push(' ');
            write_clock(micros.rem_euclid(DAY).unsigned_abs(), out);
        }
    }
    if utc {
        out.push_str("+00:00");
    }
}

/// A time of day, or a length of time.
pub(crate) fn write_duration(micros: i64, out: &mut String) {
    if micros < 0 {
        out.push('-');
    }
    write_clock(micros.unsigned_abs(), out);
}

/// Exactly `n` digits at the front, and what follows.
fn digits(text: &[u8], n: usize) -> Option<(u32, &[u8])> {
    let (front, rest) = text.split_at_checked(n)?;
    let mut value = 0;
    for byte in front {
        value = value * 10 + u32::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    Some((value, rest))
}

fn skip(text: &[u8], byte: u8) -> Option<&[u8]> {
    text.strip_prefix(&[byte])
}

/// A date at the front: days since 1970, and what follows.
fn take_date(text: &[u8]) -> Option<Fit<(i64, &[u8])>> {
    let (sign, rest) = match text.first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (0, text),
    };
    let width = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(4..=7).contains(&width) || (sign == 0 && width > 4) {
        return None;
    }
    let (year, rest) = digits(rest, width)?;
    let (month, rest) = digits(skip(rest, b'-')?, 2)?;
    let (day, rest) = digits(skip(rest, b'-')?, 2)?;
    let year = if sign < 0 { -i64::from(year) } else { i64::from(year) };
    if month == 0 || day == 0 {
        return Some(Err(zero_date()));
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    if day > last {
        return Some(Err(invalid_date()));
    }
    Some(Ok((days_from_civil(year, month, day), rest)))
}

/// `:MM:SS[.f…]` or `:MM`: microseconds without the hours, and what follows. Digits after the sixth must be zero.
fn take_minutes(text: &[u8], seconds_needed: bool) -> Option<Fit<(i64, &[u8])>> {
    let (minutes, mut rest) = digits(skip(text, b':')?, 2)?;
    let mut micros = i64::from(minutes) * 60 * SECOND;
    let mut seconds = 0;
    match skip(rest, b':') {
        None if seconds_needed => return None,
        None => {}
        Some(after) => {
            (seconds, rest) = digits(after, 2)?;
            micros += i64::from(seconds) * SECOND;
            if let Some(after) = skip(rest, b'.') {
                let n = after.iter().take_while(|b| b.is_ascii_digit()).count();
                if n == 0 {
                    return None;
                }
                let mut unit = SECOND / 10;
                for (i, byte) in after[..n].iter().enumerate() {
                    if i >= 6 && *byte != b'0' {
                        return Some(Err(conversion("finer than a microsecond")));
                    }
                    micros += i64::from(byte - b'0') * unit;
                    unit /= 10;
                }
                rest = &after[n..];
            }
        }
    }
    (minutes < 60 && seconds < 60).then_some(Ok((micros, rest)))
}

/// A zone at the end: `Z`, `UTC`, `+02`, `+0200`, `+02:00`, `+02:00:00`, maybe after one space.
/// The offset from UTC in microseconds; `None` within when there is none.
fn read_zone(text: &[u8]) -> Option<Option<i64>> {
    if text.is_empty() {
        return Some(None);
    }
    let text = text.strip_prefix(b" ").unwrap_or(text);
    if matches!(text, b"Z" | b"z" | b"UTC") {
        return Some(Some(0));
    }
    let sign = match text.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, mut rest) = digits(&text[1..], 2)?;
    let mut seconds = hours * 3600;
    let mut unit = 60;
    while !rest.is_empty() && unit > 0 {
        let (part, after) = digits(rest.strip_prefix(b":").unwrap_or(rest), 2)?;
        if part > 59 {
            return None;
        }
        seconds += part * unit;
        unit /= 60;
        rest = after;
    }
    (rest.is_empty() && hours < 24).then_some(Some(sign * i64::from(seconds) * SECOND))
}

/// A date; a time after it must be midnight without a zone.
pub(crate) fn parse_date(text: &str) -> Fit<i32> {
    let days = match take_date(text.as_bytes()) {
        Some(Ok((days, []))) => days,
        Some(Err(misfit)) => return Err(misfit),
        _ => match read_timestamp(text) {
            Some(Ok((micros, None))) if micros % DAY == 0 => micros.div_euclid(DAY),
            Some(Ok((_, None))) => return Err(conversion("it has a time of day")),
            Some(Err(misfit)) => return Err(misfit),
            _ => return Err(conversion("not a date such as 2024-12-31")),
        },
    };
    i32::try_from(days).map_err(|_| out_of_range("beyond the dates there are"))
}

/// A date that is no day, `0000-00-00` or `2023-02-30`, with a time or without: the number that
/// stands for its day, and the microseconds of the day. `None` for any other text.
pub(crate) fn parse_no_day(text: &str) -> Option<(i32, i64)> {
    if take_date(text.as_bytes())?.is_ok() {
        return None;
    }
    let (year, rest) = digits(text.as_bytes(), 4)?;
    let (month, rest) = digits(skip(rest, b'-')?, 2)?;
    let (day, rest) = digits(skip(rest, b'-')?, 2)?;
    let number = special::number_of(year, month, day)?;
    if rest.is_empty() {
        return Some((number, 0));
    }
    let (hours, rest) = digits(skip(rest, b' ').or_else(|| skip(rest, b'T'))?, 2)?;
    let (micros, rest) = take_minutes(rest, true)?.ok()?;
    let zoned = matches!(read_zone(rest), Some(None | Some(0)));
    (hours < 24 && zoned).then_some((number, i64::from(hours) * 3600 * SECOND + micros))
}

/// Local microseconds since 1970, and the zone's offset when one is given.
fn read_timestamp(text: &str) -> Option<Fit<(i64, Option<i64>)>> {
    let (days, rest) = match take_date(text.as_bytes())? {
        Ok(found) => found,
        Err(misfit) => return Some(Err(misfit)),
    };
    let mut micros = 0;
    let mut zone = None;
    if !rest.is_empty() {
        let rest = skip(rest, b' ').or_else(|| skip(rest, b'T')).or_else(|| skip(rest, b't'))?;
        let (hours, rest) = digits(rest, 2)?;
        let (within, rest) = match take_minutes(rest, false)? {
            Ok(found) => found,
            Err(misfit) => return Some(Err(misfit)),
        };
        zone = read_zone(rest)?;
        if hours > 23 {
            return None;
        }
        micros = i64::from(hours) * 3600 * SECOND + within;
    }
    // In i128, because the first day that i64 can hold begins before its first microsecond.
    let total = i128::from(days) * i128::from(DAY) + i128::from(micros);
    let fit = i64::try_from(total).map_err(|_| out_of_range("beyond the years ±290,000"));
    Some(fit.map(|t| (t, zone)))
}

/// What [`read_timestamp`] gives for the usual text: `2024-02-29 23:59:59`, maybe with a fraction
/// of up to six digits, without a zone. `None` for any other.
fn usual_timestamp(text: &[u8]) -> Option<i64> {
    let (head, fraction) = text.split_first_chunk::<19>()?;
    /// Microseconds of the last of so many digits.
    const POWERS: [i64; 7] = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let mut odd = 0;
    let mut digit = |byte: u8| {
        let digit = byte.wrapping_sub(b'0');
        odd |= u8::from(digit > 9);
        u32::from(digit)
    };
    let mut two = |at: usize| digit(head[at]) * 10 + digit(head[at + 1]);
    let (century, year, month, day) = (two(0), two(2), two(5), two(8));
    let (hour, minute, second) = (two(11), two(14), two(17));
    let micros = match fraction.split_first() {
        None => 0,
        Some((b'.', digits)) if (1..=6).contains(&digits.len()) => {
            let value = digits.iter().fold(0, |value, byte| value * 10 + digit(*byte));
            i64::from(value) * POWERS[digits.len()]
        }
        Some(_) => return None,
    };
    let marks = [head[4], head[7], head[13], head[16]];
    let usual = odd == 0 && marks == *b"--::" && matches!(head[10], b' ' | b'T');
    let year = century * 100 + year;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    if !usual || day == 0 || day > last || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(year.into(), month, day);
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(days * DAY + seconds * SECOND + micros)
}

/// A date and time. Without a zone it is taken as UTC when an instant is wanted; where none is
/// wanted, the only zone it may have is UTC.
pub(crate) fn parse_timestamp(text: &str, utc: bool) -> Fit<i64> {
    if let Some(micros) = usual_timestamp(text.as_bytes()) {
        return Ok(micros);
    }
    match read_timestamp(text) {
        None => Err(conversion("not a date and time such as 2024-12-31 23:59:59.5")),
        Some(Err(misfit)) => Err(misfit),
        Some(Ok((micros, None | Some(0)))) => Ok(micros),
        Some(Ok((micros, Some(offset)))) if utc => {
            micros.checked_sub(offset).ok_or_else(|| out_of_range("beyond the years ±290,000"))
        }
        Some(Ok(_)) => Err(conversion("it has a zone, and the target keeps none")),
    }
}

/// A time of day, 00:00 to 24:00.
pub(crate) fn parse_time(text: &str) -> Fit<i64> {
    let bad = || conversion("not a time of day such as 23:59:59.5");
    let (hours, rest) = digits(text.as_bytes(), 2).ok_or_else(bad)?;
    let (micros, rest) = take_minutes(rest, false).ok_or_else(bad)??;
    if !rest.is_empty() {
        return Err(bad());
    }
    let total = i64::from(hours) * 3600 * SECOND + micros;
    if total > DAY { Err(out_of_range("later than 24:00")) } else { Ok(total) }
}

/// `[-]H…H:MM:SS[.ffffff]`.
pub(crate) fn parse_duration(text: &str) -> Fit<i64> {
    let bad = || conversion("not a length of time such as -838:59:59.5");
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let width = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (hours, rest) = rest.as_bytes().split_at(width);
    let (micros, rest) = take_minutes(rest, true).ok_or_else(bad)??;
    if !rest.is_empty() || width == 0 {
        return Err(bad());
    }
    let mut total: i64 = 0;
    for byte in hours {
        total = total
            .checked_mul(10)
            .and_then(|t| t.checked_add(i64::from(byte - b'0')))
            .ok_or_else(|| out_of_range("longer than 2,562,047,788 hours"))?;
    }
    // Negative from the start: the longest negative one has no positive counterpart.
    let sign = if negative { -1 } else { 1 };
    total
        .checked_mul(sign * 3600 * SECOND)
        .and_then(|t| t.checked_add(sign * micros))
        .ok_or_else(|| out_of_range("longer than 2,562,047,788 hours"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timestamp(micros: i64, utc: bool) -> String {
        let mut out = String::new();
        write_timestamp(micros, utc, &mut out);
        out
    }

    #[test]
    fn the_calendar_agrees_with_known_days() {
        for (days, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (19_782, "2024-02-29"),
            (-719_528, "0000-01-01"),
            (-719_529, "-0001-12-31"),
            (2_932_897, "+10000-01-01"),
            (2_147_483_647, "+5881580-07-11"),
            (-2_147_483_648, "-5877641-06-23"),
        ] {
            let mut out = String::new();
            write_date(days, &mut out);
            assert_eq!(out, text);
            assert_eq!(parse_date(text).map(i64::from), Ok(days));
        }
    }

    #[test]
    fn timestamps_have_the_forms_people_write() {
        let at = 1_709_251_199_500_000;
        assert_eq!(timestamp(at, false), "2024-02-29 23:59:59.5");
        assert_eq!(timestamp(at, true), "2024-02-29 23:59:59.5+00:00");
        for text in [
            "2024-02-29T23:59:59.500Z",
            "2024-02-29 23:59:59.500000000 UTC",
            "2024-03-01 01:29:59.5+01:30",
            "2024-03-01 01:29:59.5 +0130",
            "2024-02-29 15:59:59.5-08",
        ] {
            assert_eq!(parse_timestamp(text, true), Ok(at), "{text}");
        }
        assert_eq!(parse_timestamp("2024-02-29T23:59:59.5Z", false), Ok(at));
        assert_eq!(parse_timestamp("2024-02-29", false), Ok(at / DAY * DAY));
        assert_eq!(parse_timestamp("2024-02-29 23:59", false), Ok(1_709_251_140_000_000));
    }

    #[test]
    fn malformed_and_inexact_texts_are_refused() {
        use syncline_types::Code::{Conversion, NoEquivalent, OutOfRange};
        let code = |fit: Fit<i64>| fit.unwrap_err().code;
        for text in [
            "",
            " 2024-01-01",
            "2024-01-01 ",
            "2024-1-1",
            "24-01-01",
            "2024-01-01 24:00:00",
            "2024-01-01 10:60:00",
            "2024-01-01 10:00:60",
            "2024-01-01 10:00:00.",
            "2024-01-01 10:00:00.1234567",
            "2024-01-01 10:00:00 CET",
            "2024-01-01 10:00:00+25:00",
            "2023-02-29",
            "2024-13-01",
            "12024-01-01",
            "２０２４-01-01",
        ] {
            assert_eq!(code(parse_timestamp(text, true)), Conversion, "{text}");
        }
        assert_eq!(code(parse_timestamp("0000-00-00 00:00:00", false)), NoEquivalent);
        assert_eq!(code(parse_timestamp("2024-00-10", false)), NoEquivalent);
        assert_eq!(code(parse_timestamp("2024-01-01 10:00:00+01", false)), Conversion);
        assert_eq!(code(parse_timestamp("+300000-01-01", false)), OutOfRange);
        assert_eq!(code(parse_date("2024-01-01 00:00:01").map(i64::from)), Conversion);
        assert_eq!(parse_date("2024-01-01 00:00:00"), Ok(19_723));
        assert_eq!(code(parse_time("24:00:00.000001")), OutOfRange);
        assert_eq!(parse_time("24:00"), Ok(DAY));
        assert_eq!(code(parse_duration("10:00")), Conversion);
        assert_eq!(code(parse_duration(":10:00")), Conversion);
        assert_eq!(code(parse_duration("9999999999:00:00")), OutOfRange);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(micros: i64, days: i32, of_day in 0..=DAY) {
            prop_assert_eq!(parse_timestamp(&timestamp(micros, false), false), Ok(micros));
            prop_assert_eq!(parse_timestamp(&timestamp(micros, true), true), Ok(micros));
            let mut out = String::new();
            write_date(days.into(), &mut out);
            prop_assert_eq!(parse_date(&out), Ok(days));
            out.clear();
            write_duration(micros, &mut out);
            prop_assert_eq!(parse_duration(&out), Ok(micros));
            out.clear();
            write_duration(of_day, &mut out);
            prop_assert_eq!(parse_time(&out), Ok(of_day));
        }

        /// A timestamp written at fixed places is the one written part by part.
        #[test]
        fn the_fixed_timestamp_is_the_same_one(
            micros in -62_200_000_000_000_000..253_500_000_000_000_000_i64,
            step in proptest::sample::select(vec![1, 100, 1_000, 1_000_000, DAY]),
        ) {
            let micros = micros - micros.rem_euclid(step);
            let mut parts = String::new();
            write_date(micros.div_euclid(DAY), &mut parts);
            parts.push(' ');
            write_clock(micros.rem_euclid(DAY).unsigned_abs(), &mut parts);
            prop_assert_eq!(timestamp(micros, false), parts);
        }

        /// The short way gives what the long one gives, or nothing.
        #[test]
        fn the_usual_timestamp_is_the_same_one(
            text in "[0-9]{4}-[01][0-9]-[0-3][0-9][ Tt][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,7})?|[-0-9: T.]{15,27}",
        ) {
            let long = read_timestamp(&text).and_then(Result::ok).map(|(micros, _)| micros);
            let short = usual_timestamp(text.as_bytes());
            prop_assert!(short.is_none() || short == long, "{short:?} {long:?}");
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[-+0-9:. TZ]{0,40}") {
            let _ = (parse_date(&text), parse_timestamp(&text, true));
            let _ = (parse_time(&text), parse_duration(&text));
        }
    }
}
