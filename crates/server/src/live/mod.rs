//! What happens, as it happens: one reader of the state and of the meters for everybody who
//! watches.
//!
//! Events are read from the state in the order of their numbers, once, and handed to all watchers
//! as finished texts; progress is read from the runs' own meters a few times a second. Watchers
//! share one ring of what came last: one that is too slow for it falls out, and gets a snapshot.

mod cache;
mod frames;
mod socket;
mod standing;
mod tickets;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use syncline_store::{RunEventRecord, RunRecord};
use syncline_types::Result;
use tokio::sync::broadcast;

use crate::state::AppState;
use cache::Cache;
use frames::{Frame, Item};

pub(crate) use socket::{LiveQuery, open};
pub(crate) use tickets::{GOOD_FOR, PROTOCOL, Tickets};

/// Frames kept for watchers that are slow for a moment.
const RING: usize = 1024;
/// How often progress is told.
const TICK: Duration = Duration::from_millis(240);
/// With nobody watching, the meters are looked at only so often.
const IDLE: u32 = 4;
/// How often the state is asked when this process has written nothing: others may have.
const POLL: Duration = Duration::from_secs(2);
/// Events read at once.
const BATCH: u32 = 500;

/// What happens, for all who watch.
pub(crate) struct Hub {
    frames: broadcast::Sender<Arc<Frame>>,
    /// The number of the last event that was handed on.
    seq: AtomicI64,
    /// How often this process had written when the last events were read.
    known: AtomicU64,
    cache: Cache,
    watchers: AtomicUsize,
    /// What pages of other origins come with.
    pub(crate) tickets: Tickets,
}

impl Hub {
    /// Nothing has happened yet.
    pub(crate) fn new() -> Self {
        Self {
            frames: broadcast::Sender::new(RING),
            seq: AtomicI64::new(0),
            known: AtomicU64::new(u64::MAX),
            cache: Cache::default(),
            watchers: AtomicUsize::new(0),
            tickets: Tickets::default(),
        }
    }

    /// The number of the last event that was handed on.
    pub(crate) fn seq(&self) -> i64 {
        self.seq.load(SeqCst)
    }

    /// A run as it was last recorded, where everything that was written is known here by now.
    pub(crate) fn run(&self, state: &AppState, id: &str) -> Option<RunRecord> {
        let current = state.store.writes() == self.known.load(SeqCst);
        self.cache.get(id).filter(|_| current)
    }

    /// What a run waits for, as it has just been recorded.
    pub(crate) fn waits(&self, id: &str, why: &str) {
        self.cache.waits(id, why);
    }

    /// The runs of a job are in another project from now on.
    pub(crate) fn moved(&self, job: &str, project: &str) {
        self.cache.moved(job, project);
    }

    /// Forgets a run that is no more, or of which more has been recorded than its state.
    pub(crate) fn forget(&self, id: &str) {
        self.cache.forget(id);
    }

    /// How many watch.
    pub(crate) fn watchers(&self) -> usize {
        self.watchers.load(SeqCst)
    }
}

/// Begins to tell what happens from now on.
///
/// # Errors
/// When the state cannot be read.
pub(crate) async fn spawn(state: &AppState) -> Result<()> {
    let (seq, active) = state
        .blocking(|store| {
            let seq = store.last_event()?;
            Ok((seq, store.active_runs()?))
        })
        .await?;
    state.hub.seq.store(seq, SeqCst);
    state.hub.cache.put(active);
    tokio::spawn(tell_events(state.clone()));
    tokio::spawn(tell_progress(state.clone()));
    Ok(())
}

async fn tell_events(state: AppState) {
    let mut written = state.store.written();
    loop {
        tokio::select! {
            () = state.runner.left() => return,
            changed = written.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(POLL) => {}
        }
        // What is written together is told together.
        tokio::time::sleep(Duration::from_millis(2)).await;
        loop {
            match tell_some(&state).await {
                Ok(told) if told < BATCH as usize => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = error.chain(), "events cannot be told");
                    tokio::time::sleep(POLL).await;
                    break;
                }
            }
        }
    }
}

/// Hands on what has been written since the last time.
async fn tell_some(state: &AppState) -> Result<usize> {
    let seq = state.hub.seq();
    let writes = state.store.writes();
    let (events, runs) = state
        .blocking(move |store| {
            let events = store.events_after(seq, BATCH)?;
            let mut changed: Vec<&str> = events.iter().map(|e| e.run.as_str()).collect();
            changed.sort_unstable();
            changed.dedup();
            let runs = store.runs_of(&changed)?;
            Ok((events, runs))
        })
        .await?;
    state.hub.cache.put(runs);
    if events.len() < BATCH as usize {
        state.hub.known.store(writes, SeqCst);
    }
    for event in &events {
        let frame = Frame::event(event);
        state.hub.seq.store(event.seq, SeqCst);
        // Nobody watching is fine.
        let _ = state.hub.frames.send(Arc::new(frame));
    }
    Ok(events.len())
}

async fn tell_progress(state: AppState) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut count = 0_u32;
    loop {
        tokio::select! {
            () = state.runner.left() => return,
            _ = ticks.tick() => {}
        }
        count = count.wrapping_add(1);
        let watched = state.hub.frames.receiver_count() > 0;
        if !watched && !count.is_multiple_of(IDLE) {
            continue;
        }
        let mut items = Vec::new();
        for live in state.runner.live() {
            if let Some(now) = live.look()
                && watched
            {
                let run_state = state.hub.cache.state_of(&live.record.id);
                items.push(Item::of(&live, &now, run_state));
            }
        }
        if !items.is_empty() {
            let _ = state.hub.frames.send(Arc::new(Frame::progress(state.hub.seq(), items)));
        }
        if count.is_multiple_of(250) {
            state.hub.cache.forget_old();
        }
    }
}

/// The text of an event, as watchers get it.
fn text_of(event: &RunEventRecord) -> String {
    serde_json::to_string(event).unwrap_or_default()
}
