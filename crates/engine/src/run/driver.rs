//! A run through its states: planned, at work, paused, resumed, ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use syncline_connector::{Sink, Source, WriteTask};
use syncline_store::{RunLock, Store};
use syncline_types::{Code, Error, Result, RunEvent};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::control::Wish;
use crate::courtesy::Copying;
use crate::events::{Event, Outcome};
use crate::follow::{KeptLog, Phase, WhenLost, log_of};
use crate::job::Job;
use crate::plan::{self, Plan, Processors};
use crate::progress::RunProgress;
use crate::retry::{Decision, Retry};
use crate::workers::{self, Patience};

/// Why a stretch of a run ended.
pub(super) enum Ended {
    /// The log is followed as far as the job wants for now.
    Rested,
    /// Tables come to it.
    Grows,
    /// The place in the log is gone, and the job wants the tables copied anew.
    Lost,
    /// Everything is at the target.
    Complete,
    /// Workers left because they were asked to.
    Left,
}

/// One run in one process.
pub(super) struct Driver {
    pub(super) run: String,
    pub(super) epoch: u64,
    pub(super) resumed: bool,
    pub(super) kept_plan: Option<String>,
    pub(super) store: Arc<Store>,
    pub(super) job: Arc<Job>,
    pub(super) processors: Arc<Processors>,
    pub(super) source: Arc<dyn Source>,
    pub(super) sink: Arc<dyn Sink>,
    /// An unfinished run of the same job that `fresh` gave up: its id and plan.
    pub(super) abandoned: Option<(String, Option<String>)>,
    pub(super) wishes: watch::Receiver<Wish>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) progress: Arc<RunProgress>,
    pub(super) started: Instant,
    pub(super) _lock: RunLock,
}

impl Driver {
    pub(super) async fn drive(mut self) -> Outcome {
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
                (Ok(Ended::Grows), _) => {}
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
        drop(ticker);
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
        // A run that follows holds the source's log back: it does not wait for others.
        let copying = || Copying {
            run: self.run.clone(),
            epoch: self.epoch,
            store: Arc::clone(&self.store),
            events: self.events.clone(),
        };
        let lookout = log.is_none().then(|| copying().look_out(&self.job));
        let way = lookout.as_ref().map(|lookout| lookout.way.clone());
        let stretch = Arc::new(self.make_stretch(bound, workers, leave, log.clone(), way)?);
        let beside = log.as_deref().filter(|log| log.get().beside.is_some());
        if phase == Phase::Snapshot && beside.is_none() && !self.copy(&stretch, &patience).await? {
            return Ok(Ended::Left);
        }
        let Some(log) = log.as_deref() else { return self.finish(&stretch, &patience).await };
        let followed = async {
            if phase == Phase::Snapshot
                && let Some(log) = beside
                && !self.copy_beside(&stretch, log, &patience).await?
            {
                return Ok(Ended::Left);
            }
            self.follow(&stretch, log, &patience).await
        };
        let gone = |code| matches!(code, Code::PositionLost | Code::RetentionExceeded);
        match followed.await {
            Err(error)
                if gone(error.code()) && self.job.following.when_lost == WhenLost::Resnapshot =>
            {
                let message = format!("{}; the tables are copied anew", error.chain());
                self.announce(Event::Note { message });
                let emptied = self.make_room(&stretch).await?;
                self.unfollow(&self.run, self.epoch, stretch.tasks()).await?;
                log.begin_anew(!emptied, &self.job.tables)?;
                Ok(Ended::Lost)
            }
            // So that the source lives.
            Err(error) if error.code() == Code::RetentionExceeded => {
                log_of(self.source.as_ref())?.unfollow(&self.run).await?;
                Err(error)
            }
            other => other,
        }
    }

    /// The plan this run was begun with, by an earlier process or before a pause.
    pub(super) fn kept_plan(&self) -> Result<Option<Plan>> {
        let kept = match &self.kept_plan {
            Some(plan) => Some(plan.clone()),
            None => self.store.run(&self.run)?.and_then(|run| run.plan),
        };
        kept.as_deref().map(Plan::from_json).transpose()
    }

    /// Runs the job's own statements at the target, where there are any.
    pub(super) async fn execute(
        &self,
        statements: &[String],
        patience: &Patience,
    ) -> Result<Option<()>> {
        if statements.is_empty() {
            return Ok(Some(()));
        }
        patience.attempt(|| 0, || self.sink.execute(statements)).await
    }

    /// The sink's tasks of a run that is not to be gone on with; a table that cannot be bound any
    /// more is passed over.
    pub(super) fn tasks_of(&self, plan: Plan, run: &str, epoch: u64) -> Vec<WriteTask> {
        let bind = |table| plan::bind(&self.job, &self.processors, table).ok();
        plan.tables.into_iter().filter_map(bind).map(|t| t.write_task(run, epoch)).collect()
    }
}
