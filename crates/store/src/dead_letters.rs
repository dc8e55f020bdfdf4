//! Rows that could not be converted or written, kept with their reason.

use serde::Serialize;
use syncline_types::Result;

use crate::changes::beyond;
use crate::database::{Done, Row, params};
use crate::{Store, now};

/// A row to be kept.
#[derive(Debug, Clone)]
pub struct NewDeadLetter {
    /// Index of the table in the plan.
    pub table: u32,
    /// The split it was read from.
    pub split: u32,
    /// The position's `seq` of the batch it came in: reading the split again from an earlier place
    /// will find it again.
    pub seq: u64,
    /// Name of the source table.
    pub source: String,
    /// Name of the target table.
    pub target: String,
    /// Where it failed: `read`, `process` or `write`.
    pub stage: String,
    /// Its key, as JSON; `{}` without one.
    pub key: String,
    /// The code of the error, as `E0302`.
    pub code: String,
    /// The error's message.
    pub reason: String,
    /// The row as JSON, for people.
    pub row_json: String,
    /// The row as an Arrow IPC stream of one row, exact.
    pub row_arrow: Vec<u8>,
}

/// A row that was kept.
#[derive(Debug, Clone, Serialize)]
pub struct DeadLetter {
    /// Its number.
    pub id: i64,
    /// The run it belongs to.
    pub run: String,
    /// Index of the table in the plan.
    #[serde(skip)]
    pub table: u32,
    /// Name of the source table.
    pub source: String,
    /// Name of the target table.
    pub target: String,
    /// Where it failed: `read`, `process` or `write`.
    pub stage: String,
    /// Its key, as JSON.
    pub key: String,
    /// The code of the error.
    pub code: String,
    /// The error's message.
    pub reason: String,
    /// The row as JSON.
    pub row: String,
    /// The row as an Arrow IPC stream of one row.
    #[serde(skip)]
    pub row_arrow: Vec<u8>,
    /// When it was kept (UTC, ISO 8601).
    pub at: String,
    /// When it was written after all (UTC, ISO 8601).
    pub replayed_at: Option<String>,
}

const COLUMNS: &str = "id, run, tbl, source, target, stage, row_key, code, reason, row_json, \
                       row_arrow, at, replayed_at";

fn letter(row: &Row) -> Done<DeadLetter> {
    Ok(DeadLetter {
        id: row.get("id")?,
        run: row.get("run")?,
        table: row.get("tbl")?,
        source: row.get("source")?,
        target: row.get("target")?,
        stage: row.get("stage")?,
        key: row.get("row_key")?,
        code: row.get("code")?,
        reason: row.get("reason")?,
        row: row.get("row_json")?,
        row_arrow: row.get("row_arrow")?,
        at: row.get("at")?,
        replayed_at: row.get("replayed_at")?,
    })
}

impl Store {
    /// Keeps rows, all or none.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn keep_dead_letters(&self, run: &str, letters: &[NewDeadLetter]) -> Result<()> {
        let doing = "keeping dead letters";
        self.database().transaction(doing, |session| {
            for l in letters {
                session
                    .execute(
                        "INSERT INTO dead_letters (run, tbl, split, seq, source, target, stage,
                            row_key, code, reason, row_json, row_arrow, at)
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
                        params![
                            run,
                            l.table,
                            l.split,
                            l.seq,
                            &l.source,
                            &l.target,
                            &l.stage,
                            &l.key,
                            &l.code,
                            &l.reason,
                            &l.row_json,
                            &l.row_arrow,
                            now()
                        ],
                    )
                    .map_err(|e| e.while_(doing))?;
            }
            Ok(())
        })
    }

    /// Forgets what reading a split again will find again: everything after the position whose
    /// `seq` is given, or all of the split's. Returns how many there were.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn forget_dead_letters(
        &self,
        run: &str,
        table: u32,
        split: u32,
        after: Option<u64>,
    ) -> Result<u64> {
        let sql =
            "DELETE FROM dead_letters WHERE run = $1 AND tbl = $2 AND split = $3 AND seq > $4";
        let values = params![run, table, split, beyond(after)];
        self.database().execute("forgetting dead letters", sql, values)
    }

    /// How many rows of a run are kept, by index of the table in the plan.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn count_dead_letters(&self, run: &str) -> Result<Vec<(u32, u64)>> {
        let sql = "SELECT tbl, count(*) AS letters FROM dead_letters WHERE run = $1 GROUP BY tbl";
        self.database().read("counting dead letters", sql, params![run], |row| {
            Ok((row.get("tbl")?, row.get("letters")?))
        })
    }

    /// Rows kept, in the order they were; of one run or of all.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn dead_letters(&self, run: Option<&str>) -> Result<Vec<DeadLetter>> {
        let doing = "listing dead letters";
        let all = format!("SELECT {COLUMNS} FROM dead_letters");
        match run {
            None => self.database().read(doing, &format!("{all} ORDER BY id"), &[], letter),
            Some(run) => {
                let sql = format!("{all} WHERE run = $1 ORDER BY id");
                self.database().read(doing, &sql, params![run], letter)
            }
        }
    }

    /// Rows of a run that were kept, in the order they were, after the one of a number.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn list_dead_letters(&self, run: &str, after: i64, limit: u32) -> Result<Vec<DeadLetter>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM dead_letters WHERE run = $1 AND id > $2 ORDER BY id LIMIT $3"
        );
        let values = params![run, after, limit];
        self.database().read("listing dead letters", &sql, values, letter)
    }

    /// Rows of a run that have not been written, after the one of a number.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn pending_dead_letters(
        &self,
        run: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadLetter>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM dead_letters WHERE run = $1 AND id > $2 \
             AND replayed_at IS NULL ORDER BY id LIMIT $3"
        );
        let values = params![run, after, limit];
        self.database().read("listing dead letters", &sql, values, letter)
    }

    /// Drops rows that were kept: one of a run, or all of them. Returns how many there were.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn drop_dead_letters(&self, run: &str, id: Option<i64>) -> Result<u64> {
        let doing = "dropping dead letters";
        let all = "DELETE FROM dead_letters WHERE run = $1";
        match id {
            None => self.database().execute(doing, all, params![run]),
            Some(id) => {
                let sql = format!("{all} AND id = $2");
                self.database().execute(doing, &sql, params![run, id])
            }
        }
    }

    /// One row kept.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn dead_letter(&self, id: i64) -> Result<Option<DeadLetter>> {
        let sql = format!("SELECT {COLUMNS} FROM dead_letters WHERE id = $1");
        Ok(self.database().read("reading a dead letter", &sql, params![id], letter)?.pop())
    }

    /// Notes that a row has been written after all.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn mark_replayed(&self, id: i64) -> Result<()> {
        let sql = "UPDATE dead_letters SET replayed_at = $1 WHERE id = $2";
        self.database().execute("marking a dead letter", sql, params![now(), id]).map(drop)
    }
}
