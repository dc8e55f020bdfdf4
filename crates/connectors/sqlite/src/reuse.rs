//! A table from another SQLite file, made by its own statement, word for word.
//!
//! A statement says again what the definition of the table says. It is run only where both agree:
//! that is found out by making the table in memory and looking at it.

use rusqlite::Connection;
use syncline_sql::Dialect;
use syncline_types::{Column, ForeignKey, NativeSql, TableName, TableSchema, field};

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
    // The names of constraints without one are made up; how an index is worded is for its
    // statement to say.
    let over = |table: &TableSchema| -> Vec<_> {
        table.indexes.iter().filter(|i| i.constraint).map(|i| i.parts.clone()).collect()
    };
    let indexes = |table: &TableSchema| -> Vec<_> {
        let own = table.indexes.iter().filter(|i| !i.constraint);
        own.map(|i| (i.name.clone(), i.unique)).collect()
    };
    columns
        && wanted.primary_key == found.primary_key
        && wanted.checks == found.checks
        && wanted.options == found.options
        && over(wanted) == over(found)
        && (!with_indexes || indexes(wanted) == indexes(found))
        && wanted.foreign_keys.len() == found.foreign_keys.len()
        && wanted.foreign_keys.iter().zip(&found.foreign_keys).all(|(a, b)| same_key(a, b))
}

fn same_column(a: &Column, b: &Column) -> bool {
    // SQLite itself spells the standard's types in capitals.
    let native = |c: &Column| field::native(&c.field, "sqlite").map(str::to_ascii_uppercase);
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

#[cfg(test)]
mod tests {
    use syncline_sql::script::{ReadOptions, ScriptCatalog};

    use super::*;

    /// Both readers of SQLite's words, the catalog and that of scripts, say the same of a table.
    #[test]
    fn tables_of_scripts_are_made_by_their_own_statements() {
        let text = "CREATE TABLE parent (code TEXT COLLATE NOCASE PRIMARY KEY, b BLOB UNIQUE) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS child(id integer PRIMARY KEY AUTOINCREMENT,
              parent TEXT NOT NULL CONSTRAINT \"a b\" REFERENCES parent(code) ON UPDATE CASCADE NOT DEFERRABLE,
              amount DECIMAL(9,2) DEFAULT (1.5 + 1) CHECK(amount > 0), twice AS (amount * 2), self INT REFERENCES child,
              t TEXT DEFAULT CURRENT_TIMESTAMP, n VARCHAR(9) DEFAULT 'it''s' COLLATE RTRIM, f BOOLEAN DEFAULT TRUE,
              x DEFAULT -1, y DEFAULT x'00', CONSTRAINT pair UNIQUE (parent, amount COLLATE NOCASE), CHECK (n <> '('));
            CREATE TABLE s (i INT NOT NULL, r REAL, t TEXT, PRIMARY KEY (t, i DESC)) STRICT;
            CREATE INDEX plain ON child (amount DESC, n);
            CREATE UNIQUE INDEX part ON child(lower(n)) WHERE amount > 1;
            CREATE INDEX same ON parent (code COLLATE NOCASE);";
        let options = ReadOptions { dialect: Some(Dialect::Sqlite), ..ReadOptions::default() };
        let mut catalog = ScriptCatalog::new(&options);
        catalog.push(text.as_bytes()).and_then(|()| catalog.finish()).unwrap();
        for table in catalog.tables() {
            let wanted = table.schema;
            if statements(&wanted).is_none() {
                let memory = Connection::open_in_memory().unwrap();
                for sql in &wanted.statements {
                    memory.execute_batch(&sql.sql).unwrap();
                }
                let found = Table::load(&memory, &wanted.name.name).unwrap().unwrap();
                let found = found.describe(&memory, 0).unwrap().schema;
                assert_eq!(wanted, found);
            }
        }
    }
}
