//! The statement that makes a table.

use std::collections::HashSet;

use arrow::datatypes::DataType;
use syncline_types::{Check, Column, DefaultValue, Index, TableSchema, field};

use super::columns::default_literal;
use super::statements::{foreign_key_clause, index_parts};
use crate::Dialect;
use crate::mapping::map;

/// `CREATE TABLE IF NOT EXISTS …` for a table that [`adapt`](crate::adapt) or the dialect's own
/// source made: columns, generated ones among them, primary key, checks, options, partitioning,
/// and comments where they stand in the statement (MySQL). Foreign keys only in SQLite, which
/// knows no other place for them. No secondary indexes, but for one that MySQL demands for a
/// column it counts up.
pub fn create_table(dialect: Dialect, table: &TableSchema) -> String {
    let rowid = rowid_key(dialect, table);
    let mut lines: Vec<String> =
        table.columns.iter().map(|c| column_line(dialect, table, c, rowid)).collect();
    if !table.primary_key.is_empty() && rowid.is_none() {
        lines.push(format!("PRIMARY KEY ({})", names(dialect, &table.primary_key)));
    }
    if let Some(index) = counting_index(dialect, table) {
        let unique = if index.unique { "UNIQUE " } else { "" };
        let name = dialect.quote(&index.name);
        lines.push(format!("{unique}KEY {name} ({})", index_parts(dialect, index)));
    }
    let of_column = |check: &&Check| column_of(dialect, table, check).is_none();
    for check in table.checks.iter().filter(of_column) {
        let name = check.name.as_ref().map(|n| format!("CONSTRAINT {} ", dialect.quote(n)));
        lines.extend(check_clause(dialect, check).map(|c| name.unwrap_or_default() + &c));
    }
    if dialect == Dialect::Sqlite {
        lines.extend(table.foreign_keys.iter().map(|key| foreign_key_clause(dialect, key)));
    }
    let exists = if dialect == Dialect::Ansi { "" } else { "IF NOT EXISTS " };
    let mut sql = format!(
        "CREATE TABLE {exists}{} (\n  {}\n)",
        dialect.table(&table.name),
        lines.join(",\n  ")
    );
    push_tail(dialect, table, &mut sql);
    sql
}

/// What stands after the columns.
fn push_tail(dialect: Dialect, table: &TableSchema, sql: &mut String) {
    let own = |native: &Option<syncline_types::NativeSql>| {
        native.as_ref().and_then(|n| n.of(dialect.id())).map(str::to_owned)
    };
    let options = own(&table.options).filter(|o| !o.trim().is_empty());
    let by = table.partitioning.as_ref().and_then(|p| p.by.of(dialect.id()));
    match dialect {
        Dialect::Mysql => {
            sql.push(' ');
            sql.push_str(options.as_deref().unwrap_or("DEFAULT CHARSET=utf8mb4"));
            if let Some(comment) = &table.comment {
                sql.push_str(" COMMENT=");
                dialect.push_string(comment, sql);
            }
            if let Some(by) = by {
                sql.push('\n');
                sql.push_str(by);
            }
        }
        Dialect::Postgres | Dialect::Sqlite | Dialect::Ansi => {
            if let Some(by) = by {
                sql.push_str(" PARTITION BY ");
                sql.push_str(by);
            }
            if let Some(options) = options {
                sql.push(' ');
                sql.push_str(&options);
            }
        }
    }
}

/// `CHECK (…)`; `None` when it is in another store's words.
pub(crate) fn check_clause(dialect: Dialect, check: &Check) -> Option<String> {
    let condition = check.condition.of(dialect.id())?;
    let enforced = if check.enforced { "" } else { " NOT ENFORCED" };
    Some(format!("CHECK ({condition}){enforced}"))
}

/// The column in whose line the check stands: MariaDB names such a check after it.
pub(crate) fn column_of<'a>(
    dialect: Dialect,
    table: &'a TableSchema,
    check: &Check,
) -> Option<&'a str> {
    let name = check.name.as_deref().filter(|_| dialect == Dialect::Mysql)?;
    table.column(name).map(Column::name)
}

/// Names in quotes, with commas.
pub(crate) fn names(dialect: Dialect, columns: &[String]) -> String {
    columns.iter().map(|c| dialect.quote(c)).collect::<Vec<_>>().join(", ")
}

/// The column that is SQLite's rowid by another name.
fn rowid_key(dialect: Dialect, table: &TableSchema) -> Option<&str> {
    let [key] = table.primary_key.as_slice() else { return None };
    let native = field::native(&table.column(key)?.field, dialect.id())?;
    (dialect == Dialect::Sqlite && native.eq_ignore_ascii_case("INTEGER")).then_some(key)
}

/// The index that stands in the CREATE TABLE because MySQL counts no column up that leads no key.
pub(super) fn counting_index(dialect: Dialect, table: &TableSchema) -> Option<&Index> {
    if dialect != Dialect::Mysql {
        return None;
    }
    let counted = table.columns.iter().find(|c| c.identity.is_some())?.name();
    if table.primary_key.first().is_some_and(|key| key == counted) {
        return None;
    }
    let plain = table.indexes.iter().filter(|i| i.definition.is_none());
    plain.into_iter().find(|i| i.parts.first().is_some_and(|p| p.column == counted))
}

/// A column as it stands in CREATE TABLE and behind ALTER TABLE … ADD COLUMN. `rowid` is the one
/// that is SQLite's rowid by another name.
pub(crate) fn column_line(
    dialect: Dialect,
    table: &TableSchema,
    column: &Column,
    rowid: Option<&str>,
) -> String {
    let f = &column.field;
    let native = match field::native(f, dialect.id()) {
        Some(native) => native.to_owned(),
        // Not adapted: the type it would have been given.
        None => map(dialect, f, None).map(|m| m.native).unwrap_or_else(|_| "text".into()),
    };
    let attributes = column.attributes.as_ref().and_then(|a| a.of(dialect.id()));
    let mut line = format!("{} {native}", dialect.quote(column.name()));
    if let Some(attributes) = attributes.filter(|_| dialect == Dialect::Postgres) {
        line.push_str(&format!(" {attributes}"));
    }
    push_collation(dialect, table, column, &native, &mut line);
    if rowid == Some(column.name()) {
        line.push_str(" PRIMARY KEY");
        if column.identity.is_some() {
            line.push_str(" AUTOINCREMENT");
        }
        line.push_str(" NOT NULL");
        return line;
    }
    if let Some(generated) = &column.generated
        && let Some(expression) = generated.expression.of(dialect.id())
    {
        let kept = if generated.stored { "STORED" } else { "VIRTUAL" };
        line.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {kept}"));
    }
    push_filling(dialect, table, column, &native, &mut line);
    if dialect == Dialect::Mysql
        && let Some(comment) = &column.comment
    {
        line.push_str(" COMMENT ");
        dialect.push_string(comment, &mut line);
    }
    if let Some(attributes) = attributes.filter(|_| dialect != Dialect::Postgres) {
        line.push_str(&format!(" {attributes}"));
    }
    let own = table.checks.iter().filter(|c| column_of(dialect, table, c) == Some(column.name()));
    for clause in own.filter_map(|c| check_clause(dialect, c)) {
        line.push_str(&format!(" {clause}"));
    }
    line
}

/// Identity, NOT NULL and default.
fn push_filling(
    dialect: Dialect,
    table: &TableSchema,
    column: &Column,
    native: &str,
    line: &mut String,
) {
    if let Some(identity) = column.identity {
        let counted = table.primary_key.first().is_some_and(|key| key == column.name())
            || counting_index(dialect, table).is_some();
        match dialect {
            Dialect::Postgres | Dialect::Ansi => {
                let when = if identity.always { "ALWAYS" } else { "BY DEFAULT" };
                line.push_str(&format!(" GENERATED {when} AS IDENTITY"));
            }
            Dialect::Mysql if counted => line.push_str(" NOT NULL AUTO_INCREMENT"),
            Dialect::Mysql | Dialect::Sqlite => {}
        }
    }
    let in_key = table.primary_key.iter().any(|key| key == column.name());
    if (!column.field.is_nullable() || in_key) && !line.ends_with(" AUTO_INCREMENT") {
        line.push_str(" NOT NULL");
    } else if dialect == Dialect::Mysql
        && native.to_ascii_lowercase().starts_with("timestamp")
        && column.generated.is_none()
    {
        // Without the word, old servers make it NOT NULL with a default of their own.
        line.push_str(" NULL");
    }
    if let Some(default) = column.default.as_ref().and_then(|d| default_sql(dialect, column, d)) {
        line.push_str(" DEFAULT ");
        line.push_str(&default);
    }
}

/// Character set and collation, where they are not those of the table.
fn push_collation(
    dialect: Dialect,
    table: &TableSchema,
    column: &Column,
    native: &str,
    line: &mut String,
) {
    let f = &column.field;
    if *f.data_type() != DataType::Utf8 {
        return;
    }
    if dialect == Dialect::Postgres
        && let Some(collation) = field::get(f, field::COLLATION).filter(|c| !c.is_empty())
    {
        line.push_str(&format!(" COLLATE {}", dialect.quote(collation)));
    }
    let lower = native.to_ascii_lowercase();
    let texts = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"];
    let of_text = texts.iter().any(|t| lower.starts_with(t)) && !lower.contains(" character set ");
    if dialect != Dialect::Mysql || !of_text {
        return;
    }
    let charset = field::get(f, field::CHARSET).filter(|c| is_word(c));
    let collation = field::get(f, field::COLLATION).filter(|c| is_word(c));
    let options = table.options.as_ref().and_then(|o| o.of("mysql")).unwrap_or_default();
    let words: HashSet<String> = options.split_whitespace().map(str::to_ascii_lowercase).collect();
    let of_table = |key: &str, value: Option<&str>| {
        value.is_some_and(|v| words.contains(&format!("{key}={}", v.to_ascii_lowercase())))
    };
    if of_table("charset", charset) && of_table("collate", collation) {
        return;
    }
    if let Some(charset) = charset {
        line.push_str(&format!(" CHARACTER SET {charset}"));
    }
    if let Some(collation) = collation {
        line.push_str(&format!(" COLLATE {collation}"));
    }
}

/// A name that needs no quotes, as those of character sets and collations are.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What follows DEFAULT; `None` for what the dialect cannot say.
pub(crate) fn default_sql(
    dialect: Dialect,
    column: &Column,
    default: &DefaultValue,
) -> Option<String> {
    match default {
        DefaultValue::Value(text) => default_literal(dialect, &column.field, text),
        DefaultValue::Native { store, sql } => (store == dialect.id()).then(|| sql.clone()),
        DefaultValue::CurrentTimestamp if dialect == Dialect::Mysql => {
            let native = field::native(&column.field, "mysql").unwrap_or_default();
            // The precision has to be the column's.
            let precision = native.split_once('(').map(|(_, rest)| format!("({rest}"));
            Some(format!("CURRENT_TIMESTAMP{}", precision.unwrap_or_default()))
        }
        DefaultValue::CurrentTimestamp => Some("CURRENT_TIMESTAMP".into()),
    }
}
