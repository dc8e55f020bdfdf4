//! The source: ranges of row numbers.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use syncline_connector::{Budget, Consistency, Cut, ReadTask, Source, SplitReader};
use syncline_types::{
    ChangeBatch, Code, Element, Error, Position, Result, Split, TableInfo, TableName, TableSchema,
    TableSelection, did_you_mean,
};

use crate::StreamOptions;
use crate::columns::{Made, parse};
use crate::generate;

/// What a row is reckoned at when splits are cut by bytes.
const ROW_BYTES: u64 = 64;

pub(crate) struct StreamSource {
    columns: Arc<Vec<Made>>,
    rows: u64,
    seed: u64,
    table: String,
}

/// A range of row numbers: the token of a split.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Range {
    v: u32,
    from: u64,
    to: u64,
}

impl StreamSource {
    pub(crate) fn new(options: &StreamOptions) -> Result<Self> {
        Ok(Self {
            columns: Arc::new(parse(options.columns.as_deref())?),
            rows: options.rows,
            seed: options.seed,
            table: options.table.clone(),
        })
    }
}

#[async_trait]
impl Source for StreamSource {
    async fn check(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn discover(&self, selection: &TableSelection) -> Result<Vec<TableInfo>> {
        let name = TableName::bare(&self.table);
        for wanted in selection.include.iter().filter_map(|p| p.exact(None)) {
            if wanted != name {
                let near = did_you_mean(&wanted.name, [self.table.as_str()]);
                return Err(Error::new(Code::TableNotFound, format!("no table {wanted}{near}")));
            }
        }
        if !selection.selects(&name, None) {
            return Ok(Vec::new());
        }
        let schema = TableSchema::new(name, self.columns.iter().map(|c| c.field.clone()));
        Ok(vec![TableInfo { schema, rows: Some(self.rows), bytes: None, notes: Vec::new() }])
    }

    async fn begin(&self, _: usize) -> Result<Consistency> {
        Ok(Consistency::Snapshot)
    }

    async fn plan(&self, read: &ReadTask, cut: &Cut) -> Result<Vec<Split>> {
        if read.filter.is_some() {
            return Err(Error::new(Code::Unsupported, "generated rows take no --where")
                .hint("--filter chooses rows in the portable expression language"));
        }
        let least = cut.min_rows.max(cut.min_bytes / ROW_BYTES).max(1);
        let pieces = (self.rows / least).clamp(1, cut.splits.max(1) as u64);
        let at = |n: u64| u64::try_from(u128::from(self.rows) * u128::from(n) / u128::from(pieces));
        (0..pieces)
            .map(|n| {
                let (from, to) = (at(n).unwrap_or(0), at(n + 1).unwrap_or(self.rows));
                let token = serde_json::to_string(&Range { v: 1, from, to })
                    .map_err(|e| Error::bug("a range cannot be written").because(e))?;
                Ok(Split {
                    table: read.table.name.clone(),
                    id: u32::try_from(n).unwrap_or(u32::MAX),
                    rows: Some(to - from),
                    bytes: None,
                    resumable: true,
                    token,
                })
            })
            .collect()
    }

    async fn open(
        &self,
        read: &ReadTask,
        split: &Split,
        at: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>> {
        let range: Range = serde_json::from_str(&split.token).map_err(|e| {
            Error::new(Code::CannotResume, "the split was cut by another version").because(e)
        })?;
        let wanted = read
            .table
            .columns
            .iter()
            .map(|column| {
                let found = self.columns.iter().position(|c| c.field.name() == column.name());
                found.ok_or_else(|| {
                    let message = format!("no column {:?}", column.name());
                    Error::new(Code::ColumnNotFound, message)
                })
            })
            .collect::<Result<Vec<usize>>>()?;
        Ok(Box::new(StreamReader {
            columns: Arc::clone(&self.columns),
            seed: self.seed,
            table: Arc::clone(&read.table),
            wanted,
            range,
            read: at.map_or(0, |p| p.seq),
        }))
    }

    async fn end(&self) -> Result<()> {
        Ok(())
    }
}

struct StreamReader {
    columns: Arc<Vec<Made>>,
    seed: u64,
    table: Arc<TableSchema>,
    /// The columns to make, by their place among all.
    wanted: Vec<usize>,
    range: Range,
    /// Rows of the range that have been read.
    read: u64,
}

#[async_trait]
impl SplitReader for StreamReader {
    async fn next(&mut self, budget: Budget) -> Result<Element> {
        let left = self.range.to - self.range.from - self.read;
        if left == 0 {
            return Ok(Element::EndOfSplit);
        }
        let bytes = u64::try_from(budget.bytes).unwrap_or(u64::MAX);
        let few = usize::try_from((bytes / ROW_BYTES).max(1)).unwrap_or(usize::MAX);
        let most = budget.rows.max(1).min(few).min(8_192);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(most);
        let first = self.range.from + self.read;
        let columns = self
            .wanted
            .iter()
            .map(|at| generate::column(&self.columns[*at], *at, self.seed, first, count))
            .collect::<Result<Vec<_>>>()?;
        self.read += count as u64;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let rows = RecordBatch::try_new_with_options(self.table.arrow(), columns, &options)
            .map_err(|e| Error::bug("generated columns do not make rows").because(e))?;
        let position = Position::new(self.read, r#"{"v":1}"#);
        let table = Arc::clone(&self.table);
        Ok(Element::Batch(ChangeBatch { table, rows, rejects: Vec::new(), position }))
    }
}
