//! Conditions and computed values of one store in the words of another, as far as they mean the
//! very same there: for checks, generated columns and defaults.
//!
//! The text is parsed in the dialect of its store, walked by `walk` with the types of the columns
//! in hand, and written anew. What is not known to mean the same is refused with a reason, and
//! never passed through: MySQL's `||` is OR, its `/` makes decimals, its texts may compare without
//! regard to case or to spaces at their end; PostgreSQL divides whole numbers into whole numbers;
//! SQLite counts decimals in floats.

mod compare;
mod functions;
mod term;
mod walk;

use arrow::datatypes::Field;
use sqlparser::ast::Expr;
use sqlparser::dialect::{MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;
use syncline_types::{Column, NativeSql, TableSchema};

use crate::Dialect;
use term::Kind;
use walk::Walk;

/// An expression in the words of a dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// The text.
    pub(crate) sql: String,
    /// The columns it names.
    pub(crate) columns: Vec<String>,
}

/// A condition on the columns of `source` as one on those of `target`, or why there is none.
pub(crate) fn condition(
    to: Dialect,
    source: &TableSchema,
    target: &TableSchema,
    expression: &NativeSql,
) -> Result<Said, String> {
    let (from, parsed) = parse(expression)?;
    let mut walk = Walk::new(from, to, source, target);
    let truth = walk.truth(&parsed)?;
    if walk.by_letters && (from == Dialect::Sqlite || to == Dialect::Sqlite) {
        return Err("SQLite knows upper and lower case of the first 128 letters only".into());
    }
    Ok(Said { sql: truth.sql, columns: walk.columns })
}

/// The value of the generated column `column` of `target`, or why it cannot be computed there.
pub(crate) fn value(
    to: Dialect,
    source: &TableSchema,
    target: &TableSchema,
    column: &Column,
    expression: &NativeSql,
) -> Result<Said, String> {
    let (from, parsed) = parse(expression)?;
    let mut walk = Walk::new(from, to, source, target);
    let value = walk.value(&parsed)?;
    if walk.by_letters {
        return Err("upper and lower case of a letter are not the same everywhere".into());
    }
    let of_source = source.column(column.name()).map_or(&column.field, |c| &c.field);
    if !value.kind.is_of(from, of_source, to, &column.field) {
        return Err("its type is not that of the column".into());
    }
    Ok(Said { sql: value.sql, columns: walk.columns })
}

/// A default without columns, for the column of the target it is for.
pub(crate) fn constant(to: Dialect, column: &Field, default: &NativeSql) -> Result<String, String> {
    let (from, parsed) = parse(default)?;
    let nothing = TableSchema::new(syncline_types::TableName::bare(""), []);
    let mut walk = Walk::new(from, to, &nothing, &nothing);
    let value = walk.value(&parsed)?;
    let fits = match value.kind {
        Kind::Int => column.data_type().is_integer() || column.data_type().is_decimal(),
        Kind::Decimal => column.data_type().is_decimal(),
        _ => false,
    };
    if fits { Ok(value.sql) } else { Err("its type is not that of the column".into()) }
}

fn parse(expression: &NativeSql) -> Result<(Dialect, Expr), String> {
    let unknown = || format!("only {} can say it", expression.store);
    let from = Dialect::parse(&expression.store).ok_or_else(unknown)?;
    let sql = expression.sql.as_str();
    let parser = match from {
        Dialect::Mysql => Parser::new(&MySqlDialect {}).try_with_sql(sql),
        Dialect::Postgres => Parser::new(&PostgreSqlDialect {}).try_with_sql(sql),
        Dialect::Sqlite => Parser::new(&SQLiteDialect {}).try_with_sql(sql),
        // The words of Syncline's own SQL pages, which the walk wrote.
        Dialect::Ansi => Parser::new(&PostgreSqlDialect {}).try_with_sql(sql),
    };
    let mut parser = parser.map_err(|_| unknown())?;
    let parsed = parser.parse_expr().map_err(|_| unknown())?;
    match parser.peek_token().token {
        Token::EOF => Ok((from, parsed)),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests;
