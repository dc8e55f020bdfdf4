//! Writing one split: rows into the table, and the position with them, in one transaction.
//!
//! Rows go in by LOAD DATA LOCAL, fed from memory. With LOCAL the server turns errors into
//! warnings and leaves rows with a key that is there already out, without a word: after every load
//! its counts are looked at, and when anything is off the load is undone and the batch goes in
//! again as one strict INSERT, which gives the true error. Where LOCAL is not allowed, INSERT is
//! all there is.

mod delete;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use syncline_connector::SinkWriter;
use syncline_sql::Dialect;
use syncline_types::{
    ChangeBatch, Code, Error, ErrorKind, Flaw, Position, Result, TableName, TableSchema,
};

use crate::checkpoint::Checkpoint;
use crate::encode::{Form, Rows, Target, targets};
use crate::pool::{Lease, Pool};
use crate::session::WRITE_MODE;
use crate::wire::{Conn, Fault, Flavor};

const SQL: Dialect = Dialect::Mysql;
/// What is gathered before it is sent.
const CHUNK: usize = 512 * 1024;
/// A buffer that grew beyond this for a large row is given back.
const KEEP: usize = 2 * CHUNK;
/// The session's own table for batches that are merged by key.
const BATCH: &str = "_syncline_batch";

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
    conn: Lease,
    plan: Plan,
    targets: Arc<[Target]>,
    checkpoint: Checkpoint,
    /// Largest statement the server takes.
    packet: usize,
    in_transaction: bool,
    /// The session takes dates such as 2020-02-31.
    impossible: bool,
    buffer: Vec<u8>,
}

/// Why a batch did not go in.
enum Trouble {
    /// The statement or load is to be undone; the rest of the transaction stands.
    Undo(Error),
    /// The connection is of no use any more.
    Fatal(Error),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        match fault.number() {
            // A deadlock undoes the whole transaction.
            Some(1213) | None => Trouble::Fatal(fault.into()),
            Some(_) => {
                let error = Error::from(fault);
                match error.kind() {
                    ErrorKind::Data => Trouble::Undo(error),
                    _ => Trouble::Fatal(error),
                }
            }
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Data => Trouble::Undo(error),
            _ => Trouble::Fatal(error),
        }
    }
}

impl Writer {
    /// A writer on a connection of its own. For `Merge` it makes the session's table, outside of
    /// any transaction.
    pub(crate) async fn new(mut conn: Conn, plan: Plan, checkpoint: Checkpoint) -> Result<Self> {
        let packet = conn.query("SELECT @@max_allowed_packet").await?;
        let packet = packet.single().and_then(|n| n.parse().ok()).unwrap_or(1 << 20);
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
        let conn = Lease::new(conn, Arc::clone(&plan.pool));
        Ok(Self {
            conn,
            plan,
            targets,
            checkpoint,
            packet,
            in_transaction: false,
            impossible: false,
            buffer: Vec::new(),
        })
    }

    async fn begin(&mut self) -> Result<()> {
        if !self.in_transaction {
            self.conn.clean = false;
            self.conn.exec("START TRANSACTION").await?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Makes the session take dates such as 2020-02-31, or not: only for batches that have one, so
    /// that expressions of generated columns are computed as ever.
    async fn allow(&mut self, impossible: bool) -> Result<()> {
        if impossible != self.impossible {
            let more = if impossible { ",ALLOW_INVALID_DATES" } else { "" };
            self.conn.exec(&format!("SET SESSION sql_mode='{WRITE_MODE}{more}'")).await?;
            self.impossible = impossible;
        }
        Ok(())
    }

    async fn rows(&mut self, rows: &Rows<'_>) -> Result<(), Trouble> {
        let into = self.plan.into.clone();
        match self.plan.way {
            Way::Insert => self.fill(&into, rows).await,
            Way::Upsert => self.insert(&into, rows, &self.overwrite()).await,
            Way::Merge => self.merge(rows).await,
        }
    }

    /// Puts rows into a table: by LOAD DATA, and where that is not sure, by INSERT.
    async fn fill(&mut self, into: &TableName, rows: &Rows<'_>) -> Result<(), Trouble> {
        if self.plan.load.load(Ordering::Relaxed) {
            match self.load(into, rows).await? {
                Loaded::All => return Ok(()),
                Loaded::Forbidden => self.plan.load.store(false, Ordering::Relaxed),
                Loaded::Doubtful => {
                    self.conn.exec("ROLLBACK TO SAVEPOINT batch").await?;
                }
            }
        }
        self.insert(into, rows, "").await
    }

    async fn load(&mut self, into: &TableName, rows: &Rows<'_>) -> Result<Loaded, Trouble> {
        let sql = self.load_sql(into);
        match self.conn.load_begin(&sql).await {
            Ok(()) => {}
            // Switched off at the server (MySQL, MariaDB), or for this client.
            Err(Fault::Server { code: 1148 | 2068 | 3948 | 3950 | 4166, .. }) => {
                return Ok(Loaded::Forbidden);
            }
            Err(fault) => return Err(fault.into()),
        }
        let mut refused = None;
        self.buffer.clear();
        for row in 0..rows.count {
            if let Err(error) = rows.write(row, Form::Load, &mut self.buffer) {
                refused = Some(error);
                break;
            }
            if self.buffer.len() >= CHUNK {
                self.conn.load_data(&self.buffer).await?;
                self.buffer.clear();
            }
        }
        if refused.is_none() && !self.buffer.is_empty() {
            self.conn.load_data(&self.buffer).await?;
        }
        self.trim();
        // The file is ended in order even when a row was refused: the savepoint undoes it.
        let done = self.conn.load_end().await;
        if let Some(error) = refused {
            return Err(error.into());
        }
        let done = match done {
            Ok(done) => done,
            // The strict INSERT will say which row it was.
            Err(fault) => match Trouble::from(fault) {
                Trouble::Undo(_) => return Ok(Loaded::Doubtful),
                fatal => return Err(fatal),
            },
        };
        // "Records: 3  Deleted: 0  Skipped: 0  Warnings: 0", in whatever language.
        let mut counts = done
            .info
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|part| part.parse::<u64>().ok());
        let all = rows.count as u64;
        let right = counts.next() == Some(all) && counts.all(|n| n == 0);
        Ok(match right && done.affected == all && done.warnings == 0 {
            true => Loaded::All,
            false => Loaded::Doubtful,
        })
    }

    fn load_sql(&self, into: &TableName) -> String {
        let mut fields = Vec::with_capacity(self.targets.len());
        let mut sets = Vec::new();
        for (at, (target, column)) in self.targets.iter().zip(&self.plan.table.columns).enumerate()
        {
            let name = SQL.quote(column.name());
            if target.convert {
                fields.push(format!("@c{at}"));
                sets.push(format!("{name} = CONVERT(@c{at} USING utf8mb4)"));
            } else {
                fields.push(name);
            }
        }
        let mut sql = format!(
            "LOAD DATA LOCAL INFILE 'rows' INTO TABLE {} CHARACTER SET binary \
             FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' \
             LINES STARTING BY '' TERMINATED BY '\\n' ({})",
            SQL.table(into),
            fields.join(", ")
        );
        if !sets.is_empty() {
            sql.push_str(&format!(" SET {}", sets.join(", ")));
        }
        sql
    }

    /// Puts rows into a table by INSERT, as many in a statement as its size allows.
    async fn insert(
        &mut self,
        into: &TableName,
        rows: &Rows<'_>,
        behind: &str,
    ) -> Result<(), Trouble> {
        let head = format!("INSERT INTO {} ({}) VALUES ", SQL.table(into), self.names());
        let limit = self.packet.saturating_sub(1024).min(2 * CHUNK);
        self.buffer.clear();
        for row in 0..rows.count {
            let before = self.buffer.len();
            if before == 0 {
                self.buffer.extend_from_slice(head.as_bytes());
            } else {
                self.buffer.push(b',');
            }
            rows.write(row, Form::Sql, &mut self.buffer)?;
            if before > 0 && self.buffer.len() + behind.len() > limit {
                // This row opens the next statement.
                let next = self.buffer.split_off(before + 1);
                self.buffer.pop();
                self.send(behind).await?;
                self.buffer.extend_from_slice(head.as_bytes());
                self.buffer.extend_from_slice(&next);
            }
        }
        if !self.buffer.is_empty() {
            self.send(behind).await?;
        }
        self.trim();
        Ok(())
    }

    /// Sends the INSERT in the buffer. A warning is an error here: a value was changed.
    async fn send(&mut self, behind: &str) -> Result<(), Trouble> {
        self.buffer.extend_from_slice(behind.as_bytes());
        if self.buffer.len() >= self.packet {
            let text = format!(
                "a row of {} bytes is larger than the server's max_allowed_packet, {}",
                self.buffer.len(),
                self.packet
            );
            let error = Error::new(Code::OutOfRange, text).flawed(Flaw::TooLong);
            let error = error.hint("raise max_allowed_packet");
            return Err(Trouble::Undo(error));
        }
        let done = self.conn.exec_bytes(&self.buffer).await?;
        self.buffer.clear();
        if done.warnings > 0 {
            // Deprecations and remarks on replication change no value.
            const HARMLESS: [u16; 4] = [1287, 1592, 1681, 3719];
            let warnings = self.conn.warnings().await?;
            let why = match warnings.iter().find(|(code, _)| !HARMLESS.contains(code)) {
                Some((code, why)) => Some(format!("{why} ({code})")),
                // The server may have been told to keep no texts.
                None if warnings.is_empty() => Some(format!("{} warnings", done.warnings)),
                None => None,
            };
            if let Some(why) = why {
                let text = format!("the server would change a value: {why}");
                return Err(Trouble::Undo(Error::new(Code::Conversion, text)));
            }
        }
        Ok(())
    }

    /// Gives a buffer back that a large row made large.
    fn trim(&mut self) {
        self.buffer.clear();
        if self.buffer.capacity() > KEEP {
            self.buffer = Vec::new();
        }
    }

    fn names(&self) -> String {
        let names: Vec<String> =
            self.plan.table.columns.iter().map(|c| SQL.quote(c.name())).collect();
        names.join(", ")
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
        let aliased = self.conn.flavor == Flavor::MySql && self.conn.version >= (8, 0, 20);
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
        self.conn.exec(&format!("DELETE FROM {from}")).await?;
        self.fill(&batch, rows).await?;
        let same = self.plan.key.iter().map(|k| SQL.quote(k));
        let on = same.map(|k| format!("t.{k} = b.{k}")).collect::<Vec<_>>().join(" AND ");
        let sets: Vec<String> = self.rest().iter().map(|c| format!("t.{c} = b.{c}")).collect();
        if !sets.is_empty() {
            let sql = format!("UPDATE {into} t JOIN {from} b ON {on} SET {}", sets.join(", "));
            self.strict(&sql).await?;
        }
        let columns: Vec<String> =
            self.plan.table.columns.iter().map(|c| format!("b.{}", SQL.quote(c.name()))).collect();
        let first = self.plan.key.first().map(|k| SQL.quote(k)).unwrap_or_default();
        let sql = format!(
            "INSERT INTO {into} ({}) SELECT {} FROM {from} b LEFT JOIN {into} t ON {on} \
             WHERE t.{first} IS NULL",
            self.names(),
            columns.join(", ")
        );
        self.strict(&sql).await
    }

    async fn strict(&mut self, sql: &str) -> Result<(), Trouble> {
        self.buffer.clear();
        self.buffer.extend_from_slice(sql.as_bytes());
        self.send("").await
    }
}

fn batch(plan: &Plan) -> TableName {
    TableName { schema: plan.into.schema.clone(), name: BATCH.into() }
}

/// What became of a load.
enum Loaded {
    /// Every row is in, as it was given.
    All,
    /// Something is off: it is to be undone.
    Doubtful,
    /// The server does not allow it. Nothing happened.
    Forbidden,
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
            self.begin().await?;
            self.allow(rows.impossible).await?;
            self.conn.exec("SAVEPOINT batch").await?;
            match self.rows(&rows).await {
                Ok(()) => Ok(()),
                Err(Trouble::Undo(error)) => {
                    self.conn.exec("ROLLBACK TO SAVEPOINT batch").await?;
                    Err(error)
                }
                Err(Trouble::Fatal(error)) => Err(error),
            }
        }
        .await;
        result.map_err(|e| if e.message().contains(&place.name) { e } else { e.at(&place) })
    }

    async fn delete(&mut self, rows: &RecordBatch) -> Result<()> {
        self.take_away(rows).await
    }

    async fn flush(&mut self, position: &Position, end: bool) -> Result<()> {
        self.begin().await?;
        let moved = self.checkpoint.advance(&mut self.conn, position, end).await;
        if let Err(error) = moved {
            // Nothing of this owner's may stay; the connection's end undoes it in any case.
            drop(self.conn.exec("ROLLBACK").await);
            self.in_transaction = false;
            return Err(error);
        }
        self.conn.exec("COMMIT").await.map_err(|e| Error::from(e).at(&self.plan.table.name))?;
        self.in_transaction = false;
        // A temporary table would be in the way of the next writer.
        let changed = self.impossible || self.plan.unchecked;
        self.conn.clean = self.plan.way != Way::Merge && !changed;
        Ok(())
    }
}
