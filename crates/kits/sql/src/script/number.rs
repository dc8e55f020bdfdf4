//! Numbers as scripts write them, exactly.

use syncline_types::Code;

use super::decode::{Fault, Fit, fault};

/// An integer of any length that 128 bits hold.
pub(crate) fn whole(text: &[u8]) -> Option<i128> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number: i128 = 0;
    if digits.len() <= 18 {
        let mut short: i64 = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            short = short * 10 + i64::from(digit - b'0');
        }
        number = short.into();
    } else {
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
    }
    Some(if negative { -number } else { number })
}

/// Digits with sign, point and exponent; or one of PostgreSQL's special numbers.
pub(crate) fn is_number(text: &str) -> bool {
    if matches!(text, "NaN" | "Infinity" | "-Infinity") {
        return true;
    }
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && digits(exponent)
        && !exponent.is_empty()
        && whole.len() + fraction.len() > 0
}

/// The unscaled digits of a decimal number, with its sign.
pub(crate) fn decimal(text: &str, precision: u8, scale: i8) -> Fit<String> {
    let no = || Fault(Code::Conversion, format!("{text} is not a decimal number"));
    if !is_number(text) || text.ends_with(['N', 'y']) {
        return match text {
            "NaN" | "Infinity" | "-Infinity" => {
                fault(Code::NoEquivalent, format!("{text} is not in a decimal of fixed digits"))
            }
            _ => Err(no()),
        };
    }
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let exponent: i32 = exponent.parse().map_err(|_| no())?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = String::with_capacity(whole.len() + fraction.len() + 8);
    if negative {
        digits.push('-');
    }
    let first = digits.len();
    digits.push_str(whole.trim_start_matches('0'));
    digits.push_str(if digits.len() == first {
        fraction.trim_start_matches('0')
    } else {
        fraction
    });
    if digits.len() == first {
        digits.push('0');
        return Ok(digits.split_off(first));
    }
    let shift = i64::from(scale) + i64::from(exponent) - fraction.len() as i64;
    if shift >= 0 {
        if shift > 80 {
            return too_long(text, precision, scale);
        }
        digits.extend(std::iter::repeat_n('0', usize::try_from(shift).unwrap_or(0)));
    } else {
        let drop = usize::try_from(-shift).unwrap_or(usize::MAX);
        let kept = (digits.len() - first).checked_sub(drop);
        let zeros = kept.is_some_and(|kept| digits[first + kept..].bytes().all(|b| b == b'0'));
        match kept {
            Some(kept) if zeros && kept > 0 => digits.truncate(first + kept),
            _ => {
                let why = format!("{text} has more than {scale} digits after its point");
                return fault(Code::OutOfRange, why);
            }
        }
    }
    if digits.len() - first > usize::from(precision) {
        return too_long(text, precision, scale);
    }
    Ok(digits)
}

fn too_long<T>(text: &str, precision: u8, scale: i8) -> Fit<T> {
    fault(Code::OutOfRange, format!("{text} does not fit decimal({precision},{scale})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit_or_are_refused() {
        let read = |text| decimal(text, 5, 2).map_err(|Fault(code, _)| code);
        assert_eq!(read("1.5").as_deref(), Ok("150"));
        assert_eq!(read("-0.05").as_deref(), Ok("-5"));
        assert_eq!(read("1.500").as_deref(), Ok("150"));
        assert_eq!(read("1.5e1").as_deref(), Ok("1500"));
        assert_eq!(read("100e-2").as_deref(), Ok("100"));
        assert_eq!(read("-0.00").as_deref(), Ok("0"));
        assert_eq!(read("000123.45").as_deref(), Ok("12345"));
        for text in ["1.005", "1000", "1e3", "0.001", "1e-9999999", "1e999999"] {
            assert_eq!(read(text), Err(Code::OutOfRange), "{text}");
        }
        assert_eq!(read("NaN"), Err(Code::NoEquivalent));
        for text in ["", "-", ".", "1e", "1.2.3", "0x10", "1 ", "e5"] {
            assert_eq!(read(text), Err(Code::Conversion), "{text:?}");
        }
    }

    #[test]
    fn integers_are_whole() {
        assert_eq!(whole(b"-18446744073709551616"), Some(-(1 << 64)));
        assert_eq!(whole(b"007"), Some(7));
        for text in [&b""[..], b"-", b"1.0", b"1e3", b" 1", &[b'9'; 60]] {
            assert_eq!(whole(text), None);
        }
    }
}
