//! Rows taken away: many at a time by their key, and one by one where there is none.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use syncline_types::{Column, Error, Result, TableSchema, field};

use super::{CHUNK, SQL, Trouble, Writer};
use crate::encode::{Form, Rows, targets};

impl Writer {
    /// Takes rows away, all of them or none.
    pub(super) async fn take_away(&mut self, rows: &RecordBatch) -> Result<()> {
        let columns = self.columns_of(rows)?;
        let keyed = !self.plan.key.is_empty()
            && columns.iter().all(|c| self.plan.key.iter().any(|k| k == c.name()));
        self.begin().await?;
        self.feed.conn.exec("SAVEPOINT batch").await?;
        let table = Arc::clone(&self.plan.table);
        let taken = TableSchema { columns, ..TableSchema::clone(&table) };
        let done = match keyed {
            true => self.by_key(&taken, rows).await,
            false => self.one_by_one(&taken, rows).await,
        };
        match done {
            Ok(()) => Ok(()),
            Err(Trouble::Undo(error)) => {
                self.feed.conn.exec("ROLLBACK TO SAVEPOINT batch").await?;
                Err(error.at(&table.name))
            }
            Err(Trouble::Fatal(error)) => Err(error.at(&table.name)),
        }
    }

    /// The task's columns that the rows have.
    fn columns_of(&self, rows: &RecordBatch) -> Result<Vec<Column>> {
        let schema = rows.schema();
        let columns = schema.fields().iter().map(|f| self.plan.table.column(f.name()).cloned());
        columns
            .collect::<Option<_>>()
            .ok_or_else(|| Error::bug("rows to be taken away have columns of their own"))
    }

    async fn by_key(&mut self, taken: &TableSchema, rows: &RecordBatch) -> Result<(), Trouble> {
        let names: Vec<String> = taken.columns.iter().map(|c| SQL.quote(c.name())).collect();
        let into = SQL.table(&self.plan.into);
        let head = format!("DELETE FROM {into} WHERE ({}) IN (", names.join(", "));
        let targets = targets(taken);
        let rows = Rows::new(taken, &targets, rows)?;
        self.feed.rows(&head, &rows, usize::MAX, CHUNK, ")").await
    }

    /// Without a key every value has to be the same, texts byte by byte; one row of those that are
    /// alike goes.
    async fn one_by_one(&mut self, taken: &TableSchema, rows: &RecordBatch) -> Result<(), Trouble> {
        let into = SQL.table(&self.plan.into);
        for row in 0..rows.num_rows() {
            let mut sql = format!("DELETE FROM {into} WHERE ").into_bytes();
            for (at, column) in taken.columns.iter().enumerate() {
                let one = TableSchema { columns: vec![column.clone()], ..taken.clone() };
                let targets = targets(&one);
                let alone = rows.project(&[at]).map_err(|e| Error::bug("a column").because(e))?;
                let mut literal = Vec::new();
                Rows::new(&one, &targets, &alone)?.write(row, Form::Sql, &mut literal)?;
                let name = SQL.quote(column.name());
                let text = *column.field.data_type() == DataType::Utf8
                    && !matches!(field::logical(&column.field), Some("decimal" | "bit"));
                if at > 0 {
                    sql.extend_from_slice(b" AND ");
                }
                let (open, between, close) = match text {
                    true => (
                        format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY) <=> "),
                        "CAST(",
                        " AS BINARY)",
                    ),
                    false => (format!("{name} <=> "), "", ""),
                };
                sql.extend_from_slice(open.as_bytes());
                sql.extend_from_slice(between.as_bytes());
                sql.extend_from_slice(&literal);
                sql.extend_from_slice(close.as_bytes());
            }
            sql.extend_from_slice(b" LIMIT 1");
            self.feed.buffer = sql;
            self.feed.send("").await?;
        }
        Ok(())
    }
}
