//! Values that are no plain literals, worked out where dumps use such forms: casts, `||`,
//! introducers, the functions of SQLite's `.dump`.

use super::super::lexer::{Halt, Kind, Lex, Lexer, Token, unescape};
use super::{DEEPEST, Row, Value, bad, expect, hex_bytes, plain, skip_type, unistr};
use crate::Dialect;

impl Row {
    /// Terms joined by `||`.
    pub(super) fn expression(&mut self, lexer: &mut Lexer<'_>, depth: usize) -> Lex<Value> {
        let mut value = self.term(lexer, depth)?;
        while lexer.skip_space()? == Some(b'|') {
            let (first, second) = (lexer.token()?, lexer.token()?);
            // In MySQL `||` is OR.
            let joined = second.kind == Kind::Punct(b'|') && second.start == first.end;
            if !joined || lexer.rules.dialect == Dialect::Mysql {
                return bad(&first);
            }
            let right = self.term(lexer, depth)?;
            value = match (value, right) {
                (Value::Null, _) | (_, Value::Null) => Value::Null,
                (left, right) => {
                    let mut text = self.text(lexer, left, &first)?;
                    text.extend_from_slice(&self.text(lexer, right, &first)?);
                    self.make(&text)
                }
            };
        }
        Ok(value)
    }

    /// A literal, a known function or a bracketed expression, with its casts.
    fn term(&mut self, lexer: &mut Lexer<'_>, depth: usize) -> Lex<Value> {
        if depth > DEEPEST {
            return Err(Halt::Bad("a value is nested too deeply".into(), lexer.pos));
        }
        let first = lexer.skip_space()?;
        let start = lexer.pos;
        let mut value = match plain(lexer, first)? {
            Some(value) => self.joined(lexer, value)?,
            None => {
                lexer.pos = start;
                let token = lexer.token()?;
                self.primary(lexer, &token, depth)?
            }
        };
        loop {
            match lexer.skip_space()? {
                Some(b':') => {
                    let (first, second) = (lexer.token()?, lexer.token()?);
                    if second.kind != Kind::Punct(b':') {
                        return bad(&first);
                    }
                    let to_text = skip_type(lexer)?;
                    value = self.cast(lexer, value, to_text, &first)?;
                }
                _ => return Ok(value),
            }
        }
    }

    /// Texts that stand one after the other are one text (not in SQLite).
    fn joined(&mut self, lexer: &mut Lexer<'_>, value: Value) -> Lex<Value> {
        if !matches!(value, Value::Text(..)) || lexer.skip_space()? != Some(b'\'') {
            return Ok(value);
        }
        let token = lexer.token()?;
        if lexer.rules.dialect == Dialect::Sqlite {
            return bad(&token);
        }
        let mut text = self.text(lexer, value, &token)?;
        text.extend_from_slice(&lexer.content(&token));
        while lexer.skip_space()? == Some(b'\'') {
            let token = lexer.token()?;
            text.extend_from_slice(&lexer.content(&token));
        }
        Ok(self.make(&text))
    }

    fn primary(&mut self, lexer: &mut Lexer<'_>, token: &Token, depth: usize) -> Lex<Value> {
        match token.kind {
            Kind::Punct(b'(') => {
                let value = self.expression(lexer, depth + 1)?;
                expect(lexer, b')')?;
                Ok(value)
            }
            Kind::Punct(sign @ (b'-' | b'+')) => {
                let number = lexer.token()?;
                if number.kind != Kind::Number {
                    return bad(token);
                }
                if sign == b'+' || number.start == token.end {
                    let start = if sign == b'+' { number.start } else { token.start };
                    return Ok(Value::Number(start, number.end));
                }
                let text = [b"-", lexer.raw(&number)].concat();
                Ok(self.make(&text))
            }
            Kind::Word => {
                let word = lexer.string(token).to_ascii_uppercase();
                let next = lexer.skip_space()?;
                match (word.as_str(), next) {
                    ("DEFAULT", _) => Ok(Value::Default),
                    ("TRUE", _) => Ok(Value::Bool(true)),
                    ("FALSE", _) => Ok(Value::Bool(false)),
                    ("CAST", Some(b'(')) => {
                        lexer.pos += 1;
                        let value = self.expression(lexer, depth + 1)?;
                        let as_word = lexer.token()?;
                        if !lexer.is(&as_word, "AS") {
                            return bad(&as_word);
                        }
                        let to_text = skip_type(lexer)?;
                        expect(lexer, b')')?;
                        self.cast(lexer, value, to_text, token)
                    }
                    (_, Some(b'(')) => self.function(lexer, &word, token, depth),
                    _ => self.introduced(lexer, &word, token),
                }
            }
            _ => bad(token),
        }
    }

    /// A literal behind a word: `_binary'…'`, `DATE '…'`, `TIMESTAMP WITH TIME ZONE '…'`.
    fn introduced(&mut self, lexer: &mut Lexer<'_>, word: &str, token: &Token) -> Lex<Value> {
        let mysql = lexer.rules.dialect == Dialect::Mysql;
        let known = matches!(word, "DATE" | "TIME" | "TIMESTAMP" | "DATETIME")
            || lexer.rules.dialect != Dialect::Sqlite
                && matches!(word, "INTERVAL" | "JSON" | "UUID")
            || mysql && matches!(word, "_BINARY" | "_UTF8MB4" | "_UTF8MB3" | "_UTF8" | "_ASCII");
        if !known {
            return bad(token);
        }
        let mut literal = lexer.token()?;
        while matches!(word, "TIME" | "TIMESTAMP")
            && ["WITH", "WITHOUT", "TIME", "ZONE"].iter().any(|w| lexer.is(&literal, w))
        {
            literal = lexer.token()?;
        }
        match literal.kind {
            Kind::Text(escapes) => {
                self.joined(lexer, Value::Text(literal.start, literal.end, escapes))
            }
            Kind::Hex(quoted) if mysql => Ok(Value::Hex(literal.start, literal.end, quoted)),
            Kind::Bits if mysql => Ok(Value::Bits(literal.start, literal.end)),
            _ => bad(&literal),
        }
    }

    /// The functions that `.dump` of SQLite writes.
    fn function(
        &mut self,
        lexer: &mut Lexer<'_>,
        word: &str,
        token: &Token,
        depth: usize,
    ) -> Lex<Value> {
        lexer.pos += 1;
        let mut arguments = Vec::new();
        if lexer.skip_space()? != Some(b')') {
            loop {
                arguments.push(self.expression(lexer, depth + 1)?);
                if lexer.skip_space()? != Some(b',') {
                    break;
                }
                lexer.pos += 1;
            }
        }
        expect(lexer, b')')?;
        if lexer.rules.dialect != Dialect::Sqlite {
            return bad(token);
        }
        if arguments.contains(&Value::Null) {
            return Ok(Value::Null);
        }
        let texts: Vec<Vec<u8>> =
            arguments.iter().map(|v| self.text(lexer, *v, token)).collect::<Lex<_>>()?;
        match (word, texts.as_slice()) {
            ("CHAR", points) => {
                let mut text = String::new();
                for point in points {
                    let point = std::str::from_utf8(point).ok().and_then(|p| p.parse().ok());
                    text.push(point.and_then(char::from_u32).ok_or_else(|| {
                        Halt::Bad("char() takes code points".into(), token.start)
                    })?);
                }
                Ok(self.make(text.as_bytes()))
            }
            ("REPLACE", [text, from, to]) if !from.is_empty() => {
                let mut out = Vec::with_capacity(text.len());
                let mut last = 0;
                for at in memchr::memmem::find_iter(text, from) {
                    out.extend_from_slice(&text[last..at]);
                    out.extend_from_slice(to);
                    last = at + from.len();
                }
                out.extend_from_slice(&text[last..]);
                Ok(self.make(&out))
            }
            ("UNISTR", [text]) => match unistr(text) {
                Some(text) => Ok(self.make(&text)),
                None => Err(Halt::Bad("unistr() with a broken escape".into(), token.start)),
            },
            _ => bad(token),
        }
    }

    /// A cast keeps the value, which its column reads by itself; only bytes become a text.
    fn cast(
        &mut self,
        lexer: &Lexer<'_>,
        value: Value,
        to_text: bool,
        token: &Token,
    ) -> Lex<Value> {
        match value {
            Value::Hex(start, end, _) if to_text => {
                let mut bytes = Vec::with_capacity((end - start) / 2);
                if !hex_bytes(&lexer.buf[start..end], &mut bytes) {
                    return bad(token);
                }
                Ok(self.make(&bytes))
            }
            other => Ok(other),
        }
    }

    fn make(&mut self, text: &[u8]) -> Value {
        let start = self.made.len();
        self.made.extend_from_slice(text);
        Value::Made(start, self.made.len())
    }

    /// A value's text, for the expression at `token`.
    pub(super) fn text(&self, lexer: &Lexer<'_>, value: Value, token: &Token) -> Lex<Vec<u8>> {
        match value {
            Value::Text(start, end, escapes) => {
                let mut out = Vec::with_capacity(end - start);
                unescape(&lexer.buf[start..end], escapes, &mut out);
                Ok(out)
            }
            Value::Number(start, end) => Ok(lexer.buf[start..end].to_vec()),
            Value::Made(start, end) => Ok(self.made[start..end].to_vec()),
            _ => bad(token),
        }
    }
}
