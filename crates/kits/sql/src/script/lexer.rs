//! Words, names, literals and comments of SQL text, in each dialect's rules, over a buffer that may
//! end anywhere.
//!
//! Works on bytes: dumps of MySQL hold binary values as they are, so a script need not be UTF-8.
//! What tokens mean together is left to the modules above.

mod escapes;

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem};
use serde::{Deserialize, Serialize};

use crate::Dialect;

pub(crate) use self::escapes::unescape;

/// What bytes mean where dialects and sessions differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    /// The dialect.
    #[serde(with = "by_id")]
    pub(crate) dialect: Dialect,
    /// A backslash in `'…'` escapes (MySQL unless NO_BACKSLASH_ESCAPES; PostgreSQL with
    /// standard_conforming_strings off).
    pub(crate) backslash: bool,
    /// `"…"` is a name, not a text (everywhere but in MySQL without ANSI_QUOTES).
    pub(crate) ansi_quotes: bool,
    /// The dialect was guessed from nothing: a backslash in a text would be a guess too.
    pub(crate) unsure: bool,
}

/// A dialect is kept by its id.
mod by_id {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::Dialect;

    #[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
    pub(super) fn serialize<S: Serializer>(dialect: &Dialect, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(dialect.id())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Dialect, D::Error> {
        let id = String::deserialize(from)?;
        Dialect::parse(&id).ok_or_else(|| D::Error::custom(format!("no dialect {id:?}")))
    }
}

impl Rules {
    /// A fresh session's.
    pub(crate) fn of(dialect: Dialect) -> Self {
        let mysql = dialect == Dialect::Mysql;
        Self { dialect, backslash: mysql, ansi_quotes: !mysql, unsure: false }
    }

    fn mysql(self) -> bool {
        self.dialect == Dialect::Mysql
    }

    fn postgres(self) -> bool {
        self.dialect == Dialect::Postgres
    }
}

/// Why lexing stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The buffer ends within something: more bytes are needed.
    More,
    /// The text is not SQL of this dialect; why, and where in the buffer.
    Bad(String, usize),
}

/// What lexing yields.
pub(crate) type Lex<T> = Result<T, Halt>;

/// How a text is to be unescaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// It stands as it is.
    None,
    /// Its quote is doubled.
    Doubled(u8),
    /// MySQL's backslashes, and its quote doubled.
    Mysql(u8),
    /// PostgreSQL's backslashes (`E'…'`), and its quote doubled.
    Postgres,
    /// PostgreSQL's `COPY` text format.
    Copy,
}

/// What a token is. Ranges are those of the content, without quotes and prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A keyword or an unquoted name; also `@variables`.
    Word,
    /// A quoted name, with its closing quote.
    Name(u8),
    /// A text literal.
    Text(Escapes),
    /// `X'…'` (true) or `0x…` (false), the digits.
    Hex(bool),
    /// `b'…'` or `0b…`, the digits.
    Bits,
    /// A number without a sign.
    Number,
    /// Any other single byte.
    Punct(u8),
    /// The end of the text.
    End,
}

/// A token: what it is, and where its content stands in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Reads tokens from a buffer.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    pub(crate) buf: &'a [u8],
    pub(crate) pos: usize,
    pub(crate) rules: Rules,
    /// No more bytes will follow the buffer.
    pub(crate) eof: bool,
    /// Inside of `/*! … */`.
    pub(crate) conditional: bool,
}

/// Whether the byte can stand in an unquoted word.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

impl<'a> Lexer<'a> {
    /// Over a whole text.
    pub(crate) fn whole(buf: &'a [u8], rules: Rules) -> Self {
        Self { buf, pos: 0, rules, eof: true, conditional: false }
    }

    fn more<T>(&self, why: &str) -> Lex<T> {
        if self.eof { Err(Halt::Bad(why.to_owned(), self.pos)) } else { Err(Halt::More) }
    }

    /// The byte `ahead` of the position; at the end of an unfinished buffer, more is needed.
    fn look(&self, ahead: usize) -> Lex<Option<u8>> {
        match self.buf.get(self.pos + ahead) {
            Some(byte) => Ok(Some(*byte)),
            None if self.eof => Ok(None),
            None => Err(Halt::More),
        }
    }

    /// Moves over white space and comments, and returns the byte it then stands at.
    pub(crate) fn skip_space(&mut self) -> Lex<Option<u8>> {
        loop {
            let Some(byte) = self.look(0)? else { return Ok(None) };
            match byte {
                _ if is_space(byte) => self.pos += 1,
                b'-' if self.look(1)? == Some(b'-') => {
                    // MySQL takes `--` for a comment only before white space.
                    if self.rules.mysql() && self.look(2)?.is_some_and(|b| b > b' ') {
                        return Ok(Some(byte));
                    }
                    self.skip_line()?;
                }
                b'#' if self.rules.mysql() => self.skip_line()?,
                b'/' if self.look(1)? == Some(b'*') => self.skip_comment()?,
                b'*' if self.conditional && self.look(1)? == Some(b'/') => {
                    self.conditional = false;
                    self.pos += 2;
                }
                _ => return Ok(Some(byte)),
            }
        }
    }

    /// Moves to the end of the line.
    pub(crate) fn skip_line(&mut self) -> Lex<()> {
        match memchr(b'\n', &self.buf[self.pos..]) {
            Some(at) => self.pos += at + 1,
            None if self.eof => self.pos = self.buf.len(),
            None => return Err(Halt::More),
        }
        Ok(())
    }

    /// Over `/* … */`, or only over the opening of `/*!40101 … */`, whose content counts.
    fn skip_comment(&mut self) -> Lex<()> {
        if self.rules.mysql() {
            let bang = match self.look(2)? {
                Some(b'!') => Some(3),
                Some(b'M') if self.look(3)? == Some(b'!') => Some(4),
                _ => None,
            };
            if let Some(bang) = bang {
                let mut digits = 0;
                let mut version = 0u32;
                while digits < 6
                    && let Some(digit) = self.look(bang + digits)?.filter(u8::is_ascii_digit)
                {
                    version = version * 10 + u32::from(digit - b'0');
                    digits += 1;
                }
                // 999999 is how dumps address no server at all.
                if version < 900_000 {
                    self.conditional = true;
                    self.pos += bang + digits;
                    return Ok(());
                }
            }
        }
        let mut depth = 1usize;
        let mut at = self.pos + 2;
        while depth > 0 {
            let Some(next) = memchr2(b'*', b'/', self.buf.get(at..).unwrap_or_default()) else {
                return self.more("a comment is not closed");
            };
            at += next;
            match (self.buf[at], self.buf.get(at + 1)) {
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    at += 2;
                }
                (b'/', Some(b'*')) if self.rules.postgres() => {
                    depth += 1;
                    at += 2;
                }
                (_, None) => return self.more("a comment is not closed"),
                _ => at += 1,
            }
        }
        self.pos = at;
        Ok(())
    }

    /// From within a quote to its end: the end of the content, and whether anything is escaped.
    /// The position moves behind the closing quote.
    pub(crate) fn quoted(&mut self, from: usize, quote: u8, backslash: bool) -> Lex<(usize, bool)> {
        let mut at = from;
        let mut escaped = false;
        loop {
            let rest = self.buf.get(at..).unwrap_or_default();
            let found = if backslash || self.rules.unsure {
                memchr2(quote, b'\\', rest)
            } else {
                memchr(quote, rest)
            };
            let Some(found) = found else { return self.more("a quote is not closed") };
            at += found;
            if self.buf[at] == b'\\' && quote != b'\\' {
                if !backslash {
                    let why = "a text contains a backslash, which dialects read differently";
                    return Err(Halt::Bad(why.to_owned(), at));
                }
                escaped = true;
                at += 2;
                continue;
            }
            match self.buf.get(at + 1) {
                Some(next) if *next == quote => {
                    escaped = true;
                    at += 2;
                }
                None if !self.eof => return Err(Halt::More),
                _ => {
                    self.pos = at + 1;
                    return Ok((at, escaped));
                }
            }
        }
    }

    /// The next token, after white space and comments.
    pub(crate) fn token(&mut self) -> Lex<Token> {
        let Some(byte) = self.skip_space()? else {
            return Ok(Token { kind: Kind::End, start: self.pos, end: self.pos });
        };
        match byte {
            b'\'' => self.text(1, self.rules.backslash.then_some(self.backslashes(b'\''))),
            b'"' if !self.rules.ansi_quotes => {
                self.text(1, self.rules.backslash.then_some(Escapes::Mysql(b'"')))
            }
            b'"' => self.name(b'"'),
            b'`' if !self.rules.postgres() => self.name(b'`'),
            b'[' if self.rules.dialect == Dialect::Sqlite => self.name(b']'),
            b'$' if self.rules.postgres() => self.dollar(),
            b'0'..=b'9' => self.number(),
            b'.' if self.look(1)?.is_some_and(|b| b.is_ascii_digit()) => self.number(),
            b'@' => self.word(),
            _ if is_word(byte) => self.prefixed(byte),
            _ => Ok(self.punct(byte)),
        }
    }

    fn punct(&mut self, byte: u8) -> Token {
        self.pos += 1;
        Token { kind: Kind::Punct(byte), start: self.pos - 1, end: self.pos }
    }

    fn backslashes(&self, quote: u8) -> Escapes {
        if self.rules.mysql() { Escapes::Mysql(quote) } else { Escapes::Postgres }
    }

    /// A text whose quote stands `opening - 1` bytes ahead.
    fn text(&mut self, opening: usize, escapes: Option<Escapes>) -> Lex<Token> {
        let start = self.pos + opening;
        let quote = self.buf[start - 1];
        let (end, escaped) = self.quoted(start, quote, escapes.is_some())?;
        let kind = match escapes {
            _ if !escaped => Escapes::None,
            Some(escapes) => escapes,
            None => Escapes::Doubled(quote),
        };
        Ok(Token { kind: Kind::Text(kind), start, end })
    }

    fn name(&mut self, close: u8) -> Lex<Token> {
        let start = self.pos + 1;
        let unsure = std::mem::replace(&mut self.rules.unsure, false);
        let found = self.quoted(start, close, false);
        self.rules.unsure = unsure;
        Ok(Token { kind: Kind::Name(close), start, end: found?.0 })
    }

    fn word(&mut self) -> Lex<Token> {
        let start = self.pos;
        let rest = &self.buf[start..];
        let end = rest.iter().position(|b| !is_word(*b) && *b != b'@').map(|n| start + n);
        let end = match end {
            Some(end) => end,
            None if self.eof => self.buf.len(),
            None => return Err(Halt::More),
        };
        self.pos = end;
        Ok(Token { kind: Kind::Word, start, end })
    }

    /// A word, or a literal with a prefix: `E'…'`, `X'…'`, `b'…'`, `N'…'`.
    fn prefixed(&mut self, first: u8) -> Lex<Token> {
        if self.look(1)? == Some(b'\'') {
            let plain = self.rules.backslash.then_some(self.backslashes(b'\''));
            match first.to_ascii_lowercase() {
                b'e' if self.rules.postgres() => return self.text(2, Some(Escapes::Postgres)),
                b'n' if self.rules.dialect != Dialect::Sqlite => return self.text(2, plain),
                b'x' => {
                    let token = self.text(2, None)?;
                    return Ok(Token { kind: Kind::Hex(true), ..token });
                }
                b'b' if self.rules.dialect != Dialect::Sqlite => {
                    let token = self.text(2, None)?;
                    return Ok(Token { kind: Kind::Bits, ..token });
                }
                _ => {}
            }
        }
        self.word()
    }

    fn number(&mut self) -> Lex<Token> {
        let start = self.pos;
        if self.buf[start] == b'0' {
            let radix = self.look(1)?;
            let of = |digit: fn(&u8) -> bool, kind| {
                let rest = self.buf.get(start + 2..).unwrap_or_default();
                let count = rest.iter().position(|b| !digit(b));
                match count {
                    None if !self.eof => Err(Halt::More),
                    None => Ok((start + 2 + rest.len(), kind)),
                    Some(count) => Ok((start + 2 + count, kind)),
                }
            };
            let special = match radix {
                Some(b'x' | b'X') => Some(of(u8::is_ascii_hexdigit, Kind::Hex(false))?),
                Some(b'b' | b'B') if self.rules.mysql() => {
                    Some(of(|b| matches!(b, b'0' | b'1'), Kind::Bits)?)
                }
                _ => None,
            };
            if let Some((end, kind)) = special.filter(|(end, _)| *end > start + 2) {
                self.pos = end;
                return Ok(Token { kind, start: start + 2, end });
            }
        }
        let mut at = start;
        while let Some(byte) = self.buf.get(at) {
            let sign = matches!(byte, b'+' | b'-') && matches!(self.buf[at - 1], b'e' | b'E');
            if at > start && sign || byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E') {
                at += 1;
            } else {
                break;
            }
        }
        if at == self.buf.len() && !self.eof {
            return Err(Halt::More);
        }
        self.pos = at;
        Ok(Token { kind: Kind::Number, start, end: at })
    }

    /// `$tag$ … $tag$`, or a lone `$`.
    fn dollar(&mut self) -> Lex<Token> {
        let rest = &self.buf[self.pos + 1..];
        let Some(length) = rest.iter().position(|b| !is_word(*b) || *b == b'$') else {
            return if self.eof { Ok(self.punct(b'$')) } else { Err(Halt::More) };
        };
        if rest[length] != b'$' || rest.first().is_some_and(u8::is_ascii_digit) {
            return Ok(self.punct(b'$'));
        }
        let tag = &self.buf[self.pos..self.pos + length + 2];
        let start = self.pos + tag.len();
        match memmem::find(&self.buf[start..], tag) {
            Some(found) => {
                self.pos = start + found + tag.len();
                Ok(Token { kind: Kind::Text(Escapes::None), start, end: start + found })
            }
            None => self.more("a dollar quote is not closed"),
        }
    }

    /// The token's bytes as they stand.
    pub(crate) fn raw(&self, token: &Token) -> &'a [u8] {
        &self.buf[token.start..token.end]
    }

    /// Whether the token is that keyword (given in upper case).
    pub(crate) fn is(&self, token: &Token, keyword: &str) -> bool {
        token.kind == Kind::Word && self.raw(token).eq_ignore_ascii_case(keyword.as_bytes())
    }

    /// The token's content, unescaped.
    pub(crate) fn content(&self, token: &Token) -> Cow<'a, [u8]> {
        let raw = self.raw(token);
        let escapes = match token.kind {
            Kind::Text(escapes) => escapes,
            Kind::Name(close) => Escapes::Doubled(close),
            _ => Escapes::None,
        };
        let unchanged = match escapes {
            Escapes::Doubled(quote) => memchr(quote, raw).is_none(),
            other => other == Escapes::None,
        };
        if unchanged {
            return Cow::Borrowed(raw);
        }
        let mut out = Vec::with_capacity(raw.len());
        unescape(raw, escapes, &mut out);
        Cow::Owned(out)
    }

    /// The token's content as text; bytes that are not UTF-8 are shown as such.
    pub(crate) fn string(&self, token: &Token) -> String {
        String::from_utf8_lossy(&self.content(token)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(dialect: Dialect, text: &str) -> Vec<String> {
        let mut lexer = Lexer::whole(text.as_bytes(), Rules::of(dialect));
        let mut all = Vec::new();
        loop {
            let token = lexer.token().unwrap();
            match token.kind {
                Kind::End => return all,
                Kind::Text(_) => all.push(format!("'{}'", lexer.string(&token))),
                Kind::Name(_) => all.push(format!("`{}`", lexer.string(&token))),
                _ => all.push(lexer.string(&token)),
            }
        }
    }

    #[test]
    fn comments_differ_by_dialect() {
        assert_eq!(tokens(Dialect::Mysql, "1--1 -- x\n# y\n/* ; */ 2"), ["1", "-", "-", "1", "2"]);
        assert_eq!(
            tokens(Dialect::Mysql, "/*!40101 SET a='*/' */;"),
            ["SET", "a", "=", "'*/'", ";"]
        );
        assert!(tokens(Dialect::Mysql, "/*M!999999\\- enable the sandbox mode */ ").is_empty());
        assert_eq!(tokens(Dialect::Postgres, "/* a /* b */ c */ 1--2"), ["1"]);
        assert_eq!(tokens(Dialect::Sqlite, "[a b] -- x"), ["`a b`"]);
    }

    #[test]
    fn texts_differ_by_dialect() {
        assert_eq!(tokens(Dialect::Mysql, r#"'a\'b''c\n\%' "d""e""#), ["'a'b'c\n\\%'", "'d\"e'"]);
        assert_eq!(
            tokens(Dialect::Postgres, r"'a\' E'b\'\x41\101\u00e9\\'"),
            ["'a\\'", "'b'AAé\\'"]
        );
        assert_eq!(tokens(Dialect::Postgres, r"E'\ud83d\ude00'"), ["'😀'"]);
        assert_eq!(tokens(Dialect::Postgres, "$$a;'$$ $t$b$$$t$ $1"), ["'a;''", "'b$$'", "$", "1"]);
        assert_eq!(
            tokens(Dialect::Mysql, "`a``b` x'00ff' 0xFF b'01' 0b1"),
            ["`a`b`", "00ff", "FF", "01", "1"]
        );
    }

    #[test]
    fn a_buffer_may_end_anywhere() {
        let text = br"/*!40101 SET */ 'a\'b''c' `x``y` 0x1f 1.5e-3 -- c
            w";
        for cut in 0..text.len() {
            let mut lexer =
                Lexer { eof: false, ..Lexer::whole(&text[..cut], Rules::of(Dialect::Mysql)) };
            let mut whole = Lexer::whole(text, Rules::of(Dialect::Mysql));
            while let Ok(token) = lexer.token() {
                assert_eq!(token, whole.token().unwrap(), "cut at {cut}");
            }
        }
    }
}
