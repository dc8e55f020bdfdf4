//! Statements that follow the one that makes a table: indexes, foreign keys, partitions, comments.

use syncline_types::{
    Code, Error, ForeignKey, Index, IndexPart, ReferentialAction, Result, TableName, TableSchema,
};

use super::create::{counting_index, names};
use crate::Dialect;

pub(super) fn index_parts(dialect: Dialect, index: &Index) -> String {
    let part = |p: &IndexPart| {
        let prefix = p.prefix.filter(|_| dialect == Dialect::Mysql);
        let prefix = prefix.map(|n| format!("({n})")).unwrap_or_default();
        let order = if p.descending { " DESC" } else { "" };
        format!("{}{prefix}{order}", dialect.quote(&p.column))
    };
    index.parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// One statement for each secondary index. Where the dialect has `IF NOT EXISTS` for them
/// (indexes, but not constraints, of PostgreSQL and SQLite), a second run of the statement does
/// nothing.
///
/// # Errors
/// [`Code::BadValue`] for a name the dialect cannot hold, [`Code::ColumnNotFound`] for an index
/// over a column that the table does not have.
pub fn create_indexes(dialect: Dialect, table: &TableSchema) -> Result<Vec<String>> {
    let counting = counting_index(dialect, table).map(|i| i.name.as_str());
    let mut statements = Vec::new();
    for index in table.indexes.iter().filter(|i| counting != Some(i.name.as_str())) {
        dialect.check_name(&index.name).map_err(|e| e.at(&table.name))?;
        if let Some(part) = index.parts.iter().find(|p| table.column(&p.column).is_none()) {
            let message = format!(
                "{}: index {:?} is over column {:?}, which is not there",
                table.name, index.name, part.column
            );
            return Err(Error::new(Code::ColumnNotFound, message));
        }
        statements.extend(create_index(dialect, table, index));
    }
    for partition in table.partitioning.iter().flat_map(|p| &p.partitions) {
        let part = TableSchema { name: partition.name.clone(), ..table.clone() };
        statements.extend(partition.indexes.iter().filter_map(|i| create_index(dialect, &part, i)));
        let late = partition.late_actions.iter().filter_map(|a| a.of(dialect.id()));
        let name = dialect.table(&partition.name);
        statements.extend(late.map(|action| format!("ALTER TABLE {name} {action}")));
    }
    Ok(statements)
}

/// `None` for an index in the words of another store.
pub(crate) fn create_index(dialect: Dialect, table: &TableSchema, index: &Index) -> Option<String> {
    let definition = match &index.definition {
        Some(definition) => Some(definition.of(dialect.id())?),
        None => None,
    };
    let on = dialect.table(&table.name);
    if dialect == Dialect::Mysql && definition.is_some() {
        return Some(format!("ALTER TABLE {on} ADD {}", index_clause(index)));
    }
    let parts = || format!("({})", index_parts(dialect, index));
    let constraint = index.constraint && matches!(dialect, Dialect::Postgres | Dialect::Ansi);
    let name = dialect.quote(&index.name);
    if constraint {
        let what = definition.map_or_else(|| format!("UNIQUE {}", parts()), str::to_owned);
        return Some(format!("ALTER TABLE {on} ADD CONSTRAINT {name} {what}"));
    }
    let unique = if index.unique { "UNIQUE " } else { "" };
    let (exists, name, on) = match dialect {
        Dialect::Postgres => ("IF NOT EXISTS ", name, on),
        // The schema stands before the index here, and not before the table.
        Dialect::Sqlite => {
            let name = TableName { schema: table.name.schema.clone(), name: index.name.clone() };
            ("IF NOT EXISTS ", dialect.table(&name), dialect.quote(&table.name.name))
        }
        Dialect::Mysql | Dialect::Ansi => ("", name, on),
    };
    // SQLite's and PostgreSQL's definitions say what follows the table's name.
    let what = definition.map_or_else(parts, str::to_owned);
    Some(format!("CREATE {unique}INDEX {exists}{name} ON {on} {what}"))
}

/// An index of MySQL as it follows `ALTER TABLE … ADD`: ``UNIQUE KEY `name` (`a`)``.
pub fn index_clause(index: &Index) -> String {
    let dialect = Dialect::Mysql;
    if let Some(definition) = index.definition.as_ref().and_then(|d| d.of(dialect.id())) {
        return definition.to_owned();
    }
    let unique = if index.unique { "UNIQUE " } else { "" };
    format!("{unique}KEY {} ({})", dialect.quote(&index.name), index_parts(dialect, index))
}

/// `ALTER TABLE … ADD … FOREIGN KEY …`, one for each foreign key of the table. None in SQLite, where
/// they stand in the CREATE TABLE.
pub fn foreign_keys(dialect: Dialect, table: &TableSchema) -> Vec<String> {
    if dialect == Dialect::Sqlite {
        return Vec::new();
    }
    let name = dialect.table(&table.name);
    let add = |key| format!("ALTER TABLE {name} ADD {}", foreign_key_clause(dialect, key));
    table.foreign_keys.iter().map(add).collect()
}

/// `CONSTRAINT … FOREIGN KEY (…) REFERENCES …`.
pub(crate) fn foreign_key_clause(dialect: Dialect, key: &ForeignKey) -> String {
    let mut clause = String::new();
    if !key.name.is_empty() {
        clause.push_str(&format!("CONSTRAINT {} ", dialect.quote(&key.name)));
    }
    // A foreign key of SQLite cannot leave its file, and names no schema.
    let references = match dialect {
        Dialect::Sqlite => dialect.quote(&key.references.name),
        _ => dialect.table(&key.references),
    };
    clause.push_str(&format!(
        "FOREIGN KEY ({}) REFERENCES {references}",
        names(dialect, &key.columns)
    ));
    if !key.referenced.is_empty() {
        clause.push_str(&format!(" ({})", names(dialect, &key.referenced)));
    }
    let attributes = key.attributes.as_ref().and_then(|a| a.of(dialect.id()));
    // MATCH stands before the actions, what can be deferred behind them.
    let (before, after) = match attributes {
        Some(a) if a.starts_with("MATCH ") => {
            let end = a[6..].find(' ').map_or(a.len(), |n| n + 6);
            (Some(&a[..end]), Some(a[end..].trim()).filter(|rest| !rest.is_empty()))
        }
        other => (None, other),
    };
    clause.extend(before.map(|b| format!(" {b}")));
    for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        // The servers of MySQL and MariaDB disagree on which action goes without saying.
        if action != ReferentialAction::NoAction || dialect == Dialect::Mysql {
            clause.push_str(&format!(" ON {event} {}", action.sql()));
        }
    }
    clause.extend(after.map(|a| format!(" {a}")));
    clause
}

/// The statements that make the partitions which are tables of their own, in order; they follow
/// the one that makes the table. Only PostgreSQL has such.
pub fn partitions(dialect: Dialect, table: &TableSchema) -> Vec<String> {
    let partitions = table.partitioning.iter().flat_map(|p| &p.partitions);
    let make = |partition: &syncline_types::Partition| {
        let bounds = partition.bounds.of(dialect.id())?;
        let (name, parent) = (dialect.table(&partition.name), dialect.table(&partition.parent));
        let create = format!("CREATE TABLE IF NOT EXISTS {name} PARTITION OF {parent} {bounds}");
        let actions = partition.actions.iter().filter_map(|a| a.of(dialect.id()));
        let actions = actions.map(|action| format!("ALTER TABLE {name} {action}"));
        Some(std::iter::once(create).chain(actions).collect::<Vec<_>>())
    };
    partitions.filter_map(make).flatten().collect()
}

/// `COMMENT ON …` for the table and its columns, in PostgreSQL; nothing in the others, which have
/// comments in the CREATE TABLE (MySQL) or none.
pub fn comments(dialect: Dialect, table: &TableSchema) -> Vec<String> {
    if dialect != Dialect::Postgres {
        return Vec::new();
    }
    let name = dialect.table(&table.name);
    let own =
        table.comment.iter().map(|c| format!("COMMENT ON TABLE {name} IS {}", dialect.string(c)));
    let columns = table.columns.iter().filter_map(|c| {
        let comment = dialect.string(c.comment.as_ref()?);
        Some(format!("COMMENT ON COLUMN {name}.{} IS {comment}", dialect.quote(c.name())))
    });
    own.chain(columns).collect()
}
