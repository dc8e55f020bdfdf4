//! Changes of one table's rows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use rusqlite::Connection;
use syncline_connector::{Apply, WriteTask};
use syncline_sql::Dialect;
use syncline_types::{Code, Column, Error, Result, TableSchema};

use crate::catalog::Table;
use crate::database::map_error;
use crate::writer::delete::delete;
use crate::writer::{Insert, parameters};

/// A target table.
pub(super) struct Followed {
    name: String,
    /// The columns of the rows.
    columns: Arc<TableSchema>,
    /// Columns that the table computes by itself.
    computed: Vec<String>,
}

impl Followed {
    /// Looks the table up.
    pub(super) fn find(connection: &Connection, task: &WriteTask) -> Result<Self> {
        let name = task.table.name.name.clone();
        let found = Table::load(connection, &name)?
            .ok_or_else(|| Error::new(Code::TableChanged, format!("table {name} is gone")))?;
        let computed = found.computed().into_iter().map(str::to_owned).collect();
        Ok(Self { name, columns: Arc::clone(&task.table), computed })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A table of the columns that a batch has and that are written, with the batch of just these.
    fn shape(
        &self,
        rows: &RecordBatch,
        keep: impl Fn(&str) -> bool,
    ) -> Result<(TableSchema, RecordBatch)> {
        let (mut columns, mut from) = (Vec::new(), Vec::new());
        for (at, field) in rows.schema().fields().iter().enumerate() {
            let unknown = || Error::bug(format!("{}: no column {}", self.name, field.name()));
            let column = self.columns.column(field.name()).ok_or_else(unknown)?;
            let is_computed = self.computed.iter().any(|c| c.eq_ignore_ascii_case(field.name()));
            if !is_computed && keep(field.name()) {
                columns.push(column.clone());
                from.push(at);
            }
        }
        let rows = rows.project(&from).map_err(|e| Error::bug("columns of a batch").because(e))?;
        Ok((self.table_of(columns), rows))
    }

    /// The columns of the key alone.
    fn key(&self, rows: &RecordBatch) -> Result<(TableSchema, RecordBatch)> {
        let key = self.columns.key();
        let (columns, rows) = self.shape(rows, |name| key.contains(&name))?;
        if key.is_empty() || columns.columns.len() < key.len() {
            return Err(Error::bug(format!("{}: rows without their key", self.name)));
        }
        Ok((columns, rows))
    }

    fn table_of(&self, columns: Vec<Column>) -> TableSchema {
        let options = self.columns.options.clone();
        TableSchema { columns, options, ..TableSchema::new(self.columns.name.clone(), []) }
    }

    /// Within a transaction and a savepoint.
    pub(super) fn apply(&self, connection: &Connection, apply: &Apply) -> Result<()> {
        if apply.rows() == 0 {
            return Ok(());
        }
        match apply {
            Apply::Insert(rows) => {
                let (columns, rows) = self.shape(rows, |_| true)?;
                Insert::new(&self.name, &columns, None).run(connection, &columns, &rows)
            }
            Apply::Upsert(rows) => {
                let (columns, rows) = self.shape(rows, |_| true)?;
                let key = self.columns.key();
                if key.is_empty() {
                    return Err(Error::bug(format!("{}: no key to find rows by", self.name)));
                }
                Insert::new(&self.name, &columns, Some(&key)).run(connection, &columns, &rows)
            }
            Apply::Update { rows, old_keys } => self.update(connection, rows, old_keys.as_ref()),
            Apply::Delete(rows) if self.columns.key().is_empty() => {
                let (columns, rows) = self.shape(rows, |_| true)?;
                delete(connection, &self.name, &columns, &rows, false)
            }
            Apply::Delete(rows) => {
                let (columns, rows) = self.key(rows)?;
                delete(connection, &self.name, &columns, &rows, true)
            }
        }
    }

    fn update(
        &self,
        connection: &Connection,
        rows: &RecordBatch,
        old_keys: Option<&RecordBatch>,
    ) -> Result<()> {
        let key = self.columns.key();
        let (found, keys) = self.key(old_keys.unwrap_or(rows))?;
        let moves = old_keys.is_some();
        let (set, rows) = self.shape(rows, |name| moves || !key.contains(&name))?;
        if set.columns.is_empty() {
            return Ok(());
        }
        let quote = |c: &Column| Dialect::Sqlite.quote(c.name());
        let sets: Vec<String> =
            set.columns.iter().zip(1..).map(|(c, at)| format!("{} = ?{at}", quote(c))).collect();
        let first = set.columns.len() + 1;
        let same: Vec<String> = (found.columns.iter().zip(first..))
            .map(|(c, at)| format!("{} = ?{at}", quote(c)))
            .collect();
        // `OR ABORT` overrides clauses of the table by which rows would vanish.
        let sql = format!(
            "UPDATE OR ABORT {} SET {} WHERE {}",
            Dialect::Sqlite.quote(&self.name),
            sets.join(", "),
            same.join(" AND ")
        );
        let (values, names) = (parameters(&set, &rows)?, parameters(&found, &keys)?);
        let mut statement = connection.prepare_cached(&sql).map_err(map_error)?;
        let mut text = String::new();
        for row in 0..rows.num_rows() {
            for (at, parameter) in values.iter().chain(&names).enumerate() {
                parameter.bind(&mut statement, at + 1, row, &mut text)?;
            }
            statement.raw_execute().map_err(map_error)?;
        }
        Ok(())
    }
}
