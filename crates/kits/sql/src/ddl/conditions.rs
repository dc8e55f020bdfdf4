//! What is computed from columns: generated columns and checks, kept or translated.

use syncline_types::{Check, Generated, NativeSql, ReferentialAction, TableSchema};

use super::names;
use crate::Dialect;
use crate::expression::{self, Said};

/// Makes those columns generated whose expressions the dialect can say; the others stay plain.
pub(super) fn generate(
    dialect: Dialect,
    source: &TableSchema,
    table: &mut TableSchema,
    notes: &mut Vec<String>,
) {
    for (index, column) in source.columns.iter().enumerate() {
        let Some(generated) = &column.generated else { continue };
        if generated.expression.of(dialect.id()).is_some() {
            table.columns[index].generated = Some(generated.clone());
            continue;
        }
        match computed(dialect, source, table, index, &generated.expression) {
            Ok(sql) => {
                if dialect == Dialect::Postgres && !generated.stored {
                    notes.push(format!(
                        "column {} is stored, where the source computes it when it is read",
                        column.name()
                    ));
                }
                let adapted = &mut table.columns[index];
                adapted.generated = Some(Generated {
                    expression: NativeSql::new(dialect.id(), sql),
                    stored: generated.stored || dialect == Dialect::Postgres,
                });
                if dialect == Dialect::Mysql {
                    // MariaDB takes no NOT NULL for one.
                    adapted.field = adapted.field.clone().with_nullable(true);
                }
            }
            Err(why) => notes.push(format!(
                "column {} is made a plain one that holds the values: {why}: {}",
                column.name(),
                generated.expression.sql
            )),
        }
    }
}

/// The expression of a generated column, or why it cannot be one.
fn computed(
    dialect: Dialect,
    source: &TableSchema,
    table: &TableSchema,
    index: usize,
    expression: &NativeSql,
) -> Result<String, String> {
    let column = &source.columns[index];
    if source.primary_key.iter().any(|key| key == column.name()) {
        return Err("it is part of the primary key".into());
    }
    let said: Said = expression::value(dialect, source, table, &table.columns[index], expression)?;
    for name in &said.columns {
        let Some(used) = table.column(name) else { continue };
        if used.generated.is_some() && dialect != Dialect::Sqlite {
            return Err(format!("it is computed from another generated column, {name}"));
        }
        if used.identity.is_some() && dialect == Dialect::Mysql {
            return Err(format!("it is computed from {name}, which the server counts up"));
        }
    }
    Ok(said.sql)
}

/// The checks the dialect can say.
pub(super) fn checks(
    dialect: Dialect,
    source: &TableSchema,
    table: &TableSchema,
    notes: &mut Vec<String>,
) -> Vec<Check> {
    let mut checks = Vec::with_capacity(source.checks.len());
    for check in &source.checks {
        if check.condition.of(dialect.id()).is_some() {
            let name = check.name.as_ref().map(|name| match dialect {
                // MariaDB's own names, and those that name a column, are the table's alone.
                Dialect::Mysql
                    if !name.starts_with("CONSTRAINT_") && source.column(name).is_none() =>
                {
                    names::kept(dialect, &source.name, &table.name, name)
                }
                _ => name.clone(),
            });
            checks.push(Check { name, ..check.clone() });
            continue;
        }
        match held(dialect, source, table, check) {
            Ok(sql) => checks.push(Check {
                name: check.name.as_ref().map(|name| match dialect {
                    Dialect::Mysql => names::of_table(dialect, &table.name, name),
                    _ => names::fitting(dialect, name),
                }),
                condition: NativeSql::new(dialect.id(), sql),
                enforced: true,
            }),
            Err(why) => {
                let name = check.name.as_deref().map(|n| format!(" {n}")).unwrap_or_default();
                notes.push(format!("check{name} is left out: {why}: {}", check.condition.sql));
            }
        }
    }
    checks
}

/// The condition of a check, or why it cannot be one.
fn held(
    dialect: Dialect,
    source: &TableSchema,
    table: &TableSchema,
    check: &Check,
) -> Result<String, String> {
    if !check.enforced {
        return Err("it is not enforced".into());
    }
    let said = expression::condition(dialect, source, table, &check.condition)?;
    if dialect != Dialect::Mysql {
        return Ok(said.sql);
    }
    for name in &said.columns {
        let counted = table.column(name).is_some_and(|c| c.identity.is_some());
        let quiet = [ReferentialAction::NoAction, ReferentialAction::Restrict];
        let changed = source.foreign_keys.iter().any(|key| {
            let deletes = [ReferentialAction::SetNull, ReferentialAction::SetDefault];
            key.columns.contains(name)
                && (!quiet.contains(&key.on_update) || deletes.contains(&key.on_delete))
        });
        if counted {
            return Err(format!("MySQL takes none on {name}, which it counts up"));
        }
        if changed {
            return Err(format!("MySQL takes none on {name}, which a foreign key changes"));
        }
    }
    Ok(said.sql)
}
