//! Rows taken away: by their key where there is one, and one of each kind of row where there is
//! none.

use arrow::array::RecordBatch;
use rusqlite::Connection;
use syncline_sql::Dialect;
use syncline_types::{Column, Error, Result};

use super::SqliteWriter;
use crate::bind::Parameter;
use crate::catalog::is_strict;
use crate::database::map_error;

impl SqliteWriter {
    /// Inside of a transaction and a savepoint.
    pub(super) fn take_away(&self, connection: &Connection, rows: &RecordBatch) -> Result<()> {
        let quote = |name: &str| Dialect::Sqlite.quote(name);
        let schema = rows.schema();
        let columns: Vec<&Column> = schema
            .fields()
            .iter()
            .map(|f| self.table.column(f.name()))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::bug("rows to be taken away have columns of their own"))?;
        let key = self.table.key();
        let keyed = !key.is_empty() && columns.iter().all(|c| key.contains(&c.name()));
        let table = quote(&self.owner.target);
        let sql = if keyed {
            let same: Vec<String> =
                columns.iter().map(|c| format!("{} = ?", quote(c.name()))).collect();
            format!("DELETE FROM {table} WHERE {}", same.join(" AND "))
        } else {
            // Texts that only a collation takes for the same are not the same.
            let same: Vec<String> = columns
                .iter()
                .map(|c| format!("{} IS ? COLLATE BINARY", quote(c.name())))
                .collect();
            let same = same.join(" AND ");
            format!(
                "DELETE FROM {table} WHERE rowid = (SELECT rowid FROM {table} WHERE {same} LIMIT 1)"
            )
        };
        let options = self.table.options.as_ref().and_then(|sql| sql.of(Dialect::Sqlite.id()));
        let strict = options.is_some_and(is_strict);
        let parameters: Vec<Parameter<'_>> = columns
            .iter()
            .zip(rows.columns())
            .map(|(column, array)| Parameter::new(&column.field, array.as_ref(), strict))
            .collect::<Result<_>>()?;
        let mut statement = connection.prepare_cached(&sql).map_err(map_error)?;
        let mut text = String::new();
        for row in 0..rows.num_rows() {
            for (at, parameter) in parameters.iter().enumerate() {
                parameter.bind(&mut statement, at + 1, row, &mut text)?;
            }
            statement.raw_execute().map_err(map_error)?;
        }
        Ok(())
    }
}
