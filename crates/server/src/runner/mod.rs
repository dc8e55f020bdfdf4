//! The pool: runs wait for their turn, move, rest, and end; a node that stops lays them to rest and
//! takes them up again at its next start.
//!
//! What is recorded decides. Whoever asks something of a run asks its owner, when it has one in
//! this process, and the state otherwise; of two who ask at once, the second is told what has
//! become of the run.

mod asking;
mod choice;
mod live;
mod samples;
mod starting;
mod view;
mod watching;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use syncline_store::{RunError, RunLock, RunRecord, Store};
use syncline_types::{Code, Error, Result};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::api::broken_off;
use crate::state::AppState;
use choice::{Limits, Waiting};
use samples::AllSamples;

pub(crate) use asking::{pause, resume, stop};
pub(crate) use live::{Live, Now};
pub(crate) use samples::{Point, Samples};
pub(crate) use starting::{Start, Started, job_of, resolve, start};
pub(crate) use view::RunView;

/// How often the queue is gone through when nothing happens.
const TURN: Duration = Duration::from_secs(1);
/// How long a run that could not begin is left alone.
const HOLD: Duration = Duration::from_secs(2);
/// How long runs may take to come to rest when the node stops.
const REST: Duration = Duration::from_secs(60);
/// How often what is left of stopped runs is tried to be removed.
const CLEAN: Duration = Duration::from_secs(60);

/// The pool of a node.
pub(crate) struct Runner {
    queue: Mutex<BTreeMap<String, Queued>>,
    live: Mutex<HashMap<String, Arc<Live>>>,
    /// Points of the charts of runs at work, and of those that lately were.
    samples: AllSamples,
    /// Something has changed that may let a run begin.
    nudge: Notify,
    /// A stopped run may have left something at its stores.
    cleaning: Notify,
    /// The node is to stop.
    leaving: CancellationToken,
    /// Only one process works on the runs of a state.
    lock: Mutex<Option<RunLock>>,
}

/// A run that waits for its turn.
struct Queued {
    record: RunRecord,
    since: Instant,
    expected: Option<Duration>,
    /// Why it waits, as last recorded.
    reason: String,
    /// Its place when the queue was last gone through.
    place: usize,
    /// It is being set going.
    begins: bool,
    /// It could not begin, and is left alone until then.
    held: Option<(Instant, String)>,
}

/// A run that waits for its turn, as others see it.
#[derive(Debug, Clone)]
pub(crate) struct QueueEntry {
    /// The run.
    pub(crate) run: RunRecord,
    /// Why it waits.
    pub(crate) reason: String,
    /// For how long.
    pub(crate) waited: Duration,
    /// How long it is expected to take.
    pub(crate) expected: Option<Duration>,
}

impl Runner {
    /// The pool of a state that no other process works on.
    ///
    /// # Errors
    /// [`Code::InUse`].
    pub(crate) fn new(store: &Store) -> Result<Self> {
        let lock = store.lock("server").map_err(|e| match e.code() {
            Code::InUse => Error::new(Code::InUse, "another server works with this state")
                .hint("stop it, or give another folder with --state"),
            _ => e,
        })?;
        Ok(Self {
            queue: Mutex::default(),
            live: Mutex::default(),
            samples: AllSamples::default(),
            nudge: Notify::new(),
            cleaning: Notify::new(),
            leaving: CancellationToken::new(),
            lock: Mutex::new(Some(lock)),
        })
    }

    fn queued(&self) -> MutexGuard<'_, BTreeMap<String, Queued>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lives(&self) -> MutexGuard<'_, HashMap<String, Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runs at work in this process.
    pub(crate) fn live(&self) -> Vec<Arc<Live>> {
        self.lives().values().cloned().collect()
    }

    /// The run of that id, when it is at work in this process.
    pub(crate) fn live_run(&self, id: &str) -> Option<Arc<Live>> {
        self.lives().get(id).cloned()
    }

    /// Points of a run's charts, where there are any.
    pub(crate) fn samples(&self, run: &str) -> Option<Arc<Samples>> {
        self.samples.find(run)
    }

    /// Forgets what is kept in memory of a run that is no more.
    pub(crate) fn forget(&self, run: &str) {
        self.samples.forget(run);
    }

    /// The runs that wait, the next one first.
    pub(crate) fn queue(&self) -> Vec<QueueEntry> {
        let queue = self.queued();
        let entry = |q: &Queued| QueueEntry {
            run: q.record.clone(),
            reason: q.reason.clone(),
            waited: q.since.elapsed(),
            expected: q.expected,
        };
        let mut waiting: Vec<&Queued> = queue.values().filter(|q| !q.begins).collect();
        waiting.sort_by_key(|q| q.place);
        waiting.into_iter().map(entry).collect()
    }

    /// How many wait, and for how long the first of them has.
    pub(crate) fn waiting(&self) -> (usize, Duration) {
        let queue = self.queued();
        let longest = queue.values().map(|q| q.since.elapsed()).max().unwrap_or_default();
        (queue.len(), longest)
    }

    /// Puts a recorded run into the queue.
    fn put(&self, record: RunRecord, expected: Option<Duration>) {
        let queued = Queued {
            since: Instant::now(),
            expected,
            reason: String::new(),
            place: usize::MAX,
            begins: false,
            held: None,
            record,
        };
        self.queued().insert(queued.record.id.clone(), queued);
        self.nudge.notify_one();
    }

    /// Takes a run out of the queue.
    fn drop_queued(&self, run: &str) {
        self.queued().remove(run);
        self.nudge.notify_one();
    }

    /// It could not begin just now.
    fn hold(&self, run: &str, why: String) {
        if let Some(queued) = self.queued().get_mut(run) {
            queued.begins = false;
            queued.held = Some((Instant::now() + HOLD, why));
        }
    }

    /// What the queue and the pool look like to the choice.
    fn look(&self) -> (Vec<Waiting>, Vec<choice::Working>) {
        let mut working: Vec<_> = self.lives().values().map(|live| live.working()).collect();
        let now = Instant::now();
        let mut waiting = Vec::new();
        for queued in self.queued().values() {
            let run = &queued.record;
            let job = run.more.job_name.clone().unwrap_or_default();
            let alone = (!run.more.overlaps).then(|| run.job.clone());
            let connections = run.more.connections.clone();
            let project = run.more.project.clone();
            if queued.begins {
                // It has its slot already.
                if !self.lives().contains_key(&run.id) {
                    let expected = queued.expected;
                    let follows = false;
                    working.push(choice::Working {
                        job,
                        project,
                        alone,
                        expected,
                        follows,
                        connections,
                    });
                }
                continue;
            }
            waiting.push(Waiting {
                run: run.id.clone(),
                job,
                project,
                alone,
                priority: run.more.priority,
                waited: queued.since.elapsed(),
                expected: queued.expected,
                connections,
                held: queued.held.as_ref().filter(|(until, _)| *until > now).map(|h| h.1.clone()),
            });
        }
        (waiting, working)
    }

    /// Cancelled when the node is to stop.
    pub(crate) fn leaving(&self) -> CancellationToken {
        self.leaving.clone()
    }

    /// Returns once the node is to stop.
    pub(crate) async fn left(&self) {
        self.leaving.cancelled().await;
    }

    /// Lets another process work on the runs.
    pub(crate) fn release(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Lets every run that is at work come to rest; they go on at the next start.
    pub(crate) async fn leave(&self) {
        self.leaving.cancel();
        let deadline = Instant::now() + REST;
        let mut asked = HashSet::new();
        loop {
            let live = self.live();
            if live.is_empty() && !self.queued().values().any(|q| q.begins) {
                return;
            }
            if Instant::now() > deadline {
                tracing::warn!(runs = live.len(), "runs did not come to rest in time");
                return;
            }
            for one in live {
                // Once: what came to rest must not take a second word for somebody's pause.
                if !asked.insert(one.record.id.clone()) {
                    continue;
                }
                let told = tokio::task::spawn_blocking(move || one.control.interrupt());
                // One that pauses or stops already needs no more asking.
                drop(told.await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Takes over what an earlier process left, and lets runs begin from here on.
///
/// # Errors
/// When the state cannot be read.
pub(crate) async fn spawn(state: &AppState) -> Result<()> {
    let queued = state
        .blocking(|store| {
            store.break_off_verifications(&RunError::from(&broken_off()))?;
            let taken = store.recover("the node ended before the run did; it goes on")?;
            if !taken.is_empty() {
                tracing::info!(runs = taken.len(), "runs of an earlier process go on");
            }
            let queue = store.queue()?;
            queue
                .into_iter()
                .map(|run| Ok((expected(store, &run)?, run)))
                .collect::<Result<Vec<_>>>()
        })
        .await?;
    for (expected, run) in queued {
        state.runner.put(run, expected);
    }
    tokio::spawn(turns(state.clone()));
    tokio::spawn(starting::clean_up(state.clone()));
    Ok(())
}

/// How long a run may take, from what its job did before.
fn expected(store: &Store, run: &RunRecord) -> Result<Option<Duration>> {
    let job = run.more.job_name.as_deref().unwrap_or_default();
    let seconds = |rows: u64, pace: u64| Duration::from_secs(rows / pace.max(1));
    Ok(match (store.past_pace(job)?, run.more.rows_estimated) {
        (Some((_, pace)), Some(rows)) => {
            Some(seconds(rows.saturating_sub(run.totals.rows_written), pace))
        }
        (Some((rows, pace)), None) => Some(seconds(rows, pace)),
        (None, _) => None,
    })
}

/// Goes through the queue whenever something has changed.
async fn turns(state: AppState) {
    loop {
        tokio::select! {
            () = state.runner.leaving.cancelled() => return,
            () = state.runner.nudge.notified() => {}
            () = tokio::time::sleep(TURN) => {}
        }
        if let Err(error) = turn(&state).await {
            tracing::error!(error = error.chain(), "the queue cannot be gone through");
            tokio::time::sleep(TURN).await;
        }
    }
}

async fn turn(state: &AppState) -> Result<()> {
    if state.runner.queued().is_empty() {
        return Ok(());
    }
    let (waiting, working) = state.runner.look();
    if waiting.is_empty() {
        return Ok(());
    }
    let used: std::collections::BTreeSet<String> =
        waiting.iter().flat_map(|w| w.connections.iter().cloned()).collect();
    let limits = state.blocking(move |store| limits(store, used)).await?;
    let choice = choice::choose(&waiting, &working, &limits);
    let mut begin = Vec::new();
    let mut waits = Vec::new();
    {
        let mut queue = state.runner.queued();
        for id in &choice.begin {
            if let Some(queued) = queue.get_mut(id) {
                queued.begins = true;
                queued.held = None;
                begin.push((queued.record.clone(), queued.expected));
            }
        }
        for (place, (id, why)) in choice.wait.into_iter().enumerate() {
            let Some(queued) = queue.get_mut(&id) else { continue };
            queued.place = place;
            if queued.reason != why {
                queued.reason.clone_from(&why);
                queued.record.more.waits_for = Some(why.clone());
                waits.push((id, why));
            }
        }
    }
    for (run, expected) in begin {
        tokio::spawn(starting::begin(state.clone(), run, expected));
    }
    if waits.is_empty() {
        return Ok(());
    }
    let waits = state.blocking(move |store| store.save_waits(&waits).map(|()| waits)).await?;
    waits.iter().for_each(|(run, why)| state.hub.waits(run, why));
    Ok(())
}

fn limits(store: &Store, used: std::collections::BTreeSet<String>) -> Result<Limits> {
    let settings = store.settings()?.settings;
    let mut connections = BTreeMap::new();
    for name in used {
        let limit = store.connection(&name)?.and_then(|c| c.body.limit);
        if let Some(limit) = limit.and_then(|n| usize::try_from(n).ok()) {
            connections.insert(name, limit);
        }
    }
    let projects = store.project_limits()?.into_iter();
    Ok(Limits {
        projects: projects.filter_map(|(name, n)| Some((name, usize::try_from(n).ok()?))).collect(),
        slots: usize::try_from(settings.slots).unwrap_or(1),
        per_connection: usize::try_from(settings.per_connection_limit).unwrap_or(1),
        connections,
    })
}

/// There is no job of that name.
fn no_job(name: &str) -> Error {
    Error::new(Code::NotFound, format!("there is no job {name:?}"))
}

/// There is no run of that id.
pub(crate) fn no_run(id: &str) -> Error {
    Error::new(Code::NotFound, format!("there is no run {id:?}"))
}
