//! The rows of one split: by ranges of the rowid or of a key, from where the last batch ended; or
//! in one pass over a query, on a thread of its own.

use std::sync::{Arc, mpsc};

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Rows};
use serde::{Deserialize, Serialize};
use syncline_connector::{Budget, Cpu, SplitReader, async_trait};
use syncline_sql::{Dialect, KeyColumn, KeyRange, KeyValue, order_by, predicate};
use syncline_types::{ChangeBatch, Code, Element, Error, Position, Reject, Result, TableSchema};

use crate::database::{changed_meanwhile, map_error};
use crate::decode::{self, Column};
use crate::source::Pool;

/// A place in a split, as a position's token holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// After this rowid.
    Row(i64),
    /// After this key.
    Key(Vec<KeyValue>),
    /// After so many rows of a query: for the log, and not to start from.
    Passed,
}

#[derive(Serialize, Deserialize)]
struct Token {
    v: u32,
    at: Place,
}

impl Place {
    pub(crate) fn token(&self) -> String {
        serde_json::to_string(&Token { v: 1, at: self.clone() }).unwrap_or_default()
    }

    pub(crate) fn parse(text: &str) -> Result<Place> {
        let bad = |why: String| {
            Error::new(
                Code::CannotResume,
                format!("the position {text:?} is not one of SQLite: {why}"),
            )
        };
        let token: Token = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
        if token.v != 1 {
            return Err(bad(format!("version {}", token.v)));
        }
        Ok(token.at)
    }
}

/// What stands in front of a row's columns, to tell its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Marker {
    /// The rowid.
    Rowid,
    /// The key's columns.
    Key(usize),
    /// Nothing.
    None,
}

impl Marker {
    fn width(&self) -> usize {
        match self {
            Marker::Rowid => 1,
            Marker::Key(n) => *n,
            Marker::None => 0,
        }
    }

    fn place(&self, row: &Row<'_>) -> Result<Place> {
        match self {
            Marker::Rowid => row.get(0).map(Place::Row).map_err(map_error),
            Marker::Key(_) => self.key(row).map(Place::Key),
            Marker::None => Ok(Place::Passed),
        }
    }

    /// The values in front of the row's columns.
    pub(crate) fn key(&self, row: &Row<'_>) -> Result<Vec<KeyValue>> {
        (0..self.width()).map(|at| key_value(row, at)).collect()
    }
}

fn key_value(row: &Row<'_>, at: usize) -> Result<KeyValue> {
    Ok(match row.get_ref(at).map_err(map_error)? {
        ValueRef::Integer(n) => KeyValue::Int(n.into()),
        ValueRef::Real(f) => KeyValue::Float(f),
        ValueRef::Blob(bytes) => KeyValue::Bytes(bytes.to_vec()),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => KeyValue::Text(text.to_owned()),
            Err(_) => {
                let message = "a key is not UTF-8, so no place in the table can be told by it";
                return Err(Error::new(Code::StoreFailed, message)
                    .hint("--query reads the table in one piece"));
            }
        },
        ValueRef::Null => return Err(Error::new(Code::Corrupt, "NULL in the key of a table")),
    })
}

/// The columns to fill, and where in the row they stand.
#[derive(Clone)]
pub(crate) struct Shape {
    pub(crate) table: Arc<TableSchema>,
    pub(crate) schema: SchemaRef,
    pub(crate) marker: Marker,
    /// Index of each column within the row.
    pub(crate) at: Vec<usize>,
}

impl Shape {
    /// Columns that follow the marker in their order.
    pub(crate) fn after(table: &Arc<TableSchema>, marker: Marker) -> Shape {
        let first = marker.width();
        let at = (first..first + table.columns.len()).collect();
        Shape { table: Arc::clone(table), schema: table.arrow(), marker, at }
    }
}

/// Rows read, and whether more may follow.
struct Filled {
    rows: RecordBatch,
    rejects: Vec<Reject>,
    read: u64,
    place: Place,
    ended: bool,
}

/// Reads rows up to the budget.
fn fill(rows: &mut Rows<'_>, shape: &Shape, budget: Budget) -> Result<Filled> {
    let fields = shape.schema.fields();
    let mut columns: Vec<Column> =
        fields.iter().map(|f| Column::new(f, budget.rows)).collect::<Result<_>>()?;
    let mut rejects = Vec::new();
    let mut bad_rows: Vec<usize> = Vec::new();
    let (mut read, mut bytes, mut ended) = (0_usize, 0, false);
    let mut place = Place::Passed;
    while read < budget.rows.max(1) && bytes < budget.bytes {
        let Some(row) = rows.next().map_err(map_error)? else {
            ended = true;
            break;
        };
        let mut failed = None;
        for (n, (column, at)) in columns.iter_mut().zip(&shape.at).enumerate() {
            let value = row.get_ref(*at).map_err(map_error)?;
            bytes += decode::size(value);
            if let Err(misfit) = column.push(value) {
                failed = Some((n, misfit));
                break;
            }
        }
        if let Some((at, misfit)) = failed {
            columns[at..].iter_mut().for_each(Column::push_null);
            bad_rows.push(read);
            let error =
                Error::new(misfit.code, format!("column {:?}: {}", fields[at].name(), misfit.why));
            rejects.push(reject(shape, row, error)?);
        }
        // Only the last place counts, but the row is gone once the next one is there.
        place = shape.marker.place(row)?;
        read += 1;
    }
    let arrays: Vec<ArrayRef> = columns.iter_mut().map(Column::finish).collect();
    let rows = batch(shape, arrays, read, &bad_rows)?;
    Ok(Filled { rows, rejects, read: read as u64, place, ended })
}

/// The arrays as a batch, without the rows that were refused.
fn batch(
    shape: &Shape,
    mut arrays: Vec<ArrayRef>,
    rows: usize,
    bad: &[usize],
) -> Result<RecordBatch> {
    if !bad.is_empty() {
        let mut keep = vec![true; rows];
        for row in bad {
            keep[*row] = false;
        }
        let keep = BooleanArray::from(keep);
        for array in &mut arrays {
            *array = filter(array, &keep).map_err(|e| Error::bug(e.to_string()))?;
        }
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows - bad.len()));
    RecordBatch::try_new_with_options(Arc::clone(&shape.schema), arrays, &options)
        .map_err(|e| Error::bug(format!("rows of {}: {e}", shape.table.name)))
}

/// The row as text, column by column, with why it is refused and where it stands.
fn reject(shape: &Shape, row: &Row<'_>, error: Error) -> Result<Reject> {
    let mut fields = Vec::new();
    let mut values: Vec<ArrayRef> = Vec::new();
    for (column, at) in shape.table.columns.iter().zip(&shape.at) {
        let text = match row.get_ref(*at).map_err(map_error)? {
            ValueRef::Null => None,
            ValueRef::Integer(n) => Some(n.to_string()),
            ValueRef::Real(f) => Some(format!("{f:?}")),
            ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            ValueRef::Blob(bytes) => Some(KeyValue::Bytes(bytes.to_vec()).literal(Dialect::Sqlite)),
        };
        fields.push(Field::new(column.name(), DataType::Utf8, true));
        values.push(Arc::new(StringArray::from(vec![text])));
    }
    let place = match shape.marker.place(row)? {
        Place::Row(rowid) => format!("{}, rowid {rowid}", shape.table.name),
        Place::Key(key) => {
            let key: Vec<String> = key.iter().map(|v| v.literal(Dialect::Sqlite)).collect();
            format!("{}, key ({})", shape.table.name, key.join(", "))
        }
        Place::Passed => shape.table.name.to_string(),
    };
    let row = RecordBatch::try_new(Arc::new(Schema::new(fields)), values)
        .map_err(|e| Error::bug(e.to_string()))?;
    Ok(Reject { row, index: 0, error: Arc::new(error.at(place)) })
}

fn element(shape: &Shape, seq: &mut u64, filled: Filled) -> Element {
    if filled.read == 0 {
        return Element::EndOfSplit;
    }
    *seq += filled.read;
    Element::Batch(ChangeBatch {
        table: Arc::clone(&shape.table),
        rows: filled.rows,
        rejects: filled.rejects,
        position: Position::new(*seq, filled.place.token()),
    })
}

/// What of the table a reader has still to read.
pub(crate) enum Rest {
    /// Rowids from the first to the last, both included; nothing when there is no first.
    Rowids {
        /// The rowid, quoted.
        name: String,
        from: Option<i64>,
        to: i64,
    },
    /// Keys of the range.
    Keys { columns: Vec<KeyColumn>, range: KeyRange },
}

/// Reads a table in an order it can start in anywhere.
pub(crate) struct TableReader {
    pub(crate) connection: Option<Connection>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) shape: Shape,
    pub(crate) rest: Rest,
    pub(crate) filter: Option<String>,
    pub(crate) seq: u64,
    pub(crate) ended: bool,
}

impl TableReader {
    /// The statement for the rows to come, and its first and last rowid.
    fn statement(&self) -> Option<(String, Vec<i64>)> {
        let quote = |name: &str| Dialect::Sqlite.quote(name);
        let mut columns: Vec<String> = match &self.rest {
            Rest::Rowids { name, .. } => vec![name.clone()],
            Rest::Keys { columns, .. } => columns.iter().map(|c| quote(&c.name)).collect(),
        };
        columns.extend(self.shape.table.columns.iter().map(|c| quote(c.name())));
        let table = quote(&self.shape.table.name.name);
        // The line break ends a comment in the user's condition.
        let filter = self.filter.as_ref().map(|f| format!(" AND ({f}\n)")).unwrap_or_default();
        let columns = columns.join(", ");
        Some(match &self.rest {
            Rest::Rowids { name, from, to } => (
                // Another index could serve the condition, but then all of its rows would be
                // sorted for each batch.
                format!(
                    "SELECT {columns} FROM {table} NOT INDEXED \
                     WHERE {name} >= ?1 AND {name} <= ?2{filter} ORDER BY {name}"
                ),
                vec![(*from)?, *to],
            ),
            Rest::Keys { columns: key, range } => (
                format!(
                    "SELECT {columns} FROM {table} WHERE {}{filter} ORDER BY {}",
                    predicate(Dialect::Sqlite, key, range),
                    order_by(Dialect::Sqlite, key)
                ),
                Vec::new(),
            ),
        })
    }

    /// Fails when the statement cannot be run at all: a condition that makes no sense.
    pub(crate) fn check(&self) -> Result<()> {
        let Some((sql, _)) = self.statement() else { return Ok(()) };
        let Some(connection) = &self.connection else { return Ok(()) };
        connection.prepare_cached(&sql).map(drop).map_err(|e| {
            let error = map_error(e);
            match &self.filter {
                Some(filter) if error.code() != Code::TableNotFound => {
                    let message = format!("condition {filter:?}: {}", error.message());
                    Error::new(Code::QueryRejected, message)
                }
                _ => changed_meanwhile(error),
            }
        })
    }

    fn read(&mut self, budget: Budget) -> Result<Element> {
        let Some((sql, bounds)) = self.statement().filter(|_| !self.ended) else {
            return Ok(Element::EndOfSplit);
        };
        let connection =
            self.connection.as_ref().ok_or_else(|| Error::bug("a reader without connection"))?;
        let mut statement =
            connection.prepare_cached(&sql).map_err(|e| changed_meanwhile(map_error(e)))?;
        let mut rows = statement.query(rusqlite::params_from_iter(bounds)).map_err(map_error)?;
        let filled =
            fill(&mut rows, &self.shape, budget).map_err(|e| e.at(&self.shape.table.name))?;
        drop(rows);
        drop(statement);
        self.ended = filled.ended;
        match (&mut self.rest, &filled.place) {
            (Rest::Rowids { from, .. }, Place::Row(last)) => *from = last.checked_add(1),
            (Rest::Keys { range, .. }, Place::Key(last)) => range.after = Some(last.clone()),
            _ => {}
        }
        Ok(element(&self.shape, &mut self.seq, filled))
    }
}

#[async_trait]
impl SplitReader for TableReader {
    async fn next(&mut self, budget: Budget) -> Result<Element> {
        tokio::task::block_in_place(|| self.read(budget))
    }
}

/// Gives the connection back, with its snapshot.
impl Drop for TableReader {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.put(connection);
        }
    }
}

/// Reads the result of a query in one pass. The statement lives on a thread, because it borrows
/// the connection for as long as rows are left.
pub(crate) struct PassReader {
    budgets: Option<mpsc::Sender<Budget>>,
    elements: tokio::sync::mpsc::Receiver<Result<Element>>,
    thread: Option<std::thread::JoinHandle<()>>,
    interrupt: rusqlite::InterruptHandle,
}

impl PassReader {
    /// Starts the statement.
    pub(crate) fn start(
        connection: Connection,
        pool: Arc<Pool>,
        sql: String,
        shape: Shape,
    ) -> Result<Self> {
        let (budgets, wanted) = mpsc::channel::<Budget>();
        let (send, elements) = tokio::sync::mpsc::channel(1);
        let interrupt = connection.get_interrupt_handle();
        let run = move || {
            pass(&connection, &sql, &shape, &wanted, &send);
            pool.put(connection);
        };
        let thread = std::thread::Builder::new()
            .name("sqlite-query".into())
            .spawn(Cpu::carry_work(run))
            .map_err(|e| Error::new(Code::StoreFailed, "no thread for the query").because(e))?;
        Ok(Self { budgets: Some(budgets), elements, thread: Some(thread), interrupt })
    }
}

/// Answers each budget with the next rows, until the reader is gone.
fn pass(
    connection: &Connection,
    sql: &str,
    shape: &Shape,
    wanted: &mpsc::Receiver<Budget>,
    send: &tokio::sync::mpsc::Sender<Result<Element>>,
) {
    let mut statement = match connection.prepare(sql) {
        Ok(statement) => statement,
        Err(e) => {
            let error = map_error(e);
            let _ = send.blocking_send(Err(Error::new(Code::QueryRejected, error.message())));
            return;
        }
    };
    let mut rows = statement.raw_query();
    let mut seq = 0;
    while let Ok(budget) = wanted.recv() {
        let filled = fill(&mut rows, shape, budget).map_err(|e| e.at(&shape.table.name));
        let next = filled.map(|filled| element(shape, &mut seq, filled));
        let last = !matches!(next, Ok(Element::Batch(_)));
        Cpu::lap();
        if send.blocking_send(next).is_err() || last {
            return;
        }
    }
}

#[async_trait]
impl SplitReader for PassReader {
    async fn next(&mut self, budget: Budget) -> Result<Element> {
        if let Some(budgets) = &self.budgets {
            // When the thread has ended, its last words are still in the channel.
            let _ = budgets.send(budget);
        }
        let gone = || Err(Error::bug("the thread of a query ended without a word"));
        self.elements.recv().await.unwrap_or_else(gone)
    }
}

/// Ends the query and waits for the thread, so that the connection is back before the source ends.
impl Drop for PassReader {
    fn drop(&mut self) {
        self.budgets = None;
        self.elements.close();
        self.interrupt.interrupt();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
