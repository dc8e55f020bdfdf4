//! Conditions and computed values of one store in the words of another, as far as they mean the
//! very same there.

use arrow::datatypes::Field;
use syncline_types::{Column, NativeSql, TableSchema};

use crate::Dialect;

/// An expression in the words of the dialect.
pub(crate) struct Said {
    pub(crate) sql: String,
    /// The columns it names.
    pub(crate) columns: Vec<String>,
}

pub(crate) fn condition(
    _to: Dialect,
    _source: &TableSchema,
    _target: &TableSchema,
    expression: &NativeSql,
) -> Result<Said, String> {
    Err(format!("only {} can say it", expression.store))
}

pub(crate) fn value(
    _to: Dialect,
    _source: &TableSchema,
    _target: &TableSchema,
    _column: &Column,
    expression: &NativeSql,
) -> Result<Said, String> {
    Err(format!("only {} can say it", expression.store))
}

pub(crate) fn constant(
    _to: Dialect,
    _column: &Field,
    expression: &NativeSql,
) -> Result<String, String> {
    Err(format!("only {} can say it", expression.store))
}
