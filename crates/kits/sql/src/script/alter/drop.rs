//! ALTER TABLE … DROP: columns and constraints that later rows do without.

use syncline_types::TableSchema;

use super::super::tokens::Tokens;
use super::{Beyond, find};
use crate::Dialect;

/// What follows DROP.
pub(super) fn drop(
    tokens: &mut Tokens<'_>,
    table: &mut TableSchema,
    beyond: &mut Beyond,
) -> Result<(), String> {
    let dialect = tokens.session.rules.dialect;
    let refuse = |table: &TableSchema, what: String| {
        Err(format!("ALTER TABLE {} DROP {what} is not read", table.name))
    };
    if tokens.eat_all(&["PRIMARY", "KEY"]) {
        table.primary_key.clear();
        return Ok(());
    }
    let constraint = tokens.eat("CONSTRAINT") || tokens.eat("CHECK");
    let index = !constraint && (tokens.eat("INDEX") || tokens.eat("KEY"));
    let key = !constraint && !index && tokens.eat_all(&["FOREIGN", "KEY"]);
    let other = ["PARTITION", "SYSTEM", "PERIOD", "COLUMNS"].iter().any(|word| tokens.is(word));
    if other {
        let rest = tokens.rest();
        return refuse(table, rest);
    }
    if !(constraint || index || key) {
        tokens.eat("COLUMN");
    }
    let if_exists = tokens.eat_all(&["IF", "EXISTS"]);
    let Some(name) = tokens.name() else { return refuse(table, tokens.rest()) };
    if constraint || index || key {
        let gone = forget(table, dialect, &name);
        return match gone || if_exists {
            true => Ok(()),
            false => refuse(table, format!("{name}: no such name is known, which")),
        };
    }
    let Some(at) = find(table, dialect, &name) else {
        return match if_exists {
            true => Ok(()),
            false => Err(format!("ALTER TABLE {} DROP COLUMN {name}: no such column", table.name)),
        };
    };
    let name = table.columns[at].name().to_owned();
    if let Some(what) = hangs_on(table, &name) {
        return refuse(table, format!("COLUMN {name}, on which {what} hangs,"));
    }
    table.columns.remove(at);
    beyond.reshaped = true;
    Ok(())
}

/// Takes away the constraint or index of that name.
fn forget(table: &mut TableSchema, dialect: Dialect, name: &str) -> bool {
    let is = |other: &str| match dialect {
        Dialect::Postgres => other == name,
        _ => other.eq_ignore_ascii_case(name),
    };
    let count = |t: &TableSchema| {
        t.indexes.len() + t.checks.len() + t.foreign_keys.len() + t.primary_key.len()
    };
    let before = count(table);
    table.indexes.retain(|index| !is(&index.name));
    table.checks.retain(|check| !check.name.as_deref().is_some_and(is));
    table.foreign_keys.retain(|key| !is(&key.name));
    let begin = format!("ADD CONSTRAINT {} ", Dialect::Postgres.quote(name));
    let of_key = table.statements.iter().any(|s| s.sql.starts_with(&begin));
    let usual = format!("{}_pkey", table.name.name);
    if is("PRIMARY") || name == usual || of_key && before == count(table) {
        table.primary_key.clear();
    }
    table.statements.retain(|s| !s.sql.starts_with(&begin));
    before != count(table)
}

/// What would go, or break, with the column.
pub(super) fn hangs_on(table: &TableSchema, name: &str) -> Option<String> {
    if table.primary_key.iter().any(|key| key == name) {
        return Some("the primary key".into());
    }
    let over = |index: &&syncline_types::Index| {
        index.parts.iter().any(|part| part.column == name)
            || index.definition.as_ref().is_some_and(|d| mentions(&d.sql, name))
    };
    if let Some(index) = table.indexes.iter().find(over) {
        return Some(format!("index {}", index.name));
    }
    if let Some(key) = table.foreign_keys.iter().find(|k| k.columns.iter().any(|c| c == name)) {
        return Some(format!("foreign key {}", key.name));
    }
    said_of(table, name)
}

/// What says the column's name in words of its own.
pub(super) fn said_of(table: &TableSchema, name: &str) -> Option<String> {
    if let Some(check) = table.checks.iter().find(|c| mentions(&c.condition.sql, name)) {
        return Some(format!("check {}", check.name.as_deref().unwrap_or(&check.condition.sql)));
    }
    let computed = |c: &&syncline_types::Column| {
        c.name() != name && c.generated.as_ref().is_some_and(|g| mentions(&g.expression.sql, name))
    };
    if let Some(column) = table.columns.iter().find(computed) {
        return Some(format!("column {}", column.name()));
    }
    let by = table.partitioning.as_ref().filter(|p| mentions(&p.by.sql, name));
    by.map(|_| "the partitioning".into())
}

/// Whether a text has the name in it, as a word or in quotes.
pub(super) fn mentions(sql: &str, name: &str) -> bool {
    let (sql, name) = (sql.to_lowercase(), name.to_lowercase());
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    sql.match_indices(&name).any(|(at, found)| {
        let before = sql[..at].chars().next_back();
        let after = sql[at + found.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word) || !found.chars().all(is_word)
    })
}
