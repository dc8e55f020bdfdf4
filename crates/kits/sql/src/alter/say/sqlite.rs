//! The steps of a change as statements of SQLite: its ALTER TABLE where that can do it, and else
//! the table made anew (<https://www.sqlite.org/lang_altertable.html>, section 7).

use arrow::datatypes::{DataType, Field};
use syncline_types::{Code, Column, DefaultValue, Error, Result, TableName, TableSchema, field};

use super::{Altering, renames};
use crate::Dialect;
use crate::alter::compare::{Alteration, Place};
use crate::alter::pending::applied;
use crate::ddl::{column_line, create_index, default_sql};
use crate::{create_indexes, create_table};

const SQL: Dialect = Dialect::Sqlite;

pub(super) fn say(
    present: &TableSchema,
    after: &TableSchema,
    steps: &[Alteration],
) -> Result<Altering> {
    let mut out = Altering::default();
    let steps = heard(steps, &mut out);
    if steps.iter().all(|step| is_plain(present, step)) && !trades(&renames(&steps)) {
        plainly(present, after, &steps, &mut out);
    } else {
        rebuild(present, &steps, &mut out)?;
    }
    Ok(out)
}

/// Without what SQLite has no word for: comments, options, partitions, the order of columns.
fn heard(steps: &[Alteration], out: &mut Altering) -> Vec<Alteration> {
    let mut heard = Vec::with_capacity(steps.len());
    for step in steps {
        match step {
            Alteration::Comment(_) => {}
            Alteration::Options(_) => out.note("options of the table are left as they are"),
            Alteration::Partitioning(_) => out.note("partitions are left as they are"),
            Alteration::ModifyColumn { from, to, place } => {
                if place.is_some() {
                    out.note(moved(to));
                }
                let uncommented = |c: &Column| Column { comment: None, ..c.clone() };
                if uncommented(from) != uncommented(to) {
                    let step = Alteration::ModifyColumn {
                        from: from.clone(),
                        to: to.clone(),
                        place: None,
                    };
                    heard.push(step);
                }
            }
            Alteration::AddColumn { column, place } => {
                if *place != Place::Last {
                    out.note(moved(column));
                }
                heard.push(Alteration::AddColumn { column: column.clone(), place: Place::Last });
            }
            other => heard.push(other.clone()),
        }
    }
    heard
}

fn moved(column: &Column) -> String {
    format!("column {} stands behind the others: {SQL} moves none", column.name())
}

fn trades(names: &[(&str, &str)]) -> bool {
    names.iter().any(|(_, to)| names.iter().any(|(from, _)| from.eq_ignore_ascii_case(to)))
}

/// Whether SQLite's own ALTER TABLE can do it.
fn is_plain(present: &TableSchema, step: &Alteration) -> bool {
    match step {
        Alteration::RenameColumn { .. } => true,
        Alteration::DropIndex(index) | Alteration::AddIndex(index) => !index.constraint,
        Alteration::AddColumn { column, .. } => {
            let constant = matches!(&column.default, Some(DefaultValue::Value(_)));
            let stored = column.generated.as_ref().is_some_and(|g| g.stored);
            let filled = column.field.is_nullable() || constant;
            !stored
                && filled
                && column.identity.is_none()
                && (column.default.is_none() || constant)
                && (column.generated.is_none() || column.field.is_nullable())
        }
        Alteration::DropColumn(name) => is_free(present, name),
        _ => false,
    }
}

/// Whether nothing else of the table speaks of the column.
fn is_free(table: &TableSchema, name: &str) -> bool {
    let is = |other: &String| other.eq_ignore_ascii_case(name);
    let spoken = |sql: &str| sql.to_ascii_lowercase().contains(&name.to_ascii_lowercase());
    let keyed = table.primary_key.iter().any(is)
        || table.foreign_keys.iter().any(|k| k.columns.iter().any(is));
    // Its own indexes are dropped before, by a step of their own.
    let constrained = table.indexes.iter().any(|i| {
        i.constraint && i.parts.iter().any(|p| is(&p.column))
            || i.definition.as_ref().is_some_and(|d| spoken(&d.sql))
    });
    let computed = table.columns.iter().any(|c| {
        c.name() != name && c.generated.as_ref().is_some_and(|g| spoken(&g.expression.sql))
    });
    let checked = table.checks.iter().any(|c| spoken(&c.condition.sql));
    !keyed && !constrained && !computed && !checked
}

fn plainly(present: &TableSchema, after: &TableSchema, steps: &[Alteration], out: &mut Altering) {
    let table = SQL.table(&present.name);
    for step in steps {
        match step {
            Alteration::DropIndex(index) => out.push(drop_index(present, &index.name)),
            Alteration::DropColumn(name) => {
                out.push(format!("ALTER TABLE {table} DROP COLUMN {}", SQL.quote(name)));
            }
            Alteration::RenameColumn { from, to } => {
                let (from, to) = (SQL.quote(from), SQL.quote(to));
                out.push(format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}"));
            }
            Alteration::AddColumn { column, .. } => {
                let line = column_line(SQL, after, column, None);
                out.push(format!("ALTER TABLE {table} ADD COLUMN {line}"));
            }
            Alteration::AddIndex(index) => {
                let named = TableSchema { name: present.name.clone(), ..after.clone() };
                out.statements.extend(create_index(SQL, &named, index));
            }
            _ => {}
        }
    }
}

fn drop_index(table: &TableSchema, name: &str) -> String {
    let name = TableName { schema: table.name.schema.clone(), name: name.to_owned() };
    format!("DROP INDEX IF EXISTS {}", SQL.table(&name))
}

fn rebuild(present: &TableSchema, steps: &[Alteration], out: &mut Altering) -> Result<()> {
    let mut made = applied(present, steps);
    for name in made.primary_key.clone() {
        let column = made.columns.iter_mut().find(|c| *c.name() == name);
        if let Some(column) = column {
            column.field = column.field.clone().with_nullable(false);
        }
    }
    let own = made.name.clone();
    let between = TableName { name: format!("_syncline_new_{}", own.name), ..own.clone() };
    let renames = renames(steps);
    let (mut into, mut from) = (Vec::new(), Vec::new());
    for column in made.columns.iter().filter(|c| c.generated.is_none()) {
        let new = column.name();
        let added = steps
            .iter()
            .any(|s| matches!(s, Alteration::AddColumn { column, .. } if column.name() == new));
        if added {
            // Left to its default, or to the counter.
            let bare = column.default.is_none() && column.identity.is_none();
            if bare
                && !column.field.is_nullable()
                && let Some(value) = implicit(&column.field)
            {
                into.push(SQL.quote(new));
                from.push(value);
            }
            continue;
        }
        let old = renames.iter().find(|(_, to)| *to == new).map_or(new, |(old, _)| *old);
        let Some(was) = present.columns.iter().find(|c| c.name().eq_ignore_ascii_case(old)) else {
            continue;
        };
        into.push(SQL.quote(new));
        from.push(value_of(present, was, column)?);
    }
    let (table, new) = (SQL.table(&own), SQL.table(&between));
    out.rebuild = true;
    out.push(format!("DROP TABLE IF EXISTS {new}"));
    made.name = between;
    // Those of UNIQUE constraints stand in no CREATE TABLE that is put together here.
    let constraints: Vec<syncline_types::Index> =
        made.indexes.iter().filter(|i| i.constraint).cloned().collect();
    out.push(create_table(SQL, &made));
    out.push(format!(
        "INSERT INTO {new} ({}) SELECT {} FROM {table}",
        into.join(", "),
        from.join(", ")
    ));
    out.push(format!("DROP TABLE {table}"));
    out.push(format!("ALTER TABLE {new} RENAME TO {}", SQL.quote(&own.name)));
    made.name = own;
    for index in &mut made.indexes {
        index.constraint = false;
    }
    for index in &constraints {
        out.note(format!("unique constraint {} is a unique index from now on", index.name));
    }
    out.statements.extend(create_indexes(SQL, &made)?);
    Ok(())
}

/// What a column that takes no NULL and has no default gets in rows that are there, as MySQL gives
/// it.
fn implicit(column: &Field) -> Option<String> {
    match (column.data_type(), field::logical(column)) {
        (DataType::Boolean, _) => Some("0".into()),
        (t, _) if t.is_numeric() => Some("0".into()),
        (DataType::Utf8, Some("decimal")) => Some("0".into()),
        (DataType::Utf8, Some("json")) => Some("'null'".into()),
        (DataType::Utf8, Some("bit")) => {
            let n = usize::try_from(field::length(column).unwrap_or(1)).ok()?;
            Some(format!("'{}'", "0".repeat(n)))
        }
        (DataType::Utf8, _) => Some("''".into()),
        (DataType::Binary, None) => Some("x''".into()),
        (DataType::Duration(_) | DataType::Time64(_), _) => Some("'00:00:00'".into()),
        _ => None,
    }
}

/// A value of the column as it was, as one of the column as it is to be.
fn value_of(table: &TableSchema, from: &Column, to: &Column) -> Result<String> {
    let name = SQL.quote(from.name());
    let native = |c: &Column| field::native(&c.field, SQL.id()).unwrap_or_default().to_owned();
    let (a, b) = (from.field.data_type(), to.field.data_type());
    let (la, lb) = (field::logical(&from.field), field::logical(&to.field));
    let filled = |value: String| match (from.field.is_nullable(), to.field.is_nullable()) {
        (true, false) => match to.default.as_ref().and_then(|d| default_sql(SQL, to, d)) {
            Some(default) => format!("coalesce({value}, {default})"),
            None => value,
        },
        _ => value,
    };
    if a == b && la == lb || native(from) == native(to) {
        return Ok(filled(name));
    }
    let text = |t: &DataType, l: Option<&str>| *t == DataType::Utf8 && l != Some("bit");
    let number = |t: &DataType| t.is_numeric() || *t == DataType::Boolean;
    let value = match () {
        () if number(a) && b.is_integer() && !a.is_integer() && *a != DataType::Boolean => {
            format!("CAST(round({name}) AS INTEGER)")
        }
        () if *b == DataType::Boolean && number(a) => format!("{name} <> 0"),
        () if number(a) && number(b) || text(a, la) && text(b, lb) => name,
        () if number(a) && text(b, lb) => format!("CAST({name} AS TEXT)"),
        () if text(a, la) && *b == DataType::Binary => format!("CAST({name} AS BLOB)"),
        () if *a == DataType::Binary && text(b, lb) => format!("CAST({name} AS TEXT)"),
        // As a date is written, so begins a moment.
        () if matches!(a, DataType::Timestamp(_, None)) && *b == DataType::Date32 => {
            format!("substr({name}, 1, 10)")
        }
        () if *a == DataType::Date32 && matches!(b, DataType::Timestamp(_, None)) => {
            format!("{name} || ' 00:00:00'")
        }
        () => {
            let text = format!(
                "{}: values of column {} cannot be made {} from {}",
                table.name,
                to.name(),
                native(to),
                native(from)
            );
            return Err(Error::new(Code::Unsupported, text)
                .hint("alter the target by hand or copy the table anew, then go on"));
        }
    };
    Ok(filled(value))
}
