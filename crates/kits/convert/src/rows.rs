//! Whole batches: every column converted, bad rows taken out.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter;
use arrow::datatypes::{Field, SchemaRef};
use arrow::error::ArrowError;
use syncline_types::{Code, Error, Flaw, Reject, Result, TableName, TableSchema, field};

use crate::special::Specials;
use crate::{Converter, Fidelity, ValuePolicies, ValuePolicy};

/// Converts rows of one table into rows of another, column by column in their order.
#[derive(Debug)]
pub struct RowsConverter {
    table: TableName,
    columns: Vec<Converter>,
    schema: SchemaRef,
}

/// Converted rows.
#[derive(Debug)]
pub struct Rows {
    /// The rows in the target's types.
    pub rows: RecordBatch,
    /// Those that do not fit, as they were.
    pub rejects: Vec<Reject>,
    /// What policies put in place of bad values, in the rows that go on.
    pub changes: Vec<Change>,
}

/// Bad values of one kind in one column that another took the place of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Change {
    /// The column, by its name at the target.
    pub column: String,
    /// What was wrong.
    pub flaw: Flaw,
    /// What was done.
    pub policy: ValuePolicy,
    /// How many values.
    pub values: u64,
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

    /// A converter between texts of a file and what they stand for; see [`Converter::for_files`].
    ///
    /// # Errors
    /// As [`RowsConverter::new`].
    pub fn for_files(texts: &TableSchema, to: &TableSchema) -> Result<Self> {
        let pairs = texts.columns.iter().zip(&to.columns);
        let columns = pairs
            .map(|(a, b)| Converter::for_files(&a.field, &b.field).map_err(|e| e.at(&to.name)))
            .collect::<Result<_>>()?;
        Ok(Self { table: to.name.clone(), columns, schema: to.arrow() })
    }

    /// Follows a job's policies for bad values from now on; see [`Converter::with_policies`].
    #[must_use]
    pub fn with_policies(mut self, policies: &ValuePolicies) -> Self {
        let columns = std::mem::take(&mut self.columns).into_iter();
        self.columns = columns.map(|c| c.with_policies(policies)).collect();
        self
    }

    /// What of the policies cannot be followed, for a person.
    pub fn unheeded(&self) -> impl Iterator<Item = String> {
        self.columns.iter().filter_map(Converter::unheeded)
    }

    /// What can become of each column's values, in order.
    pub fn fidelities(&self) -> impl Iterator<Item = &Fidelity> {
        self.columns.iter().map(Converter::fidelity)
    }

    /// Odd values of each column that are refused although every other is kept, in order.
    pub fn refused(&self) -> impl Iterator<Item = &[String]> {
        self.columns.iter().map(Converter::refused)
    }

    /// Whether every batch passes as it is.
    pub fn is_identity(&self) -> bool {
        self.columns.iter().all(Converter::is_identity)
    }

    /// The rows in the target's types, and those that do not fit, as they were. For converters
    /// without policies; see [`RowsConverter::apply`].
    ///
    /// # Errors
    /// As [`RowsConverter::apply`].
    pub fn convert(&self, rows: RecordBatch) -> Result<(RecordBatch, Vec<Reject>)> {
        let converted = self.apply(rows)?;
        Ok((converted.rows, converted.rejects))
    }

    /// The rows in the target's types, those that do not fit, and what policies did. A row with
    /// several bad values is rejected once, for the first of its columns.
    ///
    /// # Errors
    /// [`Code::Bug`] when the rows are not of the table they were said to be.
    pub fn apply(&self, rows: RecordBatch) -> Result<Rows> {
        if rows.num_columns() != self.columns.len() {
            let (a, b) = (rows.num_columns(), self.columns.len());
            return Err(Error::bug(format!("{}: {a} columns, for {b}", self.table)));
        }
        let mut columns = Vec::with_capacity(self.columns.len());
        let mut bad = BTreeMap::new();
        let mut changed = Vec::new();
        for (index, (converter, column)) in self.columns.iter().zip(rows.columns()).enumerate() {
            let converted = converter.convert(column).map_err(|e| e.at(&self.table))?;
            columns.push(converted.array);
            for value in converted.bad {
                bad.entry(value.row).or_insert(value.error);
            }
            changed.extend(converted.changed.into_iter().map(|change| (index, change)));
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
        let mut counts: HashMap<(usize, Flaw, ValuePolicy), u64> = HashMap::new();
        for (index, (row, flaw, policy)) in changed {
            if !bad.contains_key(&row) {
                *counts.entry((index, flaw, policy)).or_default() += 1;
            }
        }
        let name = |index: usize| self.schema.field(index).name().clone();
        let change =
            |((index, flaw, policy), values)| Change { column: name(index), flaw, policy, values };
        let changes = counts.into_iter().map(change).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(left));
        let good = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|e| self.defect(e))?;
        let reject = |(row, error): (usize, Error)| Reject::of(&rows, row, error.at(&self.table));
        Ok(Rows { rows: good, rejects: bad.into_iter().map(reject).collect(), changes })
    }

    fn defect(&self, error: ArrowError) -> Error {
        Error::bug(format!("{}: converted columns do not make rows", self.table)).because(error)
    }
}

/// The table without values beside the numbers ([`field::SPECIAL`]) in the columns that `of` names:
/// for steps that compute with numbers. `None` when none of them has any.
pub fn unmarked(table: &TableSchema, of: impl Fn(&str) -> bool) -> Option<TableSchema> {
    let mut plain = table.clone();
    let mut any = false;
    for column in &mut plain.columns {
        if of(column.name()) && Specials::of(&column.field).any() {
            column.field = without(&column.field);
            any = true;
        }
    }
    any.then_some(plain)
}

fn without(marked: &Field) -> Field {
    let mut metadata = marked.metadata().clone();
    metadata.remove(field::SPECIAL);
    marked.clone().with_metadata(metadata)
}
