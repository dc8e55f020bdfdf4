//! The log of a run: where it begins, how it is followed, and how it is let go.

use std::sync::Arc;

use syncline_connector::{
    ApplyTask, Consistency, DefinitionChange, Follow, Follower, Mode, Moment, WriteTask,
};
use syncline_types::{Code, Error, Result};

use super::driver::{Driver, Ended};
use crate::crash::may_crash;
use crate::events::Event;
use crate::follow::{Followed, KeptLog, Log, Part, Phase, Until, log_of, upwards, what};
use crate::pipeline::Stretch;
use crate::plan::{self, BoundTable, Plan};
use crate::workers::{self, Patience};

impl Driver {
    /// Opens the source at a place of its log.
    pub(super) async fn begin_at(
        &self,
        kept: &KeptLog,
        bound: &[BoundTable],
        workers: usize,
    ) -> Result<Consistency> {
        let log = log_of(self.source.as_ref())?;
        let follow = self.follow_of(bound)?;
        for message in log.check_log(&follow).await? {
            self.announce(Event::Note { message });
        }
        if self.job.mode == Mode::Changes {
            if kept.get().start.is_none() {
                let start = log.start(&follow, &self.job.following.from).await?;
                kept.change(|state| state.start = Some(start))?;
            }
            return Ok(Consistency::Snapshot);
        }
        let (consistency, moment) = self.open_snapshot(&follow, bound, workers).await?;
        kept.opened(&moment)?;
        Ok(consistency)
    }

    /// What is followed of these tables.
    pub(super) fn follow_of(&self, bound: &[BoundTable]) -> Result<Follow> {
        let told = log_of(self.source.as_ref())?.tells_generated();
        let tables = bound.iter().map(|t| Arc::new(plan::followed(&t.plan, told))).collect();
        let (images, folder) = (self.sink.wants_old_images(), self.store.folder());
        Ok(what(&self.job, &self.run, tables, images, folder))
    }

    /// Opens the source's snapshot, with its place in the log.
    pub(super) async fn open_snapshot(
        &self,
        follow: &Follow,
        bound: &[BoundTable],
        workers: usize,
    ) -> Result<(Consistency, Moment)> {
        let log = log_of(self.source.as_ref())?;
        let (consistency, moment) = log.begin_at(follow, workers).await?;
        may_crash!("snapshot-opened");
        if moment.low != moment.high
            && let Some(table) = bound.iter().find(|t| t.key.is_empty())
        {
            let name = &table.plan.source.name;
            let why = match &consistency {
                Consistency::PerSplit(why) => format!(" ({why})"),
                _ => String::new(),
            };
            let text = format!(
                "{name}: it has no key, and the snapshot's place in the log is not known \
                 exactly{why}"
            );
            return Err(Error::new(Code::NoPrivilege, text).hint(
                "give the account the right to lock for a moment (MySQL: RELOAD, or LOCK TABLES), \
                 begin when no long statement runs, or give the table a key",
            ));
        }
        Ok((consistency, moment))
    }

    /// The plan that holds where the run last moved.
    pub(super) fn known_plan(&self) -> Result<Plan> {
        let plans = self.store.log_plans(&self.run)?;
        let plan = match plans.last() {
            Some((_, plan)) => Some(Plan::from_json(plan)?),
            None => self.kept_plan()?,
        };
        plan.ok_or_else(|| Error::bug("a log is followed without a plan"))
    }

    /// The tables as the run knew them when it last moved: the source may be far ahead of the log.
    pub(super) fn known(&self) -> Result<Vec<BoundTable>> {
        self.bind_all(self.known_plan()?.tables)
    }

    /// Follows the source's log; before, makes the target's tables whole when they are not yet.
    pub(super) async fn follow(
        &self,
        stretch: &Arc<Stretch>,
        kept: &KeptLog,
        patience: &Patience,
    ) -> Result<Ended> {
        // What the snapshot needed is not needed any more.
        self.source.end().await?;
        if kept.get().phase == Phase::Catching && !self.meet(stretch, kept, patience).await? {
            return Ok(Ended::Left);
        }
        if kept.get().phase == Phase::Overlap {
            match self.follow_log(stretch, kept, patience, (false, Part::All)).await? {
                Some(Followed::Overtaken) => may_crash!("overlap-passed"),
                Some(Followed::Rested) => return Ok(Ended::Rested),
                Some(Followed::Left | Followed::Grows(_)) | None => return Ok(Ended::Left),
            }
            if !workers::commit_arriving(stretch, patience).await? {
                return Ok(Ended::Left);
            }
            if !self.relate(stretch, patience).await? {
                return Ok(Ended::Left);
            }
            kept.change(|state| state.phase = Phase::Loaded)?;
        }
        if kept.get().phase == Phase::Loaded {
            if !self.met(stretch, kept, patience).await? {
                return Ok(Ended::Left);
            }
            // The place in the log that the target holds, if any, is recorded here, too.
            if matches!(self.finish(stretch, patience).await?, Ended::Left) {
                return Ok(Ended::Left);
            }
            may_crash!("copy-forgotten");
            kept.change(|state| {
                state.phase = Phase::Following;
                state.joining.clear();
                state.aside.clear();
                state.tied.clear();
                if state.beside.take().is_some() {
                    // All tables are at the one place.
                    state.read_at.clear();
                    (state.overlap, state.meets) = (None, None);
                }
            })?;
        }
        let Some(new) = patience.attempt(|| 0, || self.selected_anew(kept)).await? else {
            return Ok(Ended::Left);
        };
        Ok(match self.follow_log(stretch, kept, patience, (new.is_some(), Part::All)).await? {
            Some(Followed::Rested) => Ended::Rested,
            Some(Followed::Grows(made)) => {
                match patience.attempt(|| 0, || self.grow(kept, new.as_ref(), &made)).await? {
                    Some(()) => Ended::Grows,
                    None => Ended::Left,
                }
            }
            Some(Followed::Overtaken | Followed::Left) | None => Ended::Left,
        })
    }

    /// Follows the source's log for as long as the phase goes.
    pub(super) async fn follow_log(
        &self,
        stretch: &Arc<Stretch>,
        kept: &KeptLog,
        patience: &Patience,
        (grows, part): (bool, Part),
    ) -> Result<Option<Followed>> {
        let plan =
            self.kept_plan()?.ok_or_else(|| Error::bug("a log is followed without a plan"))?;
        let log = Log {
            stretch,
            job: &self.job,
            processors: &self.processors,
            progress: &self.progress,
            kept,
            plan: &plan,
            grows,
            part,
            deadline: match self.job.following.until {
                Until::For(time) => Some(self.started + time),
                Until::Stopped | Until::CaughtUp => None,
            },
        };
        let durable = || self.store.log_position(&self.run).ok().flatten().map_or(0, |p| p.seq);
        patience.attempt(durable, || log.follow()).await
    }

    /// Tables tied by foreign keys cannot be replaced one by one: they are emptied together, those
    /// that refer to others first. `false` when there are none.
    pub(super) async fn make_room(&self, stretch: &Stretch) -> Result<bool> {
        let tasks = stretch.tasks();
        if tasks.iter().all(|task| task.definition.foreign_keys.is_empty()) {
            return Ok(false);
        }
        let place = KeptLog::load(&self.store, &self.run, self.epoch)?.get().start;
        let place = place.ok_or_else(|| Error::bug("a log was followed from nowhere"))?;
        let task = ApplyTask { run: self.run.clone(), epoch: self.epoch, tables: tasks };
        let Follower::State(mut writer) = self.sink.follow(&task).await?.follower else {
            return Ok(false);
        };
        for table in upwards(&task.tables).into_iter().rev() {
            writer.define(table, &DefinitionChange::Truncate).await?;
        }
        writer.flush(&place).await?;
        Ok(true)
    }

    /// Lets go of the log, on both sides, when the run has followed one.
    pub(super) async fn unfollow(
        &self,
        run: &str,
        epoch: u64,
        tables: Vec<WriteTask>,
    ) -> Result<()> {
        if !self.job.mode.follows() {
            return Ok(());
        }
        log_of(self.source.as_ref())?.unfollow(run).await?;
        for run in Part::keys(run) {
            self.sink.unfollow(&ApplyTask { run, epoch, tables: tables.clone() }).await?;
        }
        Ok(())
    }
}
