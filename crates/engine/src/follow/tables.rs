//! The tables that are followed, as they are at one place of the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use syncline_connector::{ApplyTask, WriteTask};
use syncline_types::{Result, TableName, TableSchema};

use super::apply::applied_tables;
use super::bind::FollowedTable;
use super::terms::Terms;
use crate::job::Job;
use crate::pipeline::MovingTable;
use crate::plan::{self, BoundTable, Plan, Processors, TablePlan};
use crate::progress::RunProgress;

/// One table.
pub(crate) struct Tracked {
    /// It was dropped: nothing of it comes any more.
    pub(crate) gone: bool,
    pub(crate) moving: MovingTable,
    pub(crate) followed: Arc<FollowedTable>,
}

/// All tables, by their place in the plan.
pub(crate) struct Tables<'a> {
    job: &'a Arc<Job>,
    processors: &'a Arc<Processors>,
    progress: &'a RunProgress,
    run: String,
    epoch: u64,
    /// The log tells generated columns.
    told: bool,
    pub(crate) all: Vec<Tracked>,
    /// Tables of the plan that do not go through this log, or not yet.
    aside: Vec<TablePlan>,
    /// Numbers that have been given to tables.
    given: u32,
    /// What sets are made ready by.
    pub(crate) terms: Arc<Terms>,
}

impl<'a> Tables<'a> {
    /// The tables of a plan; `aside` are those of the run that do not go through this log.
    pub(crate) fn bind(
        job: &'a Arc<Job>,
        processors: &'a Arc<Processors>,
        progress: &'a RunProgress,
        (run, epoch): (&str, u64),
        told: bool,
        plan: Plan,
        aside: Vec<TablePlan>,
    ) -> Result<Self> {
        let mut tables = Self {
            job,
            processors,
            progress,
            run: run.to_owned(),
            epoch,
            told,
            all: Vec::with_capacity(plan.tables.len()),
            aside,
            given: plan.given,
            terms: terms(job, processors, &[]),
        };
        for table in plan.tables {
            tables.add(plan::bind(job, processors, table)?);
        }
        tables.settle();
        Ok(tables)
    }

    fn tracked(&self, bound: BoundTable) -> Tracked {
        let index = bound.plan.number.unwrap_or(u32::MAX);
        let followed = Arc::new(FollowedTable::new(self.job, &bound, self.told));
        Tracked {
            gone: false,
            moving: MovingTable {
                index,
                task: bound.write_task(&self.run, self.epoch),
                left: AtomicUsize::new(0),
                progress: self.progress.table(index, &bound),
                bound,
            },
            followed,
        }
    }

    fn add(&mut self, mut bound: BoundTable) {
        if bound.plan.number.is_none() {
            bound.plan.number = Some(self.given);
            self.given += 1;
        }
        let tracked = self.tracked(bound);
        self.all.push(tracked);
    }

    /// A table that was made.
    pub(crate) fn push(&mut self, bound: BoundTable) {
        self.add(bound);
        self.settle();
    }

    /// A table that is another from now on.
    pub(crate) fn replace(&mut self, index: usize, bound: BoundTable) {
        self.all[index] = self.tracked(bound);
        self.settle();
    }

    /// A table that was dropped.
    pub(crate) fn drop(&mut self, index: usize) {
        self.all[index].gone = true;
        self.settle();
    }

    fn settle(&mut self) {
        self.terms = terms(self.job, self.processors, &self.all);
    }

    /// The place of a table of the source.
    pub(crate) fn place(&self, name: &TableName) -> Option<usize> {
        self.terms.places.get(name).copied()
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
        let there = there.map(|t| t.moving.bound.plan.clone());
        Plan::after(self.given, there.chain(self.aside.iter().cloned()).collect())
    }
}

fn terms(job: &Arc<Job>, processors: &Arc<Processors>, all: &[Tracked]) -> Arc<Terms> {
    let places: HashMap<TableName, usize> = (0..)
        .zip(all)
        .filter(|(_, table)| !table.gone)
        .map(|(index, table)| (table.followed.source.name.clone(), index))
        .collect();
    let applied = applied_tables(all.iter().map(|table| {
        let definition = Arc::clone(&table.moving.task.definition);
        (Arc::clone(&table.followed.target), table.followed.key.clone(), definition)
    }));
    Arc::new(Terms {
        job: Arc::clone(job),
        processors: Arc::clone(processors),
        tables: all.iter().map(|table| Arc::clone(&table.followed)).collect(),
        places,
        applied,
    })
}
