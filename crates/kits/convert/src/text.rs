//! Text forms of the kinds that have no module of their own: truth values, UUIDs, bytes in
//! hexadecimal, bit strings, members of enumerations and sets, JSON.

use serde::de::IgnoredAny;

use crate::misfit::{Fit, conversion, no_equivalent, out_of_range};

/// `true`, `t`, `1`, `false`, `f`, `0`; letters in any case.
pub(crate) fn parse_bool(text: &str) -> Fit<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if text == "1" || is("true") || is("t") {
        Ok(true)
    } else if text == "0" || is("false") || is("f") {
        Ok(false)
    } else {
        Err(conversion("not one of true, false, t, f, 1, 0"))
    }
}

/// 32 hexadecimal digits, with the usual hyphens or without any.
pub(crate) fn parse_uuid(text: &str) -> Fit<[u8; 16]> {
    let bad = || conversion("not a UUID");
    let hyphens = [8, 13, 18, 23];
    let bytes = text.as_bytes();
    let mut digits = [0_u8; 32];
    match bytes.len() {
        32 => digits.copy_from_slice(bytes),
        36 if hyphens.iter().all(|i| bytes[*i] == b'-') => {
            let rest = bytes.iter().enumerate().filter(|(i, _)| !hyphens.contains(i));
            for (digit, (_, byte)) in digits.iter_mut().zip(rest) {
                *digit = *byte;
            }
        }
        _ => return Err(bad()),
    }
    let mut uuid = [0; 16];
    for (byte, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_byte(pair).ok_or_else(bad)?;
    }
    Ok(uuid)
}

pub(crate) fn write_uuid(uuid: &[u8], out: &mut String) {
    for (i, byte) in uuid.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        push_hex(*byte, out);
    }
}

fn push_hex(byte: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

fn hex_byte(pair: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    match pair {
        [a, b] => u8::try_from(digit(*a)? * 16 + digit(*b)?).ok(),
        _ => None,
    }
}

/// Bytes as files write them: `\x` and two hexadecimal digits each.
pub(crate) fn write_hex(bytes: &[u8], out: &mut String) {
    out.reserve(2 + 2 * bytes.len());
    out.push_str("\\x");
    bytes.iter().for_each(|b| push_hex(*b, out));
}

/// The inverse of [`write_hex`].
pub(crate) fn parse_hex(text: &str) -> Fit<Vec<u8>> {
    let bad = || conversion("not bytes in the form \\x48656c6c6f");
    let digits = text.strip_prefix("\\x").filter(|d| d.len() % 2 == 0).ok_or_else(bad)?;
    digits.as_bytes().chunks_exact(2).map(|pair| hex_byte(pair).ok_or_else(bad)).collect()
}

/// One of the members.
pub(crate) fn check_enum(text: &str, members: &[String]) -> Fit<()> {
    if members.iter().any(|m| m == text) {
        Ok(())
    } else {
        Err(no_equivalent("not among the enumeration's members"))
    }
}

/// Members with commas between, each at most once, in the set's own order: any other order would
/// come back changed.
pub(crate) fn check_set(text: &str, members: &[String]) -> Fit<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut rest = members.iter();
    for part in text.split(',') {
        if !rest.any(|m| m == part) {
            return Err(if members.iter().any(|m| m == part) {
                conversion("members are not in the set's order")
            } else {
                no_equivalent("it has a part that is not among the set's members")
            });
        }
    }
    Ok(())
}

/// Nothing but 0 and 1; as many as the column has, or at most so many when it varies.
pub(crate) fn check_bits(text: &str, length: Option<u64>, fixed: bool) -> Fit<()> {
    if !text.bytes().all(|b| matches!(b, b'0' | b'1')) {
        return Err(conversion("not a string of 0 and 1"));
    }
    match (length, text.len() as u64) {
        (Some(limit), n) if n > limit => Err(out_of_range(format!("{n} bits, where {limit} fit"))),
        (Some(limit), n) if fixed && n < limit => {
            Err(conversion(format!("{n} bits, where the column has {limit}")))
        }
        _ => Ok(()),
    }
}

/// The number a bit string stands for. Leading zeros tell its width, so they are only dropped
/// where the column's own width (`fixed`) puts them back.
pub(crate) fn parse_bits(text: &str, fixed: Option<u64>) -> Fit<u64> {
    check_bits(text, fixed, true)?;
    if fixed.is_none() && text.len() > 1 && text.starts_with('0') {
        return Err(conversion("a number would lose its leading zeros"));
    }
    let digits = text.trim_start_matches('0');
    match digits {
        "" if text.is_empty() => Err(conversion("no bits at all")),
        "" => Ok(0),
        _ => u64::from_str_radix(digits, 2).map_err(|_| out_of_range("more than 64 bits")),
    }
}

/// Well-formed JSON, of any depth.
pub(crate) fn check_json(text: &str) -> Fit<()> {
    // Skipping a value takes no stack: serde_json counts brackets in a buffer.
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(e) => Err(conversion(format!("not JSON: {e}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_two_forms() {
        let uuid = parse_uuid("00112233-4455-6677-8899-AABBCCDDEEFF").unwrap();
        assert_eq!(parse_uuid("00112233445566778899aabbccddeeff"), Ok(uuid));
        let mut out = String::new();
        write_uuid(&uuid, &mut out);
        assert_eq!(out, "00112233-4455-6677-8899-aabbccddeeff");
        for bad in ["", "0011", "00112233-4455-6677-8899-aabbccddeefg", "{0011", "é"] {
            assert!(parse_uuid(bad).is_err(), "{bad}");
        }
        assert!(parse_uuid("001122334-455-6677-8899-aabbccddeeff").is_err());
    }

    #[test]
    fn sets_keep_their_order() {
        let members: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        for good in ["", "a", "a,c", "a,b,c"] {
            assert_eq!(check_set(good, &members), Ok(()), "{good}");
        }
        for bad in ["b,a", "a,a", "d", "a,", "A"] {
            assert!(check_set(bad, &members).is_err(), "{bad}");
        }
    }

    #[test]
    fn bits_keep_their_width() {
        assert_eq!(parse_bits("0011", Some(4)), Ok(3));
        assert!(parse_bits("0011", None).is_err());
        assert_eq!(parse_bits("0", None), Ok(0));
        assert_eq!(parse_bits(&"1".repeat(64), Some(64)), Ok(u64::MAX));
        assert!(parse_bits(&"1".repeat(65), Some(65)).is_err());
        assert!(parse_bits("", None).is_err());
        assert!(check_bits("012", None, false).is_err());
    }

    #[test]
    fn deep_json_is_no_danger() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(check_json(&deep), Ok(()));
        assert!(check_json(&deep[1..]).is_err());
        assert!(check_json("").is_err());
        assert!(check_json("NaN").is_err());
    }
}
