//! Reading files of whole batches (Parquet, Arrow): the piece reader over their batches.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::Field;
use syncline_connector::Budget;
use syncline_types::{Result, TableSchema};

use crate::csv::reader::field_of;
use crate::foreign::ForeignRows;
use crate::piece::{PieceReader, Place, Rows};

/// Batches of a file, one after the other, with the columns a [`Projection`] names.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// Which columns of a file are read.
pub(crate) struct Projection {
    /// Their places in the file, ascending.
    pub(crate) places: Vec<usize>,
    /// For each column wanted, its place among those.
    order: Vec<usize>,
    foreign: ForeignRows,
}

impl Projection {
    /// The columns of `table` in a file of these fields.
    pub(crate) fn new(path: &Path, fields: &[Field], table: &TableSchema) -> Result<Self> {
        let names: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
        let wanted = table.columns.iter().map(|c| field_of(&names, c.name(), path));
        let wanted = wanted.collect::<Result<Vec<_>>>()?;
        let mut places = wanted.clone();
        places.sort_unstable();
        places.dedup();
        let order =
            wanted.iter().map(|w| places.iter().position(|p| p == w).unwrap_or_default()).collect();
        let found: Vec<Field> = wanted.iter().map(|w| fields[*w].clone()).collect();
        Ok(Self { places, order, foreign: ForeignRows::new(path, &found, table)? })
    }
}

/// Reads the batches of one piece.
pub(crate) struct BlockReader {
    batches: Batches,
    projection: Projection,
    /// What is left of a batch.
    pending: Option<RecordBatch>,
    row: u64,
}

impl BlockReader {
    /// A reader of batches that begin at `row` of the piece.
    pub(crate) fn new(batches: Batches, projection: Projection, row: u64) -> Self {
        Self { batches, projection, pending: None, row }
    }
}

impl PieceReader for BlockReader {
    fn next(&mut self, budget: Budget) -> Result<Option<Rows>> {
        let batch = loop {
            match self.pending.take() {
                Some(batch) if batch.num_rows() > 0 => break batch,
                _ => match self.batches.next() {
                    Some(batch) => self.pending = Some(batch?),
                    None => return Ok(None),
                },
            }
        };
        let rows = batch.num_rows();
        let each = (batch.get_array_memory_size() / rows).max(1);
        let take = (budget.bytes / each).clamp(1, budget.rows.max(1)).min(rows);
        if take < rows {
            self.pending = Some(batch.slice(take, rows - take));
        }
        let part = batch.slice(0, take);
        let columns = self.projection.order.iter().map(|i| part.column(*i).clone()).collect();
        let (rows, rejects) = self.projection.foreign.rows(columns, take, self.row)?;
        self.row += take as u64;
        Ok(Some(Rows { rows, rejects, count: take as u64 }))
    }

    fn place(&self) -> Place {
        Place { row: self.row, ..Place::default() }
    }
}
