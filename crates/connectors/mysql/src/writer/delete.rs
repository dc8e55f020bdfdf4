//! Rows taken away: many at a time by their key, and one by one where there is none.
//!
//! By key it is `DELETE … WHERE (k) IN (…)`, a range of the key's index to both servers. Measured
//! on MariaDB 10.11 as the server's CPU a row (150,000 rows of 200 bytes, 10,000 keys a batch): 4.6
//! µs by IN, 7.8 µs by a join with a temporary table that the keys were loaded into, 33 µs by one
//! statement a row; with keys of two columns, 8.3, 7.4 and as much. The lists are kept well below
//! what MariaDB's optimizer takes for a range (`optimizer_max_sel_args`): beyond it, it reads the
//! whole table.

use std::sync::Arc;

use arrow::array::RecordBatch;
use syncline_types::{Column, Error, Result, TableName, TableSchema};

use super::{CHUNK, Feed, SQL, STEP, Trouble, Writer};
use crate::encode::{Form, Rows, targets};

/// Keys in one statement, of one column and of several.
const KEYS: [usize; 2] = [8000, 1000];

impl Writer {
    /// Takes rows away, all of them or none.
    pub(super) async fn take_away(&mut self, rows: &RecordBatch) -> Result<()> {
        let columns = self.columns_of(rows)?;
        let keyed = !self.plan.key.is_empty()
            && columns.iter().all(|c| self.plan.key.iter().any(|k| k == c.name()));
        self.feed.begin_step(STEP).await?;
        let table = Arc::clone(&self.plan.table);
        let taken = TableSchema { columns, ..TableSchema::clone(&table) };
        let done = async {
            let targets = targets(&taken);
            let rows = Rows::new(&taken, &targets, rows)?;
            self.feed.allow(&rows).await?;
            match keyed {
                true => self.feed.delete_keys(&self.plan.into, &taken, &rows).await,
                false => self.feed.delete_alike(&self.plan.into, &taken, &rows).await,
            }
        }
        .await;
        self.feed.end_step(STEP, done).await.map_err(|e| e.at(&table.name))
    }

    /// The task's columns that the rows have.
    fn columns_of(&self, rows: &RecordBatch) -> Result<Vec<Column>> {
        let schema = rows.schema();
        let columns = schema.fields().iter().map(|f| self.plan.table.column(f.name()).cloned());
        columns
            .collect::<Option<_>>()
            .ok_or_else(|| Error::bug("rows to be taken away have columns of their own"))
    }
}

/// A text column's bytes in UTF-8, whatever its character set and collation.
fn as_bytes(name: &str) -> String {
    format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY)")
}

impl Feed {
    /// Takes away the rows with these keys. A key that is no more than alike under its collation is
    /// another one: `abc` goes, `ABC`, which took its place, stays.
    pub(crate) async fn delete_keys(
        &mut self,
        from: &TableName,
        key: &TableSchema,
        rows: &Rows<'_>,
    ) -> Result<(), Trouble> {
        let names: Vec<String> = key.columns.iter().map(|c| SQL.quote(c.name())).collect();
        let texts = (0..names.len()).any(|at| rows.is_text(at));
        let head = format!("DELETE FROM {} WHERE ({}) IN (", SQL.table(from), names.join(", "));
        let most = KEYS[usize::from(names.len() > 1)];
        if !texts {
            return self.rows(&head, rows, most, CHUNK, ")").await;
        }
        let exact: Vec<String> = names
            .iter()
            .enumerate()
            .map(|(at, name)| if rows.is_text(at) { as_bytes(name) } else { name.clone() })
            .collect();
        let between = format!(") AND ({}) IN (", exact.join(", "));
        let limit = self.limit(CHUNK);
        let mut bytes = Vec::new();
        let mut row = 0;
        while row < rows.count {
            self.buffer.clear();
            bytes.clear();
            self.buffer.extend_from_slice(head.as_bytes());
            let first = row;
            while row < rows.count
                && row - first < most
                && (row == first || self.buffer.len() + bytes.len() < limit)
            {
                if row > first {
                    self.buffer.push(b',');
                    bytes.push(b',');
                }
                rows.write(row, Form::Sql, &mut self.buffer)?;
                for at in 0..names.len() {
                    bytes.push(if at == 0 { b'(' } else { b',' });
                    if rows.is_text(at) {
                        bytes.extend_from_slice(b"_binary");
                    }
                    rows.value(row, at, Form::Sql, &mut bytes)?;
                }
                bytes.push(b')');
                row += 1;
            }
            self.buffer.extend_from_slice(between.as_bytes());
            self.buffer.extend_from_slice(&bytes);
            self.send(")", 0).await?;
        }
        Ok(())
    }

    /// Without a key every value has to be the same, texts byte by byte; one row of those that are
    /// alike goes for each that is given. The plain comparison beside the one by bytes lets the
    /// server use an index.
    pub(crate) async fn delete_alike(
        &mut self,
        from: &TableName,
        columns: &TableSchema,
        rows: &Rows<'_>,
    ) -> Result<(), Trouble> {
        let names: Vec<String> = columns.columns.iter().map(|c| SQL.quote(c.name())).collect();
        let head = format!("DELETE FROM {} WHERE ", SQL.table(from));
        let mut literal = Vec::new();
        for row in 0..rows.count {
            self.buffer.clear();
            self.buffer.extend_from_slice(head.as_bytes());
            for (at, name) in names.iter().enumerate() {
                if at > 0 {
                    self.buffer.extend_from_slice(b" AND ");
                }
                literal.clear();
                rows.value(row, at, Form::Sql, &mut literal)?;
                let null = literal == b"NULL";
                if null || !rows.is_json(at) {
                    self.buffer.extend_from_slice(name.as_bytes());
                    self.buffer.extend_from_slice(b" <=> ");
                    self.buffer.extend_from_slice(&literal);
                }
                if !null && rows.is_text(at) {
                    let and = if rows.is_json(at) { "" } else { " AND " };
                    let same = format!("{and}{} = CAST(", as_bytes(name));
                    self.buffer.extend_from_slice(same.as_bytes());
                    self.buffer.extend_from_slice(&literal);
                    self.buffer.extend_from_slice(b" AS BINARY)");
                }
            }
            self.send(" LIMIT 1", 0).await?;
        }
        Ok(())
    }
}
