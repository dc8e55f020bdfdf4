//! The step behind `add` and `sql`: keeps rows that fulfil a condition, and computes columns.

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::SchemaRef;
use syncline_connector::{Step, StepOutput};
use syncline_types::{Error, Result, TableSchema};

use crate::expression::{Expression, by_parts};

/// Keeps the rows for which a condition is true; false and NULL take them out.
#[derive(Debug)]
pub(crate) struct Keep(pub(crate) Expression);

impl Step for Keep {
    fn apply(&self, rows: RecordBatch) -> Result<StepOutput> {
        let schema = rows.schema();
        let keep = |rows: &RecordBatch| {
            let truth = self.0.evaluate(rows)?;
            let truth =
                truth.as_boolean_opt().ok_or_else(|| Error::bug("a condition that is no bool"))?;
            if truth.true_count() == rows.num_rows() {
                return Ok(rows.clone());
            }
            filter_record_batch(rows, truth).map_err(|e| Error::bug("filtering rows").because(e))
        };
        let (parts, rejects) = by_parts(rows, &keep)?;
        Ok(StepOutput { rows: join(&schema, parts.into_iter().map(|(_, kept)| kept))?, rejects })
    }
}

/// Computes all columns anew.
#[derive(Debug)]
pub(crate) struct Project {
    schema: SchemaRef,
    values: Vec<Expression>,
}

impl Project {
    /// A step that makes rows of `output`, a value for each of its columns.
    pub(crate) fn new(output: &TableSchema, values: Vec<Expression>) -> Self {
        Self { schema: output.arrow(), values }
    }
}

impl Step for Project {
    fn apply(&self, rows: RecordBatch) -> Result<StepOutput> {
        let compute = |rows: &RecordBatch| {
            let columns: Vec<ArrayRef> =
                self.values.iter().map(|v| v.evaluate(rows)).collect::<Result<_>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
            RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
                .map_err(|e| Error::bug("computed columns do not make rows").because(e))
        };
        let (parts, rejects) = by_parts(rows, &compute)?;
        let rows = join(&self.schema, parts.into_iter().map(|(_, computed)| computed))?;
        Ok(StepOutput { rows, rejects })
    }
}

/// Several steps as one.
pub(crate) struct Chain(pub(crate) Vec<Box<dyn Step>>);

impl Step for Chain {
    fn apply(&self, rows: RecordBatch) -> Result<StepOutput> {
        let mut output = StepOutput { rows, rejects: Vec::new() };
        for step in &self.0 {
            let next = step.apply(output.rows)?;
            output.rows = next.rows;
            output.rejects.extend(next.rejects);
        }
        Ok(output)
    }
}

/// Parts as one batch; the usual single part without a copy.
fn join(schema: &SchemaRef, parts: impl Iterator<Item = RecordBatch>) -> Result<RecordBatch> {
    let mut parts: Vec<RecordBatch> = parts.collect();
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => Ok(only),
        (_, last) => {
            parts.extend(last);
            concat_batches(schema, &parts).map_err(|e| Error::bug("joining rows").because(e))
        }
    }
}
