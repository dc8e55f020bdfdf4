//! Runs: their states with history, their plans and counts.

use syncline_types::{Code, Error, Result, RunEvent, RunState, in_terms_of_jobs};

use crate::database::{Session, Value, params};
use crate::events::{NewEvent, add_event};
use crate::projects::DEFAULT_PROJECT;
use crate::run_record::{columns, record};
use crate::{HistoryEntry, NewRun, RunError, RunRecord, RunTotals, Store, Trigger, Wanted, now};

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
        self.fail_as(run, epoch, &RunError::from(error))
    }

    /// As [`Store::fail`], with the error as it is kept.
    ///
    /// # Errors
    /// As [`Store::transition`].
    pub fn fail_as(&self, run: &str, epoch: u64, error: &RunError) -> Result<RunState> {
        let change = Change {
            reason: Some(&error.message),
            epoch: Some(epoch),
            error: Some(error),
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
            connections, node, source_connection, sink_connection, project)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'created', $8, $8, $9, $10, $11, $12, $13, $14, $15,
            $16, $17, $18, $19,
            COALESCE((SELECT j.project FROM jobs j WHERE j.name = $10), $20)) RETURNING {}",
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
        origin.and_then(|o| o.source_connection.as_ref()),
        origin.and_then(|o| o.sink_connection.as_ref()),
        DEFAULT_PROJECT,
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
        // Who has started a server's run is at no command line.
        if let Some(error) = more.error.as_mut().filter(|_| more.job_name.is_some()) {
            error.hint = error.hint.as_deref().map(in_terms_of_jobs);
        }
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
