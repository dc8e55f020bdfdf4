//! Columns of another store as the dialect makes them: types, what is counted up, defaults.

use arrow::datatypes::{DataType, Field};
use syncline_types::{Column, DefaultValue, NativeSql, Result, TableSchema, field};

use crate::mapping::{Mapped, map};
use crate::{Dialect, expression, moment};

/// The column as the dialect makes it, but for its generation, which needs all others first.
pub(super) fn adapt_column(
    dialect: Dialect,
    source: &TableSchema,
    column: &Column,
    cap: Option<u64>,
    notes: &mut Vec<String>,
) -> Result<Column> {
    let from = &column.field;
    let same = field::native(from, dialect.id()).is_some();
    let adapted = if same {
        from.clone()
    } else {
        let mapped = map(dialect, from, cap)?;
        mapped_field(dialect, from, &mapped)
    };
    let identity =
        column.identity.filter(|_| can_count(dialect, source, &adapted)).map(|mut identity| {
            identity.always &= same && dialect == Dialect::Postgres;
            identity
        });
    if column.identity.is_some() && identity.is_none() {
        notes.push(format!("column {} is not counted up by {dialect}", column.name()));
    }
    let generated = column.generated.is_some();
    let default = column.default.as_ref().filter(|_| !generated && identity.is_none());
    let adapted_default = default.and_then(|d| adapt_default(dialect, from, &adapted, d));
    if let (Some(default), None) = (default, &adapted_default) {
        let what = match default {
            DefaultValue::Value(text) => format!("{text:?}"),
            DefaultValue::CurrentTimestamp => "the time of the insert".to_owned(),
            DefaultValue::Native { sql, .. } => sql.clone(),
        };
        notes.push(format!("default of column {} is left out: {what}", column.name()));
    }
    let attributes = column.attributes.as_ref();
    let kept = attributes.filter(|a| same && a.store == dialect.id());
    if let (Some(attributes), None) = (attributes, kept) {
        notes.push(format!("column {}: {} is left out", column.name(), attributes.sql));
    }
    Ok(Column {
        default: adapted_default,
        identity,
        generated: None,
        comment: column.comment.clone(),
        attributes: kept.cloned(),
        field: adapted,
    })
}

fn mapped_field(dialect: Dialect, from: &Field, mapped: &Mapped) -> Field {
    let mut pairs =
        vec![(field::STORE, dialect.id().to_owned()), (field::NATIVE, mapped.native.clone())];
    pairs.extend(mapped.logical.map(|l| (field::LOGICAL, l.to_owned())));
    pairs.extend(mapped.length.map(|n| (field::LENGTH, n.to_string())));
    pairs.extend(mapped.charset.map(|c| (field::CHARSET, c.to_owned())));
    pairs.extend(mapped.collation.map(|c| (field::COLLATION, c.to_owned())));
    if let Some(members) = field::get(from, field::MEMBERS).filter(|_| mapped.members) {
        pairs.push((field::MEMBERS, members.to_owned()));
    }
    if let Some(special) = field::get(from, field::SPECIAL)
        && holds_special(dialect, special, from.data_type(), &mapped.arrow)
    {
        pairs.push((field::SPECIAL, special.to_owned()));
    }
    field::with(Field::new(from.name(), mapped.arrow.clone(), from.is_nullable()), pairs)
}

/// Whether the dialect's own type has the same values beyond the numbers of its Arrow type.
fn holds_special(dialect: Dialect, special: &str, from: &DataType, to: &DataType) -> bool {
    match (dialect, special) {
        (Dialect::Postgres, "infinity") => {
            from == to && matches!(to, DataType::Date32 | DataType::Timestamp(..))
        }
        (Dialect::Postgres, "nan") => from.is_decimal() && to.is_decimal(),
        (Dialect::Mysql, "zero-date") => {
            from == to && matches!(to, DataType::Date32 | DataType::Timestamp(_, None))
        }
        _ => false,
    }
}

/// Whether the store can count the column up by itself.
fn can_count(dialect: Dialect, source: &TableSchema, adapted: &Field) -> bool {
    let whole = adapted.data_type().is_integer();
    let sole_key = source.primary_key.len() == 1 && source.primary_key[0] == *adapted.name();
    match dialect {
        Dialect::Mysql | Dialect::Postgres | Dialect::Ansi => whole,
        Dialect::Sqlite => sole_key && *adapted.data_type() == DataType::Int64,
    }
}

/// MySQL counts up one column, and that has to lead a key.
pub(super) fn count_one(table: &mut TableSchema, notes: &mut Vec<String>) {
    let counted = |table: &TableSchema| -> Vec<String> {
        let counted = table.columns.iter().filter(|c| c.identity.is_some());
        counted.map(|c| c.name().to_owned()).collect()
    };
    let leads = |table: &TableSchema, name: &String| {
        let plain = table.indexes.iter().filter(|i| i.definition.is_none());
        let mut firsts = plain.filter_map(|i| i.parts.first()).map(|part| &part.column);
        table.primary_key.first() == Some(name) || firsts.any(|first| first == name)
    };
    let all = counted(table);
    let kept = all.iter().find(|name| table.primary_key.first() == Some(*name));
    let kept = kept.or_else(|| all.iter().find(|name| leads(table, name))).cloned();
    for column in &mut table.columns {
        let name = column.name().to_owned();
        if column.identity.is_some() && kept.as_ref() != Some(&name) {
            column.identity = None;
            notes.push(format!(
                "column {name} is not counted up: mysql counts one column, the first of a key"
            ));
        }
    }
}

/// Collations that the target's columns have not, but for those that compare character by character:
/// one line for each, with its columns.
pub(super) fn other_collations(
    dialect: Dialect,
    source: &TableSchema,
    table: &TableSchema,
) -> Vec<String> {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for column in &source.columns {
        if field::native(&column.field, dialect.id()).is_some() {
            continue;
        }
        let Some(collation) = field::get(&column.field, field::COLLATION) else { continue };
        let lower = collation.to_ascii_lowercase();
        let by_character = lower.ends_with("_bin") || ["binary", "c", "posix"].contains(&&*lower);
        if by_character || lower.is_empty() || table.column(column.name()).is_none() {
            continue;
        }
        match lines.iter_mut().find(|(known, _)| known == collation) {
            Some((_, columns)) => columns.push(column.name()),
            None => lines.push((collation.to_owned(), vec![column.name()])),
        }
    }
    let line = |(collation, columns): &(String, Vec<&str>)| {
        let columns = columns.join(", ");
        format!("collation {collation} is not carried: texts of {columns} compare otherwise here")
    };
    lines.iter().map(line).collect()
}

fn adapt_default(
    dialect: Dialect,
    from: &Field,
    adapted: &Field,
    default: &DefaultValue,
) -> Option<DefaultValue> {
    let native = field::native(adapted, dialect.id()).unwrap_or_default().to_ascii_lowercase();
    let same = field::native(from, dialect.id()).is_some();
    if same {
        return match default {
            DefaultValue::Native { store, .. } => (store == dialect.id()).then(|| default.clone()),
            _ => Some(default.clone()),
        };
    }
    match default {
        DefaultValue::Native { store, sql } => {
            let sql = expression::constant(dialect, adapted, &NativeSql::new(store, sql)).ok()?;
            Some(DefaultValue::Native { store: dialect.id().into(), sql: format!("({sql})") })
        }
        // Long texts take a default only as an expression.
        DefaultValue::Value(text) if dialect == Dialect::Mysql && native.starts_with("long") => {
            let sql = default_literal(dialect, adapted, text)?;
            Some(DefaultValue::Native { store: dialect.id().into(), sql: format!("({sql})") })
        }
        DefaultValue::Value(text) => {
            default_literal(dialect, adapted, text).map(|_| default.clone())
        }
        DefaultValue::CurrentTimestamp => {
            let instant = matches!(from.data_type(), DataType::Timestamp(_, Some(_)));
            let sql = match (dialect, adapted.data_type()) {
                // The column holds UTC, and current_timestamp is the session's local time.
                (Dialect::Mysql, DataType::Timestamp(..)) if instant => "(utc_timestamp(6))",
                (Dialect::Mysql, DataType::Timestamp(..)) => "current_timestamp(6)",
                (Dialect::Sqlite, DataType::Timestamp(_, Some(_))) => {
                    "(strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'))"
                }
                (Dialect::Sqlite | Dialect::Postgres | Dialect::Ansi, DataType::Timestamp(..)) => {
                    return Some(DefaultValue::CurrentTimestamp);
                }
                (Dialect::Sqlite | Dialect::Postgres | Dialect::Ansi, DataType::Date32) => {
                    "current_date"
                }
                _ => return None,
            };
            Some(DefaultValue::Native { store: dialect.id().into(), sql: sql.into() })
        }
    }
}

/// A constant default as a literal of the column's type; `None` when it is not a value of it.
pub(crate) fn default_literal(dialect: Dialect, column: &Field, text: &str) -> Option<String> {
    let number = |digits: &str| {
        let rest = digits.strip_prefix(['-', '+']).unwrap_or(digits);
        let plain = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        (plain && rest.parse::<f64>().is_ok()).then(|| digits.to_owned())
    };
    let truth = match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Some(true),
        "false" | "f" | "0" => Some(false),
        _ => None,
    };
    let quoted = || dialect.holds(text).then(|| dialect.string(text));
    match column.data_type() {
        DataType::Boolean => truth.map(|t| match dialect {
            Dialect::Mysql | Dialect::Sqlite => u8::from(t).to_string(),
            Dialect::Postgres | Dialect::Ansi => t.to_string(),
        }),
        DataType::Int8 if text.parse::<i8>().is_err() => truth.map(|t| u8::from(t).to_string()),
        t if t.is_integer() => number(text).filter(|n| !n.contains('.')),
        t if t.is_floating() || t.is_decimal() => number(text),
        DataType::Utf8 if field::logical(column) == Some("decimal") => number(text),
        DataType::Utf8 if field::logical(column) == Some("bit") => None,
        DataType::Utf8 => quoted(),
        DataType::Date32 => moment::parse_date(text).and_then(|_| quoted()),
        DataType::Timestamp(_, None) => moment::parse_datetime(text).and_then(|_| quoted()),
        DataType::Timestamp(_, Some(_)) => moment::parse_instant(text).and_then(|_| quoted()),
        DataType::Time64(_) => moment::parse_time(text).and_then(|_| quoted()),
        DataType::Duration(_) => moment::parse_duration(text).and_then(|_| quoted()),
        _ => None,
    }
}
