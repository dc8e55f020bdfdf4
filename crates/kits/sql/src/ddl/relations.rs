//! Foreign keys of another store as the dialect can hold them. Which tables they refer to, under
//! the names of the target, is for the engine to say.

use syncline_types::{ForeignKey, NativeSql, ReferentialAction, TableSchema};

use super::names;
use crate::Dialect;

/// The foreign keys of the adapted table; what is changed or left out is named in `notes`.
pub(super) fn adapt_foreign_keys(
    dialect: Dialect,
    source: &TableSchema,
    table: &TableSchema,
    same_store: bool,
    notes: &mut Vec<String>,
) -> Vec<ForeignKey> {
    let mut keys = Vec::with_capacity(source.foreign_keys.len());
    for key in &source.foreign_keys {
        if let Some(gone) = key.columns.iter().find(|c| table.column(c).is_none()) {
            notes.push(format!("foreign key {} is left out: no column {gone}", key.name));
            continue;
        }
        let name = match (same_store, dialect) {
            _ if key.name.is_empty() => String::new(),
            (true, Dialect::Mysql) => names::kept(dialect, &source.name, &table.name, &key.name),
            (true, _) => key.name.clone(),
            (false, Dialect::Mysql) => names::of_table(dialect, &table.name, &key.name),
            (false, _) => names::fitting(dialect, &key.name),
        };
        let mut adapted = ForeignKey { name, ..key.clone() };
        if !same_store {
            translate(dialect, &mut adapted, notes);
        }
        keys.push(adapted);
    }
    keys
}

fn translate(dialect: Dialect, key: &mut ForeignKey, notes: &mut Vec<String>) {
    if dialect == Dialect::Mysql {
        for (event, action) in [("DELETE", &mut key.on_delete), ("UPDATE", &mut key.on_update)] {
            if *action == ReferentialAction::SetDefault {
                notes.push(format!(
                    "foreign key {}: InnoDB has no ON {event} SET DEFAULT, it is made NO ACTION",
                    key.name
                ));
                *action = ReferentialAction::NoAction;
            }
        }
    }
    let Some(attributes) = key.attributes.take() else { return };
    let words = attributes.sql.to_ascii_uppercase();
    let words = words.trim().strip_prefix("MATCH SIMPLE").unwrap_or(&words).trim().to_owned();
    let deferrable = [
        "DEFERRABLE",
        "DEFERRABLE INITIALLY DEFERRED",
        "DEFERRABLE INITIALLY IMMEDIATE",
        "NOT DEFERRABLE",
    ];
    if deferrable.contains(&words.as_str()) && dialect != Dialect::Mysql {
        key.attributes = Some(NativeSql::new(dialect.id(), words));
    } else if words == "MATCH FULL" && key.columns.len() == 1 {
        // For a single column it says what goes without saying.
    } else if !words.is_empty() && words != "NOT DEFERRABLE" {
        notes.push(format!("foreign key {}: {} is left out", key.name, attributes.sql));
    }
}
