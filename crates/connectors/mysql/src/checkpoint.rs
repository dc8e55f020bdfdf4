//! Positions in the target, in the same transaction as the rows.
//!
//! Table `_syncline_checkpoint` in the target's database, one row a split of an unfinished run:
//!
//! | column | meaning |
//! |---|---|
//! | `run` | the run's unique key |
//! | `target` | name of the target table |
//! | `split` | the split's ordinal |
//! | `epoch` | number of the run's present owner; an owner of a lower one is refused |
//! | `seq`, `token` | the position; NULL before the first flush |
//! | `done` | the split is complete |
//!
//! A row of split 4294967295 says that the loaded table takes the target's place (`replace`): from
//! then on it is not made anew. Its `token` lists the foreign keys that have to be there again.
//!
//! A row whose target has no name holds the position of a run that follows changes: that of all of
//! its tables.
//!
//! A run's rows are removed when it has finished or is given up; the table is dropped when no row
//! is left.

use syncline_connector::Held;
use syncline_sql::Dialect;
use syncline_types::{Code, Error, Position, Result};

use crate::wire::{Conn, Fault};

/// Its name.
pub(crate) const TABLE: &str = "_syncline_checkpoint";

/// In the place of a target's name: the position is that of all tables that a run follows.
pub(crate) const FOLLOWED: &str = "";

/// Which row it is.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoint {
    database: String,
    run: String,
    target: String,
    split: u32,
    epoch: u64,
}

fn text(text: &str) -> String {
    Dialect::Mysql.string(text)
}

fn name(database: &str) -> String {
    format!("{}.{}", Dialect::Mysql.quote(database), Dialect::Mysql.quote(TABLE))
}

async fn create(conn: &mut Conn, database: &str) -> Result<(), Fault> {
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} (\
         run VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, \
         target VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, \
         split INT UNSIGNED NOT NULL, \
         epoch BIGINT UNSIGNED NOT NULL, \
         seq BIGINT UNSIGNED NULL, \
         token LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL, \
         done BOOLEAN NOT NULL DEFAULT FALSE, \
         PRIMARY KEY (run, target, split)) ENGINE=InnoDB \
         COMMENT='Positions of unfinished Syncline runs'",
        name(database)
    );
    conn.exec(&sql).await?;
    Ok(())
}

impl Checkpoint {
    pub(crate) fn new(database: &str, run: &str, target: &str, split: u32, epoch: u64) -> Self {
        let (database, run, target) = (database.into(), run.into(), target.into());
        Self { database, run, target, split, epoch }
    }

    fn row(&self) -> String {
        format!(
            "run = {} AND target = {} AND split = {}",
            text(&self.run),
            text(&self.target),
            self.split
        )
    }

    fn stale(&self) -> Error {
        let what = match self.target.as_str() {
            FOLLOWED => format!("run {}", self.run),
            target => format!("{target}: split {} of run {}", self.split, self.run),
        };
        Error::new(Code::StaleEpoch, format!("{what} has another owner"))
    }

    /// Whether somebody has claimed it.
    pub(crate) async fn is_there(&self, conn: &mut Conn) -> Result<bool> {
        let sql = format!("SELECT 1 FROM {} WHERE {}", name(&self.database), self.row());
        match conn.query(&sql).await {
            Ok(rows) => Ok(!rows.rows.is_empty()),
            // No table, or no database, of that name.
            Err(Fault::Server { code: 1146 | 1049, .. }) => Ok(false),
            Err(fault) => Err(Error::from(fault).at(TABLE)),
        }
    }

    /// Takes the split over and says what the target holds of it. From here on, owners of lower
    /// epochs are refused.
    pub(crate) async fn claim(&self, conn: &mut Conn) -> Result<Option<Held>> {
        let table = name(&self.database);
        let insert = format!(
            "INSERT INTO {table} (run, target, split, epoch) VALUES ({}, {}, {}, {epoch}) \
             ON DUPLICATE KEY UPDATE epoch = GREATEST(epoch, {epoch})",
            text(&self.run),
            text(&self.target),
            self.split,
            epoch = self.epoch
        );
        // Another run that finishes may drop the table between the two.
        for last in [false, false, true] {
            match conn.exec(&insert).await {
                Ok(_) => break,
                Err(Fault::Server { code: 1146, .. }) if !last => {
                    create(conn, &self.database).await?;
                }
                Err(fault) => return Err(Error::from(fault).at(TABLE)),
            }
        }
        let sql = format!("SELECT epoch, seq, token, done FROM {table} WHERE {}", self.row());
        let rows = conn.query(&sql).await?;
        let Some(row) = rows.rows.first() else { return Err(self.stale()) };
        let number = |name| rows.get(row, name).and_then(|n| n.parse::<u64>().ok());
        if number("epoch") != Some(self.epoch) {
            return Err(self.stale());
        }
        let held = number("seq").zip(rows.get(row, "token")).map(|(seq, token)| Held {
            position: Position::new(seq, token),
            done: number("done") == Some(1),
        });
        Ok(held)
    }

    /// Fails when another owner has claimed it.
    pub(crate) async fn check(&self, conn: &mut Conn) -> Result<()> {
        let sql = format!("SELECT epoch FROM {} WHERE {}", name(&self.database), self.row());
        match conn.query(&sql).await {
            Ok(rows) if rows.single() == Some(&self.epoch.to_string()) => Ok(()),
            Ok(_) | Err(Fault::Server { code: 1146, .. }) => Err(self.stale()),
            Err(fault) => Err(Error::from(fault).at(TABLE)),
        }
    }

    /// Moves the position, within the transaction that is open.
    ///
    /// # Errors
    /// [`Code::StaleEpoch`] when another owner has claimed the split.
    pub(crate) async fn advance(
        &self,
        conn: &mut Conn,
        position: &Position,
        done: bool,
    ) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET seq = {}, token = {}, done = {done} WHERE {} AND epoch = {}",
            name(&self.database),
            position.seq,
            text(&position.token),
            self.row(),
            self.epoch
        );
        // Rows found, not rows changed: the session was opened with FOUND_ROWS.
        match conn.exec(&sql).await {
            Ok(done) if done.affected == 1 => Ok(()),
            Ok(_) | Err(Fault::Server { code: 1146, .. }) => Err(self.stale()),
            Err(fault) => Err(Error::from(fault).at(TABLE)),
        }
    }
}

/// The split that stands for the swap of a replaced table.
const SWAP: u32 = u32::MAX;

/// Notes that everything is in the table beside the target, and that it takes the target's place.
/// `note` is what has to be known when the swap is gone on with; what was noted first stays, and is
/// given back.
pub(crate) async fn note_swap(
    conn: &mut Conn,
    database: &str,
    run: &str,
    target: &str,
    epoch: u64,
    note: &str,
) -> Result<String> {
    let swap = Checkpoint::new(database, run, target, SWAP, epoch);
    if let Some(held) = swap.claim(conn).await?.filter(|held| held.done) {
        return Ok(held.position.token);
    }
    swap.advance(conn, &Position::new(0, note), true).await?;
    Ok(note.to_owned())
}

/// Whether the swap has begun.
pub(crate) async fn swap_noted(
    conn: &mut Conn,
    database: &str,
    run: &str,
    target: &str,
) -> Result<bool> {
    let swap = Checkpoint::new(database, run, target, SWAP, 0);
    let sql = format!("SELECT done FROM {} WHERE {}", name(database), swap.row());
    match conn.query(&sql).await {
        Ok(rows) => Ok(rows.single() == Some("1")),
        Err(Fault::Server { code: 1146, .. }) => Ok(false),
        Err(fault) => Err(Error::from(fault).at(TABLE)),
    }
}

/// Removes what is kept of a run, and the table when nothing else is in it: the positions of its
/// splits, or that of the changes it `followed`.
pub(crate) async fn forget(
    conn: &mut Conn,
    database: &str,
    run: &str,
    followed: bool,
) -> Result<()> {
    let table = name(database);
    let which = if followed { "=" } else { "<>" };
    let of_run =
        format!("DELETE FROM {table} WHERE run = {} AND target {which} '{FOLLOWED}'", text(run));
    match conn.exec(&of_run).await {
        Ok(_) => {}
        Err(Fault::Server { code: 1146, .. }) => return Ok(()),
        Err(fault) => return Err(Error::from(fault).at(TABLE)),
    }
    // Under the lock nobody can put a row in between. Without the right to lock, an empty table
    // stays.
    if conn.exec(&format!("LOCK TABLES {table} WRITE")).await.is_err() {
        return Ok(());
    }
    let dropped = async {
        let rows = conn.query(&format!("SELECT COUNT(*) FROM {table}")).await?;
        if rows.single() == Some("0") {
            conn.exec(&format!("DROP TABLE {table}")).await?;
        }
        Ok::<(), Fault>(())
    }
    .await;
    conn.exec("UNLOCK TABLES").await?;
    match dropped {
        // No right to drop: an empty table stays.
        Ok(()) | Err(Fault::Server { .. }) => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}
