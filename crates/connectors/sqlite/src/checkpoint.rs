//! Positions, kept in the file they belong to: table `_syncline_checkpoint`, one row a split,
//! written in the transaction of the rows.

use rusqlite::{Connection, OptionalExtension, params};
use syncline_connector::Held;
use syncline_types::{Code, Error, Position, Result};

use crate::database::map_error;

/// The table's name.
const TABLE: &str = "_syncline_checkpoint";
/// In the place of a target's name: the position is that of all tables that a run follows.
pub(crate) const FOLLOWED: &str = "";
/// The row that tells that a side table has taken its place.
const SWAP: i64 = -1;

/// One target table of one owner of one run.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) run: String,
    pub(crate) target: String,
    pub(crate) epoch: u64,
}

impl Owner {
    fn epoch(&self) -> Result<i64> {
        i64::try_from(self.epoch).map_err(|_| Error::bug(format!("epoch {}", self.epoch)))
    }

    fn stale(&self) -> Error {
        let place = if self.target == FOLLOWED { "" } else { &format!("{}: ", self.target) };
        let message = format!("{place}run {} has been taken over by another process", self.run);
        Error::new(Code::StaleEpoch, message)
    }

    /// Fails when a later owner has been here. Call it inside of a write transaction.
    pub(crate) fn check(&self, connection: &Connection) -> Result<()> {
        if !is_there(connection)? {
            return Ok(());
        }
        let sql = format!("SELECT max(epoch) FROM {TABLE} WHERE run = ?1 AND target = ?2");
        let highest: Option<i64> = connection
            .prepare_cached(&sql)
            .and_then(|mut s| s.query_row(params![self.run, self.target], |row| row.get(0)))
            .map_err(map_error)?;
        if highest.is_some_and(|highest| highest.unsigned_abs() > self.epoch) {
            return Err(self.stale());
        }
        Ok(())
    }

    /// Puts this owner's epoch on a split, and tells what is held of it.
    pub(crate) fn claim(&self, connection: &Connection, split: u32) -> Result<Option<Held>> {
        create(connection)?;
        self.check(connection)?;
        let sql = format!(
            "INSERT INTO {TABLE} (run, target, split, epoch) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (run, target, split) DO UPDATE SET epoch = excluded.epoch"
        );
        connection
            .execute(&sql, params![self.run, self.target, split, self.epoch()?])
            .map_err(map_error)?;
        let sql = format!(
            "SELECT seq, token, done FROM {TABLE} WHERE run = ?1 AND target = ?2 AND split = ?3"
        );
        connection
            .query_row(&sql, params![self.run, self.target, split], |row| {
                let (seq, token): (Option<i64>, Option<String>) = (row.get(0)?, row.get(1)?);
                let done = row.get(2)?;
                let position = seq.zip(token).map(|(s, t)| Position::new(s.unsigned_abs(), t));
                Ok(position.map(|position| Held { position, done }))
            })
            .map_err(map_error)
    }

    /// Keeps a split's position, in the transaction of its rows.
    pub(crate) fn store(
        &self,
        connection: &Connection,
        split: u32,
        position: &Position,
        done: bool,
    ) -> Result<()> {
        let seq = i64::try_from(position.seq)
            .map_err(|_| Error::bug(format!("position {}", position.seq)))?;
        let sql = format!(
            "UPDATE {TABLE} SET seq = ?5, token = ?6, done = ?7 \
             WHERE run = ?1 AND target = ?2 AND split = ?3 AND epoch = ?4 AND NOT EXISTS \
             (SELECT 1 FROM {TABLE} WHERE run = ?1 AND target = ?2 AND epoch > ?4)"
        );
        let values =
            params![self.run, self.target, split, self.epoch()?, seq, position.token, done];
        let changed = connection.prepare_cached(&sql).and_then(|mut s| s.execute(values));
        match changed {
            Ok(1) => Ok(()),
            Ok(_) => Err(self.stale()),
            // The row and the table go when the run is finished or given up by another.
            Err(_) if !is_there(connection)? => Err(self.stale()),
            Err(e) => Err(map_error(e)),
        }
    }

    /// Whether the side table has taken its place.
    pub(crate) fn has_swapped(&self, connection: &Connection) -> Result<bool> {
        if !is_there(connection)? {
            return Ok(false);
        }
        let sql = format!("SELECT 1 FROM {TABLE} WHERE run = ?1 AND target = ?2 AND split = ?3");
        connection
            .query_row(&sql, params![self.run, self.target, SWAP], |_| Ok(()))
            .optional()
            .map(|found| found.is_some())
            .map_err(map_error)
    }

    /// Remembers the swap, in its transaction.
    pub(crate) fn set_swapped(&self, connection: &Connection) -> Result<()> {
        create(connection)?;
        let sql = format!(
            "INSERT OR REPLACE INTO {TABLE} (run, target, split, epoch, done) \
             VALUES (?1, ?2, ?3, ?4, 1)"
        );
        let values = params![self.run, self.target, SWAP, self.epoch()?];
        connection.execute(&sql, values).map(drop).map_err(map_error)
    }

    /// Forgets everything of this table of the run; the last one takes the table away.
    pub(crate) fn forget(&self, connection: &Connection) -> Result<()> {
        if !is_there(connection)? {
            return Ok(());
        }
        let sql = format!("DELETE FROM {TABLE} WHERE run = ?1 AND target = ?2");
        connection.execute(&sql, params![self.run, self.target]).map_err(map_error)?;
        let sql = format!("SELECT 1 FROM {TABLE} LIMIT 1");
        let left = connection.query_row(&sql, [], |_| Ok(())).optional().map_err(map_error)?;
        if left.is_none() {
            connection.execute_batch(&format!("DROP TABLE {TABLE}")).map_err(map_error)?;
        }
        Ok(())
    }
}

fn is_there(connection: &Connection) -> Result<bool> {
    connection.table_exists(Some("main"), TABLE).map_err(map_error)
}

fn create(connection: &Connection) -> Result<()> {
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {TABLE} (run TEXT NOT NULL, target TEXT NOT NULL, \
         split INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER, token TEXT, \
         done INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (run, target, split)) WITHOUT ROWID"
    );
    connection.execute_batch(&sql).map_err(map_error)
}
