//! One table on both sides: how its rows are read, and brought into the form they are compared in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use syncline_connector::{ReadTask, Source};
use syncline_convert::RowsConverter;
use syncline_types::{
    ChangeBatch, Code, Error, Reject, Result, TableInfo, TableName, TableSchema, TableSelection,
};
use tokio::sync::Semaphore;

use super::layout::{Layout, is_sampled};
use super::merge::Prepared;
use super::normal::Normal;
use crate::plan::BoundTable;

/// A store that is read, with as many readers as its snapshot has.
pub(crate) struct Side {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) readers: Arc<Semaphore>,
    /// Readers there are, at work or not.
    pub(crate) most: usize,
}

impl Side {
    pub(crate) fn new(source: Arc<dyn Source>, readers: usize) -> Self {
        Self { source, readers: Arc::new(Semaphore::new(readers)), most: readers }
    }
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Source,
    Target,
}

/// A table of the job, with its counterpart.
pub(crate) struct Pair {
    pub(crate) bound: BoundTable,
    pub(crate) layout: Layout,
    pub(crate) source: Arc<Side>,
    pub(crate) target: Arc<Side>,
    /// How the target is read.
    pub(crate) back: ReadTask,
    /// From the target's columns as they are read to those as they are written.
    back_to: RowsConverter,
    normal: Normal,
    /// The target's own key tells rows apart: a row that is written takes its predecessor's place.
    pub(crate) replaces: bool,
    pub(crate) sample: Option<f64>,
    /// Rows of both sides together, as far as they are known beforehand.
    pub(crate) expected: Option<u64>,
    pub(crate) source_rows: AtomicU64,
    pub(crate) target_rows: AtomicU64,
}

impl Pair {
    /// Binds a table of the plan to what the target's own source found.
    ///
    /// # Errors
    /// When the target cannot be read as what was written.
    pub(crate) fn bind(
        bound: BoundTable,
        found: &TableInfo,
        store: &str,
        source: Arc<Side>,
        target: Arc<Side>,
        sample: Option<f64>,
    ) -> Result<Self> {
        let written = &bound.plan.target;
        let mut columns = Vec::with_capacity(written.columns.len());
        for column in &written.columns {
            let read = found.schema.column(column.name()).cloned().ok_or_else(|| {
                Error::new(
                    Code::ColumnMismatch,
                    format!("{}: column {:?} cannot be read back", written.name, column.name()),
                )
            })?;
            columns.push(read);
        }
        let as_read = TableSchema { columns: columns.clone(), ..found.schema.clone() };
        let back_to = RowsConverter::new(&as_read, written)?;
        // The source reads in the order of its key, written by this job or not.
        for key in found.schema.key() {
            if !columns.iter().any(|c| c.name() == key) {
                columns.extend(found.schema.column(key).cloned());
            }
        }
        let table = Arc::new(TableSchema { columns, ..found.schema.clone() });
        let (key, replaces) = telling(&bound);
        let fields: Vec<_> = written.columns.iter().map(|c| c.field.clone()).collect();
        let normal = Normal::of(fields.iter(), store);
        let expected = match (bound.plan.rows, found.rows) {
            (Some(source), Some(target)) => Some(source.saturating_add(target)),
            // The two should be alike.
            (one, other) => one.or(other).map(|rows| rows.saturating_mul(2)),
        };
        Ok(Self {
            layout: Layout::new(fields, key, seed())?,
            bound,
            source,
            target,
            back: ReadTask { table, filter: None, query: None },
            back_to,
            normal,
            replaces,
            sample,
            expected,
            source_rows: AtomicU64::new(0),
            target_rows: AtomicU64::new(0),
        })
    }

    pub(crate) fn side(&self, which: Which) -> (&Arc<Side>, &ReadTask) {
        match which {
            Which::Source => (&self.source, &self.bound.read),
            Which::Target => (&self.target, &self.back),
        }
    }

    /// Rows are compared as they are read, so that equal digests of the servers mean equal rows.
    pub(crate) fn is_plain(&self) -> bool {
        let (read, back) = (&self.bound.read.table.columns, &self.back.table.columns);
        self.sample.is_none()
            && !self.bound.chain.has_steps()
            && self.bound.written().into_iter().eq(0..read.len())
            && read.len() == back.len()
            && read.iter().zip(back).all(|(a, b)| {
                let (a, b) = (&a.field, &b.field);
                a.data_type() == b.data_type() && a.metadata() == b.metadata()
            })
            && self.back.table.columns.len() == self.layout.fields.len()
    }

    /// So many rows are known to be equal without being read.
    pub(crate) fn checked(&self, rows: u64) {
        self.source_rows.fetch_add(rows, Relaxed);
        self.target_rows.fetch_add(rows, Relaxed);
    }

    /// The table is compared anew.
    pub(crate) fn restarted(&self) {
        self.source_rows.store(0, Relaxed);
        self.target_rows.store(0, Relaxed);
    }

    /// The names of the columns that tell rows apart.
    pub(crate) fn key(&self) -> Vec<String> {
        self.layout.key.iter().map(|i| self.layout.fields[*i].name().clone()).collect()
    }

    /// Rows of one side in the form they are compared in, and those that have none.
    pub(crate) fn prepare(
        &self,
        which: Which,
        batch: ChangeBatch,
    ) -> Result<(Prepared, Vec<Reject>)> {
        let ChangeBatch { rows, mut rejects, .. } = batch;
        let read = (rows.num_rows() + rejects.len()) as u64;
        let (raw, bad) = match which {
            Which::Source => {
                self.source_rows.fetch_add(read, Relaxed);
                let mended = self.bound.mended(rows, rejects)?;
                rejects = mended.rejects;
                let output = self.bound.chain.apply_source(mended.rows)?;
                rejects.extend(output.rejects);
                let output = self.bound.chain.apply_sink(output.rows)?;
                rejects.extend(output.rejects);
                self.bound.for_target(output.rows)?
            }
            Which::Target => {
                self.target_rows.fetch_add(read, Relaxed);
                let compared: Vec<usize> = (0..self.layout.fields.len()).collect();
                let rows = rows
                    .project(&compared)
                    .map_err(|e| Error::bug("choosing columns").because(e))?;
                self.back_to.convert(rows)?
            }
        };
        rejects.extend(bad);
        let rows = self.normal.apply(&raw)?;
        let keys = self.layout.keys(&rows)?;
        let Some(percent) = self.sample else {
            return Ok((Prepared { rows, raw, keys }, rejects));
        };
        let chosen: BooleanArray = keys
            .iter()
            .map(|key| Some(is_sampled(self.layout.hash(key.as_ref()), percent)))
            .collect();
        let some = |all: &RecordBatch| {
            filter_record_batch(all, &chosen).map_err(|e| Error::bug("a sample").because(e))
        };
        let (rows, raw) = (some(&rows)?, some(&raw)?);
        Ok((Prepared { keys: self.layout.keys(&rows)?, rows, raw }, rejects))
    }
}

/// The target columns that tell rows apart, and whether they are the target's own key: the
/// target's, else the source's as far as all of it is written.
fn telling(bound: &BoundTable) -> (Vec<usize>, bool) {
    let written = &bound.plan.target;
    let own: Option<Vec<usize>> = bound.key.iter().map(|name| written.index_of(name)).collect();
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        return (own, true);
    }
    let given = &bound.chain.output;
    let place = |name: &str| {
        let index = given.index_of(name)?;
        bound.written().iter().position(|from| *from == index)
    };
    let theirs: Option<Vec<usize>> = given.key().into_iter().map(place).collect();
    (theirs.unwrap_or_default(), false)
}

/// A number nobody knows beforehand.
fn seed() -> u64 {
    uuid::Uuid::now_v7().as_u64_pair().1
}

/// The selection of exactly one table.
pub(crate) fn only(table: &TableName) -> Result<TableSelection> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let pattern = match &table.schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(&table.name)),
        None => quoted(&table.name),
    };
    TableSelection::parse(&[pattern], &[])
}
