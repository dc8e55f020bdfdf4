//! One row of an INSERT or a COPY block: its values as ranges of the text, found in one pass.
//!
//! A value that is not a plain literal is worked out where dumps use such forms (casts, `||`,
//! `char`, `replace`, `unistr`); any other expression makes the row a bad one. What a value means
//! for its column is left to the decoder.

mod expression;

use memchr::{memchr, memchr_iter};

use super::lexer::{Escapes, Halt, Kind, Lex, Lexer, Token};

/// A value, as a range of the script's buffer or of the row's own bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// NULL.
    Null,
    /// The word DEFAULT.
    Default,
    /// TRUE or FALSE.
    Bool(bool),
    /// A number with its sign.
    Number(usize, usize),
    /// A text, still escaped.
    Text(usize, usize, Escapes),
    /// Hexadecimal digits: `X'…'` (true) or `0x…` (false).
    Hex(usize, usize, bool),
    /// Binary digits.
    Bits(usize, usize),
    /// A text that was worked out, in the row's own bytes.
    Made(usize, usize),
}

/// The values of one row; buffers are reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) values: Vec<Value>,
    pub(crate) made: Vec<u8>,
}

/// Nesting of expressions that is followed.
const DEEPEST: usize = 32;

impl Row {
    /// Reads `( value, … )` from the opening bracket on. The inner error says why the row is bad;
    /// the position is behind its closing bracket all the same.
    pub(crate) fn read_tuple(&mut self, lexer: &mut Lexer<'_>) -> Lex<Result<(), String>> {
        self.values.clear();
        self.made.clear();
        let start = lexer.pos;
        match self.values_of_tuple(lexer) {
            Ok(()) => Ok(Ok(())),
            Err(Halt::More) => Err(Halt::More),
            Err(Halt::Bad(why, at)) => {
                if lexer.rules.unsure && lexer.buf.get(at) == Some(&b'\\') {
                    return Err(Halt::Bad(why, at));
                }
                lexer.pos = start;
                skip_brackets(lexer)?;
                Ok(Err(why))
            }
        }
    }

    /// Reads `a = 1, b = 'x'` of INSERT … SET, from the first name on, up to the statement's end.
    /// The names are not looked at: they are those of the head.
    pub(crate) fn read_assignments(&mut self, lexer: &mut Lexer<'_>) -> Lex<Result<(), String>> {
        self.values.clear();
        self.made.clear();
        loop {
            let mut token = lexer.token()?;
            while token.kind != Kind::Punct(b'=') {
                if token.kind == Kind::End {
                    return Err(Halt::Bad("INSERT … SET has no =".into(), token.start));
                }
                token = lexer.token()?;
            }
            let first = lexer.skip_space()?;
            let start = lexer.pos;
            let mut value = plain(lexer, first)?;
            let next = lexer.skip_space()?;
            if value.is_none() || !matches!(next, Some(b',' | b';') | None) {
                lexer.pos = start;
                value = match self.expression(lexer, 0) {
                    Ok(value) => Some(value),
                    Err(Halt::Bad(why, _)) => {
                        lexer.pos = start;
                        skip_value(lexer)?;
                        while lexer.skip_space()? == Some(b',') {
                            lexer.pos += 1;
                            skip_value(lexer)?;
                        }
                        return Ok(Err(why));
                    }
                    Err(more) => return Err(more),
                };
            }
            self.values.extend(value);
            if lexer.skip_space()? != Some(b',') {
                return Ok(Ok(()));
            }
            lexer.pos += 1;
        }
    }

    fn values_of_tuple(&mut self, lexer: &mut Lexer<'_>) -> Lex<()> {
        lexer.pos += 1;
        if lexer.skip_space()? == Some(b')') {
            lexer.pos += 1;
            return Ok(());
        }
        loop {
            let first = lexer.skip_space()?;
            let start = lexer.pos;
            let mut value = plain(lexer, first)?;
            let mut next = lexer.skip_space()?;
            if value.is_none() || !matches!(next, Some(b',' | b')')) {
                lexer.pos = start;
                value = Some(self.expression(lexer, 0)?);
                next = lexer.skip_space()?;
            }
            self.values.extend(value);
            lexer.pos += 1;
            match next {
                Some(b',') => {}
                Some(b')') => return Ok(()),
                _ => return Err(Halt::Bad("a value is an expression".into(), lexer.pos - 1)),
            }
        }
    }

    /// Reads a line of a COPY block. `None` is its end, `\.`.
    pub(crate) fn read_copy_line(&mut self, lexer: &mut Lexer<'_>) -> Lex<Option<()>> {
        self.values.clear();
        self.made.clear();
        let start = lexer.pos;
        let mut at = start;
        let end = loop {
            let Some(found) = memchr(b'\n', &lexer.buf[at..]) else {
                let why = "a COPY block has no end";
                return Err(if lexer.eof { Halt::Bad(why.into(), start) } else { Halt::More });
            };
            let end = at + found;
            let backslashes = lexer.buf[start..end].iter().rev().take_while(|b| **b == b'\\');
            if backslashes.count() % 2 == 0 {
                break end;
            }
            at = end + 1;
        };
        lexer.pos = end + 1;
        let line = &lexer.buf[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line == b"\\." {
            return Ok(None);
        }
        let mut from = 0;
        for to in memchr_iter(b'\t', line).chain([line.len()]) {
            let field = &line[from..to];
            self.values.push(match field {
                b"\\N" => Value::Null,
                _ if memchr(b'\\', field).is_none() => {
                    Value::Text(start + from, start + to, Escapes::None)
                }
                _ => Value::Text(start + from, start + to, Escapes::Copy),
            });
            from = to + 1;
        }
        Ok(Some(()))
    }
}

/// Over an expression, up to the comma or the semicolon behind it.
pub(crate) fn skip_value(lexer: &mut Lexer<'_>) -> Lex<()> {
    loop {
        match lexer.skip_space()? {
            None | Some(b',' | b';') => return Ok(()),
            Some(b'(') => skip_brackets(lexer)?,
            Some(_) => drop(lexer.token()?),
        }
    }
}

fn bad<T>(token: &Token) -> Lex<T> {
    Err(Halt::Bad("a value is an expression, not a literal".into(), token.start))
}

fn expect(lexer: &mut Lexer<'_>, byte: u8) -> Lex<()> {
    let token = lexer.token()?;
    if token.kind == Kind::Punct(byte) { Ok(()) } else { bad(&token) }
}

/// A literal as it stands in nearly every row; `None` when it begins otherwise.
fn plain(lexer: &mut Lexer<'_>, first: Option<u8>) -> Lex<Option<Value>> {
    let start = lexer.pos;
    let signed = first == Some(b'-') && lexer.buf.get(start + 1).is_some_and(u8::is_ascii_digit);
    let token = match first {
        Some(b'\'' | b'"' | b'0'..=b'9' | b'.' | b'N' | b'n') => lexer.token()?,
        Some(b'x' | b'X' | b'b' | b'B' | b'e' | b'E' | b'$') => lexer.token()?,
        Some(b'-') if signed => {
            lexer.pos += 1;
            lexer.token()?
        }
        _ => return Ok(None),
    };
    Ok(match token.kind {
        Kind::Number => Some(Value::Number(start, token.end)),
        Kind::Text(escapes) => Some(Value::Text(token.start, token.end, escapes)),
        Kind::Hex(quoted) if !signed => Some(Value::Hex(token.start, token.end, quoted)),
        Kind::Bits if !signed => Some(Value::Bits(token.start, token.end)),
        Kind::Word if lexer.is(&token, "NULL") => Some(Value::Null),
        _ => None,
    })
}

/// Over the name of a type behind `::` or AS. Tells whether it is a text.
fn skip_type(lexer: &mut Lexer<'_>) -> Lex<bool> {
    let first = lexer.token()?;
    if !matches!(first.kind, Kind::Word | Kind::Name(_)) {
        return bad(&first);
    }
    let text = ["TEXT", "CHAR", "VARCHAR", "CHARACTER", "CLOB"].iter().any(|t| lexer.is(&first, t));
    loop {
        match lexer.skip_space()? {
            Some(b'(') => skip_brackets(lexer)?,
            Some(b'[' | b']' | b'.') => lexer.pos += 1,
            Some(b'"') => drop(lexer.token()?),
            Some(byte) if byte.is_ascii_alphanumeric() || byte == b'_' => drop(lexer.token()?),
            _ => return Ok(text),
        }
    }
}

/// Over a bracket and all it holds, to behind its closing one.
pub(crate) fn skip_brackets(lexer: &mut Lexer<'_>) -> Lex<()> {
    let mut depth = 0usize;
    loop {
        let token = lexer.token()?;
        match token.kind {
            Kind::Punct(b'(') => depth += 1,
            Kind::Punct(b')') => depth = depth.saturating_sub(1),
            Kind::End => return Err(Halt::Bad("a bracket is not closed".into(), token.start)),
            _ => {}
        }
        if depth == 0 {
            return Ok(());
        }
    }
}

/// Appends the bytes of hexadecimal digits; an odd digit stands alone in front. False when a
/// character is no digit.
pub(crate) fn hex_bytes(digits: &[u8], out: &mut Vec<u8>) -> bool {
    let value = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    let (odd, pairs) = digits.split_at(digits.len() % 2);
    if let [digit] = odd {
        let Some(digit) = value(*digit) else { return false };
        out.push(digit);
    }
    out.reserve(pairs.len() / 2);
    for pair in pairs.chunks_exact(2) {
        let (Some(high), Some(low)) = (value(pair[0]), value(pair[1])) else { return false };
        out.push(high << 4 | low);
    }
    true
}

/// SQLite's `unistr`: `\XXXX`, `\+XXXXXX`, `\uXXXX`, `\UXXXXXXXX` and `\\`.
fn unistr(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let (skip, digits) = match rest.get(at + 1)? {
            b'\\' => {
                out.push(b'\\');
                rest = &rest[at + 2..];
                continue;
            }
            b'+' => (2, 6),
            b'u' => (2, 4),
            b'U' => (2, 8),
            _ => (1, 4),
        };
        let hex = std::str::from_utf8(rest.get(at + skip..at + skip + digits)?).ok()?;
        let c = char::from_u32(u32::from_str_radix(hex, 16).ok()?)?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[at + skip + digits..];
    }
    out.extend_from_slice(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::lexer::Rules;
    use super::*;
    use crate::Dialect;

    fn read(dialect: Dialect, text: &str) -> Result<Vec<String>, String> {
        let mut lexer = Lexer::whole(text.as_bytes(), Rules::of(dialect));
        let mut row = Row::default();
        let read = row.read_tuple(&mut lexer).unwrap();
        assert_eq!(lexer.pos, text.len(), "{text}");
        read?;
        let show = |value: &Value| match value {
            Value::Hex(a, b, _) => format!("x{}", &text[*a..*b]),
            Value::Bits(a, b) => format!("b{}", &text[*a..*b]),
            other => row
                .text(&lexer, *other, &Token { kind: Kind::End, start: 0, end: 0 })
                .map(|t| String::from_utf8(t).unwrap())
                .unwrap_or_else(|_| format!("{other:?}")),
        };
        Ok(row.values.iter().map(show).collect())
    }

    #[test]
    fn plain_literals_are_read() {
        let row = "(1, -2.5e-3,'a''b' ,NULL, 0xFF,x'00',b'01',TRUE,DEFAULT,_binary 'x', \"q\")";
        let want = ["1", "-2.5e-3", "a'b", "Null", "xFF", "x00", "b01", "Bool(true)", "Default"];
        assert_eq!(read(Dialect::Mysql, row).unwrap(), [&want[..], &["x", "q"]].concat());
        let row = r#"('\x00'::bytea, E'a\n'::character varying(3), '{1}'::public."T"[], $$d'$$, DATE '2020-01-01')"#;
        assert_eq!(
            read(Dialect::Postgres, row).unwrap(),
            ["\\x00", "a\n", "{1}", "d'", "2020-01-01"]
        );
    }

    #[test]
    fn forms_of_sqlite_dumps_are_worked_out() {
        let row = r"(replace(replace('a\012b\r','\r',char(13)),'\012',char(10)),unistr('a\u000ab\\'),'a'||char(0)||'b',CAST(X'610062' AS TEXT))";
        assert_eq!(read(Dialect::Sqlite, row).unwrap(), ["a\nb\r", "a\nb\\", "a\0b", "a\0b"]);
    }

    #[test]
    fn an_expression_spoils_its_row_alone() {
        for row in ["(1+1)", "(NOW())", "((SELECT ')'))", "('a' || f(')'))", "(1,,2)"] {
            assert!(read(Dialect::Postgres, row).is_err(), "{row}");
        }
        assert!(read(Dialect::Mysql, "('a' || 'b')").is_err());
    }

    #[test]
    fn copy_lines_are_cut_at_tabs() {
        let text = b"1\t\\N\ta\\tb\\\\\t\n\\.\n";
        let mut lexer = Lexer::whole(text, Rules::of(Dialect::Postgres));
        let mut row = Row::default();
        assert_eq!(row.read_copy_line(&mut lexer), Ok(Some(())));
        assert_eq!(row.values.len(), 4);
        assert_eq!(row.values[1], Value::Null);
        assert_eq!(row.values[2], Value::Text(5, 11, Escapes::Copy));
        assert_eq!(row.values[3], Value::Text(12, 12, Escapes::None));
        assert_eq!(row.read_copy_line(&mut lexer), Ok(None));
        assert_eq!(lexer.pos, text.len());
    }
}
