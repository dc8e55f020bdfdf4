//! Counts of a run, written by its workers without locks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use syncline_connector::Cpu;

use crate::events::Changes;

/// Counts of the whole run, by this process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    source_wait: AtomicU64,
    sink_wait: AtomicU64,
    queued: AtomicI64,
    retries: AtomicU64,
    /// What it takes of the processor.
    pub(crate) cpu: Cpu,
}

impl Metrics {
    /// A writer has waited for rows.
    pub(crate) fn waited_for_source(&self, time: Duration) {
        self.source_wait.fetch_add(nanoseconds(time), Relaxed);
    }

    /// A reader has waited for room.
    pub(crate) fn waited_for_sink(&self, time: Duration) {
        self.sink_wait.fetch_add(nanoseconds(time), Relaxed);
    }

    /// Bytes have gone into a queue, or out of it when negative.
    pub(crate) fn queued(&self, bytes: i64) {
        self.queued.fetch_add(bytes, Relaxed);
    }

    /// Something is tried again.
    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(crate) fn source_wait_seconds(&self) -> f64 {
        Duration::from_nanos(self.source_wait.load(Relaxed)).as_secs_f64()
    }

    pub(crate) fn sink_wait_seconds(&self) -> f64 {
        Duration::from_nanos(self.sink_wait.load(Relaxed)).as_secs_f64()
    }

    pub(crate) fn retries(&self) -> u64 {
        self.retries.load(Relaxed)
    }

    /// Bytes between readers and writers right now.
    pub(crate) fn queue_depth(&self) -> u64 {
        u64::try_from(self.queued.load(Relaxed)).unwrap_or(0)
    }
}

/// How far one table is, kept over pauses.
#[derive(Debug)]
pub(crate) struct TableProgress {
    splits: Vec<SplitProgress>,
    /// Arrow bytes read by this process.
    pub(crate) bytes_read: AtomicU64,
    /// Rows kept as dead letters.
    pub(crate) dead_letters: AtomicU64,
    /// The table as a whole is at the target.
    pub(crate) committed: AtomicBool,
    /// Changes of the log that were applied, by this process.
    inserts: AtomicU64,
    updates: AtomicU64,
    deletes: AtomicU64,
}

/// How far one split is.
#[derive(Debug, Default)]
pub(crate) struct SplitProgress {
    read: AtomicU64,
    written: AtomicU64,
    /// Rows written that are durable.
    durable: AtomicU64,
    resumed: OnceLock<u64>,
    done: AtomicBool,
}

impl TableProgress {
    pub(crate) fn new(splits: usize) -> Self {
        Self {
            splits: (0..splits).map(|_| SplitProgress::default()).collect(),
            bytes_read: AtomicU64::new(0),
            dead_letters: AtomicU64::new(0),
            committed: AtomicBool::new(false),
            inserts: AtomicU64::new(0),
            updates: AtomicU64::new(0),
            deletes: AtomicU64::new(0),
        }
    }

    /// Changes of the log were applied.
    pub(crate) fn changed(&self, changes: Changes) {
        self.inserts.fetch_add(changes.inserts, Relaxed);
        self.updates.fetch_add(changes.updates, Relaxed);
        self.deletes.fetch_add(changes.deletes, Relaxed);
    }

    /// Changes of the log that were applied, by this process.
    pub(crate) fn changes(&self) -> Changes {
        Changes {
            inserts: self.inserts.load(Relaxed),
            updates: self.updates.load(Relaxed),
            deletes: self.deletes.load(Relaxed),
        }
    }

    pub(crate) fn split(&self, id: u32) -> &SplitProgress {
        &self.splits[id as usize]
    }

    pub(crate) fn find_split(&self, id: u32) -> Option<&SplitProgress> {
        self.splits.get(id as usize)
    }

    /// Rows read, earlier processes included.
    pub(crate) fn rows_read(&self) -> u64 {
        self.splits.iter().map(|s| s.read.load(Relaxed)).sum()
    }

    /// Rows taken by the sink, earlier processes included.
    pub(crate) fn rows_written(&self) -> u64 {
        self.splits.iter().map(|s| s.written.load(Relaxed)).sum()
    }

    /// Rows that were durable before this process began.
    pub(crate) fn rows_resumed(&self) -> u64 {
        self.splits.iter().filter_map(|s| s.resumed.get()).sum()
    }

    pub(crate) fn splits_done(&self) -> usize {
        self.splits.iter().filter(|s| s.is_done()).count()
    }

    pub(crate) fn splits(&self) -> usize {
        self.splits.len()
    }
}

impl SplitProgress {
    /// What is durable as the split is opened: rows read, and rows written of them.
    pub(crate) fn opened(&self, read: u64, written: u64) {
        self.resumed.get_or_init(|| read);
        self.read.store(read, Relaxed);
        self.written.store(written, Relaxed);
        self.durable.store(written, Relaxed);
    }

    pub(crate) fn read_to(&self, rows: u64) {
        self.read.store(rows, Relaxed);
    }

    pub(crate) fn wrote(&self, rows: u64) {
        self.written.fetch_add(rows, Relaxed);
    }

    /// All that was written is durable. Returns how many rows that are.
    pub(crate) fn flushed(&self, done: bool) -> u64 {
        let written = self.written.load(Relaxed);
        self.durable.store(written, Relaxed);
        self.done.store(done, Relaxed);
        written
    }

    /// Takes back what was not durable.
    pub(crate) fn fell_back(&self, read: u64) {
        self.read.store(read, Relaxed);
        self.written.store(self.durable.load(Relaxed), Relaxed);
    }

    /// Rows written that are durable.
    pub(crate) fn durable(&self) -> u64 {
        self.durable.load(Relaxed)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Relaxed)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
