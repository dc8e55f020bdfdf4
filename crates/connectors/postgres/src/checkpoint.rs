//! Positions in the target, in the same transactions as the rows.
//!
//! The table `_syncline_checkpoint` stands in the schema of the target table while a run is under
//! way:
//!
//! | column | holds |
//! |---|---|
//! | `run` | the run's unique key |
//! | `target` | the target table's name, without schema; empty for the place in a log, which is that of all tables together and stands in the connection's schema |
//! | `split` | the split's number; -1 for the table itself; below that, a foreign key set aside |
//! | `epoch` | the number of the run's owner; a lower one may not write any more |
//! | `seq` | rows of the split that are in the table |
//! | `token` | the source's own position after them; NULL before the first |
//! | `done` | the split is complete; of the table: it has been finished |
//! | `changed` | when the row was written |

use std::collections::BTreeSet;

use syncline_connector::{ApplyTask, Held, WriteTask};
use syncline_sql::Dialect;
use syncline_types::{Code, Error, Position, Result, TableName};
use tokio_postgres::types::ToSql;

use crate::connect::Session;
use crate::{catalog, error};

/// The name of the table.
pub(crate) const TABLE: &str = "_syncline_checkpoint";
/// What names of side tables begin with.
pub(crate) const SIDE: &str = "_syncline_side_";
/// The split number of the table itself.
const WHOLE: i32 = -1;
/// One at a time makes, empties or drops the table in a database: an arbitrary number.
const LOCK: i64 = 0x7379_6e63_6c69_6e65;

/// A row of an earlier owner becomes the one that enters; that of a later one stays as it is.
const TAKE_OVER: &str = "\
    ON CONFLICT (run, target, split) DO UPDATE SET epoch = EXCLUDED.epoch, changed = now() \
    WHERE c.epoch <= EXCLUDED.epoch";

/// The positions of one target table of one run.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoints {
    table: String,
    run: String,
    target: String,
    epoch: i64,
}

impl Checkpoints {
    /// Those of the task, whose target lies in `schema`.
    pub(crate) fn new(task: &WriteTask, target: &TableName) -> Self {
        let schema = target.schema.clone().unwrap_or_default();
        Self {
            table: Dialect::Postgres.table(&TableName::new(schema, TABLE)),
            run: task.run.clone(),
            target: target.name.clone(),
            epoch: i64::try_from(task.epoch).unwrap_or(i64::MAX),
        }
    }

    /// The place in a log that is followed; it lies in the schema of `home`.
    pub(crate) fn of_log(task: &ApplyTask, home: &TableName) -> Self {
        let schema = home.schema.clone().unwrap_or_default();
        Self {
            table: Dialect::Postgres.table(&TableName::new(schema, TABLE)),
            run: task.run.clone(),
            target: String::new(),
            epoch: i64::try_from(task.epoch).unwrap_or(i64::MAX),
        }
    }

    /// Keeps others from making or dropping the table until the transaction ends.
    pub(crate) async fn lock(&self, session: &Session) -> Result<()> {
        session.run(&format!("SELECT pg_catalog.pg_advisory_xact_lock({LOCK})"), &self.table).await
    }

    /// Makes the table where it is missing, and enters the target; tells whether the target has
    /// been finished already.
    pub(crate) async fn enter(&self, session: &Session) -> Result<bool> {
        Ok(!Self::enter_all(session, std::slice::from_ref(self)).await?.is_empty())
    }

    /// As [`Checkpoints::enter`], for many targets of one run: those of them that have been finished,
    /// by their places.
    pub(crate) async fn enter_all(
        session: &Session,
        all: &[Checkpoints],
    ) -> Result<BTreeSet<usize>> {
        let mut finished = BTreeSet::new();
        let tables: BTreeSet<&String> = all.iter().map(|c| &c.table).collect();
        for table in tables {
            let of_it: Vec<(usize, &Checkpoints)> =
                all.iter().enumerate().filter(|(_, c)| c.table == *table).collect();
            let Some((_, any)) = of_it.first() else { continue };
            any.make_table(session).await?;
            let targets: Vec<&str> = of_it.iter().map(|(_, c)| c.target.as_str()).collect();
            let sql = format!(
                "INSERT INTO {table} AS c (run, target, split, epoch) \
                 SELECT $1::text, target, $3::integer, $4::bigint \
                 FROM pg_catalog.unnest($2::text[]) target \
                 {TAKE_OVER} RETURNING c.target, c.done"
            );
            let claims: &[&(dyn ToSql + Sync)] = &[&any.run, &targets, &WHOLE, &any.epoch];
            let rows = session.query_again(&sql, claims, table).await?;
            for (at, one) in of_it {
                let row = rows.iter().find(|row| row.get::<_, &str>(0) == one.target);
                if row.ok_or_else(|| one.stale())?.get(1) {
                    finished.insert(at);
                }
            }
        }
        Ok(finished)
    }

    /// Makes the table where it is missing.
    pub(crate) async fn make_table(&self, session: &Session) -> Result<()> {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {} (\
               run text NOT NULL, target text NOT NULL, split integer NOT NULL, \
               epoch bigint NOT NULL, seq bigint NOT NULL DEFAULT 0, token text, \
               done boolean NOT NULL DEFAULT false, changed timestamptz NOT NULL DEFAULT now(), \
               PRIMARY KEY (run, target, split))",
            self.table
        );
        session.run(&sql, &self.table).await
    }

    /// Puts this owner's epoch to the split, and tells what is there of it.
    ///
    /// An owner of before that is just committing is waited for: what it commits is seen.
    pub(crate) async fn take_over(&self, session: &Session, split: u32) -> Result<Option<Held>> {
        let split = i32::try_from(split).unwrap_or(i32::MAX);
        let sql = format!(
            "INSERT INTO {} AS c (run, target, split, epoch) VALUES ($1, $2, $3, $4) \
             {TAKE_OVER} RETURNING c.seq, c.token, c.done",
            self.table
        );
        let claim: &[&(dyn ToSql + Sync)] = &[&self.run, &self.target, &split, &self.epoch];
        let rows = session.query_again(&sql, claim, &self.table).await?;
        let row = rows.first().ok_or_else(|| self.stale())?;
        let (seq, token, done): (i64, Option<String>, bool) = (row.get(0), row.get(1), row.get(2));
        if token.is_none() && !done {
            return Ok(None);
        }
        let seq = u64::try_from(seq).unwrap_or(0);
        Ok(Some(Held { position: Position::new(seq, token.unwrap_or_default()), done }))
    }

    /// Moves the split's position, as part of the transaction.
    pub(crate) async fn advance(
        &self,
        session: &Session,
        split: u32,
        position: &Position,
        done: bool,
    ) -> Result<()> {
        let split = i32::try_from(split).unwrap_or(i32::MAX);
        let seq = i64::try_from(position.seq).unwrap_or(i64::MAX);
        self.update(session, split, seq, Some(&position.token), done).await
    }

    /// Marks the table as finished, as part of the transaction.
    pub(crate) async fn finished(&self, session: &Session) -> Result<()> {
        self.update(session, WHOLE, 0, None, true).await
    }

    async fn update(
        &self,
        session: &Session,
        split: i32,
        seq: i64,
        token: Option<&str>,
        done: bool,
    ) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET seq = $5, token = $6, done = $7, changed = now() \
             WHERE run = $1 AND target = $2 AND split = $3 AND epoch = $4",
            self.table
        );
        let values: &[&(dyn ToSql + Sync)] =
            &[&self.run, &self.target, &split, &self.epoch, &seq, &token, &done];
        let changed = session.execute(&sql, values, &self.table).await?;
        if changed == 1 { Ok(()) } else { Err(self.stale()) }
    }

    /// Keeps how a foreign key is made that is set aside, as part of the transaction.
    pub(crate) async fn keep(&self, session: &Session, name: &str, definition: &str) -> Result<()> {
        let sql = format!(
            "INSERT INTO {0} (run, target, split, epoch, token) \
             SELECT $1, $2, least(coalesce(min(split), $4), $4) - 1, $3, $5 FROM {0} \
             WHERE run = $1 AND target = $2",
            self.table
        );
        let token = serde_json::json!([name, definition]).to_string();
        session
            .client
            .execute(&sql, &[&self.run, &self.target, &self.epoch, &WHOLE, &token])
            .await
            .map_err(|e| error::of(e, &self.table))?;
        Ok(())
    }

    /// Names and definitions of the foreign keys that are set aside. None where there is no such
    /// table.
    pub(crate) async fn kept(&self, session: &Session) -> Result<Vec<(String, String)>> {
        if !catalog::has_relation(session, &self.table).await? {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT token FROM {} WHERE run = $1 AND target = $2 AND split < $3 ORDER BY split DESC",
            self.table
        );
        let rows = session.query(&sql, &[&self.run, &self.target, &WHOLE], &self.table).await?;
        let parse = |row: &tokio_postgres::Row| {
            serde_json::from_str(row.get::<_, &str>(0))
                .map_err(|e| Error::bug("a foreign key that was set aside").because(e))
        };
        rows.iter().map(parse).collect()
    }

    /// Forgets a foreign key that is back, as part of the transaction.
    pub(crate) async fn let_go(&self, session: &Session, name: &str) -> Result<()> {
        let sql = format!(
            "DELETE FROM {} WHERE run = $1 AND target = $2 AND split < $3 \
             AND token::pg_catalog.json ->> 0 = $4",
            self.table
        );
        session
            .client
            .execute(&sql, &[&self.run, &self.target, &WHOLE, &name])
            .await
            .map_err(|e| error::of(e, &self.table))?;
        Ok(())
    }

    /// Whether rows of this run are in the target already.
    pub(crate) async fn any_rows(&self, session: &Session) -> Result<bool> {
        let sql = format!(
            "SELECT EXISTS (SELECT FROM {} WHERE run = $1 AND target = $2 AND split > $3 \
             AND (token IS NOT NULL OR done))",
            self.table
        );
        let row = session.one(&sql, &[&self.run, &self.target, &WHOLE], &self.table).await?;
        Ok(row.get(0))
    }

    /// Forgets the targets, all of one run, and drops each table in which nothing is left. Does
    /// nothing where there is no such table.
    pub(crate) async fn forget(session: &Session, all: &[Checkpoints]) -> Result<()> {
        let tables: BTreeSet<&String> = all.iter().map(|c| &c.table).collect();
        for table in tables {
            let of_it: Vec<&Checkpoints> = all.iter().filter(|c| c.table == *table).collect();
            let Some(any) = of_it.first() else { continue };
            if !catalog::has_relation(session, table).await? {
                continue;
            }
            let targets: Vec<&str> = of_it.iter().map(|c| c.target.as_str()).collect();
            let sql =
                format!("DELETE FROM {table} WHERE run = $1 AND target = ANY($2) AND epoch <= $3");
            session.execute(&sql, &[&any.run, &targets, &any.epoch], table).await?;
            // Nobody can enter between the look and the drop: entering needs the lock, too.
            let left = format!("SELECT EXISTS (SELECT FROM {table})");
            if !session.one(&left, &[], table).await?.get::<_, bool>(0) {
                session.run(&format!("DROP TABLE {table}"), table).await?;
            }
        }
        Ok(())
    }

    fn stale(&self) -> Error {
        let message =
            format!("{}: another process has taken over the run of {}", self.table, self.target);
        Error::new(Code::StaleEpoch, message)
    }
}
