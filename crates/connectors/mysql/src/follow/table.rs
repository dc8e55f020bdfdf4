//! What has to be known of a target table to apply changes to it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{SortOptions, sort_to_indices};
use arrow::datatypes::Schema;
use syncline_connector::WriteTask;
use syncline_sql::Dialect;
use syncline_types::{Code, Error, Result, TableName, TableSchema};

use crate::catalog;
use crate::encode::{Target, targets};
use crate::wire::Conn;

const SQL: Dialect = Dialect::Mysql;

/// A target table.
pub(crate) struct Followed {
    /// With its database.
    pub(crate) name: TableName,
    /// The columns of the rows.
    pub(crate) columns: Arc<TableSchema>,
    /// The columns that tell its rows apart; none when it has no key.
    pub(crate) key: Vec<String>,
    /// It has other unique keys beside `key`.
    pub(crate) more_unique: bool,
    /// It has a foreign key to itself: the order of its rows matters.
    pub(crate) to_itself: bool,
    /// A row may be taken away and put in again instead of being changed: no trigger, no foreign
    /// key and no history sees the difference.
    plain: bool,
    /// Columns of the table that can be written.
    writable: Vec<String>,
    shapes: HashMap<Vec<(usize, usize)>, Arc<Shape>>,
    /// Temporary tables for updates, by the columns; `None` where none can be made.
    pub(crate) scratch: HashMap<Vec<String>, Option<TableName>>,
}

/// Columns in which rows are written.
pub(crate) struct Shape {
    /// As a table of just these.
    pub(crate) columns: TableSchema,
    pub(crate) targets: Vec<Target>,
    /// Where each stands in the batch.
    from: Vec<usize>,
    /// They are all that can be written.
    pub(crate) whole: bool,
}

impl Shape {
    /// The batch in these columns.
    pub(crate) fn of(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        rows.project(&self.from).map_err(|e| Error::bug("columns of a batch").because(e))
    }
}

impl Followed {
    /// Looks the table up.
    ///
    /// # Errors
    /// [`Code::TableChanged`] when it is not there; [`Code::Unsupported`] when its rows cannot be
    /// part of a transaction.
    pub(crate) async fn find(conn: &mut Conn, name: TableName, task: &WriteTask) -> Result<Self> {
        let gone = || Error::new(Code::TableChanged, format!("{name} is not there any more"));
        let found = catalog::table(conn, &name).await?.ok_or_else(gone)?;
        if !found.is_transactional() {
            let text = format!("{name}: its engine, {}, has no transactions", found.engine);
            return Err(Error::new(Code::Unsupported, text).hint(format!(
                "changes are followed exactly once only where rows and position are one \
                 transaction: ALTER TABLE {} ENGINE=InnoDB",
                SQL.table(&name)
            )));
        }
        let columns = Arc::clone(&task.table);
        let key: Vec<String> = columns.key().into_iter().map(str::to_owned).collect();
        if let Some(missing) = key.iter().find(|k| columns.column(k).is_none()) {
            let text = format!("{name}: its key column {missing:?} is not among those written");
            return Err(Error::new(Code::ColumnMismatch, text));
        }
        let there = found.info.schema;
        crate::sink::demands(&there, task)?;
        let primary = usize::from(!there.primary_key.is_empty());
        let unique = primary + there.indexes.iter().filter(|i| i.unique).count();
        let history = there.options.as_ref().is_some_and(|o| o.sql.contains("SYSTEM VERSIONING"));
        let plain = !history && !is_watched(conn, &name).await?;
        let writable = there.columns.iter().filter(|c| c.generated.is_none());
        Ok(Self {
            columns,
            key,
            more_unique: unique > 1,
            to_itself: there.foreign_keys.iter().any(|key| key.references == name),
            plain,
            writable: writable.map(|c| c.name().to_owned()).collect(),
            shapes: HashMap::new(),
            scratch: HashMap::new(),
            name,
        })
    }

    /// The columns of a batch, as far as they are written: what the table computes by itself is
    /// not. `keep` leaves others out.
    pub(crate) fn shape(
        &mut self,
        schema: &Schema,
        keep: impl Fn(&str) -> bool,
    ) -> Result<Arc<Shape>> {
        let mut from = Vec::with_capacity(schema.fields().len());
        for (index, field) in schema.fields().iter().enumerate() {
            let unknown = || Error::bug(format!("{}: no column {}", self.name, field.name()));
            let column = self.columns.index_of(field.name()).ok_or_else(unknown)?;
            if self.writable.contains(field.name()) && keep(field.name()) {
                from.push((index, column));
            }
        }
        Ok(self.shaped(from))
    }

    /// The columns of the key alone, in their order.
    pub(crate) fn key_shape(&mut self, schema: &Schema) -> Result<Arc<Shape>> {
        let place = |name: &String| schema.index_of(name).ok().zip(self.columns.index_of(name));
        let from: Option<Vec<_>> = self.key.iter().map(place).collect();
        match from {
            Some(from) => Ok(self.shaped(from)),
            None => Err(Error::bug(format!("{}: rows without their key", self.name))),
        }
    }

    /// `from` are places in the batch and among the table's columns.
    fn shaped(&mut self, from: Vec<(usize, usize)>) -> Arc<Shape> {
        if let Some(shape) = self.shapes.get(&from) {
            return Arc::clone(shape);
        }
        let columns = TableSchema {
            columns: from.iter().map(|(_, at)| self.columns.columns[*at].clone()).collect(),
            ..TableSchema::new(self.name.clone(), [])
        };
        let whole = self.writable.iter().all(|c| columns.column(c).is_some());
        let batch = from.iter().map(|(index, _)| *index).collect();
        let shape = Arc::new(Shape { targets: targets(&columns), columns, from: batch, whole });
        self.shapes.insert(from, Arc::clone(&shape));
        shape
    }

    /// Whether rows may go over others by LOAD DATA … REPLACE: the server then changes the row in
    /// place, or takes it away and puts it in again, which comes to the same.
    pub(crate) fn replaces(&self, shape: &Shape) -> bool {
        self.plain && !self.more_unique && shape.whole
    }

    /// The rows in the order of the key, where their order is of no matter: the server then finds
    /// most of them on the page it has at hand.
    pub(crate) fn sorted(&self, columns: &TableSchema, rows: RecordBatch) -> Result<RecordBatch> {
        if self.to_itself || self.more_unique || rows.num_rows() < 3 {
            return Ok(rows);
        }
        let Some(at) = self.key.first().and_then(|key| columns.index_of(key)) else {
            return Ok(rows);
        };
        let order = sort_to_indices(rows.column(at), Some(SortOptions::default()), None);
        // A type that has no order stays as it is.
        let Ok(order) = order else { return Ok(rows) };
        if order.values().iter().zip(0..).all(|(at, n)| *at == n) {
            return Ok(rows);
        }
        arrow::compute::take_record_batch(&rows, &order)
            .map_err(|e| Error::bug("rows in the order of their key").because(e))
    }
}

/// Whether something may see a row that is taken away and put in again: a trigger, or a foreign key
/// of another table. Accounts are shown only those of tables they have a right to: one without
/// rights to all of them cannot tell that there are none.
async fn is_watched(conn: &mut Conn, table: &TableName) -> Result<bool> {
    let schema = SQL.string(table.schema.as_deref().unwrap_or_default());
    let name = SQL.string(&table.name);
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM information_schema.TRIGGERS \
         WHERE EVENT_OBJECT_SCHEMA = {schema} AND EVENT_OBJECT_TABLE = {name}) \
         OR EXISTS (SELECT 1 FROM information_schema.KEY_COLUMN_USAGE \
         WHERE REFERENCED_TABLE_SCHEMA = {schema} AND REFERENCED_TABLE_NAME = {name}) \
         OR (SELECT COUNT(DISTINCT PRIVILEGE_TYPE) FROM information_schema.USER_PRIVILEGES \
         WHERE REPLACE(GRANTEE, '\\'', '') = CURRENT_USER() \
         AND PRIVILEGE_TYPE IN ('SELECT', 'TRIGGER')) < 2"
    );
    Ok(conn.query(&sql).await?.single() != Some("0"))
}
