//! Which key a table is cut and resumed by, if any.

use arrow::datatypes::DataType;
use syncline_sql::KeyColumn;
use syncline_types::{TableSchema, field};

/// A key whose order the server keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) columns: Vec<String>,
    /// The index behind it.
    pub(crate) index: String,
}

impl Key {
    /// Its columns, for conditions.
    pub(crate) fn parts(&self) -> Vec<KeyColumn> {
        self.columns.iter().map(KeyColumn::new).collect()
    }
}

/// The key of a table, when `>` and ORDER BY mean the same for all its columns and a value read
/// can be written down again exactly.
pub(crate) fn of(table: &TableSchema) -> Option<Key> {
    let columns: Vec<String> = table.key().into_iter().map(str::to_owned).collect();
    let trusted = |name: &String| {
        table.column(name).is_some_and(|c| {
            let logical = field::logical(&c.field);
            match c.field.data_type() {
                // Floats: what is read back may not compare equal. ENUM and SET: ordered by
                // their numbers, compared by their texts.
                DataType::Float32 | DataType::Float64 => false,
                DataType::Utf8 => !matches!(logical, Some("enum" | "set" | "bit" | "json")),
                DataType::Binary => logical != Some("geometry"),
                _ => true,
            }
        })
    };
    if columns.is_empty() || !columns.iter().all(trusted) {
        return None;
    }
    let index = if columns == table.primary_key {
        "PRIMARY".to_owned()
    } else {
        let same = |parts: Vec<&str>| parts == columns;
        let index = table
            .indexes
            .iter()
            .find(|i| i.unique && same(i.parts.iter().map(|p| p.column.as_str()).collect()))?;
        // Rows come in ascending order of each column.
        if index.parts.iter().any(|p| p.descending || p.prefix.is_some()) {
            return None;
        }
        index.name.clone()
    };
    Some(Key { columns, index })
}
