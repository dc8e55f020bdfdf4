//! Writing one split: inserts straight from Arrow columns, in one transaction from flush to flush,
//! with a savepoint around each batch.

pub(crate) mod delete;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use rusqlite::Connection;
use syncline_connector::{SinkWriter, async_trait};
use syncline_sql::Dialect;
use syncline_types::{ChangeBatch, Code, Column, Error, ErrorKind, Position, Result, TableSchema};

use crate::bind::Parameter;
use crate::catalog::is_strict;
use crate::checkpoint::Owner;
use crate::database::{changed_meanwhile, map_error};
use crate::sink::{Locked, Shared};

/// The statement for one table: one row at a time, which on a prepared statement is as fast as
/// many at once.
#[derive(Debug, Clone)]
pub(crate) struct Insert {
    sql: String,
    /// Rows a row may change: none, when it has nothing but the key of one that is there.
    at_least: usize,
}

impl Insert {
    /// Inserts into the table called `name`; rows with the key of one that is there take its
    /// place when `key` is given. `OR ABORT` overrides clauses of the table such as `UNIQUE ON
    /// CONFLICT IGNORE`, by which rows would vanish.
    pub(crate) fn new(name: &str, table: &TableSchema, key: Option<&[&str]>) -> Self {
        let quote = |name: &str| Dialect::Sqlite.quote(name);
        let columns: Vec<String> = table.columns.iter().map(|c| quote(c.name())).collect();
        let mut sql = format!(
            "INSERT OR ABORT INTO {} ({}) VALUES ({})",
            quote(name),
            columns.join(", "),
            vec!["?"; columns.len()].join(",")
        );
        let mut at_least = 1;
        if let Some(key) = key {
            let key_columns: Vec<String> = key.iter().map(|k| quote(k)).collect();
            // A text may be written otherwise than the one that its collation takes for the same.
            let alike = |c: &Column| *c.field.data_type() == DataType::Utf8;
            let set: Vec<String> = table
                .columns
                .iter()
                .filter(|c| !key.contains(&c.name()) || alike(c))
                .map(|c| format!("{0} = excluded.{0}", quote(c.name())))
                .collect();
            sql.push_str(&format!(" ON CONFLICT ({}) DO ", key_columns.join(", ")));
            match set.as_slice() {
                [] => {
                    sql.push_str("NOTHING");
                    at_least = 0;
                }
                set => sql.push_str(&format!("UPDATE SET {}", set.join(", "))),
            }
        }
        Self { sql, at_least }
    }

    pub(crate) fn run(
        &self,
        connection: &Connection,
        table: &TableSchema,
        rows: &RecordBatch,
    ) -> Result<()> {
        let parameters = parameters(table, rows)?;
        let mut statement = connection.prepare_cached(&self.sql).map_err(map_error)?;
        let mut text = String::new();
        for row in 0..rows.num_rows() {
            for (at, parameter) in parameters.iter().enumerate() {
                parameter.bind(&mut statement, at + 1, row, &mut text)?;
            }
            if statement.raw_execute().map_err(map_error)? < self.at_least {
                let message = "a trigger of the target ignored a row";
                return Err(Error::new(Code::CheckViolated, message));
            }
        }
        Ok(())
    }
}

/// Takes the rows of one split.
pub(crate) struct SqliteWriter {
    pub(crate) shared: Shared,
    pub(crate) owner: Owner,
    pub(crate) split: u32,
    pub(crate) table: Arc<TableSchema>,
    pub(crate) insert: Insert,
    /// Its foreign keys are not looked at row by row: those of a side table are when it takes its
    /// place, those of a table that this run has made, or that refers to itself, when all tables
    /// are there.
    pub(crate) later: bool,
    /// The connection, from the first row of a transaction to its end.
    pub(crate) locked: Option<Locked>,
}

impl SqliteWriter {
    async fn begin(&mut self) -> Result<()> {
        if self.locked.is_some() {
            return Ok(());
        }
        let locked = self.shared.lock().await?;
        tokio::task::block_in_place(|| {
            let connection = locked.connection()?;
            let enforce = self.shared.enforces_foreign_keys() && !self.later;
            connection.pragma_update(None, "foreign_keys", enforce).map_err(map_error)?;
            connection.execute_batch("BEGIN IMMEDIATE").map_err(map_error)?;
            self.owner.check(connection)
        })
        .map_err(|e| e.at(self.shared.display()))?;
        self.locked = Some(locked);
        Ok(())
    }

    fn connection(&self) -> Result<&Connection> {
        self.locked.as_ref().ok_or_else(|| Error::bug("a writer without connection"))?.connection()
    }

    /// All of the batch, or nothing.
    fn accept(&self, batch: &ChangeBatch) -> Result<()> {
        self.whole(|connection| self.insert.run(connection, &self.table, &batch.rows))
    }

    /// All of what is done, or nothing.
    fn whole(&self, act: impl FnOnce(&Connection) -> Result<()>) -> Result<()> {
        whole(self.connection()?, act)
    }
}

/// All of what is done within a transaction, or nothing.
pub(crate) fn whole(
    connection: &Connection,
    act: impl FnOnce(&Connection) -> Result<()>,
) -> Result<()> {
    connection.execute_batch("SAVEPOINT syncline_batch").map_err(map_error)?;
    let done = act(connection);
    if let Err(e) = &done
        && connection.is_autocommit()
    {
        // The library, or a trigger, has rolled back the batches before this one, too.
        let code = if e.kind() == ErrorKind::Data { Code::StoreFailed } else { e.code() };
        let message = format!("the transaction was rolled back: {}", e.message());
        return Err(Error::new(code, message));
    }
    let end = match &done {
        Ok(()) => "RELEASE syncline_batch",
        Err(_) => "ROLLBACK TO syncline_batch; RELEASE syncline_batch",
    };
    match connection.execute_batch(end) {
        Ok(()) => done.map_err(changed_meanwhile),
        Err(e) => done.and(Err(map_error(e))),
    }
}

/// The columns of a table, ready to be bound from a batch that has them in the same order.
pub(crate) fn parameters<'a>(
    table: &'a TableSchema,
    rows: &'a RecordBatch,
) -> Result<Vec<Parameter<'a>>> {
    let options = table.options.as_ref().and_then(|sql| sql.of(Dialect::Sqlite.id()));
    let strict = options.is_some_and(is_strict);
    table
        .columns
        .iter()
        .zip(rows.columns())
        .map(|(column, array)| Parameter::new(&column.field, array.as_ref(), strict))
        .collect()
}

#[async_trait]
impl SinkWriter for SqliteWriter {
    async fn write(&mut self, batch: &ChangeBatch) -> Result<()> {
        if batch.rows.num_rows() == 0 {
            return Ok(());
        }
        self.begin().await?;
        tokio::task::block_in_place(|| self.accept(batch)).map_err(|e| e.at(&self.owner.target))
    }

    async fn delete(&mut self, rows: &RecordBatch) -> Result<()> {
        self.begin().await?;
        tokio::task::block_in_place(|| self.whole(|connection| self.take_away(connection, rows)))
            .map_err(|e| e.at(&self.owner.target))
    }

    async fn flush(&mut self, position: &Position, end: bool) -> Result<()> {
        self.begin().await?;
        tokio::task::block_in_place(|| {
            let connection = self.connection()?;
            self.owner.store(connection, self.split, position, end)?;
            connection.execute_batch("COMMIT").map_err(map_error)
        })
        .map_err(|e| match e.code() {
            Code::StaleEpoch => e,
            _ => e.at(self.shared.display()),
        })?;
        self.locked = None;
        Ok(())
    }
}
