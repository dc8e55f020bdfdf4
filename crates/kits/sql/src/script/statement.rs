//! Where statements end, and what an INSERT is into.

use serde::{Deserialize, Serialize};
use syncline_types::TableName;

use super::lexer::{Halt, Kind, Lex, Lexer, Token};
use super::row::{skip_brackets, skip_value};
use super::session::Session;
use crate::Dialect;

/// The statement that rows stand in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) table: TableName,
    /// Its column list, when it has one.
    pub(crate) columns: Option<Vec<String>>,
    /// Its one row is written as assignments: `SET a = 1, b = 2`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) set: bool,
}

/// Whether the statement's delimiter is next.
pub(crate) fn at_delimiter(lexer: &Lexer<'_>, delimiter: &str) -> Lex<bool> {
    let rest = &lexer.buf[lexer.pos..];
    let delimiter = delimiter.as_bytes();
    if rest.len() < delimiter.len() && !lexer.eof && delimiter.starts_with(rest) {
        return Err(Halt::More);
    }
    Ok(rest.starts_with(delimiter))
}

/// Moves behind the statement's delimiter (or to the end of the script); returns where it ends.
///
/// Bodies of routines and triggers hold semicolons between BEGIN and END, as `psql` and SQLite's
/// shell know; MySQL's client is told by DELIMITER.
pub(crate) fn skip_statement(lexer: &mut Lexer<'_>, delimiter: &str) -> Lex<usize> {
    let mut words = 0;
    let (mut create, mut routine) = (false, false);
    let mut depth = 0usize;
    let mut pending: Option<Token> = None;
    loop {
        if pending.is_none() {
            lexer.skip_space()?;
            if depth == 0 && at_delimiter(lexer, delimiter)? {
                let end = lexer.pos;
                lexer.pos += delimiter.len();
                return Ok(end);
            }
        }
        let token = match pending.take() {
            Some(token) => token,
            None => lexer.token()?,
        };
        if token.kind == Kind::End {
            if depth > 0 {
                return Err(Halt::Bad("a body has BEGIN without its END".into(), token.start));
            }
            return Ok(token.start);
        }
        words += 1;
        if token.kind != Kind::Word || delimiter != ";" {
            continue;
        }
        let is = |names: &[&str]| names.iter().any(|name| lexer.is(&token, name));
        create |= words == 1 && is(&["CREATE"]);
        routine |= create && words <= 8 && is(&["TRIGGER", "FUNCTION", "PROCEDURE", "EVENT"]);
        if !routine {
            continue;
        }
        if is(&["BEGIN"]) || depth > 0 && is(&["CASE"]) {
            depth += 1;
        } else if depth > 0 && is(&["END"]) {
            lexer.skip_space()?;
            if at_delimiter(lexer, delimiter)? {
                depth -= 1;
                continue;
            }
            let next = lexer.token()?;
            let closes =
                ["IF", "LOOP", "WHILE", "REPEAT", "FOR"].iter().any(|w| lexer.is(&next, w));
            depth -= usize::from(!closes);
            if !closes && !lexer.is(&next, "CASE") {
                pending = Some(next);
            }
        }
    }
}

/// The words of a clause up to the delimiter, in upper case, without what stands in brackets.
pub(crate) fn clause(lexer: &mut Lexer<'_>, delimiter: &str) -> Lex<String> {
    let mut words: Vec<String> = Vec::new();
    loop {
        let next = lexer.skip_space()?;
        if at_delimiter(lexer, delimiter)? {
            return Ok(words.join(" "));
        }
        if next == Some(b'(') {
            skip_brackets(lexer)?;
            continue;
        }
        let token = lexer.token()?;
        match token.kind {
            Kind::End => {
                return Err(Halt::Bad("the last INSERT has no semicolon".into(), token.start));
            }
            Kind::Word if words.len() < 8 => words.push(lexer.string(&token).to_ascii_uppercase()),
            _ => {}
        }
    }
}

/// `( name, … )`
pub(crate) fn column_list(lexer: &mut Lexer<'_>, session: &Session) -> Lex<Vec<String>> {
    lexer.pos += 1;
    let mut names = Vec::new();
    loop {
        let token = lexer.token()?;
        match token.kind {
            Kind::Punct(b')') => return Ok(names),
            Kind::Punct(b',') => {}
            _ if session.is_name(&token) => names.push(session.name(lexer, &token)),
            _ => return Err(Halt::Bad("a list of columns has no names".into(), token.start)),
        }
    }
}

/// The names of `a = 1, b = 2`; the lexer stays before them.
fn assigned(lexer: &Lexer<'_>, session: &Session) -> Lex<Vec<String>> {
    let mut ahead = lexer.clone();
    let mut names = Vec::new();
    loop {
        let token = ahead.token()?;
        if !session.is_name(&token) {
            return Err(Halt::Bad("a column's name is missing".into(), token.start));
        }
        names.push(session.name(&ahead, &token));
        if ahead.token()?.kind != Kind::Punct(b'=') {
            return Err(Halt::Bad("INSERT … SET has no =".into(), token.start));
        }
        skip_value(&mut ahead)?;
        if ahead.skip_space()? != Some(b',') {
            return Ok(names);
        }
        ahead.pos += 1;
    }
}

/// INSERT or REPLACE, up to its first row. The inner error says what of it is not read.
pub(crate) fn insert_head(lexer: &mut Lexer<'_>, session: &Session) -> Lex<Result<Head, String>> {
    let mut token = lexer.token()?;
    const MODIFIERS: [&str; 5] = ["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"];
    loop {
        if lexer.is(&token, "OR") {
            lexer.token()?;
        } else if !MODIFIERS.iter().any(|w| lexer.is(&token, w)) {
            break;
        }
        token = lexer.token()?;
    }
    let table = session.table_from(lexer, token)?;
    let mysql = session.rules.dialect == Dialect::Mysql;
    let mut columns = None;
    loop {
        if lexer.skip_space()? == Some(b'(') {
            let mut ahead = lexer.clone();
            ahead.pos += 1;
            let first = ahead.token()?;
            if ahead.is(&first, "SELECT") || ahead.is(&first, "WITH") {
                return Ok(Err(format!("INSERT INTO {table} … SELECT is not read")));
            }
            columns = Some(column_list(lexer, session)?);
            continue;
        }
        let token = lexer.token()?;
        let word = lexer.string(&token).to_ascii_uppercase();
        match word.as_str() {
            "VALUES" | "VALUE" if token.kind == Kind::Word => {
                return Ok(Ok(Head { table, columns, set: false }));
            }
            "OVERRIDING" => drop((lexer.token()?, lexer.token()?)),
            "AS" => drop(lexer.token()?),
            "SET" if mysql => {
                let columns = Some(assigned(lexer, session)?);
                return Ok(Ok(Head { table, columns, set: true }));
            }
            "DEFAULT" | "SELECT" | "SET" | "TABLE" | "WITH" | "PARTITION" => {
                return Ok(Err(format!("INSERT INTO {table} … {word} is not read")));
            }
            _ => return Err(Halt::Bad("an INSERT has no VALUES".into(), token.start)),
        }
    }
}

/// All text literals of a statement.
pub(crate) fn texts_of(lexer: &mut Lexer<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    while let Ok(token) = lexer.token() {
        match token.kind {
            Kind::End => break,
            Kind::Text(_) => texts.push(lexer.string(&token)),
            _ => {}
        }
    }
    texts
}
