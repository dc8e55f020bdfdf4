//! Tables as statements: what a table of another store becomes ([`adapt`]), and the statements
//! that make it. Which native type a column gets stands in `mapping`, what becomes of conditions
//! and computed values in `expression`.

pub mod actions;
mod columns;
mod conditions;
mod create;
mod indexes;
mod layout;
mod limits;
mod names;
mod relations;
mod statements;
#[cfg(test)]
mod tests;

use syncline_types::{Adapted, Column, Result, TableName, TableSchema, field};

use crate::Dialect;

pub(crate) use columns::default_literal;
pub use create::create_table;
pub(crate) use create::{check_clause, column_line, column_of, default_sql, names};
pub use statements::{comments, create_indexes, foreign_keys, index_clause, partitions};
pub(crate) use statements::{create_index, foreign_key_clause};

/// The table `dialect` would make for `source`, under the name `target`, and what it leaves out.
///
/// Every field gets the Arrow type the store reports and takes for its native type, and metadata
/// with store, native type, and logical type, length, character set, collation and members where
/// they mean something.
///
/// Of a table of the same store everything is kept word for word; where the table gets another
/// name, so do those of its indexes and keys that other tables' must not have. Of a table of
/// another store that goes along which means the same there: keys, foreign keys, plain indexes,
/// and those defaults, checks and generated columns whose expressions can be translated. The rest
/// is left out, and named in the notes. A generated column that cannot be computed becomes a plain
/// one. Foreign keys still refer to the names of the source.
///
/// # Errors
/// [`Code::BadValue`](syncline_types::Code::BadValue) for a name the dialect cannot hold,
/// [`Code::ColumnMismatch`](syncline_types::Code::ColumnMismatch) for two names that are one to it,
/// [`Code::Unsupported`](syncline_types::Code::Unsupported) for an Arrow type without a
/// counterpart.
pub fn adapt(dialect: Dialect, source: &TableSchema, target: &TableName) -> Result<Adapted> {
    names::check_names(dialect, source, target)?;
    let same_store = source.columns.iter().any(|c| field::native(&c.field, dialect.id()).is_some());
    let mut notes = Vec::new();
    let mut columns = Vec::with_capacity(source.columns.len());
    for column in &source.columns {
        let cap = match dialect {
            Dialect::Mysql => limits::key_cap(source, column.name())?,
            _ => None,
        };
        let column = columns::adapt_column(dialect, source, column, cap, &mut notes)
            .map_err(|e| e.at(&source.name))?;
        columns.push(column);
    }
    let has = |name: &String| columns.iter().any(|c: &Column| c.name() == name);
    let primary_key =
        if source.primary_key.iter().all(has) { source.primary_key.clone() } else { Vec::new() };
    let mut table = TableSchema {
        columns,
        primary_key,
        comment: source.comment.clone(),
        ..TableSchema::new(target.clone(), [])
    };
    for name in &table.primary_key {
        if let Some(column) = table.columns.iter_mut().find(|c| c.name() == name) {
            column.field = column.field.clone().with_nullable(false);
        }
    }
    if dialect == Dialect::Mysql {
        limits::fit_row(&mut table, source);
    }
    conditions::generate(dialect, source, &mut table, &mut notes);
    table.checks = conditions::checks(dialect, source, &table, &mut notes);
    table.indexes = indexes::adapt_indexes(dialect, source, &table, same_store, &mut notes);
    table.foreign_keys =
        relations::adapt_foreign_keys(dialect, source, &table, same_store, &mut notes);
    if dialect == Dialect::Mysql && !same_store {
        columns::count_one(&mut table, &mut notes);
    }
    notes.extend(columns::other_collations(dialect, source, &table));
    layout::adapt_layout(dialect, source, &mut table, &mut notes);
    Ok(Adapted { table, notes })
}
