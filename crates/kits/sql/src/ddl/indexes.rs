//! Indexes of another store as the dialect can build them.

use syncline_types::{Index, IndexPart, NativeSql, TableSchema, field};

use super::limits::{INDEX, is_binary};
use super::names;
use crate::Dialect;

/// The indexes of the adapted table; those the dialect cannot build are named in `notes`.
pub(super) fn adapt_indexes(
    dialect: Dialect,
    source: &TableSchema,
    table: &TableSchema,
    same_store: bool,
    notes: &mut Vec<String>,
) -> Vec<Index> {
    let mut indexes: Vec<Index> = Vec::new();
    for index in &source.indexes {
        let adapted = match &index.definition {
            Some(definition) if definition.store == dialect.id() => Ok(index.clone()),
            Some(definition) => Err(format!("only {} can say it", definition.store)),
            None => adapt_plain(dialect, table, index, same_store),
        };
        let mut adapted = match adapted {
            Ok(adapted) => adapted,
            Err(why) => {
                notes.push(format!("index {} is left out: {why}", index.name));
                continue;
            }
        };
        adapted.name = match (same_store, dialect) {
            (true, Dialect::Mysql) => index.name.clone(),
            (true, _) => names::kept(dialect, &source.name, &table.name, &index.name),
            (false, _) => names::index_name(dialect, &table.name, &index.name),
        };
        let mut n = 1;
        while indexes.iter().any(|i| i.name.eq_ignore_ascii_case(&adapted.name)) {
            n += 1;
            adapted.name = names::index_name(dialect, &table.name, &format!("{}_{n}", index.name));
        }
        indexes.push(adapted);
    }
    indexes
}

/// An index over plain columns, or why there is none.
fn adapt_plain(
    dialect: Dialect,
    table: &TableSchema,
    index: &Index,
    same_store: bool,
) -> Result<Index, String> {
    if index.parts.iter().any(|p| p.prefix.is_some()) && !same_store {
        if let Some(definition) = over_beginnings(dialect, table, index) {
            let definition = Some(NativeSql::new(dialect.id(), definition));
            let parts = index.parts.iter().filter(|p| p.prefix.is_none()).cloned().collect();
            return Ok(Index { definition, ..Index::new(index.name.clone(), parts, index.unique) });
        }
        if index.unique {
            return Err("it is unique over the first characters of a column".into());
        }
    }
    let parts = index.parts.iter().map(|part| adapt_part(dialect, table, index, part, same_store));
    let parts = parts.collect::<Result<Vec<IndexPart>, String>>()?;
    if parts.is_empty() {
        return Err("none of its columns is there".into());
    }
    let constraint = index.constraint && (same_store || dialect == Dialect::Postgres);
    Ok(Index { constraint, ..Index::new(index.name.clone(), parts, index.unique) })
}

/// An index over the first characters, by expressions, where that makes a difference: whole long
/// texts do not fit into PostgreSQL's indexes, and a unique one forbids more.
fn over_beginnings(dialect: Dialect, table: &TableSchema, index: &Index) -> Option<String> {
    let part = |part: &IndexPart| {
        let column = &table.column(&part.column)?.field;
        let name = dialect.quote(&part.column);
        let text = match (part.prefix, dialect) {
            (None, _) => name,
            (Some(n), Dialect::Postgres) if is_binary(column.data_type()) => {
                format!("substring({name} FROM 1 FOR {n})")
            }
            (Some(n), Dialect::Postgres) => format!("\"left\"({name}, {n})"),
            (Some(n), Dialect::Sqlite) if index.unique => format!("substr({name}, 1, {n})"),
            (Some(_), _) => return None,
        };
        let wrapped = if part.prefix.is_some() { format!("({text})") } else { text };
        Some(format!("{wrapped}{}", if part.descending { " DESC" } else { "" }))
    };
    let parts: Option<Vec<String>> = index.parts.iter().map(part).collect();
    parts.map(|parts| format!("({})", parts.join(", ")))
}

/// The part as the dialect can index it.
fn adapt_part(
    dialect: Dialect,
    table: &TableSchema,
    index: &Index,
    part: &IndexPart,
    same_store: bool,
) -> Result<IndexPart, String> {
    let gone = || format!("column {} is not there", part.column);
    let column = &table.column(&part.column).ok_or_else(gone)?.field;
    let native = field::native(column, dialect.id()).unwrap_or_default();
    let mut part = part.clone();
    match dialect {
        Dialect::Mysql if same_store => {}
        Dialect::Mysql => {
            let share = INDEX / index.parts.len().max(1) as u64;
            let per = if is_binary(column.data_type()) { 1 } else { 4 };
            let long = native.starts_with("long");
            let wide =
                native.starts_with("var") && field::length(column).is_none_or(|n| n * per > share);
            part.prefix = None;
            if long || (wide && !index.unique) {
                part.prefix = u32::try_from((share / per).min(255)).ok();
            }
        }
        Dialect::Postgres if native == "json" => {
            return Err(format!("{} is json, which has no order", part.column));
        }
        Dialect::Postgres | Dialect::Sqlite | Dialect::Ansi => part.prefix = None,
    }
    Ok(part)
}
