//! Single values of the binary protocol: decimals, bits, dates, lengths of time.

use arrow::datatypes::i256;
use syncline_sql::moment;
use syncline_types::field;

use super::build::array;

/// `-12.30` at a scale of 2 as -1230. `None` when it has other digits after the point, or is too
/// large.
pub(crate) fn decimal(text: &[u8], scale: u8) -> Option<i128> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    if let Some(value) = short(digits, scale) {
        return Some(i128::from(if negative { -value } else { value }));
    }
    let mut value: i128 = 0;
    let mut fraction: Option<u8> = None;
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                if let Some(n) = &mut fraction {
                    *n += 1;
                }
            }
            b'.' if fraction.is_none() => fraction = Some(0),
            _ => return None,
        }
    }
    for _ in fraction.unwrap_or(0)..scale {
        value = value.checked_mul(10)?;
    }
    let fits = !digits.is_empty() && fraction.unwrap_or(0) <= scale;
    fits.then_some(if negative { -value } else { value })
}

/// The usual number: as many digits after the point as the column has, and few enough for a machine
/// word. `None` for any other.
fn short(digits: &[u8], scale: u8) -> Option<i64> {
    /// Digits that fit whatever they are.
    const MOST: usize = 18;
    if digits.len() > MOST {
        return None;
    }
    let (whole, fraction) = match scale {
        0 => (digits, &digits[..0]),
        _ => {
            let (front, fraction) =
                digits.split_at_checked(digits.len().checked_sub(scale.into())?)?;
            (front.strip_suffix(b".")?, fraction)
        }
    };
    let mut odd = whole.is_empty();
    let mut value = 0;
    for byte in whole.iter().chain(fraction) {
        let digit = byte.wrapping_sub(b'0');
        odd |= digit > 9;
        value = value * 10 + i64::from(digit);
    }
    (!odd).then_some(value)
}

/// As [`decimal`], for up to 76 digits.
pub(crate) fn wide_decimal(text: &[u8], scale: u8) -> Option<i256> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let point = digits.iter().position(|b| *b == b'.').unwrap_or(digits.len());
    let (whole, fraction) = digits.split_at(point);
    let fraction = fraction.strip_prefix(b".").unwrap_or_default();
    let missing = usize::from(scale).checked_sub(fraction.len())?;
    let mut all = Vec::with_capacity(80);
    all.extend_from_slice(whole);
    all.extend_from_slice(fraction);
    all.resize(all.len() + missing, b'0');
    // Two halves of at most 38 digits, each of which i128 holds.
    let low_at = all.len().saturating_sub(38);
    let high = decimal_or_zero(&all[..low_at])?;
    let low = decimal_or_zero(&all[low_at..])?;
    let shift = i256::from_i128(10_i128.pow(19)).checked_mul(i256::from_i128(10_i128.pow(19)))?;
    let value = i256::from_i128(high).checked_mul(shift)?.checked_add(i256::from_i128(low))?;
    Some(if negative { value.wrapping_neg() } else { value })
}

fn decimal_or_zero(digits: &[u8]) -> Option<i128> {
    if digits.is_empty() { Some(0) } else { decimal(digits, 0) }
}

/// The lowest `width` bits of a big-endian number, as text.
pub(crate) fn bits(bytes: &[u8], width: usize) -> String {
    let value = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    format!("{value:0width$b}")
}

pub(crate) fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    let mut out = [0; 16];
    let mut digits = text.iter().filter(|b| **b != b'-').map(|b| char::from(*b).to_digit(16));
    for byte in &mut out {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    digits.next().is_none().then_some(out)
}

/// Days since 1970 and microseconds of the day. A date that is no day of the calendar has a number
/// of its own ([`field::NO_DAY`]).
pub(crate) fn moment_of(bytes: &[u8]) -> (i64, i64) {
    let part = |at: usize| i64::from(bytes.get(at).copied().unwrap_or_default());
    let year = i64::from(u16::from_le_bytes(array(bytes)));
    let (month, day) = (part(2), part(3));
    let fraction = bytes.get(7..11).map_or(0, |b| i64::from(u32::from_le_bytes(array(b))));
    let seconds = part(4) * 3600 + part(5) * 60 + part(6);
    let narrow = |n: i64| u32::try_from(n).unwrap_or_default();
    let days = moment::days(year, narrow(month), narrow(day))
        .unwrap_or_else(|| i64::from(field::NO_DAY) + year * 10_000 + month * 100 + day);
    (days, seconds * 1_000_000 + fraction)
}

pub(crate) fn length_of_time(bytes: &[u8]) -> i64 {
    let part = |at: usize| i64::from(bytes.get(at).copied().unwrap_or_default());
    let days = bytes.get(1..5).map_or(0, |b| i64::from(u32::from_le_bytes(array(b))));
    let fraction = bytes.get(8..12).map_or(0, |b| i64::from(u32::from_le_bytes(array(b))));
    let seconds = ((days * 24 + part(5)) * 60 + part(6)) * 60 + part(7);
    let micros = seconds * 1_000_000 + fraction;
    if part(0) == 1 { -micros } else { micros }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        assert_eq!(decimal(b"-12.30", 2), Some(-1230));
        assert_eq!(decimal(b"5", 2), Some(500));
        assert_eq!(decimal(b"1.234", 2), None);
        assert_eq!(decimal(b"-0.01", 2), Some(-1));
        assert_eq!(decimal(b"7.5", 2), Some(750));
        assert_eq!(decimal(b"123", 0), Some(123));
        for bad in [&b"1.2x"[..], b"1:.00", b"", b"-", b"1..0", b"12"] {
            assert_eq!(decimal(bad, 2), (bad == b"12").then_some(1200), "{bad:?}");
        }
        let digits = "9".repeat(35) + "." + &"9".repeat(30);
        let value = wide_decimal(digits.as_bytes(), 30).unwrap();
        assert_eq!(value.to_string(), "9".repeat(65));
        assert_eq!(wide_decimal(b"-0.5", 1).unwrap().to_string(), "-5");
        assert_eq!(wide_decimal(b"1", 30).unwrap().to_string(), format!("1{}", "0".repeat(30)));
    }

    #[test]
    fn days_that_are_none_keep_their_digits() {
        let parts = |bytes: &[u8]| field::no_day(moment_of(bytes).0);
        assert_eq!(parts(&[]), Some((0, 0, 0)));
        assert_eq!(parts(&[0xE8, 7, 2, 31]), Some((2024, 2, 31)));
        assert_eq!(moment_of(&[0xE8, 7, 0, 1, 1, 0, 0]).1, 3_600_000_000);
        assert_eq!(moment_of(&[0xB2, 7, 1, 2]), (1, 0));
    }

    #[test]
    fn times_go_to_838_hours_on_both_sides() {
        let bytes = [1, 34, 0, 0, 0, 22, 59, 59, 1, 0, 0, 0];
        assert_eq!(length_of_time(&bytes), -((838 * 3600 + 59 * 60 + 59) * 1_000_000 + 1));
        assert_eq!(length_of_time(&[]), 0);
    }

    #[test]
    fn bits_and_uuids_are_text_and_bytes() {
        assert_eq!(bits(&[0x02, 0x01], 10), "1000000001");
        assert_eq!(bits(&[0], 3), "000");
        assert_eq!(uuid(b"00112233-4455-6677-8899-aabbccddeeff").unwrap()[15], 0xFF);
        assert_eq!(uuid(b"0011"), None);
    }
}
