//! Workers of a stretch: they take splits until none is left, and try again what is transient.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use syncline_connector::{Cpu, WriteMode};
use syncline_store::Store;
use syncline_types::{Code, Error, ErrorKind, Result, RunEvent, Split};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::crash::may_crash;
use crate::events::Event;
use crate::metrics::Metrics;
use crate::pipeline::{Moved, MovingTable, Stretch};
use crate::retry::{Decision, Retry};

/// Lets workers move all splits that are left, largest first, and commits each table once its last
/// split is durable. `false` when they were asked to leave before everything was done.
pub(crate) async fn run(stretch: &Arc<Stretch>, patience: &Patience) -> Result<bool> {
    // A table whose splits are all durable and that was not committed: the process died between.
    let complete = |t: &&MovingTable| t.left.load(SeqCst) == 0;
    for table in stretch.tables.iter().filter(complete).filter(|t| !t.is_committed()) {
        if !commit(stretch, table, patience).await? {
            return Ok(false);
        }
    }
    let queue = Arc::new(Queue {
        left: Mutex::new(queue_of(&stretch.tables)),
        committed: watch::Sender::new(()),
    });
    let mut workers = JoinSet::new();
    for _ in 0..stretch.workers {
        let worker = worker(Arc::clone(stretch), Arc::clone(&queue), patience.clone());
        workers.spawn(Cpu::carry(worker));
    }
    let mut failure: Option<Error> = None;
    while let Some(ended) = workers.join_next().await {
        let error = match ended {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error,
            Err(panic) => Error::bug("a worker panicked").because(panic),
        };
        // The others make what they have durable, and leave.
        stretch.leave.cancel();
        failure.get_or_insert(error);
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(stretch.tables.iter().all(MovingTable::is_committed)),
    }
}

/// What is left to move.
struct Queue {
    left: Mutex<VecDeque<(usize, Split)>>,
    /// Says that one more table is committed, which others may have waited for.
    committed: watch::Sender<()>,
}

impl Queue {
    /// The largest split of a table that waits for no other; `None` when nothing is left, or the
    /// workers are to leave.
    async fn next(&self, stretch: &Stretch) -> Option<(usize, Split)> {
        // Before the look at the tables, so that none is missed.
        let mut committed = self.committed.subscribe();
        loop {
            {
                let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
                if left.is_empty() || stretch.leave.is_cancelled() {
                    return None;
                }
                let free = |(index, _): &(usize, Split)| stretch.tables[*index].is_free(stretch);
                if let Some(at) = left.iter().position(free) {
                    return left.remove(at);
                }
            }
            // Tables wait in no circle, so another worker is at one that others wait for.
            tokio::select! {
                _ = committed.changed() => {}
                () = stretch.leave.cancelled() => return None,
            }
        }
    }
}

/// What is left to move, largest first.
fn queue_of(tables: &[MovingTable]) -> VecDeque<(usize, Split)> {
    let mut queue: Vec<(usize, Split)> = tables
        .iter()
        .enumerate()
        .flat_map(|(index, table)| table.bound.plan.splits.iter().map(move |s| (index, s.clone())))
        .filter(|(index, split)| !tables[*index].progress.split(split.id).is_done())
        .collect();
    // Rows and bytes in one scale: a row is reckoned at a hundred bytes.
    let size = |s: &Split| s.bytes.unwrap_or(0).max(s.rows.unwrap_or(0).saturating_mul(100));
    queue.sort_by_key(|(_, split)| std::cmp::Reverse(size(split)));
    queue.into()
}

/// Takes one split after the other.
async fn worker(stretch: Arc<Stretch>, queue: Arc<Queue>, patience: Patience) -> Result<()> {
    while let Some((index, split)) = queue.next(&stretch).await {
        let table = &stretch.tables[index];
        let durable = || table.progress.split(split.id).durable();
        let moved = patience.attempt(durable, || stretch.move_split(table, &split)).await?;
        if moved != Some(Moved::Complete) {
            return Ok(());
        }
        if table.left.fetch_sub(1, SeqCst) == 1 {
            if !commit(&stretch, table, &patience).await? {
                return Ok(());
            }
            queue.committed.send_replace(());
        }
    }
    Ok(())
}

/// `false` when the workers were asked to leave first.
async fn commit(stretch: &Stretch, table: &MovingTable, patience: &Patience) -> Result<bool> {
    // Keys hold only behind what the log has to say of rows that were read at different moments.
    let early = table.task.write != WriteMode::Replace;
    if early && stretch.log.as_ref().is_some_and(|log| log.overlaps()) {
        table.progress.committed.store(true, Relaxed);
        return Ok(true);
    }
    commit_now(stretch, table, patience).await
}

/// Makes the tables whole that were copied before the log had passed what overlaps. `false` when
/// asked to leave first.
pub(crate) async fn commit_arriving(stretch: &Stretch, patience: &Patience) -> Result<bool> {
    for table in stretch.arriving() {
        if !commit_now(stretch, table, patience).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `false` when asked to leave first.
async fn commit_now(stretch: &Stretch, table: &MovingTable, patience: &Patience) -> Result<bool> {
    if patience.attempt(|| 0, || stretch.commit(table)).await?.is_none() {
        return Ok(false);
    }
    may_crash!("table-committed");
    stretch.store.commit_table(&stretch.run, stretch.epoch, table.index)?;
    table.progress.committed.store(true, Relaxed);
    Ok(true)
}

/// Tries again what fails for a reason that may go away, and tells that it waits.
#[derive(Clone)]
pub(crate) struct Patience {
    pub(crate) run: String,
    pub(crate) epoch: u64,
    pub(crate) store: Arc<Store>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) metrics: Arc<Metrics>,
    /// How long to wait in all without progress.
    pub(crate) limit: Option<Duration>,
    /// Cancelled when whoever waits is to leave.
    pub(crate) leave: CancellationToken,
}

impl Patience {
    /// Calls `attempt` until it succeeds or fails for good; `None` when asked to leave while
    /// waiting. A growing `progress` between two failures makes the second a new trouble.
    pub(crate) async fn attempt<T, F, R>(
        &self,
        progress: impl Fn() -> u64,
        attempt: F,
    ) -> Result<Option<T>>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T>>,
    {
        let mut retry = Retry::new(self.limit);
        let mut before = progress();
        let mut waited = false;
        loop {
            let error = match attempt().await {
                Ok(value) => {
                    if waited {
                        self.store.transition(&self.run, self.epoch, RunEvent::Proceed, None)?;
                    }
                    return Ok(Some(value));
                }
                // What is lost is not there at the next try either: the source begins again.
                Err(error) if error.code() == Code::SnapshotLost => return Err(error),
                Err(error) if error.kind() == ErrorKind::Transient => error,
                Err(error) => return Err(error),
            };
            let now = progress();
            if now > before {
                before = now;
                retry.progressed();
            }
            let Decision::Wait(wait) = retry.failed(jitter()) else { return Err(error) };
            self.wait(&error, wait).await?;
            waited = true;
            if self.leave.is_cancelled() {
                return Ok(None);
            }
        }
    }

    async fn wait(&self, error: &Error, wait: Duration) -> Result<()> {
        self.metrics.retried();
        let reason = error.chain();
        self.store.transition(&self.run, self.epoch, RunEvent::Wait, Some(&reason))?;
        // Nobody listening is fine.
        let _ = self.events.send(Event::Waiting { reason, retry_in: wait.as_secs_f64() });
        tokio::select! {
            () = self.leave.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
        Ok(())
    }
}

/// A number in 0..1 that spreads workers which fail together.
pub(crate) fn jitter() -> f64 {
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    f64::from(nanoseconds % 1_000) / 1_000.0
}
