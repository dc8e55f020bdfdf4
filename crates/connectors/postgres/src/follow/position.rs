//! The position of the log, in the checkpoint table of the connection's schema: the row whose
//! target is empty, as no table's name can be.

use syncline_connector::ApplyTask;
use syncline_sql::Dialect;
use syncline_types::{Code, Error, Position, Result};
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;

use super::home;
use crate::checkpoint::Checkpoints;
use crate::connect::Session;
use crate::error;
use crate::make;

/// The position of one run.
pub(super) struct Place {
    table: String,
    run: String,
    epoch: i64,
    /// Moves it, and fails where another owner has taken the run over.
    advance: Statement,
}

impl Place {
    /// Puts this owner's epoch to the position, and tells what it is. An owner of before that is
    /// just committing is waited for.
    pub(super) async fn claim(
        session: &Session,
        task: &ApplyTask,
    ) -> Result<(Self, Option<Position>)> {
        let home = home(session);
        let table = Dialect::Postgres.table(&home);
        session.run("BEGIN", &table).await?;
        let checkpoints = Checkpoints::of_log(task, &home);
        checkpoints.lock(session).await?;
        make::make_schema(session, home.schema.as_deref().unwrap_or_default()).await?;
        checkpoints.make_table(session).await?;
        let held = checkpoints.take_over(session, 0).await?;
        session.run("COMMIT", &table).await?;
        // A division by zero breaks the transaction, so that the COMMIT right behind it, for which
        // no answer is waited, commits nothing.
        let sql = format!(
            "WITH moved AS (UPDATE {table} SET seq = $3, token = $4, changed = pg_catalog.now() \
               WHERE run = $1 AND target = '' AND split = 0 AND epoch = $2 RETURNING 1) \
             SELECT 1 / pg_catalog.count(*) FROM moved"
        );
        let advance = session.client.prepare(&sql).await.map_err(|e| error::of(e, &table))?;
        let epoch = i64::try_from(task.epoch).unwrap_or(i64::MAX);
        let place = Self { table, run: task.run.clone(), epoch, advance };
        Ok((place, held.map(|h| h.position)))
    }

    /// Moves the position, as part of the transaction.
    pub(super) async fn advance(&self, session: &Session, position: &Position) -> Result<()> {
        let seq = i64::try_from(position.seq).unwrap_or(i64::MAX);
        let moved = session
            .client
            .execute(&self.advance, &[&self.run, &self.epoch, &seq, &position.token])
            .await;
        moved.map(|_| ()).map_err(|failed| {
            let stale = failed.code() == Some(&SqlState::DIVISION_BY_ZERO);
            match stale {
                true => Error::new(
                    Code::StaleEpoch,
                    format!("{}: another process has taken over the run", self.table),
                ),
                false => error::of(failed, &self.table),
            }
        })
    }
}

/// Removes the position, as part of a transaction.
pub(crate) async fn forget(session: &Session, task: &ApplyTask) -> Result<()> {
    let checkpoints = Checkpoints::of_log(task, &home(session));
    checkpoints.lock(session).await?;
    Checkpoints::forget(session, &[checkpoints]).await
}
