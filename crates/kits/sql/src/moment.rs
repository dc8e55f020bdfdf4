//! Dates and times as text, over the whole range of Arrow's types, in the proleptic Gregorian
//! calendar: days and microseconds to civil fields and back, without a time zone's rules.

use std::fmt::Write as _;

use syncline_types::field::{NO_DAY, no_day};

/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub const DAY: i64 = 86_400 * SECOND;

/// Year (astronomical: 0 is 1 BC), month and day of a day counted from 1970-01-01.
///
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub fn civil(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)] // 1..=12 and 1..=31
    (year, month as u32, day as u32)
}

/// Days from 1970-01-01; `None` for a date that is in no calendar, or a year beyond ±1,000,000.
pub fn days(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day == 0 || day > last || year.abs() > 1_000_000 {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = i64::from((month + 9) % 12);
    let doy = (153 * mp + 2) / 5 + i64::from(day) - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    Some(era * 146_097 + doe - 719_468)
}

/// Appends `2020-01-31`. Years outside of 0000 to 9999 get their sign, as in ISO 8601's expanded
/// form: `-0043-03-15`, `+12020-01-01`.
pub fn push_date(days: i64, out: &mut String) {
    let (year, month, day) = civil(days);
    push_year(year, out);
    out.push('-');
    push_two(month, out);
    out.push('-');
    push_two(day, out);
}

fn push_year(year: i64, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match year {
        0..=9999 => write!(out, "{year:04}"),
        10_000.. => write!(out, "+{year}"),
        _ => write!(out, "-{:04}", -year),
    };
}

pub(crate) fn push_two(n: u32, out: &mut String) {
    let digit = |n: u32| char::from_digit(n % 10, 10).unwrap_or('0');
    out.push(digit(n / 10));
    out.push(digit(n));
}

/// Appends `12:34:56` or `12:34:56.000001`, the fraction only where there is one; hours go on
/// beyond 24 (`838:59:59`), and a negative time begins with `-`.
pub fn push_time(micros: i64, out: &mut String) {
    if micros < 0 {
        out.push('-');
    }
    let all = micros.unsigned_abs();
    let (seconds, fraction) = (all / 1_000_000, all % 1_000_000);
    let hours = seconds / 3600;
    #[allow(clippy::cast_possible_truncation)] // below 100, 60 and 60
    {
        if hours < 100 {
            push_two(hours as u32, out);
        } else {
            let _ = write!(out, "{hours}");
        }
        out.push(':');
        push_two((seconds / 60 % 60) as u32, out);
        out.push(':');
        push_two((seconds % 60) as u32, out);
    }
    if fraction != 0 {
        let _ = write!(out, ".{fraction:06}");
    }
}

/// Appends `2020-01-31 12:34:56.000001` for microseconds from 1970.
pub fn push_datetime(micros: i64, out: &mut String) {
    push_date(micros.div_euclid(DAY), out);
    out.push(' ');
    push_time(micros.rem_euclid(DAY), out);
}

/// Reads what [`push_date`] writes, and nothing else.
pub fn parse_date(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (0, text),
    };
    let mut parts = rest.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = match sign {
        0 => year.len() == 4,
        1 => year.len() >= 5 && !year.starts_with('0'),
        _ => year.len() >= 4,
    };
    if parts.next().is_some() || !fits || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let year = i64::from(digits(year)?);
    if sign == -1 && year == 0 {
        return None;
    }
    days(if sign < 0 { -year } else { year }, digits(month)?, digits(day)?)
}

/// Reads `12:34`, `12:34:56` and `12:34:56.1` to `12:34:56.123456`, from 00:00 to 24:00; a longer
/// fraction only when nothing but zeros is beyond microseconds.
pub fn parse_time(text: &str) -> Option<i64> {
    let micros = parse_clock(text, 2)?;
    (micros <= DAY).then_some(micros)
}

/// As [`parse_time`], with any number of hours and a sign.
pub fn parse_duration(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(rest) => parse_clock(rest, 12).map(|micros| -micros),
        None => parse_clock(text, 12),
    }
}

fn parse_clock(text: &str, hour_digits: usize) -> Option<i64> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next());
    let two = |t: &str| (t.len() == 2).then(|| digits(t)).flatten().filter(|n| *n < 60);
    if parts.next().is_some() || hours.len() < 2 || hours.len() > hour_digits {
        return None;
    }
    let hours: i64 = hours.bytes().all(|b| b.is_ascii_digit()).then(|| hours.parse().ok())??;
    let seconds = match seconds {
        Some(s) => two(s)?,
        None if fraction.is_some() => return None,
        None => 0,
    };
    let whole = (hours * 60 + i64::from(two(minutes)?)) * 60 + i64::from(seconds);
    whole.checked_mul(SECOND)?.checked_add(fraction.map_or(Some(0), parse_fraction)?)
}

fn parse_fraction(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (micros, beyond) = text.split_at(text.len().min(6));
    if beyond.bytes().any(|b| b != b'0') {
        return None;
    }
    let scale = 10_i64.pow(u32::try_from(6 - micros.len()).ok()?);
    Some(i64::from(digits(micros)?) * scale)
}

fn digits(text: &str) -> Option<u32> {
    (!text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// Reads a date and time without zone: as [`push_datetime`] writes it, also with `T` between, or
/// a date alone. A time of 24:00 is the next day's start.
pub fn parse_datetime(text: &str) -> Option<i64> {
    let date_end =
        text.char_indices().skip(1).find(|(_, c)| matches!(c, ' ' | 'T')).map(|(i, _)| i);
    let (date, time) = match date_end {
        Some(at) => (&text[..at], parse_time(&text[at + 1..])?),
        None => (text, 0),
    };
    parse_date(date)?.checked_mul(DAY)?.checked_add(time)
}

/// Reads an instant: a date and time followed by `Z` or an offset (`+02:00`, `+0200`, `+02`).
pub fn parse_instant(text: &str) -> Option<i64> {
    if let Some(utc) = text.strip_suffix(['Z', 'z']) {
        return parse_datetime(utc);
    }
    let clock = text.find(':')?;
    let at = clock + text[clock..].find(['+', '-'])?;
    // Characters of more bytes than one stand in no offset, and must not be cut through.
    let offset = text.get(at + 1..).filter(|offset| offset.is_ascii())?;
    let (hours, minutes) = match offset.as_bytes() {
        [_, _] => (offset, "00"),
        [_, _, b':', _, _] => (&offset[..2], &offset[3..]),
        [_, _, _, _] => offset.split_at(2),
        _ => return None,
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes).filter(|m| *m < 60)?);
    let offset = i64::from(hours * 60 + minutes) * 60 * SECOND;
    let local = parse_datetime(text[..at].trim_end())?;
    local.checked_sub(if text.as_bytes()[at] == b'-' { -offset } else { offset })
}

/// Reads a date that is no day of the calendar (`0000-00-00`, `2020-02-31`), as the day that stands
/// for it in a field of [`syncline_types::field::SPECIAL`] `zero-date`.
pub fn parse_no_day(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' || parse_date(text).is_some() {
        return None;
    }
    let digits = [&text[..4], text.get(5..7)?, text.get(8..)?].concat();
    let number: i32 = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let days = NO_DAY + number;
    no_day(days.into()).map(|_| days)
}

/// Appends the date that is no day of the calendar, which `days` stands for; `false` for others.
pub fn push_no_day(days: i64, out: &mut String) -> bool {
    let Some((year, month, day)) = no_day(days) else { return false };
    // Writing to a String cannot fail.
    let _ = write!(out, "{year:04}-{month:02}-{day:02}");
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_that_are_no_days_come_back() {
        for text in ["0000-00-00", "2020-00-10", "2020-02-31", "9999-12-00"] {
            let mut again = String::new();
            assert!(push_no_day(parse_no_day(text).unwrap().into(), &mut again));
            assert_eq!(again, text);
        }
        for text in ["2020-02-29", "2020-13-01", "2020-01-32", "20200-0-00", "é020-00-00", ""] {
            assert_eq!(parse_no_day(text), None, "{text}");
        }
        assert!(!push_no_day(0, &mut String::new()));
    }

    #[test]
    fn an_offset_with_wide_characters_is_no_offset() {
        assert_eq!(parse_instant("2024-01-01 10:00+0\u{1f6e4}"), None);
        assert_eq!(parse_instant(":+\u{1f6e4}"), None);
    }

    fn datetime(micros: i64) -> String {
        let mut out = String::new();
        push_datetime(micros, &mut out);
        out
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(days(2000, 2, 29), Some(11_016));
        assert_eq!(days(1900, 2, 29), None);
        assert_eq!(datetime(0), "1970-01-01 00:00:00");
        assert_eq!(datetime(-1), "1969-12-31 23:59:59.999999");
        assert_eq!(
            parse_datetime("-0043-03-15 12:00"),
            Some(days(-43, 3, 15).unwrap() * DAY + DAY / 2)
        );
    }

    #[test]
    fn only_the_iso_forms_are_read() {
        for text in [
            "",
            "2020",
            "2020-1-1",
            "2020-13-01",
            "2020-00-10",
            "0000-00-00",
            "20200101",
            "12020-01-01",
            "2020-01-01 25:00",
            "2020-01-01 12",
            "2020-01-01 12:60",
            "é020-01-01",
            "2020-01-01 12:00:00.1234567",
            "2020-01-01  12:00",
            "2020-01-01 12:00Z",
            "-0000-01-01",
        ] {
            assert_eq!(parse_datetime(text), None, "{text}");
        }
        assert_eq!(parse_datetime("1970-01-01T00:00:01.5"), Some(1_500_000));
        assert_eq!(parse_datetime("1970-01-01 00:00:00.000001000"), Some(1));
        assert_eq!(parse_instant("1970-01-01 02:00:00+02:00"), Some(0));
        assert_eq!(parse_instant("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse_instant("1969-12-31 19:30:00.5-0430"), Some(500_000));
        assert_eq!(parse_instant("1970-01-01 00:00:00"), None);
        assert_eq!(parse_instant("1970-01-01 00:00:00+é"), None);
        assert_eq!(parse_duration("-838:59:59.000001"), Some(-3_020_399_000_001));
        assert_eq!(parse_time("24:00:00"), Some(DAY));
        assert_eq!(parse_time("24:00:01"), None);
    }

    proptest! {
        #[test]
        fn every_date_and_time_is_read_back(micros: i64) {
            prop_assert_eq!(parse_datetime(&datetime(micros)), Some(micros));
            let utc = datetime(micros) + "+00:00";
            prop_assert_eq!(parse_instant(&utc), Some(micros));
            let mut out = String::new();
            push_time(micros, &mut out);
            prop_assert_eq!(parse_duration(&out), Some(micros));
        }

        #[test]
        fn nothing_read_is_a_panic(text: String) {
            let _ = (parse_instant(&text), parse_datetime(&text), parse_duration(&text));
        }
    }
}
