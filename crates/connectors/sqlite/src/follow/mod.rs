//! Keeping tables as a source's are: changes in one transaction with their position, from the first
//! of them to the flush.
//!
//! A prepared statement a row: within the process it costs no more than a statement over many rows.

mod define;
mod rows;

use rusqlite::Connection;
use syncline_connector::{
    Apply, ApplyTask, DefinitionChange, FollowOpened, Follower, StateWriter, async_trait,
};
use syncline_types::{Code, Error, Position, Result};

use crate::checkpoint::{FOLLOWED, Owner};
use crate::database::map_error;
use crate::sink::{Locked, Shared};
use crate::writer::whole;
use rows::Followed;

/// Applies changes to tables.
struct StateFollower {
    shared: Shared,
    owner: Owner,
    tables: Vec<Followed>,
    /// Rows may refer to rows that are yet to come: foreign keys are looked at when the transaction
    /// ends.
    circular: bool,
    /// The engine has set a savepoint in the transaction that is open.
    saved: bool,
    /// The connection, from the first change of a transaction to its end.
    locked: Option<Locked>,
}

fn owner(task: &ApplyTask) -> Owner {
    Owner { run: task.run.clone(), target: FOLLOWED.into(), epoch: task.epoch }
}

/// A follower of these tables, that has taken the run over.
pub(crate) async fn open(shared: &Shared, task: &ApplyTask) -> Result<FollowOpened> {
    let owner = owner(task);
    let (held, tables) = shared
        .transaction(|connection| {
            let find = |task| Followed::find(connection, task);
            let tables = task.tables.iter().map(find).collect::<Result<Vec<_>>>()?;
            Ok((owner.claim(connection, 0)?, tables))
        })
        .await?;
    let follower = StateFollower {
        shared: shared.clone(),
        owner,
        tables,
        circular: task.tables.iter().any(|table| !table.circular.is_empty()),
        saved: false,
        locked: None,
    };
    let held = held.map(|held| held.position);
    Ok(FollowOpened { follower: Follower::State(Box::new(follower)), held })
}

/// The run's position goes.
pub(crate) async fn close(shared: &Shared, task: &ApplyTask) -> Result<()> {
    let owner = owner(task);
    shared
        .transaction(|connection| {
            owner.check(connection)?;
            owner.forget(connection)
        })
        .await
}

impl StateFollower {
    async fn begin(&mut self) -> Result<()> {
        if self.locked.is_some() {
            return Ok(());
        }
        let locked = self.shared.lock().await?;
        tokio::task::block_in_place(|| {
            let connection = locked.connection()?;
            let enforce = self.shared.enforces_foreign_keys();
            connection.pragma_update(None, "foreign_keys", enforce).map_err(map_error)?;
            connection.execute_batch("BEGIN IMMEDIATE").map_err(map_error)?;
            // The library forgets it at the end of the transaction.
            connection
                .pragma_update(None, "defer_foreign_keys", self.circular)
                .map_err(map_error)?;
            self.owner.check(connection)
        })
        .map_err(|e: Error| match e.code() {
            Code::StaleEpoch => e,
            _ => e.at(self.shared.display()),
        })?;
        self.saved = false;
        self.locked = Some(locked);
        Ok(())
    }

    fn connection(&self) -> Result<&Connection> {
        self.locked.as_ref().ok_or_else(|| Error::bug("changes without connection"))?.connection()
    }

    fn known(&self, table: usize) -> Result<&Followed> {
        self.tables.get(table).ok_or_else(|| Error::bug(format!("no table {table} is followed")))
    }
}

#[async_trait]
impl StateWriter for StateFollower {
    async fn apply(&mut self, table: usize, apply: &Apply) -> Result<()> {
        self.begin().await?;
        let known = self.known(table)?;
        tokio::task::block_in_place(|| {
            whole(self.connection()?, |connection| known.apply(connection, apply))
        })
        .map_err(|e| e.at(known.name()))
    }

    async fn savepoint(&mut self) -> Result<()> {
        self.begin().await?;
        let sql = if self.saved { "RELEASE syncline_set; " } else { "" };
        let sql = format!("{sql}SAVEPOINT syncline_set");
        tokio::task::block_in_place(|| self.connection()?.execute_batch(&sql).map_err(map_error))?;
        self.saved = true;
        Ok(())
    }

    async fn roll_back(&mut self) -> Result<()> {
        if !self.saved {
            return Err(Error::bug("there is no savepoint to go back to"));
        }
        tokio::task::block_in_place(|| {
            self.connection()?.execute_batch("ROLLBACK TO syncline_set").map_err(map_error)
        })
    }

    async fn define(&mut self, table: usize, change: &DefinitionChange) -> Result<()> {
        self.begin().await?;
        tokio::task::block_in_place(|| self.change(table, change))
    }

    async fn flush(&mut self, position: &Position) -> Result<()> {
        self.begin().await?;
        tokio::task::block_in_place(|| {
            let connection = self.connection()?;
            self.owner.store(connection, 0, position, false)?;
            connection.execute_batch("COMMIT").map_err(map_error)
        })
        .map_err(|e| match e.code() {
            Code::StaleEpoch => e,
            _ => e.at(self.shared.display()),
        })?;
        self.saved = false;
        self.locked = None;
        Ok(())
    }
}
