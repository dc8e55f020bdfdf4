//! Rows of one split into the target: a savepoint and a COPY a batch, a commit with the position
//! at each flush.

mod ahead;
mod delete;
mod packed;

use std::pin::pin;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::SinkExt;
use syncline_connector::{Packing, SinkWriter, async_trait};
use syncline_sql::Dialect;
use syncline_types::{ChangeBatch, Error, ErrorKind, Position, Result, TableName, TableSchema};
use tokio_postgres::{CopyInSink, Statement};

use self::ahead::Copying;
use crate::catalog::TargetColumn;
use crate::checkpoint::Checkpoints;
use crate::connect::Session;
use crate::encode::{Encoder, cells};
use crate::error;

/// The table of this session that batches of an upsert go through.
const BATCH: &str = "pg_temp.\"_syncline_batch\"";
/// Its column that tells which of two rows with one key is the later one.
const NUMBER: &str = "_syncline_number";

/// Sessions that are between two splits.
pub(crate) type Idle = Arc<StdMutex<Vec<Session>>>;

/// What all writers of a table need to know.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The table that rows go into: the target, or its side table.
    pub(crate) into: TableName,
    /// The rows' columns.
    pub(crate) table: Arc<TableSchema>,
    /// Those columns as they are in the target, in the same order.
    pub(crate) columns: Vec<TargetColumn>,
    /// The key to merge by; empty where rows are just added.
    pub(crate) merge: Vec<String>,
}

/// Writes one split.
pub(crate) struct Writer {
    session: Option<Session>,
    idle: Idle,
    plan: Arc<Plan>,
    checkpoints: Checkpoints,
    split: u32,
    encoder: Encoder,
    copy: Statement,
    /// Merges the batch, for an upsert.
    merge: Option<String>,
    /// A transaction is open.
    under_way: bool,
    /// A savepoint of a batch that went well is there.
    savepoint: bool,
    /// A COPY that goes on from batch to batch.
    copying: Option<Copying>,
}

impl Writer {
    pub(crate) async fn new(
        session: Session,
        idle: Idle,
        plan: Arc<Plan>,
        checkpoints: Checkpoints,
        split: u32,
    ) -> Result<Self> {
        let place = plan.table.name.to_string();
        let upsert = !plan.merge.is_empty();
        let types: Vec<_> = plan.columns.iter().map(|c| c.ty.clone()).collect();
        let encoder = Encoder::new(&plan.table, &types, upsert).map_err(|e| e.at(&place))?;
        let names: Vec<String> =
            plan.table.columns.iter().map(|c| Dialect::Postgres.quote(c.name())).collect();
        let into = Dialect::Postgres.table(&plan.into);
        let mut merge = None;
        if upsert {
            let sql = format!(
                "DROP TABLE IF EXISTS {BATCH}; \
                 CREATE TEMPORARY TABLE {BATCH} AS SELECT {list}, 0::pg_catalog.int4 AS \"{NUMBER}\" \
                 FROM {into} WITH NO DATA",
                list = names.join(", ")
            );
            session.run(&sql, &place).await?;
            merge = Some(merge_sql(&plan, &into, &names)?);
        }
        let copy = if upsert {
            format!("COPY {BATCH} FROM STDIN (FORMAT {})", encoder.format())
        } else if names.is_empty() {
            // COPY knows no table without columns; rows of it are added one by one.
            format!("INSERT INTO {into} DEFAULT VALUES")
        } else {
            let list = names.join(", ");
            format!("COPY {into} ({list}) FROM STDIN (FORMAT {})", encoder.format())
        };
        let copy = session.client.prepare(&copy).await.map_err(|e| error::of(e, &place))?;
        Ok(Self {
            session: Some(session),
            idle,
            plan,
            checkpoints,
            split,
            encoder,
            copy,
            merge,
            under_way: false,
            savepoint: false,
            copying: None,
        })
    }

    fn place(&self) -> String {
        self.plan.table.name.to_string()
    }

    /// A savepoint, in a transaction.
    async fn begin(&mut self) -> Result<()> {
        let begin = match (self.under_way, self.savepoint) {
            (false, _) => "BEGIN; SAVEPOINT b",
            (true, false) => "SAVEPOINT b",
            (true, true) => "RELEASE b; SAVEPOINT b",
        };
        let Some(session) = &self.session else { return Err(given_back()) };
        session.run(begin, &self.place()).await?;
        (self.under_way, self.savepoint) = (true, true);
        Ok(())
    }

    /// What failed for its rows alone is undone.
    async fn undo(&mut self, done: Result<()>) -> Result<()> {
        let Err(failed) = done else { return Ok(()) };
        if failed.kind() == ErrorKind::Data {
            let Some(session) = &self.session else { return Err(given_back()) };
            session.run("ROLLBACK TO b; RELEASE b", &self.place()).await?;
            self.savepoint = false;
        }
        Err(failed)
    }

    /// The rows into the target, inside of a savepoint that is there.
    async fn copy(&mut self, batch: &ChangeBatch) -> Result<()> {
        let place = self.place();
        let rows = batch.rows.num_rows();
        let Some(session) = &self.session else { return Err(given_back()) };
        if self.plan.table.columns.is_empty() {
            for _ in 0..rows {
                let added = session.client.execute(&self.copy, &[]).await;
                added.map_err(|e| error::of(e, &place))?;
            }
            return Ok(());
        }
        if self.merge.is_some() {
            session.run(&format!("TRUNCATE {BATCH}"), &place).await?;
        }
        let cells = cells(&batch.rows, &self.plan.table)?;
        let pieces = self.encoder.pieces(&cells, rows);
        stream(session, &self.copy, pieces, rows, &place).await?;
        if let Some(merge) = &self.merge {
            session.run(merge, &place).await?;
        }
        Ok(())
    }
}

/// Sends rows by a COPY, whose data come piece by piece.
pub(crate) async fn stream(
    session: &Session,
    copy: &Statement,
    pieces: impl Iterator<Item = Result<Bytes>>,
    rows: usize,
    place: &str,
) -> Result<()> {
    let sink: CopyInSink<Bytes> =
        session.client.copy_in(copy).await.map_err(|e| error::of(e, place))?;
    let mut sink = pin!(sink);
    for piece in pieces {
        // An error here drops the sink, which ends the COPY in failure.
        let piece = piece.map_err(|e| e.at(place))?;
        if sink.send(piece).await.is_err() {
            // Why stands in the answer to the end of the COPY.
            break;
        }
    }
    let written = sink.as_mut().finish().await.map_err(|e| error::of(e, place))?;
    if written != rows as u64 {
        return Err(Error::bug(format!("{place}: {written} of {rows} rows were taken")));
    }
    Ok(())
}

fn given_back() -> Error {
    Error::bug("postgres: a writer was used after its end")
}

/// The statement that merges a batch into the target. Of rows with the same key, by the server's
/// own idea of sameness, the last one counts. A row that is there to the last bit is left alone:
/// writing it again would cost as much as another.
fn merge_sql(plan: &Plan, into: &str, names: &[String]) -> Result<String> {
    let quote = |name: &String| Dialect::Postgres.quote(name);
    let key: Vec<String> = plan.merge.iter().map(quote).collect();
    let key = key.join(", ");
    let (mut set, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for column in &plan.columns {
        let name = quote(&column.name);
        if !column.always {
            set.push(format!("{name} = EXCLUDED.{name}"));
            old.push(format!("t.{name}"));
            new.push(format!("EXCLUDED.{name}"));
        } else if !plan.merge.contains(&column.name) {
            let message = format!(
                "{}: column {:?} is GENERATED ALWAYS and no part of the key, so that rows that \
                 are there cannot be updated",
                plan.table.name, column.name
            );
            return Err(Error::new(syncline_types::Code::Unsupported, message)
                .hint("make it GENERATED BY DEFAULT, or use --write append or replace"));
        }
    }
    let action = match set.is_empty() {
        true => "NOTHING".to_owned(),
        false => format!(
            "UPDATE SET {} WHERE pg_catalog.record_image_ne(ROW({}), ROW({}))",
            set.join(", "),
            old.join(", "),
            new.join(", ")
        ),
    };
    let list = names.join(", ");
    Ok(format!(
        "INSERT INTO {into} AS t ({list}) OVERRIDING SYSTEM VALUE \
         SELECT {list} FROM (SELECT DISTINCT ON ({key}) * FROM {BATCH} \
                             ORDER BY {key}, \"{NUMBER}\" DESC) b \
         ON CONFLICT ({key}) DO {action}"
    ))
}

#[async_trait]
impl SinkWriter for Writer {
    async fn write(&mut self, batch: &ChangeBatch) -> Result<()> {
        if batch.rows.num_rows() == 0 {
            return Ok(());
        }
        self.begin().await?;
        let written = self.copy(batch).await;
        self.undo(written).await
    }

    fn takes(&self, packing: &Packing) -> bool {
        self.merge.is_none() && packed::fits(packing, &self.plan, &self.encoder)
    }

    async fn write_packed(&mut self, rows: &RecordBatch) -> Result<()> {
        self.begin().await?;
        let written = self.copy_packed(rows).await;
        self.undo(written).await
    }

    fn works_ahead(&self) -> bool {
        self.merge.is_none() && !self.plan.table.columns.is_empty()
    }

    async fn write_ahead(&mut self, batch: &ChangeBatch, packed: bool) -> Result<()> {
        let sent = self.send(batch, packed).await;
        self.undo(sent).await
    }

    async fn settle(&mut self) -> Result<()> {
        let ended = self.end_copy().await;
        self.undo(ended).await
    }

    async fn delete(&mut self, rows: &RecordBatch) -> Result<()> {
        self.begin().await?;
        let taken = self.take_away(rows).await;
        self.undo(taken).await
    }

    async fn flush(&mut self, position: &Position, end: bool) -> Result<()> {
        let place = self.place();
        let Some(session) = &self.session else { return Err(given_back()) };
        if !self.under_way {
            session.run("BEGIN", &place).await?;
        }
        (self.under_way, self.savepoint) = (true, false);
        self.checkpoints.advance(session, self.split, position, end).await?;
        session.run("COMMIT", &place).await?;
        self.under_way = false;
        if end && let Some(session) = self.session.take().filter(Session::is_open) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
        Ok(())
    }
}
