//! Runs: their states with history, their plans, and how far each split is.

use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Position, Result, RunEvent, RunState};

use crate::database::{Done, Row, Session, Value, params};
use crate::{Store, now};

/// A run to be recorded.
#[derive(Debug, Clone)]
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
    /// The job itself, as the engine wrote it (JSON, without secrets).
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
    /// The plan, as the engine wrote it (JSON).
    #[serde(skip)]
    pub plan: Option<String>,
    /// Counts, once it has moved rows.
    pub totals: RunTotals,
    /// When it was recorded (UTC, ISO 8601).
    pub created_at: String,
    /// When it last changed (UTC, ISO 8601).
    pub updated_at: String,
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

/// How far a split is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Index of the table in the plan.
    pub table: u32,
    /// The split's id.
    pub split: u32,
    /// Durable up to here.
    pub position: Position,
    /// The split is complete.
    pub done: bool,
    /// Rows of it that were written: without those that were filtered out or refused.
    pub written: u64,
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

const COLUMNS: &str = "id, job, name, command, spec, source, sink, state, reason, epoch, plan, totals, \
                       created_at, updated_at";

fn record(row: &Row) -> Done<RunRecord> {
    let state: String = row.get("state")?;
    let totals: Option<String> = row.get("totals")?;
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
        totals: totals.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default(),
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

const CHECKPOINTS: &str = "SELECT tbl, split, seq, token, done, written FROM checkpoints";

fn checkpoint(row: &Row) -> Done<Checkpoint> {
    Ok(Checkpoint {
        table: row.get("tbl")?,
        split: row.get("split")?,
        position: Position::new(row.get("seq")?, row.get::<String>("token")?),
        done: row.get("done")?,
        written: row.get("written")?,
    })
}

pub(crate) fn stale(run: &str, epoch: u64) -> Error {
    Error::new(
        Code::StaleEpoch,
        format!("run {run} has been taken over by another process (epoch {epoch} is past)"),
    )
}

impl Store {
    /// Records a run, as created.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn create_run(&self, run: &NewRun) -> Result<RunRecord> {
        let doing = "recording a run";
        self.database().transaction(doing, |session| {
            let sql = format!(
                "INSERT INTO runs
                    (id, job, name, command, spec, source, sink, state, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 'created', $8, $8) RETURNING {COLUMNS}"
            );
            let values = params![
                &run.id,
                &run.job,
                &run.name,
                &run.command,
                &run.spec,
                &run.source,
                &run.sink,
                now()
            ];
            let mut write = || {
                let recorded = session.row(&sql, values)?;
                add_history(session, &run.id, RunState::Created, None)?;
                recorded.as_ref().map(record).transpose()
            };
            write()
                .map_err(|e| e.while_(doing))?
                .ok_or_else(|| Error::bug("a run that was recorded is not there"))
        })
    }

    /// The run of that id, or whose id begins so when only one does.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn run(&self, id: &str) -> Result<Option<RunRecord>> {
        // The next text after every one that begins so.
        let beyond = format!("{id}\u{10FFFF}");
        let sql =
            format!("SELECT {COLUMNS} FROM runs WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2");
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
            "SELECT {COLUMNS} FROM runs WHERE job = $1 AND state NOT IN ('finished', 'stopped') \
             ORDER BY created_at DESC, id DESC LIMIT 1"
        );
        Ok(self.records("looking for an unfinished run", &sql, params![job])?.pop())
    }

    /// The newest run of a job, whatever became of it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn last_run(&self, job: &str) -> Result<Option<RunRecord>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE job = $1 ORDER BY created_at DESC, id DESC LIMIT 1"
        );
        Ok(self.records("looking for a job's last run", &sql, params![job])?.pop())
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn runs(&self, state: Option<RunState>, limit: u32) -> Result<Vec<RunRecord>> {
        let all = format!("SELECT {COLUMNS} FROM runs");
        let newest = "ORDER BY created_at DESC, id DESC LIMIT";
        match state {
            None => self.records("listing runs", &format!("{all} {newest} $1"), params![limit]),
            Some(state) => self.records(
                "listing runs",
                &format!("{all} WHERE state = $1 {newest} $2"),
                params![state.name(), limit],
            ),
        }
    }

    fn records(&self, doing: &str, sql: &str, values: &[Value]) -> Result<Vec<RunRecord>> {
        self.database().read(doing, sql, values, record)
    }

    /// Takes a run up: a new epoch, which fences off every earlier owner, and the state after
    /// [`RunEvent::Start`].
    ///
    /// # Errors
    /// [`Code::BadTransition`] for a run that is final.
    pub fn take_up(&self, run: &str) -> Result<RunRecord> {
        self.change(run, None, RunEvent::Start, None, true)
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
        Ok(self.change(run, Some(epoch), event, reason, false)?.state)
    }

    fn change(
        &self,
        run: &str,
        epoch: Option<u64>,
        event: RunEvent,
        reason: Option<&str>,
        new_epoch: bool,
    ) -> Result<RunRecord> {
        let doing = "recording a state";
        self.database().transaction(doing, |session| {
            let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = $1{}", session.for_update());
            let current = session
                .row(&sql, params![run])
                .and_then(|row| row.as_ref().map(record).transpose())
                .map_err(|e| e.while_(doing))?
                .ok_or_else(|| {
                    Error::new(Code::StateUnusable, format!("run {run} is not recorded"))
                })?;
            if let Some(epoch) = epoch.filter(|e| *e != current.epoch) {
                return Err(stale(run, epoch));
            }
            let next = current.state.after(event)?;
            let epoch = current.epoch + u64::from(new_epoch);
            let mut write = || {
                session.execute(
                    "UPDATE runs SET state = $1, reason = $2, epoch = $3, updated_at = $4 \
                     WHERE id = $5",
                    params![next.name(), reason, epoch, now(), run],
                )?;
                if next != current.state || reason != current.reason.as_deref() || new_epoch {
                    add_history(session, run, next, reason)?;
                }
                Ok(())
            };
            write().map_err(|e: crate::database::Failed| e.while_(doing))?;
            Ok(RunRecord { state: next, reason: reason.map(str::to_owned), epoch, ..current })
        })
    }

    /// Keeps the plan of a run, once.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn save_plan(&self, run: &str, epoch: u64, plan: &str) -> Result<()> {
        self.update(run, epoch, "keeping the plan", "plan", plan)
    }

    /// Keeps the counts of a run.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn save_totals(&self, run: &str, epoch: u64, totals: &RunTotals) -> Result<()> {
        let text = serde_json::to_string(totals).unwrap_or_default();
        self.update(run, epoch, "keeping the counts", "totals", &text)
    }

    fn update(&self, run: &str, epoch: u64, doing: &str, column: &str, value: &str) -> Result<()> {
        let sql =
            format!("UPDATE runs SET {column} = $1, updated_at = $2 WHERE id = $3 AND epoch = $4");
        self.fenced(run, epoch, doing, &sql, params![value, now(), run, epoch])
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

    /// Moves a split's checkpoint.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn checkpoint(&self, run: &str, epoch: u64, at: &Checkpoint) -> Result<()> {
        self.fenced(
            run,
            epoch,
            "moving a checkpoint",
            "INSERT INTO checkpoints (run, tbl, split, seq, token, done, written)
             SELECT id, $1, $2, $3, $4, $5, $6 FROM runs WHERE id = $7 AND epoch = $8
             ON CONFLICT (run, tbl, split) DO UPDATE
             SET seq = excluded.seq, token = excluded.token, done = excluded.done,
                 written = excluded.written",
            params![
                at.table,
                at.split,
                at.position.seq,
                &at.position.token,
                at.done,
                at.written,
                run,
                epoch
            ],
        )
    }

    /// All checkpoints of a run.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>> {
        let sql = format!("{CHECKPOINTS} WHERE run = $1");
        self.database().read("reading checkpoints", &sql, params![run], checkpoint)
    }

    /// The checkpoint of one split, once it has one.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn checkpoint_of(&self, run: &str, table: u32, split: u32) -> Result<Option<Checkpoint>> {
        let sql = format!("{CHECKPOINTS} WHERE run = $1 AND tbl = $2 AND split = $3");
        let values = params![run, table, split];
        Ok(self.database().read("reading a checkpoint", &sql, values, checkpoint)?.pop())
    }

    /// Notes that the sink has committed a table: it must not be asked to again once it has been
    /// told that the run is over.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn commit_table(&self, run: &str, epoch: u64, table: u32) -> Result<()> {
        self.fenced(
            run,
            epoch,
            "noting a commit",
            "INSERT INTO commits (run, tbl) SELECT id, $1 FROM runs WHERE id = $2 AND epoch = $3
             ON CONFLICT (run, tbl) DO UPDATE SET tbl = excluded.tbl",
            params![table, run, epoch],
        )
    }

    /// The tables of a run that are committed, by index in the plan.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn committed_tables(&self, run: &str) -> Result<Vec<u32>> {
        let sql = "SELECT tbl FROM commits WHERE run = $1";
        self.database().read("reading commits", sql, params![run], |row| row.get("tbl"))
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

fn add_history(
    session: &mut Session,
    run: &str,
    state: RunState,
    reason: Option<&str>,
) -> Done<()> {
    session
        .execute(
            "INSERT INTO history (run, at, state, reason) VALUES ($1, $2, $3, $4)",
            params![run, now(), state.name(), reason],
        )
        .map(drop)
}
