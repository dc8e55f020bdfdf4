//! Steps of a chain: rows in, rows out, no I/O.

use std::fmt;

use arrow::array::RecordBatch;
use syncline_types::{Reject, Result, TableSchema};

/// A step of a chain as configured, before it knows a table.
pub trait Processor: Send + Sync + fmt::Debug {
    /// The verb it is configured by: `filter`, `mask`.
    fn name(&self) -> &'static str;

    /// Fits it to a table: checks columns and types.
    ///
    /// # Errors
    /// Of kind config, when a column is missing or an expression does not fit.
    fn bind(&self, input: &TableSchema) -> Result<BoundProcessor>;

    /// The columns whose values it computes with; `None` for all of them. Such a column must hold
    /// numbers and nothing else: values of [`syncline_types::field::SPECIAL`] are taken out before
    /// the step. A column that is moved, renamed or given to the convert kit is not among them.
    ///
    /// # Errors
    /// As [`Processor::bind`].
    fn computes_with(&self, input: &TableSchema) -> Result<Option<Vec<String>>> {
        let _ = input;
        Ok(None)
    }
}

/// A step fitted to a table.
pub struct BoundProcessor {
    /// The table as the step leaves it.
    pub output: TableSchema,
    /// The step itself.
    pub step: Box<dyn Step>,
}

/// A step at work. CPU only.
pub trait Step: Send + Sync {
    /// Turns rows into rows; rows that cannot be converted go to the rejects.
    fn apply(&self, rows: RecordBatch) -> Result<StepOutput>;
}

/// What a step makes of a batch.
pub struct StepOutput {
    /// The rows that go on.
    pub rows: RecordBatch,
    /// Rows that could not be converted.
    pub rejects: Vec<Reject>,
}
