//! One line of JSON Lines: the members of its object as ranges of the text, strictly by RFC 8259.
//!
//! Numbers and nested values stay the text they are, so that nothing of them is rounded.

use memchr::memchr2;
use serde::de::IgnoredAny;

/// What a member's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string; the range is between its quotes.
    String {
        /// It has escapes in it.
        escaped: bool,
    },
    /// A number, true or false: the range is its text.
    Scalar,
    /// `null`.
    Null,
    /// An object or an array: the range is its text.
    Nested,
}

/// A member of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    /// Key, between its quotes.
    pub(crate) key: (usize, usize),
    /// The key has escapes in it.
    pub(crate) key_escaped: bool,
    /// Value.
    pub(crate) value: (usize, usize),
    /// What it is.
    pub(crate) kind: Kind,
}

/// What is wrong, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The byte.
    pub(crate) at: usize,
    /// What is expected there.
    pub(crate) what: String,
}

fn flaw<T>(at: usize, what: impl Into<String>) -> Result<T, Flaw> {
    Err(Flaw { at, what: what.into() })
}

fn blank(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// Takes the object of a line apart. A blank line has no members and is `false`.
pub(crate) fn object(text: &[u8], members: &mut Vec<Member>) -> Result<bool, Flaw> {
    members.clear();
    let mut at = blank(text, 0);
    match text.get(at) {
        None => return Ok(false),
        Some(b'{') => at = blank(text, at + 1),
        Some(_) => return flaw(at, "an object was expected"),
    }
    if text.get(at) == Some(&b'}') {
        at += 1;
    } else {
        loop {
            if text.get(at) != Some(&b'"') {
                return flaw(at, "a key in quotes was expected");
            }
            let (key_end, key_escaped) = string(text, at)?;
            let key = (at + 1, key_end);
            at = blank(text, key_end + 1);
            if text.get(at) != Some(&b':') {
                return flaw(at, "a colon was expected");
            }
            at = blank(text, at + 1);
            let (value, kind, end) = value(text, at)?;
            members.push(Member { key, key_escaped, value, kind });
            at = blank(text, end);
            match text.get(at) {
                Some(b',') => at = blank(text, at + 1),
                Some(b'}') => {
                    at += 1;
                    break;
                }
                _ => return flaw(at, "a comma or } was expected"),
            }
        }
    }
    at = blank(text, at);
    if at < text.len() {
        return flaw(at, "the line goes on after its object");
    }
    Ok(true)
}

/// The end of a string that begins at a quote: the place of its closing quote.
fn string(text: &[u8], open: usize) -> Result<(usize, bool), Flaw> {
    let mut escaped = false;
    let mut at = open + 1;
    loop {
        let Some(n) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) else {
            return flaw(open, "a string is not closed");
        };
        if let Some(control) = text[at..at + n].iter().position(|b| *b < 0x20) {
            return flaw(at + control, "a control character in a string is not escaped");
        }
        at += n;
        if text[at] == b'"' {
            return Ok((at, escaped));
        }
        escaped = true;
        let digits = text.get(at + 2..at + 6).unwrap_or_default();
        match text.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
            Some(b'u') if digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit) => at += 6,
            _ => return flaw(at, "an escape that JSON does not have"),
        }
    }
}

fn value(text: &[u8], at: usize) -> Result<((usize, usize), Kind, usize), Flaw> {
    let word = |word: &[u8], kind| {
        if text[at..].starts_with(word) {
            Ok(((at, at + word.len()), kind, at + word.len()))
        } else {
            flaw(at, "a value was expected")
        }
    };
    match text.get(at) {
        Some(b'"') => {
            let (end, escaped) = string(text, at)?;
            Ok(((at + 1, end), Kind::String { escaped }, end + 1))
        }
        Some(b't') => word(b"true", Kind::Scalar),
        Some(b'f') => word(b"false", Kind::Scalar),
        Some(b'n') => word(b"null", Kind::Null),
        Some(b'-' | b'0'..=b'9') => {
            let end = number(text, at)?;
            Ok(((at, end), Kind::Scalar, end))
        }
        Some(b'{' | b'[') => {
            let mut stream =
                serde_json::Deserializer::from_slice(&text[at..]).into_iter::<IgnoredAny>();
            match stream.next() {
                Some(Ok(_)) => {
                    let end = at + stream.byte_offset();
                    Ok(((at, end), Kind::Nested, end))
                }
                Some(Err(e)) => flaw(at + e.column().saturating_sub(1), e.to_string()),
                None => flaw(at, "a value was expected"),
            }
        }
        _ => flaw(at, "a value was expected"),
    }
}

fn number(text: &[u8], start: usize) -> Result<usize, Flaw> {
    let digits = |mut at: usize| {
        let begin = at;
        while text.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if at == begin { flaw(at, "a digit was expected") } else { Ok(at) }
    };
    let mut at = start + usize::from(text[start] == b'-');
    let first = at;
    at = digits(at)?;
    if text[first] == b'0' && at > first + 1 {
        return flaw(first, "a number begins with 0");
    }
    if text.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        at = digits(at)?;
    }
    Ok(at)
}

/// Appends a string's text. Its escapes have been checked by [`object`].
///
/// # Errors
/// The escape of a surrogate that has no partner: there is no such character.
pub(crate) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let unit = |at: usize| -> Option<u32> {
        let digits = std::str::from_utf8(raw.get(at + 2..at + 6)?).ok()?;
        (raw.get(at..at + 2)? == b"\\u").then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let mut at = 0;
    while let Some(n) = memchr::memchr(b'\\', &raw[at..]) {
        out.extend_from_slice(&raw[at..at + n]);
        at += n;
        let plain = match raw.get(at + 1) {
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let high = unit(at).unwrap_or_default();
                let mut code = high;
                at += 6;
                if (0xD800..0xDC00).contains(&high)
                    && let Some(low @ 0xDC00..0xE000) = unit(at)
                {
                    code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    at += 6;
                }
                let Some(c) = char::from_u32(code) else {
                    return Err(format!("\\u{high:04x} is half of a character"));
                };
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            Some(other) => *other,
            None => b'\\',
        };
        out.push(plain);
        at += 2;
    }
    out.extend_from_slice(raw.get(at..).unwrap_or_default());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn members(text: &str) -> Result<Vec<(String, String)>, Flaw> {
        let mut found = Vec::new();
        object(text.as_bytes(), &mut found)?;
        Ok(found
            .iter()
            .map(|m| (text[m.key.0..m.key.1].into(), text[m.value.0..m.value.1].into()))
            .collect())
    }

    #[test]
    fn values_stay_the_text_they_are() {
        let found = members(
            r#" {"a": 12345678901234567890.10, "b":"x\"y", "c":[1, {"d":"}"}], "e":null,"f":-1E+5} "#,
        );
        let found = found.unwrap();
        let values: Vec<&str> = found.iter().map(|(_, v)| v.as_str()).collect();
        assert_eq!(
            values,
            ["12345678901234567890.10", r#"x\"y"#, r#"[1, {"d":"}"}]"#, "null", "-1E+5"]
        );
        assert_eq!(members("{}").unwrap(), vec![]);
        assert!(!object(b"  \r", &mut Vec::new()).unwrap());
    }

    #[test]
    fn what_json_does_not_allow_is_refused() {
        for bad in [
            "[1]",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":.5}",
            "{\"a\":+1}",
            "{\"a\":NaN}",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "{\"a\":\"\t\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"b}",
            "{\"a\":1} x",
            "{\"a\":[1,]}",
            "{\"a\":1",
            "{\"a\":tru}",
            "{\"a\":\"\\u12\"}",
        ] {
            assert!(members(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn strings_come_back_as_serde_reads_them(text: String) {
            let line = serde_json::json!({ "k": text }).to_string();
            let mut found = Vec::new();
            object(line.as_bytes(), &mut found).unwrap();
            let mut out = Vec::new();
            unescape(&line.as_bytes()[found[0].value.0..found[0].value.1], &mut out).unwrap();
            prop_assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn escapes_of_surrogates_are_characters_in_pairs_only() {
        let mut out = Vec::new();
        unescape(br"\ud83d\ude00\u0000\/", &mut out).unwrap();
        assert_eq!(out, "😀\0/".as_bytes());
        assert!(unescape(br"\ud83d", &mut out).is_err());
        assert!(unescape(br"\ude00x", &mut out).is_err());
        assert!(unescape(br"\ud83dA", &mut out).is_err());
    }
}
