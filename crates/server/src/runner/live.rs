//! A run at work in this process: what is asked of it, and how fast it is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use syncline_engine::{Control, Event, Meter, Summary};
use syncline_store::{RunRecord, RunTotals};
use utoipa::ToSchema;

use super::choice::Working;
use super::samples::{Point, Samples};

/// Over how long the pace just now is measured.
const WINDOW: Duration = Duration::from_secs(5);

/// A run at work.
pub(crate) struct Live {
    /// As it was taken up.
    pub(crate) record: RunRecord,
    /// What asks something of it.
    pub(crate) control: Control,
    /// How long it was expected to take.
    expected: Option<Duration>,
    meter: Meter,
    pace: Mutex<Pace>,
    /// Points of its charts.
    samples: Arc<Samples>,
}

/// How fast it is, and where.
struct Pace {
    /// Rows written, and what was taken of the processor, at moments of the last few seconds.
    samples: VecDeque<(Instant, u64, Duration)>,
    began: Instant,
    /// Rows that were written when it was taken up.
    before: Option<u64>,
    now: Now,
}

/// What a run has done until now.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Now {
    /// Rows read, over all its processes.
    pub(crate) rows_read: u64,
    /// Rows written, over all its processes.
    pub(crate) rows_written: u64,
    /// Estimated rows, once it is planned.
    pub(crate) rows_estimated: Option<u64>,
    /// Rows kept as dead letters.
    pub(crate) dead_letters: u64,
    /// Rows written in a second, just now.
    pub(crate) rows_per_second: u64,
    /// Milliseconds from the last commit at the source until it was durable at the target.
    pub(crate) lag_ms: Option<u64>,
    /// The place in the log up to which everything is durable.
    pub(crate) place: Option<String>,
    /// It has caught up with the log.
    pub(crate) follows: bool,
    /// Its tables.
    pub(crate) tables: Vec<TableNow>,
}

/// What a run has done to one table until now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct TableNow {
    /// The source table.
    pub(crate) source: String,
    /// The target table.
    pub(crate) target: String,
    /// Rows read.
    pub(crate) rows_read: u64,
    /// Rows written.
    pub(crate) rows_written: u64,
    /// Changes of the log that were applied.
    pub(crate) changes: u64,
    /// Rows kept as dead letters.
    pub(crate) dead_letters: u64,
}

impl Live {
    pub(super) fn new(
        record: RunRecord,
        control: Control,
        meter: Meter,
        expected: Option<Duration>,
        samples: Arc<Samples>,
    ) -> Self {
        let pace = Pace {
            samples: VecDeque::new(),
            began: Instant::now(),
            before: None,
            now: Now { rows_estimated: record.more.rows_estimated, ..Now::default() },
        };
        Self { record, control, expected, meter, pace: Mutex::new(pace), samples }
    }

    /// Its job's name.
    pub(crate) fn job(&self) -> &str {
        self.record.more.job_name.as_deref().unwrap_or(&self.record.name)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it has done, as it was last looked at.
    pub(crate) fn now(&self) -> Now {
        self.pace().now.clone()
    }

    /// Looks at what it has done. `None` when nothing has changed since the last look.
    pub(crate) fn look(&self) -> Option<Now> {
        let summary = self.meter.read();
        let mut pace = self.pace();
        let at = Instant::now();
        let moved = summary.rows_written + changes(&summary);
        pace.before.get_or_insert(summary.rows_resumed);
        pace.samples.push_back((at, moved, self.meter.cpu()));
        while pace.samples.len() > 2 && at.duration_since(pace.samples[0].0) > WINDOW {
            pace.samples.pop_front();
        }
        let now = Now {
            rows_read: summary.rows_read,
            rows_written: summary.rows_written,
            dead_letters: summary.dead_letters,
            rows_per_second: rate(&pace.samples),
            tables: summary.tables.into_iter().map(table).collect(),
            ..pace.now.clone()
        };
        self.samples.take(Point {
            at: chrono::Utc::now().timestamp_millis(),
            rows_per_second: now.rows_per_second,
            cpu_percent: cpu_percent(&pace.samples),
            lag_ms: now.lag_ms,
        });
        if now == pace.now {
            return None;
        }
        pace.now = now.clone();
        Some(now)
    }

    /// Takes in what it tells.
    pub(super) fn hear(&self, event: &Event) {
        let mut pace = self.pace();
        match event {
            Event::Planned { rows_estimated, .. } => pace.now.rows_estimated = *rows_estimated,
            Event::Streaming { lag_ms, position, .. }
            | Event::Following { lag_ms, position, .. } => {
                pace.now.follows = true;
                pace.now.lag_ms = *lag_ms;
                pace.now.place = Some(position.clone());
            }
            _ => {}
        }
    }

    /// Rows in a second since it was taken up: what its job may be expected to do again.
    pub(super) fn on_the_whole(&self) -> u64 {
        let pace = self.pace();
        let moved = pace.now.rows_written.saturating_sub(pace.before.unwrap_or(0));
        let millis = pace.began.elapsed().as_millis().max(1);
        u64::try_from(u128::from(moved) * 1000 / millis).unwrap_or(u64::MAX)
    }

    /// As it is recorded.
    pub(super) fn totals(&self) -> RunTotals {
        let now = &self.pace().now;
        RunTotals {
            tables: now.tables.len() as u64,
            rows_read: now.rows_read,
            rows_written: now.rows_written,
            dead_letters: now.dead_letters,
            cpu_ms: self.cpu_ms(),
        }
    }

    /// Milliseconds of the processor, over all its processes.
    pub(crate) fn cpu_ms(&self) -> u64 {
        self.meter.cpu_ms()
    }

    /// As the choice of the next runs sees it.
    pub(super) fn working(&self) -> Working {
        Working {
            job: self.job().to_owned(),
            project: self.record.more.project.clone(),
            alone: (!self.record.more.overlaps).then(|| self.record.job.clone()),
            expected: self.expected,
            follows: self.pace().now.follows,
            connections: self.record.more.connections.clone(),
        }
    }
}

fn changes(summary: &Summary) -> u64 {
    summary.tables.iter().map(|t| t.changes.all()).sum()
}

fn table(table: syncline_engine::TableSummary) -> TableNow {
    TableNow {
        source: table.source,
        target: table.target,
        rows_read: table.rows_read,
        rows_written: table.rows_written,
        changes: table.changes.all(),
        dead_letters: table.dead_letters,
    }
}

/// What was taken of the processor over the window, in percent of one core.
fn cpu_percent(samples: &VecDeque<(Instant, u64, Duration)>) -> u64 {
    let (Some(first), Some(last)) = (samples.front(), samples.back()) else { return 0 };
    let percent = 100 * last.2.saturating_sub(first.2).as_millis();
    let percent = percent.checked_div(last.0.duration_since(first.0).as_millis());
    percent.and_then(|percent| u64::try_from(percent).ok()).unwrap_or(0)
}

fn rate(samples: &VecDeque<(Instant, u64, Duration)>) -> u64 {
    let (Some(first), Some(last)) = (samples.front(), samples.back()) else { return 0 };
    let millis = last.0.duration_since(first.0).as_millis();
    let rows = last.1.saturating_sub(first.1);
    let rate = (u128::from(rows) * 1000).checked_div(millis);
    rate.and_then(|rate| u64::try_from(rate).ok()).unwrap_or(0)
}
