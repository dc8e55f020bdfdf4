//! Whole batches: every column converted, bad rows taken out.

use std::collections::BTreeMap;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use syncline_types::{Code, Error, Reject, Result, TableName, TableSchema};

use crate::{Converter, Fidelity};

/// Converts rows of one table into rows of another, column by column in their order.
#[derive(Debug)]
pub struct RowsConverter {
    table: TableName,
    columns: Vec<Converter>,
    schema: SchemaRef,
}

impl RowsConverter {
    /// A converter between two tables whose columns have been matched by position.
    ///
    /// # Errors
    /// [`Code::ColumnMismatch`] when the numbers of columns differ, or two types have no conversion.
    pub fn new(from: &TableSchema, to: &TableSchema) -> Result<Self> {
        if from.columns.len() != to.columns.len() {
            let (a, b) = (from.columns.len(), to.columns.len());
            let message = format!("{}: {a} columns, for {b} of {}", from.name, to.name);
            return Err(Error::new(Code::ColumnMismatch, message));
        }
        let pairs = from.columns.iter().zip(&to.columns);
        let columns = pairs
            .map(|(a, b)| Converter::new(&a.field, &b.field).map_err(|e| e.at(&from.name)))
            .collect::<Result<_>>()?;
        Ok(Self { table: from.name.clone(), columns, schema: to.arrow() })
    }

    /// What can become of each column's values, in order.
    pub fn fidelities(&self) -> impl Iterator<Item = &Fidelity> {
        self.columns.iter().map(Converter::fidelity)
    }

    /// Whether every batch passes as it is.
    pub fn is_identity(&self) -> bool {
        self.columns.iter().all(Converter::is_identity)
    }

    /// The rows in the target's types, and those that do not fit, as they were. A row with several
    /// bad values is rejected once, for the first of its columns.
    ///
    /// # Errors
    /// [`Code::Bug`] when the rows are not of the table they were said to be.
    pub fn convert(&self, rows: RecordBatch) -> Result<(RecordBatch, Vec<Reject>)> {
        if rows.num_columns() != self.columns.len() {
            let (a, b) = (rows.num_columns(), self.columns.len());
            return Err(Error::bug(format!("{}: {a} columns, for {b}", self.table)));
        }
        let mut columns = Vec::with_capacity(self.columns.len());
        let mut bad = BTreeMap::new();
        for (converter, column) in self.columns.iter().zip(rows.columns()) {
            let converted = converter.convert(column).map_err(|e| e.at(&self.table))?;
            columns.push(converted.array);
            for value in converted.bad {
                bad.entry(value.row).or_insert(value.error);
            }
        }
        let mut left = rows.num_rows();
        if !bad.is_empty() {
            left -= bad.len();
            let keep: BooleanArray =
                (0..rows.num_rows()).map(|row| Some(!bad.contains_key(&row))).collect();
            for column in &mut columns {
                *column = filter(column, &keep).map_err(|e| self.defect(e))?;
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(left));
        let good = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|e| self.defect(e))?;
        let reject = |(row, error): (usize, Error)| Reject::of(&rows, row, error.at(&self.table));
        Ok((good, bad.into_iter().map(reject).collect()))
    }

    fn defect(&self, error: ArrowError) -> Error {
        Error::bug(format!("{}: converted columns do not make rows", self.table)).because(error)
    }
}
