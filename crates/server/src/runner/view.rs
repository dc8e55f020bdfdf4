//! A run as the API shows it: what is recorded, and what it has done since, when it is at work.

use serde::Serialize;
use syncline_store::{RunError, RunRecord, Trigger};
use syncline_types::{RunState, in_terms_of_jobs};
use utoipa::ToSchema;

use super::live::Live;

/// A run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RunView {
    /// Its unique key (UUIDv7).
    pub(crate) id: String,
    /// The job's name.
    pub(crate) job: String,
    /// The job's version that it was started with.
    pub(crate) job_version: Option<i64>,
    /// The project its job is in.
    pub(crate) project: String,
    /// `created`, `waiting`, `running`, `pausing`, `paused`, `stopping`, `stopped`, `finished` or
    /// `failed`.
    #[schema(example = "running")]
    pub(crate) state: String,
    /// Why, where there is something to say.
    pub(crate) reason: Option<String>,
    /// What it waits for, while it is in the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waits_for: Option<String>,
    /// What started it: `api`, `schedule`, `completion`, `restart`, or `command`.
    #[schema(value_type = String, example = "api")]
    pub(crate) trigger: Trigger,
    /// `full`, `batch`, `changes`, `full+changes`.
    pub(crate) mode: Option<String>,
    /// The source, without secrets.
    pub(crate) source: String,
    /// The target, without secrets.
    pub(crate) sink: String,
    /// The stored connection it reads, where the job names one.
    pub(crate) source_connection: Option<String>,
    /// The stored connection it writes to, where the job names one.
    pub(crate) sink_connection: Option<String>,
    /// Runs of a higher one are started first.
    pub(crate) priority: i64,
    /// How often it has been taken up.
    pub(crate) epoch: u64,
    /// The node that has it.
    pub(crate) node: Option<String>,
    /// Rows read, over all its processes.
    pub(crate) rows_read: u64,
    /// Rows written, over all its processes.
    pub(crate) rows_written: u64,
    /// Estimated rows, once it is planned.
    pub(crate) rows_estimated: Option<u64>,
    /// Rows kept as dead letters.
    pub(crate) dead_letters: u64,
    /// Rows written a second: just now while it is at work, on the whole once it has ended.
    pub(crate) rows_per_second: u64,
    /// Milliseconds of the processor that were seen to be its own, over all its processes.
    pub(crate) cpu_ms: u64,
    /// Milliseconds from the last commit at the source until it was durable at the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lag_ms: Option<u64>,
    /// It has caught up with the source's log, and follows it.
    pub(crate) following: bool,
    /// The place in the log up to which everything is durable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<String>,
    /// When it was recorded (UTC, ISO 8601).
    pub(crate) created_at: String,
    /// When it last changed.
    pub(crate) updated_at: String,
    /// Since when it waits for its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queued_at: Option<String>,
    /// When it first began to move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<String>,
    /// The error that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<RunErrorView>,
}

/// The error that ended a run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RunErrorView {
    /// Its code.
    #[schema(example = "E0207")]
    code: String,
    /// What happened and where.
    message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl From<RunError> for RunErrorView {
    fn from(error: RunError) -> Self {
        let hint = error.hint.as_deref().map(in_terms_of_jobs);
        Self { code: error.code, message: error.message, hint }
    }
}

impl RunView {
    /// What is recorded, with what `live` has counted since.
    pub(crate) fn of(run: RunRecord, live: Option<&Live>) -> Self {
        // What is recorded at its end is the last word; `live` may have been asked before that.
        let ended = run.state.is_final() || run.state == RunState::Failed;
        let more = run.more;
        let mut view = Self {
            job: more.job_name.unwrap_or(run.name),
            job_version: more.job_version,
            project: more.project,
            state: run.state.name().to_owned(),
            reason: run.reason,
            waits_for: more.waits_for,
            trigger: more.started_by,
            mode: more.mode,
            source: run.source,
            sink: run.sink,
            source_connection: more.source_connection,
            sink_connection: more.sink_connection,
            priority: more.priority,
            epoch: run.epoch,
            node: more.node,
            rows_read: run.totals.rows_read,
            rows_written: run.totals.rows_written,
            rows_estimated: more.rows_estimated,
            dead_letters: run.totals.dead_letters,
            rows_per_second: more.rows_per_second.unwrap_or(0),
            cpu_ms: run.totals.cpu_ms,
            lag_ms: more.lag_ms,
            following: false,
            position: more.place,
            created_at: run.created_at,
            updated_at: run.updated_at,
            queued_at: more.queued_at,
            started_at: more.started_at,
            ended_at: more.ended_at,
            error: more.error.map(RunErrorView::from),
            id: run.id,
        };
        if let Some(live) = live.filter(|_| !ended) {
            let now = live.now();
            view.rows_read = view.rows_read.max(now.rows_read);
            view.rows_written = view.rows_written.max(now.rows_written);
            view.dead_letters = now.dead_letters;
            view.rows_estimated = now.rows_estimated.or(view.rows_estimated);
            view.rows_per_second = now.rows_per_second;
            view.cpu_ms = view.cpu_ms.max(live.cpu_ms());
            view.lag_ms = now.lag_ms.or(view.lag_ms);
            view.position = now.place.or(view.position);
            view.following = now.follows;
        }
        view
    }
}
