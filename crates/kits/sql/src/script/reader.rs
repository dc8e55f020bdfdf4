//! The rows of one table of a script, as Arrow.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use syncline_types::{
    Code, Column, DefaultValue, Error, Reject, Result, TableName, TableSchema, did_you_mean,
};

use super::catalog::{Part, ScriptTable};
use super::decode::{Cells, Context, Fault};
use super::row::Value;
use super::scan::{DEFAULT_MAX_STATEMENT, Place, Scanner, Step};
use super::session::{Charset, parse_zone};
use super::statement::Head;
use crate::Dialect;

/// How a script is read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Its dialect; guessed from its beginning when `None`.
    pub dialect: Option<Dialect>,
    /// Bytes that one row, or one statement without rows, may have.
    pub max_statement_bytes: usize,
    /// Offset (`+02:00`) of instants that a script writes without one and without setting a time
    /// zone before (MySQL's TIMESTAMP in a dump made with `--skip-tz-utc`).
    pub time_zone: Option<String>,
    /// The bytes pushed have been made UTF-8 already: encodings that the script names are those of
    /// the file it was.
    pub decoded: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            dialect: None,
            max_statement_bytes: DEFAULT_MAX_STATEMENT,
            time_zone: None,
            decoded: false,
        }
    }
}

impl ReadOptions {
    /// The offset in seconds.
    fn zone(&self) -> Result<Option<i32>> {
        let Some(text) = &self.time_zone else { return Ok(None) };
        parse_zone(text).map(Some).ok_or_else(|| {
            Error::new(Code::BadValue, format!("time_zone={text} is no offset such as +02:00"))
        })
    }
}

/// What [`ScriptReader::next`] came upon.
#[derive(Debug)]
pub enum ScriptRead {
    /// More bytes of the script are needed.
    Input,
    /// The next rows.
    Batch(ScriptBatch),
    /// The end of the script.
    End,
}

/// Rows of one table.
#[derive(Debug)]
pub struct ScriptBatch {
    /// The rows, in the wanted columns.
    pub rows: RecordBatch,
    /// Rows that do not fit their columns: the row's own text (column `text`), and why.
    pub rejects: Vec<Reject>,
    /// Reading goes on from here.
    pub place: Place,
}

/// Reads the rows of one table out of a script that is pushed in chunks.
pub struct ScriptReader {
    scanner: Scanner,
    table: TableName,
    /// Columns of a row in a statement without a list.
    columns: Vec<String>,
    parts: Vec<Part>,
    wanted: Arc<TableSchema>,
    schema: SchemaRef,
    cells: Vec<Cells>,
    zone: Option<i32>,
    plan: Option<Plan>,
    rows: usize,
    bytes: usize,
    /// Rows of the batch that were given up.
    bad: Vec<usize>,
    rejects: Vec<Reject>,
    end: u64,
    ended: bool,
}

/// Where the values of one statement's rows go.
struct Plan {
    head: Arc<Head>,
    ours: bool,
    /// Values of a row.
    values: usize,
    /// For each wanted column, which of them is its own.
    sources: Vec<Option<usize>>,
}

impl ScriptReader {
    /// A reader from the beginning of the script, or from a place in it.
    ///
    /// `table` is as a [`ScriptCatalog`](super::ScriptCatalog) found it; `wanted` are the columns
    /// to read, in order, by the names they have in the script.
    ///
    /// # Errors
    /// [`Code::ColumnNotFound`], [`Code::Unsupported`] for an Arrow type that is not canonical,
    /// [`Code::BadValue`] for the time zone.
    pub fn new(
        options: &ReadOptions,
        table: &ScriptTable,
        wanted: Arc<TableSchema>,
        from: Option<&Place>,
    ) -> Result<Self> {
        for column in &wanted.columns {
            let known = || table.schema.columns.iter().map(|c| c.name());
            if !known().any(|name| name == column.name()) {
                let message = format!(
                    "{}: no column {:?} in the script{}",
                    table.schema.name,
                    column.name(),
                    did_you_mean(column.name(), known())
                );
                return Err(Error::new(Code::ColumnNotFound, message));
            }
        }
        let limit = options.max_statement_bytes;
        let scanner = match from {
            Some(place) => Scanner::at(place, limit),
            None => Scanner::new(options.dialect, limit, options.decoded),
        };
        let cells = wanted.columns.iter().map(|c| Cells::new(&c.field)).collect::<Result<_>>()?;
        Ok(Self {
            scanner,
            table: table.schema.name.clone(),
            columns: table.columns.clone(),
            parts: table.parts.clone(),
            schema: wanted.arrow(),
            wanted,
            cells,
            zone: options.zone()?,
            plan: None,
            rows: 0,
            bytes: 0,
            bad: Vec::new(),
            rejects: Vec::new(),
            end: u64::MAX,
            ended: false,
        })
    }

    /// Leaves out rows that begin at or after this byte of the script (the end of a split).
    pub fn until(&mut self, offset: u64) {
        self.end = offset;
    }

    /// Takes the next bytes of the script.
    pub fn push(&mut self, chunk: &[u8]) {
        self.scanner.push(chunk);
    }

    /// No more bytes will come.
    pub fn finish(&mut self) {
        self.scanner.finish();
    }

    /// Goes on until `rows` rows or about `bytes` bytes are there, input is needed, or the end.
    ///
    /// # Errors
    /// [`Code::Corrupt`] for text that is cut short or no SQL; [`Code::Unsupported`] for
    /// statements that would change rows in a way that is not read.
    pub fn next(&mut self, rows: usize, bytes: usize) -> Result<ScriptRead> {
        while !self.ended {
            if self.rows >= rows.max(1) || self.bytes >= bytes.max(1) {
                return self.batch();
            }
            match self.scanner.step()? {
                Step::Input => return Ok(ScriptRead::Input),
                Step::Statement => {}
                Step::End => self.ended = true,
                Step::Row if self.scanner.offset() >= self.end => self.ended = true,
                Step::Row => self.row()?,
            }
        }
        if self.rows > 0 { self.batch() } else { Ok(ScriptRead::End) }
    }

    fn row(&mut self) -> Result<()> {
        let Some(head) = self.scanner.head() else { return Ok(()) };
        let planned = self.plan.as_ref().is_some_and(|plan| Arc::ptr_eq(&plan.head, head));
        if !planned {
            let head = head.clone();
            self.plan = Some(self.plan_for(head));
        }
        let Some(plan) = &self.plan else { return Ok(()) };
        if !plan.ours {
            return Ok(());
        }
        self.bytes += self.scanner.text().len();
        let taken = match self.scanner.spoilt.take() {
            Some(why) => Err((None, Fault(Code::Malformed, why))),
            None => take(&mut self.cells, plan, &self.wanted, &self.scanner, self.zone),
        };
        if let Err((column, fault)) = taken {
            // What the row has already put into columns is taken out with the batch.
            for cell in &mut self.cells[column.unwrap_or(0)..] {
                cell.skip();
            }
            self.bad.push(self.rows);
            let name = column.and_then(|at| self.wanted.columns.get(at)).map(|c| c.name());
            let reject = self.reject(name.map(str::to_owned), fault);
            self.rejects.push(reject);
        }
        self.rows += 1;
        Ok(())
    }

    fn plan_for(&self, head: Arc<Head>) -> Plan {
        let dialect = self.scanner.session().rules.dialect;
        let part = self.parts.iter().find(|part| same_table(&head.table, &part.name, dialect));
        let ours = part.is_some() || same_table(&head.table, &self.table, dialect);
        let all = part.map_or(&self.columns, |part| &part.columns);
        let names = head.columns.as_ref().unwrap_or(all);
        let exact = self.scanner.session().rules.dialect == Dialect::Postgres;
        let source = |column: &Column| {
            let same = || names.iter().position(|n| n.eq_ignore_ascii_case(column.name()));
            let found = names.iter().position(|n| n == column.name());
            found.or_else(|| if exact { None } else { same() })
        };
        let sources = self.wanted.columns.iter().map(source).collect();
        let values = names.len();
        Plan { head, ours, values, sources }
    }

    fn reject(&mut self, column: Option<String>, fault: Fault) -> Reject {
        let line = self.scanner.current_line();
        let Fault(code, why) = fault;
        let column = column.map(|c| format!(", column {c:?}")).unwrap_or_default();
        let error = Error::new(code, format!("{}, line {line}{column}: {why}", self.table));
        let text = String::from_utf8_lossy(self.scanner.text()).into_owned();
        let schema = Schema::new(vec![Field::new("text", DataType::Utf8, false)]);
        let array: ArrayRef = Arc::new(StringArray::from(vec![text]));
        let row = RecordBatch::try_new(Arc::new(schema.clone()), vec![array])
            .unwrap_or_else(|_| RecordBatch::new_empty(Arc::new(schema)));
        Reject { row, index: 0, error: Arc::new(error) }
    }

    fn batch(&mut self) -> Result<ScriptRead> {
        let mut arrays: Vec<ArrayRef> = self.cells.iter_mut().map(Cells::finish).collect();
        let mut count = self.rows;
        if !self.bad.is_empty() {
            let mut keep = vec![true; self.rows];
            for bad in self.bad.drain(..) {
                keep[bad] = false;
                count -= 1;
            }
            let keep = BooleanArray::from(keep);
            for array in &mut arrays {
                *array = arrow::compute::filter(array.as_ref(), &keep)
                    .map_err(|e| Error::bug("taking bad rows out").because(e))?;
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let rows = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|e| Error::bug(format!("{}: a batch of a script", self.table)).because(e))?;
        self.rows = 0;
        self.bytes = 0;
        let rejects = std::mem::take(&mut self.rejects);
        Ok(ScriptRead::Batch(ScriptBatch { rows, rejects, place: self.scanner.place() }))
    }
}

/// Whether a statement's table is the one that is read.
pub(crate) fn same_table(a: &TableName, b: &TableName, dialect: Dialect) -> bool {
    let fold = dialect == Dialect::Sqlite;
    let names = if fold { a.name.eq_ignore_ascii_case(&b.name) } else { a.name == b.name };
    names && (a.schema == b.schema || a.schema.is_none() || b.schema.is_none())
}

/// Puts one row's values into the columns. On a fault: the first column that did not get one
/// (`None` when no column did).
fn take(
    cells: &mut [Cells],
    plan: &Plan,
    wanted: &TableSchema,
    scanner: &Scanner,
    zone: Option<i32>,
) -> Result<(), (Option<usize>, Fault)> {
    let values = &scanner.row.values;
    if values.len() != plan.values {
        let why = format!("{} values for {} columns", values.len(), plan.values);
        return Err((None, Fault(Code::Malformed, why)));
    }
    let session = scanner.session();
    let cx = Context {
        dialect: session.rules.dialect,
        charset: session.charset,
        zone: session.zone.or(zone),
        buf: scanner.buf(),
        made: &scanner.row.made,
    };
    for (at, (cell, source)) in cells.iter_mut().zip(&plan.sources).enumerate() {
        let value = source.map_or(Value::Default, |index| values[index]);
        put(cell, value, &wanted.columns[at], &cx).map_err(|fault| (Some(at), fault))?;
    }
    Ok(())
}

fn put(cell: &mut Cells, value: Value, column: &Column, cx: &Context<'_>) -> Result<(), Fault> {
    if value != Value::Default {
        return cell.take(value, cx);
    }
    match &column.default {
        _ if column.generated.is_some() => Err(Fault(
            Code::Conversion,
            "the column is computed from others, and the script does not have its values".into(),
        )),
        _ if column.identity.is_some() => Err(Fault(
            Code::Conversion,
            "the value is left to the database to make, so the script does not have it".into(),
        )),
        None => cell.take(Value::Null, cx),
        Some(DefaultValue::Value(text)) => {
            let end = text.len();
            cell.take(
                Value::Made(0, end),
                &Context { made: text.as_bytes(), charset: Charset::Utf8, ..*cx },
            )
        }
        Some(_) => Err(Fault(
            Code::Conversion,
            format!("{:?} is left to its default, which is an expression", cell.field().name()),
        )),
    }
}
