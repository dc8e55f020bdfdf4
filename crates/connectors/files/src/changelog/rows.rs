//! Changes of a table as rows: what happened, when, and where in the log, before the table's own
//! columns. A row's old image is a row of its own.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use syncline_types::{Column, Commit, Error, Result, RowChanges, TableName, TableSchema};

/// What is known of each row beside its values.
pub(super) const MARKS: usize = 4;

/// The table of a log of `table`: with `op`, `ts`, `position` and `absent` (the names of columns
/// that the log did not tell of the row, as a JSON array; they are not NULL), all columns nullable.
pub(super) fn log_table(table: &TableSchema) -> TableSchema {
    let free = |name: &str| {
        let mut name = name.to_owned();
        while table.column(&name).is_some() {
            name.insert(0, '_');
        }
        name
    };
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let marks = [
        Field::new(free("op"), DataType::Utf8, false),
        Field::new(free("ts"), instant, true),
        Field::new(free("position"), DataType::Utf8, true),
        Field::new(free("absent"), DataType::Utf8, true),
    ];
    let mut log = TableSchema::new(table.name.clone(), marks);
    log.columns.extend(
        table.columns.iter().map(|column| Column::new(column.field.clone().with_nullable(true))),
    );
    log
}

/// When and where a transaction ended.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) at: Option<i64>,
    pub(super) position: String,
}

impl From<&Commit> for End {
    fn from(commit: &Commit) -> Self {
        Self { at: commit.at, position: commit.position.token.clone() }
    }
}

/// The rows of one table in a set.
pub(super) struct OfTable {
    pub(super) table: Arc<TableSchema>,
    /// Rows of transactions that end in the set.
    pub(super) ended: Option<RecordBatch>,
    /// Rows of one that goes on, without its end.
    pub(super) open: Option<RecordBatch>,
}

/// The rows of a set as those of logs, table by table.
pub(super) fn by_table(changes: &[RowChanges], commits: &[Commit]) -> Result<Vec<OfTable>> {
    let mut order: Vec<&TableName> = Vec::new();
    let mut tables: HashMap<&TableName, Vec<&RowChanges>> = HashMap::new();
    for change in changes.iter().filter(|c| c.rows.num_rows() > 0) {
        let list = tables.entry(&change.table.name).or_insert_with(|| {
            order.push(&change.table.name);
            Vec::new()
        });
        list.push(change);
    }
    order.into_iter().map(|name| of_table(&tables[name], commits)).collect()
}

fn of_table(changes: &[&RowChanges], commits: &[Commit]) -> Result<OfTable> {
    let Some(first) = changes.first() else { return Err(Error::bug("a table without changes")) };
    let table = Arc::clone(&first.table);
    let log = log_table(&table).arrow();
    let mut whole = Vec::new();
    let mut absent: Vec<Option<String>> = Vec::new();
    let mut rows = Vec::new();
    for (number, change) in changes.iter().enumerate() {
        whole.push(widened(change, &log)?);
        absent.push(missing(change)?);
        rows.extend(change.order.iter().enumerate().map(|(row, at)| (*at, number, row)));
    }
    rows.sort_unstable();
    let end = commits.last().map_or(0, |c| c.end);
    let ended = rows.partition_point(|(at, ..)| *at < end);
    let make = |rows: &[(u32, usize, usize)]| -> Result<Option<RecordBatch>> {
        if rows.is_empty() {
            return Ok(None);
        }
        let places: Vec<(usize, usize)> = rows.iter().map(|(_, c, r)| (*c, *r)).collect();
        let batches: Vec<&RecordBatch> = whole.iter().collect();
        let values = interleave_record_batch(&batches, &places)
            .map_err(|e| Error::bug("changes of one table do not fit together").because(e))?;
        let ends = rows.iter().map(|(at, ..)| commits.iter().find(|c| *at < c.end));
        let ends: Vec<Option<&Commit>> = ends.collect();
        let marks: [ArrayRef; MARKS] = [
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|(_, change, _)| changes[*change].op.name()),
            )),
            times(ends.iter().map(|end| end.and_then(|c| c.at))),
            Arc::new(StringArray::from_iter(
                ends.iter().map(|end| end.map(|c| c.position.token.as_str())),
            )),
            Arc::new(StringArray::from_iter(
                rows.iter().map(|(_, change, _)| absent[*change].as_deref()),
            )),
        ];
        let columns = marks.into_iter().chain(values.columns().iter().cloned()).collect();
        RecordBatch::try_new(Arc::clone(&log), columns)
            .map(Some)
            .map_err(|e| Error::bug(format!("changes of {}", table.name)).because(e))
    };
    let (ended, open) = (make(&rows[..ended])?, make(&rows[ended..])?);
    Ok(OfTable { table, ended, open })
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter(values).with_timezone("UTC"))
}

/// With all columns of the table.
fn widened(change: &RowChanges, log: &SchemaRef) -> Result<RecordBatch> {
    let count = change.rows.num_rows();
    let fields = &log.fields()[MARKS..];
    let columns: Vec<ArrayRef> = match &change.columns {
        None => change.rows.columns().to_vec(),
        Some(present) => {
            let mut columns: Vec<ArrayRef> =
                fields.iter().map(|field| new_null_array(field.data_type(), count)).collect();
            for (place, values) in present.iter().zip(change.rows.columns()) {
                if let Some(column) = columns.get_mut(*place) {
                    *column = Arc::clone(values);
                }
            }
            columns
        }
    };
    let schema = Arc::new(arrow::datatypes::Schema::new(fields.to_vec()));
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(schema, columns, &options)
        .map_err(|e| Error::bug(format!("changes of {}", change.table.name)).because(e))
}

/// The names of the columns that the log did not tell, as JSON.
fn missing(change: &RowChanges) -> Result<Option<String>> {
    let Some(present) = &change.columns else { return Ok(None) };
    let columns = change.table.columns.iter().enumerate();
    let names: Vec<&str> =
        columns.filter(|(at, _)| !present.contains(at)).map(|(_, c)| c.name()).collect();
    if names.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(&names)
        .map(Some)
        .map_err(|e| Error::bug("names of columns are no JSON").because(e))
}

/// The rows, whose transaction has ended there.
pub(super) fn ended(rows: &RecordBatch, end: &End) -> Result<RecordBatch> {
    let count = rows.num_rows();
    let mut columns = rows.columns().to_vec();
    columns[1] = times(std::iter::repeat_n(end.at, count));
    columns[2] = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&end.position, count)));
    RecordBatch::try_new(rows.schema(), columns)
        .map_err(|e| Error::bug("rows of a change log").because(e))
}

/// A row that tells what befell the table as a whole.
pub(super) fn mark(table: &TableSchema, what: &str, position: &str) -> Result<RecordBatch> {
    let log = log_table(table).arrow();
    let fields = log.fields().iter();
    let mut columns: Vec<ArrayRef> = fields.map(|f| new_null_array(f.data_type(), 1)).collect();
    columns[0] = Arc::new(StringArray::from(vec![what]));
    columns[2] = Arc::new(StringArray::from(vec![position]));
    debug_assert!(columns[0].null_count() == 0);
    RecordBatch::try_new(log, columns).map_err(|e| Error::bug("a mark of a log").because(e))
}
