//! The steps of a change as statements of a target.

mod mysql;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use syncline_types::{Code, Error, Result, TableName, TableSchema};

use super::compare::{Alteration, alterations};
use super::pending::pending;
use crate::Dialect;

/// The statements that make a target's table follow a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Altering {
    /// To be run in this order. None when all is done already.
    pub statements: Vec<String>,
    /// What the table will not be as the source's is, and why: for people, one a line.
    pub notes: Vec<String>,
    /// The table is made anew under its name (SQLite): to be run with `PRAGMA foreign_keys=OFF` and
    /// `PRAGMA legacy_alter_table=ON`, so that those who refer to it are left alone.
    pub rebuild: bool,
}

impl Altering {
    fn push(&mut self, statement: impl Into<String>) {
        self.statements.push(statement.into());
    }

    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// What is to be done to the target's table `present` (as its store describes it now), so that it
/// changes as from `before` to `after`, both in the target's own types; columns that get another
/// name are in `renamed`, `(old, new)`. What is done already is not said again, what the target has
/// beside is kept.
///
/// # Errors
/// [`Code::Unsupported`] for what the target cannot do to rows that are there.
pub fn alter(
    dialect: Dialect,
    present: &TableSchema,
    before: &TableSchema,
    after: &TableSchema,
    renamed: &[(String, String)],
) -> Result<Altering> {
    let steps = pending(dialect, present, after, alterations(before, after, renamed));
    if steps.is_empty() {
        return Ok(Altering::default());
    }
    match dialect {
        Dialect::Mysql => Ok(mysql::say(present, after, &steps)),
        Dialect::Postgres => postgres::say(present, after, &steps),
        Dialect::Sqlite => sqlite::say(present, after, &steps),
        Dialect::Ansi => {
            let text = format!("{}: tables of {dialect} are not altered", present.name);
            Err(Error::new(Code::Unsupported, text))
        }
    }
}

/// The statements that give a table another name.
pub fn rename(dialect: Dialect, from: &TableName, to: &TableName) -> Vec<String> {
    let (old, new) = (dialect.table(from), dialect.quote(&to.name));
    match dialect {
        Dialect::Mysql => vec![format!("RENAME TABLE {old} TO {}", dialect.table(to))],
        Dialect::Postgres => {
            let mut statements = Vec::new();
            let mut at = from.clone();
            if let Some(schema) = to.schema.as_ref().filter(|s| Some(*s) != from.schema.as_ref()) {
                statements.push(format!("ALTER TABLE {old} SET SCHEMA {}", dialect.quote(schema)));
                at.schema = Some(schema.clone());
            }
            if from.name != to.name {
                statements.push(format!("ALTER TABLE {} RENAME TO {new}", dialect.table(&at)));
            }
            statements
        }
        Dialect::Sqlite | Dialect::Ansi => vec![format!("ALTER TABLE {old} RENAME TO {new}")],
    }
}

/// The statement that takes all rows away.
pub fn truncate(dialect: Dialect, table: &TableName) -> String {
    match dialect {
        Dialect::Sqlite => format!("DELETE FROM {}", dialect.table(table)),
        Dialect::Mysql | Dialect::Postgres | Dialect::Ansi => {
            format!("TRUNCATE TABLE {}", dialect.table(table))
        }
    }
}

/// The statement that takes the table away, if it is there.
pub fn drop(dialect: Dialect, table: &TableName) -> String {
    format!("DROP TABLE IF EXISTS {}", dialect.table(table))
}

/// The names that columns change, all of one change together.
fn renames(steps: &[Alteration]) -> Vec<(&str, &str)> {
    steps
        .iter()
        .filter_map(|step| match step {
            Alteration::RenameColumn { from, to } => Some((from.as_str(), to.as_str())),
            _ => None,
        })
        .collect()
}
