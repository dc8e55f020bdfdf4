//! Escaped texts, as what they stand for.

use memchr::{memchr, memchr2};

use super::Escapes;

/// Appends the content of a literal.
pub(crate) fn unescape(raw: &[u8], escapes: Escapes, out: &mut Vec<u8>) {
    let mut rest = raw;
    let quote = match escapes {
        Escapes::None => {
            out.extend_from_slice(raw);
            return;
        }
        Escapes::Doubled(quote) => {
            while let Some(at) = memchr(quote, rest) {
                out.extend_from_slice(&rest[..=at]);
                rest = rest.get(at + 2..).unwrap_or_default();
            }
            out.extend_from_slice(rest);
            return;
        }
        Escapes::Mysql(quote) => quote,
        Escapes::Postgres => b'\'',
        // In COPY only backslashes escape.
        Escapes::Copy => b'\\',
    };
    while let Some(at) = memchr2(quote, b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let Some(next) = rest.get(at + 1).copied() else {
            out.push(rest[at]);
            return;
        };
        if rest[at] == quote && quote != b'\\' {
            out.push(quote);
            rest = &rest[at + 2..];
            continue;
        }
        let after = &rest[at + 2..];
        rest = if matches!(escapes, Escapes::Mysql(_)) {
            mysql_escape(next, out);
            after
        } else {
            &after[postgres_escape(next, after, escapes == Escapes::Postgres, out)..]
        };
    }
    out.extend_from_slice(rest);
}

/// <https://dev.mysql.com/doc/refman/8.0/en/string-literals.html>, table 9.1.
fn mysql_escape(next: u8, out: &mut Vec<u8>) {
    let byte = match next {
        b'0' => 0,
        b'b' => 8,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'Z' => 0x1a,
        b'%' | b'_' => {
            out.push(b'\\');
            next
        }
        other => other,
    };
    out.push(byte);
}

/// PostgreSQL's manual, 4.1.2.2 and `COPY`, "Text Format". Returns how many bytes after `next`
/// belong to the escape.
fn postgres_escape(next: u8, after: &[u8], unicode: bool, out: &mut Vec<u8>) -> usize {
    let digits = |most: usize, radix: u32| {
        after.iter().take(most).take_while(|b| (**b as char).is_digit(radix)).count()
    };
    let value = |text: &[u8], radix: u32| {
        text.iter().fold(0u32, |n, b| {
            n.wrapping_mul(radix).wrapping_add((*b as char).to_digit(radix).unwrap_or(0))
        })
    };
    match next {
        b'b' => out.push(8),
        b'f' => out.push(12),
        b'n' => out.push(b'\n'),
        b'r' => out.push(b'\r'),
        b't' => out.push(b'\t'),
        b'v' if !unicode => out.push(11),
        b'0'..=b'7' => {
            let count = digits(2, 8);
            let octal = u32::from(next - b'0') * 8u32.pow(u32::try_from(count).unwrap_or(0));
            out.push(((octal + value(&after[..count], 8)) & 0xff) as u8);
            return count;
        }
        b'x' if digits(2, 16) > 0 => {
            let count = digits(2, 16);
            out.push(value(&after[..count], 16) as u8);
            return count;
        }
        b'u' | b'U' if unicode => {
            let wanted = if next == b'u' { 4 } else { 8 };
            let count = digits(wanted, 16);
            let mut used = count;
            let mut point = value(&after[..count], 16);
            // A surrogate pair is written as two escapes.
            let second = after.get(count + 2..count + 6).map(|text| value(text, 16));
            if (0xd800..0xdc00).contains(&point)
                && let Some(low) = second.filter(|low| (0xdc00..0xe000).contains(low))
            {
                point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
                used += 6;
            }
            let mut utf8 = [0; 4];
            let shown = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(shown.encode_utf8(&mut utf8).as_bytes());
            return used;
        }
        other => out.push(other),
    }
    0
}
