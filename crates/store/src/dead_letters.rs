//! Rows that could not be converted or written, kept with their reason.

use rusqlite::{OptionalExtension, Row, named_params, params};
use serde::Serialize;
use syncline_types::Result;

use crate::{Store, failed};

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

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
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
        let mut connection = self.connection();
        let mut write = || {
            let transaction = connection.transaction()?;
            {
                let mut insert = transaction.prepare_cached(
                    "INSERT INTO dead_letters (run, tbl, split, seq, source, target, stage, row_key,
                        code, reason, row_json, row_arrow, at)
                     VALUES (:run, :tbl, :split, :seq, :source, :target, :stage, :key, :code,
                        :reason, :json, :arrow, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
                )?;
                for l in letters {
                    insert.execute(named_params! {
                        ":run": run, ":tbl": l.table, ":split": l.split,
                        ":seq": i64::try_from(l.seq).unwrap_or(i64::MAX),
                        ":source": l.source, ":target": l.target, ":stage": l.stage,
                        ":key": l.key, ":code": l.code, ":reason": l.reason,
                        ":json": l.row_json, ":arrow": l.row_arrow,
                    })?;
                }
            }
            transaction.commit()
        };
        write().map_err(|e| failed("keeping dead letters", e))
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
        let after = after.map_or(-1, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        self.connection()
            .execute(
                "DELETE FROM dead_letters WHERE run = ?1 AND tbl = ?2 AND split = ?3 AND seq > ?4",
                params![run, table, split, after],
            )
            .map(|n| n as u64)
            .map_err(|e| failed("forgetting dead letters", e))
    }

    /// How many rows of a run are kept, by index of the table in the plan.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn count_dead_letters(&self, run: &str) -> Result<Vec<(u32, u64)>> {
        let connection = self.connection();
        let read = || {
            let mut statement = connection
                .prepare("SELECT tbl, count(*) FROM dead_letters WHERE run = ?1 GROUP BY tbl")?;
            let count = |row: &Row<'_>| {
                Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
            };
            statement.query_map([run], count)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|e| failed("counting dead letters", e))
    }

    /// Rows kept, in the order they were; of one run or of all.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn dead_letters(&self, run: Option<&str>) -> Result<Vec<DeadLetter>> {
        let sql =
            format!("SELECT {COLUMNS} FROM dead_letters WHERE ?1 IS NULL OR run = ?1 ORDER BY id");
        let connection = self.connection();
        let read = || {
            let mut statement = connection.prepare(&sql)?;
            statement.query_map([run], letter)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|e| failed("listing dead letters", e))
    }

    /// One row kept.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn dead_letter(&self, id: i64) -> Result<Option<DeadLetter>> {
        let sql = format!("SELECT {COLUMNS} FROM dead_letters WHERE id = ?1");
        self.connection()
            .query_row(&sql, [id], letter)
            .optional()
            .map_err(|e| failed("reading a dead letter", e))
    }

    /// Notes that a row has been written after all.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn mark_replayed(&self, id: i64) -> Result<()> {
        self.connection()
            .execute(
                "UPDATE dead_letters SET replayed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1",
                [id],
            )
            .map(drop)
            .map_err(|e| failed("marking a dead letter", e))
    }
}
