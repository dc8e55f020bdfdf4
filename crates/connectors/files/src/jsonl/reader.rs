//! Reading JSON Lines: a sample of its rows, and the rows themselves.

use std::collections::HashMap;
use std::path::PathBuf;

use memchr::memchr;
use syncline_connector::Budget;
use syncline_types::{Code, Column, Error, Reject, Result, TableSchema, field};

use super::scanner::{Kind, Member, object, unescape};
use crate::csv::reader::field_of;
use crate::piece::{Piece, PieceReader, Place, Rows};
use crate::text_types::Looks;
use crate::texts::{TextColumn, Typing, printable, reject_record};
use crate::window::{Packing, Window};

/// The next line of a window, without passing it: its length, and with its line end.
pub(crate) fn line(window: &mut Window, number: u64) -> Result<Option<(usize, usize)>> {
    let mut searched = 0;
    loop {
        if let Some(n) = memchr(b'\n', &window.bytes()[searched..]) {
            return Ok(Some((searched + n, searched + n + 1)));
        }
        searched = window.bytes().len();
        if window.is_last() {
            return Ok((searched > 0).then_some((searched, searched)));
        }
        window.more(number)?;
    }
}

/// Passes the byte order mark and lines to be skipped; gives the line it then stands at.
pub(crate) fn head(window: &mut Window, skip: u32) -> Result<u64> {
    let mut number = 1;
    while window.bytes().len() < 3 && !window.is_last() {
        window.more(number)?;
    }
    if window.bytes().starts_with(b"\xEF\xBB\xBF") {
        window.pass(3);
    }
    for _ in 0..skip {
        if let Some((_, next)) = line(window, number)? {
            window.pass(next);
        }
        number += 1;
    }
    Ok(number)
}

/// What a sample of rows showed.
#[derive(Debug, Default)]
pub(crate) struct Sampled {
    /// Keys in the order they were first seen.
    pub(crate) columns: Vec<String>,
    /// By column.
    pub(crate) looks: Vec<Looks>,
    index: HashMap<Vec<u8>, usize>,
    /// Rows looked at.
    pub(crate) rows: u64,
    /// Bytes they took.
    pub(crate) bytes: u64,
}

impl Sampled {
    /// Looks at up to `most` more rows, from where the window stands.
    pub(crate) fn sample(&mut self, window: &mut Window, most: u64, most_bytes: u64) -> Result<()> {
        let mut members = Vec::new();
        let (start, rows) = (window.offset(), self.rows);
        while self.rows - rows < most && window.offset() - start < most_bytes {
            let Some((end, next)) = line(window, 0)? else { break };
            let text = &window.bytes()[..end];
            if object(text, &mut members) == Ok(true) {
                self.rows += 1;
                for member in &members {
                    self.see(text, member);
                }
            }
            window.pass(next);
        }
        self.bytes += window.offset() - start;
        Ok(())
    }

    /// Adds columns that no row sampled has.
    pub(crate) fn add_columns<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            self.column(name.as_bytes().to_vec(), name);
        }
    }

    fn column(&mut self, key: Vec<u8>, name: &str) -> usize {
        if let Some(column) = self.index.get(&key) {
            return *column;
        }
        self.columns.push(name.to_owned());
        self.looks.push(Looks::default());
        self.index.insert(key, self.columns.len() - 1);
        self.columns.len() - 1
    }

    fn see(&mut self, text: &[u8], member: &Member) {
        let mut key = Vec::new();
        let raw = &text[member.key.0..member.key.1];
        if unescape(raw, &mut key).is_err() {
            return;
        }
        let Ok(name) = String::from_utf8(key.clone()) else { return };
        let column = self.column(key, &name);
        let value = &text[member.value.0..member.value.1];
        let looks = &mut self.looks[column];
        match member.kind {
            Kind::Null => {}
            Kind::Nested => looks.see_nested(),
            Kind::Scalar => looks.see(&String::from_utf8_lossy(value)),
            Kind::String { .. } => {
                let mut string = Vec::new();
                if unescape(value, &mut string).is_ok() {
                    looks.see_string(&String::from_utf8_lossy(&string));
                }
            }
        }
    }
}

/// The columns wanted, as rows are added to them.
struct Columns {
    /// All keys of the file, to their place among the columns wanted, if they are.
    keys: HashMap<Vec<u8>, Option<usize>>,
    names: Vec<String>,
    /// Columns that take the JSON text itself.
    json: Vec<bool>,
    texts: Vec<TextColumn>,
    /// The members of the row.
    members: Vec<Member>,
    /// Which of them belongs to which column.
    found: Vec<Option<usize>>,
    scratch: Vec<u8>,
}

impl Columns {
    fn new(piece: &Piece, table: &TableSchema) -> Result<Self> {
        for column in &table.columns {
            field_of(&piece.columns, column.name(), &piece.path)?;
        }
        let keys = piece.columns.iter();
        let keys = keys.map(|name| (name.clone().into_bytes(), table.index_of(name))).collect();
        let is_json = |c: &Column| field::logical(&c.field) == Some("json");
        Ok(Self {
            keys,
            names: table.columns.iter().map(|c| c.name().to_owned()).collect(),
            json: table.columns.iter().map(is_json).collect(),
            texts: table.columns.iter().map(|_| TextColumn::default()).collect(),
            members: Vec::new(),
            found: vec![None; table.columns.len()],
            scratch: Vec::new(),
        })
    }

    /// Adds the row of a line; `false` for a blank line. A row that is flawed is not added.
    fn add(&mut self, text: &[u8]) -> std::result::Result<bool, (Code, String)> {
        let is_row = object(text, &mut self.members).map_err(|flaw| {
            let why = format!("not a line of JSON, byte {}: {}", flaw.at + 1, flaw.what);
            (Code::Malformed, why)
        })?;
        if is_row {
            self.assign(text)?;
            self.push(text);
        }
        Ok(is_row)
    }

    /// Finds which member goes into which column. Strings that are no text are found here, before
    /// anything is added to a column.
    fn assign(&mut self, text: &[u8]) -> std::result::Result<(), (Code, String)> {
        self.found.fill(None);
        for (i, member) in self.members.iter().enumerate() {
            let raw = &text[member.key.0..member.key.1];
            self.scratch.clear();
            let known = if member.key_escaped {
                unescape(raw, &mut self.scratch).map_err(|e| (Code::BadEncoding, e))?;
                self.keys.get(self.scratch.as_slice())
            } else {
                self.keys.get(raw)
            };
            let Some(column) = known else {
                let name = printable(raw);
                let why = format!("the key {name:?} is in none of the rows sampled");
                return Err((Code::Malformed, why));
            };
            let Some(column) = column else { continue };
            if self.found[*column].replace(i).is_some() {
                let why = format!("the key {:?} is there twice", self.names[*column]);
                return Err((Code::Malformed, why));
            }
            if member.kind == (Kind::String { escaped: true }) && !self.json[*column] {
                self.scratch.clear();
                unescape(&text[member.value.0..member.value.1], &mut self.scratch)
                    .map_err(|e| (Code::BadEncoding, e))?;
            }
        }
        Ok(())
    }

    fn push(&mut self, text: &[u8]) {
        for (i, column) in self.texts.iter_mut().enumerate() {
            let member = self.found[i].map(|m| self.members[m]);
            let Some(member) = member.filter(|m| m.kind != Kind::Null) else {
                column.push_null();
                continue;
            };
            let (start, end) = member.value;
            match member.kind {
                // With its quotes, for it is JSON text that is wanted.
                Kind::String { .. } if self.json[i] => column.push(&text[start - 1..=end]),
                // Checked by `assign`: it has no half characters.
                Kind::String { escaped: true } => {
                    column.push_with(|out| drop(unescape(&text[start..end], out)));
                }
                _ => column.push(&text[start..end]),
            }
        }
    }
}

/// Reads the rows of one piece.
pub(crate) struct JsonlReader {
    path: PathBuf,
    window: Window,
    typing: Typing,
    columns: Columns,
    lines: Vec<u64>,
    line: u64,
}

impl JsonlReader {
    /// A reader of `piece` from `at`.
    pub(crate) fn open(
        piece: &Piece,
        at: Option<&Place>,
        table: &TableSchema,
        packing: Packing,
    ) -> Result<Self> {
        let offset = at.map_or(piece.from, |p| p.offset);
        let window = Window::open(&piece.path, packing, offset, piece.until)?;
        Self::over(window, piece, at, table)
    }

    /// A reader of a window that stands at the place.
    pub(crate) fn over(
        window: Window,
        piece: &Piece,
        at: Option<&Place>,
        table: &TableSchema,
    ) -> Result<Self> {
        Ok(Self {
            path: piece.path.clone(),
            window,
            typing: Typing::new(&piece.path, table, true)?,
            columns: Columns::new(piece, table)?,
            lines: Vec::new(),
            line: at.map_or(piece.line, |p| p.line),
        })
    }

    fn flawed(&self, text: &[u8], code: Code, why: &str) -> Result<Reject> {
        let error = Error::new(code, format!("{}:{}: {why}", self.path.display(), self.line));
        let error = if why.ends_with("rows sampled") {
            error.hint("sample more rows (?sample=), or name the column's type (?types=name:text)")
        } else {
            error
        };
        reject_record(text, error)
    }
}

impl PieceReader for JsonlReader {
    fn next(&mut self, budget: Budget) -> Result<Option<Rows>> {
        self.lines.clear();
        let mut rejects = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        while count < budget.rows as u64 && bytes < budget.bytes {
            let Some((end, next)) = line(&mut self.window, self.line)? else { break };
            let text = &self.window.bytes()[..end];
            match self.columns.add(text) {
                Ok(false) => {}
                Ok(true) => {
                    count += 1;
                    self.lines.push(self.line);
                }
                Err((code, why)) => {
                    count += 1;
                    rejects.push(self.flawed(text, code, &why)?);
                }
            }
            bytes += next + 4 * self.columns.texts.len();
            self.line += 1;
            self.window.pass(next);
        }
        if count == 0 {
            return Ok(None);
        }
        let (rows, more) = self.typing.rows(&mut self.columns.texts, &self.lines)?;
        rejects.extend(more);
        Ok(Some(Rows { rows, rejects, count }))
    }

    fn place(&self) -> Place {
        Place { offset: self.window.offset(), line: self.line, ..Place::default() }
    }
}
