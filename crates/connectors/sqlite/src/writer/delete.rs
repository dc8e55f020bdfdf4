//! Rows taken away: by their key where there is one, and one of each kind of row where there is
//! none.

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use rusqlite::Connection;
use syncline_sql::Dialect;
use syncline_types::{Column, Error, Result, TableSchema};

use super::{SqliteWriter, parameters};
use crate::database::map_error;

impl SqliteWriter {
    /// Inside of a transaction and a savepoint.
    pub(super) fn take_away(&self, connection: &Connection, rows: &RecordBatch) -> Result<()> {
        let schema = rows.schema();
        let columns: Vec<Column> = schema
            .fields()
            .iter()
            .map(|f| self.table.column(f.name()).cloned())
            .collect::<Option<_>>()
            .ok_or_else(|| Error::bug("rows to be taken away have columns of their own"))?;
        let key = self.table.key();
        let keyed = !key.is_empty() && columns.iter().all(|c| key.contains(&c.name()));
        let taken = TableSchema { columns, ..TableSchema::clone(&self.table) };
        delete(connection, &self.owner.target, &taken, rows, keyed)
    }
}

/// For each of `rows`, which have just these columns, takes away the row of that key; or, where they
/// are not the table's key, one row that has exactly these values.
pub(crate) fn delete(
    connection: &Connection,
    table: &str,
    columns: &TableSchema,
    rows: &RecordBatch,
    keyed: bool,
) -> Result<()> {
    let table = Dialect::Sqlite.quote(table);
    // Texts that only a collation takes for the same are not the same.
    let same: Vec<String> = (columns.columns.iter().zip(1..))
        .map(|(column, at)| {
            let name = Dialect::Sqlite.quote(column.name());
            match keyed {
                true if *column.field.data_type() == DataType::Utf8 => {
                    format!("{name} = ?{at} AND {name} = ?{at} COLLATE BINARY")
                }
                true => format!("{name} = ?{at}"),
                false => format!("{name} IS ?{at} COLLATE BINARY"),
            }
        })
        .collect();
    let same = same.join(" AND ");
    let sql = match keyed {
        true => format!("DELETE FROM {table} WHERE {same}"),
        false => format!(
            "DELETE FROM {table} WHERE rowid = (SELECT rowid FROM {table} WHERE {same} LIMIT 1)"
        ),
    };
    let parameters = parameters(columns, rows)?;
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
