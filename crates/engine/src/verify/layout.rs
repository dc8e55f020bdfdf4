//! Rows as bytes: keys that sort, whole rows that are equal when their bytes are, and hashes of both.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field};
use arrow::row::{RowConverter, Rows, SortField};
use syncline_types::{Error, Result, field};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::spill::Entry;

/// How rows of one table are compared: the target's columns, and those that tell rows apart.
pub(crate) struct Layout {
    /// The columns, with the target's types.
    pub(crate) fields: Vec<Field>,
    /// Which of them tell rows apart; empty when only whole rows do.
    pub(crate) key: Vec<usize>,
    keys: RowConverter,
    whole: RowConverter,
    /// So that nobody can know beforehand which rows would have one hash.
    seed: u64,
}

impl Layout {
    pub(crate) fn new(fields: Vec<Field>, key: Vec<usize>, seed: u64) -> Result<Self> {
        let sort = |f: &Field| SortField::new(f.data_type().clone());
        let unfit = |e| Error::bug("columns that cannot be compared").because(e);
        Ok(Self {
            keys: RowConverter::new(key.iter().map(|i| sort(&fields[*i])).collect())
                .map_err(unfit)?,
            whole: RowConverter::new(fields.iter().map(sort).collect()).map_err(unfit)?,
            fields,
            key,
            seed,
        })
    }

    /// Whether rows sorted by their keys as bytes can be what a store gives in its own order.
    /// Whether it is so is seen while reading.
    pub(crate) fn is_sortable(&self) -> bool {
        !self.key.is_empty() && self.key.iter().all(|i| is_sortable(&self.fields[*i]))
    }

    /// The keys of rows.
    pub(crate) fn keys(&self, rows: &RecordBatch) -> Result<Rows> {
        let columns: Vec<ArrayRef> = self.key.iter().map(|i| rows.column(*i).clone()).collect();
        let bug = |e| Error::bug("keys as bytes").because(e);
        if columns.is_empty() {
            return self.whole(rows);
        }
        self.keys.convert_columns(&columns).map_err(bug)
    }

    /// Rows, all columns of them.
    pub(crate) fn whole(&self, rows: &RecordBatch) -> Result<Rows> {
        self.whole
            .convert_columns(rows.columns())
            .map_err(|e| Error::bug("rows as bytes").because(e))
    }

    /// The hash of a key.
    pub(crate) fn hash(&self, key: &[u8]) -> u128 {
        xxh3_128_with_seed(key, self.seed)
    }

    /// Both hashes of every row.
    pub(crate) fn entries(&self, rows: &RecordBatch, keys: &Rows) -> Result<Vec<Entry>> {
        if self.key.is_empty() {
            let both = |row: arrow::row::Row<'_>| {
                let hash = self.hash(row.as_ref());
                Entry { key: hash, row: hash }
            };
            return Ok(keys.iter().map(both).collect());
        }
        let whole = self.whole(rows)?;
        let both = |(key, row): (arrow::row::Row<'_>, arrow::row::Row<'_>)| Entry {
            key: self.hash(key.as_ref()),
            row: self.hash(row.as_ref()),
        };
        Ok(keys.iter().zip(whole.iter()).map(both).collect())
    }
}

fn is_sortable(column: &Field) -> bool {
    let unknown = field::get(column, field::COLLATION).is_none();
    is_bytewise(column) || (unknown && is_plain_text(column))
}

/// Whether every store sorts the values by their bytes, or by their numbers.
pub(crate) fn is_bytewise(column: &Field) -> bool {
    const BYTES: [&str; 6] = ["c", "posix", "binary", "ucs_basic", "c.utf-8", "c.utf8"];
    if *column.data_type() != DataType::Utf8 {
        return true;
    }
    let collation = field::get(column, field::COLLATION).map(str::to_ascii_lowercase);
    is_plain_text(column)
        && collation.is_some_and(|c| c.ends_with("_bin") || BYTES.contains(&c.as_str()))
}

/// Texts that are sorted as texts: not by place in a list, nor as numbers, nor in whatever way a
/// type of the store has.
fn is_plain_text(column: &Field) -> bool {
    *column.data_type() == DataType::Utf8 && field::logical(column).is_none_or(|l| l == "bit")
}

/// The sample that a row is in: the same rows on both sides, whatever their order.
pub(crate) fn is_sampled(key_hash: u128, percent: f64) -> bool {
    #[allow(clippy::cast_possible_truncation)] // the low half of a hash
    let low = (key_hash as u64) >> 11;
    #[allow(clippy::cast_precision_loss)] // 53 bits
    let share = low as f64 / (1u64 << 53) as f64;
    share * 100.0 < percent
}
