//! Keeping tables as a source's are: changes applied in sets, and the position with them, in one
//! transaction from the first of them to the flush.
//!
//! Which statements, and why: measured on MariaDB 10.11 as the CPU of the server a row (a table of
//! 150,000 rows of about 200 bytes, 10,000 rows in no order a batch, binary log on; one statement a
//! row costs 33 µs for a delete and 49 µs for an update):
//!
//! | what | statement | µs |
//! |---|---|---|
//! | new rows | LOAD DATA | 6.7 |
//! | | INSERT … VALUES, many rows | 8.5 |
//! | whole rows over others | LOAD DATA … REPLACE | 9.3 |
//! | | INSERT … ON DUPLICATE KEY UPDATE, many rows | 11.5 |
//! | | a load into a temporary table, INSERT … SELECT … ON DUPLICATE KEY UPDATE | 9.5 |
//! | | a load into a temporary table, UPDATE … JOIN | 15 |
//! | a column of rows | a load into a temporary table, UPDATE … JOIN | 7 |
//! | rows that go | DELETE … WHERE (k) IN (…) | 4.6 |
//!
//! Rows in the order of the key cost a fifth less than in no order: they are sorted first. The
//! ways are compared again by `examples/apply.rs`.
//!
//! Triggers of the target fire as in any write. Where there are some, or other tables refer to the
//! table, or it keeps its history, rows are changed in place and never taken away and put in again.

mod define;
mod delete;
mod table;
mod update;
mod upsert;

use async_trait::async_trait;
use syncline_connector::{
    Apply, ApplyTask, DefinitionChange, FollowOpened, Follower, Held, StateWriter,
};
use syncline_types::{Code, Error, Position, Result, TableName};

use crate::checkpoint::{Checkpoint, FOLLOWED};
use crate::sink::MysqlSink;
use crate::wire::{Conn, Fault, Flavor};
use crate::writer::{Feed, Trouble};
use table::Followed;

/// What undoes one call.
const CALL: &str = "syncline_call";
/// What the engine returns to.
const SET: &str = "syncline_set";

/// Applies changes to tables.
pub(crate) struct StateFollower {
    sink: MysqlSink,
    feed: Feed,
    checkpoint: Checkpoint,
    tables: Vec<Followed>,
    /// Temporary tables made so far: their names are counted on.
    scratch: usize,
}

/// A follower of these tables, that has taken the run over.
pub(crate) async fn open(sink: &MysqlSink, task: &ApplyTask) -> Result<FollowOpened> {
    let mut conn = sink.connect().await?;
    let (checkpoint, held) = claim(sink, &mut conn, task).await?;
    settle(&mut conn).await?;
    let mut tables = Vec::with_capacity(task.tables.len());
    for table in &task.tables {
        let name = sink.full(&table.table.name)?;
        tables.push(Followed::find(&mut conn, name, table).await?);
    }
    let feed = Feed::new(conn, sink.pool(), sink.may_load()).await?;
    let sink = sink.clone();
    let follower = StateFollower { sink, feed, checkpoint, tables, scratch: 0 };
    let held = held.map(|held| held.position);
    Ok(FollowOpened { follower: Follower::State(Box::new(follower)), held })
}

/// Databases in which the position may be kept: the URL's, or else the first of the tables'. A
/// table that was added since may have changed which that is.
fn places(sink: &MysqlSink, task: &ApplyTask) -> Result<Vec<String>> {
    let mut tables = task
        .tables
        .iter()
        .map(|table| Ok(sink.full(&table.table.name)?.schema.unwrap_or_default()))
        .collect::<Result<Vec<String>>>()?;
    tables.sort_unstable();
    tables.dedup();
    let mut places: Vec<String> = sink.database().map(str::to_owned).into_iter().collect();
    tables.retain(|database| !places.contains(database));
    places.append(&mut tables);
    Ok(places)
}

async fn claim(
    sink: &MysqlSink,
    conn: &mut Conn,
    task: &ApplyTask,
) -> Result<(Checkpoint, Option<Held>)> {
    let mut places: Vec<Checkpoint> = places(sink, task)?
        .iter()
        .map(|database| Checkpoint::new(database, &task.run, FOLLOWED, 0, task.epoch))
        .collect();
    let mut chosen = 0;
    for (at, place) in places.iter().enumerate() {
        if place.is_there(conn).await? {
            chosen = at;
            break;
        }
    }
    if places.is_empty() {
        let text =
            "no database to keep the position in: the URL names none, and no table is followed";
        return Err(Error::new(Code::DatabaseNotFound, text)
            .hint("put one behind the host: mysql://user@host/database"));
    }
    let checkpoint = places.swap_remove(chosen);
    let held = checkpoint.claim(conn).await?;
    Ok((checkpoint, held))
}

/// The run's position goes.
pub(crate) async fn close(sink: &MysqlSink, task: &ApplyTask) -> Result<()> {
    let mut conn = sink.connect().await?;
    for database in places(sink, task)? {
        crate::checkpoint::forget(&mut conn, &database, &task.run, true).await?;
    }
    sink.pool().give(conn);
    Ok(())
}

/// Settings beside those of every session that writes.
async fn settle(conn: &mut Conn) -> Result<()> {
    let rows = conn.query("SELECT @@log_bin, @@binlog_format").await?;
    let row = rows.rows.first().map(Vec::as_slice).unwrap_or_default();
    let logs = rows.get(row, "@@log_bin") == Some("1");
    let by_statement = logs && rows.get(row, "@@binlog_format") == Some("STATEMENT");
    let mut wishes = Vec::new();
    if !by_statement {
        // Rows that are not there, and rows a statement only passes, stay unlocked: others may
        // write to the same tables meanwhile. Logs of statements forbid it.
        let name = match (conn.flavor, conn.version) {
            (Flavor::MySql, v) if v < (8, 0, 0) => "tx_isolation",
            (Flavor::MariaDb, v) if v < (11, 1, 0) => "tx_isolation",
            _ => "transaction_isolation",
        };
        wishes.push(format!("{name}='READ-COMMITTED'"));
    }
    match conn.flavor {
        // Long lists of keys are ranges of an index, whatever memory it takes to plan them.
        Flavor::MySql => wishes.push("range_optimizer_max_mem_size=0".into()),
        // They are not turned into joins with a table of the list.
        Flavor::MariaDb => wishes.push("in_predicate_conversion_threshold=0".into()),
    }
    for wish in wishes {
        match conn.exec(&format!("SET SESSION {wish}")).await {
            Ok(_) | Err(Fault::Server { .. }) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(())
}

impl StateFollower {
    fn name(&self, table: usize) -> Result<TableName> {
        self.known(table).map(|t| t.name.clone())
    }

    fn known(&self, table: usize) -> Result<&Followed> {
        self.tables.get(table).ok_or_else(|| Error::bug(format!("no table {table} is followed")))
    }

    async fn act(&mut self, table: usize, apply: &Apply) -> Result<(), Trouble> {
        match apply {
            Apply::Insert(rows) => self.insert(table, rows).await,
            Apply::Upsert(rows) => self.upsert(table, rows).await,
            Apply::Update { rows, old_keys } => self.update(table, rows, old_keys.as_ref()).await,
            Apply::Delete(rows) => self.delete(table, rows).await,
        }
    }
}

#[async_trait]
impl StateWriter for StateFollower {
    async fn apply(&mut self, table: usize, apply: &Apply) -> Result<()> {
        let name = self.name(table)?;
        if apply.rows() == 0 {
            return Ok(());
        }
        let named = |e: Error| if e.message().contains(&name.name) { e } else { e.at(&name) };
        self.feed.begin_step(CALL).await?;
        let done = self.act(table, apply).await;
        self.feed.end_step(CALL, done).await.map_err(named)
    }

    async fn savepoint(&mut self) -> Result<()> {
        self.feed.begin_step(SET).await
    }

    async fn roll_back(&mut self) -> Result<()> {
        self.feed.conn.exec(&format!("ROLLBACK TO SAVEPOINT {SET}")).await?;
        Ok(())
    }

    async fn define(&mut self, table: usize, change: &DefinitionChange) -> Result<()> {
        self.change(table, change).await
    }

    async fn flush(&mut self, position: &Position) -> Result<()> {
        self.feed.commit(&self.checkpoint, position, false).await
    }
}
