//! A run through its states: planned, at work, paused, resumed, ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use syncline_connector::{
    ApplyTask, Consistency, DefinitionChange, Follower, Mode, Registry, Sink, Source, WriteMode,
    WriteTask,
};
use syncline_store::{NewRun, RunLock, Store};
use syncline_types::{Code, Error, Result, RunEvent, TableSchema};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::control::{RunHandle, Wish};
use crate::crash::may_crash;
use crate::events::{Event, Outcome, Summary};
use crate::follow::{Followed, KeptLog, Log, Phase, Until, WhenLost, log_of, upwards, what};
use crate::job::{Job, fingerprint};
use crate::limits::Limits;
use crate::mapping::refuse_lossy;
use crate::pipeline::{MovingTable, Stretch};
use crate::plan::{self, BoundTable, Plan, Processors};
use crate::progress::RunProgress;
use crate::report::{self, CheckReport};
use crate::retry::{Decision, Retry};
use crate::workers::{self, Patience};

/// Events kept for a listener that is slow.
const EVENTS: usize = 4_096;

/// Starts and checks runs, with one registry of connectors and one state folder.
pub struct Engine {
    registry: Arc<Registry>,
    store: Arc<Store>,
}

impl Engine {
    /// An engine on these.
    pub fn new(registry: Arc<Registry>, store: Arc<Store>) -> Self {
        Self { registry, store }
    }

    /// The state folder.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The plan of a job and the mapping of every column. Connects, and touches nothing.
    ///
    /// # Errors
    /// Whatever would keep the job from beginning.
    pub async fn check(registry: &Registry, job: &Job) -> Result<CheckReport> {
        check(registry, job).await
    }

    /// Starts a job, or goes on with its unfinished run unless `fresh`.
    ///
    /// # Errors
    /// When the job makes no sense, or the state cannot be used. Stores are connected to later.
    pub fn start(&self, job: Job, fresh: bool) -> Result<RunHandle> {
        let processors = Processors::parse(&job)?;
        let source = source_of(&self.registry, &job)?;
        let sink = sink_of(&self.registry, &job)?;
        let print = fingerprint(&job);
        let lock = self.store.lock(&print)?;
        let unfinished = self.store.unfinished(&print)?;
        let (run, abandoned) = match unfinished {
            Some(run) if !fresh => (run, None),
            abandoned => {
                let new = NewRun {
                    id: uuid::Uuid::now_v7().to_string(),
                    job: print,
                    name: job.name.clone(),
                    command: job.command.clone(),
                    spec: serde_json::to_string(&job)
                        .map_err(|e| Error::bug("a job cannot be written").because(e))?,
                    source: job.source.redacted(),
                    sink: job.sink.redacted(),
                };
                (self.store.create_run(&new)?, abandoned)
            }
        };
        let run = self.store.take_up(&run.id)?;
        if run.state.is_final() {
            return Err(Error::new(
                Code::BadTransition,
                format!("run {} is {}", run.id, run.state),
            ));
        }
        let (events, first) = broadcast::channel(EVENTS);
        let (wish, wishes) = watch::channel(Wish::Run);
        let driver = Driver {
            resumed: run.plan.is_some(),
            kept_plan: run.plan,
            run: run.id.clone(),
            epoch: run.epoch,
            store: Arc::clone(&self.store),
            job,
            processors,
            source,
            sink,
            abandoned: abandoned.map(|a| (a.id, a.plan)),
            wishes,
            events: events.clone(),
            progress: Arc::new(RunProgress::new(&run.id)),
            started: Instant::now(),
            _lock: lock,
        };
        let task = tokio::spawn(driver.drive());
        Ok(RunHandle {
            id: run.id,
            epoch: run.epoch,
            store: Arc::clone(&self.store),
            wish,
            events,
            first,
            task,
        })
    }
}

pub(crate) fn source_of(registry: &Registry, job: &Job) -> Result<Arc<dyn Source>> {
    let connector = registry.get(&job.source.scheme)?;
    let spec = connector.spec();
    if !spec.roles.source.is_empty() && !spec.roles.source.contains(&job.mode) {
        return Err(Error::new(
            Code::Unsupported,
            format!("{} cannot be read in mode {}", spec.title, job.mode),
        ));
    }
    connector.source(&job.source).map(Arc::from)
}

pub(crate) fn sink_of(registry: &Registry, job: &Job) -> Result<Arc<dyn Sink>> {
    registry.get(&job.sink.scheme)?.sink(&job.sink).map(Arc::from)
}

async fn check(registry: &Registry, job: &Job) -> Result<CheckReport> {
    let processors = Processors::parse(job)?;
    let source = source_of(registry, job)?;
    let sink = sink_of(registry, job)?;
    let mut notes = source.check().await?;
    notes.extend(sink.check().await?);
    let plan::Made { tables: mut bound, notes: left_out } =
        plan::make(job, &processors, source.as_ref(), sink.as_ref()).await?;
    notes.extend(left_out);
    let workers = job.speed.workers().min(sink.max_parallel());
    let following = report::following(job, source.as_ref(), sink.as_ref(), &bound).await?;
    let snapshot = if job.mode == Mode::Changes {
        "no rows but those that change".to_owned()
    } else {
        let consistency = source.begin(workers).await?;
        for table in &mut bound {
            let cut = job.speed.cut(workers, sink.as_ref());
            table.plan.splits = source.plan(&table.read, &cut).await?;
        }
        report::snapshot(&consistency)
    };
    source.end().await?;
    let tables = bound
        .iter()
        .map(|t| report::table(job, t, sink.guarantee(&t.write_task("", 0)).describe().to_owned()))
        .collect();
    Ok(CheckReport {
        source: job.source.redacted(),
        sink: job.sink.redacted(),
        notes,
        snapshot,
        parallel: workers,
        following,
        tables,
    })
}

/// Why a stretch of a run ended.
enum Ended {
    /// The log is followed as far as the job wants for now.
    Rested,
    /// The place in the log is gone, and the job wants the tables copied anew.
    Lost,
    /// Everything is at the target.
    Complete,
    /// Workers left because they were asked to.
    Left,
}

/// One run in one process.
struct Driver {
    run: String,
    epoch: u64,
    resumed: bool,
    kept_plan: Option<String>,
    store: Arc<Store>,
    job: Job,
    processors: Processors,
    source: Arc<dyn Source>,
    sink: Arc<dyn Sink>,
    /// An unfinished run of the same job that `fresh` gave up: its id and plan.
    abandoned: Option<(String, Option<String>)>,
    wishes: watch::Receiver<Wish>,
    events: broadcast::Sender<Event>,
    progress: Arc<RunProgress>,
    started: Instant,
    _lock: RunLock,
}

impl Driver {
    async fn drive(mut self) -> Outcome {
        let ticker = self.progress.tick(self.events.clone());
        let mut lost = Retry::new(self.job.patience);
        let mut written = 0;
        let outcome = loop {
            // Workers leave as soon as anything but going on is wanted.
            let leave = CancellationToken::new();
            let mut wishes = self.wishes.clone();
            let watcher = tokio::spawn({
                let leave = leave.clone();
                async move {
                    if wishes.wait_for(|w| *w != Wish::Run).await.is_ok() {
                        leave.cancel();
                    }
                }
            });
            let ended = self.stretch(&leave).await;
            watcher.abort();
            // Connections are freed whatever happened.
            for ended in [self.source.end().await, self.sink.end().await] {
                if let Err(error) = ended {
                    tracing::debug!(error = error.chain(), "closing a store");
                }
            }
            let wish = *self.wishes.borrow();
            // Whoever wants it to rest gets that, with a snapshot or without.
            let ended = match ended {
                Err(e) if e.code() == Code::SnapshotLost && wish != Wish::Run => Ok(Ended::Left),
                ended => ended,
            };
            match (ended, wish) {
                (Ok(Ended::Complete), _) => break self.finished(),
                (Ok(Ended::Rested), _) => break self.rested(),
                (Ok(Ended::Lost), _) => {
                    self.kept_plan = None;
                    self.resumed = false;
                    self.progress.clear();
                }
                (_, Wish::Stop) => break self.stopped().await,
                (Err(error), Wish::Run) if error.code() == Code::SnapshotLost => {
                    let durable = self.progress.summary().rows_written;
                    if durable > written {
                        written = durable;
                        lost.progressed();
                    }
                    let Decision::Wait(wait) = lost.failed(workers::jitter()) else {
                        break self.failed(error);
                    };
                    if let Err(error) = self.begin_again(&error, wait).await {
                        break self.failed(error);
                    }
                }
                (Ok(Ended::Left), Wish::Interrupt) => break self.interrupted(),
                (Ok(Ended::Left), _) => match self.paused().await {
                    Ok(Wish::Run) => {}
                    Ok(Wish::Stop) => break self.stopped().await,
                    Ok(_) => break Outcome::Interrupted(self.summary()),
                    Err(error) => break self.failed(error),
                },
                (Err(error), _) => break self.failed(error),
            }
        };
        ticker.abort();
        outcome
    }

    /// Waits before the source opens another snapshot in place of the one that is gone.
    async fn begin_again(&mut self, error: &Error, wait: Duration) -> Result<()> {
        self.progress.metrics.retried();
        let reason = error.chain();
        self.store.transition(&self.run, self.epoch, RunEvent::Wait, Some(&reason))?;
        self.announce(Event::Waiting { reason, retry_in: wait.as_secs_f64() });
        tokio::select! {
            _ = self.wishes.wait_for(|w| *w != Wish::Run) => {}
            () = tokio::time::sleep(wait) => {}
        }
        self.store.transition(&self.run, self.epoch, RunEvent::Proceed, None)?;
        Ok(())
    }

    /// From the opening of the source to its end.
    async fn stretch(&mut self, leave: &CancellationToken) -> Result<Ended> {
        let patience = Patience {
            run: self.run.clone(),
            epoch: self.epoch,
            store: Arc::clone(&self.store),
            events: self.events.clone(),
            metrics: Arc::clone(&self.progress.metrics),
            limit: self.job.patience,
            leave: leave.clone(),
        };
        if let Some((run, plan)) = self.abandoned.take() {
            let discarded = patience.attempt(|| 0, || self.discard(&run, plan.as_deref())).await?;
            if discarded.is_none() {
                self.abandoned = Some((run, plan));
                return Ok(Ended::Left);
            }
        }
        let workers = self.job.speed.workers().min(self.sink.max_parallel());
        if self.kept_plan()?.is_none() && self.execute(&self.job.before, &patience).await?.is_none()
        {
            return Ok(Ended::Left);
        }
        let log = match self.job.mode.follows() {
            true => Some(Arc::new(KeptLog::load(&self.store, &self.run, self.epoch)?)),
            false => None,
        };
        let phase = log.as_ref().map_or(Phase::Snapshot, |log| log.get().phase);
        let bound = match phase {
            Phase::Snapshot => {
                patience.attempt(|| 0, || self.plan(workers, log.as_deref())).await?
            }
            _ => Some(self.known()?),
        };
        let Some(bound) = bound else { return Ok(Ended::Left) };
        let stretch = Arc::new(self.make_stretch(bound, workers, leave, log.clone())?);
        if phase == Phase::Snapshot && !self.copy(&stretch, &patience).await? {
            return Ok(Ended::Left);
        }
        let Some(log) = log else { return self.finish(&stretch, &patience).await };
        match self.follow(&stretch, &log, &patience).await {
            Err(error)
                if error.code() == Code::PositionLost
                    && self.job.following.when_lost == WhenLost::Resnapshot =>
            {
                let message = format!("{}; the tables are copied anew", error.chain());
                self.announce(Event::Note { message });
                let emptied = self.make_room(&stretch).await?;
                self.unfollow(&self.run, self.epoch, stretch.tasks()).await?;
                log.begin_anew(!emptied)?;
                Ok(Ended::Lost)
            }
            other => other,
        }
    }

    /// Tables tied by foreign keys cannot be replaced one by one: they are emptied together, those
    /// that refer to others first. `false` when there are none.
    async fn make_room(&self, stretch: &Stretch) -> Result<bool> {
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

    /// Removes what was kept for going on with the copy.
    async fn finish(&self, stretch: &Stretch, patience: &Patience) -> Result<Ended> {
        let tasks = stretch.tasks();
        let done = patience.attempt(|| 0, || self.sink.finish(&tasks)).await?;
        Ok(if done.is_some() { Ended::Complete } else { Ended::Left })
    }

    /// Moves all rows, and makes the target's tables whole unless the log has to come first.
    /// `false` when asked to leave before.
    async fn copy(&self, stretch: &Arc<Stretch>, patience: &Patience) -> Result<bool> {
        for table in stretch.tables.iter().filter(|t| !t.is_committed()) {
            let mut task = table.task.clone();
            if stretch.log.is_some() {
                task.definition = Arc::new(bare(&task.definition));
            }
            if patience.attempt(|| 0, || self.sink.prepare(&task)).await?.is_none() {
                return Ok(false);
            }
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
    async fn relate(&self, stretch: &Stretch, patience: &Patience) -> Result<bool> {
        let tasks = stretch.tasks();
        if patience.attempt(|| 0, || self.sink.relate(&tasks)).await?.is_none() {
            return Ok(false);
        }
        Ok(self.execute(&self.job.after, patience).await?.is_some())
    }

    /// Follows the source's log; before, makes the target's tables whole when they are not yet.
    async fn follow(
        &self,
        stretch: &Arc<Stretch>,
        kept: &KeptLog,
        patience: &Patience,
    ) -> Result<Ended> {
        // What the snapshot needed is not needed any more.
        self.source.end().await?;
        if kept.get().phase == Phase::Overlap {
            match self.follow_log(stretch, kept, patience).await? {
                Some(Followed::Overtaken) => may_crash!("overlap-passed"),
                Some(Followed::Rested) => return Ok(Ended::Rested),
                Some(Followed::Left) | None => return Ok(Ended::Left),
            }
            for table in &stretch.tables {
                if !workers::commit_now(stretch, table, patience).await? {
                    return Ok(Ended::Left);
                }
            }
            if !self.relate(stretch, patience).await? {
                return Ok(Ended::Left);
            }
            kept.change(|state| state.phase = Phase::Loaded)?;
        }
        if kept.get().phase == Phase::Loaded {
            // The place in the log that the target holds, if any, is recorded here, too.
            if matches!(self.finish(stretch, patience).await?, Ended::Left) {
                return Ok(Ended::Left);
            }
            may_crash!("copy-forgotten");
            kept.change(|state| state.phase = Phase::Following)?;
        }
        Ok(match self.follow_log(stretch, kept, patience).await? {
            Some(Followed::Rested) => Ended::Rested,
            Some(Followed::Overtaken | Followed::Left) | None => Ended::Left,
        })
    }

    /// Follows the source's log for as long as the phase goes.
    async fn follow_log(
        &self,
        stretch: &Arc<Stretch>,
        kept: &KeptLog,
        patience: &Patience,
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
            deadline: match self.job.following.until {
                Until::For(time) => Some(self.started + time),
                Until::Stopped | Until::CaughtUp => None,
            },
        };
        let durable = || self.store.log_position(&self.run).ok().flatten().map_or(0, |p| p.seq);
        patience.attempt(durable, || log.follow()).await
    }

    /// The tables as the run knew them when it last moved: the source may be far ahead of the log.
    fn known(&self) -> Result<Vec<BoundTable>> {
        let plans = self.store.log_plans(&self.run)?;
        let plan = match plans.last() {
            Some((_, plan)) => Some(Plan::from_json(plan)?),
            None => self.kept_plan()?,
        };
        let plan = plan.ok_or_else(|| Error::bug("a log is followed without a plan"))?;
        plan.tables.into_iter().map(|t| plan::bind(&self.job, &self.processors, t)).collect()
    }

    /// Runs the job's own statements at the target, where there are any.
    async fn execute(&self, statements: &[String], patience: &Patience) -> Result<Option<()>> {
        if statements.is_empty() {
            return Ok(Some(()));
        }
        patience.attempt(|| 0, || self.sink.execute(statements)).await
    }

    /// The plan, kept or new, with the source's snapshot open; with a log to be followed, in the
    /// very moment from which it is.
    async fn plan(&self, workers: usize, log: Option<&KeptLog>) -> Result<Vec<BoundTable>> {
        let source = self.source.as_ref();
        let kept = self.kept_plan()?;
        let new = kept.is_none();
        let mut bound = match kept {
            Some(kept) => plan::rebind(&self.job, &self.processors, source, kept).await?,
            None => {
                let sink = self.sink.as_ref();
                let mut job = self.job.clone();
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
        if let Consistency::PerSplit(why) = consistency {
            self.announce(Event::Note {
                message: format!("no common snapshot, each piece shows its own moment: {why}"),
            });
        }
        if !new {
            return Ok(bound);
        }
        for table in &mut bound {
            if self.job.mode != Mode::Changes {
                let mut cut = self.job.speed.cut(workers, self.sink.as_ref());
                if log.is_some() && table.key.is_empty() {
                    // All of it in one moment, which can be told from what the log brings.
                    cut.splits = 1;
                }
                table.plan.splits = source.plan(&table.read, &cut).await?;
            }
            for note in &table.plan.notes {
                let message = format!("{}: {note}", table.plan.source.name);
                self.announce(Event::Note { message });
            }
        }
        let plan = Plan::of(bound.iter().map(|t| t.plan.clone()).collect());
        self.store.save_plan(&self.run, self.epoch, &plan.to_json()?)?;
        may_crash!("plan-kept");
        Ok(bound)
    }

    /// Opens the source at a place of its log.
    async fn begin_at(
        &self,
        kept: &KeptLog,
        bound: &[BoundTable],
        workers: usize,
    ) -> Result<Consistency> {
        let log = log_of(self.source.as_ref())?;
        let told = log.tells_generated();
        let tables = bound.iter().map(|t| Arc::new(plan::followed(&t.plan, told))).collect();
        let follow = what(&self.job, &self.run, tables, self.sink.wants_old_images());
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
        let (consistency, moment) = log.begin_at(&follow, workers).await?;
        may_crash!("snapshot-opened");
        if moment.low != moment.high
            && let Some(table) = bound.iter().find(|t| t.key.is_empty())
        {
            let name = &table.plan.source.name;
            let text = format!(
                "{name}: it has no key, and the snapshot's place in the log is not known exactly"
            );
            return Err(Error::new(Code::NoPrivilege, text).hint(
                "give the account the right to lock for a moment (MySQL: RELOAD, or LOCK TABLES), \
                 or the table a key",
            ));
        }
        kept.opened(&moment)?;
        Ok(consistency)
    }

    /// The plan this run was begun with, by an earlier process or before a pause.
    fn kept_plan(&self) -> Result<Option<Plan>> {
        let kept = match &self.kept_plan {
            Some(plan) => Some(plan.clone()),
            None => self.store.run(&self.run)?.and_then(|run| run.plan),
        };
        kept.as_deref().map(Plan::from_json).transpose()
    }

    fn make_stretch(
        &self,
        bound: Vec<BoundTable>,
        workers: usize,
        leave: &CancellationToken,
        log: Option<Arc<KeptLog>>,
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
            .zip(self.progress.tables())
            .enumerate()
            .map(|(index, (bound, progress))| MovingTable {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                task: bound.write_task(&self.run, self.epoch),
                left: AtomicUsize::new(bound.plan.splits.len()),
                progress,
                bound,
            })
            .collect();
        for at in self.store.checkpoints(&self.run)?.iter().filter(|c| c.done) {
            let table = &tables[at.table as usize];
            let split = table.progress.split(at.split);
            split.opened(at.position.seq, at.written);
            split.flushed(true);
            table.left.fetch_sub(1, SeqCst);
        }
        for table in self.store.committed_tables(&self.run)? {
            tables[table as usize].progress.committed.store(true, SeqCst);
        }
        let mut bad = 0;
        for (table, count) in self.store.count_dead_letters(&self.run)? {
            tables[table as usize].progress.dead_letters.store(count, SeqCst);
            bad += count;
        }
        Ok(Stretch {
            run: self.run.clone(),
            epoch: self.epoch,
            store: Arc::clone(&self.store),
            source: Arc::clone(&self.source),
            sink: Arc::clone(&self.sink),
            tables,
            limits: Arc::new(Limits::new(&self.job.speed)),
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

    /// Removes what a given-up run left at the target, and stops it.
    async fn discard(&self, run: &str, plan: Option<&str>) -> Result<()> {
        let epoch = self.store.run(run)?.map_or(0, |r| r.epoch);
        if let Some(plan) = plan.and_then(|p| Plan::from_json(p).ok()) {
            let tasks = self.tasks_of(plan, run, epoch);
            self.sink.discard(&tasks).await?;
            self.unfollow(run, epoch, tasks).await?;
        }
        let why = Some("given up by --fresh");
        let state = self.store.transition(run, epoch, RunEvent::Stop, why)?;
        if !state.is_final() {
            self.store.transition(run, epoch, RunEvent::Drained, why)?;
        }
        Ok(())
    }

    /// Lets go of the log, on both sides, when the run has followed one.
    async fn unfollow(&self, run: &str, epoch: u64, tables: Vec<WriteTask>) -> Result<()> {
        if !self.job.mode.follows() {
            return Ok(());
        }
        log_of(self.source.as_ref())?.unfollow(run).await?;
        self.sink.unfollow(&ApplyTask { run: run.to_owned(), epoch, tables }).await
    }

    /// The sink's tasks of a run that is not to be gone on with; a table that cannot be bound any
    /// more is passed over.
    fn tasks_of(&self, plan: Plan, run: &str, epoch: u64) -> Vec<WriteTask> {
        let bind = |table| plan::bind(&self.job, &self.processors, table).ok();
        plan.tables.into_iter().filter_map(bind).map(|t| t.write_task(run, epoch)).collect()
    }

    /// At rest until someone wants something else.
    async fn paused(&mut self) -> Result<Wish> {
        self.record(RunEvent::Drained, None)?;
        // A handle that is gone can wish for nothing any more.
        Ok(self.wishes.wait_for(|w| *w != Wish::Pause).await.map_or(Wish::Interrupt, |w| *w))
    }

    fn interrupted(&self) -> Outcome {
        match self.record(RunEvent::Drained, Some("interrupted")) {
            Ok(()) => Outcome::Interrupted(self.summary()),
            Err(error) => Outcome::Failed(error, self.summary()),
        }
    }

    async fn stopped(&self) -> Outcome {
        let plan = self.kept_plan().ok().flatten();
        let tasks = plan.map(|p| self.tasks_of(p, &self.run, self.epoch)).unwrap_or_default();
        let removed = async {
            self.sink.discard(&tasks).await?;
            self.unfollow(&self.run, self.epoch, tasks).await
        };
        if let Err(error) = removed.await {
            let message = format!("left behind at the target: {}", error.chain());
            self.announce(Event::Note { message });
        }
        let state = self.store.run(&self.run).ok().flatten().map(|r| r.state);
        if state.is_some_and(|s| !s.is_final())
            && let Err(error) = self.record(RunEvent::Drained, None)
        {
            return Outcome::Failed(error, self.summary());
        }
        Outcome::Stopped(self.summary())
    }

    /// The log is followed as far as the job wants; the same command goes on from there.
    fn rested(&self) -> Outcome {
        let at_rest = || {
            self.store.transition(&self.run, self.epoch, RunEvent::Pause, None)?;
            self.record(RunEvent::Drained, Some("followed as far as was asked for"))
        };
        match at_rest() {
            Ok(()) => {
                let summary = self.summary();
                self.announce(Event::Finished(summary.clone()));
                Outcome::Rested(summary)
            }
            Err(error) => self.failed(error),
        }
    }

    fn finished(&self) -> Outcome {
        let summary = self.summary();
        match self.record(RunEvent::Finish, None) {
            Ok(()) => {
                self.announce(Event::Finished(summary.clone()));
                Outcome::Finished(summary)
            }
            Err(error) => self.failed(error),
        }
    }

    fn failed(&self, error: Error) -> Outcome {
        // Whatever the server advises, it does not know of the run.
        let error = match error.code() {
            Code::TableChanged => error.hint("start over with --fresh once the table is at rest"),
            _ => error,
        };
        // The error that ended the run is the one to show, should recording it fail too.
        if let Err(second) = self.record(RunEvent::Fail, Some(&error.chain())) {
            tracing::warn!(error = second.chain(), "the failure could not be recorded");
        }
        self.announce(Event::Failed {
            code: error.code().to_string(),
            message: error.chain(),
            hint: error.hint_text().map(str::to_owned),
        });
        Outcome::Failed(error, self.summary())
    }

    fn record(&self, event: RunEvent, reason: Option<&str>) -> Result<()> {
        self.store.save_totals(&self.run, self.epoch, &self.summary().totals())?;
        let state = self.store.transition(&self.run, self.epoch, event, reason)?;
        self.announce(Event::State { run: self.run.clone(), state });
        Ok(())
    }

    fn announce(&self, event: Event) {
        // Nobody listening is fine.
        let _ = self.events.send(event);
    }

    fn summary(&self) -> Summary {
        let mut summary = self.progress.summary();
        match self.store.changes(&self.run) {
            Ok(changes) => {
                for change in changes {
                    if let Some(table) = summary.tables.get_mut(change.table as usize) {
                        table.changed.push(change);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(error = error.chain(), "changed values cannot be counted");
            }
        }
        summary
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
