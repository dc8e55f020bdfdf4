//! Rows with a value that Arrow cannot hold are parted from the others.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use syncline_types::{Error, Reject, Result};

use super::build::Misfit;

/// A row that has a misfit.
pub(crate) struct Bad {
    pub(crate) row: usize,
    pub(crate) column: usize,
    pub(crate) misfit: Box<Misfit>,
}

/// The rows that can be held, which ones they are, and the others.
pub(crate) struct Sifted {
    pub(crate) kept: Vec<ArrayRef>,
    pub(crate) good: BooleanArray,
    /// In the order of the rows.
    pub(crate) rejects: Vec<Reject>,
}

/// Parts the rows that can be held from those that cannot. `columns` are those of the first fields;
/// a field may be named beyond them that only the key needs.
pub(crate) fn sift(
    fields: &[Field],
    columns: &[ArrayRef],
    mut bad: Vec<Bad>,
    count: usize,
    place: &str,
) -> Result<Sifted> {
    bad.sort_by_key(|b| b.row);
    let mut good = vec![true; count];
    let mut rejects = Vec::new();
    for misfits in bad.chunk_by(|a, b| a.row == b.row) {
        let row = misfits[0].row;
        good[row] = false;
        rejects.push(reject(fields, columns, row, misfits, place)?);
    }
    let good = BooleanArray::from(good);
    let kept: Result<Vec<ArrayRef>, _> =
        columns.iter().map(|c| arrow::compute::filter(c, &good)).collect();
    let kept = kept.map_err(|e| Error::bug(format!("sifting rows: {e}")))?;
    Ok(Sifted { kept, good, rejects })
}

/// One row alone, its misfits as text.
fn reject(
    all: &[Field],
    columns: &[ArrayRef],
    row: usize,
    misfits: &[Bad],
    place: &str,
) -> Result<Reject> {
    let mut fields = all[..columns.len()].to_vec();
    let mut values: Vec<ArrayRef> = columns.iter().map(|c| c.slice(row, 1)).collect();
    for bad in misfits.iter().filter(|b| b.column < columns.len()) {
        // A check found the text wanting after it had been taken.
        let text = match columns[bad.column].as_any().downcast_ref::<StringArray>() {
            Some(texts) if texts.is_valid(row) => texts.value(row).to_owned(),
            _ => bad.misfit.text.clone(),
        };
        fields[bad.column] = Field::new(fields[bad.column].name(), DataType::Utf8, true);
        values[bad.column] = Arc::new(StringArray::from(vec![text]));
    }
    // Its own memory, not a view of the whole batch; no column but the misfits is NULL now
    // that was not before.
    let fields: Vec<Field> = fields.into_iter().map(|f| f.with_nullable(true)).collect();
    let alone = RecordBatch::try_new(Arc::new(Schema::new(fields)), values)
        .map_err(|e| Error::bug(format!("a rejected row: {e}")))?;
    let first = &misfits[0];
    let text: String = first.misfit.text.chars().take(80).collect();
    let shown = if text.is_empty() { String::new() } else { format!(" {text:?}") };
    let message = format!("{place}.{}:{shown} {}", all[first.column].name(), first.misfit.why);
    Ok(Reject::of(&alone, 0, Error::new(first.misfit.code, message)))
}
