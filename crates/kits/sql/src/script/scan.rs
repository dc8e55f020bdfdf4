//! Goes through a script statement by statement and row by row, over chunks that may end anywhere.
//!
//! Knows where statements end in every dialect and what they set for those after them; which rows
//! are wanted, and what they mean, is left to [`super::reader`] and [`super::catalog`].

mod effects;
mod rows;

use std::collections::HashSet;
use std::sync::Arc;

use memchr::{memchr_iter, memmem};
use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Result, TableName};

use super::detect::{PAGE_MARK, SCHEMA_MARK, detect};
use super::lexer::{Halt, Kind, Lexer, Rules};
use super::row::Row;
use super::session::Session;
use super::statement::{Head, at_delimiter, skip_statement};
use crate::Dialect;

/// The longest row, or statement without rows, that is read: bytes.
pub const DEFAULT_MAX_STATEMENT: usize = 64 << 20;

/// So many bytes are looked at to guess the dialect.
const HEAD: usize = 64 << 10;

/// Where in a statement the next byte is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// Between statements.
    Top,
    /// Before a row of an INSERT.
    Tuple(Arc<Head>),
    /// Behind a row of an INSERT.
    Behind(Arc<Head>),
    /// Before a line of a COPY block.
    Copy(Arc<Head>),
}

/// A place in a script that reading can go on from, with what the script has set before it.
///
/// It serialises to a small text, for a position's token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Bytes of the script before it: feed the reader from there.
    pub offset: u64,
    /// The line it is in, counted from 1.
    pub line: u64,
    session: Session,
    state: State,
}

impl Place {
    /// The dialect the script is read in.
    pub fn dialect(&self) -> Dialect {
        self.session.rules.dialect
    }
}

/// What a step came upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// More bytes are needed.
    Input,
    /// A row, or the reason why it is none; both for [`Scanner::head`]'s table.
    Row,
    /// A statement without rows.
    Statement,
    /// The end of the script.
    End,
}

/// Goes through a script.
#[derive(Debug)]
pub(crate) struct Scanner {
    buf: Vec<u8>,
    pos: usize,
    /// Bytes of the script before the buffer.
    base: u64,
    eof: bool,
    /// Unread bytes below which another attempt is in vain.
    wait: usize,
    limit: usize,
    /// The line at a position of the buffer.
    line: (usize, u64),
    dialect: Option<Dialect>,
    session: Session,
    state: State,
    conditional: bool,
    pub(crate) row: Row,
    /// Why the current row is none.
    pub(crate) spoilt: Option<String>,
    /// The current row or statement in the buffer.
    current: (usize, usize),
    /// The text of the last statement's head, and what it says: dumps repeat it for every row.
    known: Option<(Vec<u8>, Arc<Head>)>,
    /// Tables that rows were seen of.
    filled: HashSet<TableName>,
    /// Where the statement of the current row begins: byte and line.
    statement: (u64, u64),
    /// The schema that one of our own pages names in its header.
    pub(crate) header: Option<String>,
    begun: bool,
    /// Dumps that were begun, less those whose end mark was seen.
    dumps: i64,
    /// The server that a dump of MySQL is of.
    pub(crate) maker: Option<&'static str>,
}

impl Scanner {
    pub(crate) fn new(dialect: Option<Dialect>, limit: usize, decoded: bool) -> Self {
        Self {
            buf: Vec::new(),
            pos: 0,
            base: 0,
            eof: false,
            wait: if dialect.is_none() { HEAD } else { 0 },
            limit,
            line: (0, 1),
            dialect,
            session: Session {
                decoded,
                ..Session::new(Rules::of(dialect.unwrap_or(Dialect::Ansi)))
            },
            state: State::Top,
            conditional: false,
            row: Row::default(),
            spoilt: None,
            current: (0, 0),
            known: None,
            filled: HashSet::new(),
            statement: (0, 1),
            header: None,
            begun: false,
            dumps: 0,
            maker: None,
        }
    }

    pub(crate) fn at(place: &Place, limit: usize) -> Self {
        Self {
            base: place.offset,
            line: (0, place.line),
            session: place.session.clone(),
            state: place.state.clone(),
            statement: (place.offset, place.line),
            begun: true,
            ..Self::new(Some(place.dialect()), limit, place.session.decoded)
        }
    }

    /// Takes the next bytes of the script.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        if self.pos > 0 {
            self.count_lines(self.pos);
            self.buf.drain(..self.pos);
            self.base += self.pos as u64;
            self.line.0 = 0;
            self.pos = 0;
            // One huge row must not keep its memory for the rest of the script.
            if self.buf.capacity() > (4 << 20) && self.buf.len() + chunk.len() < (1 << 20) {
                self.buf.shrink_to(1 << 20);
            }
        }
        self.buf.extend_from_slice(chunk);
    }

    /// No more bytes will come.
    pub(crate) fn finish(&mut self) {
        self.eof = true;
        self.wait = 0;
    }

    fn count_lines(&mut self, to: usize) {
        let (from, line) = self.line;
        if to > from {
            self.line = (to, line + memchr_iter(b'\n', &self.buf[from..to]).count() as u64);
        }
    }

    /// The line of the current row or statement.
    pub(crate) fn current_line(&mut self) -> u64 {
        self.count_lines(self.current.0);
        self.line.1
    }

    /// The text of the current row or statement.
    pub(crate) fn text(&self) -> &[u8] {
        &self.buf[self.current.0..self.current.1]
    }

    pub(crate) fn buf(&self) -> &[u8] {
        &self.buf
    }

    /// Where the current row or statement begins, in bytes of the script.
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.current.0 as u64
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// The statement of the current row.
    pub(crate) fn head(&self) -> Option<&Arc<Head>> {
        match &self.state {
            State::Top => None,
            State::Tuple(head) | State::Behind(head) | State::Copy(head) => Some(head),
        }
    }

    /// The place behind what was read last.
    pub(crate) fn place(&mut self) -> Place {
        self.count_lines(self.pos);
        Place {
            offset: self.base + self.pos as u64,
            line: self.line.1,
            session: self.session.clone(),
            state: self.state.clone(),
        }
    }

    /// The place before the statement of the current row.
    pub(crate) fn statement_place(&self) -> Place {
        let (offset, line) = self.statement;
        Place { offset, line, session: self.session.clone(), state: State::Top }
    }

    /// Bytes of the script that have been read.
    pub(crate) fn position(&self) -> u64 {
        self.base + self.pos as u64
    }

    /// Whether a dump was begun whose end mark did not come.
    pub(crate) fn cut_short(&self) -> bool {
        self.dumps > 0
    }

    /// Whether there is nothing behind what was read last.
    pub(crate) fn is_at_end(&self) -> bool {
        self.eof && self.pos >= self.buf.len()
    }

    /// A lexer over the current statement.
    pub(crate) fn lexer(&self) -> Lexer<'_> {
        let mut lexer = Lexer::whole(self.text(), self.session.rules);
        lexer.conditional = lexer.rules.dialect == Dialect::Mysql;
        lexer
    }

    /// Goes on to the next row or statement.
    ///
    /// # Errors
    /// [`Code::Corrupt`] for text that is cut short or no SQL, [`Code::Unsupported`] for
    /// statements that would change rows in a way that is not read.
    pub(crate) fn step(&mut self) -> Result<Step> {
        loop {
            let unread = self.buf.len() - self.pos;
            if !self.eof && unread < self.wait.max(1) {
                return Ok(Step::Input);
            }
            if !self.begun && !self.read_header()? {
                self.wait = unread * 2;
                continue;
            }
            if self.dialect.is_none() {
                let found = detect(&self.buf[self.pos..]);
                let rules = Rules::of(found.unwrap_or(Dialect::Ansi));
                let decoded = self.session.decoded;
                let session = Session::new(Rules { unsure: found.is_none(), ..rules });
                // Only MariaDB's tool writes comments of this kind.
                let maria = memmem::find(&self.buf[self.pos..], b"/*M!").is_some();
                self.session = Session { decoded, maria, ..session };
                self.dialect = Some(rules.dialect);
            }
            self.wait = 0;
            match self.advance() {
                Ok(Some(step)) => return Ok(step),
                Ok(None) => {}
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Halt(Halt::More)) => {
                    let unread = self.buf.len() - self.pos;
                    if unread > self.limit {
                        return Err(self.broken(&format!("has more than {} bytes", self.limit)));
                    }
                    self.wait = unread + unread / 2 + 1;
                }
                Err(Stop::Halt(Halt::Bad(why, at))) => {
                    self.count_lines(self.pos);
                    let begin = self.line.1;
                    self.count_lines(at.min(self.buf.len()));
                    let line = self.line.1;
                    let hint = if self.session.rules.unsure {
                        "say which dialect the script is in: dialect=mysql, postgres or sqlite"
                    } else {
                        "is the file whole, and is it in this dialect?"
                    };
                    return Err(Error::new(
                        Code::Corrupt,
                        format!("line {line}: {why} (the statement or row begins in line {begin})"),
                    )
                    .hint(hint));
                }
            }
        }
    }

    /// Passes over a byte order mark, refuses what is no text, and keeps the schema that one of
    /// our own pages begins with. False while it is not all there.
    fn read_header(&mut self) -> Result<bool> {
        for (mark, what) in [
            (&b"PGDMP"[..], "an archive of pg_dump, which is no script: use --format=plain"),
            (b"\xff\xfe", "UTF-16: make it UTF-8 (mysqldump --result-file, not >)"),
            (b"\xfe\xff", "UTF-16: make it UTF-8"),
        ] {
            if self.buf.starts_with(mark) {
                return Err(Error::new(Code::Unsupported, format!("the script is {what}")));
            }
        }
        self.pos = if self.buf.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let head = &self.buf[self.pos..];
        if !head.starts_with(PAGE_MARK.as_bytes()) {
            self.begun = self.eof || head.len() >= PAGE_MARK.len();
            return Ok(self.begun);
        }
        let mut lines = head.split_inclusive(|b| *b == b'\n').skip(1);
        let second = lines.next().filter(|line| line.ends_with(b"\n"));
        if second.is_none() && !self.eof && head.len() < self.limit {
            return Ok(false);
        }
        let schema = second.and_then(|line| line.strip_prefix(SCHEMA_MARK.as_bytes()));
        self.header = schema.map(|text| String::from_utf8_lossy(text).into_owned());
        self.begun = true;
        Ok(true)
    }

    /// Counts the marks that dumps begin and end with.
    fn count_dumps(&mut self, from: usize, to: usize) {
        let comments = &self.buf[from..to];
        let count = |text: &str| memmem::find_iter(comments, text).count() as i64;
        if to > from {
            self.dumps += count("-- MySQL dump ") + count("-- MariaDB dump ");
            self.dumps += count("-- PostgreSQL database dump\n");
            if let Some(at) = memmem::find(comments, b"-- Server version\t") {
                let line = comments[at..].split(|b| *b == b'\n').next().unwrap_or_default();
                let maria = memmem::find(line, b"MariaDB").is_some();
                self.maker = Some(if maria { "MariaDB" } else { "MySQL" });
                self.session.maria = maria;
            }
            self.dumps -= count("-- Dump completed");
            self.dumps -= count("-- PostgreSQL database dump complete");
        }
    }

    fn broken(&mut self, why: &str) -> Error {
        self.count_lines(self.pos);
        let message = format!("line {}: a statement or row {why}", self.line.1);
        Error::new(Code::Corrupt, message).hint("is a quote left open, or the dialect another?")
    }

    /// An error at the current row or statement.
    pub(crate) fn unsupported(&mut self, what: &str) -> Error {
        let line = self.current_line();
        Error::new(Code::Unsupported, format!("line {line}: {what}")).hint(
            "load the script into a database and copy from there, or take such statements out",
        )
    }

    fn advance(&mut self) -> Result<Option<Step>, Stop> {
        match &self.state {
            State::Top => self.top(),
            State::Tuple(_) => self.tuple(),
            State::Behind(head) => {
                let head = head.clone();
                self.behind(head)
            }
            State::Copy(_) => self.copy_line(),
        }
    }

    fn lex(&self) -> Lexer<'_> {
        Lexer {
            buf: &self.buf,
            pos: self.pos,
            rules: self.session.rules,
            eof: self.eof,
            conditional: self.conditional,
        }
    }

    fn move_to(&mut self, pos: usize, conditional: bool) {
        self.pos = pos;
        self.conditional = conditional;
    }

    fn begin_statement(&mut self, pos: usize) {
        self.count_lines(pos);
        self.statement = (self.base + pos as u64, self.line.1);
    }

    /// The beginning of a statement.
    fn top(&mut self) -> Result<Option<Step>, Stop> {
        let mut lexer = self.lex();
        let next = lexer.skip_space();
        // Comments are done with, however far it goes on.
        let (pos, conditional) = (lexer.pos, lexer.conditional);
        let ended = at_delimiter(&lexer, &self.session.delimiter);
        if next.as_ref().is_ok_and(|next| next.is_some()) && ended? {
            self.count_dumps(self.pos, pos);
            self.move_to(pos + self.session.delimiter.len(), false);
            return Ok(None);
        }
        self.count_dumps(self.pos, pos);
        self.move_to(pos, conditional);
        let next = next?;
        if next.is_none() {
            return Ok(Some(Step::End));
        }
        let mut lexer = self.lex();
        let sqlite = self.session.rules.dialect == Dialect::Sqlite;
        if next == Some(b'\\') || sqlite && next == Some(b'.') {
            lexer.skip_line()?;
            return self.client_command(pos, lexer.pos);
        }
        if let Some(head) = self.known_head(pos) {
            return Ok(self.begin_rows(pos, head));
        }
        let token = lexer.token()?;
        let word = if token.kind == Kind::Word {
            lexer.string(&token).to_ascii_uppercase()
        } else {
            String::new()
        };
        match word.as_str() {
            "INSERT" | "REPLACE" => self.insert(pos),
            "DELIMITER" | "SOURCE" if self.session.rules.dialect == Dialect::Mysql => {
                lexer.skip_line()?;
                self.client_command(pos, lexer.pos)
            }
            _ => {
                lexer.pos = pos;
                let end = skip_statement(&mut lexer, &self.session.delimiter)?;
                let next = lexer.pos;
                self.current = (pos, end);
                if word == "COPY"
                    && let Some((head, first)) = self.copy_head(next)?
                {
                    self.begin_statement(pos);
                    self.move_to(first, false);
                    self.filled.insert(head.table.clone());
                    self.state = State::Copy(Arc::new(head));
                    return Ok(None);
                }
                self.move_to(next, false);
                self.statement(&word).map_err(Stop::Failed)?;
                Ok(Some(Step::Statement))
            }
        }
    }
}

/// Why [`Scanner::advance`] stopped.
enum Stop {
    Halt(Halt),
    Failed(Error),
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Self {
        Stop::Halt(halt)
    }
}
