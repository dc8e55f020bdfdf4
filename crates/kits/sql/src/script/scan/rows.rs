//! The rows of an INSERT or of a COPY block, one step each.

use std::sync::Arc;

use super::super::lexer::{Halt, is_word};
use super::super::statement::{Head, at_delimiter, clause, insert_head};
use super::{Scanner, State, Step, Stop};

impl Scanner {
    pub(super) fn tuple(&mut self) -> Result<Option<Step>, Stop> {
        let mut row = std::mem::take(&mut self.row);
        let mut lexer = self.lex();
        let set = matches!(&self.state, State::Tuple(head) if head.set);
        let read = (|| {
            let mut first = lexer.skip_space()?;
            if set {
                let start = lexer.pos;
                return Ok((start, row.read_assignments(&mut lexer)?));
            }
            // MySQL's table value constructor: VALUES ROW(1), ROW(2).
            if first.is_some_and(|b| b.eq_ignore_ascii_case(&b'R')) {
                let token = lexer.token()?;
                first = lexer.is(&token, "ROW").then(|| lexer.skip_space()).transpose()?.flatten();
            }
            if first != Some(b'(') {
                return Err(Halt::Bad("a row is expected after VALUES".into(), lexer.pos));
            }
            let start = lexer.pos;
            Ok((start, row.read_tuple(&mut lexer)?))
        })();
        let (pos, conditional) = (lexer.pos, lexer.conditional);
        self.row = row;
        let (start, read) = read?;
        self.move_to(pos, conditional);
        self.current = (start, pos);
        self.spoilt = read.err();
        if let State::Tuple(head) = &self.state {
            self.state = State::Behind(head.clone());
        }
        Ok(Some(Step::Row))
    }

    /// Behind a row: a comma, the end of the statement, or a clause.
    pub(super) fn behind(&mut self, head: Arc<Head>) -> Result<Option<Step>, Stop> {
        let mut lexer = self.lex();
        let next = lexer.skip_space()?;
        if next == Some(b',') {
            let (pos, conditional) = (lexer.pos + 1, lexer.conditional);
            self.move_to(pos, conditional);
            self.state = State::Tuple(head);
            return Ok(None);
        }
        if at_delimiter(&lexer, &self.session.delimiter)? {
            let pos = lexer.pos + self.session.delimiter.len();
            self.move_to(pos, false);
            self.state = State::Top;
            return Ok(None);
        }
        if next.is_none() {
            let why = "the last INSERT has no semicolon; the script may be cut short";
            return Err(Halt::Bad(why.into(), lexer.pos).into());
        }
        let start = lexer.pos;
        let words = clause(&mut lexer, &self.session.delimiter)?;
        let pos = lexer.pos;
        self.current = (start, pos);
        // Rows that a dump has anyway only once.
        let harmless = words.starts_with("ON CONFLICT") && words.ends_with("DO NOTHING");
        if !harmless {
            let known = ["ON ", "AS ", "RETURNING"].iter().any(|w| words.starts_with(w));
            if !known {
                return Err(Halt::Bad("a row is followed by neither , nor ;".into(), start).into());
            }
            let what = format!("INSERT … {words} is not read");
            return Err(Stop::Failed(self.unsupported(&what)));
        }
        self.move_to(pos, false);
        Ok(None)
    }

    pub(super) fn copy_line(&mut self) -> Result<Option<Step>, Stop> {
        let mut row = std::mem::take(&mut self.row);
        let mut lexer = self.lex();
        let start = lexer.pos;
        let read = row.read_copy_line(&mut lexer);
        let pos = lexer.pos;
        self.row = row;
        let more = read?;
        self.move_to(pos, false);
        self.current = (start, pos.saturating_sub(1).max(start));
        self.spoilt = None;
        if more.is_none() {
            self.state = State::Top;
            return Ok(None);
        }
        Ok(Some(Step::Row))
    }

    /// INSERT, up to its first row.
    pub(super) fn insert(&mut self, pos: usize) -> Result<Option<Step>, Stop> {
        let mut lexer = self.lex();
        lexer.token()?;
        let head = insert_head(&mut lexer, &self.session);
        let (end, conditional) = (lexer.pos, lexer.conditional);
        self.current = (pos, end);
        match head? {
            Ok(head) => {
                let head = Arc::new(head);
                self.filled.insert(head.table.clone());
                // Assignments name their columns row by row.
                let text = (!head.set).then(|| self.buf[pos..end].to_vec());
                self.known = text.map(|text| (text, head.clone()));
                self.conditional = conditional;
                Ok(self.begin_rows(pos, (head, end)))
            }
            Err(what) => Err(Stop::Failed(self.unsupported(&what))),
        }
    }

    /// The head of the statement before, when the same text stands here; and where it ends.
    pub(super) fn known_head(&self, pos: usize) -> Option<(Arc<Head>, usize)> {
        let (text, head) = self.known.as_ref()?;
        let rest = self.buf[pos..].strip_prefix(text.as_slice())?;
        let ends = rest.first().is_some_and(|byte| !is_word(*byte));
        ends.then(|| (head.clone(), pos + text.len()))
    }

    pub(super) fn begin_rows(
        &mut self,
        pos: usize,
        (head, end): (Arc<Head>, usize),
    ) -> Option<Step> {
        self.begin_statement(pos);
        self.pos = end;
        self.state = State::Tuple(head);
        None
    }
}
