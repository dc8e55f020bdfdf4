//! Changes in the order in which they happened: what is done when folding them would break a key,
//! and for tables whose rows have none.

use std::collections::HashSet;

use arrow::row::{OwnedRow, RowConverter, SortField};
use syncline_connector::Apply;
use syncline_types::{Code, Error, Op, Result, TableSchema};

use super::rows::{At, TargetRows, gather, in_order};

/// How a table's changes are said to a sink one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    pub(crate) target: &'a TableSchema,
    /// Its key, by index; empty where it has none.
    pub(crate) key: &'a [usize],
    /// Rows of other tables refer to it, and go or change with its rows: a key that changes is to
    /// be changed, not taken away and added.
    pub(crate) cascades: bool,
}

/// What is done to consecutive rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Insert,
    Upsert,
    Update,
    /// An update that changes the key.
    Move,
    Delete,
}

/// One row of a table, and what is done to it.
struct Act {
    place: u32,
    deed: Deed,
    /// Where the row stands.
    at: At,
    /// Where its old key stands, when it moves; the rest of it, when the log tells only a part.
    old: Option<At>,
}

/// The changes of one table in order, as `(place of the first, what is applied)`: rows next to each
/// other to which the same is done go together, as long as no other table comes between
/// (`others`, the places of other tables' rows, rising) and no key comes twice.
pub(crate) fn sequence(
    manner: Manner<'_>,
    pieces: &[TargetRows],
    others: &[u32],
) -> Result<Vec<(u32, Apply)>> {
    let acts = acts(manner, pieces)?;
    let keys = match manner.key {
        [] => None,
        key => {
            let failed = |e| Error::bug("comparing keys").because(e);
            let fields = key
                .iter()
                .map(|k| SortField::new(manner.target.columns[*k].field.data_type().clone()));
            let converter = RowConverter::new(fields.collect()).map_err(failed)?;
            let rows = pieces.iter().map(|piece| {
                let columns = piece.project(manner.target, key)?;
                converter.convert_columns(columns.columns()).map_err(failed)
            });
            Some(rows.collect::<Result<Vec<_>>>()?)
        }
    };
    let mut all = Vec::new();
    let mut run: Vec<&Act> = Vec::new();
    let mut seen: HashSet<OwnedRow> = HashSet::new();
    let mut names: Vec<OwnedRow> = Vec::new();
    for act in &acts {
        names.clear();
        if let Some(keys) = &keys {
            names.push(keys[act.at.0].row(act.at.1).owned());
            names.extend(act.old.map(|at| keys[at.0].row(at.1).owned()));
        }
        let together = run.last().is_none_or(|last| {
            let between = others.partition_point(|o| *o <= last.place)
                != others.partition_point(|o| *o <= act.place);
            !between
                && last.deed == act.deed
                && pieces[last.at.0].columns == pieces[act.at.0].columns
                && last.old.is_some() == act.old.is_some()
                && names.iter().all(|name| !seen.contains(name))
        });
        if !together {
            all.push(put(manner, pieces, &run)?);
            run.clear();
            seen.clear();
        }
        seen.extend(names.drain(..));
        run.push(act);
    }
    if !run.is_empty() {
        all.push(put(manner, pieces, &run)?);
    }
    Ok(all)
}

/// What is done to each row.
fn acts(manner: Manner<'_>, pieces: &[TargetRows]) -> Result<Vec<Act>> {
    let order = in_order(pieces);
    let mut acts = Vec::with_capacity(order.len());
    let mut before: Option<(u32, At)> = None;
    let keyless = manner.key.is_empty();
    for (place, piece, row) in order {
        let at = (piece, row);
        let act = |deed, old| Act { place, deed, at, old };
        let old = before.take().filter(|(was, _)| was + 1 == place);
        match pieces[piece].op {
            Op::Before => {
                before = Some((place, at));
                // Without the update that belongs to it, which was left out, the row goes.
                acts.push(act(Deed::Delete, None));
            }
            Op::Delete => acts.push(act(Deed::Delete, None)),
            Op::Insert if keyless => acts.push(act(Deed::Insert, None)),
            Op::Insert => acts.push(act(Deed::Upsert, None)),
            Op::Update => {
                let whole = pieces[piece].is_whole(manner.target);
                match old {
                    Some((_, old)) if keyless => {
                        acts.push(act(Deed::Insert, (!whole).then_some(old)));
                    }
                    Some((_, old)) if manner.cascades || !whole => {
                        acts.pop();
                        acts.push(act(Deed::Move, Some(old)));
                    }
                    _ if keyless => {
                        let text = format!("{}: an update without the old row", manner.target.name);
                        return Err(Error::new(Code::NoOldImage, text));
                    }
                    _ if whole => acts.push(act(Deed::Upsert, None)),
                    _ => acts.push(act(Deed::Update, None)),
                }
            }
        }
    }
    Ok(acts)
}

fn put(manner: Manner<'_>, pieces: &[TargetRows], run: &[&Act]) -> Result<(u32, Apply)> {
    let (target, key) = (manner.target, manner.key);
    let Some(first) = run.first() else { return Err(Error::bug("nothing to apply")) };
    let all: Vec<usize> = (0..target.columns.len()).collect();
    let told: &[usize] = &pieces[first.at.0].columns;
    let rows = |columns: &[usize]| {
        gather(target, columns, pieces, run.len(), |row, column| {
            let told = |at: &At| pieces[at.0].at(column).is_some();
            Some(run[row].at).filter(told).or(run[row].old.filter(told))
        })
    };
    let apply = match first.deed {
        Deed::Insert if first.old.is_some() => Apply::Insert(rows(&all)?),
        Deed::Insert => Apply::Insert(rows(told)?),
        Deed::Upsert => Apply::Upsert(rows(told)?),
        Deed::Update => Apply::Update { rows: rows(told)?, old_keys: None },
        Deed::Delete if key.is_empty() => Apply::Delete(rows(told)?),
        Deed::Delete => Apply::Delete(rows(key)?),
        Deed::Move => {
            let old = gather(target, key, pieces, run.len(), |row, _| run[row].old)?;
            Apply::Update { rows: rows(told)?, old_keys: Some(old) }
        }
    };
    Ok((first.place, apply))
}
