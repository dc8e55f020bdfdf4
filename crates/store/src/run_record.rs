//! What is kept of a run, and how it is read.

use serde::{Deserialize, Serialize};
use syncline_types::{Error, RunState};

use crate::database::{Done, Row};

/// A run to be recorded.
#[derive(Debug, Clone, Default)]
pub struct NewRun {
    /// Its unique key (UUIDv7).
    pub id: String,
    /// Fingerprint of the job: the same job again finds its unfinished run by it.
    pub job: String,
    /// The job's name, for people.
    pub name: String,
    /// The command that continues it.
    pub command: String,
    /// The job itself, as the engine wrote it (JSON, without secrets).
    pub spec: String,
    /// The source, without secrets.
    pub source: String,
    /// The target, without secrets.
    pub sink: String,
    /// What is moved: `full`, `batch`, `changes`, `full+changes`.
    pub mode: String,
    /// Where it comes from, when a server started it.
    pub origin: Option<Origin>,
}

/// Where a server's run comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The job's name in the store.
    pub job: String,
    /// The job's version that is run.
    pub version: i64,
    /// What started it.
    pub trigger: Trigger,
    /// Who or what that was, for people.
    pub reason: Option<String>,
    /// Runs of a higher one are started first.
    pub priority: i64,
    /// It may run beside others of its job.
    pub overlaps: bool,
    /// An unfinished run of the job that is given up for it.
    pub gives_up: Option<String>,
    /// Connections it uses, for their limits.
    pub connections: Vec<String>,
    /// The stored connection it reads.
    pub source_connection: Option<String>,
    /// The stored connection it writes to.
    pub sink_connection: Option<String>,
    /// The node that it was given to.
    pub node: String,
}

/// What starts a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The command line.
    #[default]
    Command,
    /// A person or a program, through the API.
    Api,
    /// The job's schedule.
    Schedule,
    /// The end of another job's run.
    Completion,
    /// An earlier run of the job that was to be run again.
    Restart,
}

impl Trigger {
    /// Its name in the API and the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Api => "api",
            Self::Schedule => "schedule",
            Self::Completion => "completion",
            Self::Restart => "restart",
        }
    }

    pub(crate) fn parse(name: &str) -> Self {
        let all = [Self::Api, Self::Schedule, Self::Completion, Self::Restart];
        all.into_iter().find(|t| t.name() == name).unwrap_or_default()
    }
}

/// What the person in charge wants of a run: kept apart from its state, so that a node that stops
/// does not take its own interruption for somebody's pause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// It is to go on.
    #[default]
    Run,
    /// It is to rest.
    Pause,
    /// It is to end.
    Stop,
}

impl Wanted {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Pause => "pause",
            Self::Stop => "stop",
        }
    }

    pub(crate) fn parse(name: &str) -> Self {
        [Self::Pause, Self::Stop].into_iter().find(|w| w.name() == name).unwrap_or_default()
    }
}

/// The error that ended a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// Its code, as `E0207`.
    pub code: String,
    /// What happened and where.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&Error> for RunError {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().to_string(),
            message: error.chain(),
            hint: error.hint_text().map(str::to_owned),
        }
    }
}

/// A run as recorded.
#[derive(Debug, Clone, Serialize)]
pub struct RunRecord {
    /// Its unique key (UUIDv7).
    pub id: String,
    /// Fingerprint of the job.
    pub job: String,
    /// The job's name.
    pub name: String,
    /// The command that continues it.
    pub command: String,
    /// The job itself, as the engine wrote it (JSON, without secrets). Lists leave it out.
    #[serde(skip)]
    pub spec: String,
    /// The source, without secrets.
    pub source: String,
    /// The target, without secrets.
    pub sink: String,
    /// Where it stands.
    pub state: RunState,
    /// Why, where there is something to say.
    pub reason: Option<String>,
    /// How often it has been taken up; writes of earlier owners are refused.
    pub epoch: u64,
    /// The plan, as the engine wrote it (JSON). Lists leave it out.
    #[serde(skip)]
    pub plan: Option<String>,
    /// Counts, once it has moved rows.
    pub totals: RunTotals,
    /// When it was recorded (UTC, ISO 8601).
    pub created_at: String,
    /// When it last changed (UTC, ISO 8601).
    pub updated_at: String,
    /// What a server keeps besides.
    #[serde(flatten)]
    pub more: RunMore,
}

/// What a server keeps of a run besides.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunMore {
    /// The job's name in the store; none for runs of the command line.
    pub job_name: Option<String>,
    /// The job's version.
    pub job_version: Option<i64>,
    /// The project its job is in.
    pub project: String,
    /// What started it.
    pub started_by: Trigger,
    /// What is moved.
    pub mode: Option<String>,
    /// Runs of a higher one are started first.
    pub priority: i64,
    /// It may run beside others of its job.
    #[serde(skip)]
    pub overlaps: bool,
    /// An unfinished run of the job that is given up for it.
    #[serde(skip)]
    pub gives_up: Option<String>,
    /// Connections it uses.
    #[serde(skip)]
    pub connections: Vec<String>,
    /// The stored connection it reads.
    pub source_connection: Option<String>,
    /// The stored connection it writes to.
    pub sink_connection: Option<String>,
    /// The node that has it.
    pub node: Option<String>,
    /// What is wanted of it.
    pub wanted: Wanted,
    /// What it waits for, while it is in the queue.
    pub waits_for: Option<String>,
    /// Something of it may be left at its stores although it was stopped.
    #[serde(skip)]
    pub leaves: bool,
    /// Estimated rows, once it is planned.
    pub rows_estimated: Option<u64>,
    /// Rows written in a second, over the time it was last at work.
    pub rows_per_second: Option<u64>,
    /// Milliseconds from the last commit at the source until it was durable at the target.
    pub lag_ms: Option<u64>,
    /// The place in the log up to which everything is durable.
    pub place: Option<String>,
    /// Since when it is in the queue (UTC, ISO 8601); none once it is at work.
    pub queued_at: Option<String>,
    /// When it first began to move (UTC, ISO 8601).
    pub started_at: Option<String>,
    /// When it ended (UTC, ISO 8601).
    pub ended_at: Option<String>,
    /// The error that ended it.
    pub error: Option<RunError>,
}

/// What a run has done so far, over all its processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTotals {
    /// Tables.
    pub tables: u64,
    /// Rows read from the source.
    pub rows_read: u64,
    /// Rows written to the target.
    pub rows_written: u64,
    /// Rows kept as dead letters.
    pub dead_letters: u64,
    /// Milliseconds of the processor that were seen to be its own.
    #[serde(default)]
    pub cpu_ms: u64,
}

/// One change of a run's state.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryEntry {
    /// When (UTC, ISO 8601).
    pub at: String,
    /// The state it entered.
    pub state: RunState,
    /// Why, where there is something to say.
    pub reason: Option<String>,
}

/// Columns that lists show.
const SHOWN: &str = "id, job, name, command, source, sink, state, reason, epoch, totals, \
    created_at, updated_at, job_name, job_version, project, started_by, mode, priority, may_overlap, gives_up, \
    connections, source_connection, sink_connection, node, wanted, waits_for, leaves, rows_estimated, rows_per_second, lag_ms, place, \
    queued_at, started_at, ended_at, error";

/// All columns, as they are read.
pub(crate) fn columns() -> String {
    format!("{SHOWN}, spec, plan")
}

/// The columns of a list: without the job and the plan, which are long.
pub(crate) fn listed() -> String {
    format!("{SHOWN}, '' AS spec, NULL AS plan")
}

pub(crate) fn record(row: &Row) -> Done<RunRecord> {
    let state: String = row.get("state")?;
    let read = |name: &str| row.get::<Option<String>>(name);
    Ok(RunRecord {
        id: row.get("id")?,
        job: row.get("job")?,
        name: row.get("name")?,
        command: row.get("command")?,
        spec: row.get("spec")?,
        source: row.get("source")?,
        sink: row.get("sink")?,
        state: RunState::parse(&state).unwrap_or(RunState::Failed),
        reason: row.get("reason")?,
        epoch: row.get("epoch")?,
        plan: row.get("plan")?,
        totals: read("totals")?.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default(),
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        more: RunMore {
            job_name: read("job_name")?,
            job_version: row.get("job_version")?,
            project: row.get("project")?,
            started_by: Trigger::parse(&row.get::<String>("started_by")?),
            mode: read("mode")?,
            priority: row.get("priority")?,
            overlaps: row.get("may_overlap")?,
            gives_up: read("gives_up")?,
            connections: read("connections")?
                .and_then(|c| serde_json::from_str(&c).ok())
                .unwrap_or_default(),
            source_connection: read("source_connection")?,
            sink_connection: read("sink_connection")?,
            node: read("node")?,
            wanted: Wanted::parse(&row.get::<String>("wanted")?),
            waits_for: read("waits_for")?,
            leaves: row.get("leaves")?,
            rows_estimated: row.get("rows_estimated")?,
            rows_per_second: row.get("rows_per_second")?,
            lag_ms: row.get("lag_ms")?,
            place: read("place")?,
            queued_at: read("queued_at")?,
            started_at: read("started_at")?,
            ended_at: read("ended_at")?,
            error: read("error")?.and_then(|e| serde_json::from_str(&e).ok()),
        },
    })
}
