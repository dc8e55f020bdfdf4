//! DECIMAL as the log has it: groups of nine digits, the highest first, and the sign in the first
//! bit.

use arrow::datatypes::i256;

/// Bytes that so many digits of a group take.
const BYTES: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/// Length of a value of that many digits, `scale` of them behind the point.
pub(crate) fn length(precision: u16, scale: u8) -> Option<usize> {
    let (whole, fraction) = (usize::from(precision.checked_sub(scale.into())?), usize::from(scale));
    let part = |digits: usize| digits / 9 * 4 + BYTES[digits % 9];
    Some(part(whole) + part(fraction))
}

/// Groups of digits, each with how many it has.
type Groups = [(u32, u32); 18];

/// Whether it is below zero, its groups, and how many there are.
fn groups(bytes: &[u8], precision: u8, scale: u8) -> Option<(bool, Groups, usize)> {
    let negative = bytes.first()? & 0x80 == 0;
    let flip = if negative { 0xFF } else { 0 };
    let (whole, fraction) = (usize::from(precision.checked_sub(scale)?), usize::from(scale));
    let mut out = [(0, 0); 18];
    let (mut count, mut at) = (0, 0);
    let mut group = |digits: usize| -> Option<()> {
        if digits == 0 {
            return Some(());
        }
        let mut value = 0_u32;
        for byte in bytes.get(at..at + BYTES[digits])? {
            let byte = byte ^ flip;
            // The sign's bit is set in what is not negative.
            let byte = if at == 0 { byte ^ 0x80 } else { byte };
            value = value << 8 | u32::from(byte);
            at += 1;
        }
        *out.get_mut(count)? = (value, u32::try_from(digits).ok()?);
        count += 1;
        Some(())
    };
    group(whole % 9)?;
    for _ in 0..whole / 9 {
        group(9)?;
    }
    for _ in 0..fraction / 9 {
        group(9)?;
    }
    group(fraction % 9)?;
    Some((negative, out, count))
}

/// Up to 38 digits.
pub(crate) fn narrow(bytes: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let (negative, groups, count) = groups(bytes, precision, scale)?;
    let mut value = 0_i128;
    for (group, digits) in &groups[..count] {
        value = value.checked_mul(10_i128.pow(*digits))?.checked_add(i128::from(*group))?;
    }
    Some(if negative { -value } else { value })
}

/// Up to 65 digits.
pub(crate) fn wide(bytes: &[u8], precision: u8, scale: u8) -> Option<i256> {
    let (negative, groups, count) = groups(bytes, precision, scale)?;
    let mut value = i256::ZERO;
    for (group, digits) in &groups[..count] {
        let shift = i256::from_i128(10_i128.pow(*digits));
        value = value.checked_mul(shift)?.checked_add(i256::from_i128(i128::from(*group)))?;
    }
    Some(if negative { value.wrapping_neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_put_together_from_their_groups() {
        // 1234567890.1234 as DECIMAL(14,4), and the same below zero.
        let bytes = [0x81, 0x0D, 0xFB, 0x38, 0xD2, 0x04, 0xD2];
        assert_eq!(length(14, 4), Some(7));
        assert_eq!(narrow(&bytes, 14, 4), Some(12_345_678_901_234));
        let below: Vec<u8> = bytes.iter().map(|b| !b).collect();
        assert_eq!(narrow(&below, 14, 4), Some(-12_345_678_901_234));
        assert_eq!(wide(&below, 14, 4), Some(i256::from_i128(-12_345_678_901_234)));
        assert_eq!(narrow(&bytes[..3], 14, 4), None);
    }
}
