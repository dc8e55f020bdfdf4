//! Runs: their states with history, their plans, and how far each split is.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Position, Result, RunEvent, RunState};

use crate::{Store, failed};

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

const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
const COLUMNS: &str = "id, job, name, command, spec, source, sink, state, reason, epoch, plan, totals, \
                       created_at, updated_at";

fn record(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
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
        epoch: u64::try_from(row.get::<_, i64>("epoch")?).unwrap_or(0),
        plan: row.get("plan")?,
        totals: totals.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default(),
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

const CHECKPOINTS: &str = "SELECT tbl, split, seq, token, done, written FROM checkpoints";

fn checkpoint(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(Checkpoint {
        table: row.get(0)?,
        split: row.get(1)?,
        position: Position::new(unsigned(row.get(2)?), row.get::<_, String>(3)?),
        done: row.get(4)?,
        written: unsigned(row.get(5)?),
    })
}

pub(crate) fn stale(run: &str, epoch: u64) -> Error {
    Error::new(
        Code::StaleEpoch,
        format!("run {run} has been taken over by another process (epoch {epoch} is past)"),
    )
}

pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Store {
    /// Records a run, as created.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn create_run(&self, run: &NewRun) -> Result<RunRecord> {
        let mut connection = self.connection();
        let write = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                &format!(
                    "INSERT INTO runs
                        (id, job, name, command, spec, source, sink, state, created_at, updated_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'created', {NOW}, {NOW})"
                ),
                params![run.id, run.job, run.name, run.command, run.spec, run.source, run.sink],
            )?;
            add_history(&transaction, &run.id, RunState::Created, None)?;
            let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
            let recorded = transaction.query_row(&sql, [&run.id], record)?;
            transaction.commit()?;
            Ok(recorded)
        };
        write(&mut connection).map_err(|e| failed("recording a run", e))
    }

    /// The run of that id, or whose id begins so when only one does.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn run(&self, id: &str) -> Result<Option<RunRecord>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE substr(id, 1, length(?1)) = ?1 \
             ORDER BY length(id) = length(?1) DESC LIMIT 2"
        );
        let connection = self.connection();
        let read = || {
            let mut statement = connection.prepare(&sql)?;
            statement.query_map([id], record)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut found = read().map_err(|e| failed("reading a run", e))?;
        let exact = found.first().is_some_and(|r| r.id == id);
        Ok(if exact || found.len() == 1 { Some(found.swap_remove(0)) } else { None })
    }

    /// The newest run of a job that is neither finished nor stopped.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn unfinished(&self, job: &str) -> Result<Option<RunRecord>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE job = ?1 AND state NOT IN ('finished', 'stopped') \
             ORDER BY created_at DESC, id DESC LIMIT 1"
        );
        self.connection()
            .query_row(&sql, [job], record)
            .optional()
            .map_err(|e| failed("looking for an unfinished run", e))
    }

    /// The newest run of a job, whatever became of it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn last_run(&self, job: &str) -> Result<Option<RunRecord>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE job = ?1 ORDER BY created_at DESC, id DESC LIMIT 1"
        );
        self.connection()
            .query_row(&sql, [job], record)
            .optional()
            .map_err(|e| failed("looking for a job's last run", e))
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn runs(&self, state: Option<RunState>, limit: u32) -> Result<Vec<RunRecord>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE ?1 IS NULL OR state = ?1 \
             ORDER BY created_at DESC, id DESC LIMIT ?2"
        );
        let connection = self.connection();
        let read = || {
            let mut statement = connection.prepare(&sql)?;
            statement
                .query_map(params![state.map(RunState::name), limit], record)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|e| failed("listing runs", e))
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
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(|e| failed(doing, e))?;
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
        let current = transaction
            .query_row(&sql, [run], record)
            .optional()
            .map_err(|e| failed(doing, e))?
            .ok_or_else(|| Error::new(Code::StateUnusable, format!("run {run} is not recorded")))?;
        if let Some(epoch) = epoch.filter(|e| *e != current.epoch) {
            return Err(stale(run, epoch));
        }
        let next = current.state.after(event)?;
        let epoch = current.epoch + u64::from(new_epoch);
        let write = || {
            transaction.execute(
                &format!(
                    "UPDATE runs SET state = ?2, reason = ?3, epoch = ?4, updated_at = {NOW} WHERE id = ?1"
                ),
                params![run, next.name(), reason, signed(epoch)],
            )?;
            if next != current.state || reason != current.reason.as_deref() || new_epoch {
                add_history(&transaction, run, next, reason)?;
            }
            Ok(())
        };
        write().map_err(|e: rusqlite::Error| failed(doing, e))?;
        transaction.commit().map_err(|e| failed(doing, e))?;
        Ok(RunRecord { state: next, reason: reason.map(str::to_owned), epoch, ..current })
    }

    /// Keeps the plan of a run, once.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn save_plan(&self, run: &str, epoch: u64, plan: &str) -> Result<()> {
        self.update(run, epoch, "keeping the plan", "plan = ?3", plan)
    }

    /// Keeps the counts of a run.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn save_totals(&self, run: &str, epoch: u64, totals: &RunTotals) -> Result<()> {
        let text = serde_json::to_string(totals).unwrap_or_default();
        self.update(run, epoch, "keeping the counts", "totals = ?3", &text)
    }

    fn update(&self, run: &str, epoch: u64, doing: &str, set: &str, value: &str) -> Result<()> {
        let sql = format!("UPDATE runs SET {set}, updated_at = {NOW} WHERE id = ?1 AND epoch = ?2");
        let changed = self
            .connection()
            .execute(&sql, params![run, signed(epoch), value])
            .map_err(|e| failed(doing, e))?;
        if changed == 0 { Err(stale(run, epoch)) } else { Ok(()) }
    }

    /// Moves a split's checkpoint.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn checkpoint(&self, run: &str, epoch: u64, at: &Checkpoint) -> Result<()> {
        let changed = self
            .connection()
            .prepare_cached(
                "INSERT INTO checkpoints (run, tbl, split, seq, token, done, written)
                 SELECT :run, :tbl, :split, :seq, :token, :done, :written
                 FROM runs WHERE id = :run AND epoch = :epoch
                 ON CONFLICT (run, tbl, split) DO UPDATE
                 SET seq = excluded.seq, token = excluded.token, done = excluded.done,
                     written = excluded.written",
            )
            .and_then(|mut statement| {
                statement.execute(named_params! {
                    ":run": run, ":epoch": signed(epoch), ":tbl": at.table, ":split": at.split,
                    ":seq": signed(at.position.seq), ":token": at.position.token, ":done": at.done,
                    ":written": signed(at.written),
                })
            })
            .map_err(|e| failed("moving a checkpoint", e))?;
        if changed == 0 { Err(stale(run, epoch)) } else { Ok(()) }
    }

    /// All checkpoints of a run.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>> {
        let connection = self.connection();
        let read = || {
            let mut statement = connection.prepare(&format!("{CHECKPOINTS} WHERE run = ?1"))?;
            statement.query_map([run], checkpoint)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|e| failed("reading checkpoints", e))
    }

    /// The checkpoint of one split, once it has one.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn checkpoint_of(&self, run: &str, table: u32, split: u32) -> Result<Option<Checkpoint>> {
        let sql = format!("{CHECKPOINTS} WHERE run = ?1 AND tbl = ?2 AND split = ?3");
        self.connection()
            .query_row(&sql, params![run, table, split], checkpoint)
            .optional()
            .map_err(|e| failed("reading a checkpoint", e))
    }

    /// Notes that the sink has committed a table: it must not be asked to again once it has been
    /// told that the run is over.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when `epoch` is past.
    pub fn commit_table(&self, run: &str, epoch: u64, table: u32) -> Result<()> {
        let changed = self
            .connection()
            .execute(
                "INSERT INTO commits (run, tbl) SELECT ?1, ?3 FROM runs WHERE id = ?1 AND epoch = ?2
                 ON CONFLICT DO UPDATE SET tbl = excluded.tbl",
                params![run, signed(epoch), table],
            )
            .map_err(|e| failed("noting a commit", e))?;
        if changed == 0 { Err(stale(run, epoch)) } else { Ok(()) }
    }

    /// The tables of a run that are committed, by index in the plan.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn committed_tables(&self, run: &str) -> Result<Vec<u32>> {
        let connection = self.connection();
        let read = || {
            let mut statement = connection.prepare("SELECT tbl FROM commits WHERE run = ?1")?;
            statement.query_map([run], |row| row.get(0))?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|e| failed("reading commits", e))
    }

    /// What happened to a run, oldest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn history(&self, run: &str) -> Result<Vec<HistoryEntry>> {
        let connection = self.connection();
        let read = || {
            let mut statement = connection
                .prepare("SELECT at, state, reason FROM history WHERE run = ?1 ORDER BY id")?;
            let rows = statement.query_map([run], |row| {
                let state: String = row.get(1)?;
                Ok(HistoryEntry {
                    at: row.get(0)?,
                    state: RunState::parse(&state).unwrap_or(RunState::Failed),
                    reason: row.get(2)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|e| failed("reading history", e))
    }
}

fn add_history(
    connection: &Connection,
    run: &str,
    state: RunState,
    reason: Option<&str>,
) -> rusqlite::Result<()> {
    connection.execute(
        &format!("INSERT INTO history (run, at, state, reason) VALUES (?1, {NOW}, ?2, ?3)"),
        params![run, state.name(), reason],
    )?;
    Ok(())
}
