//! Tables made ready for rows, many in one transaction: what a table costs before its first row is
//! mostly the questions that can be asked for all of them at once.

use std::collections::BTreeSet;
use std::ops::Range;

use syncline_connector::{WriteMode, WriteTask};
use syncline_types::{Code, Error, Result, TableName};

use crate::catalog::{self, TargetColumn};
use crate::checkpoint::Checkpoints;
use crate::connect::Session;
use crate::sink::{into, placed, resolve};
use crate::{make, relate, replace};

/// Tables of one transaction, each partition among them. Each that is made holds a few locks to its
/// end, and the server has room for some thousands.
const AT_ONCE: usize = 50;

/// The tasks in stretches, each for one transaction.
pub(crate) fn stretches(tasks: &[WriteTask]) -> Vec<&[WriteTask]> {
    let tables = |task: &WriteTask| {
        1 + task.definition.partitioning.as_ref().map_or(0, |p| p.partitions.len())
    };
    let ranges = ranges(tasks.iter().map(tables));
    ranges.into_iter().filter_map(|range| tasks.get(range)).collect()
}

/// Ranges of what has so many tables each.
fn ranges(tables: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut sum = 0;
    for (at, count) in tables.enumerate() {
        match ranges.last_mut().filter(|_| sum + count <= AT_ONCE) {
            Some(range) => range.end = at + 1,
            None => {
                ranges.push(at..at + 1);
                sum = 0;
            }
        }
        sum += count;
    }
    ranges
}

/// Makes the tables ready, inside of a transaction. The columns of those that it makes.
pub(crate) async fn make_ready(
    session: &Session,
    tasks: &[WriteTask],
) -> Result<Vec<(TableName, Vec<TargetColumn>)>> {
    let targets: Vec<TableName> =
        tasks.iter().map(|task| resolve(session, &task.table.name)).collect();
    let checkpoints: Vec<Checkpoints> =
        tasks.iter().zip(&targets).map(|(task, target)| Checkpoints::new(task, target)).collect();
    let Some(first) = checkpoints.first() else { return Ok(Vec::new()) };
    first.lock(session).await?;
    let new = tasks.iter().zip(&targets).filter(|(task, _)| !task.exists);
    let schemas: BTreeSet<&str> = new.filter_map(|(_, target)| target.schema.as_deref()).collect();
    for schema in schemas {
        make::make_schema(session, schema).await?;
    }
    let finished = Checkpoints::enter_all(session, &checkpoints).await?;
    let places: Vec<TableName> =
        tasks.iter().zip(&targets).map(|(task, target)| into(task, target)).collect();
    let there = catalog::targets(session, &places, "looking for tables").await?;
    let (mut made, mut partitioned) = (Vec::new(), false);
    for (at, (task, target)) in tasks.iter().zip(&targets).enumerate() {
        if finished.contains(&at) {
            continue;
        }
        relate::set_aside(session, &checkpoints[at], target, &task.circular).await?;
        // One that was made just now may have made its partitions, too.
        let there = there[at].is_some()
            || partitioned && catalog::target(session, &places[at]).await?.is_some();
        if !there {
            make_one(session, task, target, &places[at], &checkpoints[at]).await?;
            made.push(places[at].clone());
            partitioned |= task.definition.partitioning.is_some();
        }
    }
    if made.is_empty() {
        return Ok(Vec::new());
    }
    let columns = catalog::targets(session, &made, "looking at the tables made").await?;
    let found = made.into_iter().zip(columns);
    Ok(found.filter_map(|(name, found)| Some((name, found?.1))).collect())
}

/// Makes the table that rows of the task go into, where there is none.
async fn make_one(
    session: &Session,
    task: &WriteTask,
    target: &TableName,
    into: &TableName,
    checkpoints: &Checkpoints,
) -> Result<()> {
    if checkpoints.any_rows(session).await? {
        let message =
            format!("{target}: rows of this run have been written, and their table is gone");
        return Err(Error::new(Code::CannotResume, message).hint("start over with --fresh"));
    }
    if task.exists && task.write == WriteMode::Replace {
        return replace::make_side(session, target, into).await;
    }
    if task.exists {
        let message = format!("{target}: the table has been dropped");
        return Err(Error::new(Code::TableChanged, message));
    }
    let mut table = placed(&task.definition, target, into.clone());
    if make::adds_key_late(task) {
        table.primary_key.clear();
    }
    make::make_table(session, &table, target).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_transaction_makes_so_many_tables_or_one_with_more_partitions() {
        let of = |counts: &[usize]| ranges(counts.iter().copied());
        assert!(of(&[]).is_empty());
        assert_eq!(of(&[1; 120]), [0..50, 50..100, 100..120]);
        assert_eq!(of(&[1, 400, 1, 49, 1]), [0..1, 1..2, 2..4, 4..5]);
    }
}
