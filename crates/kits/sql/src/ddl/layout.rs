//! How a store lays a table out, and what it needs before: kept in the same store, left out for
//! another.

use syncline_types::{NativeSql, Partition, Partitioning, TableName, TableSchema};

use super::{actions, names};
use crate::Dialect;

/// Partitioning, options, requirements and statements of the adapted table.
pub(super) fn adapt_layout(
    dialect: Dialect,
    source: &TableSchema,
    table: &mut TableSchema,
    notes: &mut Vec<String>,
) {
    let own = |native: &NativeSql| native.store == dialect.id();
    table.statements = source.statements.iter().filter(|s| own(s)).cloned().collect();
    let foreign = source.statements.iter().filter(|s| !own(s));
    notes.extend(foreign.filter_map(|action| actions::left_out(action, table)));
    match &source.partitioning {
        Some(partitioning) if own(&partitioning.by) => {
            table.partitioning = Some(under(dialect, partitioning, &source.name, &table.name));
        }
        Some(partitioning) => {
            notes.push("partitions are not carried: the table is made flat".into());
            notes.extend(partitioning.partitions.iter().filter(|p| !p.own().is_empty()).map(|p| {
                let own = p.own().join("; ");
                format!("what only partition {} has is left out: {own}", p.name.name)
            }));
        }
        None => {}
    }
    let commented = source.comment.is_some() || source.columns.iter().any(|c| c.comment.is_some());
    if commented && matches!(dialect, Dialect::Sqlite | Dialect::Ansi) {
        notes.push(format!("comments are left out: {dialect} has none"));
    }
    match &source.options {
        Some(options) if own(options) => table.options = Some(options.clone()),
        Some(options) => {
            notes.extend(telling(&options.sql).map(|o| format!("table options left out: {o}")));
        }
        None => {}
    }
    for requirement in &source.requires {
        if own(&requirement.create) {
            table.requires.push(requirement.clone());
        } else {
            notes.push(format!("{} {} is not made", requirement.kind, requirement.name));
        }
    }
}

/// The partitions under the target's names.
fn under(
    dialect: Dialect,
    partitioning: &Partitioning,
    from: &TableName,
    to: &TableName,
) -> Partitioning {
    let renamed = |name: &TableName| {
        if name == from {
            return to.clone();
        }
        let name = names::kept(dialect, from, to, &name.name);
        TableName { schema: to.schema.clone(), name }
    };
    let partition = |p: &Partition| Partition {
        name: renamed(&p.name),
        parent: renamed(&p.parent),
        bounds: p.bounds.clone(),
        ..p.clone()
    };
    Partitioning {
        by: partitioning.by.clone(),
        partitions: partitioning.partitions.iter().map(partition).collect(),
    }
}

/// The options but for those that every table of MySQL has: how rows lie on the disk, and the
/// character set that columns name themselves.
fn telling(options: &str) -> Option<String> {
    const USUAL: [&str; 6] =
        ["engine=", "charset=", "collate=", "row_format=", "auto_increment=", "default"];
    let told = options.split_whitespace().filter(|word| {
        let word = word.to_ascii_lowercase();
        !USUAL.iter().any(|usual| word.starts_with(usual))
    });
    let told: Vec<&str> = told.collect();
    (!told.is_empty()).then(|| told.join(" "))
}
