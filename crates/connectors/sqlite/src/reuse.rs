//! A table from another SQLite file, made by its own statement, word for word.
//!
//! A statement says again what the definition of the table says. It is run only where both agree:
//! that is found out by making the table in memory and looking at it.

use rusqlite::Connection;
use syncline_sql::Dialect;
use syncline_types::{Column, ForeignKey, Index, NativeSql, TableName, TableSchema, field};

use crate::catalog::Table;
use crate::definition;

/// Statements that make a table and its indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statements {
    /// The table.
    pub(crate) create: String,
    /// Its indexes by name, where they can be made under the name the table has got.
    pub(crate) indexes: Vec<(String, String)>,
}

/// The statements that made a table elsewhere, when they make the one that is asked for.
pub(crate) fn statements(wanted: &TableSchema) -> Option<Statements> {
    let own = |sql: &NativeSql| sql.of(Dialect::Sqlite.id()).map(str::to_owned);
    let texts: Vec<String> = wanted.statements.iter().filter_map(own).collect();
    let (create, indexes) = texts.split_first()?;
    let name = &wanted.name.name;
    let create = if definition::name(create).as_deref() == Some(name) {
        create.clone()
    } else {
        definition::renamed(create, &Dialect::Sqlite.quote(name))?
    };
    let memory = Connection::open_in_memory().ok()?;
    memory.execute_batch(&create).ok()?;
    let same_name = create == texts[0];
    let mut by_name = Vec::new();
    for sql in indexes.iter().filter(|_| same_name) {
        memory.execute_batch(sql).ok()?;
        by_name.push((definition::index_name(sql)?, sql.clone()));
    }
    let found = Table::load(&memory, name).ok()??.describe(&memory, 0).ok()?.schema;
    agree(wanted, &found, same_name).then_some(Statements { create, indexes: by_name })
}

fn agree(wanted: &TableSchema, found: &TableSchema, with_indexes: bool) -> bool {
    let columns = wanted.columns.len() == found.columns.len()
        && wanted.columns.iter().zip(&found.columns).all(|(a, b)| same_column(a, b));
    let indexes = |table: &TableSchema, constraints: bool| -> Vec<Index> {
        table.indexes.iter().filter(|i| i.constraint == constraints).cloned().collect()
    };
    // The names of constraints without one are made up.
    let over = |table: &TableSchema| -> Vec<_> {
        indexes(table, true).into_iter().map(|i| (i.parts, i.definition)).collect()
    };
    columns
        && wanted.primary_key == found.primary_key
        && wanted.checks == found.checks
        && wanted.options == found.options
        && over(wanted) == over(found)
        && (!with_indexes || indexes(wanted, false) == indexes(found, false))
        && wanted.foreign_keys.len() == found.foreign_keys.len()
        && wanted.foreign_keys.iter().zip(&found.foreign_keys).all(|(a, b)| same_key(a, b))
}

fn same_column(a: &Column, b: &Column) -> bool {
    let native = |c: &Column| field::native(&c.field, "sqlite").map(str::to_owned);
    a.name() == b.name()
        && native(a) == native(b)
        && a.field.is_nullable() == b.field.is_nullable()
        && a.default == b.default
        && a.generated == b.generated
        && a.identity.is_some() == b.identity.is_some()
        && a.attributes == b.attributes
}

fn same_key(a: &ForeignKey, b: &ForeignKey) -> bool {
    let bare = |name: &TableName| name.name.to_ascii_lowercase();
    // Where no columns are named, the primary key is meant: it may have been filled in.
    let unsaid = a.referenced.is_empty() || b.referenced.is_empty();
    let rest = |key: &ForeignKey| ForeignKey {
        references: TableName::bare(""),
        name: String::new(),
        referenced: if unsaid { Vec::new() } else { key.referenced.clone() },
        ..key.clone()
    };
    bare(&a.references) == bare(&b.references) && rest(a) == rest(b)
}
