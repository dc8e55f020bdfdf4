//! Tables that come to a run which follows already: the job selects more than it did, or the source
//! has made them. The run follows the log up to its end, and then the tables are copied from a
//! snapshot of their own while the others are followed on. Once their rows are at the target, the
//! others rest for a moment behind that snapshot, those that join are followed up to there, and from
//! there on all go through the log together. Those of the others that foreign keys of the target tie to
//! them rest for as long as the copy takes, and go on with them (`ties`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_connector::{ApplyTask, Consistency, Mode, Moment, Start, WriteTask};
use syncline_types::{Code, Error, ErrorKind, Position, Result, TableSchema, TableSelection};
use tokio_util::sync::CancellationToken;

use super::driver::Driver;
use super::ties::Ties;
use crate::crash::may_crash;
use crate::events::Event;
use crate::follow::{Followed, KeptLog, Part, Phase, log_of};
use crate::pipeline::Stretch;
use crate::plan::{self, BoundTable, Plan, TablePlan};
use crate::workers::{self, Patience};

/// Tables of the source by their names.
pub(super) type Found = BTreeMap<String, TableSchema>;

impl Driver {
    /// The tables that the job selects, when it selects others than the run was last brought in
    /// line with.
    pub(super) async fn selected_anew(&self, kept: &KeptLog) -> Result<Option<Found>> {
        match kept.get().selection {
            Some(selection) if selection == self.job.tables => Ok(None),
            Some(_) => self.selected(&self.job.tables).await.map(Some),
            None => {
                kept.change(|state| state.selection = Some(self.job.tables.clone()))?;
                Ok(None)
            }
        }
    }

    async fn selected(&self, selection: &TableSelection) -> Result<Found> {
        let found = self.source.discover(selection).await?;
        let filled = found.into_iter().filter(|info| !info.schema.columns.is_empty());
        Ok(filled.map(|info| (info.schema.name.to_string(), info.schema)).collect())
    }

    /// Lets tables come, now that the log is followed up to its end: those that the source `made`,
    /// and those that the job selects and did not before. `seen`: how the latter were when the end
    /// was still ahead. One that has changed since waits for the next end.
    pub(super) async fn grow(
        &self,
        kept: &KeptLog,
        seen: Option<&Found>,
        made: &BTreeSet<String>,
    ) -> Result<()> {
        if !made.is_empty() {
            self.announce_joining(made);
            return kept.joins(made.clone(), true);
        }
        let (Some(seen), Some(before)) = (seen, kept.get().selection) else { return Ok(()) };
        let now = self.selected(&self.job.tables).await?;
        if now != *seen {
            return Ok(());
        }
        // A table that was named, and is gone by now, is no reason to stop.
        let had = match self.selected(&before).await {
            Err(error) if error.kind() == ErrorKind::Config => Found::new(),
            had => had?,
        };
        let mut plan = self.known_plan()?;
        let known: BTreeSet<String> =
            plan.tables.iter().map(|table| table.source.name.to_string()).collect();
        let come = |name: &&String| !had.contains_key(*name) && !known.contains(*name);
        let joining: BTreeSet<String> = now.keys().filter(come).cloned().collect();
        let goes = |name: &String| had.contains_key(name) && !now.contains_key(name);
        for name in known.iter().filter(|name| goes(name)) {
            let message = format!("{name}: it is selected no more, and followed no more");
            self.announce(Event::Note { message });
        }
        plan.tables.retain(|table| !goes(&table.source.name.to_string()));
        if plan.tables.len() < known.len() {
            let at = self.rests_at(kept)?;
            self.store.save_log_plan(&self.run, self.epoch, &at, &plan.to_json()?)?;
        }
        self.announce_joining(&joining);
        if !joining.is_empty() {
            kept.joins(joining, false)?;
            may_crash!("tables-join");
        }
        kept.change(|state| state.selection = Some(self.job.tables.clone()))
    }

    fn announce_joining(&self, tables: &BTreeSet<String>) {
        for name in tables {
            let message = format!("{name}: it is copied now, and followed from there on");
            self.announce(Event::Note { message });
        }
    }

    /// Where the run came to rest.
    fn rests_at(&self, kept: &KeptLog) -> Result<Position> {
        let recorded = self.store.log_position(&self.run)?;
        recorded.or(kept.get().start).ok_or_else(|| Error::bug("a log was followed from nowhere"))
    }

    /// The plan with the tables that come, and the source's snapshot open in which they are read.
    pub(super) async fn plan_joining(
        &self,
        kept: &KeptLog,
        workers: usize,
    ) -> Result<Vec<BoundTable>> {
        let joining = kept.get().joining;
        let plan = self.known_plan()?;
        let given = plan.given;
        let comes = |table: &TablePlan| joining.contains(&table.source.name.to_string());
        let (coming, there): (Vec<_>, Vec<_>) = plan.tables.into_iter().partition(comes);
        if !coming.is_empty() {
            let (coming, source) = (Plan::after(given, coming), self.source.as_ref());
            let coming = plan::rebind(&self.job, &self.processors, source, coming).await?;
            let mut bound = self.bind_all(there)?;
            bound.extend(coming);
            let (consistency, moment) = self.open_joining(kept, &bound, workers).await?;
            self.note_consistency(consistency);
            kept.opened(&moment)?;
            return Ok(bound);
        }
        let first = there.len();
        let coming = self.coming(kept, given).await?;
        let copies = self.job.mode != Mode::Changes || kept.get().made;
        let ties = match copies {
            true => Ties::between(&coming, &there, self.sink.as_ref()).await?,
            false => Ties::default(),
        };
        let beside = copies && self.sink.copies_beside() && ties.tied.len() < there.len();
        for name in ties.tied.iter().filter(|_| beside) {
            let message = format!("{name}: it rests while a table is copied that a key ties it to");
            self.announce(Event::Note { message });
        }
        let rest = self.rests_at(kept)?;
        let mut bound = self.bind_all(there)?;
        bound.extend(coming);
        let (consistency, moment) = self.open_joining(kept, &bound, workers).await?;
        self.note_consistency(consistency);
        // What changed while the snapshot was opened is not known to be in it.
        let found = self.source.discover(&self.job.tables).await?;
        for table in &bound[first..] {
            let planned = &table.plan.source;
            if !found.iter().any(|info| info.schema == *planned) {
                let text = format!("{}: it changed as it was about to be copied", planned.name);
                return Err(Error::new(Code::SnapshotLost, text));
            }
        }
        for table in &mut bound[first..] {
            if copies {
                self.cut(table, workers).await?;
            }
            self.note_table(table);
        }
        // Tables at these places that are gone are not these.
        self.store.forget_tables(&self.run, self.epoch, given)?;
        kept.opened(&moment)?;
        kept.change(|state| {
            let from = if ties.tied.is_empty() { &moment.low } else { &rest };
            state.beside = beside.then(|| state.beside.clone().unwrap_or_else(|| from.clone()));
            if !beside && !ties.tied.is_empty() {
                // The others come to where the rows are before the keys are looked at.
                state.overlap.get_or_insert_with(|| moment.high.clone());
            }
            (state.aside, state.tied) = (ties.aside, ties.tied);
        })?;
        let plan = Plan::after(given, bound.iter().map(|table| table.plan.clone()).collect());
        self.store.save_log_plan(&self.run, self.epoch, &rest, &plan.to_json()?)?;
        may_crash!("joining-planned");
        for table in &bound[first..] {
            self.progress.replace(table.plan.number.unwrap_or(given), table);
        }
        Ok(bound)
    }

    /// The tables as they were planned.
    pub(super) fn bind_all(&self, tables: Vec<TablePlan>) -> Result<Vec<BoundTable>> {
        tables.into_iter().map(|t| plan::bind(&self.job, &self.processors, t)).collect()
    }

    /// What becomes of the tables that come, whose numbers begin at `first`.
    async fn coming(&self, kept: &KeptLog, first: u32) -> Result<Vec<BoundTable>> {
        let joining = kept.get().joining;
        let (source, sink) = (self.source.as_ref(), self.sink.as_ref());
        let (job, processors) = (&self.job, &self.processors);
        let mut coming = plan::make_some(job, processors, source, sink, &joining).await?;
        for (table, number) in coming.iter_mut().zip(first..) {
            table.plan.number = Some(number);
            table.plan.after.iter_mut().for_each(|at| *at = at.saturating_add(first));
        }
        if coming.len() < joining.len() {
            // Dropped meanwhile: the others come without it.
            let there = |name: &String| {
                coming.iter().any(|table| table.plan.source.name.to_string() == *name)
            };
            kept.come_without(there)?;
            return Err(Error::new(Code::SnapshotLost, "a table that was to be copied is gone"));
        }
        crate::mapping::refuse_lossy(&self.job, &coming)?;
        Ok(coming)
    }

    /// Copies the tables that join, while the others are followed. `false` when asked to leave
    /// before.
    pub(super) async fn copy_beside(
        &self,
        stretch: &Arc<Stretch>,
        kept: &KeptLog,
        patience: &Patience,
    ) -> Result<bool> {
        let enough = CancellationToken::new();
        let copying = async {
            let copied = self.copy(stretch, patience).await;
            match &copied {
                Ok(true) => enough.cancel(),
                _ => stretch.leave.cancel(),
            }
            copied
        };
        let others = Part::Others { enough: enough.clone() };
        let following = async {
            let followed = self.follow_log(stretch, kept, patience, (false, others)).await;
            if !matches!(followed, Ok(Some(Followed::Rested))) {
                stretch.leave.cancel();
            }
            followed
        };
        let (copied, followed) = tokio::join!(copying, following);
        if !copied? || followed? != Some(Followed::Rested) {
            return Ok(false);
        }
        let at = self.rests_at(kept)?;
        kept.change(|state| {
            state.meets = Some(at);
            state.phase = Phase::Catching;
        })?;
        may_crash!("others-rest");
        Ok(true)
    }

    /// Follows the tables that join from their snapshot up to where the others are, and makes them
    /// whole. `false` when asked to leave before.
    pub(super) async fn meet(
        &self,
        stretch: &Arc<Stretch>,
        kept: &KeptLog,
        patience: &Patience,
    ) -> Result<bool> {
        let part = Part::joining(kept.get());
        let part = part.ok_or_else(|| Error::bug("tables join from nowhere"))?;
        match self.follow_log(stretch, kept, patience, (false, part)).await? {
            Some(Followed::Rested) => may_crash!("others-met"),
            _ => return Ok(false),
        }
        if kept.overlaps() {
            if !workers::commit_arriving(stretch, patience).await? {
                return Ok(false);
            }
            may_crash!("overlap-passed");
        }
        if !self.relate(stretch, patience).await? {
            return Ok(false);
        }
        may_crash!("tables-related");
        kept.change(|state| state.phase = Phase::Loaded)?;
        Ok(true)
    }

    /// Removes the place of those that joined from the target: it is that of the others from here
    /// on. `false` when asked to leave before.
    pub(super) async fn met(
        &self,
        stretch: &Arc<Stretch>,
        kept: &KeptLog,
        patience: &Patience,
    ) -> Result<bool> {
        let Some(part) = Part::joining(kept.get()) else { return Ok(true) };
        let tables: Vec<WriteTask> = stretch.arriving().map(|table| table.task.clone()).collect();
        let task = ApplyTask { run: part.key(&self.run), epoch: self.epoch, tables };
        Ok(patience.attempt(|| 0, || self.sink.unfollow(&task)).await?.is_some())
    }

    async fn open_joining(
        &self,
        kept: &KeptLog,
        bound: &[BoundTable],
        workers: usize,
    ) -> Result<(Consistency, Moment)> {
        let log = log_of(self.source.as_ref())?;
        let follow = self.follow_of(bound)?;
        for message in log.check_log(&follow).await? {
            self.announce(Event::Note { message });
        }
        if self.job.mode != Mode::Changes || kept.get().made {
            return self.open_snapshot(&follow, bound, workers).await;
        }
        // Their rows are at the target already: what comes is followed.
        log.start(&follow, &Start::Now).await?;
        let at = log.end_of_log().await?;
        Ok((Consistency::Snapshot, Moment { low: at.clone(), high: at }))
    }
}
