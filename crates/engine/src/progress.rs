//! How far a run is, for its events, its summary and its record.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use syncline_store::RunTotals;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use crate::events::{Event, Summary, TableSummary};
use crate::metrics::{Metrics, TableProgress};
use crate::plan::BoundTable;

/// How often progress is told.
const TICK: Duration = Duration::from_secs(1);

/// How far one run is, over its pauses.
pub(crate) struct RunProgress {
    run: String,
    started: Instant,
    /// Milliseconds of the processor that earlier processes took.
    cpu_before: u64,
    pub(crate) metrics: Arc<Metrics>,
    tables: Mutex<Vec<Table>>,
}

struct Table {
    /// Its number in the plan.
    number: u32,
    source: String,
    target: String,
    estimated: Option<u64>,
    progress: Arc<TableProgress>,
}

impl Table {
    fn of(number: u32, bound: &BoundTable) -> Self {
        Self {
            number,
            source: bound.plan.source.name.to_string(),
            target: bound.plan.target.name.to_string(),
            estimated: bound.plan.rows,
            progress: Arc::new(TableProgress::new(bound.plan.splits.len())),
        }
    }
}

/// A progress that is told. Whatever ends the run, also a panic, ends it.
pub(crate) struct Ticking(JoinHandle<()>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What was last told of a table.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    written: u64,
    /// Of them, by this process.
    moved: u64,
}

impl RunProgress {
    pub(crate) fn new(run: &str, cpu_before: u64) -> Self {
        Self {
            run: run.to_owned(),
            started: Instant::now(),
            cpu_before,
            metrics: Arc::new(Metrics::default()),
            tables: Mutex::new(Vec::new()),
        }
    }

    /// The plan stands. `true` the first time; after a pause, counts go on.
    pub(crate) fn begin(&self, bound: &[BoundTable]) -> bool {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if !tables.is_empty() {
            return false;
        }
        let numbered = (0..).zip(bound).map(|(at, t)| Table::of(t.plan.number.unwrap_or(at), t));
        tables.extend(numbered);
        true
    }

    /// Everything begins anew.
    pub(crate) fn clear(&self) {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How far the table of a number is; one that came later is taken in.
    pub(crate) fn table(&self, number: u32, bound: &BoundTable) -> Arc<TableProgress> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let at = tables.iter().position(|table| table.number == number).unwrap_or(tables.len());
        if at == tables.len() {
            tables.push(Table::of(number, bound));
        }
        let table = &mut tables[at];
        table.source = bound.plan.source.name.to_string();
        table.target = bound.plan.target.name.to_string();
        Arc::clone(&table.progress)
    }

    /// The table of a number begins anew, if any plan stands yet.
    pub(crate) fn replace(&self, number: u32, bound: &BoundTable) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        match tables.iter().position(|table| table.number == number) {
            Some(at) => tables[at] = Table::of(number, bound),
            None if tables.is_empty() => {}
            None => tables.push(Table::of(number, bound)),
        }
    }

    /// The place in the summary of the table of a number.
    pub(crate) fn place(&self, number: u32) -> Option<usize> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.iter().position(|table| table.number == number)
    }

    pub(crate) fn summary(&self) -> Summary {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let mut summary = Summary {
            run: self.run.clone(),
            seconds: self.started.elapsed().as_secs_f64(),
            cpu_seconds: self.metrics.cpu.taken().as_secs_f64(),
            source_wait_seconds: self.metrics.source_wait_seconds(),
            sink_wait_seconds: self.metrics.sink_wait_seconds(),
            retries: self.metrics.retries(),
            ..Summary::default()
        };
        for table in tables.iter() {
            let one = TableSummary {
                source: table.source.clone(),
                target: table.target.clone(),
                rows_read: table.progress.rows_read(),
                rows_written: table.progress.rows_written(),
                dead_letters: table.progress.dead_letters.load(Relaxed),
                changes: table.progress.changes(),
                changed: Vec::new(),
            };
            summary.rows_read += one.rows_read;
            summary.rows_written += one.rows_written;
            summary.dead_letters += one.dead_letters;
            summary.rows_resumed += table.progress.rows_resumed();
            summary.bytes_read += table.progress.bytes_read.load(Relaxed);
            summary.tables.push(one);
        }
        summary
    }

    /// Milliseconds of the processor, earlier processes included.
    pub(crate) fn cpu_ms(&self) -> u64 {
        let now = u64::try_from(self.metrics.cpu.taken().as_millis()).unwrap_or(u64::MAX);
        self.cpu_before.saturating_add(now)
    }

    /// As it is recorded with the run.
    pub(crate) fn totals(&self) -> RunTotals {
        let summary = self.summary();
        RunTotals {
            tables: summary.tables.len() as u64,
            rows_read: summary.rows_read,
            rows_written: summary.rows_written,
            dead_letters: summary.dead_letters,
            cpu_ms: self.cpu_ms(),
        }
    }

    /// Tells every second how far each table is that has moved, until what is returned is dropped.
    pub(crate) fn tick(self: &Arc<Self>, events: broadcast::Sender<Event>) -> Ticking {
        let progress = Arc::clone(self);
        Ticking(tokio::spawn(async move {
            let mut told: Vec<Told> = Vec::new();
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                for event in progress.moved(&mut told) {
                    // Nobody listening is fine.
                    let _ = events.send(event);
                }
            }
        }))
    }

    /// The tables that have moved since the last call.
    fn moved(&self, told: &mut Vec<Told>) -> Vec<Event> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        told.resize(tables.len(), Told::default());
        let mut events = Vec::new();
        for (table, before) in tables.iter().zip(told) {
            let rows_written = table.progress.rows_written();
            if rows_written == before.written {
                continue;
            }
            // What an earlier process wrote is no speed of this one.
            let moved = rows_written.saturating_sub(table.progress.rows_resumed());
            let rows_per_second = moved.saturating_sub(before.moved);
            *before = Told { written: rows_written, moved };
            events.push(Event::Progress {
                run: self.run.clone(),
                table: table.target.clone(),
                rows_read: table.progress.rows_read(),
                rows_written,
                bytes_read: table.progress.bytes_read.load(Relaxed),
                splits_done: table.progress.splits_done(),
                splits: table.progress.splits(),
                rows_estimated: table.estimated,
                rows_per_second,
                queue_depth: self.metrics.queue_depth(),
            });
        }
        events
    }
}
