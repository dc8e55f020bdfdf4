//! The changes of a log into tables, and the log's position with them: one session, one
//! transaction from the first row to the flush.

mod define;
mod position;
mod sequences;
mod statements;
mod tables;
mod transaction;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use bytes::BytesMut;
use futures::future::join;
use syncline_connector::{
    Apply, ApplyTask, DefinitionChange, FollowOpened, Follower, StateWriter, async_trait,
};
use syncline_types::{Code, Error, ErrorKind, Position, Result, TableName};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use self::position::Place;
pub(crate) use self::position::forget;
use self::sequences::Sequences;
use self::statements::What;
use self::tables::{Prepared, Target, cells};
use self::transaction::Transaction;
use crate::connect::{Connect, Purpose, Session};
use crate::encode::Arrays;
use crate::error;
use crate::sink::resolve;
use crate::writer::stream;

/// Arrow bytes, roughly, that go to the server in one statement.
const PIECE: usize = 1 << 20;
/// From so many rows on, new ones go in by COPY: below, what it costs to begin one is more than
/// what it saves.
const COPY_FROM: usize = 200;

/// Rows are found by their keys, and in no other way, whatever the planner thinks of a table that
/// was empty when the statement was first planned.
const SETTINGS: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
    SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";
/// But rows without a key are looked for among all.
const WHOLE_TABLE: &str = "SET LOCAL enable_hashjoin = on; SET LOCAL enable_seqscan = on";
const BY_KEY: &str = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_seqscan = off";

/// Keeps tables as the source's are.
pub(crate) struct Applier {
    session: Session,
    place: Place,
    tables: Vec<Target>,
    transaction: Transaction,
    /// What is still to be said of it, before anything else.
    pending: String,
    sequences: Sequences,
    /// For messages that are about no table.
    address: String,
}

/// Connects, and claims the run's position: from here on, owners of before are refused.
pub(crate) async fn open(connect: &Connect, task: &ApplyTask) -> Result<FollowOpened> {
    let session = connect.open(Purpose::Write).await?;
    session.run(SETTINGS, &connect.address).await?;
    let (place, held) = Place::claim(&session, task).await?;
    let tables = task.tables.iter();
    let tables = tables.map(|t| Target::new(t.clone(), resolve(&session, &t.table.name)));
    let applier = Applier {
        tables: tables.collect(),
        session,
        place,
        transaction: Transaction::default(),
        pending: String::new(),
        sequences: Sequences::default(),
        address: connect.address.clone(),
    };
    Ok(FollowOpened { follower: Follower::State(Box::new(applier)), held })
}

/// One array, as it goes over the wire.
#[derive(Debug)]
struct Raw(Vec<u8>);

impl ToSql for Raw {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }

    to_sql_checked!();
}

impl Applier {
    fn target(&mut self, table: usize) -> Result<&mut Target> {
        let unknown = || Error::bug(format!("postgres: there is no target table {table}"));
        self.tables.get_mut(table).ok_or_else(unknown)
    }

    async fn prepare(
        &mut self,
        table: usize,
        what: What,
        rows: &RecordBatch,
        old_keys: bool,
    ) -> Result<Option<Arc<Prepared>>> {
        let unknown = || Error::bug(format!("postgres: there is no target table {table}"));
        let target = self.tables.get_mut(table).ok_or_else(unknown)?;
        target.prepare(&self.session, what, rows, old_keys).await
    }

    /// What comes next can be undone by itself.
    fn begin_call(&mut self) {
        let sql = self.transaction.begin_call();
        self.say(&sql);
    }

    /// Has that said before anything else.
    fn say(&mut self, sql: &str) {
        if !self.pending.is_empty() && !sql.is_empty() {
            self.pending.push_str("; ");
        }
        self.pending.push_str(sql);
    }

    async fn say_now(&mut self, sql: &str) -> Result<()> {
        self.say(sql);
        let pending = std::mem::take(&mut self.pending);
        self.session.run(&pending, &self.address).await
    }

    async fn insert(&mut self, table: usize, rows: &RecordBatch) -> Result<()> {
        if rows.num_rows() < COPY_FROM || rows.num_columns() == 0 {
            return self.arrays(table, What::Insert, rows, None).await;
        }
        let Some(prepared) = self.prepare(table, What::Copy, rows, false).await? else {
            return Ok(());
        };
        let place = prepared.shape.name.to_string();
        let cells = cells(&prepared, rows, None, &[])?;
        let mut encoder = prepared.encoder().map_err(|e| e.at(&place))?;
        let before = std::mem::take(&mut self.pending);
        let begun = run_first(&self.session, &before, &place);
        let (pieces, count) = (encoder.pieces(&cells, rows.num_rows()), rows.num_rows());
        let copied = stream(&self.session, &prepared.statement, pieces, count, &place);
        both(begun, copied).await?;
        self.sequences.seen(&prepared, &cells);
        Ok(())
    }

    /// Applies rows by a statement that takes them as arrays.
    async fn arrays(
        &mut self,
        table: usize,
        what: What,
        rows: &RecordBatch,
        old_keys: Option<&RecordBatch>,
    ) -> Result<()> {
        let prepared = self.prepare(table, what, rows, old_keys.is_some()).await?;
        let Some(prepared) = prepared else { return Ok(()) };
        let place = prepared.shape.name.to_string();
        let key: Vec<String> =
            self.target(table)?.task.table.key().into_iter().map(str::to_owned).collect();
        let key: Vec<&str> = key.iter().map(String::as_str).collect();
        let cells = cells(&prepared, rows, old_keys, &key)?;
        let mut arrays = prepared.arrays().map_err(|e| e.at(&place))?;
        if what == What::DeleteSame {
            self.say(WHOLE_TABLE);
        }
        let count = rows.num_rows();
        // Of the rows alone: they may be a small part of a large batch.
        let size = |cell: &ArrayRef| cell.to_data().get_slice_memory_size().unwrap_or(0);
        let bytes: usize = cells.iter().map(size).sum();
        let step = (PIECE * count / bytes.max(1)).clamp(1, 20_000);
        let mut from = 0;
        while from < count {
            let to = count.min(from + step);
            let parameters = encode(&mut arrays, &cells, from, to).map_err(|e| e.at(&place))?;
            let before = std::mem::take(&mut self.pending);
            let begun = run_first(&self.session, &before, &place);
            let done = run(&self.session, &prepared, parameters, to - from, &place);
            both(begun, done).await?;
            from = to;
        }
        if what == What::DeleteSame {
            self.say(BY_KEY);
        }
        self.sequences.seen(&prepared, &cells);
        Ok(())
    }

    /// An identity column that takes no updates gets another value by a new row.
    async fn upsert(&mut self, table: usize, rows: &RecordBatch) -> Result<()> {
        let (target, session) = (self.tables.get_mut(table), &self.session);
        if let Some(target) = target
            && target.has_always(session).await?
        {
            self.arrays(table, What::DeleteOthers, rows, None).await?;
        }
        self.arrays(table, What::Upsert, rows, None).await
    }

    async fn update(
        &mut self,
        table: usize,
        rows: &RecordBatch,
        old_keys: Option<&RecordBatch>,
    ) -> Result<()> {
        let (target, session) = (self.tables.get_mut(table), &self.session);
        if let Some(target) = target
            && target.has_always(session).await?
        {
            self.arrays(table, What::CountOthers, rows, old_keys).await?;
        }
        self.arrays(table, What::Update, rows, old_keys).await
    }

    async fn delete(&mut self, table: usize, rows: &RecordBatch) -> Result<()> {
        let keyed = self.target(table)?.keyed();
        let what = if keyed { What::Delete } else { What::DeleteSame };
        self.arrays(table, what, rows, None).await
    }
}

/// Both are sent at once. The error of the first one explains that of the second.
async fn both(
    first: impl Future<Output = Result<()>>,
    second: impl Future<Output = Result<()>>,
) -> Result<()> {
    let (first, second) = join(first, second).await;
    first.and(second)
}

async fn run_first(session: &Session, sql: &str, place: &str) -> Result<()> {
    match sql.is_empty() {
        true => Ok(()),
        false => session.run(sql, place).await,
    }
}

fn encode(arrays: &mut Arrays, cells: &[ArrayRef], from: usize, to: usize) -> Result<Vec<Raw>> {
    let encode = |(at, cell): (usize, &ArrayRef)| arrays.encode(at, cell, from..to).map(Raw);
    cells.iter().enumerate().map(encode).collect()
}

async fn run(
    session: &Session,
    prepared: &Prepared,
    parameters: Vec<Raw>,
    rows: usize,
    place: &str,
) -> Result<()> {
    let statement = &prepared.statement;
    let done = if prepared.what == What::CountOthers {
        let row = session.client.query_raw(statement, parameters).await;
        let rows: std::result::Result<Vec<_>, _> = match row {
            Ok(stream) => futures::TryStreamExt::try_collect(stream).await,
            Err(failed) => Err(failed),
        };
        rows.map(|rows| rows.first().map_or(0, |row| row.get::<_, i64>(0)))
    } else if parameters.is_empty() {
        let rows = i32::try_from(rows).unwrap_or(i32::MAX);
        session.client.execute(statement, &[&rows]).await.map(|_| 0)
    } else {
        session.client.execute_raw(statement, parameters).await.map(|_| 0)
    };
    match done {
        Ok(0) => Ok(()),
        Ok(_) => Err(Error::new(
            Code::Unsupported,
            format!(
                "{place}: a column that is GENERATED ALWAYS and no part of the key has other \
                 values at the source, and cannot be updated"
            ),
        )
        .hint("make it GENERATED BY DEFAULT")),
        Err(failed) => Err(applying(failed, place)),
    }
}

/// Two keys that are one to the server are for the caller to tell apart: by their order.
fn applying(failed: tokio_postgres::Error, place: &str) -> Error {
    let twice = tokio_postgres::error::SqlState::CARDINALITY_VIOLATION;
    let is_twice = failed.code() == Some(&twice);
    let mapped = error::of(failed, place);
    match is_twice {
        true => Error::new(Code::DuplicateKey, mapped.message()),
        false => mapped,
    }
}

#[async_trait]
impl StateWriter for Applier {
    async fn apply(&mut self, table: usize, apply: &Apply) -> Result<()> {
        if apply.rows() == 0 {
            return Ok(());
        }
        self.begin_call();
        let applied = match apply {
            Apply::Insert(rows) => self.insert(table, rows).await,
            Apply::Upsert(rows) => self.upsert(table, rows).await,
            Apply::Update { rows, old_keys } => self.update(table, rows, old_keys.as_ref()).await,
            Apply::Delete(rows) => self.delete(table, rows).await,
        };
        let Err(failed) = applied else { return Ok(()) };
        if failed.kind() == ErrorKind::Data
            && let Some(undo) = self.transaction.undo_call()
        {
            self.say_now(undo).await?;
        }
        Err(failed)
    }

    async fn savepoint(&mut self) -> Result<()> {
        self.transaction.savepoint();
        Ok(())
    }

    async fn roll_back(&mut self) -> Result<()> {
        match self.transaction.roll_back() {
            Some(sql) => self.say_now(sql).await,
            None => Ok(()),
        }
    }

    async fn define(&mut self, table: usize, change: &DefinitionChange) -> Result<()> {
        self.change(table, change).await
    }

    async fn flush(&mut self, position: &Position) -> Result<()> {
        let before = std::mem::take(&mut self.pending);
        let begun = run_first(&self.session, &before, &self.address);
        let moved = self.place.advance(&self.session, position);
        if self.transaction.is_open() {
            let ended = self.session.run("COMMIT", &self.address);
            both(both(begun, moved), ended).await?;
            self.transaction = Transaction::default();
        } else {
            both(begun, moved).await?;
        }
        self.sequences.move_on(&self.session).await
    }
}

/// The schema that the run's position lies in.
fn home(session: &Session) -> TableName {
    TableName::new(session.facts.schema.clone(), crate::checkpoint::TABLE)
}
