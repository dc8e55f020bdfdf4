//! The tables that are followed, as they are at one place of the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use syncline_connector::{ApplyTask, WriteTask};
use syncline_convert::Change;
use syncline_types::{
    ChangeSet, Code, Error, Op, Reject, Result, RowChanges, TableName, TableSchema,
};

use super::apply::{AppliedTable, applied_tables};
use super::bind::FollowedTable;
use super::rows::TargetRows;
use crate::dead_letters::Stage;
use crate::events::Changes;
use crate::job::Job;
use crate::pipeline::MovingTable;
use crate::plan::{self, BoundTable, Plan, Processors};
use crate::progress::RunProgress;

/// One table.
pub(crate) struct Tracked {
    /// It was dropped: nothing of it comes any more.
    pub(crate) gone: bool,
    pub(crate) moving: MovingTable,
    pub(crate) followed: FollowedTable,
}

impl Tracked {
    /// Whether it is the table of this name at the source.
    pub(crate) fn is(&self, name: &str) -> bool {
        !self.gone && self.followed.source.name.to_string() == name
    }
}

/// All tables, by their place in the plan.
pub(crate) struct Tables<'a> {
    job: &'a Job,
    processors: &'a Processors,
    progress: &'a RunProgress,
    run: String,
    epoch: u64,
    /// The log tells generated columns.
    told: bool,
    pub(crate) all: Vec<Tracked>,
    /// What the target's foreign keys ask for.
    pub(crate) applied: Vec<AppliedTable>,
    places: HashMap<TableName, usize>,
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

impl<'a> Tables<'a> {
    /// The tables of a plan.
    pub(crate) fn bind(
        job: &'a Job,
        processors: &'a Processors,
        progress: &'a RunProgress,
        (run, epoch): (&str, u64),
        told: bool,
        plan: Plan,
    ) -> Result<Self> {
        let mut tables = Self {
            job,
            processors,
            progress,
            run: run.to_owned(),
            epoch,
            told,
            all: Vec::with_capacity(plan.tables.len()),
            applied: Vec::new(),
            places: HashMap::new(),
        };
        for table in plan.tables {
            tables.add(plan::bind(job, processors, table)?);
        }
        tables.settle();
        Ok(tables)
    }

    fn tracked(&self, index: usize, bound: BoundTable) -> Tracked {
        let followed = FollowedTable::new(self.job, &bound, self.told);
        Tracked {
            gone: false,
            moving: MovingTable {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                task: bound.write_task(&self.run, self.epoch),
                left: AtomicUsize::new(0),
                progress: self.progress.table(index, &bound),
                bound,
            },
            followed,
        }
    }

    fn add(&mut self, bound: BoundTable) {
        let tracked = self.tracked(self.all.len(), bound);
        self.all.push(tracked);
    }

    /// A table that was made.
    pub(crate) fn push(&mut self, bound: BoundTable) {
        self.add(bound);
        self.settle();
    }

    /// A table that is another from now on.
    pub(crate) fn replace(&mut self, index: usize, bound: BoundTable) {
        self.all[index] = self.tracked(index, bound);
        self.settle();
    }

    /// A table that was dropped.
    pub(crate) fn drop(&mut self, index: usize) {
        self.all[index].gone = true;
        self.settle();
    }

    fn settle(&mut self) {
        self.places = (0..)
            .zip(&self.all)
            .filter(|(_, table)| !table.gone)
            .map(|(index, table)| (table.followed.source.name.clone(), index))
            .collect();
        self.applied = applied_tables(self.all.iter().map(|table| {
            let definition = Arc::clone(&table.moving.task.definition);
            (Arc::clone(&table.followed.target), table.followed.key.clone(), definition)
        }));
    }

    /// The place of a table of the source.
    pub(crate) fn place(&self, name: &TableName) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The source's tables.
    pub(crate) fn sources(&self) -> Vec<Arc<TableSchema>> {
        let there = self.all.iter().filter(|table| !table.gone);
        there.map(|t| Arc::clone(&t.followed.source)).collect()
    }

    /// The task of the sink.
    pub(crate) fn apply_task(&self) -> ApplyTask {
        let tables: Vec<WriteTask> = self.all.iter().map(|t| t.moving.task.clone()).collect();
        ApplyTask { run: self.run.clone(), epoch: self.epoch, tables }
    }

    /// The plan that holds now.
    pub(crate) fn plan(&self) -> Plan {
        let there = self.all.iter().filter(|table| !table.gone);
        Plan::of(there.map(|t| t.moving.bound.plan.clone()).collect())
    }

    /// A set in the target's terms. Rows of table `index` at places below `skip(index)` are left
    /// out: they are at the target.
    ///
    /// # Errors
    /// [`Code::LogUnreadable`] when the rows are not those of the tables as they are known.
    pub(crate) fn map(&mut self, set: ChangeSet, skip: impl Fn(usize) -> u32) -> Result<TargetSet> {
        let mut mapped = TargetSet::default();
        let mut rows: Vec<Vec<TargetRows>> = self.all.iter().map(|_| Vec::new()).collect();
        for (table, reject) in set.rejects {
            if let Some(index) = self.place(&table.name)
                && reject.index >= skip(index)
            {
                mapped.rejects.push((index, Stage::Read, reject));
            }
        }
        for changes in set.changes {
            let Some(index) = self.place(&changes.table.name) else { continue };
            let changes = behind(changes, skip(index));
            if changes.order.is_empty() {
                continue;
            }
            let table = &mut self.all[index].followed;
            expect(&table.source, &changes.table)?;
            mapped.counts.push((index, count(&changes)));
            let result = table.map(self.job, self.processors, changes)?;
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
