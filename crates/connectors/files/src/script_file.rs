//! SQL scripts as files: the bytes that the SQL kit's reader and writer work on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use syncline_connector::{Budget, WriteTask};
use syncline_sql::Dialect;
use syncline_sql::script::{
    PageOptions, PageWriter, ReadOptions, ScriptCatalog, ScriptRead, ScriptReader, ScriptTable,
};
use syncline_types::{Result, TableSchema};

use crate::options::{FilesOptions, SqlDialect};
use crate::piece::{Piece, PieceReader, Place, Rows};
use crate::values::RowEncoder;
use crate::window::{Packing, Window};

/// Goes through a script and lists its tables.
///
/// # Errors
/// [`syncline_types::Code::Corrupt`] for a script that is cut short.
pub(crate) fn look(
    path: &Path,
    packing: Packing,
    options: &FilesOptions,
) -> Result<Vec<ScriptTable>> {
    let mut window = Window::open(path, packing, 0, None)?;
    let mut catalog = ScriptCatalog::new(&read_options(options));
    loop {
        window.more(0)?;
        catalog.push(window.bytes()).map_err(|e| e.at(path.display()))?;
        window.pass(window.bytes().len());
        if window.is_last() {
            break;
        }
    }
    catalog.finish().map_err(|e| e.at(path.display()))?;
    let mut tables = catalog.tables();
    if let Some(first) = tables.first_mut() {
        let left = catalog.left().into_iter();
        let file = path.display();
        first.notes.extend(left.map(|what| format!("of {file} is not copied: {what}")));
    }
    Ok(tables)
}

fn read_options(options: &FilesOptions) -> ReadOptions {
    ReadOptions {
        dialect: options.dialect.map(|d| dialect(Some(d))),
        time_zone: options.time_zone.clone(),
        decoded: options.charset.is_some(),
        ..ReadOptions::default()
    }
}

/// Reads the rows of one table.
pub(crate) struct ScriptRows {
    path: PathBuf,
    window: Window,
    reader: ScriptReader,
    place: Place,
    done: bool,
}

impl ScriptRows {
    /// A reader of `piece` from `at`.
    pub(crate) fn open(
        piece: &Piece,
        at: Option<&Place>,
        table: &Arc<TableSchema>,
        packing: Packing,
        options: &FilesOptions,
    ) -> Result<Self> {
        let script = piece.script.as_ref();
        let from = match at {
            Some(place) => place.script.as_ref(),
            None => script.and_then(|s| s.start.as_ref()),
        };
        let mut schema = table.as_ref().clone();
        if let Some(script) = script {
            schema.name = script.table.clone();
        }
        let found = ScriptTable {
            schema,
            columns: piece.columns.clone(),
            parts: script.map(|s| s.parts.clone()).unwrap_or_default(),
            rows: 0,
            bytes: 0,
            start: None,
            end: 0,
            marks: Vec::new(),
            notes: Vec::new(),
        };
        let offset = from.map_or(0, |p| p.offset);
        let window = Window::open(&piece.path, packing, offset, None)?;
        let mut reader = ScriptReader::new(&read_options(options), &found, table.clone(), from)
            .map_err(|e| e.at(piece.path.display()))?;
        if let Some(until) = piece.until {
            reader.until(until);
        }
        let place = at.cloned().unwrap_or_default();
        Ok(Self { path: piece.path.clone(), window, reader, place, done: false })
    }
}

impl PieceReader for ScriptRows {
    fn next(&mut self, budget: Budget) -> Result<Option<Rows>> {
        while !self.done {
            match self
                .reader
                .next(budget.rows, budget.bytes)
                .map_err(|e| e.at(self.path.display()))?
            {
                ScriptRead::Input => {
                    if self.window.is_last() {
                        self.reader.finish();
                        continue;
                    }
                    self.window.more(self.place.line)?;
                    self.reader.push(self.window.bytes());
                    self.window.pass(self.window.bytes().len());
                }
                ScriptRead::Batch(batch) => {
                    let count = batch.rows.num_rows() + batch.rejects.len();
                    self.place = Place {
                        offset: batch.place.offset,
                        line: batch.place.line,
                        row: 0,
                        script: Some(batch.place),
                    };
                    let (rows, rejects) = (batch.rows, batch.rejects);
                    return Ok(Some(Rows { rows, rejects, count: count as u64 }));
                }
                ScriptRead::End => self.done = true,
            }
        }
        Ok(None)
    }

    fn place(&self) -> Place {
        self.place.clone()
    }
}

/// The kit's dialect for the option's; standard SQL without one.
pub(crate) fn dialect(option: Option<SqlDialect>) -> Dialect {
    match option {
        Some(SqlDialect::Mysql) => Dialect::Mysql,
        Some(SqlDialect::Postgres) => Dialect::Postgres,
        Some(SqlDialect::Sqlite) => Dialect::Sqlite,
        Some(SqlDialect::Ansi) | None => Dialect::Ansi,
    }
}

/// Writes rows as INSERT statements.
pub(crate) struct ScriptEncoder {
    writer: PageWriter,
}

impl ScriptEncoder {
    /// An encoder for a table of the dialect.
    ///
    /// # Errors
    /// As [`PageWriter::new`].
    pub(crate) fn new(task: &WriteTask, options: &FilesOptions) -> Result<Self> {
        let dialect = dialect(options.dialect);
        let writer = PageWriter::new(dialect, &task.table, PageOptions::default())?
            .defined(&task.definition)?;
        Ok(Self { writer })
    }
}

impl RowEncoder for ScriptEncoder {
    fn head(&self, first: bool) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut writer = self.writer.clone();
        writer.resume_after(0);
        if !first {
            writer.resume_after(1);
        }
        writer.begin_page(&mut out)?;
        // Pages of several splits get their numbers when all of them are there: the file's name
        // tells the number, the text does not.
        let line = memchr::memchr(b'\n', &out).unwrap_or(out.len());
        if let Some(at) = memchr::memmem::find(&out[..line], b", page ") {
            out.drain(at..line);
        }
        Ok(out)
    }

    fn encode(
        &mut self,
        rows: &RecordBatch,
        pages: Option<(usize, usize)>,
        out: &mut Vec<u8>,
        ends: &mut Vec<(usize, usize)>,
    ) -> Result<()> {
        let step = PageOptions::default().rows_per_statement;
        let (mut start, mut page_end) = (0, pages.map_or(usize::MAX, |(first, _)| first));
        while start < rows.num_rows() {
            while page_end <= start {
                page_end = page_end.saturating_add(pages.map_or(usize::MAX, |(_, every)| every));
            }
            let end = (start + step).min(page_end).min(rows.num_rows());
            self.writer.write(&rows.slice(start, end - start), out)?;
            ends.push((out.len(), end));
            start = end;
        }
        Ok(())
    }
}
