//! How far the splits of a run are, and which of its tables are whole.

use syncline_types::{Position, Result};

use crate::Store;
use crate::database::{Done, Row, params};

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

impl Store {
    /// Moves a split's checkpoint.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
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
    /// [`syncline_types::Code::StaleEpoch`] when `epoch` is past.
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
}
