//! Dates and times as dumps write them: ISO 8601 as [`crate::moment`] reads it, with PostgreSQL's
//! `BC` and long years, offsets, MySQL's zero dates, and the infinities that Arrow does not have.

use syncline_types::Code;

use super::decode::Fault;
use crate::moment::{self, DAY, SECOND};

fn unfit<T>(text: &str, what: &str) -> Result<T, Fault> {
    let shown: String = text.chars().take(60).collect();
    let special = matches!(text, "infinity" | "-infinity");
    if special || zero_date(text) {
        return Err(Fault(Code::NoEquivalent, format!("'{shown}' is {what} of no calendar")));
    }
    Err(Fault(Code::Conversion, format!("'{shown}' is not {what}")))
}

/// MySQL's `0000-00-00`, and dates without a month or a day.
fn zero_date(text: &str) -> bool {
    let mut parts = text.get(..10).unwrap_or_default().split('-');
    let all = [parts.next(), parts.next(), parts.next()];
    all.iter().all(|p| p.is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit())))
        && all.contains(&Some("00"))
}

/// The day that stands for a text in a column that says it has such values.
pub(crate) fn day_beyond(text: &str, special: Option<&str>) -> Option<i32> {
    match (special?, text) {
        ("infinity", "infinity") => Some(i32::MAX),
        ("infinity", "-infinity") => Some(i32::MIN),
        ("zero-date", _) => moment::parse_no_day(text),
        _ => None,
    }
}

/// The microseconds that stand for a text in a column that says it has such values.
pub(crate) fn moment_beyond(text: &str, special: Option<&str>) -> Option<i64> {
    match (special?, text) {
        ("infinity", "infinity") => Some(i64::MAX),
        ("infinity", "-infinity") => Some(i64::MIN),
        ("zero-date", _) => {
            let days = moment::parse_no_day(text.get(..10)?)?;
            let time = match text.get(10..)? {
                "" => 0,
                rest => moment::parse_time(rest.strip_prefix([' ', 'T'])?)?,
            };
            Some(i64::from(days) * DAY + time)
        }
        _ => None,
    }
}

/// Days of the date that a text begins with, and the rest behind it: ISO 8601, or PostgreSQL's
/// years before 1 (`0044-03-15 BC`) and after 9999 (`12020-01-01`).
fn leading_date(text: &str) -> Option<(i64, &str)> {
    let (text, before) = match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits <= 4 && !before {
        let end = text.find([' ', 'T']).unwrap_or(text.len());
        return Some((moment::parse_date(&text[..end])?, &text[end..]));
    }
    let year: i64 = text[..digits].parse().ok()?;
    let year = if before { 1 - year } else { year };
    let [b'-', m1, m2, b'-', d1, d2] = *text.as_bytes().get(digits..digits + 6)? else {
        return None;
    };
    let two = |a: u8, b: u8| Some((a as char).to_digit(10)? * 10 + (b as char).to_digit(10)?);
    // The calendar repeats every 400 years.
    let days = moment::days(year.rem_euclid(400), two(m1, m2)?, two(d1, d2)?)?;
    let fits = (1..7_000_000).contains(&(if before { 1 - year } else { year }));
    fits.then(|| (days + year.div_euclid(400) * 146_097, &text[digits + 6..]))
}

/// Microseconds of a date and, behind it, a time.
fn leading_moment(text: &str) -> Option<i64> {
    let (days, rest) = leading_date(text)?;
    let time = match rest.as_bytes().first() {
        None => 0,
        Some(b' ' | b'T') => moment::parse_time(&rest[1..])?,
        Some(_) => return None,
    };
    days.checked_mul(DAY)?.checked_add(time)
}

pub(crate) fn date(text: &str) -> Result<i32, Fault> {
    let days = leading_date(text).filter(|(_, rest)| rest.is_empty());
    days.and_then(|(d, _)| i32::try_from(d).ok()).map_or_else(|| unfit(text, "a date"), Ok)
}

pub(crate) fn timestamp(text: &str) -> Result<i64, Fault> {
    leading_moment(text).map_or_else(|| unfit(text, "a date and time"), Ok)
}

/// `zone` is the offset, in seconds, of instants written without one.
pub(crate) fn instant(text: &str, zone: Option<i32>) -> Result<i64, Fault> {
    let what = "an instant";
    let (body, era) = text.strip_suffix(" BC").map_or((text, ""), |body| (body, " BC"));
    let clock = body.find(':').unwrap_or(body.len());
    let (local, offset) = match body[clock..].find(['+', '-', 'Z']) {
        Some(at) => {
            let (local, offset) = body.split_at(clock + at);
            (local.trim_end(), offset_seconds(offset))
        }
        None => (body, zone),
    };
    let micros = if era.is_empty() {
        leading_moment(local)
    } else {
        leading_moment(&format!("{local}{era}"))
    };
    let Some(micros) = micros else { return unfit(text, what) };
    match offset {
        Some(seconds) => {
            micros.checked_sub(i64::from(seconds) * SECOND).map_or_else(|| unfit(text, what), Ok)
        }
        None => Err(Fault(
            Code::Conversion,
            format!("'{text}' has no time zone, and the script sets none before it"),
        )),
    }
}

/// Seconds of `+02`, `-03:30`, `+00:19:32`, `Z`.
fn offset_seconds(text: &str) -> Option<i32> {
    let sign = match text.as_bytes().first()? {
        b'Z' => return (text.len() == 1).then_some(0),
        b'-' => -1,
        _ => 1,
    };
    let mut seconds = 0;
    let mut unit = 3600;
    for part in text[1..].split(':') {
        if part.len() != 2 || unit == 0 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        seconds += part.parse::<i32>().ok()? * unit;
        unit /= 60;
    }
    Some(sign * seconds)
}

pub(crate) fn time(text: &str) -> Result<i64, Fault> {
    moment::parse_time(text).map_or_else(|| unfit(text, "a time of day"), Ok)
}

pub(crate) fn duration(text: &str) -> Result<i64, Fault> {
    moment::parse_duration(text).map_or_else(|| unfit(text, "a length of time"), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_years_are_read() {
        assert_eq!(date("0001-01-01 BC").unwrap(), -719_528);
        assert_eq!(date("0044-03-15 BC").unwrap(), date("-0043-03-15").unwrap());
        assert_eq!(date("12020-01-01").unwrap(), date("+12020-01-01").unwrap());
        assert!(timestamp("0044-03-15 01:02:03.000001 BC").is_ok());
        for text in ["0000-00-00", "infinity", "2020-00-10"] {
            assert_eq!(date(text).unwrap_err().0, Code::NoEquivalent, "{text}");
        }
        assert_eq!(date("2020-02-30").unwrap_err().0, Code::Conversion);
        assert_eq!(timestamp("0000-00-00 00:00:00").unwrap_err().0, Code::NoEquivalent);
    }

    #[test]
    fn instants_need_a_zone() {
        assert_eq!(instant("1970-01-01 00:19:32+00:19:32", None).unwrap(), 0);
        assert_eq!(instant("1970-01-01 02:00:00", Some(7200)).unwrap(), 0);
        assert_eq!(instant("1969-12-31 20:30:00-03:30", None).unwrap(), 0);
        assert_eq!(
            instant("0044-03-15 01:02:03+00 BC", None).unwrap(),
            timestamp("-0043-03-15 01:02:03").unwrap()
        );
        assert!(instant("1970-01-01 00:00:00", None).is_err());
        assert!(instant("1970-01-01 00:00:00+2", None).is_err());
    }
}
