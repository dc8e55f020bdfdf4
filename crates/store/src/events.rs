//! What happened to runs, in one sequence for all of them: states, notes, waits, ends.
//!
//! A number is given inside of the transaction that writes the event, by a row that stays locked
//! until it ends: whoever has seen a number has seen, or can read, all smaller ones.

use serde::Serialize;
use serde_json::{Value as Json, json};
use syncline_types::{Result, RunState};

use crate::RunRecord;
use crate::database::{Done, Row, Session, params};
use crate::{Store, now};

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Info,
    /// A person may want to look.
    Warn,
    /// A person has to do something.
    Error,
}

impl Level {
    /// Its name in the API and the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Info, Self::Warn, Self::Error].into_iter().find(|l| l.name() == name)
    }
}

/// An event to be kept.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The run.
    pub run: String,
    /// What kind: `state`, `note`, `planned`, `waiting`, …
    pub kind: String,
    /// How much it matters.
    pub level: Level,
    /// In words.
    pub message: String,
    /// In figures: a JSON object.
    pub body: Json,
}

impl NewEvent {
    /// The event that tells of a run's state.
    pub(crate) fn of_state(run: &RunRecord, reason: Option<&str>) -> Self {
        let level = match run.state {
            RunState::Failed => Level::Error,
            RunState::Waiting if run.more.waits_for.is_none() && reason.is_some() => Level::Warn,
            _ => Level::Info,
        };
        let message = match reason {
            Some(reason) => format!("{}: {reason}", run.state),
            None => run.state.to_string(),
        };
        let mut body = json!({ "state": run.state, "epoch": run.epoch });
        if let Some(reason) = reason {
            body["reason"] = json!(reason);
        }
        if let Some(error) = &run.more.error {
            body["error"] = json!(error);
        }
        Self { run: run.id.clone(), kind: "state".into(), level, message, body }
    }
}

/// An event that was kept.
#[derive(Debug, Clone, Serialize)]
pub struct RunEventRecord {
    /// Its number, ascending over all runs.
    pub seq: i64,
    /// The run.
    pub run: String,
    /// The run's job.
    pub job: Option<String>,
    /// When (UTC, ISO 8601).
    pub at: String,
    /// What kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// How much it matters.
    pub level: String,
    /// In words.
    pub message: String,
    /// In figures.
    #[serde(flatten)]
    pub body: Json,
}

const COLUMNS: &str = "e.seq, e.run, r.job_name, e.at, e.kind, e.level, e.message, e.body \
                       FROM run_events e JOIN runs r ON r.id = e.run";

fn event(row: &Row) -> Done<RunEventRecord> {
    let body: String = row.get("body")?;
    Ok(RunEventRecord {
        seq: row.get("seq")?,
        run: row.get("run")?,
        job: row.get("job_name")?,
        at: row.get("at")?,
        kind: row.get("kind")?,
        level: row.get("level")?,
        message: row.get("message")?,
        body: serde_json::from_str(&body).unwrap_or(Json::Null),
    })
}

/// Writes an event with the next number.
pub(crate) fn add_event(session: &mut Session, event: &NewEvent) -> Result<()> {
    let doing = "keeping an event";
    let next = "UPDATE sequences SET value = value + 1 WHERE name = 'run_events' RETURNING value";
    let row = session.row(next, &[]).map_err(|e| e.while_(doing))?;
    let seq: i64 = row.map_or(Ok(0), |row| row.get("value")).map_err(|e| e.while_(doing))?;
    session
        .execute(
            "INSERT INTO run_events (seq, run, at, kind, level, message, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            params![
                seq,
                &event.run,
                now(),
                &event.kind,
                event.level.name(),
                &event.message,
                event.body.to_string()
            ],
        )
        .map(drop)
        .map_err(|e| e.while_(doing))
}

impl Store {
    /// Runs a transaction that may keep events, and lets those know who wait for them.
    pub(crate) fn writing<T>(
        &self,
        doing: &str,
        work: impl FnOnce(&mut Session) -> Result<T>,
    ) -> Result<T> {
        let done = self.database().transaction(doing, work)?;
        self.wrote().send_modify(|times| *times += 1);
        Ok(done)
    }

    /// Changes whenever this process may have kept events.
    pub fn written(&self) -> tokio::sync::watch::Receiver<u64> {
        self.wrote().subscribe()
    }

    /// How often this process may have kept events until now.
    pub fn writes(&self) -> u64 {
        *self.wrote().borrow()
    }

    /// Keeps events, all or none.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn add_events(&self, events: &[NewEvent]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        self.writing("keeping events", |session| {
            events.iter().try_for_each(|event| add_event(session, event))
        })
    }

    /// The largest number that has been given.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn last_event(&self) -> Result<i64> {
        let sql = "SELECT value FROM sequences WHERE name = 'run_events'";
        let doing = "reading events";
        let found = self.database().read(doing, sql, &[], |row| row.get::<i64>("value"))?;
        Ok(found.into_iter().next().unwrap_or(0))
    }

    /// Events of all runs after a number, oldest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn events_after(&self, seq: i64, limit: u32) -> Result<Vec<RunEventRecord>> {
        let sql = format!("SELECT {COLUMNS} WHERE e.seq > $1 ORDER BY e.seq LIMIT $2");
        self.database().read("reading events", &sql, params![seq, limit], event)
    }

    /// Events of one run after a number, oldest first, that matter so much at least.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn events_of(
        &self,
        run: &str,
        seq: i64,
        level: Level,
        limit: u32,
    ) -> Result<Vec<RunEventRecord>> {
        let only = only(level);
        let sql = format!(
            "SELECT {COLUMNS} WHERE e.run = $1 AND e.seq > $2 {only} ORDER BY e.seq LIMIT $3"
        );
        self.database().read("reading a run's events", &sql, params![run, seq, limit], event)
    }

    /// The newest events of one run, oldest first, that matter so much at least: of those after a
    /// number, and before another where one is given.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn newest_events_of(
        &self,
        run: &str,
        seq: i64,
        before: Option<i64>,
        level: Level,
        limit: u32,
    ) -> Result<Vec<RunEventRecord>> {
        let only = only(level);
        let before = before.unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT {COLUMNS} WHERE e.run = $1 AND e.seq > $2 AND e.seq < $3 {only} \
             ORDER BY e.seq DESC LIMIT $4"
        );
        let doing = "reading a run's events";
        let values = params![run, seq, before, limit];
        let mut found = self.database().read(doing, &sql, values, event)?;
        found.reverse();
        Ok(found)
    }
}

/// The condition that events matter so much at least.
fn only(level: Level) -> &'static str {
    match level {
        Level::Info => "",
        Level::Warn => "AND e.level <> 'info'",
        Level::Error => "AND e.level = 'error'",
    }
}
