//! The words of a statement that count: comments are none, but for those that this server reads.

use super::{Logged, Surroundings, mode};

/// The statement without its comments; of `/*!50100 … */` and `/*M!100301 … */` the inside, where
/// the server reads it.
pub(super) fn effective(logged: &Logged<'_>, at: &dyn Surroundings) -> String {
    let text = logged.sql;
    let bytes = text.as_bytes();
    let escapes = logged.sql_mode & mode::NO_BACKSLASH_ESCAPES == 0;
    let mut out = String::with_capacity(text.len());
    let (mut from, mut i) = (0, 0);
    let mut open = false;
    while i < bytes.len() {
        let rest = &bytes[i..];
        let skipped = match bytes[i] {
            quote @ (b'\'' | b'"' | b'`') => {
                i = quoted(bytes, i, quote, escapes && quote != b'`');
                continue;
            }
            b'#' => line(rest),
            b'-' if rest.starts_with(b"--") && rest.get(2).is_none_or(|b| *b <= b' ') => line(rest),
            b'/' if rest.starts_with(b"/*") => match conditional(rest, at) {
                Some((length, true)) => {
                    open = true;
                    length
                }
                _ => comment(bytes, i) - i,
            },
            b'*' if open && rest.starts_with(b"*/") => {
                open = false;
                2
            }
            _ => {
                i += 1;
                continue;
            }
        };
        out.push_str(&text[from..i]);
        out.push(' ');
        i += skipped;
        from = i;
    }
    out.push_str(&text[from..]);
    out
}

fn line(rest: &[u8]) -> usize {
    rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
}

/// The end of what is quoted from `at` on.
fn quoted(bytes: &[u8], at: usize, quote: u8, escapes: bool) -> usize {
    let mut i = at + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if escapes => i += 1,
            b if b == quote && bytes.get(i + 1) == Some(&quote) => i += 1,
            b if b == quote => return i + 1,
            _ => {}
        }
        i += 1;
    }
    bytes.len()
}

/// The end of a comment that begins at `at`.
fn comment(bytes: &[u8], at: usize) -> usize {
    let inside = &bytes[at + 2..];
    inside.windows(2).position(|w| w == b"*/").map_or(bytes.len(), |n| at + 2 + n + 2)
}

/// Of a comment that some servers read: how long its opening is, and whether this one reads it.
fn conditional(rest: &[u8], at: &dyn Surroundings) -> Option<(usize, bool)> {
    let (mark, of_maria) = match rest {
        [b'/', b'*', b'!', ..] => (3, false),
        [b'/', b'*', b'M', b'!', ..] => (4, true),
        _ => return None,
    };
    let digits = rest[mark..].iter().take(6).take_while(|b| b.is_ascii_digit()).count();
    // Five digits, or six; fewer are a part of what is inside.
    let digits = if digits < 5 { 0 } else { digits };
    let wanted = rest[mark..mark + digits].iter().fold(0_u32, |n, b| n * 10 + u32::from(b - b'0'));
    let (major, minor, patch) = at.version();
    let own = u32::from(major) * 10_000 + u32::from(minor) * 100 + u32::from(patch);
    let foreign = at.maria() && !of_maria && (50_700..=99_999).contains(&wanted);
    let read = (!of_maria || at.maria()) && wanted <= own && !foreign;
    Some((mark + digits, read))
}
