//! JSON documents compared by value: one text for all texts that a store which takes JSON apart
//! (jsonb, MySQL's json) would hold as the same document.
//!
//! Members are sorted by name, of members with one name the last stays, numbers and strings have
//! one spelling each, and there is no white space.

use std::collections::BTreeMap;

/// How a store holds numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// With all their digits (jsonb).
    Exact,
    /// Integers of 64 bits as they are, everything else as a double (MySQL).
    Double,
}

/// Deeper documents are compared as they are spelled.
const DEEPEST: usize = 256;

/// The one text of a document; `None` when it is no JSON, or too deep.
pub(crate) fn canonical(text: &str, numbers: Numbers) -> Option<String> {
    let mut parser = Parser { rest: text, numbers };
    let mut out = String::with_capacity(text.len());
    parser.value(&mut out, 0)?;
    parser.space();
    parser.rest.is_empty().then_some(out)
}

struct Parser<'a> {
    rest: &'a str,
    numbers: Numbers,
}

impl Parser<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, word: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, out: &mut String, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        for word in ["null", "true", "false"] {
            if self.take(word) {
                out.push_str(word);
                return Some(());
            }
        }
        if self.take("{") {
            return self.object(out, depth);
        }
        if self.take("[") {
            return self.array(out, depth);
        }
        if self.take("\"") {
            let text = self.string()?;
            push_string(&text, out);
            return Some(());
        }
        self.number(out)
    }

    fn object(&mut self, out: &mut String, depth: usize) -> Option<()> {
        let mut members = BTreeMap::new();
        if !self.take("}") {
            loop {
                if !self.take("\"") {
                    return None;
                }
                let name = self.string()?;
                if !self.take(":") {
                    return None;
                }
                let mut value = String::new();
                self.value(&mut value, depth + 1)?;
                members.insert(name, value);
                if self.take("}") {
                    break;
                }
                if !self.take(",") {
                    return None;
                }
            }
        }
        out.push('{');
        for (index, (name, value)) in members.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            push_string(name, out);
            out.push(':');
            out.push_str(value);
        }
        out.push('}');
        Some(())
    }

    fn array(&mut self, out: &mut String, depth: usize) -> Option<()> {
        out.push('[');
        if !self.take("]") {
            loop {
                self.value(out, depth + 1)?;
                if self.take("]") {
                    break;
                }
                if !self.take(",") {
                    return None;
                }
                out.push(',');
            }
        }
        out.push(']');
        Some(())
    }

    /// What stands up to the closing quote.
    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let at = self.rest.find(['"', '\\'])?;
            text.push_str(&self.rest[..at]);
            let special = self.rest.as_bytes()[at];
            self.rest = &self.rest[at + 1..];
            if special == b'"' {
                return Some(text);
            }
            let escape = *self.rest.as_bytes().first()?;
            if !escape.is_ascii() {
                return None;
            }
            self.rest = &self.rest[1..];
            match escape {
                b'"' | b'\\' | b'/' => text.push(char::from(escape)),
                b'b' => text.push('\u{8}'),
                b'f' => text.push('\u{c}'),
                b'n' => text.push('\n'),
                b'r' => text.push('\r'),
                b't' => text.push('\t'),
                b'u' => text.push(self.unicode()?),
                _ => return None,
            }
        }
    }

    fn unicode(&mut self) -> Option<char> {
        let high = self.hex()?;
        if !(0xD800..0xDC00).contains(&high) {
            return char::from_u32(high);
        }
        self.rest = self.rest.strip_prefix("\\u")?;
        let low = self.hex()?;
        if !(0xDC00..0xE000).contains(&low) {
            return None;
        }
        char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4)?;
        self.rest = &self.rest[4..];
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self, out: &mut String) -> Option<()> {
        let end = self
            .rest
            .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let whole = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
        if self.numbers == Numbers::Double && !whole {
            let value: f64 = text.parse().ok()?;
            out.push_str(&decimal(&format!("{value:e}"))?);
        } else {
            out.push_str(&decimal(text)?);
        }
        Some(())
    }
}

/// A decimal number as its digits without zeros at either end, and a power of ten: `-12e3`.
fn decimal(text: &str) -> Option<String> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let digits = digits.trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    if short.is_empty() {
        return Some("0".into());
    }
    let exponent = exponent.checked_add(i64::try_from(digits.len() - short.len()).ok()?)?;
    Some(format!("{sign}{short}e{exponent}"))
}

fn push_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str, numbers: Numbers) -> bool {
        canonical(a, numbers).unwrap() == canonical(b, numbers).unwrap()
    }

    #[test]
    fn documents_are_compared_by_value() {
        let a = r#" {"b" : [1, 2.50, "\u00e9\n"], "a": null, "a": {"x": 1e2}} "#;
        let b = "{\"a\":{\"x\":100},\"b\":[1,2.5,\"é\n\"]}";
        assert!(same(a, b, Numbers::Exact));
        assert!(!same("[1,2]", "[2,1]", Numbers::Exact));
        assert!(!same(r#""1""#, "1", Numbers::Exact));
        assert!(same(r#""\ud83d\ude00""#, "\"😀\"", Numbers::Exact));
    }

    #[test]
    fn numbers_are_as_the_store_holds_them() {
        let (long, near) = ("12345678901234567890.123", "1.2345678901234567e19");
        assert!(!same(long, near, Numbers::Exact));
        assert!(same(long, near, Numbers::Double));
        assert!(!same("18446744073709551615", "18446744073709551614", Numbers::Double));
        assert!(same("-0.0", "0", Numbers::Exact));
        assert!(same("0.001", "1e-3", Numbers::Exact));
        assert!(!same("0.001", "1e3", Numbers::Exact));
    }

    #[test]
    fn what_is_no_json_has_no_such_text() {
        for text in ["", "{", "[1,]", "{\"a\"}", "1 2", "\"\\x\"", "nul", "--1", "\"\\ud800\""] {
            assert_eq!(canonical(text, Numbers::Exact), None, "{text}");
        }
        assert_eq!(canonical(&"[".repeat(100_000), Numbers::Exact), None);
    }
}
