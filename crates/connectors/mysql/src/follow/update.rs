//! Some columns of rows that are there.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use syncline_sql::Dialect;
use syncline_types::{Error, TableName, TableSchema};

use super::table::Shape;
use super::{CALL, StateFollower};
use crate::encode::{Form, Rows, targets};
use crate::wire::{Fault, Flavor};
use crate::writer::{Place, Trouble};

const SQL: Dialect = Dialect::Mysql;
/// Fewer rows than this are updated one by one: what goes by way of a table takes some exchanges.
const FEW: usize = 8;

/// The rows of an update, and how they are found.
struct Update<'a> {
    /// Keys by which rows are found, then the columns that are set.
    rows: RecordBatch,
    /// As a table of just these, with names of its own.
    named: TableSchema,
    /// Names of the key's columns and of those that are set, in quotes.
    key: &'a [String],
    set: &'a [String],
}

impl StateFollower {
    pub(super) async fn update(
        &mut self,
        table: usize,
        rows: &RecordBatch,
        old_keys: Option<&RecordBatch>,
    ) -> Result<(), Trouble> {
        let known = &mut self.tables[table];
        if known.key.is_empty() {
            let text = format!("{} has no key to find its rows by", known.name);
            return Err(Error::bug(text).into());
        }
        let by = old_keys.unwrap_or(rows);
        let found = known.key_shape(&by.schema())?;
        let key = known.key.clone();
        let set = match old_keys {
            Some(_) => known.shape(&rows.schema(), |_| true)?,
            None => known.shape(&rows.schema(), |name| !key.iter().any(|k| k == name))?,
        };
        if set.columns.columns.is_empty() {
            return Ok(());
        }
        let joined = join(&found, by, &set, rows)?;
        let joined = match old_keys {
            // Keys that follow each other up or down make room for each other in one order only.
            Some(_) => joined,
            None => known.sorted(&found.columns, joined)?,
        };
        let quoted = |shape: &Shape| -> Vec<String> {
            shape.columns.columns.iter().map(|c| SQL.quote(c.name())).collect()
        };
        let (key, sets) = (quoted(&found), quoted(&set));
        let named = TableSchema {
            columns: found.columns.columns.iter().chain(&set.columns.columns).cloned().collect(),
            ..TableSchema::new(known.name.clone(), [])
        };
        let update = Update { rows: joined, named, key: &key, set: &sets };
        let name = known.name.clone();
        if update.rows.num_rows() >= FEW
            && let Some(scratch) = self.scratch(table, &update).await?
        {
            return self.by_join(&name, &scratch, &update).await;
        }
        self.row_by_row(&name, &update).await
    }

    /// One statement a row.
    async fn row_by_row(&mut self, name: &TableName, update: &Update<'_>) -> Result<(), Trouble> {
        let targets = targets(&update.named);
        let rows = Rows::new(&update.named, &targets, &update.rows)?;
        self.feed.allow(&rows).await?;
        let head = format!("UPDATE {} SET ", SQL.table(name));
        for row in 0..rows.count {
            let out = &mut self.feed.buffer;
            out.clear();
            out.extend_from_slice(head.as_bytes());
            let mut wrong = 0;
            for (at, column) in update.set.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(column.as_bytes());
                out.push(b'=');
                rows.value(row, update.key.len() + at, Form::Sql, out)?;
                wrong += usize::from(rows.is_error_value(row, update.key.len() + at));
            }
            for (at, column) in update.key.iter().enumerate() {
                out.extend_from_slice(if at == 0 { b" WHERE " } else { b" AND " });
                out.extend_from_slice(column.as_bytes());
                out.push(b'=');
                rows.value(row, at, Form::Sql, out)?;
            }
            self.feed.send("", wrong).await?;
        }
        Ok(())
    }

    /// All of them at once, by way of a table of the session's own.
    async fn by_join(
        &mut self,
        name: &TableName,
        scratch: &TableName,
        update: &Update<'_>,
    ) -> Result<(), Trouble> {
        let mut columns = update.named.clone();
        for (at, column) in columns.columns.iter_mut().enumerate() {
            column.field = column.field.clone().with_name(format!("c{at}"));
        }
        let targets = targets(&update.named);
        let rows = Rows::new(&update.named, &targets, &update.rows)?;
        self.feed.allow(&rows).await?;
        let from = SQL.table(scratch);
        self.feed.conn.exec(&format!("DELETE FROM {from}")).await?;
        let place = Place { into: scratch, columns: &columns, targets: &targets };
        self.feed.fill(place, &rows, CALL).await?;
        let same = update.key.iter().enumerate().map(|(at, k)| format!("t.{k} = b.c{at}"));
        let sets =
            update.set.iter().zip(update.key.len()..).map(|(c, at)| format!("t.{c} = b.c{at}"));
        // The few rows lead, each finds one of the many by its key: no plan of another order.
        let sql = format!(
            "UPDATE {from} b STRAIGHT_JOIN {} t ON {} SET {}",
            SQL.table(name),
            same.collect::<Vec<_>>().join(" AND "),
            sets.collect::<Vec<_>>().join(", ")
        );
        self.feed.strict(&sql).await
    }

    /// The temporary table for rows of these columns; `None` where none can be made.
    async fn scratch(
        &mut self,
        table: usize,
        update: &Update<'_>,
    ) -> Result<Option<TableName>, Trouble> {
        let known = &self.tables[table];
        let names = || update.key.iter().chain(update.set);
        let id: Vec<String> = names().cloned().collect();
        if let Some(made) = known.scratch.get(&id) {
            return Ok(made.clone());
        }
        let name = TableName {
            schema: known.name.schema.clone(),
            name: format!("{}update_{}", crate::side::PREFIX, self.scratch),
        };
        let columns: Vec<String> =
            names().enumerate().map(|(at, column)| format!("{column} AS c{at}")).collect();
        // Of the columns' own types; of an engine without transactions where it can be had: what
        // is in it is of no worth after the statement.
        let engine = match self.feed.conn.flavor {
            Flavor::MariaDb => "ENGINE=Aria TRANSACTIONAL=0",
            Flavor::MySql => "ENGINE=InnoDB",
        };
        let sql = format!(
            "CREATE TEMPORARY TABLE {} {engine} SELECT {} FROM {} LIMIT 0",
            SQL.table(&name),
            columns.join(", "),
            SQL.table(&known.name)
        );
        let made = match self.feed.conn.exec(&sql).await {
            Ok(_) => Some(name),
            // No right to it, or not within a transaction.
            Err(Fault::Server { code: 1044 | 1142 | 1227 | 1787 | 1290, .. }) => None,
            Err(fault) => return Err(fault.into()),
        };
        self.scratch += 1;
        self.tables[table].scratch.insert(id, made.clone());
        Ok(made)
    }
}

/// The keys by which rows are found beside what is set.
fn join(
    found: &Shape,
    by: &RecordBatch,
    set: &Shape,
    rows: &RecordBatch,
) -> Result<RecordBatch, Trouble> {
    let (left, right) = (found.of(by)?, set.of(rows)?);
    let (left_schema, right_schema) = (left.schema(), right.schema());
    let fields = left_schema.fields().iter().chain(right_schema.fields());
    let numbered =
        fields.zip(0..).map(|(field, at)| field.as_ref().clone().with_name(format!("c{at}")));
    let schema = Schema::new(numbered.collect::<Vec<_>>());
    let columns = left.columns().iter().chain(right.columns()).cloned().collect();
    RecordBatch::try_new(schema.into(), columns)
        .map_err(|e| Error::bug("keys beside their rows").because(e).into())
}
