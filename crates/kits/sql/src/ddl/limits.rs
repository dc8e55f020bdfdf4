//! What MySQL's indexes and rows have room for.

use std::collections::HashSet;

use arrow::datatypes::{DataType, Field};
use syncline_types::{Column, Result, TableSchema, field};

use crate::Dialect;
use crate::mapping::needs_cap;

/// Bytes InnoDB takes into one index.
pub(super) const INDEX: u64 = 3072;
/// Bytes MySQL takes into one row, long texts and blobs aside; some are left for NULL bits.
const ROW: u64 = 65_000;

/// The columns of each key that MySQL has to index whole: the primary key, the unique indexes, and
/// the foreign keys.
fn whole_keys(source: &TableSchema) -> impl Iterator<Item = Vec<&str>> {
    let primary: Vec<&str> = source.primary_key.iter().map(String::as_str).collect();
    let unique = source.indexes.iter().filter(|i| i.unique).map(|i| {
        let whole = i.parts.iter().filter(|p| p.prefix.is_none());
        whole.map(|p| p.column.as_str()).collect()
    });
    let foreign =
        source.foreign_keys.iter().map(|key| key.columns.iter().map(String::as_str).collect());
    std::iter::once(primary).chain(unique).chain(foreign)
}

/// How long a text or binary column may get in MySQL to fit all the keys it is part of; `None`
/// when it is part of none, needs no limit, or has a length that fits.
///
/// Texts of unknown length get 255 characters, or their share of the index where that is less.
/// A value that is longer is refused by the server as too long; it is not cut.
pub(super) fn key_cap(source: &TableSchema, name: &str) -> Result<Option<u64>> {
    let Some(column) = source.column(name) else { return Ok(None) };
    if field::native(&column.field, Dialect::Mysql.id()).is_some() || !needs_cap(&column.field)? {
        return Ok(None);
    }
    let bytes_per = |f: &Field| if is_binary(f.data_type()) { 1 } else { 4 };
    let mut cap: Option<u64> = None;
    for key in whole_keys(source).filter(|key| key.contains(&name)) {
        let (mut known, mut unknown) = (0, 0);
        for part in key.iter().filter_map(|part| source.column(part)) {
            match (needs_cap(&part.field)?, field::length(&part.field)) {
                (true, Some(n)) => known += n.saturating_mul(bytes_per(&part.field)),
                (true, None) => unknown += 1,
                (false, _) => known += 64,
            }
        }
        let own = match field::length(&column.field) {
            Some(n) if known + unknown * 4 * 64 <= INDEX => n,
            None if known + unknown * 4 * 16 <= INDEX => {
                ((INDEX - known) / (4 * unknown.max(1))).min(255)
            }
            _ => (INDEX / (4 * key.len() as u64)).min(255),
        };
        cap = Some(cap.map_or(own, |c| c.min(own)));
    }
    Ok(cap)
}

/// Whether values are bytes.
pub(super) fn is_binary(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, FixedSizeBinary, LargeBinary};
    matches!(data_type, Binary | LargeBinary | BinaryView | FixedSizeBinary(_))
}

/// Makes the longest texts outside of keys `longtext` until the row fits.
pub(super) fn fit_row(table: &mut TableSchema, source: &TableSchema) {
    let sized = |f: &Field| {
        let native = field::native(f, "mysql").unwrap_or_default();
        let per = if native.starts_with("varchar") {
            4
        } else if native.starts_with("varbinary") {
            1
        } else {
            return None;
        };
        field::length(f).map(|n| n * per + 2)
    };
    let keyed: HashSet<String> = whole_keys(source).flatten().map(str::to_owned).collect();
    loop {
        let total: u64 = table.columns.iter().map(|c| sized(&c.field).unwrap_or(16)).sum();
        let foreign = |c: &&mut Column| {
            !keyed.contains(c.name())
                && sized(&c.field).is_some()
                && source
                    .column(c.name())
                    .is_some_and(|s| field::native(&s.field, "mysql").is_none())
        };
        if total <= ROW {
            return;
        }
        let longest = table.columns.iter_mut().filter(foreign).max_by_key(|c| sized(&c.field));
        let Some(column) = longest else { return };
        let long = if is_binary(column.field.data_type()) { "longblob" } else { "longtext" };
        let mut metadata = column.field.metadata().clone();
        metadata.insert(field::NATIVE.into(), long.into());
        metadata.remove(field::LENGTH);
        column.field = column.field.clone().with_metadata(metadata);
        column.default = None;
    }
}
