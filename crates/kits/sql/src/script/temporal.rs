//! Dates and times as dumps write them: ISO 8601 as [`crate::moment`] reads it, with PostgreSQL's
//! `BC` and long years, offsets, MySQL's zero dates, and the infinities that Arrow does not have.

use std::borrow::Cow;

use syncline_types::Code;

use super::decode::Fault;
use crate::moment::{self, SECOND};

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

/// PostgreSQL's years in ISO's form: `0044-… BC` is -0043, `12020-…` is +12020.
fn iso(text: &str) -> Option<Cow<'_, str>> {
    let (text, before) = match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if !before && digits <= 4 {
        return Some(Cow::Borrowed(text));
    }
    let (year, rest) = text.split_at(digits);
    let year: i64 = year.parse().ok()?;
    if before {
        let year = 1 - year;
        let sign = if year < 0 { "-" } else { "" };
        return (year < 1).then(|| Cow::Owned(format!("{sign}{:04}{rest}", -year)));
    }
    Some(Cow::Owned(format!("+{year}{rest}")))
}

pub(crate) fn date(text: &str) -> Result<i32, Fault> {
    let days = iso(text).and_then(|text| moment::parse_date(&text));
    days.and_then(|d| i32::try_from(d).ok()).map_or_else(|| unfit(text, "a date"), Ok)
}

pub(crate) fn timestamp(text: &str) -> Result<i64, Fault> {
    let micros = iso(text).and_then(|text| moment::parse_datetime(&text));
    micros.map_or_else(|| unfit(text, "a date and time"), Ok)
}

/// `zone` is the offset, in seconds, of instants written without one.
pub(crate) fn instant(text: &str, zone: Option<i32>) -> Result<i64, Fault> {
    let what = "an instant";
    let Some(iso) = iso(text) else { return unfit(text, what) };
    let clock = iso.find(':').unwrap_or(iso.len());
    let (local, offset) = match iso[clock..].find(['+', '-', 'Z']) {
        Some(at) => {
            let (local, offset) = iso.split_at(clock + at);
            (local, offset_seconds(offset))
        }
        None => (&*iso, zone),
    };
    let Some(micros) = moment::parse_datetime(local.trim_end()) else { return unfit(text, what) };
    match offset {
        Some(seconds) => micros
            .checked_sub(i64::from(seconds) * SECOND)
            .map_or_else(|| unfit(text, what), Ok),
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
        assert_eq!(instant("0044-03-15 01:02:03+00 BC", None).unwrap(), timestamp("-0043-03-15 01:02:03").unwrap());
        assert!(instant("1970-01-01 00:00:00", None).is_err());
        assert!(instant("1970-01-01 00:00:00+2", None).is_err());
    }
}
