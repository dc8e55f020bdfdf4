//! Runs: their states with history, their plans and counts.

use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Result, RunEvent, RunState};

use crate::database::{Done, Row, Session, Value, params};
use crate::events::{NewEvent, add_event};
use crate::{Store, now};

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

    fn parse(name: &str) -> Self {
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

    fn parse(name: &str) -> Self {
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
    created_at, updated_at, job_name, job_version, started_by, mode, priority, may_overlap, gives_up, \
    connections, node, wanted, waits_for, leaves, rows_estimated, rows_per_second, lag_ms, place, \
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
            started_by: Trigger::parse(&row.get::<String>("started_by")?),
            mode: read("mode")?,
            priority: row.get("priority")?,
            overlaps: row.get("may_overlap")?,
            gives_up: read("gives_up")?,
            connections: read("connections")?
                .and_then(|c| serde_json::from_str(&c).ok())
                .unwrap_or_default(),
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

pub(crate) fn stale(run: &str, epoch: u64) -> Error {
    Error::new(
        Code::StaleEpoch,
        format!("run {run} has been taken over by another process (epoch {epoch} is past)"),
    )
}

/// What a change of state is to bring with it.
#[derive(Default)]
pub(crate) struct Change<'a> {
    pub(crate) reason: Option<&'a str>,
    /// The epoch that the writer believes in.
    pub(crate) epoch: Option<u64>,
    /// Every earlier owner is fenced off.
    pub(crate) new_epoch: bool,
    pub(crate) wanted: Option<Wanted>,
    pub(crate) error: Option<&'a RunError>,
    pub(crate) waits_for: Option<&'a str>,
}

impl Store {
    /// Records a run, as created.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn create_run(&self, run: &NewRun) -> Result<RunRecord> {
        self.writing("recording a run", |session| insert_run(session, run))
    }

    /// The run of that id, or whose id begins so when only one does.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn run(&self, id: &str) -> Result<Option<RunRecord>> {
        // The next text after every one that begins so.
        let beyond = format!("{id}\u{10FFFF}");
        let columns = columns();
        let sql =
            format!("SELECT {columns} FROM runs WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2");
        let mut found = self.records("reading a run", &sql, params![id, beyond])?;
        let exact = found.first().is_some_and(|r| r.id == id);
        Ok(if exact || found.len() == 1 { Some(found.swap_remove(0)) } else { None })
    }

    /// The newest run of a job that is neither finished nor stopped.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn unfinished(&self, job: &str) -> Result<Option<RunRecord>> {
        let sql = format!(
            "SELECT {} FROM runs WHERE job = $1 AND state NOT IN ('finished', 'stopped') \
             ORDER BY created_at DESC, id DESC LIMIT 1",
            columns()
        );
        Ok(self.records("looking for an unfinished run", &sql, params![job])?.pop())
    }

    /// The newest run of a job, whatever became of it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn last_run(&self, job: &str) -> Result<Option<RunRecord>> {
        let sql = format!(
            "SELECT {} FROM runs WHERE job = $1 ORDER BY created_at DESC, id DESC LIMIT 1",
            columns()
        );
        Ok(self.records("looking for a job's last run", &sql, params![job])?.pop())
    }

    pub(crate) fn records(
        &self,
        doing: &str,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<RunRecord>> {
        self.database().read(doing, sql, values, record)
    }

    /// Takes a run up: a new epoch, which fences off every earlier owner, and the state after
    /// [`RunEvent::Start`].
    ///
    /// # Errors
    /// [`Code::BadTransition`] for a run that is final.
    pub fn take_up(&self, run: &str) -> Result<RunRecord> {
        let change = Change { new_epoch: true, ..Change::default() };
        self.change(run, RunEvent::Start, &change)
    }

    /// Applies an event to the run's state and returns the state recorded.
    ///
    /// # Errors
    /// [`Code::BadTransition`]; [`Code::StaleEpoch`] when `epoch` is past.
    pub fn transition(
        &self,
        run: &str,
        epoch: u64,
        event: RunEvent,
        reason: Option<&str>,
    ) -> Result<RunState> {
        let change = Change { reason, epoch: Some(epoch), ..Change::default() };
        Ok(self.change(run, event, &change)?.state)
    }

    /// As [`Store::transition`], asked for by a person, whose wish is kept with it.
    ///
    /// # Errors
    /// As [`Store::transition`].
    pub fn wish(
        &self,
        run: &str,
        epoch: u64,
        event: RunEvent,
        wanted: Wanted,
        reason: Option<&str>,
    ) -> Result<RunState> {
        let wanted = Some(wanted);
        let change = Change { reason, epoch: Some(epoch), wanted, ..Change::default() };
        Ok(self.change(run, event, &change)?.state)
    }

    /// Records that a run has failed, and why.
    ///
    /// # Errors
    /// As [`Store::transition`].
    pub fn fail(&self, run: &str, epoch: u64, error: &Error) -> Result<RunState> {
        let kept = RunError::from(error);
        let change = Change {
            reason: Some(&kept.message),
            epoch: Some(epoch),
            error: Some(&kept),
            ..Change::default()
        };
        Ok(self.change(run, RunEvent::Fail, &change)?.state)
    }

    fn change(&self, run: &str, event: RunEvent, change: &Change<'_>) -> Result<RunRecord> {
        self.writing("recording a state", |session| {
            let current = for_update(session, run)?;
            change_state(session, current, event, change)
        })
    }

    /// Keeps the plan of a run, once.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn save_plan(&self, run: &str, epoch: u64, plan: &str) -> Result<()> {
        let sql = "UPDATE runs SET plan = $1, updated_at = $2 WHERE id = $3 AND epoch = $4";
        self.fenced(run, epoch, "keeping the plan", sql, params![plan, now(), run, epoch])
    }

    /// Keeps the counts of a run.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn save_totals(&self, run: &str, epoch: u64, totals: &RunTotals) -> Result<()> {
        let text = serde_json::to_string(totals).unwrap_or_default();
        let sql = "UPDATE runs SET totals = $1, updated_at = $2 WHERE id = $3 AND epoch = $4";
        self.fenced(run, epoch, "keeping the counts", sql, params![text, now(), run, epoch])
    }

    /// Runs a statement that changes a row only as long as the run is of `epoch`.
    pub(crate) fn fenced(
        &self,
        run: &str,
        epoch: u64,
        doing: &str,
        sql: &str,
        values: &[Value],
    ) -> Result<()> {
        let changed = self.database().execute(doing, sql, values)?;
        if changed == 0 { Err(stale(run, epoch)) } else { Ok(()) }
    }

    /// What happened to a run, oldest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn history(&self, run: &str) -> Result<Vec<HistoryEntry>> {
        let sql = "SELECT at, state, reason FROM history WHERE run = $1 ORDER BY id";
        self.database().read("reading history", sql, params![run], |row| {
            let state: String = row.get("state")?;
            Ok(HistoryEntry {
                at: row.get("at")?,
                state: RunState::parse(&state).unwrap_or(RunState::Failed),
                reason: row.get("reason")?,
            })
        })
    }
}

/// Records a run, as created.
pub(crate) fn insert_run(session: &mut Session, run: &NewRun) -> Result<RunRecord> {
    let sql = format!(
        "INSERT INTO runs (id, job, name, command, spec, source, sink, state, created_at,
            updated_at, mode, job_name, job_version, started_by, priority, may_overlap, gives_up,
            connections, node)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'created', $8, $8, $9, $10, $11, $12, $13, $14, $15,
            $16, $17) RETURNING {}",
        columns()
    );
    let origin = run.origin.as_ref();
    let connections = origin.map(|o| serde_json::to_string(&o.connections).unwrap_or_default());
    let values = params![
        &run.id,
        &run.job,
        &run.name,
        &run.command,
        &run.spec,
        &run.source,
        &run.sink,
        now(),
        &run.mode,
        origin.map(|o| &o.job),
        origin.map(|o| o.version),
        origin.map_or(Trigger::Command, |o| o.trigger).name(),
        origin.map_or(0, |o| o.priority),
        origin.is_some_and(|o| o.overlaps),
        origin.and_then(|o| o.gives_up.as_ref()),
        connections,
        origin.map(|o| &o.node),
    ];
    let recorded = session
        .row(&sql, values)
        .and_then(|row| row.as_ref().map(record).transpose())
        .map_err(|e| e.while_("recording a run"))?
        .ok_or_else(|| Error::bug("a run that was recorded is not there"))?;
    let reason = origin.and_then(|o| o.reason.as_deref());
    add_history(session, &recorded, reason)?;
    Ok(recorded)
}

/// The run, which stays as it is until the transaction ends.
pub(crate) fn for_update(session: &mut Session, run: &str) -> Result<RunRecord> {
    let sql = format!("SELECT {} FROM runs WHERE id = $1{}", columns(), session.for_update());
    session
        .row(&sql, params![run])
        .and_then(|row| row.as_ref().map(record).transpose())
        .map_err(|e| e.while_("reading a run"))?
        .ok_or_else(|| Error::new(Code::NotFound, format!("run {run} is not recorded")))
}

/// Writes the state after an event, its history, and the event that tells of it.
pub(crate) fn change_state(
    session: &mut Session,
    current: RunRecord,
    event: RunEvent,
    change: &Change<'_>,
) -> Result<RunRecord> {
    if let Some(epoch) = change.epoch.filter(|e| *e != current.epoch) {
        return Err(stale(&current.id, epoch));
    }
    let doing = "recording a state";
    let before = (current.state, current.reason.clone());
    let mut run = current;
    run.state = run.state.after(event)?;
    run.reason = change.reason.map(str::to_owned);
    run.epoch += u64::from(change.new_epoch);
    run.updated_at = now();
    let more = &mut run.more;
    more.wanted = change.wanted.unwrap_or(more.wanted);
    more.waits_for = change.waits_for.map(str::to_owned);
    match event {
        RunEvent::Queue | RunEvent::Orphan if run.state == RunState::Waiting => {
            more.queued_at = Some(run.updated_at.clone());
        }
        RunEvent::Start => {
            more.queued_at = None;
            more.started_at.get_or_insert_with(|| run.updated_at.clone());
        }
        _ => {}
    }
    if run.state.is_final() || run.state == RunState::Failed {
        more.ended_at = Some(run.updated_at.clone());
        more.error = change.error.cloned();
    } else {
        more.ended_at = None;
        more.error = None;
    }
    let error = more.error.as_ref().map(|e| serde_json::to_string(e).unwrap_or_default());
    session
        .execute(
            "UPDATE runs SET state = $1, reason = $2, epoch = $3, updated_at = $4, wanted = $5,
                waits_for = $6, queued_at = $7, started_at = $8, ended_at = $9, error = $10
             WHERE id = $11",
            params![
                run.state.name(),
                run.reason.as_ref(),
                run.epoch,
                &run.updated_at,
                more.wanted.name(),
                more.waits_for.as_ref(),
                more.queued_at.as_ref(),
                more.started_at.as_ref(),
                more.ended_at.as_ref(),
                error,
                &run.id
            ],
        )
        .map_err(|e| e.while_(doing))?;
    if (run.state, run.reason.clone()) != before || change.new_epoch {
        add_history(session, &run, change.reason)?;
    }
    Ok(run)
}

/// Keeps the state that a run has entered, and tells of it.
fn add_history(session: &mut Session, run: &RunRecord, reason: Option<&str>) -> Result<()> {
    session
        .execute(
            "INSERT INTO history (run, at, state, reason) VALUES ($1, $2, $3, $4)",
            params![&run.id, now(), run.state.name(), reason],
        )
        .map_err(|e| e.while_("keeping a run's history"))?;
    add_event(session, &NewEvent::of_state(run, reason))
}
