//! The rows of a run: its plan with the snapshot open, the copy, and what makes it whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

use syncline_connector::{Consistency, Cpu, Cut, Mode, WriteMode};
use syncline_types::{Code, Error, Result, TableSchema};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::driver::{Driver, Ended};
use crate::courtesy::Way;
use crate::crash::may_crash;
use crate::events::Event;
use crate::follow::{KeptLog, Phase};
use crate::limits::Limits;
use crate::mapping::refuse_lossy;
use crate::pipeline::{MovingTable, Stretch};
use crate::plan::{self, BoundTable, Plan};
use crate::workers::{self, Patience};

impl Driver {
    /// The plan, kept or new, with the source's snapshot open; with a log to be followed, in the
    /// very moment from which it is.
    pub(super) async fn plan(
        &self,
        workers: usize,
        log: Option<&KeptLog>,
    ) -> Result<Vec<BoundTable>> {
        let source = self.source.as_ref();
        if let Some(log) = log.filter(|log| !log.get().joining.is_empty()) {
            return self.plan_joining(log, workers).await;
        }
        let kept = self.kept_plan()?;
        let new = kept.is_none();
        let mut bound = match kept {
            Some(kept) => plan::rebind(&self.job, &self.processors, source, kept).await?,
            None => {
                let sink = self.sink.as_ref();
                let mut job = crate::job::Job::clone(&self.job);
                if log.is_some_and(|log| log.get().anew) {
                    // What is gone at the source is to go at the target, too.
                    job.write = Some(WriteMode::Replace);
                }
                let made = plan::make(&job, &self.processors, source, sink).await?;
                for message in made.notes {
                    self.announce(Event::Note { message });
                }
                refuse_lossy(&self.job, &made.tables)?;
                made.tables
            }
        };
        let consistency = match log {
            Some(log) => self.begin_at(log, &bound, workers).await?,
            None => source.begin(workers).await?,
        };
        self.note_consistency(consistency);
        if !new {
            return Ok(bound);
        }
        if self.job.mode != Mode::Changes {
            self.cut_all(&mut bound, workers).await?;
        }
        for table in &bound {
            self.note_table(table);
        }
        if let Some(log) = log {
            log.change(|state| state.selection = Some(self.job.tables.clone()))?;
        }
        let plan = Plan::of(bound.iter().map(|t| t.plan.clone()).collect());
        self.store.save_plan(&self.run, self.epoch, &plan.to_json()?)?;
        may_crash!("plan-kept");
        Ok(bound)
    }

    pub(super) fn note_consistency(&self, consistency: Consistency) {
        if let Consistency::PerSplit(why) = consistency {
            self.announce(Event::Note {
                message: format!("no common snapshot, each piece shows its own moment: {why}"),
            });
        }
    }

    pub(super) fn note_table(&self, table: &BoundTable) {
        for note in &table.plan.notes {
            let message = format!("{}: {note}", table.plan.source.name);
            self.announce(Event::Note { message });
        }
    }

    /// Cuts a table into pieces, in the source's snapshot.
    pub(super) async fn cut(&self, table: &mut BoundTable, workers: usize) -> Result<()> {
        table.plan.splits = self.source.plan(&table.read, &self.fineness(table, workers)).await?;
        Ok(())
    }

    /// Cuts tables into pieces, in the source's snapshot, as many at a time as there are workers.
    async fn cut_all(&self, tables: &mut [BoundTable], workers: usize) -> Result<()> {
        let mut waiting = 0..tables.len();
        let mut cutting = JoinSet::new();
        loop {
            while cutting.len() < workers.max(1)
                && let Some(at) = waiting.next()
            {
                let (read, cut) = (tables[at].read.clone(), self.fineness(&tables[at], workers));
                let source = Arc::clone(&self.source);
                cutting.spawn(Cpu::carry(async move { (at, source.plan(&read, &cut).await) }));
            }
            match cutting.join_next().await {
                Some(Ok((at, splits))) => tables[at].plan.splits = splits?,
                Some(Err(panic)) => {
                    return Err(Error::bug("cutting a table panicked").because(panic));
                }
                None => return Ok(()),
            }
        }
    }

    /// How finely a table is cut.
    fn fineness(&self, table: &BoundTable, workers: usize) -> Cut {
        let mut cut = self.job.speed.cut(workers, self.sink.as_ref());
        if self.job.mode.follows() && table.key.is_empty() {
            // All of it in one moment, which can be told from what the log brings.
            cut.splits = 1;
        }
        cut
    }

    pub(super) fn make_stretch(
        &self,
        bound: Vec<BoundTable>,
        workers: usize,
        leave: &CancellationToken,
        log: Option<Arc<KeptLog>>,
        way: Option<Way>,
    ) -> Result<Stretch> {
        if self.progress.begin(&bound) {
            self.announce(Event::Planned {
                run: self.run.clone(),
                tables: bound
                    .iter()
                    .map(|t| format!("{} -> {}", t.plan.source.name, t.plan.target.name))
                    .collect(),
                splits: bound.iter().map(|t| t.plan.splits.len()).sum(),
                rows_estimated: bound.iter().map(|t| t.plan.rows).sum(),
                resumed: self.resumed,
            });
        }
        let tables: Vec<MovingTable> = bound
            .into_iter()
            .enumerate()
            .map(|(at, bound)| {
                let at = u32::try_from(at).unwrap_or(u32::MAX);
                let index = bound.plan.number.unwrap_or(at);
                let mut task = bound.write_task(&self.run, self.epoch);
                if let Some(log) = &log {
                    task.circular.extend(log.aside(&bound.plan.source.name));
                }
                MovingTable {
                    index,
                    task,
                    left: AtomicUsize::new(bound.plan.splits.len()),
                    progress: self.progress.table(index, &bound),
                    bound,
                }
            })
            .collect();
        // Tables that were followed and dropped are not in the plan any more.
        let table_of = |table: u32| tables.iter().find(|t| t.index == table);
        for at in self.store.checkpoints(&self.run)?.iter().filter(|c| c.done) {
            let Some(table) = table_of(at.table) else { continue };
            let Some(split) = table.progress.find_split(at.split) else { continue };
            split.opened(at.position.seq, at.written);
            split.flushed(true);
            table.left.fetch_sub(1, SeqCst);
        }
        for table in self.store.committed_tables(&self.run)?.into_iter().filter_map(table_of) {
            table.progress.committed.store(true, SeqCst);
        }
        for table in &tables {
            // Those that are followed already are at the target.
            if log.as_ref().is_some_and(|log| !log.copies(&table.bound.plan.source.name)) {
                table.progress.committed.store(true, SeqCst);
                table.left.store(0, SeqCst);
            }
        }
        let mut bad = 0;
        for (table, count) in self.store.count_dead_letters(&self.run)? {
            bad += count;
            if let Some(table) = table_of(table) {
                table.progress.dead_letters.store(count, SeqCst);
            }
        }
        Ok(Stretch {
            run: self.run.clone(),
            epoch: self.epoch,
            store: Arc::clone(&self.store),
            source: Arc::clone(&self.source),
            sink: Arc::clone(&self.sink),
            tables,
            limits: Arc::new(Limits::new(&self.job.speed, way)),
            log,
            errors: self.job.errors,
            values: self.job.values.clone(),
            checkpoint_every: self.job.checkpoint_every,
            workers,
            metrics: Arc::clone(&self.progress.metrics),
            events: self.events.clone(),
            leave: leave.clone(),
            bad: AtomicU64::new(bad),
            unexpected: AtomicU64::new(0),
        })
    }

    /// Moves all rows, and makes the target's tables whole unless the log has to come first.
    /// `false` when asked to leave before.
    pub(super) async fn copy(&self, stretch: &Arc<Stretch>, patience: &Patience) -> Result<bool> {
        let waiting = stretch.tables.iter().filter(|t| !t.is_committed());
        let tasks: Vec<_> = waiting
            .map(|table| {
                let mut task = table.task.clone();
                if stretch.log.is_some() {
                    task.definition = Arc::new(bare(&task.definition));
                }
                task
            })
            .collect();
        if patience.attempt(|| 0, || self.sink.prepare_all(&tasks)).await?.is_none() {
            return Ok(false);
        }
        if !workers::run(stretch, patience).await? {
            return Ok(false);
        }
        if stretch.too_many_errors(true) {
            let share = Error::new(Code::TooManyErrors, "their share is above the limit");
            return Err(stretch.too_many(&share));
        }
        may_crash!("copy-loaded");
        match &stretch.log {
            // First they are brought to where the others are.
            Some(log) if log.get().beside.is_some() => return Ok(true),
            Some(log) if log.overlaps() => {
                log.change(|state| state.phase = Phase::Overlap)?;
                return Ok(true);
            }
            _ => {}
        }
        if !self.relate(stretch, patience).await? {
            return Ok(false);
        }
        may_crash!("tables-related");
        if let Some(log) = &stretch.log {
            log.change(|state| state.phase = Phase::Loaded)?;
        }
        Ok(true)
    }

    /// What comes once all rows are there. `false` when asked to leave before.
    pub(super) async fn relate(&self, stretch: &Stretch, patience: &Patience) -> Result<bool> {
        let joins = stretch.log.as_ref().is_some_and(|log| !log.get().joining.is_empty());
        let tasks: Vec<_> = stretch.arriving().map(|table| table.task.clone()).collect();
        if patience.attempt(|| 0, || self.sink.relate(&tasks)).await?.is_none() {
            return Ok(false);
        }
        if joins {
            return Ok(true);
        }
        Ok(self.execute(&self.job.after, patience).await?.is_some())
    }

    /// Removes what was kept for going on with the copy.
    pub(super) async fn finish(&self, stretch: &Stretch, patience: &Patience) -> Result<Ended> {
        let tasks = stretch.tasks();
        let done = patience.attempt(|| 0, || self.sink.finish(&tasks)).await?;
        Ok(if done.is_some() { Ended::Complete } else { Ended::Left })
    }
}

/// A table with no more keys than its rows are told apart by: the others hold only once all rows
/// show one moment.
fn bare(table: &TableSchema) -> TableSchema {
    let mut bare = table.clone();
    let key = table.key();
    let counted = table.columns.iter().find(|c| c.identity.is_some()).map(|c| c.name());
    bare.indexes.retain(|index| {
        let parts: Vec<&str> = index.parts.iter().map(|p| p.column.as_str()).collect();
        // A column that the store counts up has to be a key in some.
        parts == key || parts.first().copied() == counted
    });
    bare
}
