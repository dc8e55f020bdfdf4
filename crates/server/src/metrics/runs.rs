//! What runs do, by job: read from their meters whenever somebody asks, so that counting costs a
//! run nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use prometheus::{
    CounterVec, Gauge, GaugeVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, Result,
};
use syncline_engine::{Event, Meter, Outcome, Summary};
use syncline_store::StateCount;
use syncline_types::RunState;

use super::traces::{Span, Traces};

/// What runs do.
pub(crate) struct Runs {
    rows_read: IntCounterVec,
    rows_written: IntCounterVec,
    bytes_read: IntCounterVec,
    changes: IntCounterVec,
    dead_letters: IntCounterVec,
    retries: IntCounterVec,
    source_wait: CounterVec,
    sink_wait: CounterVec,
    cpu: CounterVec,
    ended: IntCounterVec,
    errors: IntCounterVec,
    lag: GaugeVec,
    queued_bytes: IntGaugeVec,
    states: IntGaugeVec,
    waiting: IntGauge,
    longest: Gauge,
    slots: IntGauge,
    traces: Arc<Traces>,
    live: Mutex<HashMap<String, Live>>,
}

/// A run at work.
struct Live {
    job: String,
    meter: Meter,
    /// What has been counted of it.
    counted: Counted,
    lag_ms: Option<u64>,
    began: SystemTime,
}

#[derive(Default, Clone, Copy)]
struct Counted {
    read: u64,
    written: u64,
    bytes: u64,
    inserts: u64,
    updates: u64,
    deletes: u64,
    dead_letters: u64,
    retries: u64,
    source_wait: f64,
    sink_wait: f64,
    cpu: f64,
}

impl Runs {
    pub(super) fn new(registry: &Registry, traces: Arc<Traces>) -> Result<Self> {
        let counter = |name: &str, about: &str, labels: &[&str]| {
            let made = IntCounterVec::new(Opts::new(name, about), labels)?;
            registry.register(Box::new(made.clone()))?;
            Ok::<_, prometheus::Error>(made)
        };
        let seconds = |name: &str, about: &str| {
            let made = CounterVec::new(Opts::new(name, about), &["job"])?;
            registry.register(Box::new(made.clone()))?;
            Ok::<_, prometheus::Error>(made)
        };
        let gauge = |name: &str, about: &str, label: &str| {
            let made = IntGaugeVec::new(Opts::new(name, about), &[label])?;
            registry.register(Box::new(made.clone()))?;
            Ok::<_, prometheus::Error>(made)
        };
        let single = |name: &str, about: &str| {
            let made = IntGauge::new(name, about)?;
            registry.register(Box::new(made.clone()))?;
            Ok::<_, prometheus::Error>(made)
        };
        let lag = GaugeVec::new(
            Opts::new(
                "syncline_lag_seconds",
                "From the last commit at the source until it was durable at the target.",
            ),
            &["job"],
        )?;
        registry.register(Box::new(lag.clone()))?;
        let longest = Gauge::new(
            "syncline_queue_longest_wait_seconds",
            "How long the run has waited for a slot that waits longest.",
        )?;
        registry.register(Box::new(longest.clone()))?;
        let job = &["job"][..];
        Ok(Self {
            rows_read: counter("syncline_rows_read_total", "Rows read from sources.", job)?,
            rows_written: counter("syncline_rows_written_total", "Rows written to targets.", job)?,
            bytes_read: counter(
                "syncline_bytes_read_total",
                "Bytes read from sources, as Arrow holds them.",
                job,
            )?,
            changes: counter(
                "syncline_changes_total",
                "Changes of a log that were applied, by what happened.",
                &["job", "operation"],
            )?,
            dead_letters: counter(
                "syncline_dead_letters_total",
                "Rows that could not be converted or written and were kept.",
                job,
            )?,
            retries: counter(
                "syncline_retries_total",
                "Times something was tried again after a failure that may pass.",
                job,
            )?,
            source_wait: seconds(
                "syncline_source_wait_seconds_total",
                "Seconds that writers waited for rows, over all workers.",
            )?,
            sink_wait: seconds(
                "syncline_sink_wait_seconds_total",
                "Seconds that readers waited for room, over all workers.",
            )?,
            cpu: seconds(
                "syncline_run_cpu_seconds_total",
                "Seconds of CPU that were seen to be those of runs of the job.",
            )?,
            ended: counter(
                "syncline_runs_ended_total",
                "Runs that have ended on this node, by how.",
                &["job", "outcome"],
            )?,
            errors: counter(
                "syncline_errors_total",
                "Runs that have failed, by the code of the error.",
                &["job", "code"],
            )?,
            lag,
            queued_bytes: gauge(
                "syncline_queued_bytes",
                "Bytes between readers and writers: what a run holds in memory for its rows.",
                "job",
            )?,
            states: gauge("syncline_runs", "Runs that have not ended, by state.", "state")?,
            waiting: single("syncline_queue_length", "Runs that wait for a slot.")?,
            longest,
            slots: single("syncline_slots", "Runs there may be at the same time.")?,
            traces,
            live: Mutex::default(),
        })
    }

    /// A run has begun in this process.
    pub(crate) fn started(&self, job: &str, run: &str, meter: Meter) {
        // They are there from the first scrape on, so that a rate sees the first rows.
        for one in [&self.rows_read, &self.rows_written, &self.bytes_read, &self.dead_letters] {
            one.with_label_values(&[job]);
        }
        self.retries.with_label_values(&[job]);
        self.source_wait.with_label_values(&[job]);
        self.sink_wait.with_label_values(&[job]);
        self.cpu.with_label_values(&[job]);
        let counted = Counted::default();
        let began = SystemTime::now();
        let live = Live { job: job.to_owned(), meter, counted, lag_ms: None, began };
        self.live().insert(run.to_owned(), live);
    }

    /// Something has happened to a run.
    pub(crate) fn event(&self, run: &str, event: &Event) {
        if let Event::Streaming { lag_ms, .. } | Event::Following { lag_ms, .. } = event
            && let Some(live) = self.live().get_mut(run)
        {
            live.lag_ms = *lag_ms;
        }
    }

    /// A run has ended in this process.
    pub(crate) fn ended(&self, run: &str, outcome: &Outcome) {
        let Some(mut live) = self.live().remove(run) else { return };
        let (how, summary) = match outcome {
            Outcome::Finished(summary) => ("finished", summary),
            Outcome::Rested(summary) => ("rested", summary),
            Outcome::Interrupted(summary) => ("interrupted", summary),
            Outcome::Stopped(summary) => ("stopped", summary),
            Outcome::Failed(error, summary) => {
                let code = error.code().to_string();
                self.errors.with_label_values(&[&live.job, &code]).inc();
                ("failed", summary)
            }
        };
        self.count(&mut live, summary);
        self.ended.with_label_values(&[live.job.as_str(), how]).inc();
        if self.traces.wanted() {
            let span = Span::of_run(&live.job, live.began)
                .with("syncline.run", run)
                .with("syncline.job", live.job.as_str())
                .with("syncline.outcome", how)
                .with("syncline.rows_read", summary.rows_read)
                .with("syncline.rows_written", summary.rows_written)
                .with("syncline.dead_letters", summary.dead_letters);
            self.traces.take(span.failed(how == "failed"));
        }
        let others = self.live().values().any(|other| other.job == live.job);
        if !others {
            // A number that nothing moves any more would say that all is as it was.
            let _ = self.lag.remove_label_values(&[&live.job]);
            let _ = self.queued_bytes.remove_label_values(&[&live.job]);
        }
    }

    /// Reads the meters of all runs at work, and takes in what the pool says of itself.
    pub(super) fn refresh(
        &self,
        counts: &[StateCount],
        waiting: usize,
        longest: Duration,
        slots: u32,
    ) {
        let mut live = self.live();
        let mut queued: HashMap<String, u64> = HashMap::new();
        let mut lags: HashMap<String, u64> = HashMap::new();
        for run in live.values_mut() {
            let summary = run.meter.read();
            self.count(run, &summary);
            *queued.entry(run.job.clone()).or_default() += run.meter.queue_depth();
            if let Some(lag) = run.lag_ms {
                let most = lags.entry(run.job.clone()).or_default();
                *most = (*most).max(lag);
            }
        }
        for (job, bytes) in queued {
            self.queued_bytes.with_label_values(&[&job]).set(whole(bytes));
        }
        for (job, lag) in lags {
            #[allow(clippy::cast_precision_loss, reason = "milliseconds, far below 2^52")]
            self.lag.with_label_values(&[&job]).set(lag as f64 / 1000.0);
        }
        for state in RunState::ALL.into_iter().filter(|state| !state.is_final()) {
            let runs = counts.iter().find(|c| c.state == state).map_or(0, |c| c.runs);
            self.states.with_label_values(&[state.name()]).set(whole(runs));
        }
        self.waiting.set(whole(waiting as u64));
        self.longest.set(longest.as_secs_f64());
        self.slots.set(slots.into());
    }

    /// Adds what is new since the last time. Rows that are read again after a failure are not
    /// counted again.
    fn count(&self, run: &mut Live, now: &Summary) {
        let job = &[run.job.as_str()][..];
        let before = &mut run.counted;
        let add = |counter: &IntCounterVec, before: &mut u64, now: u64| {
            counter.with_label_values(job).inc_by(now.saturating_sub(*before));
            *before = now.max(*before);
        };
        add(&self.rows_read, &mut before.read, now.rows_read.saturating_sub(now.rows_resumed));
        add(
            &self.rows_written,
            &mut before.written,
            now.rows_written.saturating_sub(now.rows_resumed),
        );
        add(&self.bytes_read, &mut before.bytes, now.bytes_read);
        add(&self.dead_letters, &mut before.dead_letters, now.dead_letters);
        add(&self.retries, &mut before.retries, now.retries);
        let all = |of: fn(&syncline_engine::Changes) -> u64| {
            now.tables.iter().map(|table| of(&table.changes)).sum::<u64>()
        };
        for (name, before, now) in [
            ("insert", &mut before.inserts, all(|c| c.inserts)),
            ("update", &mut before.updates, all(|c| c.updates)),
            ("delete", &mut before.deletes, all(|c| c.deletes)),
        ] {
            if now > *before {
                self.changes.with_label_values(&[job[0], name]).inc_by(now - *before);
                *before = now;
            }
        }
        for (counter, before, now) in [
            (&self.source_wait, &mut before.source_wait, now.source_wait_seconds),
            (&self.sink_wait, &mut before.sink_wait, now.sink_wait_seconds),
            // Also what it took after its summary was made.
            (&self.cpu, &mut before.cpu, run.meter.cpu().as_secs_f64()),
        ] {
            counter.with_label_values(job).inc_by((now - *before).max(0.0));
            *before = now.max(*before);
        }
    }

    fn live(&self) -> MutexGuard<'_, HashMap<String, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
