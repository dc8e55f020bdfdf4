//! Bad values that another took the place of, because the job's policies said so: how many, where
//! and why.
//!
//! They are counted like dead letters: kept before the flush that moves past them, and forgotten
//! when a resumed run reads their rows again.

use rusqlite::{Row, named_params, params};
use serde::Serialize;
use syncline_types::Result;

use crate::{Store, failed};

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
        let mut connection = self.connection();
        let mut write = || {
            let transaction = connection.transaction()?;
            {
                let mut insert = transaction.prepare_cached(
                    "INSERT INTO changes (run, tbl, split, seq, name, kind, policy, amount)
                     VALUES (:run, :tbl, :split, :seq, :name, :kind, :policy, :amount)",
                )?;
                for c in changes {
                    insert.execute(named_params! {
                        ":run": run, ":tbl": c.table, ":split": split,
                        ":seq": i64::try_from(seq).unwrap_or(i64::MAX),
                        ":name": c.column, ":kind": c.kind, ":policy": c.policy,
                        ":amount": i64::try_from(c.values).unwrap_or(i64::MAX),
                    })?;
                }
            }
            transaction.commit()
        };
        write().map_err(|e| failed("keeping counts of changed values", e))
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
        let after = after.map_or(-1, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        self.connection()
            .execute(
                "DELETE FROM changes WHERE run = ?1 AND tbl = ?2 AND split = ?3 AND seq > ?4",
                params![run, table, split, after],
            )
            .map(drop)
            .map_err(|e| failed("forgetting counts of changed values", e))
    }

    /// What was changed in a run so far, in the order of tables and columns.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn changes(&self, run: &str) -> Result<Vec<ChangedValues>> {
        let connection = self.connection();
        let read = || {
            let mut statement = connection.prepare(
                "SELECT tbl, name, kind, policy, sum(amount) FROM changes WHERE run = ?1
                 GROUP BY tbl, name, kind, policy ORDER BY tbl, name, kind, policy",
            )?;
            let changed = |row: &Row<'_>| {
                Ok(ChangedValues {
                    table: row.get(0)?,
                    column: row.get(1)?,
                    kind: row.get(2)?,
                    policy: row.get(3)?,
                    values: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
                })
            };
            statement.query_map([run], changed)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|e| failed("counting changed values", e))
    }
}
