//! Steps of a chain: rows in, rows out, no I/O.

use std::collections::HashSet;
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

    /// Whether it only gives columns other types: then the engine does that itself, by the job's
    /// policies for bad values.
    fn converts(&self) -> bool {
        false
    }

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
    /// Rows that could not be converted, each with its place in the batch.
    pub rejects: Vec<Reject>,
    /// The places in the batch of the rows that go on, rising. `None` when that is all of them but
    /// the rejects.
    pub kept: Option<Vec<u32>>,
}

/// The rows of a batch that are left while steps are applied one behind the other, by their places
/// in the batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(Option<Vec<u32>>);

impl Places {
    /// The place in the batch of the row that is now at `row`.
    pub fn of(&self, row: u32) -> u32 {
        match &self.0 {
            None => row,
            Some(left) => left.get(row as usize).copied().unwrap_or(u32::MAX),
        }
    }

    /// Takes out what a step has taken out of `given` rows, those left so far: all but `kept` (see
    /// [`StepOutput::kept`]) and the rejects, whose places become those in the batch.
    pub fn narrow(&mut self, given: usize, rejects: &mut [Reject], kept: Option<Vec<u32>>) {
        if rejects.is_empty() && kept.is_none() {
            return;
        }
        let kept = kept.unwrap_or_else(|| {
            let bad: HashSet<u32> = rejects.iter().map(|r| r.index).collect();
            let given = u32::try_from(given).unwrap_or(u32::MAX);
            (0..given).filter(|row| !bad.contains(row)).collect()
        });
        for reject in rejects {
            reject.index = self.of(reject.index);
        }
        self.0 = Some(kept.into_iter().map(|row| self.of(row)).collect());
    }

    /// The places of the rows that are left; `None` when all of them are.
    pub fn left(self) -> Option<Vec<u32>> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use std::sync::Arc;
    use syncline_types::Error;

    #[test]
    fn places_are_those_in_the_batch_through_every_step() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let rows = |n: Vec<i64>| {
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(n))]).unwrap()
        };
        let mut left = Places::default();
        // 0..6, of which the third is bad
        let mut bad = vec![Reject::of(&rows((0..6).collect()), 2, Error::bug("no"))];
        left.narrow(6, &mut bad, None);
        assert_eq!(bad[0].index, 2);
        // 0 1 3 4 5, of which a filter leaves the second and the last, and rejects the fourth
        let mut bad = vec![Reject::of(&rows(vec![0, 1, 3, 4, 5]), 3, Error::bug("no"))];
        left.narrow(5, &mut bad, Some(vec![1, 4]));
        assert_eq!(bad[0].index, 4);
        left.narrow(2, &mut [], None);
        assert_eq!(left.left(), Some(vec![1, 5]));
    }
}
