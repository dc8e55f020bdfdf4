//! Writing one split: rows into the table, and the position with them, in one transaction.
//!
//! Rows go in by LOAD DATA LOCAL, fed from memory. With LOCAL the server turns errors into
//! warnings and leaves rows with a key that is there already out, without a word: after every load
//! its counts are looked at, and when anything is off the load is undone and the batch goes in
//! again as one strict INSERT, which gives the true error. Where LOCAL is not allowed, INSERT is
//! all there is.

mod delete;
mod feed;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use syncline_connector::SinkWriter;
use syncline_sql::Dialect;
use syncline_types::{ChangeBatch, Error, Position, Result, TableName, TableSchema};

use crate::checkpoint::Checkpoint;
use crate::encode::{Rows, Target, targets};
use crate::pool::Pool;
use crate::wire::{Conn, Flavor};
pub(crate) use crate::writer::feed::{CHUNK, Duplicates, Feed, Loaded, Place, Trouble};

const SQL: Dialect = Dialect::Mysql;
/// The session's own table for batches that are merged by key.
const BATCH: &str = "_syncline_batch";
/// What undoes one batch.
const STEP: &str = "batch";

/// How rows come into the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// They are new.
    Insert,
    /// A row of the same primary key is overwritten. There is no other unique key. INSERT … ON
    /// DUPLICATE KEY UPDATE, which was no slower than a load into a temporary table and one
    /// INSERT … SELECT from there (MariaDB 10.11, 200,000 rows over 300,000).
    Upsert,
    /// As `Upsert`, where the table has other unique keys: those must not find the row.
    Merge,
}

/// What a writer is made for.
pub(crate) struct Plan {
    /// The table written to: the target, or the one beside it.
    pub(crate) into: TableName,
    /// The columns written.
    pub(crate) table: Arc<TableSchema>,
    /// The key's columns, for `Upsert` and `Merge`.
    pub(crate) key: Vec<String>,
    pub(crate) way: Way,
    /// LOAD DATA LOCAL is allowed, as far as is known; shared by the sink's writers.
    pub(crate) load: Arc<AtomicBool>,
    /// Where the connection goes when nothing is open on it.
    pub(crate) pool: Arc<Pool>,
    /// Rows may refer to rows that are yet to come: whether they are there is asked at the end.
    pub(crate) unchecked: bool,
}

/// Writes rows of one split.
pub(crate) struct Writer {
    feed: Feed,
    plan: Plan,
    targets: Arc<[Target]>,
    checkpoint: Checkpoint,
}

impl Writer {
    /// A writer on a connection of its own. For `Merge` it makes the session's table, outside of
    /// any transaction.
    pub(crate) async fn new(mut conn: Conn, plan: Plan, checkpoint: Checkpoint) -> Result<Self> {
        if plan.unchecked {
            conn.exec("SET SESSION foreign_key_checks=0").await?;
        }
        if plan.way == Way::Merge {
            let like = SQL.table(&plan.into);
            conn.exec(&format!("CREATE TEMPORARY TABLE {} LIKE {like}", SQL.table(&batch(&plan))))
                .await
                .map_err(|e| Error::from(e).at(&plan.into))?;
        }
        let targets = targets(&plan.table).into();
        let feed = Feed::new(conn, &plan.pool, Arc::clone(&plan.load)).await?;
        Ok(Self { feed, plan, targets, checkpoint })
    }

    async fn rows(&mut self, rows: &Rows<'_>) -> Result<(), Trouble> {
        let overwrite = match self.plan.way {
            Way::Insert => None,
            Way::Upsert => Some(self.overwrite()),
            Way::Merge => return self.merge(rows).await,
        };
        let place =
            Place { into: &self.plan.into, columns: &self.plan.table, targets: &self.targets };
        match overwrite {
            None => self.feed.fill(place, rows, STEP).await,
            Some(overwrite) => self.feed.insert(place, rows, &overwrite).await,
        }
    }

    /// Columns that are not of the key.
    fn rest(&self) -> Vec<String> {
        let rest =
            self.plan.table.columns.iter().filter(|c| !self.plan.key.iter().any(|k| k == c.name()));
        rest.map(|c| SQL.quote(c.name())).collect()
    }

    /// What stands behind the values of an upsert.
    fn overwrite(&self) -> String {
        let rest = self.rest();
        // Later MySQL has another word for the new row, and warns at the old one; MariaDB has
        // only the old one.
        let aliased =
            self.feed.conn.flavor == Flavor::MySql && self.feed.conn.version >= (8, 0, 20);
        let mut sets: Vec<String> = rest
            .iter()
            .map(|c| if aliased { format!("{c} = new.{c}") } else { format!("{c} = VALUES({c})") })
            .collect();
        if sets.is_empty() {
            // Nothing but the key: the row stays as it is.
            let table = SQL.quote(&self.plan.into.name);
            sets = self
                .plan
                .key
                .iter()
                .map(|k| SQL.quote(k))
                .map(|k| format!("{k} = {table}.{k}"))
                .collect();
        }
        let alias = if aliased { " AS new" } else { "" };
        format!("{alias} ON DUPLICATE KEY UPDATE {}", sets.join(", "))
    }

    /// Loads the batch into the session's table, and merges it by the key alone.
    async fn merge(&mut self, rows: &Rows<'_>) -> Result<(), Trouble> {
        let batch = batch(&self.plan);
        let (from, into) = (SQL.table(&batch), SQL.table(&self.plan.into));
        self.feed.conn.exec(&format!("DELETE FROM {from}")).await?;
        let place = Place { into: &batch, columns: &self.plan.table, targets: &self.targets };
        let names = place.names();
        self.feed.fill(place, rows, STEP).await?;
        let same = self.plan.key.iter().map(|k| SQL.quote(k));
        let on = same.map(|k| format!("t.{k} = b.{k}")).collect::<Vec<_>>().join(" AND ");
        let sets: Vec<String> = self.rest().iter().map(|c| format!("t.{c} = b.{c}")).collect();
        if !sets.is_empty() {
            let sql = format!("UPDATE {into} t JOIN {from} b ON {on} SET {}", sets.join(", "));
            self.feed.strict(&sql).await?;
        }
        let columns: Vec<String> =
            self.plan.table.columns.iter().map(|c| format!("b.{}", SQL.quote(c.name()))).collect();
        let first = self.plan.key.first().map(|k| SQL.quote(k)).unwrap_or_default();
        let sql = format!(
            "INSERT INTO {into} ({}) SELECT {} FROM {from} b LEFT JOIN {into} t ON {on} \
             WHERE t.{first} IS NULL",
            names,
            columns.join(", ")
        );
        self.feed.strict(&sql).await
    }
}

fn batch(plan: &Plan) -> TableName {
    TableName { schema: plan.into.schema.clone(), name: BATCH.into() }
}

#[async_trait]
impl SinkWriter for Writer {
    async fn write(&mut self, batch: &ChangeBatch) -> Result<()> {
        if batch.rows.num_rows() == 0 {
            return Ok(());
        }
        let place = self.plan.table.name.clone();
        let targets = Arc::clone(&self.targets);
        let result = async {
            let rows = Rows::new(&self.plan.table, &targets, &batch.rows)?;
            self.feed.begin_step(STEP).await?;
            self.feed.allow(&rows).await?;
            let done = self.rows(&rows).await;
            self.feed.end_step(STEP, done).await
        }
        .await;
        result.map_err(|e| if e.message().contains(&place.name) { e } else { e.at(&place) })
    }

    async fn delete(&mut self, rows: &RecordBatch) -> Result<()> {
        self.take_away(rows).await
    }

    async fn flush(&mut self, position: &Position, end: bool) -> Result<()> {
        let done = self.feed.commit(&self.checkpoint, position, end).await;
        done.map_err(|e| e.at(&self.plan.table.name))?;
        // A temporary table would be in the way of the next writer.
        let changed = self.feed.is_changed() || self.plan.unchecked;
        self.feed.conn.clean = self.plan.way != Way::Merge && !changed;
        Ok(())
    }
}
