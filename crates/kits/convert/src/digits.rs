//! Decimal numbers as digits: read from text, brought to a scale, and compared with floats.
//!
//! `i128` and `i256` go through the same generic code ([`Whole`]); nothing is ever rounded.

use arrow::array::ArrowNativeTypeOp;
use arrow::datatypes::i256;

use crate::misfit::{Fit, Misfit, Side, conversion, infinity, nan, out_of_range};

/// The unscaled number behind a decimal.
pub(crate) trait Whole: ArrowNativeTypeOp + std::fmt::Display {
    /// From a small number.
    fn small(value: u64) -> Self;
    /// In full width.
    fn wide(self) -> i256;
    /// From full width, when it fits.
    fn narrow(value: i256) -> Option<Self>;
    /// As a machine integer, when it fits.
    fn to_i128(self) -> Option<i128>;

    /// `10^n`, when it fits.
    fn power(n: u32) -> Option<Self> {
        Self::small(10).pow_checked(n).ok()
    }

    /// Whether it has at most `precision` digits.
    fn within(self, precision: u8) -> bool {
        match Self::power(precision.into()) {
            Some(limit) => self.is_lt(limit) && self.is_gt(limit.neg_wrapping()),
            None => true,
        }
    }
}

impl Whole for i128 {
    fn small(value: u64) -> Self {
        value.into()
    }
    fn wide(self) -> i256 {
        i256::from_i128(self)
    }
    fn narrow(value: i256) -> Option<Self> {
        value.to_i128()
    }
    fn to_i128(self) -> Option<i128> {
        Some(self)
    }
}

impl Whole for i256 {
    fn small(value: u64) -> Self {
        i256::from_i128(value.into())
    }
    fn wide(self) -> i256 {
        self
    }
    fn narrow(value: i256) -> Option<Self> {
        Some(value)
    }
    fn to_i128(self) -> Option<i128> {
        i256::to_i128(self)
    }
}

pub(crate) fn too_many_digits() -> Misfit {
    out_of_range("too many digits before the point")
}

pub(crate) fn too_fine() -> Misfit {
    conversion("it would lose digits after the point")
}

/// `value × 10^(to − from)`, exactly.
pub(crate) fn rescale<W: Whole>(value: W, from: i8, to: i8) -> Fit<W> {
    let shift = i32::from(to) - i32::from(from);
    if value.is_zero() || shift == 0 {
        return Ok(value);
    }
    let power = W::power(shift.unsigned_abs());
    if shift > 0 {
        power.and_then(|p| value.mul_checked(p).ok()).ok_or_else(too_many_digits)
    } else {
        // A power that the type cannot hold is larger than the value, so it divides no value but 0.
        let power = power.ok_or_else(too_fine)?;
        match value.mod_checked(power) {
            Ok(rest) if rest.is_zero() => value.div_checked(power).map_err(|_| too_fine()),
            _ => Err(too_fine()),
        }
    }
}

/// A number's text taken apart: `±whole.fraction × 10^exponent`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digits<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i32,
}

impl<'a> Digits<'a> {
    /// `[+-]digits[.digits][e[+-]digits]`, with a digit at least on one side of the point.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (negative, rest) = match bytes.first()? {
            b'-' => (true, &bytes[1..]),
            b'+' => (false, &bytes[1..]),
            _ => (false, bytes),
        };
        let run = |t: &[u8]| t.iter().take_while(|b| b.is_ascii_digit()).count();
        let (whole, rest) = rest.split_at(run(rest));
        let (fraction, rest) = match rest.strip_prefix(b".") {
            Some(after) => after.split_at(run(after)),
            None => (&rest[..0], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest.split_first() {
            None => 0,
            Some((b'e' | b'E', after)) => {
                let text = std::str::from_utf8(after).ok()?;
                let signs = usize::from(text.starts_with(['+', '-']));
                if text.len() == signs || run(&after[signs..]) != after.len() - signs {
                    return None;
                }
                // Far beyond any type; the exact size matters no more.
                let far = if text.starts_with('-') { -1_000_000 } else { 1_000_000 };
                text.parse::<i32>().unwrap_or(far).clamp(-1_000_000, 1_000_000)
            }
            Some(_) => return None,
        };
        Some(Self { negative, whole, fraction, exponent })
    }

    fn all(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.whole.iter().chain(self.fraction).copied()
    }

    /// Digits that matter, without zeros at either end.
    pub(crate) fn significant(&self) -> Vec<u8> {
        let mut digits: Vec<u8> = self.all().skip_while(|d| *d == b'0').collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        digits
    }

    /// How many digits there are at most that matter.
    pub(crate) fn count(&self) -> usize {
        self.whole.len() + self.fraction.len()
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.all().all(|d| d == b'0')
    }

    /// The number times `10^scale`, when that is whole and has at most `precision` digits.
    pub(crate) fn unscaled<W: Whole>(&self, precision: u8, scale: i8) -> Fit<W> {
        if let Some(value) = self.unscaled_word(precision, scale) {
            let value = W::small(value);
            return Ok(if self.negative { value.neg_wrapping() } else { value });
        }
        // So many digits, counted from the first, stand before the wanted end.
        let kept = self.whole.len() as i64 + i64::from(self.exponent) + i64::from(scale);
        let mut value = W::small(0);
        // Eighteen digits at a time go through a machine word.
        let (mut word, mut power) = (0_u64, 1_u64);
        let push = |value: W, word, power| {
            value
                .mul_checked(W::small(power))
                .and_then(|v| v.add_checked(W::small(word)))
                .map_err(|_| too_many_digits())
        };
        for (i, digit) in self.all().enumerate() {
            if i as i64 >= kept {
                if digit != b'0' {
                    return Err(too_fine());
                }
                continue;
            }
            word = word * 10 + u64::from(digit - b'0');
            power *= 10;
            if power == 1_000_000_000_000_000_000 {
                value = push(value, word, power)?;
                (word, power) = (0, 1);
            }
        }
        value = push(value, word, power)?;
        let missing = kept - self.count() as i64;
        if missing > 0 && !value.is_zero() {
            let power = u32::try_from(missing).ok().and_then(W::power);
            value = power.and_then(|p| value.mul_checked(p).ok()).ok_or_else(too_many_digits)?;
        }
        if !value.within(precision) {
            return Err(too_many_digits());
        }
        Ok(if self.negative { value.neg_wrapping() } else { value })
    }

    /// As [`Digits::unscaled`], for the usual number: without an exponent, no finer than the scale,
    /// and small enough for a machine word.
    fn unscaled_word(&self, precision: u8, scale: i8) -> Option<u64> {
        let scale = usize::try_from(scale).ok()?;
        let missing = scale.checked_sub(self.fraction.len())?;
        if self.exponent != 0 || self.whole.len() + scale > WORD_DIGITS {
            return None;
        }
        let add = |value, digit: &u8| value * 10 + u64::from(digit - b'0');
        let value = self.fraction.iter().fold(self.whole.iter().fold(0, add), add);
        let value = value * POWERS[missing];
        let within = POWERS.get(usize::from(precision)).is_none_or(|limit| value < *limit);
        within.then_some(value)
    }

    /// Without an exponent, in the form stores exchange: `-12.50`, `0.001`. Zeros after the point
    /// stay as they are, for they tell the scale.
    pub(crate) fn plain(&self) -> Fit<String> {
        if self.exponent.unsigned_abs() > 131_072 {
            return Err(out_of_range("beyond 131,072 digits"));
        }
        let digits: String = self.all().map(char::from).collect();
        let point = self.whole.len() as i64 + i64::from(self.exponent);
        let (whole, fraction) = match usize::try_from(point) {
            Ok(point) if point >= digits.len() => {
                (format!("{digits}{}", "0".repeat(point - digits.len())), String::new())
            }
            Ok(point) => (digits[..point].to_owned(), digits[point..].to_owned()),
            Err(_) => {
                let zeros = usize::try_from(-point).unwrap_or(0);
                (String::new(), format!("{}{digits}", "0".repeat(zeros)))
            }
        };
        let whole = whole.trim_start_matches('0');
        let sign = if self.negative { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        Ok(format!("{sign}{whole}{point}{fraction}"))
    }
}

/// Digits that any machine word holds.
const WORD_DIGITS: usize = 18;

/// Powers of ten that a machine word holds, by their exponent.
const POWERS: [u64; WORD_DIGITS + 1] = {
    let mut powers = [1; WORD_DIGITS + 1];
    let mut at = 1;
    while at <= WORD_DIGITS {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// A number with `width` digits at least.
pub(crate) fn write_padded(value: u64, width: usize, out: &mut String) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value);
    for _ in digits.len()..width {
        out.push('0');
    }
    out.push_str(digits);
}

/// A decimal's text: `value` with `scale` digits after the point.
pub(crate) fn write_decimal<W: Whole>(value: W, scale: i8, out: &mut String) {
    use std::fmt::Write;
    let small = value.to_i128().and_then(|v| i64::try_from(v).ok());
    let places = usize::try_from(scale).ok();
    if let (Some(small), Some(places)) = (small, places)
        && let Some(power) = POWERS.get(places)
    {
        if small < 0 {
            out.push('-');
        }
        let digits = small.unsigned_abs();
        write_padded(digits / power, 1, out);
        if places > 0 {
            out.push('.');
            write_padded(digits % power, places, out);
        }
        return;
    }
    let start = out.len();
    // Writing into a String cannot fail.
    let _ = write!(out, "{value}");
    if scale > 0 {
        let scale = usize::from(scale.unsigned_abs());
        let first = start + usize::from(out[start..].starts_with('-'));
        let have = out.len() - first;
        if have <= scale {
            out.insert_str(first, &"0".repeat(scale + 1 - have));
        }
        out.insert(out.len() - scale, '.');
    } else if scale < 0 && !value.is_zero() {
        (scale..0).for_each(|_| out.push('0'));
    }
}

/// Decimal text in its canonical form: plain digits, or `NaN`, `Infinity`, `-Infinity`.
pub(crate) fn decimal_text(text: &str) -> Fit<String> {
    if let Some(special) = special(text) {
        return Ok(special.to_owned());
    }
    Digits::read(text).ok_or_else(|| conversion("not a decimal number"))?.plain()
}

/// The spellings of values that are no numbers.
pub(crate) fn special(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "nan" => Some("NaN"),
        "inf" | "infinity" | "+inf" | "+infinity" => Some("Infinity"),
        "-inf" | "-infinity" => Some("-Infinity"),
        _ => None,
    }
}

/// The decimal a text gives.
pub(crate) fn parse_decimal<W: Whole>(text: &str, precision: u8, scale: i8) -> Fit<W> {
    match Digits::read(text) {
        Some(digits) => digits.unscaled(precision, scale),
        None => Err(match special(text) {
            Some("NaN") => nan(),
            Some(text) => infinity(if text.starts_with('-') { Side::Below } else { Side::Above }),
            None => conversion("not a decimal number"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: i128, scale: i8) -> String {
        let mut out = String::new();
        write_decimal(value, scale, &mut out);
        out
    }

    #[test]
    fn decimals_are_written_with_all_their_digits() {
        assert_eq!(text(-5, 2), "-0.05");
        assert_eq!(text(1250, 2), "12.50");
        assert_eq!(text(0, 3), "0.000");
        assert_eq!(text(12, -3), "12000");
        assert_eq!(text(0, -3), "0");
    }

    #[test]
    fn decimals_are_read_exactly_or_refused() {
        let read = |t: &str| parse_decimal::<i128>(t, 5, 2).map_err(|m| m.code.to_string());
        assert_eq!(read("+12.5"), Ok(1250));
        assert_eq!(read("-.05"), Ok(-5));
        assert_eq!(read("7."), Ok(700));
        assert_eq!(read("1.2500000000000000000000000000000000000000000000000000"), Ok(125));
        assert_eq!(read("00000000000000000000000000000000000000000000000001"), Ok(100));
        assert_eq!(read("1.25e2"), Ok(12_500));
        assert_eq!(read("12500e-2"), Ok(12_500));
        assert_eq!(read("0e999999999999"), Ok(0));
        assert_eq!(read("1.255"), Err("E0301".into()));
        assert_eq!(read("1000"), Err("E0306".into()));
        assert_eq!(read("1e99999999999"), Err("E0306".into()));
        assert_eq!(read("1e-99999999999"), Err("E0301".into()));
        assert_eq!(read("NaN"), Err("E0309".into()));
        for bad in ["", ".", "-", "1,5", " 1", "1 ", "1e", "1e+", "0x1", "1_000", "--1", "٣"] {
            assert_eq!(read(bad), Err("E0301".into()), "{bad}");
        }
    }

    #[test]
    fn plain_text_keeps_scale_and_loses_exponents() {
        let plain = |t: &str| decimal_text(t).unwrap();
        assert_eq!(plain("0012.500"), "12.500");
        assert_eq!(plain("-0"), "-0");
        assert_eq!(plain(".5"), "0.5");
        assert_eq!(plain("5."), "5");
        assert_eq!(plain("1.5e3"), "1500");
        assert_eq!(plain("1.5e-3"), "0.0015");
        assert_eq!(plain("15e-1"), "1.5");
        assert_eq!(plain("0e3"), "0");
        assert_eq!(plain("0.000"), "0.000");
        assert_eq!(plain("-infinity"), "-Infinity");
        assert_eq!(plain("nan"), "NaN");
        assert!(decimal_text("1e999999").is_err());
    }

    proptest! {
        #[test]
        fn decimals_come_back(value in -(10_i128.pow(38) - 1)..10_i128.pow(38), scale in -10_i8..=38) {
            let written = text(value, scale);
            prop_assert_eq!(parse_decimal::<i128>(&written, 38, scale), Ok(value));
            prop_assert_eq!(parse_decimal::<i256>(&written, 76, scale), Ok(i256::from_i128(value)));
            prop_assert_eq!(decimal_text(&written), Ok(written));
        }

        #[test]
        fn rescaling_is_exact_or_refused(value in any::<i64>(), from in 0_i8..20, to in 0_i8..20) {
            let value = i128::from(value);
            match rescale(value, from, to) {
                Ok(there) => prop_assert_eq!(rescale(there, to, from), Ok(value)),
                Err(_) => prop_assert!(value % 10_i128.pow((from - to).unsigned_abs().into()) != 0),
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[-+0-9.eE]{0,50}") {
            let narrow = parse_decimal::<i128>(&text, 38, 10);
            let plain = decimal_text(&text);
            if let (Ok(value), Ok(plain)) = (narrow, plain) {
                prop_assert_eq!(parse_decimal::<i128>(&plain, 38, 10), Ok(value));
            }
        }
    }
}
