//! The tokens of one statement, and a place among them.
//!
//! Tolerant where it can be: a word that is not known is passed over, since dumps hold what every
//! version of a server has thought of. That is also why no full grammar is used for tables.

use syncline_types::{NativeSql, TableName};

use super::lexer::{Kind, Lexer, Token};
use super::sequence::Options;
use super::session::Session;
use crate::Dialect;

/// Tokens of one statement, and a place among them.
pub(crate) struct Tokens<'a> {
    pub(crate) lexer: Lexer<'a>,
    pub(crate) session: &'a Session,
    pub(crate) tokens: Vec<Token>,
    pub(crate) at: usize,
    pub(crate) end: usize,
    /// Columns that were read and count by sequences of these options.
    pub(crate) counted: Vec<(String, Options)>,
}

/// Words that end a column's type or default.
const OPTIONS: [&str; 26] = [
    "CONSTRAINT",
    "NOT",
    "NULL",
    "DEFAULT",
    "PRIMARY",
    "UNIQUE",
    "CHECK",
    "REFERENCES",
    "COLLATE",
    "GENERATED",
    "AS",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "COMMENT",
    "ON",
    "CHARSET",
    "VIRTUAL",
    "STORED",
    "PERSISTENT",
    "INVISIBLE",
    "STORAGE",
    "COLUMN_FORMAT",
    "SRID",
    "REF_SYSTEM_ID",
    "KEY",
    "COMPRESSED",
];

impl<'a> Tokens<'a> {
    /// All tokens of a statement; `None` when it cannot be taken apart.
    pub(crate) fn of(mut lexer: Lexer<'a>, session: &'a Session) -> Option<Self> {
        let mut tokens = Vec::new();
        loop {
            let token = lexer.token().ok()?;
            if token.kind == Kind::End {
                break;
            }
            tokens.push(token);
        }
        let end = tokens.len();
        Some(Self { lexer, session, tokens, at: 0, end, counted: Vec::new() })
    }

    pub(crate) fn peek(&self) -> Option<&Token> {
        self.tokens[..self.end].get(self.at)
    }

    pub(crate) fn ahead(&self, n: usize) -> Option<&Token> {
        self.tokens[..self.end].get(self.at + n)
    }

    pub(crate) fn is_at(&self, n: usize, word: &str) -> bool {
        self.ahead(n).is_some_and(|t| self.lexer.is(t, word))
    }

    pub(crate) fn is(&self, word: &str) -> bool {
        self.is_at(0, word)
    }

    pub(crate) fn is_punct(&self, byte: u8) -> bool {
        self.peek().is_some_and(|t| t.kind == Kind::Punct(byte))
    }

    /// Over a keyword, when it is next.
    pub(crate) fn eat(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    /// Over keywords in this order, when all of them are next.
    pub(crate) fn eat_all(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(n, word)| self.is_at(n, word));
        self.at += if found { words.len() } else { 0 };
        found
    }

    pub(crate) fn eat_punct(&mut self, byte: u8) -> bool {
        let found = self.is_punct(byte);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn bump(&mut self) -> Option<Token> {
        let token = self.peek().copied();
        self.at += usize::from(token.is_some());
        token
    }

    pub(crate) fn name(&mut self) -> Option<String> {
        let token = *self.peek().filter(|t| self.session.is_name(t))?;
        self.at += 1;
        Some(self.session.name(&self.lexer, &token))
    }

    /// A text literal.
    pub(crate) fn text(&mut self) -> Option<String> {
        let token = *self.peek().filter(|t| matches!(t.kind, Kind::Text(_)))?;
        self.at += 1;
        Some(self.lexer.string(&token))
    }

    pub(crate) fn table(&mut self) -> Option<TableName> {
        let mut parts = vec![self.name()?];
        while self.eat_punct(b'.') {
            parts.push(self.name()?);
        }
        let name = parts.pop()?;
        Some(TableName { schema: parts.pop().or_else(|| self.session.schema.clone()), name })
    }

    /// Over brackets and what they hold, or over one token.
    pub(crate) fn skip_one(&mut self) {
        if !self.is_punct(b'(') {
            self.at += 1;
            return;
        }
        let mut depth = 0usize;
        while let Some(token) = self.bump() {
            match token.kind {
                Kind::Punct(b'(') => depth += 1,
                Kind::Punct(b')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// The text between two tokens' places.
    pub(crate) fn source(&self, from: usize, to: usize) -> String {
        let Some(first) = self.tokens.get(from) else { return String::new() };
        let last = self.tokens[from..to].last().unwrap_or(first);
        // A token's range leaves its quotes out.
        let start = match first.kind {
            Kind::Text(_) | Kind::Name(_) => first.start.saturating_sub(1),
            Kind::Hex(_) | Kind::Bits => first.start.saturating_sub(2),
            _ => first.start,
        };
        let end = match last.kind {
            Kind::Text(_) | Kind::Name(_) | Kind::Hex(true) | Kind::Bits => last.end + 1,
            _ => last.end,
        };
        let text = &self.lexer.buf[start..end.min(self.lexer.buf.len())];
        String::from_utf8_lossy(text).into_owned()
    }

    pub(crate) fn at_option(&self) -> bool {
        let mysql = self.session.rules.dialect == Dialect::Mysql;
        let word = self.peek().is_some_and(|t| OPTIONS.iter().any(|o| self.lexer.is(t, o)));
        word || mysql && self.is("CHARACTER") && self.is_at(1, "SET")
            || mysql && (self.is("WITH") || self.is("WITHOUT")) && self.is_at(1, "SYSTEM")
    }

    /// A piece of the script's own SQL.
    pub(crate) fn native(&self, sql: impl Into<String>) -> NativeSql {
        NativeSql::new(self.session.rules.dialect.id(), sql)
    }

    /// Over brackets; what they hold, as it is written.
    pub(crate) fn brackets(&mut self) -> Option<String> {
        if !self.is_punct(b'(') {
            return None;
        }
        let open = self.peek()?.end;
        self.skip_one();
        let close = self.tokens.get(self.at.checked_sub(1)?)?.start;
        Some(self.text_of(open, close.max(open)))
    }

    /// Bytes of the statement as text, without space around them.
    fn text_of(&self, from: usize, to: usize) -> String {
        unconditional(String::from_utf8_lossy(&self.lexer.buf[from..to]).trim())
    }

    /// The text from one token up to another, without space around it.
    pub(crate) fn between(&self, from: usize, to: usize) -> String {
        if to <= from { String::new() } else { unconditional(self.source(from, to).trim()) }
    }

    /// Names in brackets, `(a, b)`.
    pub(crate) fn names(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        if self.eat_punct(b'(') {
            while self.peek().is_some() && !self.eat_punct(b')') {
                match self.name() {
                    Some(name) => names.push(name),
                    None => self.skip_one(),
                }
            }
        }
        names
    }

    /// The whole statement, as it is written.
    pub(crate) fn all(&self) -> String {
        self.between(0, self.end)
    }

    /// Over an opening bracket.
    pub(crate) fn open(&mut self) {
        self.eat_punct(b'(');
    }

    /// Over a comma.
    pub(crate) fn next_comma(&mut self) {
        self.eat_punct(b',');
    }

    /// Where it stands, for [`Tokens::back_to`].
    pub(crate) fn mark(&self) -> usize {
        self.at
    }

    pub(crate) fn back_to(&mut self, mark: usize) {
        self.at = mark;
    }

    /// A type, up to the options behind it.
    pub(crate) fn native_type(&mut self) -> String {
        let from = self.at;
        while self.peek().is_some()
            && !self.is_punct(b',')
            && !self.is_punct(b')')
            && !self.at_option()
        {
            self.skip_one();
        }
        if self.at > from { self.source(from, self.at) } else { String::new() }
    }

    /// `schema.table.column` or `table.column`.
    pub(crate) fn column_of_table(&mut self) -> Option<(TableName, String)> {
        let mut parts = vec![self.name()?];
        while self.eat_punct(b'.') {
            parts.push(self.name()?);
        }
        let column = parts.pop()?;
        let name = parts.pop()?;
        let schema = parts.pop().or_else(|| self.session.schema.clone());
        Some((TableName { schema, name }, column))
    }

    /// Moves behind the next comma that stands in no bracket. False at the end.
    pub(crate) fn next_action(&mut self) -> bool {
        while self.peek().is_some() {
            if self.eat_punct(b',') {
                return true;
            }
            self.skip_one();
        }
        false
    }

    /// All words and texts that are left, for statements of which little is needed.
    pub(crate) fn rest(&mut self) -> String {
        let text = self.source(self.at, self.end);
        self.at = self.end;
        text
    }
}

/// The text without the marks of MySQL's comments for newer servers, `/*!80023 … */`: what stands
/// in them is part of it, and one of the marks may lie outside.
fn unconditional(text: &str) -> String {
    if !text.contains("/*!") && !text.contains("/*M!") && !text.contains("*/") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if quote.is_none() {
            let opened = rest.strip_prefix("/*!").or_else(|| rest.strip_prefix("/*M!"));
            if let Some(behind) = opened {
                rest = behind.trim_start_matches(|c: char| c.is_ascii_digit());
                continue;
            }
            if let Some(behind) = rest.strip_prefix("*/") {
                rest = behind;
                continue;
            }
        }
        match quote {
            Some(open) if open == c => quote = None,
            None if matches!(c, '\'' | '"' | '`') => quote = Some(c),
            _ => {}
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out.trim().to_owned()
}
