//! The SELECT behind a read, and the columns it gives: those wanted, those of the key where they
//! are not among them, and checks of texts that may not say what the value is.

use arrow::datatypes::Field;
use syncline_sql::{Dialect, KeyRange, KeyValue, order_by, predicate};
use syncline_types::{Code, Error, Result, TableSchema};

use crate::catalog::{has_empty_member, lossy_charset};
use crate::decode::{Check, Checked, Decoded, Decoder};
use crate::key::Key;
use crate::wire::Conn;

const SQL: Dialect = Dialect::Mysql;

/// A SELECT as text, and what its columns are.
pub(crate) struct Select {
    pub(crate) sql: String,
    fields: Vec<Field>,
    visible: usize,
    checks: Vec<Check>,
    /// Where the key's columns stand among the fields.
    pub(crate) key: Vec<usize>,
}

impl Select {
    /// Columns of `table`, in its order, of the rows in `range`; in the order of the key, when
    /// there is one.
    ///
    /// `whole` is the table with all its columns, where the key's own are not in `table`.
    pub(crate) fn table(
        table: &TableSchema,
        key: Option<(&Key, &[Field], &KeyRange)>,
        filter: Option<&str>,
    ) -> Self {
        let mut fields: Vec<Field> = table.columns.iter().map(|c| c.field.clone()).collect();
        let visible = fields.len();
        let mut at = Vec::new();
        if let Some((_, key_fields, _)) = key {
            for field in key_fields {
                let found = fields.iter().position(|f| f.name() == field.name());
                at.push(found.unwrap_or(fields.len()));
                if found.is_none() {
                    fields.push(field.clone());
                }
            }
        }
        let mut expressions: Vec<String> = fields.iter().map(|f| SQL.quote(f.name())).collect();
        let mut checks = Vec::new();
        for (index, column) in table.columns.iter().enumerate() {
            let name = SQL.quote(column.name());
            if let Some(charset) = lossy_charset(column) {
                // There and back again: the same bytes, unless a character was lost.
                expressions.push(format!(
                    "CAST(CONVERT(CONVERT({name} USING utf8mb4) USING {charset}) AS BINARY) \
                     <=> CAST({name} AS BINARY)"
                ));
                checks.push(Check { column: index, of: Checked::Characters });
            }
            if has_empty_member(&column.field) {
                expressions.push(format!("{name} + 0 <> 0"));
                checks.push(Check { column: index, of: Checked::Member });
            }
        }
        let mut sql = format!("SELECT {} FROM {}", expressions.join(", "), SQL.table(&table.name));
        let mut conditions = Vec::new();
        if let Some((key, _, range)) = key {
            // Without a filter nothing can be better than the key's own order.
            if filter.is_none() {
                sql.push_str(&format!(" FORCE INDEX ({})", SQL.quote(&key.index)));
            }
            if range != &KeyRange::default() {
                conditions.push(format!("({})", predicate(SQL, &key.parts(), range)));
            }
        }
        if let Some(filter) = filter {
            // The line's end closes a comment that the filter may end in.
            conditions.push(format!("({filter}\n)"));
        }
        if !conditions.is_empty() {
            sql.push_str(" WHERE ");
            sql.push_str(&conditions.join(" AND "));
        }
        if let Some((key, ..)) = key {
            sql.push_str(" ORDER BY ");
            sql.push_str(&order_by(SQL, &key.parts()));
        }
        Self { sql, fields, visible, checks, key: at }
    }

    /// A query whose result has the columns of `table`, or more.
    pub(crate) fn query(table: &TableSchema, query: &str, all: bool) -> Self {
        let fields: Vec<Field> = table.columns.iter().map(|c| c.field.clone()).collect();
        let query = query.trim().trim_end_matches(';');
        let sql = if all {
            query.to_owned()
        } else {
            let names: Vec<String> = fields.iter().map(|f| SQL.quote(f.name())).collect();
            format!("SELECT {} FROM ({query}\n) AS query", names.join(", "))
        };
        Self { sql, visible: fields.len(), fields, checks: Vec::new(), key: Vec::new() }
    }

    /// A decoder for the result.
    pub(crate) fn decoder(&self, columns: &[crate::wire::WireColumn]) -> Result<Decoder> {
        Decoder::new(self.fields.clone(), self.visible, &self.checks, columns)
    }
}

/// The fields of the key's columns.
pub(crate) fn key_fields(table: &TableSchema, key: &Key) -> Result<Vec<Field>> {
    let field = |name: &String| {
        let missing = || Error::new(Code::ColumnNotFound, format!("{}.{name}", table.name));
        table.column(name).map(|c| c.field.clone()).ok_or_else(missing)
    };
    key.columns.iter().map(field).collect()
}

/// The first key of a range in order, after `skip` others; from the end when `last`.
pub(crate) async fn one_key(
    conn: &mut Conn,
    table: &TableSchema,
    key: &Key,
    range: &KeyRange,
    last: bool,
    skip: u64,
) -> Result<Option<Vec<KeyValue>>> {
    let fields = key_fields(table, key)?;
    let mut alone = table.clone();
    alone.columns.retain(|c| key.columns.iter().any(|k| k == c.name()));
    let mut select = Select::table(&alone, Some((key, &fields, range)), None);
    // The key must come back exactly or not at all: no check is needed, a wrong bound would only
    // be a bad cut. Without checks the index alone answers.
    if last {
        let columns = select.sql.rfind(" ORDER BY ").unwrap_or(select.sql.len());
        let order: Vec<String> =
            key.columns.iter().map(|c| format!("{} DESC", SQL.quote(c))).collect();
        select.sql.truncate(columns);
        select.sql.push_str(&format!(" ORDER BY {}", order.join(", ")));
    }
    select.sql.push_str(&format!(" LIMIT 1 OFFSET {skip}"));
    let decoded = fetch(conn, &select).await?;
    Ok(decoded.last_key)
}

/// Runs a SELECT with a small result.
async fn fetch(conn: &mut Conn, select: &Select) -> Result<Decoded> {
    let statement = conn.prepare(&select.sql).await?;
    let columns = conn.execute(&statement).await?;
    let mut decoder = select.decoder(&columns)?;
    while let Some(packet) = conn.next_row().await? {
        decoder.row(packet)?;
    }
    conn.close(&statement).await?;
    decoder.finish(&select.key, "key")
}
