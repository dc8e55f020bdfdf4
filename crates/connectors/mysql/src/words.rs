//! What the servers write in SHOW CREATE TABLE, cut into words: names and texts in quotes are one
//! word each, and so is everything between two parentheses.

/// One word, with where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) kind: Kind,
    /// As it is written, quotes and parentheses included.
    pub(crate) text: &'a str,
    /// Its first byte in the text that was cut.
    pub(crate) at: usize,
}

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters, digits, and what they are joined by: `int`, `-1.50`, `0xFF`, `utf8mb4`.
    Plain,
    /// `` `a` ``
    Name,
    /// `'a'`, `b'1'`
    Text,
    /// `(a, (b))`
    Group,
    /// One of `, = .` and the like.
    Sign,
}

impl<'a> Word<'a> {
    /// Whether it is this keyword, in any case.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Plain && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Where it ends.
    pub(crate) fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// What stands between the parentheses of a group.
    pub(crate) fn inside(&self) -> &'a str {
        self.text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(self.text)
    }

    /// A name or a text without its quotes; any other word as it is.
    pub(crate) fn value(&self) -> String {
        match self.kind {
            Kind::Name => self.text[1..self.text.len() - 1].replace("``", "`"),
            Kind::Text => unquoted(self.text),
            _ => self.text.to_owned(),
        }
    }
}

/// The words of a text. Of `/*!50100 … */`, which only some versions read, the inside counts.
pub(crate) fn words(text: &str) -> Vec<Word<'_>> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (kind, end) = match bytes[at] {
            b' ' | b'\n' | b'\t' | b'\r' => {
                at += 1;
                continue;
            }
            b'/' if bytes[at..].starts_with(b"/*") => {
                at = opened(text, at);
                continue;
            }
            b'*' if bytes[at..].starts_with(b"*/") => {
                at += 2;
                continue;
            }
            b'`' => (Kind::Name, quoted(bytes, at)),
            b'\'' | b'"' => (Kind::Text, quoted(bytes, at)),
            b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if bytes.get(at + 1) == Some(&b'\'') => {
                (Kind::Text, quoted(bytes, at + 1))
            }
            b'(' => (Kind::Group, group(bytes, at)),
            b if is_plain(b) => {
                let long = bytes[at..].iter().position(|b| !is_plain(*b));
                (Kind::Plain, long.map_or(bytes.len(), |n| at + n))
            }
            _ => (Kind::Sign, at + 1),
        };
        words.push(Word { kind, text: &text[at..end], at });
        at = end;
    }
    words
}

/// The pieces between commas outside of quotes and parentheses.
pub(crate) fn items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut from = 0;
    for word in words(text) {
        if word.kind == Kind::Sign && word.text == "," {
            items.push(text[from..word.at].trim());
            from = word.end();
        }
    }
    items.push(text[from..].trim());
    items.retain(|item| !item.is_empty());
    items
}

fn is_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'_' | b'.' | b'-' | b'+' | b'@' | b'$' | b'#')
        || b >= 0x80
}

/// Where the inside of a comment begins.
fn opened(text: &str, at: usize) -> usize {
    let mark =
        text[at..].bytes().skip(2).take_while(|b| matches!(b, b'!' | b'M') || b.is_ascii_digit());
    at + 2 + mark.count()
}

/// The end of what is quoted by the byte at `at`.
fn quoted(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let mut i = at + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if quote != b'`' => i += 1,
            b if b == quote && bytes.get(i + 1) == Some(&quote) => i += 1,
            b if b == quote => return i + 1,
            _ => {}
        }
        i += 1;
    }
    bytes.len()
}

fn group(bytes: &[u8], at: usize) -> usize {
    let mut depth = 0;
    let mut i = at;
    while i < bytes.len() {
        match bytes[i] {
            b'`' | b'\'' | b'"' => {
                i = quoted(bytes, i);
                continue;
            }
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
        i += 1;
    }
    bytes.len()
}

/// The value of a text in quotes.
fn unquoted(text: &str) -> String {
    let Some(start) = text.find(['\'', '"']) else { return text.to_owned() };
    let quote = if text.as_bytes()[start] == b'"' { '"' } else { '\'' };
    let inside = text[start + 1..].strip_suffix(quote).unwrap_or(&text[start + 1..]);
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('0') => out.push('\0'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some('Z') => out.push('\u{1a}'),
                Some('b') => out.push('\u{8}'),
                Some(other) => out.push(other),
                None => {}
            },
            c if c == quote => {
                chars.next();
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// The text of a statement whose texts may be bytes (MariaDB writes defaults of binary columns as
/// they are): such a text becomes `X'…'`.
pub(crate) fn readable(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut i = 0;
    let mut from = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'`' => i = quoted(bytes, i),
            b'\'' => {
                let end = quoted(bytes, i);
                if std::str::from_utf8(&bytes[i..end]).is_err() {
                    out.push_str(&String::from_utf8_lossy(&bytes[from..i]));
                    out.push_str(&hex(&bytes[i + 1..end - 1]));
                    from = end;
                }
                i = end;
            }
            _ => i += 1,
        }
    }
    out.push_str(&String::from_utf8_lossy(&bytes[from..]));
    out
}

/// `X'…'` of the bytes that an escaped text stands for.
fn hex(escaped: &[u8]) -> String {
    let mut out = String::from("X'");
    let mut bytes = escaped.iter();
    while let Some(byte) = bytes.next() {
        let byte = match (byte, byte == &b'\\' || byte == &b'\'') {
            (b'\'', _) => bytes.next().copied().unwrap_or(b'\''),
            (_, true) => match bytes.next() {
                Some(b'0') => 0,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'Z') => 0x1A,
                Some(b'b') => 8,
                Some(other) => *other,
                None => b'\\',
            },
            _ => *byte,
        };
        out.push_str(&format!("{byte:02X}"));
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_parentheses_hold_together() {
        let text = "`a``,(b` enum('x''y',')','\\\\','a\\'b') DEFAULT b'101' /*!80023 INVISIBLE */";
        let found: Vec<&str> = words(text).iter().map(|w| w.text).collect();
        let members = "('x''y',')','\\\\','a\\'b')";
        assert_eq!(found, ["`a``,(b`", "enum", members, "DEFAULT", "b'101'", "INVISIBLE"]);
        assert_eq!(words(text)[0].value(), "a`,(b");
        let members: Vec<String> =
            items(words(text)[2].inside()).iter().map(|m| words(m)[0].value()).collect();
        assert_eq!(members, ["x'y", ")", "\\", "a'b"]);
    }

    #[test]
    fn bytes_in_quotes_become_digits() {
        assert_eq!(
            readable(b"`a` DEFAULT 'b\xFF\\0''x' COMMENT 'y'"),
            "`a` DEFAULT X'62FF002778' COMMENT 'y'"
        );
        assert_eq!(readable("'ü'".as_bytes()), "'ü'");
    }
}
