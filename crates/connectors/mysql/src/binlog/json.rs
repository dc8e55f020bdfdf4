//! MySQL's binary form of JSON as the text that the server prints.

use std::fmt::Write as _;

use super::decimal;

/// How deep documents may be; the server takes 100.
const DEPTH: usize = 128;

/// The text of a document; `None` when the bytes are no document.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(bytes.len() + 16);
    match bytes.split_first() {
        // What INSERT IGNORE leaves of a wrong one.
        None => out.push_str("null"),
        Some((kind, rest)) => value(*kind, rest, &mut out, 0)?,
    }
    Some(out)
}

fn le(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    Some(bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
}

fn index(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    usize::try_from(le(bytes, at, width)?).ok()
}

/// A length in groups of seven bits, and what it is the length of.
fn counted(bytes: &[u8]) -> Option<&[u8]> {
    let mut length = 0_usize;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return bytes.get(at + 1..)?.get(..length);
        }
    }
    None
}

#[allow(clippy::cast_possible_wrap, clippy::cast_possible_truncation)] // the widths are those read
fn value(kind: u8, bytes: &[u8], out: &mut String, depth: usize) -> Option<()> {
    if depth > DEPTH {
        return None;
    }
    match kind {
        0..=3 => return container(kind, bytes, out, depth),
        4 => out.push_str(match bytes.first()? {
            0 => "null",
            1 => "true",
            2 => "false",
            _ => return None,
        }),
        5 => write!(out, "{}", le(bytes, 0, 2)? as u16 as i16).ok()?,
        6 => write!(out, "{}", le(bytes, 0, 2)?).ok()?,
        7 => write!(out, "{}", le(bytes, 0, 4)? as u32 as i32).ok()?,
        8 => write!(out, "{}", le(bytes, 0, 4)?).ok()?,
        9 => write!(out, "{}", le(bytes, 0, 8)? as i64).ok()?,
        10 => write!(out, "{}", le(bytes, 0, 8)?).ok()?,
        11 => double(f64::from_bits(le(bytes, 0, 8)?), out),
        12 => quoted(std::str::from_utf8(counted(bytes)?).ok()?, out),
        15 => opaque(*bytes.first()?, counted(bytes.get(1..)?)?, out)?,
        _ => return None,
    }
    Some(())
}

/// An object or array: entries with the places of what they hold, then what they hold.
fn container(kind: u8, bytes: &[u8], out: &mut String, depth: usize) -> Option<()> {
    let wide = if kind & 1 == 1 { 4 } else { 2 };
    let object = kind < 2;
    let (count, size) = (index(bytes, 0, wide)?, index(bytes, wide, wide)?);
    let bytes = bytes.get(..size)?;
    let keys = 2 * wide;
    let values = if object { keys + count.checked_mul(wide + 2)? } else { keys };
    out.push(if object { '{' } else { '[' });
    for at in 0..count {
        if at > 0 {
            out.push_str(", ");
        }
        if object {
            let entry = keys + at * (wide + 2);
            let (from, length) = (index(bytes, entry, wide)?, index(bytes, entry + wide, 2)?);
            let key = bytes.get(from..from.checked_add(length)?)?;
            quoted(std::str::from_utf8(key).ok()?, out);
            out.push_str(": ");
        }
        let entry = values + at.checked_mul(1 + wide)?;
        let kind = *bytes.get(entry)?;
        // Small ones lie in the entry itself.
        let inside = matches!(kind, 4..=6) || wide == 4 && matches!(kind, 7 | 8);
        let from = if inside { entry + 1 } else { index(bytes, entry + 1, wide)? };
        value(kind, bytes.get(from..)?, out, depth + 1)?;
    }
    out.push(if object { '}' } else { ']' });
    Some(())
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The fewest digits that tell the number; with an exponent beyond 15 places, unless there are
/// digits behind the point.
pub(super) fn double(number: f64, out: &mut String) {
    let shortest = format!("{:e}", number.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = even(number.abs(), mantissa.chars().filter(|c| *c != '.').collect());
    let point = exponent.parse::<i32>().unwrap_or_default() + 1;
    out.push_str(if number.is_sign_negative() { "-" } else { "" });
    let length = i32::try_from(digits.len()).unwrap_or_default();
    if !(-14..=15).contains(&point) && !(0..length).contains(&point) {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let _ = write!(out, "{first}{dot}{rest}e{}", point - 1);
        return;
    }
    if point <= 0 {
        out.push_str("0.");
        (point..0).for_each(|_| out.push('0'));
        out.push_str(&digits);
    } else if point >= length {
        out.push_str(&digits);
        (length..point).for_each(|_| out.push('0'));
        out.push_str(".0");
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
        let _ = write!(out, "{whole}.{fraction}");
    }
}

/// Of two texts that are as short and as near, the one whose last digit is even.
fn even(number: f64, shortest: String) -> String {
    let count = shortest.len();
    let all: String = format!("{number:.60e}").chars().take_while(|c| *c != 'e').collect();
    let all: String = all.chars().filter(|c| *c != '.').collect();
    let (kept, rest) = all.split_at(count.min(all.len()));
    let half = rest.strip_prefix('5').is_some_and(|zeros| zeros.bytes().all(|b| b == b'0'));
    match kept.bytes().last() {
        Some(last) if half && last % 2 == 0 => kept.to_owned(),
        _ => shortest,
    }
}

/// A value of an SQL type.
fn opaque(kind: u8, bytes: &[u8], out: &mut String) -> Option<()> {
    const DECIMAL: u8 = 246;
    match kind {
        DECIMAL => {
            let (precision, scale) = (*bytes.first()?, *bytes.get(1)?);
            let digits = decimal::wide(bytes.get(2..)?, precision, scale)?.to_string();
            let (sign, digits) = match digits.strip_prefix('-') {
                Some(rest) => ("-", rest.to_owned()),
                None => ("", digits),
            };
            let scale = usize::from(scale);
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            let point = if scale > 0 { "." } else { "" };
            write!(out, "{sign}{whole}{point}{fraction}").ok()
        }
        7 | 10 | 12 => {
            let packed = le(bytes, 0, 8)?;
            let (whole, micros) = (packed >> 24, packed & 0xFF_FFFF);
            let (months, day) = (whole >> 22, whole >> 17 & 31);
            write!(out, "\"{:04}-{:02}-{day:02}", months / 13, months % 13).ok()?;
            if kind != 10 {
                let (h, m, s) = (whole >> 12 & 31, whole >> 6 & 63, whole & 63);
                write!(out, " {h:02}:{m:02}:{s:02}.{micros:06}").ok()?;
            }
            out.push('"');
            Some(())
        }
        11 => {
            #[allow(clippy::cast_possible_wrap)] // it is signed
            let packed = le(bytes, 0, 8)? as i64;
            let size = packed.unsigned_abs();
            let (whole, micros) = (size >> 24, size & 0xFF_FFFF);
            let sign = if packed < 0 { "-" } else { "" };
            let (h, m, s) = (whole >> 12 & 0x3FF, whole >> 6 & 63, whole & 63);
            write!(out, "\"{sign}{h:02}:{m:02}:{s:02}.{micros:06}\"").ok()
        }
        _ => {
            write!(out, "\"base64:type{kind}:").ok()?;
            base64(bytes, out);
            out.push('"');
            Some(())
        }
    }
}

fn base64(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (at, chunk) in bytes.chunks(3).enumerate() {
        // MySQL breaks its lines after 76 characters, and JSON text escapes that.
        if at > 0 && at % 19 == 0 {
            out.push_str("\\n");
        }
        let byte = |i: usize| usize::from(chunk.get(i).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            match i <= chunk.len() {
                true => out.push(char::from(DIGITS[group >> (18 - 6 * i) & 63])),
                false => out.push('='),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(number: f64) -> String {
        let mut out = String::new();
        double(number, &mut out);
        out
    }

    #[test]
    fn doubles_are_printed_as_the_server_does() {
        for (number, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e14, "100000000000000.0"),
            (1e15, "1e15"),
            (1.5e300, "1.5e300"),
            (1e-15, "0.000000000000001"),
            (1e-16, "1e-16"),
            (-123.456, "-123.456"),
            (-1388639381052724.2, "-1388639381052724.2"),
            ("605234289021956.25".parse().unwrap(), "605234289021956.2"),
            ("233882426313281.125".parse().unwrap(), "233882426313281.12"),
            (1388639381052724.0, "1.388639381052724e15"),
        ] {
            assert_eq!(printed(number), text);
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        // An array of one string that lies beyond the end.
        assert_eq!(text(&[2, 1, 0, 7, 0, 12, 200, 0]), None);
        assert_eq!(text(&[2, 1, 0, 7, 0, 5, 0xFF, 0xFF]).as_deref(), Some("[-1]"));
        assert_eq!(text(&[13]), None);
    }
}
