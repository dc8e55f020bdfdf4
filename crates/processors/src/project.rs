//! The step behind `add` and `sql`: keeps rows that fulfil a condition, and computes columns.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{concat_batches, filter_record_batch, prep_null_mask_filter};
use arrow::datatypes::SchemaRef;
use syncline_connector::{Places, Step, StepOutput};
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
                return Ok((rows.clone(), (0..rows.num_rows()).collect()));
            }
            let kept = filter_record_batch(rows, truth)
                .map_err(|e| Error::bug("filtering rows").because(e))?;
            let places: Vec<usize> = match truth.null_count() {
                0 => truth.values().set_indices().collect(),
                _ => prep_null_mask_filter(truth).values().set_indices().collect(),
            };
            Ok((kept, places))
        };
        let (parts, rejects) = by_parts(rows, &keep)?;
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let kept = parts
            .iter()
            .flat_map(|(first, (_, kept))| kept.iter().map(move |at| place(first + at)))
            .collect();
        let rows = join(&schema, parts.into_iter().map(|(_, (rows, _))| rows))?;
        Ok(StepOutput { rows, rejects, kept: Some(kept) })
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
        Ok(StepOutput { rows, rejects, kept: None })
    }
}

/// Several steps as one.
pub(crate) struct Chain(pub(crate) Vec<Box<dyn Step>>);

impl Step for Chain {
    fn apply(&self, rows: RecordBatch) -> Result<StepOutput> {
        let mut left = Places::default();
        let mut all = Vec::new();
        let mut rows = rows;
        for step in &self.0 {
            let given = rows.num_rows();
            let mut output = step.apply(rows)?;
            left.narrow(given, &mut output.rejects, output.kept);
            all.extend(output.rejects);
            rows = output.rows;
        }
        Ok(StepOutput { rows, rejects: all, kept: left.left() })
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
