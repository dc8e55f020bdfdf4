//! Changed rows of a set in the target's terms, and how new batches are put together from them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::interleave;
use arrow::datatypes::{Field, Schema};
use syncline_types::{Error, Op, Result, TableSchema};

/// Rows of one target table to which the same happened, in the target's types.
#[derive(Debug, Clone)]
pub(crate) struct TargetRows {
    /// What happened.
    pub(crate) op: Op,
    /// The columns of `rows`, by their index in the target table, rising.
    pub(crate) columns: Arc<[usize]>,
    /// The rows.
    pub(crate) rows: RecordBatch,
    /// The place of each in its set, rising.
    pub(crate) order: Vec<u32>,
}

impl TargetRows {
    /// Where `column` of the target stands in the rows.
    pub(crate) fn at(&self, column: usize) -> Option<usize> {
        self.columns.binary_search(&column).ok()
    }

    /// The values of a column of the target, when the rows have it.
    pub(crate) fn values(&self, column: usize) -> Option<&ArrayRef> {
        self.at(column).map(|at| self.rows.column(at))
    }

    /// Whether it has all columns of the target.
    pub(crate) fn is_whole(&self, target: &TableSchema) -> bool {
        self.columns.len() == target.columns.len()
    }

    /// The rows with these columns of the target alone.
    pub(crate) fn project(&self, target: &TableSchema, columns: &[usize]) -> Result<RecordBatch> {
        let at: Option<Vec<usize>> = columns.iter().map(|c| self.at(*c)).collect();
        let at = at.ok_or_else(|| absent(target))?;
        self.rows.project(&at).map_err(|e| Error::bug("choosing columns").because(e))
    }
}

fn absent(target: &TableSchema) -> Error {
    Error::bug(format!("{}: a changed row came without a column that is needed", target.name))
}

/// One row: the piece it is in, and its place there.
pub(crate) type At = (usize, usize);

/// A batch of these columns of the target, row by row from where each column's value stands.
/// `value(row, column)` says where.
pub(crate) fn gather(
    target: &TableSchema,
    columns: &[usize],
    pieces: &[TargetRows],
    rows: usize,
    value: impl Fn(usize, usize) -> Option<At>,
) -> Result<RecordBatch> {
    let mut arrays = Vec::with_capacity(columns.len());
    let mut fields: Vec<Field> = Vec::with_capacity(columns.len());
    for column in columns {
        // Only pieces that have the column take part.
        let mut parts: Vec<&dyn arrow::array::Array> = Vec::new();
        let mut part_of = vec![usize::MAX; pieces.len()];
        let mut places = Vec::with_capacity(rows);
        for row in 0..rows {
            let (piece, at) = value(row, *column).ok_or_else(|| absent(target))?;
            if part_of[piece] == usize::MAX {
                part_of[piece] = parts.len();
                parts.push(pieces[piece].values(*column).ok_or_else(|| absent(target))?.as_ref());
            }
            places.push((part_of[piece], at));
        }
        let one_by_one = parts.len() == 1 && places.windows(2).all(|w| w[1].1 == w[0].1 + 1);
        arrays.push(match (places.first(), one_by_one) {
            (Some((_, first)), true) => parts[0].slice(*first, rows),
            _ => interleave(&parts, &places)
                .map_err(|e| Error::bug("putting changed rows together").because(e))?,
        });
        fields.push(target.columns[*column].field.clone());
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|e| Error::bug("putting changed rows together").because(e))
}

/// Every row of the pieces in the order in which they happened, as `(place, piece, row)`.
pub(crate) fn in_order(pieces: &[TargetRows]) -> Vec<(u32, usize, usize)> {
    let mut all: Vec<(u32, usize, usize)> = pieces
        .iter()
        .enumerate()
        .flat_map(|(piece, part)| {
            part.order.iter().enumerate().map(move |(row, place)| (*place, piece, row))
        })
        .collect();
    all.sort_unstable_by_key(|(place, ..)| *place);
    all
}
