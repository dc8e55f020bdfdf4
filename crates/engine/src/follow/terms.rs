//! A set of changes brought into the target's terms: steps, conversion and fold. What that takes
//! is fixed when the set comes, so that it can be done while the set before is being applied.

use std::collections::HashMap;
use std::sync::Arc;

use syncline_connector::Apply;
use syncline_convert::Change;
use syncline_types::{
    ChangeSet, Code, Commit, Error, Op, Reject, Result, RowChanges, TableName, TableSchema,
};

use super::apply::{AppliedTable, folded};
use super::bind::FollowedTable;
use super::rows::TargetRows;
use crate::crash::may_crash;
use crate::dead_letters::Stage;
use crate::events::Changes;
use crate::job::Job;
use crate::plan::Processors;

/// The tables as they are at one place of the log.
pub(crate) struct Terms {
    pub(crate) job: Arc<Job>,
    pub(crate) processors: Arc<Processors>,
    /// By their places in the plan.
    pub(crate) tables: Vec<Arc<FollowedTable>>,
    /// Those that are there, by their names at the source.
    pub(crate) places: HashMap<TableName, usize>,
    /// What the target's foreign keys ask for.
    pub(crate) applied: Vec<AppliedTable>,
}

/// A set in the target's terms.
#[derive(Default)]
pub(crate) struct TargetSet {
    /// Rows by table, in the order of the plan.
    pub(crate) rows: Vec<(usize, Vec<TargetRows>)>,
    /// Rows that could not be read, processed or converted.
    pub(crate) rejects: Vec<(usize, Stage, Reject)>,
    /// What policies put in place of bad values, by table.
    pub(crate) changes: Vec<(usize, Vec<Change>)>,
    /// What happened at the source, by table.
    pub(crate) counts: Vec<(usize, Changes)>,
}

/// A set as it came, and what holds at its place of the log.
pub(crate) struct Raw {
    pub(crate) set: ChangeSet,
    /// Rows of each table at places below are at the target already.
    pub(crate) skip: Vec<u32>,
    /// The target is just as the source was before the set.
    pub(crate) exact: bool,
    /// The target keeps its tables as the source's; otherwise each change becomes a record.
    pub(crate) state: bool,
}

/// A set that can be applied.
pub(crate) struct Ready {
    /// Its last commit.
    pub(crate) commit: Option<Commit>,
    pub(crate) complete: bool,
    pub(crate) bytes: u64,
    pub(crate) mapped: TargetSet,
    pub(crate) work: Work,
}

/// What is to be done with it.
pub(crate) enum Work {
    /// The steps that are left in the end, table by table; `None` when order matters.
    State(Option<Vec<(usize, Apply)>>),
    /// It is written down.
    Log(ChangeSet),
}

impl Terms {
    /// The set with what is to be done about it.
    ///
    /// # Errors
    /// [`Code::LogUnreadable`] when the rows are not those of the tables as they are known.
    pub(crate) fn ready(&self, raw: Raw) -> Result<Ready> {
        let Raw { set, skip, exact, state } = raw;
        let (commit, complete, bytes) = (set.commits.last().cloned(), set.complete, set.bytes());
        let (places, commits) = (set.places, set.commits.clone());
        let mapped = self.map(set, &skip)?;
        let work = match state {
            true => Work::State(folded(&self.applied, &mapped.rows, exact)?),
            false => Work::Log(self.record(&mapped, places, commits, complete)),
        };
        may_crash!("set-ready");
        Ok(Ready { commit, complete, bytes, mapped, work })
    }

    fn map(&self, set: ChangeSet, skip: &[u32]) -> Result<TargetSet> {
        let skip = |index: usize| skip.get(index).copied().unwrap_or_default();
        let mut mapped = TargetSet::default();
        let mut rows: Vec<Vec<TargetRows>> = self.tables.iter().map(|_| Vec::new()).collect();
        for (table, reject) in set.rejects {
            if let Some(index) = self.places.get(&table.name).copied()
                && reject.index >= skip(index)
            {
                mapped.rejects.push((index, Stage::Read, reject));
            }
        }
        for changes in set.changes {
            let Some(index) = self.places.get(&changes.table.name).copied() else { continue };
            let changes = behind(changes, skip(index));
            if changes.order.is_empty() {
                continue;
            }
            let table = &self.tables[index];
            expect(&table.source, &changes.table)?;
            mapped.counts.push((index, count(&changes)));
            let result = table.map(&self.job, &self.processors, changes)?;
            rows[index].extend(result.rows);
            let rejects = result.rejects.into_iter();
            mapped.rejects.extend(rejects.map(|(stage, reject)| (index, stage, reject)));
            if !result.changes.is_empty() {
                mapped.changes.push((index, result.changes));
            }
        }
        mapped.rows = rows.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()).collect();
        Ok(mapped)
    }

    /// The set with the target's rows, as records.
    fn record(
        &self,
        mapped: &TargetSet,
        places: u32,
        commits: Vec<Commit>,
        complete: bool,
    ) -> ChangeSet {
        let rows = mapped.rows.iter().flat_map(|(index, rows)| {
            let target = &self.tables[*index].target;
            rows.iter().map(move |rows| RowChanges {
                table: Arc::clone(target),
                columns: (!rows.is_whole(target)).then(|| Arc::clone(&rows.columns)),
                op: rows.op,
                rows: rows.rows.clone(),
                order: rows.order.clone(),
            })
        });
        let (changes, rejects) = (rows.collect(), Vec::new());
        ChangeSet { changes, rejects, places, commits, complete, within: None }
    }
}

/// The rows at `first` and behind.
fn behind(mut changes: RowChanges, first: u32) -> RowChanges {
    let from = changes.order.partition_point(|place| *place < first);
    if from > 0 {
        changes.rows = changes.rows.slice(from, changes.order.len() - from);
        changes.order.drain(..from);
    }
    changes
}

fn count(changes: &RowChanges) -> Changes {
    let rows = changes.order.len() as u64;
    match changes.op {
        Op::Insert => Changes { inserts: rows, ..Changes::default() },
        Op::Update => Changes { updates: rows, ..Changes::default() },
        Op::Delete => Changes { deletes: rows, ..Changes::default() },
        Op::Before => Changes::default(),
    }
}

/// Whether rows are of the table as it is known here.
fn expect(known: &Arc<TableSchema>, told: &Arc<TableSchema>) -> Result<()> {
    let same = Arc::ptr_eq(known, told)
        || known.columns.len() == told.columns.len()
            && known.columns.iter().zip(&told.columns).all(|(a, b)| a.field == b.field);
    if same {
        return Ok(());
    }
    let text = format!("{}: the log has rows of another definition than is known here", known.name);
    Err(Error::new(Code::LogUnreadable, text).hint("copy it anew: start over with --fresh"))
}
