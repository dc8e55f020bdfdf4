//! Floats: their shortest exact text, and conversions that keep the number.
//!
//! A float stands for one binary number; the shortest decimal that reads back as the same float is
//! its text. A decimal becomes a float only when that text is the decimal again, and a text only
//! when the float, printed with as many digits, is the text again. So `0.1` is a float,
//! `0.10000000000000001` is the same one, and `3.14159265358979323846` is none.

use crate::digits::{Digits, Whole, special, write_decimal};
use crate::misfit::{Fit, Side, conversion, infinity, nan, negative_zero, out_of_range};

/// `f32` and `f64` alike.
pub(crate) trait Float: Copy + PartialEq + std::str::FromStr {
    /// A decimal of so many digits survives the way into the float and back.
    const SAFE_DIGITS: usize;
    fn widen(self) -> f64;
    fn of(value: f64) -> Self;
    /// Shortest digits that read back as the same float; without `.0`.
    fn shortest(self) -> String;
    /// Whether the text is [`Float::shortest`] of a number, to the letter.
    fn is_shortest(self, text: &str) -> bool;
    /// In scientific form with that many digits after the first, correctly rounded.
    fn rounded(self, digits: usize) -> String;
    /// Has all bits of its precision.
    fn is_normal(self) -> bool;
}

macro_rules! float {
    ($float:ty) => {
        impl Float for $float {
            const SAFE_DIGITS: usize = <$float>::DIGITS as usize;
            fn widen(self) -> f64 {
                self.into()
            }
            fn of(value: f64) -> Self {
                value as $float
            }
            fn shortest(self) -> String {
                if self.is_nan() {
                    return "NaN".into();
                }
                if self.is_infinite() {
                    return if self > 0.0 { "Infinity".into() } else { "-Infinity".into() };
                }
                let mut text = format!("{self:?}");
                if text.ends_with(".0") {
                    text.truncate(text.len() - 2);
                }
                text
            }
            fn is_shortest(self, text: &str) -> bool {
                self.is_finite() && zmij::Buffer::new().format_finite(self) == text
            }
            fn rounded(self, digits: usize) -> String {
                format!("{self:.digits$e}")
            }
            fn is_normal(self) -> bool {
                <$float>::is_normal(self)
            }
        }
    };
}
float!(f32);
float!(f64);

fn changed() -> crate::misfit::Misfit {
    conversion("no floating-point number has exactly these digits")
}

/// The float of a text. `exact` asks for the shortest digits, as for numbers that are to come back
/// unchanged; otherwise more digits are fine when they are the float's own.
pub(crate) fn parse_float<F: Float>(text: &str, exact: bool) -> Fit<F> {
    // The usual long text is a number's own, to the letter: its digits need not be looked at.
    if text.len() > F::SAFE_DIGITS + 1
        && let Ok(float) = text.parse::<F>()
        && float.is_shortest(text)
    {
        return Ok(float);
    }
    let Some(digits) = Digits::read(text) else {
        return match special(text) {
            Some("NaN") => Ok(F::of(f64::NAN)),
            Some("Infinity") => Ok(F::of(f64::INFINITY)),
            Some(_) => Ok(F::of(f64::NEG_INFINITY)),
            None => Err(conversion("not a number")),
        };
    };
    let float: F = text.parse().map_err(|_| conversion("not a number"))?;
    if float.widen().is_infinite() {
        return Err(out_of_range("too large"));
    }
    if (float.is_normal() && digits.count() <= F::SAFE_DIGITS)
        || digits.is_zero()
        || float.is_shortest(text)
    {
        return Ok(float);
    }
    let wanted = digits.significant();
    let same = |text: String| Digits::read(&text).is_some_and(|d| d.significant() == wanted);
    let own = || wanted.len() <= 1_100 && same(float.rounded(wanted.len() - 1));
    // Zero has no digits of its own: a text that is not zero has become it.
    let fits = float.widen() != 0.0 && (same(float.shortest()) || (!exact && own()));
    if fits { Ok(float) } else { Err(changed()) }
}

/// The float of a decimal, when its shortest text is the decimal.
pub(crate) fn from_decimal<F: Float, W: Whole>(value: W, scale: i8, text: &mut String) -> Fit<F> {
    text.clear();
    write_decimal(value, scale, text);
    parse_float(text, true)
}

/// Neither NaN nor infinite.
pub(crate) fn finite(float: f64) -> Fit<()> {
    if float.is_nan() {
        Err(nan())
    } else if float.is_infinite() {
        Err(infinity(if float < 0.0 { Side::Below } else { Side::Above }))
    } else {
        Ok(())
    }
}

/// Numbers other than floats have one zero.
pub(crate) fn unsigned_zero(float: f64) -> Fit<()> {
    let negative = float == 0.0 && float.is_sign_negative();
    if negative { Err(negative_zero()) } else { Ok(()) }
}

/// The decimal of a float's shortest text.
pub(crate) fn to_decimal<F: Float, W: Whole>(float: F, precision: u8, scale: i8) -> Fit<W> {
    finite(float.widen())?;
    unsigned_zero(float.widen())?;
    match Digits::read(&float.shortest()) {
        Some(digits) => digits.unscaled(precision, scale),
        None => Err(conversion("not a number")),
    }
}

/// A whole number that fits, exactly.
pub(crate) fn to_int<T: TryFrom<i128>>(float: f64) -> Fit<T> {
    finite(float)?;
    unsigned_zero(float)?;
    if float.fract() != 0.0 {
        return Err(conversion("not a whole number"));
    }
    // The cast saturates far outside of what any target takes.
    T::try_from(float as i128).map_err(|_| out_of_range("beyond the type's range"))
}

/// An integer that a float can hold exactly.
pub(crate) fn from_int<F: Float>(value: i128) -> Fit<F> {
    let float = F::of(value as f64);
    if float.widen() as i128 == value {
        Ok(float)
    } else {
        Err(conversion("more digits than the float has"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_become_the_float_they_name_or_none() {
        assert_eq!(parse_float::<f64>("0.1", false), Ok(0.1));
        assert_eq!(parse_float::<f64>("0.10000000000000001", false), Ok(0.1));
        assert_eq!(parse_float::<f64>("0.1000000000000000055511151231257827", false), Ok(0.1));
        assert!(parse_float::<f64>("0.10000000000000001", true).is_err());
        assert!(parse_float::<f64>("3.14159265358979323846", false).is_err());
        assert!(parse_float::<f64>("9007199254740993", false).is_err());
        assert_eq!(parse_float::<f64>("1e300", false), Ok(1e300));
        assert_eq!(parse_float::<f64>("5e-324", false), Ok(5e-324));
        assert!(parse_float::<f64>("4e-324", false).is_err());
        assert!(parse_float::<f64>("1e-400", false).is_err());
        assert!(parse_float::<f64>("1e400", false).is_err());
        assert_eq!(parse_float::<f32>("16777216", false), Ok(16_777_216.0));
        assert!(parse_float::<f32>("16777217", false).is_err());
        assert!(parse_float::<f64>("-0", false).unwrap().is_sign_negative());
        assert_eq!(parse_float::<f64>("-inf", false), Ok(f64::NEG_INFINITY));
        for bad in ["", " 1", "1 ", "0x10", "1,5", "one", "infinit"] {
            assert!(parse_float::<f64>(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn shortest_texts_have_no_idle_digits() {
        assert_eq!(1.0_f64.shortest(), "1");
        assert_eq!(0.1_f32.shortest(), "0.1");
        assert_eq!((-0.0_f64).shortest(), "-0");
        assert_eq!(1e300_f64.shortest(), "1e300");
        assert_eq!(f64::NEG_INFINITY.shortest(), "-Infinity");
    }

    proptest! {
        #[test]
        fn every_float_comes_back_from_its_text(bits: u64, small: u32) {
            let float = f64::from_bits(bits);
            let back = parse_float::<f64>(&float.shortest(), true).unwrap();
            prop_assert!(back == float && back.is_sign_negative() == float.is_sign_negative()
                || back.is_nan() && float.is_nan());
            let float = f32::from_bits(small);
            let back = parse_float::<f32>(&float.shortest(), true).unwrap();
            prop_assert!(back == float || back.is_nan() && float.is_nan());
            if f64::from_bits(bits).is_finite() {
                let long = format!("{:.16e}", f64::from_bits(bits));
                prop_assert_eq!(parse_float::<f64>(&long, false), Ok(f64::from_bits(bits)));
            }
        }

        #[test]
        fn decimals_come_back_from_floats_or_are_refused(value: i64, scale in -5_i8..30) {
            let value = i128::from(value);
            if let Ok(float) = from_decimal::<f64, _>(value, scale, &mut String::new()) {
                prop_assert_eq!(to_decimal::<f64, i128>(float, 38, scale), Ok(value));
            }
        }

        #[test]
        fn integers_come_back_from_floats_or_are_refused(value: i128) {
            for value in [value, value >> 64, value >> 80] {
                if let Ok(float) = from_int::<f64>(value) {
                    prop_assert_eq!(to_int::<i128>(float), Ok(value));
                }
                if let Ok(float) = from_int::<f32>(value) {
                    prop_assert_eq!(to_int::<i128>(float.into()), Ok(value));
                }
            }
        }
    }
}
