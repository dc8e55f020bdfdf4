//! What the log says of a table before it tells its rows, and how that fits the table as we know it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use syncline_types::{Code, Error, Result, TableName, TableSchema, field};

use super::cell::{Lie, Means, Type, means};
use super::charset::Charsets;
use super::event::{cut, unreadable};
use crate::native::{STORE, wire};
use crate::wire::packet::Fields;

/// A table as the log has it.
#[derive(Debug)]
pub(crate) struct TableMap {
    pub(crate) name: TableName,
    pub(crate) types: Vec<Type>,
    /// Of the numbers, in order: it is unsigned. Where the log tells.
    unsigned: Option<Vec<bool>>,
    /// Where the log tells (`binlog_row_metadata=FULL`).
    pub(crate) names: Option<Vec<String>>,
}

/// The number by which the rows' events name their table, and what follows it.
pub(crate) fn table_id(body: &[u8]) -> Result<(u64, &[u8])> {
    let (id, rest) = body.split_at_checked(6).ok_or_else(cut)?;
    Ok((super::cell::big(id.iter().rev()), rest))
}

/// The database and name, from what follows the number.
pub(crate) fn name(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = Fields(rest);
    fields.u16()?;
    let length = usize::from(fields.u8()?);
    let database = fields.take(length)?;
    fields.u8()?;
    let length = usize::from(fields.u8()?);
    Some((database, fields.take(length)?))
}

impl TableMap {
    /// Reads an event's body behind the table's number.
    pub(crate) fn read(rest: &[u8]) -> Option<Self> {
        let (database, table) = name(rest)?;
        let name =
            TableName::new(String::from_utf8_lossy(database), String::from_utf8_lossy(table));
        let mut fields = Fields(rest.get(2 + 1 + database.len() + 1 + 1 + table.len() + 1..)?);
        let count = usize::try_from(fields.int()?).ok()?;
        let kinds = fields.take(count)?;
        let mut described = Fields(fields.string()?);
        let types: Option<Vec<Type>> =
            kinds.iter().map(|kind| Type::read(*kind, &mut described)).collect();
        // Which may be NULL, one bit each. It says so of every column of a table that an outer join
        // deletes from, so it says nothing of the table; a NULL is looked for among the values.
        fields.take(count.div_ceil(8))?;
        let mut map = Self { name, types: types?, unsigned: None, names: None };
        while !fields.0.is_empty() {
            let kind = fields.u8()?;
            map.more(kind, fields.string()?)?;
        }
        Some(map)
    }

    /// What the log says beyond the types.
    fn more(&mut self, kind: u8, value: &[u8]) -> Option<()> {
        match kind {
            1 => {
                let bit = |at: usize| value.get(at / 8).is_some_and(|b| b << (at % 8) & 0x80 != 0);
                self.unsigned = Some((0..value.len() * 8).map(bit).collect());
            }
            4 => {
                let mut fields = Fields(value);
                let mut names = Vec::with_capacity(self.types.len());
                while !fields.0.is_empty() {
                    names.push(String::from_utf8_lossy(fields.string()?).into_owned());
                }
                self.names = Some(names);
            }
            _ => {}
        }
        Some(())
    }

    /// Whether the log says that the column at `at`, a number, is unsigned.
    fn unsigned(&self, at: usize) -> Option<bool> {
        let number = |ty: &Type| {
            matches!(
                ty.kind,
                wire::TINY
                    | wire::SHORT
                    | wire::INT24
                    | wire::LONG
                    | wire::LONGLONG
                    | wire::NEWDECIMAL
                    | wire::FLOAT
                    | wire::DOUBLE
            )
        };
        let before = self.types[..at].iter().filter(|t| number(t)).count();
        self.unsigned.as_ref().filter(|_| number(&self.types[at]))?.get(before).copied()
    }
}

/// One column of the log's rows.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) lie: Lie,
    /// Which column of the table it is, when it is wanted, and what its bytes mean.
    pub(crate) column: Option<(usize, Means)>,
    /// Its place in the key.
    pub(crate) key: Option<usize>,
}

/// How rows of a followed table lie in the log.
#[derive(Debug)]
pub(crate) struct Layout {
    /// With the columns wanted.
    pub(crate) table: Arc<TableSchema>,
    pub(crate) cells: Vec<Cell>,
    /// Columns of the table that tell its rows apart; empty when nothing does.
    pub(crate) key: Vec<usize>,
}

impl Layout {
    /// Fits the log's map to the table, whose columns are `wanted`; `whole` are the tables, each
    /// with all of its columns, that it may be.
    ///
    /// # Errors
    /// [`Code::TableChanged`] when it is none of them.
    pub(crate) fn new(
        map: &TableMap,
        wanted: &Arc<TableSchema>,
        whole: &[&TableSchema],
        charsets: &Charsets,
    ) -> Result<Self> {
        let places = match &map.names {
            Some(names) => named(map, names, wanted, charsets)?,
            None => counted(map, wanted, whole, charsets)?,
        };
        let key: Option<Vec<usize>> = wanted.key().iter().map(|k| wanted.index_of(k)).collect();
        let key = key.unwrap_or_default();
        let mut cells = Vec::with_capacity(map.types.len());
        for (at, (ty, column)) in map.types.iter().zip(places).enumerate() {
            let unknown = || unreadable(format!("{}: type {} of column {at}", map.name, ty.kind));
            let lie = ty.lie().ok_or_else(unknown)?;
            let in_key = |c: usize| key.iter().position(|k| *k == c);
            let key = column.as_ref().and_then(|(column, _)| in_key(*column));
            cells.push(Cell { lie, column, key });
        }
        Ok(Self { table: Arc::clone(wanted), cells, key })
    }
}

type Places = Vec<Option<(usize, Means)>>;

/// The columns by the names that the log tells.
fn named(
    map: &TableMap,
    names: &[String],
    wanted: &TableSchema,
    charsets: &Charsets,
) -> Result<Places> {
    if names.len() != map.types.len() {
        return Err(unreadable(format!("{}: {} names of columns", map.name, names.len())));
    }
    let mut places: Places = vec![None; names.len()];
    for (index, column) in wanted.columns.iter().enumerate() {
        let at = names.iter().position(|n| n == column.name());
        let gone = || changed(map, format!("the log has no column {}", column.name()));
        let at = at.ok_or_else(gone)?;
        let means = fit(map, at, &column.field, charsets)
            .map_err(|why| changed(map, format!("column {} {why}", column.name())))?;
        places[at] = Some((index, means));
    }
    Ok(places)
}

/// The columns by their order, in a table whose types are those of the log.
fn counted(
    map: &TableMap,
    wanted: &TableSchema,
    whole: &[&TableSchema],
    charsets: &Charsets,
) -> Result<Places> {
    let mut why = String::from("it is not known");
    for table in whole {
        // MariaDB adds a hidden number for each unique index over long texts.
        let hidden = map.types.get(table.columns.len()..);
        let uniques = table.indexes.iter().filter(|i| i.unique).count();
        if !hidden.is_some_and(|h| h.len() <= uniques && h.iter().all(|t| t.kind == wire::LONGLONG))
        {
            why = format!("it has {} columns, the log {}", table.columns.len(), map.types.len());
            continue;
        }
        let mut places: Places = vec![None; map.types.len()];
        let fits = table.columns.iter().enumerate().try_for_each(|(at, column)| {
            let means = fit(map, at, &column.field, charsets)
                .map_err(|e| format!("column {} {e}", column.name()))?;
            if let Some(index) = wanted.index_of(column.name()) {
                places[at] = Some((index, means));
            }
            Ok(())
        });
        match fits {
            Ok(()) if places.iter().flatten().count() == wanted.columns.len() => return Ok(places),
            Ok(()) => why = "a column that is wanted is not there".into(),
            Err(other) => why = other,
        }
    }
    Err(changed(map, why))
}

/// What the values of a column mean, or why the log's column cannot be it.
fn fit(map: &TableMap, at: usize, f: &Field, charsets: &Charsets) -> Result<Means, String> {
    let native = field::native(f, STORE).unwrap_or_default();
    let unknown = |name: &str| format!("has the character set {name}, which is not known here");
    let charset = charsets.get(f).map_err(unknown)?;
    let ty = map.types[at];
    let fits = means(f, ty, charset);
    let means = fits.ok_or_else(|| format!("is {native}, the log has type {ty:?}"))?;
    let unsigned = matches!(
        f.data_type(),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64
    );
    if f.data_type().is_integer() && map.unsigned(at).is_some_and(|u| u != unsigned) {
        return Err(format!("is {native}, the log has another sign"));
    }
    Ok(means)
}

fn changed(map: &TableMap, why: impl std::fmt::Display) -> Error {
    let text = format!("{} is not the table that its log is about: {why}", map.name);
    Error::new(Code::TableChanged, text).hint(
        "its definition was changed in a way the log does not tell (or before the place the log \
         is read from): start over with --fresh; binlog_row_metadata=FULL makes logs tell more",
    )
}
