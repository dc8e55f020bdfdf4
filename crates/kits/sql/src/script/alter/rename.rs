//! ALTER TABLE … RENAME: of columns, of what hangs on the table, and of the table itself.

use syncline_types::TableSchema;

use super::super::tokens::Tokens;
use super::{Beyond, drop, find, refused};
use crate::Dialect;

/// What follows RENAME.
pub(super) fn rename(
    tokens: &mut Tokens<'_>,
    table: &mut TableSchema,
    beyond: &mut Beyond,
) -> Result<(), String> {
    let dialect = tokens.session.rules.dialect;
    let here = tokens.mark();
    if tokens.eat("TO") || dialect == Dialect::Mysql && (tokens.eat("AS") || tokens.eat("=")) {
        beyond.renamed = tokens.table();
        return match beyond.renamed {
            Some(_) => Ok(()),
            None => Err(refused(tokens, table)),
        };
    }
    let index = tokens.eat("CONSTRAINT") || tokens.eat("INDEX") || tokens.eat("KEY");
    if !index {
        tokens.eat("COLUMN");
    }
    let from = tokens.name();
    if from.is_some() && tokens.peek().is_none() && dialect == Dialect::Mysql {
        // RENAME other
        tokens.back_to(here);
        beyond.renamed = tokens.table();
        return Ok(());
    }
    let to = if tokens.eat("TO") { tokens.name() } else { None };
    let (Some(from), Some(to)) = (from, to) else {
        tokens.back_to(here);
        return Err(refused(tokens, table));
    };
    if index {
        return named(table, &from, &to);
    }
    let Some(at) = find(table, dialect, &from) else {
        return Err(format!("ALTER TABLE {} RENAME COLUMN {from}: no such column", table.name));
    };
    let from = table.columns[at].name().to_owned();
    column(table, &from, &to)?;
    beyond.columns.push((from, to));
    Ok(())
}

/// Another name for an index or constraint.
fn named(table: &mut TableSchema, from: &str, to: &str) -> Result<(), String> {
    let indexes = table.indexes.iter_mut().map(|i| &mut i.name);
    let keys = table.foreign_keys.iter_mut().map(|k| &mut k.name);
    let checks = table.checks.iter_mut().filter_map(|c| c.name.as_mut());
    let mut names = indexes.chain(keys).chain(checks);
    let Some(name) = names.find(|name| name.as_str() == from) else {
        return Err(format!("ALTER TABLE {} RENAME {from}: no such name is known", table.name));
    };
    name.clear();
    name.push_str(to);
    Ok(())
}

/// Another name for a column, in all that names it.
pub(super) fn column(table: &mut TableSchema, from: &str, to: &str) -> Result<(), String> {
    let own = |table: &TableSchema| {
        let quoted = Dialect::Postgres.quote(from);
        table.statements.iter().any(|s| s.store == "postgres" && s.sql.contains(&quoted))
            || table
                .indexes
                .iter()
                .filter_map(|i| i.definition.as_ref())
                .any(|d| drop::mentions(&d.sql, from))
    };
    let in_words = drop::said_of(table, from);
    let in_words = in_words.or_else(|| own(table).then(|| "an index or option".into()));
    if let Some(what) = in_words {
        let table = &table.name;
        return Err(format!(
            "ALTER TABLE {table} renames column {from}, which {what} may name: that is not read"
        ));
    }
    let give = |name: &mut String| {
        if name == from {
            *name = to.to_owned();
        }
    };
    for column in table.columns.iter_mut().filter(|c| c.name() == from) {
        column.field = column.field.clone().with_name(to);
    }
    table.primary_key.iter_mut().for_each(give);
    table.indexes.iter_mut().flat_map(|i| &mut i.parts).for_each(|p| give(&mut p.column));
    for key in &mut table.foreign_keys {
        key.columns.iter_mut().for_each(give);
        if key.references == table.name {
            key.referenced.iter_mut().for_each(give);
        }
    }
    Ok(())
}
