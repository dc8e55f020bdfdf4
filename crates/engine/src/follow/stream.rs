//! The log, element by element: applied, and made durable at the ends of transactions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use syncline_connector::{ChangeLog, Follow, Follower, Sink};
use syncline_convert::Change;
use syncline_store::NewDeadLetter;
use syncline_types::{ChangeSet, Code, Commit, Error, LogElement, Position, Result, RowChanges};

use super::apply::{apply, at_table};
use super::read::{Reading, log_of};
use super::settings::Until;
use super::state::{KeptLog, Phase};
use super::tables::{Tables, TargetSet};
use super::watch::Told;
use super::{LOG, what};
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
    pub(crate) job: &'a Job,
    pub(crate) processors: &'a Processors,
    pub(crate) progress: &'a RunProgress,
    pub(crate) kept: &'a KeptLog,
    /// The plan that the run began with.
    pub(crate) plan: &'a Plan,
    /// The job selects other tables than the run has: it comes to rest when it has caught up.
    pub(crate) grows: bool,
    /// When this process is to come to rest.
    pub(crate) deadline: Option<Instant>,
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
        let run = (stretch.run.as_str(), stretch.epoch);
        let start = self.kept.get().start;
        let start = start.ok_or_else(|| Error::bug("a log is followed from nowhere"))?;
        let recorded = stretch.store.log_position(&stretch.run)?;
        // A plan is kept right before the flush from which it holds: the newest may be too new.
        for (from, plan) in self.plans()?.into_iter().rev() {
            let told = log.tells_generated();
            let tables = Tables::bind(self.job, self.processors, self.progress, run, told, plan)?;
            let opened = sink.follow(&tables.apply_task()).await?;
            let at = opened.held.or_else(|| recorded.clone()).unwrap_or_else(|| start.clone());
            if let Some(from) = &from
                && !log.reached(&at, from)?
            {
                continue;
            }
            let split = Some(at.seq).filter(|_| at != start);
            for table in &tables.all {
                stretch.forget(&table.moving, LOG, split)?;
            }
            let follow = what(self.job, run.0, tables.sources(), sink.wants_old_images());
            let reader = log.follow(&follow, &at).await?;
            let goal = log.end_of_log().await?;
            let follower = opened.follower;
            may_crash!("log-opened");
            let reading = Reading::start(reader, Arc::clone(&stretch.limits));
            let now = Instant::now();
            return Ok(Stream {
                log: self,
                changes: log,
                sink,
                follow,
                follower,
                tables,
                reading,
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
                told: Told { at: now, changes: Changes::default() },
                looked: None,
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
    reading: Reading,
    /// The end of the log as this process began to read it.
    goal: Position,
    caught_up: bool,
    /// The end of the last complete transaction that was applied.
    pub(super) read: Position,
    /// Everything up to here is durable at the target.
    pub(super) durable: Position,
    /// No transaction is open behind what was applied.
    complete: bool,
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
    /// When the source was last asked for tables that came.
    pub(super) asked_at: Option<Instant>,
    pub(super) unread: Option<u64>,
}

impl Stream<'_> {
    async fn run(&mut self) -> Result<Followed> {
        let leave = &self.log.stretch.leave;
        let deadline = self.log.deadline.map(tokio::time::Instant::from_std);
        loop {
            let element = tokio::select! {
                biased;
                () = leave.cancelled() => return Ok(Followed::Left),
                () = reached(deadline) => {
                    self.flush_if_complete().await?;
                    return Ok(Followed::Rested);
                }
                element = self.reading.next() => element?,
            };
            match element {
                LogElement::Changes(set) => self.set(set).await?,
                LogElement::Schema(change) => self.define(change).await?,
                LogElement::Heartbeat(position) => self.heartbeat(position).await?,
            }
            if self.overtakes()? {
                self.flush_if_complete().await?;
                self.record()?;
                return Ok(Followed::Overtaken);
            }
            self.catch_up().await?;
            self.tell();
            self.watch_retention().await?;
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

    /// Processors, conversion, fold, apply; a flush at the end of a transaction.
    async fn set(&mut self, set: ChangeSet) -> Result<()> {
        let seq = set.commits.last().map_or(self.read.seq, |c| c.position.seq);
        let (commit, complete, bytes) = (set.commits.last().cloned(), set.complete, set.bytes());
        let skip = self.skipped(&set)?;
        let exact = self.is_exact()?;
        match &mut self.follower {
            Follower::State(writer) => {
                let mapped = self.tables.map(set, |index| skip[index])?;
                let refused =
                    apply(writer.as_mut(), &self.tables.applied, &mapped.rows, exact).await;
                let refused = refused?
                    .into_iter()
                    .map(|refused| (refused.table, Stage::Write, refused.reject));
                let refused: Vec<_> = refused.collect();
                self.note(mapped, refused, seq)?;
            }
            Follower::Log(writer) => {
                let commits = set.commits.clone();
                let places = set.places;
                let mapped = self.tables.map(set, |index| skip[index])?;
                let record = record(&self.tables, &mapped, places, commits, complete);
                writer.append(&record).await?;
                self.note(mapped, Vec::new(), seq)?;
            }
        }
        may_crash!("set-applied");
        self.unflushed = true;
        self.complete = complete;
        self.bytes += bytes;
        if let Some(Commit { at, position, .. }) = commit {
            self.last_commit = at;
            self.read = position;
        }
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

    /// Up to which place of a set the rows of each table are at the target already: it was read in
    /// a snapshot behind this place of the log.
    fn skipped(&self, set: &ChangeSet) -> Result<Vec<u32>> {
        let mut skip = vec![0; self.tables.all.len()];
        let state = self.log.kept.get();
        for (name, read_at) in &state.read_at {
            let Some(index) = self.tables.all.iter().position(|table| table.is(name)) else {
                continue;
            };
            if self.changes.reached(&self.read, read_at)? {
                continue;
            }
            for commit in &set.commits {
                if self.changes.reached(read_at, &commit.position)? {
                    skip[index] = commit.end;
                }
            }
            let told = |changes: &RowChanges| {
                changes.table.name.to_string() == *name
                    && changes.order.last().is_some_and(|last| *last >= skip[index])
            };
            if !set.complete && set.changes.iter().any(told) {
                let text = format!(
                    "{name}: a transaction too large to be held comes before the snapshot that it \
                     was read in"
                );
                return Err(Error::new(Code::CannotResume, text).hint("start over with --fresh"));
            }
        }
        Ok(skip)
    }

    /// Whether the target is just as the source was before what comes next.
    fn is_exact(&self) -> Result<bool> {
        match &self.log.kept.get().overlap {
            None => Ok(true),
            Some(overlap) => self.changes.reached(&self.read, overlap),
        }
    }

    /// Whether the log is applied up to where the target's tables can be made whole.
    fn overtakes(&self) -> Result<bool> {
        let waits = self.log.kept.get().phase == Phase::Overlap;
        Ok(waits && self.complete && self.is_exact()?)
    }

    /// Counts what was applied, and keeps bad rows.
    fn note(
        &mut self,
        mapped: TargetSet,
        refused: Vec<(usize, Stage, syncline_types::Reject)>,
        seq: u64,
    ) -> Result<()> {
        self.counts.extend(mapped.counts);
        self.changed.extend(mapped.changes);
        for (index, stage, mut reject) in mapped.rejects.into_iter().chain(refused) {
            let table = &self.tables.all[index];
            if let Some(error) = Arc::get_mut(&mut reject.error) {
                let plain = std::mem::replace(error, Error::bug(""));
                *error = at_table(plain, &table.followed.target);
            }
            let at = Aside { split: LOG, stage, seq };
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
            stretch.store.keep_changes(&stretch.run, LOG, position.seq, &changes)?;
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
        self.reading.committed(&position);
        self.durable = position;
        if self.recorded.elapsed() >= stretch.checkpoint_every {
            self.record()?;
        }
        Ok(())
    }

    /// Records, then announces, how far the target is.
    pub(super) fn record(&mut self) -> Result<()> {
        let stretch = self.log.stretch;
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
        let _ = self.log.stretch.events.send(Event::Streaming {
            run: self.log.stretch.run.clone(),
            position: self.changes.shown(&self.durable),
            lag_ms: self.lag,
        });
        Ok(())
    }
}

/// The set with the target's rows, as records.
fn record(
    tables: &Tables<'_>,
    mapped: &TargetSet,
    places: u32,
    commits: Vec<Commit>,
    complete: bool,
) -> ChangeSet {
    let rows = mapped.rows.iter().flat_map(|(index, rows)| {
        let target = &tables.all[*index].followed.target;
        rows.iter().map(move |rows| RowChanges {
            table: Arc::clone(target),
            columns: (!rows.is_whole(target)).then(|| Arc::clone(&rows.columns)),
            op: rows.op,
            rows: rows.rows.clone(),
            order: rows.order.clone(),
        })
    });
    ChangeSet { changes: rows.collect(), rejects: Vec::new(), places, commits, complete }
}

/// Waits for a moment, for ever when there is none.
async fn reached(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Milliseconds since a moment of the source's clock, in microseconds since 1970.
fn since(commit: i64) -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_micros();
    let commit = u128::try_from(commit).ok()?;
    u64::try_from(now.saturating_sub(commit) / 1_000).ok()
}

/// Bad rows of the log are counted with the others of the run.
impl Drop for Stream<'_> {
    fn drop(&mut self) {
        let again = self.letters.len() as u64;
        self.log.stretch.bad.fetch_sub(again, Relaxed);
    }
}
