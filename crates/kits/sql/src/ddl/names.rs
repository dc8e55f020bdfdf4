//! Names of what a table has: which ones a dialect cannot hold, and which it shares among tables.

use std::collections::HashSet;

use syncline_types::{Code, Error, Result, TableName, TableSchema};

use crate::Dialect;

/// Whether the dialect can have a table of these names.
pub(super) fn check_names(
    dialect: Dialect,
    source: &TableSchema,
    target: &TableName,
) -> Result<()> {
    dialect.check_name(&target.name)?;
    target.schema.as_ref().map_or(Ok(()), |schema| dialect.check_name(schema))?;
    if dialect == Dialect::Sqlite && target.name.to_ascii_lowercase().starts_with("sqlite_") {
        let message = format!("sqlite keeps names such as {:?} for itself", target.name);
        return Err(Error::new(Code::BadValue, message).hint("give it another name with --to"));
    }
    let mut seen = HashSet::new();
    for column in &source.columns {
        dialect.check_name(column.name()).map_err(|e| e.at(&source.name))?;
        let one = match dialect {
            Dialect::Mysql => column.name().to_lowercase(),
            Dialect::Sqlite => column.name().to_ascii_lowercase(),
            Dialect::Postgres | Dialect::Ansi => column.name().to_owned(),
        };
        if !seen.insert(one) {
            let message = format!(
                "{}: to {dialect} the name {:?} is that of another column",
                source.name,
                column.name()
            );
            return Err(Error::new(Code::ColumnMismatch, message)
                .hint("rename one of them with --columns 'name:other'"));
        }
    }
    Ok(())
}

/// The name an index gets: where names of indexes share the schema, the table's name is put
/// before it, unless it is there already.
pub(super) fn index_name(dialect: Dialect, table: &TableName, name: &str) -> String {
    match dialect {
        Dialect::Mysql => fitting(dialect, name),
        _ => of_table(dialect, table, name),
    }
}

/// A name that no other table's thing has: the table's name is put before it, unless it is there
/// already.
pub(super) fn of_table(dialect: Dialect, table: &TableName, name: &str) -> String {
    if name.len() > table.name.len() && name.starts_with(&table.name) {
        fitting(dialect, name)
    } else {
        fitting(dialect, &format!("{}_{name}", table.name))
    }
}

/// The name that something keeps in the same store, where names are shared by all tables of a
/// schema: the very same, unless the table gets another name. Then its new name takes the place of
/// the old, or is put before.
pub(super) fn kept(dialect: Dialect, from: &TableName, to: &TableName, name: &str) -> String {
    if from.name == to.name {
        return name.to_owned();
    }
    match name.strip_prefix(&from.name) {
        Some(rest) => fitting(dialect, &format!("{}{rest}", to.name)),
        None => of_table(dialect, to, name),
    }
}

/// A name that gets too long is cut, and told apart by a hash of the whole.
pub(super) fn fitting(dialect: Dialect, name: &str) -> String {
    if dialect.check_name(name).is_ok() {
        return name.to_owned();
    }
    // FNV-1a, 64 bits.
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let mut short = String::new();
    for c in name.chars().filter(|c| *c != '\0' && *c <= '\u{ffff}') {
        if short.len() + c.len_utf8() > 46 {
            break;
        }
        short.push(c);
    }
    format!("{short}_{hash:016x}")
}
