//! The log, element by element: applied, and made durable at the ends of transactions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use syncline_connector::{ChangeLog, Follow, Follower, Sink};
use syncline_convert::Change;
use syncline_store::NewDeadLetter;
use syncline_types::{Commit, Error, Position, Result};

use super::apply::{Refused, apply, at_table};
use super::clock::since;
use super::coming::{Coming, Making, Next, exact};
use super::part::Part;
use super::read::{Reading, log_of};
use super::settings::Until;
use super::state::{KeptLog, Phase};
use super::tables::Tables;
use super::terms::{Ready, TargetSet, Work};
use super::watch::Told;
use super::what;
use crate::courtesy::Claim;
use crate::crash::may_crash;
use crate::dead_letters::Stage;
use crate::events::{Changes, Event};
use crate::job::Job;
use crate::pipeline::{Aside, Stretch, changed_values};
use crate::plan::{Plan, Processors};
use crate::progress::RunProgress;

/// A log of changes becomes durable at the latest after so many bytes.
const FLUSH_BYTES: u64 = 32 << 20;

/// How following came to rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Followed {
    /// It was asked to leave.
    Left,
    /// What the job waits for is reached.
    Rested,
    /// The rows of the snapshot's last moment are reached, and the target's tables can be made
    /// whole.
    Overtaken,
    /// The log is followed as far as it went, so that tables may come: those of these names that
    /// the source made, or what the job selects anew when there are none.
    Grows(BTreeSet<String>),
}

/// What following needs of its run.
pub(crate) struct Log<'a> {
    pub(crate) stretch: &'a Arc<Stretch>,
    pub(crate) job: &'a Arc<Job>,
    pub(crate) processors: &'a Arc<Processors>,
    pub(crate) progress: &'a RunProgress,
    pub(crate) kept: &'a KeptLog,
    /// The plan that the run began with.
    pub(crate) plan: &'a Plan,
    /// The job selects other tables than the run has: it comes to rest when it has caught up.
    pub(crate) grows: bool,
    /// When this process is to come to rest.
    pub(crate) deadline: Option<Instant>,
    /// Which of the run's tables are followed.
    pub(crate) part: Part,
}

impl Log<'_> {
    /// Follows the log from where the target is, until asked to leave or the job's goal is reached.
    ///
    /// After a transient error, another call goes on from the last durable transaction.
    pub(crate) async fn follow(&self) -> Result<Followed> {
        let log = log_of(self.stretch.source.as_ref())?;
        let mut stream = self.open(log).await?;
        let followed = stream.run().await;
        // What the last complete transactions brought is kept; an open one comes again.
        if matches!(followed, Ok(Followed::Left)) {
            stream.flush_if_complete().await?;
        }
        followed
    }

    /// The plans that held from the beginning on, the newest last, each with the place it holds from.
    fn plans(&self) -> Result<Vec<(Option<Position>, Plan)>> {
        let mut plans = vec![(None, self.plan.clone())];
        for (from, plan) in self.stretch.store.log_plans(&self.stretch.run)? {
            plans.push((Some(from), Plan::from_json(&plan)?));
        }
        Ok(plans)
    }

    async fn open<'a>(&'a self, log: &'a dyn ChangeLog) -> Result<Stream<'a>> {
        let (stretch, sink) = (self.stretch, self.stretch.sink.as_ref());
        let key = self.part.key(&stretch.run);
        let run = (key.as_str(), stretch.epoch);
        let state = self.kept.get();
        let start = self.part.start(&state);
        let start = start.ok_or_else(|| Error::bug("a log is followed from nowhere"))?;
        let recorded = match &self.part {
            Part::Joining { .. } => None,
            _ => stretch.store.log_position(&stretch.run)?,
        };
        let plans = self.plans()?;
        let newest = plans.last().map_or_else(|| self.plan.clone(), |(_, plan)| plan.clone());
        // A plan is kept right before the flush from which it holds: the newest may be too new.
        for (from, plan) in plans.into_iter().rev() {
            let told = log.tells_generated();
            let (plan, aside) = self.part.of(&state, plan, &newest);
            let (job, processors) = (self.job, self.processors);
            let tables = Tables::bind(job, processors, self.progress, run, told, plan, aside)?;
            let opened = sink.follow(&tables.apply_task()).await?;
            let at = opened.held.or_else(|| recorded.clone()).unwrap_or_else(|| start.clone());
            if let Some(from) = &from
                && !log.reached(&at, from)?
            {
                continue;
            }
            // What is kept of tables that rested belongs to another part of the log.
            let split = Some(at.seq).filter(|_| at != start || !state.tied.is_empty());
            for table in &tables.all {
                stretch.forget(&table.moving, self.part.split(), split)?;
            }
            let (images, folder) = (sink.wants_old_images(), stretch.store.folder());
            let follow = what(self.job, &stretch.run, tables.sources(), images, folder);
            let reader = log.follow(&follow, &at).await?;
            let goal = log.end_of_log().await?;
            let follower = opened.follower;
            may_crash!("log-opened");
            let reading = Reading::start(reader, Arc::clone(&stretch.limits));
            let state = matches!(follower, Follower::State(_));
            let others = matches!(self.part, Part::Others { .. });
            let coming = Coming::new(log, self.kept, reading, state);
            let coming = coming.of_part(self.part.until(), others);
            let now = Instant::now();
            return Ok(Stream {
                log: self,
                changes: log,
                sink,
                follow,
                follower,
                tables,
                coming,
                goal,
                caught_up: false,
                read: at.clone(),
                durable: at,
                complete: true,
                unflushed: false,
                bytes: 0,
                replanned: false,
                letters: Vec::new(),
                changed: Vec::new(),
                counts: Vec::new(),
                lag: None,
                last_commit: None,
                flushed: now,
                recorded: now,
                told: Told::nothing(now),
                looked: None,
                claim: None,
                asked_at: None,
                unread: None,
            });
        }
        Err(Error::bug("no plan holds at the place in the log"))
    }
}

/// A log on its way to the target.
pub(super) struct Stream<'a> {
    pub(super) log: &'a Log<'a>,
    pub(super) changes: &'a dyn ChangeLog,
    pub(super) sink: &'a dyn Sink,
    pub(super) follow: Follow,
    pub(super) follower: Follower,
    pub(super) tables: Tables<'a>,
    coming: Coming<'a>,
    /// The end of the log as this process began to read it.
    goal: Position,
    caught_up: bool,
    /// The end of the last complete transaction that was applied.
    pub(super) read: Position,
    /// Everything up to here is durable at the target.
    pub(super) durable: Position,
    /// No transaction is open behind what was applied.
    pub(super) complete: bool,
    /// Something was applied that is not durable.
    unflushed: bool,
    bytes: u64,
    /// The tables are others than the kept plan says.
    pub(super) replanned: bool,
    letters: Vec<NewDeadLetter>,
    changed: Vec<(usize, Vec<Change>)>,
    counts: Vec<(usize, Changes)>,
    pub(super) lag: Option<u64>,
    last_commit: Option<i64>,
    flushed: Instant,
    recorded: Instant,
    pub(super) told: Told,
    pub(super) looked: Option<Instant>,
    /// Copies are to wait for this run.
    pub(super) claim: Option<Claim>,
    /// When the source was last asked for tables that came.
    pub(super) asked_at: Option<Instant>,
    pub(super) unread: Option<u64>,
}

impl Stream<'_> {
    async fn run(&mut self) -> Result<Followed> {
        self.watch_retention().await?;
        let leave = &self.log.stretch.leave;
        let all = self.log.part.is_all();
        let deadline = self.log.deadline.filter(|_| all).map(tokio::time::Instant::from_std);
        loop {
            let next = tokio::select! {
                biased;
                () = leave.cancelled() => return Ok(Followed::Left),
                () = reached(deadline) => {
                    self.flush_if_complete().await?;
                    return Ok(Followed::Rested);
                }
                next = self.coming.next(&self.tables.terms, &self.read) => next?,
            };
            let last = match &next {
                Next::Set(making) => making.last,
                Next::Over => true,
                Next::Schema(_) | Next::Heartbeat(_) => false,
            };
            match next {
                Next::Over => {}
                Next::Set(making) => self.set(making).await?,
                Next::Schema(change) => self.define(change).await?,
                Next::Heartbeat(position) => self.heartbeat(position).await?,
            }
            if self.overtakes()? {
                self.flush_if_complete().await?;
                self.record()?;
                return Ok(Followed::Overtaken);
            }
            if last || self.is_through(self.changes)? {
                self.flush_if_complete().await?;
                self.record()?;
                return Ok(Followed::Rested);
            }
            self.catch_up().await?;
            self.tell().await?;
            self.watch_retention().await?;
            if !all {
                continue;
            }
            if self.log.grows && self.caught_up {
                return self.rest_for(BTreeSet::new()).await;
            }
            let made = self.newcomers().await?;
            if !made.is_empty() && self.complete {
                return self.rest_for(made).await;
            }
            if self.caught_up && self.log.job.following.until == Until::CaughtUp {
                self.flush_if_complete().await?;
                return Ok(Followed::Rested);
            }
        }
    }

    /// Applies a set, while the next is made ready; a flush at the end of a transaction.
    async fn set(&mut self, making: Making) -> Result<()> {
        let read = making.read.clone();
        let Ready { commit, complete, bytes, mapped, work } = making.ready().await?;
        let terms = Arc::clone(&self.tables.terms);
        let refused = match (&mut self.follower, &work) {
            (Follower::State(writer), Work::State(steps)) => {
                let steps = steps.as_deref();
                let applied = apply(writer.as_mut(), &terms.applied, &mapped.rows, steps);
                self.coming.meanwhile(&terms, &read, applied).await?
            }
            (Follower::Log(writer), Work::Log(record)) => {
                let appended = writer.append(record);
                self.coming.meanwhile(&terms, &read, appended).await?;
                Vec::new()
            }
            _ => return Err(Error::bug("a set was made ready for a target of another kind")),
        };
        self.note(mapped, refused, read.seq)?;
        may_crash!("set-applied");
        self.unflushed = true;
        self.complete = complete;
        self.bytes += bytes;
        if let Some(Commit { at, .. }) = commit {
            self.last_commit = at;
        }
        self.read = read;
        if self.is_due() { self.flush_if_complete().await } else { Ok(()) }
    }

    /// Whether what was applied is to be made durable at the next end of a transaction. Tables show
    /// it at once; a log is not cut into too small pieces.
    fn is_due(&self) -> bool {
        match &self.follower {
            Follower::State(_) => true,
            Follower::Log(_) => {
                self.bytes >= FLUSH_BYTES
                    || self.flushed.elapsed() >= self.log.stretch.checkpoint_every
            }
        }
    }

    /// Whether the log is applied up to where the target's tables can be made whole.
    fn overtakes(&self) -> Result<bool> {
        let waits = self.log.kept.get().phase == Phase::Overlap;
        Ok(waits && self.complete && exact(self.changes, self.log.kept, &self.read)?)
    }

    /// Counts what was applied, and keeps bad rows.
    fn note(&mut self, mapped: TargetSet, refused: Vec<Refused>, seq: u64) -> Result<()> {
        let refused = refused.into_iter().map(|r| (r.table, Stage::Write, r.reject));
        self.counts.extend(mapped.counts);
        self.changed.extend(mapped.changes);
        for (index, stage, mut reject) in mapped.rejects.into_iter().chain(refused) {
            let table = &self.tables.all[index];
            if let Some(error) = Arc::get_mut(&mut reject.error) {
                let plain = std::mem::replace(error, Error::bug(""));
                *error = at_table(plain, &table.followed.target);
            }
            let at = Aside { split: self.log.part.split(), stage, seq };
            let stretch = self.log.stretch;
            stretch.set_aside(&table.moving, vec![reject], at, &mut self.letters)?;
        }
        Ok(())
    }

    /// Nothing happened up to a place.
    async fn heartbeat(&mut self, position: Position) -> Result<()> {
        self.read = position;
        self.complete = true;
        if self.unflushed && self.is_due() {
            return self.flush_if_complete().await;
        }
        // The source may let go of its log only up to where the target says it is.
        let behind = self.read != self.durable;
        if behind && self.flushed.elapsed() >= self.log.stretch.checkpoint_every {
            self.flush().await?;
        }
        Ok(())
    }

    pub(super) async fn flush_if_complete(&mut self) -> Result<()> {
        if self.complete && (self.unflushed || self.read != self.durable) {
            self.flush().await?;
        }
        Ok(())
    }

    /// Makes everything up to the last end of a transaction durable.
    pub(super) async fn flush(&mut self) -> Result<()> {
        let stretch = self.log.stretch;
        let position = self.read.clone();
        // Dead letters first: should the flush fail, they are found and kept again.
        stretch.keep_letters(&mut self.letters)?;
        for (index, changes) in self.changed.drain(..) {
            let table = self.tables.all[index].moving.index;
            let changes = changed_values(table, changes);
            let split = self.log.part.split();
            stretch.store.keep_changes(&stretch.run, split, position.seq, &changes)?;
        }
        if self.replanned {
            let plan = self.tables.plan().to_json()?;
            stretch.store.save_log_plan(&stretch.run, stretch.epoch, &position, &plan)?;
            self.replanned = false;
            may_crash!("log-plan-kept");
        }
        match &mut self.follower {
            Follower::State(writer) => writer.flush(&position).await?,
            Follower::Log(writer) => writer.flush(&position).await?,
        }
        may_crash!("log-flushed");
        for (index, counts) in self.counts.drain(..) {
            self.tables.all[index].moving.progress.changed(counts);
        }
        let now = Instant::now();
        if self.unflushed {
            self.lag = self.last_commit.and_then(since);
        }
        (self.flushed, self.unflushed, self.bytes) = (now, false, 0);
        if !matches!(self.log.part, Part::Others { .. }) {
            self.coming.committed(&position);
        }
        self.durable = position;
        if self.recorded.elapsed() >= stretch.checkpoint_every {
            self.record()?;
        }
        Ok(())
    }

    /// Records, then announces, how far the target is.
    pub(super) fn record(&mut self) -> Result<()> {
        let stretch = self.log.stretch;
        if matches!(self.log.part, Part::Joining { .. }) {
            // The target alone says where these are; the run's place is that of the others.
            self.recorded = Instant::now();
            return Ok(());
        }
        stretch.store.save_log_position(&stretch.run, stretch.epoch, &self.durable)?;
        may_crash!("log-recorded");
        self.recorded = Instant::now();
        // Nobody listening is fine.
        let _ = stretch.events.send(Event::Checkpoint {
            table: None,
            split: None,
            rows: self.durable.seq,
            position: self.changes.shown(&self.durable),
        });
        Ok(())
    }

    /// All that was read is durable, and so is what was in the log as it was opened.
    pub(super) fn holds_all_that_came(&self) -> bool {
        self.caught_up && !self.unflushed
    }

    /// Looks whether everything is at the target that was in the log as it was opened.
    async fn catch_up(&mut self) -> Result<()> {
        if self.caught_up || !self.changes.reached(&self.read, &self.goal)? {
            return Ok(());
        }
        self.flush_if_complete().await?;
        if !self.complete {
            return Ok(());
        }
        self.caught_up = true;
        self.record()?;
        if matches!(self.log.part, Part::Joining { .. }) {
            return Ok(());
        }
        if !self.log.kept.get().caught_up {
            self.log.kept.change(|state| state.caught_up = true)?;
        }
        let _ = self.log.stretch.events.send(Event::Streaming {
            run: self.log.stretch.run.clone(),
            position: self.changes.shown(&self.durable),
            lag_ms: self.lag,
        });
        Ok(())
    }
}

/// Waits for a moment, for ever when there is none.
async fn reached(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Bad rows of the log are counted with the others of the run.
impl Drop for Stream<'_> {
    fn drop(&mut self) {
        let again = self.letters.len() as u64;
        self.log.stretch.bad.fetch_sub(again, Relaxed);
    }
}
