//! The binary form of `numeric` (`numeric_send` in `numeric.c`): four 16-bit words (count of
//! digits, weight of the first, sign, digits shown after the point), then digits to the base of
//! 10,000. To and from decimals and plain text, exactly.

use arrow::datatypes::i256;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITE: u16 = 0xD000;
const NEGATIVE_INFINITE: u16 = 0xF000;

/// Why a numeric has no such decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes are not a numeric.
    Malformed,
    /// NaN or an infinity.
    NotFinite,
    /// More digits before or after the point than the decimal has.
    TooLarge,
}

/// A numeric taken apart, its digits still in the wire's bytes.
struct Parts<'a> {
    digits: &'a [u8],
    weight: i32,
    sign: u16,
    scale: u16,
}

impl Parts<'_> {
    fn digit(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.digits[at * 2], self.digits[at * 2 + 1]])
    }

    fn count(&self) -> usize {
        self.digits.len() / 2
    }
}

fn parts(bytes: &[u8]) -> Result<Parts<'_>, Fault> {
    let (head, digits) = bytes.split_at_checked(8).ok_or(Fault::Malformed)?;
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    if digits.len() != usize::from(word(0)) * 2 {
        return Err(Fault::Malformed);
    }
    let weight = i32::from(i16::from_be_bytes([head[2], head[3]]));
    Ok(Parts { digits, weight, sign: word(4), scale: word(6) })
}

/// Ten to the power of 0 to 3: what part of a base-10,000 digit a scale cuts through.
const TENS: [u16; 4] = [1, 10, 100, 1000];

/// The integer behind a decimal of that scale.
pub(crate) fn to_i128(bytes: &[u8], scale: i8) -> Result<i128, Fault> {
    let parts = parts(bytes)?;
    if !matches!(parts.sign, 0 | NEGATIVE) {
        return Err(Fault::NotFinite);
    }
    if let Some(value) = short(&parts, scale) {
        return Ok(i128::from(if parts.sign == NEGATIVE { -value } else { value }));
    }
    let mut value: i128 = 0;
    let push = |value: i128, times: u16, digit: u16| {
        let raised = value.checked_mul(times.into());
        raised.and_then(|v| v.checked_add(digit.into())).ok_or(Fault::TooLarge)
    };
    // Power of ten, in units of the decimal, of the lowest digit of the group at hand.
    let mut power = parts.weight * 4 + i32::from(scale);
    for at in 0..parts.count() {
        let digit = parts.digit(at);
        match power {
            0.. => value = push(value, 10_000, digit)?,
            -3..0 => {
                let cut = TENS[power.unsigned_abs() as usize];
                if digit % cut != 0 {
                    return Err(Fault::TooLarge);
                }
                value = push(value, 10_000 / cut, digit / cut)?;
            }
            _ if digit != 0 => return Err(Fault::TooLarge),
            _ => {}
        }
        power -= 4;
    }
    if value != 0 {
        // The groups of zeros that are left out at the end.
        for _ in 0..power.saturating_add(4).max(0) {
            value = push(value, 10, 0)?;
        }
    }
    Ok(if parts.sign == NEGATIVE { -value } else { value })
}

/// The usual number, without its sign: up to 18 digits, which a machine word holds. `None` for any
/// other.
fn short(parts: &Parts<'_>, scale: i8) -> Option<i64> {
    let count = parts.count();
    if !(1..=4).contains(&count) {
        return None;
    }
    let value = (0..count).fold(0, |value, at| value * 10_000 + i64::from(parts.digit(at)));
    // The power of ten, in units of the decimal, of the last group.
    let power = (parts.weight - count as i32 + 1) * 4 + i32::from(scale);
    match power {
        0..=2 => Some(value * i64::from(TENS[power as usize])),
        -3..0 => {
            let cut = i64::from(TENS[power.unsigned_abs() as usize]);
            (value % cut == 0).then(|| value / cut)
        }
        _ => None,
    }
}

/// As [`to_i128`], for decimals of up to 76 digits.
pub(crate) fn to_i256(bytes: &[u8], scale: i8) -> Result<i256, Fault> {
    if let Ok(value) = to_i128(bytes, scale) {
        return Ok(i256::from_i128(value));
    }
    let mut text = String::new();
    to_text(bytes, &mut text)?;
    let negative = text.starts_with('-');
    let plain = text.trim_start_matches('-');
    if !plain.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Fault::NotFinite);
    }
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let scale = usize::try_from(scale).map_err(|_| Fault::Malformed)?;
    let (kept, beyond) = fraction.split_at(fraction.len().min(scale));
    if beyond.bytes().any(|b| b != b'0') {
        return Err(Fault::TooLarge);
    }
    let digits = format!("{whole}{kept}{}", "0".repeat(scale - kept.len()));
    let value = i256::from_string(&digits).ok_or(Fault::TooLarge)?;
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// Whether it is NaN; an infinity is none.
pub(crate) fn is_nan(bytes: &[u8]) -> bool {
    parts(bytes).is_ok_and(|parts| parts.sign == NAN)
}

/// NaN, with its length before it.
pub(crate) fn push_nan(out: &mut Vec<u8>) {
    push_head(0, 0, NAN, 0, out);
}

/// Plain decimal text with exactly the digits the server shows: `-12.3400`, `NaN`, `Infinity`.
pub(crate) fn to_text(bytes: &[u8], out: &mut String) -> Result<(), Fault> {
    let parts = parts(bytes)?;
    match parts.sign {
        0 => {}
        NEGATIVE => out.push('-'),
        NAN => {
            out.push_str("NaN");
            return Ok(());
        }
        INFINITE => {
            out.push_str("Infinity");
            return Ok(());
        }
        NEGATIVE_INFINITE => {
            out.push_str("-Infinity");
            return Ok(());
        }
        _ => return Err(Fault::Malformed),
    }
    let group = |weight: i32| {
        let at = usize::try_from(parts.weight - weight).ok();
        at.filter(|at| *at < parts.count()).map_or(0, |at| parts.digit(at))
    };
    if parts.weight < 0 {
        out.push('0');
    }
    for weight in (0..=parts.weight).rev() {
        let digits = group(weight);
        if weight == parts.weight {
            out.push_str(&digits.to_string());
        } else {
            push_group(digits, 4, out);
        }
    }
    let mut left = usize::from(parts.scale);
    if left > 0 {
        out.push('.');
    }
    let mut weight = -1;
    while left > 0 {
        let shown = left.min(4);
        push_group(group(weight), shown, out);
        left -= shown;
        weight -= 1;
    }
    Ok(())
}

/// The first `shown` of four digits.
fn push_group(digits: u16, shown: usize, out: &mut String) {
    for ten in TENS.iter().rev().take(shown) {
        out.push(char::from(b'0' + u8::try_from(digits / ten % 10).unwrap_or(0)));
    }
}

/// The numeric of the decimal `value / 10^scale`, with its length before it.
pub(crate) fn push_i128(value: i128, scale: i8, out: &mut Vec<u8>) {
    let mut left = value.unsigned_abs();
    let scale = scale.max(0).unsigned_abs();
    // Lowest group first; at most 38 digits and three zeros.
    let mut groups = [0_u16; 12];
    let mut count = 0;
    let cut = usize::from(scale % 4);
    if cut != 0 {
        let below;
        // A division of two words is far dearer than one of one.
        (left, below) = match u64::try_from(left) {
            Ok(small) => (u128::from(small / u64::from(TENS[cut])), small % u64::from(TENS[cut])),
            Err(_) => {
                let ten = u128::from(TENS[cut]);
                (left / ten, u64::try_from(left % ten).unwrap_or(0))
            }
        };
        groups[0] = u16::try_from(below).unwrap_or(0) * TENS[4 - cut];
        count = 1;
    }
    let fraction_groups = i16::from(scale.div_ceil(4));
    while left > u128::from(u64::MAX) {
        groups[count] = u16::try_from(left % 10_000).unwrap_or(0);
        left /= 10_000;
        count += 1;
    }
    let mut small = u64::try_from(left).unwrap_or(0);
    while small != 0 {
        groups[count] = u16::try_from(small % 10_000).unwrap_or(0);
        small /= 10_000;
        count += 1;
    }
    push_groups(value < 0, &groups[..count], fraction_groups, scale.into(), out);
}

/// Writes groups given lowest first, of which `fraction_groups` stand after the point.
fn push_groups(negative: bool, groups: &[u16], fraction: i16, scale: u16, out: &mut Vec<u8>) {
    let zeros_below = groups.iter().take_while(|g| **g == 0).count();
    let zeros_above = groups[zeros_below..].iter().rev().take_while(|g| **g == 0).count();
    let kept = &groups[zeros_below..groups.len() - zeros_above];
    let above = i16::try_from(groups.len() - zeros_above).unwrap_or(i16::MAX);
    let weight = if kept.is_empty() { 0 } else { above - fraction - 1 };
    let sign = if negative && !kept.is_empty() { NEGATIVE } else { 0 };
    push_head(kept.len(), weight, sign, scale, out);
    for group in kept.iter().rev() {
        out.extend_from_slice(&group.to_be_bytes());
    }
}

fn push_head(digits: usize, weight: i16, sign: u16, scale: u16, out: &mut Vec<u8>) {
    let bytes = i32::try_from(8 + digits * 2).unwrap_or(i32::MAX);
    out.extend_from_slice(&bytes.to_be_bytes());
    out.extend_from_slice(&u16::try_from(digits).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&scale.to_be_bytes());
}

/// The numeric of a plain decimal text, with its length before it; `None` when the text is none,
/// or has more digits than a numeric can have (131,072 before, 16,383 after the point).
pub(crate) fn push_text(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let special = match text {
        "NaN" => Some(NAN),
        "Infinity" => Some(INFINITE),
        "-Infinity" => Some(NEGATIVE_INFINITE),
        _ => None,
    };
    if let Some(sign) = special {
        push_head(0, 0, sign, 0, out);
        return Some(());
    }
    let negative = text.starts_with('-');
    let plain = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let bounded = whole.len() <= 131_072 && fraction.len() <= 16_383;
    if !bounded || !digits(whole) || !digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let number = |t: &[u8]| t.iter().fold(0_u16, |n, b| n * 10 + u16::from(b - b'0'));
    let mut groups: Vec<u16> = Vec::with_capacity((whole.len() + fraction.len()) / 4 + 2);
    for group in fraction.as_bytes().chunks(4) {
        groups.push(number(group) * TENS[4 - group.len()]);
    }
    let fraction_groups = i16::try_from(groups.len()).ok()?;
    groups.reverse();
    groups.extend(whole.as_bytes().rchunks(4).map(number));
    let scale = u16::try_from(fraction.len()).ok()?;
    push_groups(negative, &groups, fraction_groups, scale, out);
    Some(())
}

/// The decimal `digits / 10^scale` as plain text, for numbers beyond 128 bits.
pub(crate) fn plain(digits: &str, scale: i8) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let scale = usize::try_from(scale).unwrap_or(0);
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        push_text(text, &mut out).unwrap();
        out.split_off(4)
    }

    #[test]
    fn text_comes_back_to_the_last_zero() {
        let long = format!("{}.{}", "9".repeat(200), "0123456789".repeat(9));
        for text in [
            "0",
            "0.0000",
            "1",
            "-1",
            "10000",
            "9999.9999",
            "0.0001",
            "-0.00010000",
            "100000000",
            "123456789.123456789",
            "0.000000000000001",
            "NaN",
            "Infinity",
            "-Infinity",
            &long,
        ] {
            let mut back = String::new();
            to_text(&wire(text), &mut back).unwrap();
            assert_eq!(back, text);
        }
        for text in ["", "-", ".", "1e5", "1.2.3", "a", " 1", "١"] {
            assert_eq!(push_text(text, &mut Vec::new()), None, "{text:?}");
        }
    }

    #[test]
    fn decimals_come_back_at_every_scale() {
        let most = 10_i128.pow(38) - 1;
        for scale in 0..=38 {
            for value in [0, 1, -1, 9, 10, 9999, 10_000, -123_456_789, most, -most, most / 7] {
                let mut bytes = Vec::new();
                push_i128(value, scale, &mut bytes);
                let body = &bytes[4..];
                assert_eq!(to_i128(body, scale), Ok(value), "{value} at scale {scale}");
                assert_eq!(to_i256(body, scale), Ok(i256::from_i128(value)));
                let mut text = String::new();
                to_text(body, &mut text).unwrap();
                let expected = plain(&value.to_string(), scale);
                assert_eq!(text, expected);
                assert_eq!(wire(&text), body, "{text}");
            }
        }
    }

    #[test]
    fn what_a_decimal_cannot_hold_is_refused_and_never_rounded() {
        assert_eq!(to_i128(&wire("1.005"), 2), Err(Fault::TooLarge));
        assert_eq!(to_i128(&wire("1.00500"), 3), Ok(1005));
        assert_eq!(to_i128(&wire("0.00000001"), 2), Err(Fault::TooLarge));
        assert_eq!(to_i128(&wire(&"9".repeat(40)), 0), Err(Fault::TooLarge));
        assert_eq!(to_i128(&wire("NaN"), 0), Err(Fault::NotFinite));
        assert_eq!(to_i256(&wire("-Infinity"), 0), Err(Fault::NotFinite));
        assert_eq!(to_i128(&[0, 1, 0], 0), Err(Fault::Malformed));
        let big = "7".repeat(76);
        assert_eq!(to_i256(&wire(&big), 0), Ok(i256::from_string(&big).unwrap()));
    }
}
