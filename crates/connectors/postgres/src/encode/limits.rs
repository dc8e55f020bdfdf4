//! Values a column would change or refuse: what the server would round or cut without a word.

use syncline_sql::moment;
use syncline_types::{Code, Error};

use crate::numeric;
use crate::values::{EPOCH_DAYS, EPOCH_MICROS};

/// A value the column would change or refuse.
pub(super) struct Fault(pub(super) Code, pub(super) String);

impl Fault {
    pub(super) fn of(self, column: &str) -> Error {
        Error::new(self.0, format!("column {column:?}: {}", self.1))
    }
}

pub(super) fn check_step(value: i128, scale: i8, step: Option<i128>) -> Result<(), Fault> {
    if step.is_none_or(|step| value % step == 0) {
        return Ok(());
    }
    let text = numeric::plain(&value.to_string(), scale);
    Err(Fault(Code::OutOfRange, format!("{text} has more digits than the column's scale")))
}

pub(super) fn check_fraction(micros: i64, step: i64) -> Result<(), Fault> {
    if step == 1 || micros % step == 0 {
        return Ok(());
    }
    let fraction = micros.rem_euclid(moment::SECOND);
    Err(Fault(
        Code::OutOfRange,
        format!("a fraction of .{fraction:06} s has more digits than the column's precision"),
    ))
}

/// The server refuses what is too long, unless all that is too much is blanks: those it drops.
pub(super) fn check_length(text: &str, most: Option<usize>) -> Result<(), Fault> {
    match most {
        Some(most) if text.len() > most && text.chars().nth(most).is_some() => {
            Err(Fault(Code::OutOfRange, format!("a text of more than {most} characters")))
        }
        _ => Ok(()),
    }
}

pub(super) fn decimal_text(text: &str, scale: Option<i32>, out: &mut Vec<u8>) -> Result<(), Fault> {
    check_scale(text, scale)?;
    numeric::push_text(text, out)
        .ok_or_else(|| Fault(Code::Conversion, format!("{:?} is no decimal number", clipped(text))))
}

pub(super) fn check_scale(text: &str, scale: Option<i32>) -> Result<(), Fault> {
    let Some(scale) = scale else { return Ok(()) };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let zeros = |part: &str| part.bytes().all(|b| b == b'0');
    let fits = match usize::try_from(scale) {
        Ok(scale) => fraction.get(scale..).is_none_or(zeros),
        Err(_) => {
            let cut = scale.unsigned_abs() as usize;
            let digits = whole.trim_start_matches('-');
            zeros(fraction)
                && zeros(digits.get(digits.len().saturating_sub(cut)..).unwrap_or(digits))
        }
    };
    // NaN and the infinities have no digits to lose; the server says whether it takes them.
    if fits || !text.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(());
    }
    Err(Fault(
        Code::OutOfRange,
        format!("{} has more digits than the column's scale of {scale}", clipped(text)),
    ))
}

pub(super) fn clipped(text: &str) -> String {
    text.chars().take(60).collect()
}

pub(super) fn money(units: i128) -> Result<i64, Fault> {
    i64::try_from(units).map_err(|_| Fault(Code::OutOfRange, format!("{units} is too much money")))
}

pub(super) fn date(days: i32) -> Result<i32, Fault> {
    // The two ends stand for the infinities.
    match days.checked_sub(EPOCH_DAYS) {
        Some(day) if day != i32::MIN => Ok(day),
        _ => Err(Fault(Code::OutOfRange, format!("day {days} from 1970 is out of range"))),
    }
}

pub(super) fn timestamp(micros: i64) -> Result<i64, Fault> {
    match micros.checked_sub(EPOCH_MICROS) {
        Some(at) if at != i64::MIN => Ok(at),
        _ => Err(Fault(Code::OutOfRange, format!("{micros} µs from 1970 are out of range"))),
    }
}

/// Digits of a second's fraction beyond those the column keeps.
pub(super) fn check_digits(text: &str, digits: usize) -> Result<(), Fault> {
    let fraction = text.split_once('.').map_or("", |(_, rest)| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].trim_end_matches('0')
    });
    if fraction.len() <= digits {
        return Ok(());
    }
    let text = clipped(text);
    Err(Fault(Code::OutOfRange, format!("{text} has more digits than the column's precision")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_would_round_or_cut_is_refused() {
        assert!(check_fraction(1_234_000, 1_000).is_ok());
        assert!(check_fraction(1_234_500, 1_000).is_err());
        assert!(check_fraction(-1, 1).is_ok());
        assert!(check_length("abc", Some(3)).is_ok());
        assert!(check_length("éééé", Some(4)).is_ok());
        assert!(check_length("abc ", Some(3)).is_err());
        assert!(check_step(12_300, 0, Some(100)).is_ok());
        assert!(check_step(12_345, 0, Some(100)).is_err());
        assert!(check_scale("1.2300", Some(2)).is_ok());
        assert!(check_scale("1.234", Some(2)).is_err());
        assert!(check_scale("1200", Some(-2)).is_ok());
        assert!(check_scale("1234", Some(-2)).is_err());
        assert!(check_scale("NaN", Some(2)).is_ok());
        assert!(check_digits("1 day 00:00:00.250", 2).is_ok());
        assert!(check_digits("12:00:00.255+02", 2).is_err());
        assert!(date(i32::MIN).is_err());
        assert!(date(i32::MIN + EPOCH_DAYS).is_err());
        assert!(timestamp(i64::MIN + EPOCH_MICROS).is_err());
    }
}
