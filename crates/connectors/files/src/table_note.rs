//! What Parquet and Arrow files note of a table beyond its columns' types: keys, indexes, defaults
//! and comments, so that a table that went through a file is made as it was.

use std::collections::HashMap;

use syncline_types::TableSchema;

/// Key of the note, whose value is the table as JSON.
pub(crate) const TABLE_KEY: &str = "syncline.table";

/// The note for a table.
pub(crate) fn table_text(table: &TableSchema) -> Option<String> {
    serde_json::to_string(table).ok()
}

/// Completes a table found in a file by what the file notes of it. A note that does not fit the
/// columns is of another writer, or of an older table, and is left alone.
pub(crate) fn complete(table: &mut TableSchema, notes: &HashMap<String, String>) {
    let noted =
        notes.get(TABLE_KEY).and_then(|text| serde_json::from_str::<TableSchema>(text).ok());
    let Some(noted) = noted else { return };
    let same = noted.columns.len() == table.columns.len()
        && noted.columns.iter().zip(&table.columns).all(|(a, b)| a.name() == b.name());
    if !same {
        return;
    }
    for (column, noted) in table.columns.iter_mut().zip(noted.columns) {
        column.default = noted.default;
        column.identity = noted.identity;
        column.generated = noted.generated;
        column.comment = noted.comment;
    }
    table.primary_key = noted.primary_key;
    table.indexes = noted.indexes;
    table.comment = noted.comment;
}
