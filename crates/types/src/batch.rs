//! Data in flight.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};

use crate::{Error, Position, TableSchema};

/// Arrow rows of one table, with the position they lead to.
#[derive(Debug, Clone)]
pub struct ChangeBatch {
    /// The table as the rows carry it: one column of `rows` for each column of the schema, in order.
    pub table: Arc<TableSchema>,
    /// The rows. All of them are inserts.
    pub rows: RecordBatch,
    /// Rows that could not be converted, in no particular order.
    pub rejects: Vec<Reject>,
    /// Once this batch is durable, a reader goes on from here.
    pub position: Position,
}

impl ChangeBatch {
    /// Bytes the rows take in memory, as counted against queues and limits.
    pub fn bytes(&self) -> u64 {
        let rejects: usize = self.rejects.iter().map(|r| r.row.get_array_memory_size()).sum();
        (self.rows.get_array_memory_size() + rejects) as u64
    }
}

/// What a split reader yields.
#[derive(Debug)]
pub enum Element {
    /// The next rows.
    Batch(ChangeBatch),
    /// The split has been read to its end.
    EndOfSplit,
}

/// A row that could not be converted or written, with its reason: a dead letter in the making.
#[derive(Debug, Clone)]
pub struct Reject {
    /// The row alone, in the columns it had where it failed (raw text where a source could not
    /// even parse it).
    pub row: RecordBatch,
    /// Its place among the rows it was taken from; 0 where a reader never had it among rows.
    pub index: u32,
    /// Why, with table, column and key where known. Its kind is [`crate::ErrorKind::Data`].
    pub error: Arc<Error>,
}

impl Reject {
    /// Takes row `index` of `rows` out, in its own memory.
    ///
    /// # Panics
    /// When `index` is not a row of `rows`.
    pub fn of(rows: &RecordBatch, index: usize, error: Error) -> Self {
        assert!(index < rows.num_rows(), "row {index} of {} rows", rows.num_rows());
        let place = u32::try_from(index).unwrap_or(u32::MAX);
        let at = UInt32Array::from(vec![place]);
        let row =
            arrow::compute::take_record_batch(rows, &at).unwrap_or_else(|_| rows.slice(index, 1));
        Self { row, index: place, error: Arc::new(error) }
    }
}
