//! Writing one split: inserts straight from Arrow columns, in one transaction from flush to flush,
//! with a savepoint around each batch.

use std::sync::Arc;

use arrow::array::RecordBatch;
use rusqlite::Connection;
use syncline_connector::{SinkWriter, async_trait};
use syncline_sql::Dialect;
use syncline_types::{ChangeBatch, Code, Error, Position, Result, TableSchema};

use crate::bind::Parameter;
use crate::checkpoint::Owner;
use crate::database::{changed_meanwhile, map_error};
use crate::sink::{Locked, Shared};

/// Parameters of one statement, at most: more rows a statement save little.
const PARAMETERS: usize = 256;

/// The statements for one table.
#[derive(Debug, Clone)]
pub(crate) struct Inserts {
    /// For `rows` rows at once.
    many: String,
    rows: usize,
    one: String,
}

impl Inserts {
    /// Inserts into the table called `name`; rows with the key of one that is there take its
    /// place when `key` is given.
    pub(crate) fn new(name: &str, table: &TableSchema, key: Option<&[&str]>) -> Self {
        let quote = |name: &str| Dialect::Sqlite.quote(name);
        let width = table.columns.len().max(1);
        let columns: Vec<String> = table.columns.iter().map(|c| quote(c.name())).collect();
        let row = format!("({})", vec!["?"; table.columns.len()].join(","));
        let conflict = key.map(|key| {
            let key_columns: Vec<String> = key.iter().map(|k| quote(k)).collect();
            let set: Vec<String> = table
                .columns
                .iter()
                .filter(|c| !key.contains(&c.name()))
                .map(|c| format!("{0} = excluded.{0}", quote(c.name())))
                .collect();
            let action = match set.as_slice() {
                [] => "DO NOTHING".to_owned(),
                set => format!("DO UPDATE SET {}", set.join(", ")),
            };
            format!(" ON CONFLICT ({}) {action}", key_columns.join(", "))
        });
        let insert = |rows: usize| {
            format!(
                "INSERT INTO {} ({}) VALUES {}{}",
                quote(name),
                columns.join(", "),
                vec![row.as_str(); rows].join(","),
                conflict.as_deref().unwrap_or_default()
            )
        };
        let rows = (PARAMETERS / width).max(1);
        Self { many: insert(rows), rows, one: insert(1) }
    }

    fn run(&self, connection: &Connection, table: &TableSchema, rows: &RecordBatch) -> Result<()> {
        let parameters: Vec<Parameter<'_>> = table
            .columns
            .iter()
            .zip(rows.columns())
            .map(|(column, array)| Parameter::new(&column.field, array.as_ref()))
            .collect::<Result<_>>()?;
        let mut text = String::new();
        let mut from = 0;
        for (sql, step) in [(&self.many, self.rows), (&self.one, 1)] {
            if from + step > rows.num_rows() {
                continue;
            }
            let mut statement = connection.prepare_cached(sql).map_err(map_error)?;
            while from + step <= rows.num_rows() {
                let mut at = 0;
                for row in from..from + step {
                    for parameter in &parameters {
                        at += 1;
                        parameter.bind(&mut statement, at, row, &mut text)?;
                    }
                }
                statement.raw_execute().map_err(map_error)?;
                from += step;
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
    pub(crate) inserts: Inserts,
    /// The side table of a `replace`: its foreign keys are looked at when it takes its place.
    pub(crate) side: bool,
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
            let enforce = self.shared.enforces_foreign_keys() && !self.side;
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
    fn insert(&self, batch: &ChangeBatch) -> Result<()> {
        let connection = self.connection()?;
        connection.execute_batch("SAVEPOINT syncline_batch").map_err(map_error)?;
        let inserted = self.inserts.run(connection, &self.table, &batch.rows);
        let end = match &inserted {
            Ok(()) => "RELEASE syncline_batch",
            Err(_) => "ROLLBACK TO syncline_batch; RELEASE syncline_batch",
        };
        match connection.execute_batch(end) {
            Ok(()) => inserted.map_err(changed_meanwhile),
            // A full disk or a lost lock ends the whole transaction, savepoint and all.
            Err(e) => inserted.and(Err(map_error(e))),
        }
    }
}

#[async_trait]
impl SinkWriter for SqliteWriter {
    async fn write(&mut self, batch: &ChangeBatch) -> Result<()> {
        if batch.rows.num_rows() == 0 {
            return Ok(());
        }
        self.begin().await?;
        tokio::task::block_in_place(|| self.insert(batch)).map_err(|e| e.at(&self.owner.target))
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
