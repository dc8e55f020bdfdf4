//! A look at rows: a few of a table, as they are and as they would leave a job's steps.

use std::sync::Arc;

use arrow::array::RecordBatch;
use serde::Serialize;
use syncline_connector::{Budget, Cut, ReadTask, Registry, Source};
use syncline_types::{
    Code, Element, Error, Reject, Result, TableInfo, TableSchema, TableSelection,
};

use crate::job::Job;
use crate::plan::Processors;
use crate::{report, run};

/// Bytes of rows that are looked at, roughly, at most.
const BYTES: usize = 4 << 20;

/// A few rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Their columns.
    pub columns: Vec<SampleColumn>,
    /// Their values, as texts; `None` for NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows that cannot be shown, with the reason.
    pub rejected: Vec<String>,
}

/// A column of a few rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SampleColumn {
    /// Its name.
    pub name: String,
    /// Its type, in the words of its store, or by its portable name.
    pub kind: String,
}

/// Rows of a table before and after a job's steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The table they are of.
    pub table: String,
    /// The rows as they are.
    pub before: Sample,
    /// The rows as they would go to the target.
    pub after: Sample,
}

/// A few rows of a table.
///
/// # Errors
/// Of the source.
pub async fn sample(source: &dyn Source, table: &TableInfo, rows: usize) -> Result<Sample> {
    let read = ReadTask { table: Arc::new(table.schema.clone()), filter: None, query: None };
    let read_rows = first_rows(source, &read, rows).await;
    let ended = source.end().await;
    let (batch, rejects) = read_rows?;
    ended?;
    Ok(shown(&table.schema, batch.as_ref(), &rejects))
}

/// A few rows of one of a job's tables (the first that is found, when none is named) through its
/// choice of columns and its steps.
///
/// # Errors
/// Whatever would keep the job from reading them.
pub async fn preview(
    registry: &Registry,
    job: &Job,
    table: Option<&str>,
    rows: usize,
) -> Result<Preview> {
    let processors = Processors::parse(job)?;
    let source = run::source_of(registry, job)?;
    let info = wanted(job, source.as_ref(), table).await?;
    let chosen = job.columns_of(&info.schema.name);
    let chain = processors.bind(&info.schema, chosen, job, false)?;
    let read = ReadTask {
        table: Arc::clone(&chain.read),
        filter: job.filter.clone(),
        query: job.query.clone(),
    };
    let read_rows = first_rows(source.as_ref(), &read, rows).await;
    let ended = source.end().await;
    let (batch, rejects) = read_rows?;
    ended?;
    let before = shown(&chain.read, batch.as_ref(), &rejects);
    let after = match batch {
        None => shown(&chain.output, None, &[]),
        Some(batch) => {
            let applied = chain.apply(batch)?;
            shown(&chain.output, Some(&applied.rows), &applied.rejects)
        }
    };
    Ok(Preview { table: info.schema.name.to_string(), before, after })
}

/// Looks through the steps of a job, as far as that goes without the columns of its tables.
///
/// # Errors
/// [`Code::BadProcessor`] and others of steps.
pub fn check_steps(job: &Job) -> Result<()> {
    Processors::parse(job).map(drop)
}

/// The table that is to be looked at.
async fn wanted(job: &Job, source: &dyn Source, table: Option<&str>) -> Result<TableInfo> {
    if let Some(sql) = &job.query {
        return source.describe_query(sql).await;
    }
    let found = source.discover(&job.tables).await?;
    let nothing = || {
        let message = format!("{}: no table is selected", job.source.redacted());
        Error::new(Code::NothingSelected, message)
    };
    let Some(name) = table else { return found.into_iter().next().ok_or_else(nothing) };
    let fits = |info: &TableInfo| {
        let known = &info.schema.name;
        known.to_string() == name || known.name == name
    };
    found.into_iter().find(fits).ok_or_else(|| {
        let message = format!("{}: the job selects no table {name:?}", job.source.redacted());
        Error::new(Code::TableNotFound, message)
    })
}

/// A table of a source by its whole name.
///
/// # Errors
/// [`Code::TableNotFound`], with the nearest name.
pub async fn table_of(source: &dyn Source, schema: Option<&str>, name: &str) -> Result<TableInfo> {
    // Quoted, so that a star in a name is a star.
    let quoted = |part: &str| format!("\"{}\"", part.replace('"', "\"\""));
    let pattern = match schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(name)),
        None => quoted(name),
    };
    let selection = TableSelection::parse(&[pattern], &[])?;
    source
        .discover(&selection)
        .await?
        .into_iter()
        .next()
        .ok_or_else(|| Error::new(Code::TableNotFound, format!("there is no table {name:?}")))
}

/// The first rows of what is to be read.
async fn first_rows(
    source: &dyn Source,
    read: &ReadTask,
    rows: usize,
) -> Result<(Option<RecordBatch>, Vec<Reject>)> {
    source.begin(1).await?;
    let whole = Cut { splits: 1, min_rows: 1 << 40, min_bytes: 1 << 50 };
    let mut batches: Vec<RecordBatch> = Vec::new();
    let mut rejects = Vec::new();
    let mut left = rows;
    for split in source.plan(read, &whole).await? {
        let mut reader = source.open(read, &split, None).await?;
        while left > 0 {
            let element = reader.next(Budget { rows: left, bytes: BYTES }).await?;
            let Element::Batch(batch) = element else { break };
            let taken = batch.rows.slice(0, batch.rows.num_rows().min(left));
            left -= taken.num_rows();
            rejects.extend(batch.rejects.into_iter().take(left));
            left = left.min(rows.saturating_sub(rejects.len()));
            batches.push(taken);
        }
    }
    let Some(first) = batches.first() else { return Ok((None, rejects)) };
    let all = arrow::compute::concat_batches(&first.schema(), &batches)
        .map_err(|e| Error::bug("joining rows").because(e))?;
    Ok((Some(all), rejects))
}

fn shown(table: &TableSchema, rows: Option<&RecordBatch>, rejects: &[Reject]) -> Sample {
    let column = |column| SampleColumn {
        name: syncline_types::Column::name(column).to_owned(),
        kind: report::type_of(column),
    };
    let texts = |batch: &RecordBatch, row: usize| {
        let fields = batch.columns().iter().zip(&table.columns);
        fields.map(|(values, c)| syncline_convert::text_of(&c.field, values, row)).collect()
    };
    Sample {
        columns: table.columns.iter().map(column).collect(),
        rows: rows
            .map(|batch| (0..batch.num_rows()).map(|row| texts(batch, row)).collect())
            .unwrap_or_default(),
        rejected: rejects.iter().map(|reject| reject.error.chain()).collect(),
    }
}
