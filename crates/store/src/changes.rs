//! Bad values that another took the place of, because the job's policies said so: how many, where
//! and why.
//!
//! They are counted like dead letters: kept before the flush that moves past them, and forgotten
//! when a resumed run reads their rows again.

use serde::Serialize;
use syncline_types::Result;

use crate::Store;
use crate::database::params;

/// Values of one kind in one column that were changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedValues {
    /// Index of the table in the plan.
    #[serde(skip)]
    pub table: u32,
    /// The column, by its name at the target.
    pub column: String,
    /// What was wrong: `zero_date`, `too_long`.
    pub kind: String,
    /// What was done: `null`, `clamp`.
    pub policy: String,
    /// How many values.
    pub values: u64,
}

impl Store {
    /// Keeps what was changed in rows of a split up to `seq`, all or nothing.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn keep_changes(
        &self,
        run: &str,
        split: u32,
        seq: u64,
        changes: &[ChangedValues],
    ) -> Result<()> {
        let doing = "keeping counts of changed values";
        self.database().transaction(doing, |session| {
            for c in changes {
                session
                    .execute(
                        "INSERT INTO changes (run, tbl, split, seq, name, kind, policy, amount)
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                        params![run, c.table, split, seq, &c.column, &c.kind, &c.policy, c.values],
                    )
                    .map_err(|e| e.while_(doing))?;
            }
            Ok(())
        })
    }

    /// Forgets what reading a split again will find again: everything after the position whose
    /// `seq` is given, or all of the split's.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn forget_changes(
        &self,
        run: &str,
        table: u32,
        split: u32,
        after: Option<u64>,
    ) -> Result<()> {
        let sql = "DELETE FROM changes WHERE run = $1 AND tbl = $2 AND split = $3 AND seq > $4";
        let values = params![run, table, split, beyond(after)];
        self.database().execute("forgetting counts of changed values", sql, values).map(drop)
    }

    /// What was changed in a run so far, in the order of tables and columns.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn changes(&self, run: &str) -> Result<Vec<ChangedValues>> {
        self.database().read(
            "counting changed values",
            "SELECT tbl, name, kind, policy, CAST(sum(amount) AS BIGINT) AS amount FROM changes
             WHERE run = $1 GROUP BY tbl, name, kind, policy ORDER BY tbl, name, kind, policy",
            params![run],
            |row| {
                Ok(ChangedValues {
                    table: row.get("tbl")?,
                    column: row.get("name")?,
                    kind: row.get("kind")?,
                    policy: row.get("policy")?,
                    values: row.get("amount")?,
                })
            },
        )
    }
}

/// The `seq` after which something is to go; before every one there is, without a position.
pub(crate) fn beyond(after: Option<u64>) -> i64 {
    after.map_or(-1, |seq| i64::try_from(seq).unwrap_or(i64::MAX))
}
