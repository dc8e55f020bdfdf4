//! One set of changes at a target that keeps its tables as the source's: folded where that is
//! right, in the order in which it happened where it is not.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use syncline_connector::{Apply, StateWriter, WriteTask};
use syncline_types::{Error, ErrorKind, ReferentialAction, Reject, Result, TableSchema};

use super::fold::{Folded, fold};
use super::rows::TargetRows;
use super::sequence::{Manner, sequence};

/// A target table that changes are applied to.
pub(crate) struct AppliedTable {
    /// The columns that are written.
    pub(crate) target: Arc<TableSchema>,
    /// Its key, by index; empty where it has none.
    pub(crate) key: Vec<usize>,
    /// How deep it stands among the foreign keys of the tables: it refers only to lower ones.
    /// `None` when it refers to none of them and none to it.
    depth: Option<usize>,
    /// Rows of other tables go or change together with its rows.
    cascades: bool,
}

/// The tables, with what their foreign keys ask for.
pub(crate) fn applied_tables(
    tables: impl Iterator<Item = (Arc<TableSchema>, Vec<usize>, Arc<TableSchema>)>,
) -> Vec<AppliedTable> {
    let tables: Vec<_> = tables.collect();
    let place = |name: &syncline_types::TableName| {
        tables.iter().position(|(table, ..)| {
            let one = name.schema.is_none() || table.name.schema.is_none();
            table.name.name == name.name && (one || table.name.schema == name.schema)
        })
    };
    let refers: Vec<Vec<usize>> = tables
        .iter()
        .map(|(_, _, definition)| {
            definition.foreign_keys.iter().filter_map(|key| place(&key.references)).collect()
        })
        .collect();
    let mut depth = vec![0usize; tables.len()];
    // A circle of tables never settles: as many rounds as there are tables are enough for the rest.
    for _ in 0..tables.len() {
        for (table, refers) in refers.iter().enumerate() {
            let below = refers.iter().filter(|to| **to != table).map(|to| depth[*to] + 1).max();
            depth[table] = depth[table].max(below.unwrap_or(0)).min(tables.len());
        }
    }
    let tied = |table: usize| {
        !refers[table].is_empty() || refers.iter().any(|refers| refers.contains(&table))
    };
    let changes_others = |table: usize| {
        let plain = [ReferentialAction::NoAction, ReferentialAction::Restrict];
        tables.iter().any(|(_, _, definition)| {
            definition.foreign_keys.iter().any(|key| {
                place(&key.references) == Some(table)
                    && !(plain.contains(&key.on_delete) && plain.contains(&key.on_update))
            })
        })
    };
    let facts: Vec<(Option<usize>, bool)> = (0..tables.len())
        .map(|table| (tied(table).then_some(depth[table]), changes_others(table)))
        .collect();
    tables
        .into_iter()
        .zip(facts)
        .map(|((target, key, _), (depth, cascades))| AppliedTable { target, key, depth, cascades })
        .collect()
}

/// The tables' places, those that others refer to first.
pub(crate) fn upwards(tables: &[WriteTask]) -> Vec<usize> {
    let applied = applied_tables(
        tables
            .iter()
            .map(|task| (Arc::clone(&task.table), Vec::new(), Arc::clone(&task.definition))),
    );
    let mut places: Vec<usize> = (0..tables.len()).collect();
    places.sort_by_key(|place| applied[*place].depth);
    places
}

/// A row that the target refused.
pub(crate) struct Refused {
    /// The table, by its place.
    pub(crate) table: usize,
    pub(crate) reject: Reject,
}

/// Applies the rows of one set, by table: by its steps, or in order where there are none or the
/// target refuses one of them. Rows that the target refuses come back.
///
/// # Errors
/// Of any kind but data: the transaction is of no use any more.
pub(crate) async fn apply(
    writer: &mut dyn StateWriter,
    tables: &[AppliedTable],
    set: &[(usize, Vec<TargetRows>)],
    steps: Option<&[(usize, Apply)]>,
) -> Result<Vec<Refused>> {
    if let Some(steps) = steps {
        writer.savepoint().await?;
        let mut refused = false;
        for (table, step) in steps {
            match writer.apply(*table, step).await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Data => {
                    tracing::debug!(error = error.chain(), "applied in order instead");
                    refused = true;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        if !refused {
            return Ok(Vec::new());
        }
        writer.roll_back().await?;
    }
    one_by_one(writer, tables, set).await
}

/// What is to be done in the end, table by table; `None` when order matters.
pub(crate) fn folded(
    tables: &[AppliedTable],
    set: &[(usize, Vec<TargetRows>)],
    exact: bool,
) -> Result<Option<Vec<(usize, Apply)>>> {
    let takes_away = |rows: &TargetRows| {
        use syncline_types::Op::{Before, Delete};
        matches!(rows.op, Before | Delete)
    };
    if set.iter().any(|(table, rows)| tables[*table].cascades && rows.iter().any(takes_away)) {
        return Ok(None);
    }
    let mut parts: Vec<(usize, Folded)> = Vec::with_capacity(set.len());
    for (table, rows) in set {
        let at = &tables[*table];
        match fold(&at.target, &at.key, rows, exact)? {
            Some(folded) => parts.push((*table, folded)),
            None => return Ok(None),
        }
    }
    // Rows that others refer to come first, and go last. Without such ties what goes makes room
    // for what comes.
    parts.sort_by_key(|(table, _)| tables[*table].depth);
    let mut steps = Vec::new();
    for (table, folded) in &mut parts {
        if tables[*table].depth.is_none() {
            steps.extend(folded.deletes.take().map(|rows| (*table, Apply::Delete(rows))));
        }
        let updates = folded.updates.drain(..).map(|rows| Apply::Update { rows, old_keys: None });
        let upserts = folded.upserts.drain(..).map(Apply::Upsert);
        let inserts = folded.inserts.drain(..).map(Apply::Insert);
        steps.extend(updates.chain(upserts).chain(inserts).map(|apply| (*table, apply)));
    }
    for (table, folded) in parts.into_iter().rev() {
        steps.extend(folded.deletes.map(|rows| (table, Apply::Delete(rows))));
    }
    Ok(Some(steps))
}

/// Everything in the order in which it happened.
async fn one_by_one(
    writer: &mut dyn StateWriter,
    tables: &[AppliedTable],
    set: &[(usize, Vec<TargetRows>)],
) -> Result<Vec<Refused>> {
    let mut all: Vec<(u32, usize, Apply)> = Vec::new();
    for (table, rows) in set {
        let others = set.iter().filter(|(other, _)| other != table).flat_map(|(_, rows)| rows);
        let mut others: Vec<u32> = others.flat_map(|rows| rows.order.iter().copied()).collect();
        others.sort_unstable();
        let at = &tables[*table];
        let manner = Manner { target: &at.target, key: &at.key, cascades: at.cascades };
        let acts = sequence(manner, rows, &others)?;
        all.extend(acts.into_iter().map(|(place, apply)| (place, *table, apply)));
    }
    all.sort_by_key(|(place, ..)| *place);
    let mut refused = Vec::new();
    for (_, table, apply) in all {
        let mut pieces = VecDeque::from([apply]);
        while let Some(piece) = pieces.pop_front() {
            match writer.apply(table, &piece).await {
                Ok(()) => {}
                Err(error) if error.kind() != ErrorKind::Data => return Err(error),
                Err(error) if piece.rows() == 1 => {
                    refused.push(Refused { table, reject: Reject::of(rows_of(&piece), 0, error) });
                }
                Err(_) => {
                    let half = piece.rows() / 2;
                    pieces.push_front(slice(&piece, half, piece.rows() - half));
                    pieces.push_front(slice(&piece, 0, half));
                }
            }
        }
    }
    Ok(refused)
}

fn rows_of(apply: &Apply) -> &RecordBatch {
    match apply {
        Apply::Insert(rows) | Apply::Upsert(rows) | Apply::Delete(rows) => rows,
        Apply::Update { rows, .. } => rows,
    }
}

fn slice(apply: &Apply, from: usize, rows: usize) -> Apply {
    match apply {
        Apply::Insert(all) => Apply::Insert(all.slice(from, rows)),
        Apply::Upsert(all) => Apply::Upsert(all.slice(from, rows)),
        Apply::Delete(all) => Apply::Delete(all.slice(from, rows)),
        Apply::Update { rows: all, old_keys } => Apply::Update {
            rows: all.slice(from, rows),
            old_keys: old_keys.as_ref().map(|keys| keys.slice(from, rows)),
        },
    }
}

/// Names the table of an error that does not.
pub(crate) fn at_table(error: Error, table: &TableSchema) -> Error {
    let name = table.name.to_string();
    if error.message().contains(&name) { error } else { error.at(name) }
}
