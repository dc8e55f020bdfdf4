//! Reading delimited text: the head of a file, a sample of its rows, and the rows themselves.

use std::path::{Path, PathBuf};

use memchr::{memchr, memchr_iter};
use syncline_connector::Budget;
use syncline_types::{Code, Error, Reject, Result, TableSchema, did_you_mean};

use super::Dialect;
use super::tokenizer::{Flaw, Found, Span, record, unmark};
use crate::options::{BlankLines, FilesOptions};
use crate::piece::{Piece, PieceReader, Place, Rows};
use crate::text_types::{Looks, TypeOverrides};
use crate::texts::{TextColumn, Typing, printable, reject_record};
use crate::window::{Packing, Window};

/// A flawed record over more lines than this is an error and no reject: nobody can tell which of
/// the lines are rows.
const MOST_LINES: u64 = 1_000;

/// What stands before the first row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Names of the columns, all different.
    pub(crate) columns: Vec<String>,
    /// Offset of the first row.
    pub(crate) start: u64,
    /// Its line.
    pub(crate) line: u64,
    /// What was done to names.
    pub(crate) notes: Vec<String>,
}

/// Reads the head of a file; the window then stands at the first row.
///
/// # Errors
/// [`Code::Corrupt`] when there is none, [`Code::BadEncoding`] for names that are not UTF-8.
pub(crate) fn head(
    window: &mut Window,
    path: &Path,
    dialect: &Dialect,
    options: &FilesOptions,
) -> Result<Head> {
    let mut line = to_first_record(window, options.skip)?;
    let mut spans = Vec::new();
    let next = loop {
        if window.bytes().is_empty() && window.is_last() {
            break None;
        }
        if !window.bytes().is_empty()
            && let Found::Record { next, lines, .. } =
                record(window.bytes(), window.is_last(), dialect, &mut spans)
        {
            // Lines before the first row say nothing about the columns.
            if dialect.blank_lines == Some(BlankLines::Skip) && dialect.passes_over(&spans, 1) {
                window.pass(next);
                line += lines;
                continue;
            }
            if dialect.trim {
                dialect.trim(window.bytes(), &mut spans);
            }
            break Some(next);
        }
        window.more(line)?;
    };
    let given: Option<Vec<String>> = options
        .names
        .as_deref()
        .map(|names| names.split(',').map(|n| n.trim().to_owned()).collect());
    let mut notes = Vec::new();
    let place = path.display();
    let columns = match (next, options.header) {
        (None, true) => {
            return Err(Error::new(Code::Corrupt, format!("{place} is empty: it has no header"))
                .hint("a file without a header is read with ?header=false&names=a,b,c"));
        }
        (Some(next), true) => {
            let mut found = Vec::with_capacity(spans.len());
            for span in &spans {
                found.push(name(window.bytes(), span, dialect, path, line)?);
            }
            line += memchr_iter(b'\n', &window.bytes()[..next]).count() as u64;
            window.pass(next);
            match given {
                Some(given) if given.len() != found.len() => {
                    return Err(names_differ(path, given.len(), found.len()));
                }
                Some(given) => given,
                None => found,
            }
        }
        (Some(_), false) => match given {
            Some(given) if given.len() != spans.len() => {
                return Err(names_differ(path, given.len(), spans.len()));
            }
            Some(given) => given,
            None => vec![String::new(); spans.len()],
        },
        (None, false) => match given {
            Some(given) => given,
            None => numbered(options)?.ok_or_else(|| {
                Error::new(Code::Corrupt, format!("{place} is empty: its columns are not known"))
                    .hint("name them: ?names=a,b,c")
            })?,
        },
    };
    let columns = distinct(columns, options.header, &mut notes);
    Ok(Head { columns, start: window.offset(), line, notes })
}

/// Whether a file has a record.
pub(crate) fn has_records(window: &mut Window, options: &FilesOptions) -> Result<bool> {
    to_first_record(window, options.skip)?;
    Ok(!window.bytes().is_empty() || !window.is_last())
}

/// Goes behind a byte order mark and so many lines; gives the line.
fn to_first_record(window: &mut Window, skip: u32) -> Result<u64> {
    let mut line = 1;
    while window.bytes().len() < 3 && !window.is_last() {
        window.more(line)?;
    }
    if window.bytes().starts_with(b"\xEF\xBB\xBF") {
        window.pass(3);
    }
    for _ in 0..skip {
        loop {
            if let Some(end) = memchr(b'\n', window.bytes()) {
                window.pass(end + 1);
                break;
            }
            if window.is_last() {
                window.pass(window.bytes().len());
                break;
            }
            window.more(line)?;
        }
        line += 1;
    }
    while window.bytes().is_empty() && !window.is_last() {
        window.more(line)?;
    }
    Ok(line)
}

/// The columns of a file without names and rows, as far as types are given for them by number.
fn numbered(options: &FilesOptions) -> Result<Option<Vec<String>>> {
    let types = TypeOverrides::parse(options.types.as_deref())?;
    let number = |name: &str| name.strip_prefix('c')?.parse::<u16>().ok();
    let last = types.names().map(number).collect::<Option<Vec<u16>>>();
    Ok(last.and_then(|all| all.into_iter().max()).map(|last| vec![String::new(); last.into()]))
}

fn names_differ(path: &Path, given: usize, found: usize) -> Error {
    let message = format!("{}: names= gives {given} names for {found} columns", path.display());
    Error::new(Code::BadValue, message).hint("if the delimiter is wrong, set ?delimiter=")
}

fn name(bytes: &[u8], span: &Span, dialect: &Dialect, path: &Path, line: u64) -> Result<String> {
    let mut text = Vec::new();
    unmark(&bytes[span.start..span.end], span.quoted, dialect, &mut text);
    String::from_utf8(text).map_err(|e| {
        let text = printable(e.as_bytes());
        let message = format!("{}:{line}: the column name {text} is not UTF-8", path.display());
        Error::new(Code::BadEncoding, message).hint("name the encoding, as in ?charset=gbk")
    })
}

/// Names that are missing or there twice get others.
fn distinct(columns: Vec<String>, header: bool, notes: &mut Vec<String>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::with_capacity(columns.len());
    for (i, name) in columns.iter().enumerate() {
        let base = if name.is_empty() { format!("c{}", i + 1) } else { name.clone() };
        let mut new = base.clone();
        let mut number = 2;
        while taken.contains(&new) || (&new != name && columns.contains(&new)) {
            new = format!("{base}_{number}");
            number += 1;
        }
        if header && &new != name {
            notes.push(match name.as_str() {
                "" => format!("column {} has no name in the header and is called {new}", i + 1),
                _ => format!("the header names {name} twice; the second is called {new}"),
            });
        }
        taken.push(new);
    }
    taken
}

/// What a sample of rows showed.
#[derive(Debug, Default)]
pub(crate) struct Sampled {
    /// By column.
    pub(crate) looks: Vec<Looks>,
    /// Rows looked at.
    pub(crate) rows: u64,
    /// Bytes they took.
    pub(crate) bytes: u64,
}

/// Looks at up to `most` rows from where the window stands. Gives `None` when `strict` and a row
/// does not fit the columns: then the window did not begin at a row.
pub(crate) fn sample(
    window: &mut Window,
    dialect: &Dialect,
    width: usize,
    most: u64,
    most_bytes: u64,
    strict: bool,
) -> Result<Option<Sampled>> {
    let mut sampled = Sampled { looks: vec![Looks::default(); width], ..Sampled::default() };
    let (mut spans, mut text) = (Vec::new(), Vec::new());
    let start = window.offset();
    while sampled.rows < most && window.offset() - start < most_bytes {
        if window.bytes().is_empty() {
            if window.is_last() {
                break;
            }
            window.more(0)?;
            continue;
        }
        let Found::Record { next, flaw, .. } =
            record(window.bytes(), window.is_last(), dialect, &mut spans)
        else {
            window.more(0)?;
            continue;
        };
        if strict && window.is_last() && next == window.bytes().len() {
            // Cut off by the window's end.
            break;
        }
        let blank = dialect.passes_over(&spans, width);
        if dialect.trim {
            dialect.trim(window.bytes(), &mut spans);
        }
        if flaw.is_none() && !blank && spans.len() == width {
            sampled.rows += 1;
            for (span, looks) in spans.iter().zip(&mut sampled.looks) {
                let raw = &window.bytes()[span.start..span.end];
                if looks.is_text() || (!span.quoted && raw == dialect.null) {
                    continue;
                }
                text.clear();
                unmark(raw, span.quoted, dialect, &mut text);
                looks.see(&String::from_utf8_lossy(&text));
            }
        } else if strict && !blank {
            return Ok(None);
        }
        window.pass(next);
    }
    sampled.bytes = window.offset() - start;
    Ok(Some(sampled))
}

/// Reads the rows of one piece.
pub(crate) struct CsvReader {
    path: PathBuf,
    window: Window,
    dialect: Dialect,
    typing: Typing,
    /// Fields of a record.
    width: usize,
    /// The field of each column wanted.
    fields: Vec<usize>,
    columns: Vec<TextColumn>,
    lines: Vec<u64>,
    spans: Vec<Span>,
    line: u64,
}

impl CsvReader {
    /// A reader of `piece` from `at`.
    pub(crate) fn open(
        piece: &Piece,
        at: Option<&Place>,
        table: &TableSchema,
        packing: Packing,
        dialect: Dialect,
    ) -> Result<Self> {
        let (offset, _) = at.map_or((piece.from, piece.line), |p| (p.offset, p.line));
        let window = Window::open(&piece.path, packing, offset, piece.until)?;
        Self::over(window, piece, at, table, dialect)
    }

    /// A reader of a window that stands at the place.
    pub(crate) fn over(
        window: Window,
        piece: &Piece,
        at: Option<&Place>,
        table: &TableSchema,
        dialect: Dialect,
    ) -> Result<Self> {
        let fields = table
            .columns
            .iter()
            .map(|column| field_of(&piece.columns, column.name(), &piece.path))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            path: piece.path.clone(),
            window,
            typing: Typing::new(&piece.path, table, false)?,
            width: piece.columns.len(),
            columns: fields.iter().map(|_| TextColumn::default()).collect(),
            fields,
            lines: Vec::new(),
            spans: Vec::new(),
            line: at.map_or(piece.line, |p| p.line),
            dialect,
        })
    }

    fn flawed(&self, text: &[u8], flaw: Option<Flaw>, lines: u64) -> Result<Reject> {
        let place = |at: usize| {
            let line = self.line + memchr_iter(b'\n', &text[..at]).count() as u64;
            format!("{}:{line}", self.path.display())
        };
        let error = match flaw {
            Some(Flaw::AfterQuote(at)) => {
                Error::new(Code::Malformed, format!("{}: text follows a closing quote", place(at)))
                    .hint("inside of quotes a quote is doubled; see ?escape= and ?quote=none")
            }
            Some(Flaw::Unclosed(at)) => {
                Error::new(Code::Malformed, format!("{}: a quote is not closed", place(at)))
                    .hint("if quotes mean nothing in this file, set ?quote=none")
            }
            Some(Flaw::AfterBlanks(at)) => {
                let message = format!("{}: a quote stands behind blanks", place(at));
                Error::new(Code::Malformed, message)
                    .hint("a quote is one at the beginning of a value; see ?trim= and ?quote=none")
            }
            None => {
                let (found, wanted) = (self.spans.len(), self.width);
                let message = format!("{}: {found} fields, expected {wanted}", place(0));
                Error::new(Code::Malformed, message)
                    .hint("if the file has another delimiter, set ?delimiter=")
            }
        };
        if lines > MOST_LINES {
            let message = format!("{} (and {lines} lines belong to the record)", error.message());
            return Err(Error::new(Code::Malformed, message)
                .hint("mend the file; which of these lines are rows cannot be told"));
        }
        let end = text.iter().rposition(|b| !matches!(b, b'\n' | b'\r')).map_or(0, |n| n + 1);
        reject_record(&text[..end], error)
    }

    /// Takes one record into the columns.
    #[inline]
    fn push(&mut self) {
        let bytes = self.window.bytes();
        for (field, column) in self.fields.iter().zip(&mut self.columns) {
            let span = &self.spans[*field];
            let raw = &bytes[span.start..span.end];
            if !span.quoted && raw == self.dialect.null.as_slice() {
                column.push_null();
            } else if span.marked {
                column.push_with(|out| unmark(raw, span.quoted, &self.dialect, out));
            } else {
                column.push(raw);
            }
        }
        self.lines.push(self.line);
    }
}

/// Where a column is in the file.
pub(crate) fn field_of(columns: &[String], name: &str, path: &Path) -> Result<usize> {
    columns.iter().position(|c| c == name).ok_or_else(|| {
        let near = did_you_mean(name, columns.iter().map(String::as_str));
        let message = format!("{} has no column {name:?}{near}", path.display());
        Error::new(Code::ColumnNotFound, message)
    })
}

impl PieceReader for CsvReader {
    fn next(&mut self, budget: Budget) -> Result<Option<Rows>> {
        self.lines.clear();
        let mut rejects = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        while count < budget.rows as u64 && bytes < budget.bytes {
            if self.window.bytes().is_empty() {
                if self.window.is_last() {
                    break;
                }
                self.window.more(self.line)?;
                continue;
            }
            let (view, last) = (self.window.bytes(), self.window.is_last());
            let Found::Record { next, flaw, lines } =
                record(view, last, &self.dialect, &mut self.spans)
            else {
                self.window.more(self.line)?;
                continue;
            };
            let blank = self.dialect.passes_over(&self.spans, self.width);
            let mut flaw = flaw;
            if self.dialect.trim {
                let quote = self.dialect.trim(view, &mut self.spans);
                flaw = flaw.or(quote.map(Flaw::AfterBlanks));
            }
            if blank {
                // Nothing: many files end so.
            } else if flaw.is_some() || self.spans.len() != self.width {
                rejects.push(self.flawed(&self.window.bytes()[..next], flaw, lines)?);
                count += 1;
            } else {
                self.push();
                count += 1;
            }
            // Each value has an offset beside its bytes.
            bytes += next + 4 * self.fields.len();
            self.line += lines;
            self.window.pass(next);
        }
        if count == 0 {
            return Ok(None);
        }
        let (rows, more) = self.typing.rows(&mut self.columns, &self.lines)?;
        rejects.extend(more);
        Ok(Some(Rows { rows, rejects, count }))
    }

    fn place(&self) -> Place {
        Place { offset: self.window.offset(), line: self.line, ..Place::default() }
    }
}
