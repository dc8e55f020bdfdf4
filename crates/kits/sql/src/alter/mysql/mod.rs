//! What a statement of MySQL's or MariaDB's log means for tables.
//!
//! The statement is read by a grammar of its own that knows every word it passes: the outcome is the
//! table as the server's own catalog would describe it, or that it is not clear. Expressions are
//! kept in the statement's words, which the server may spell otherwise.

mod alter;
mod charsets;
mod column;
mod comments;
mod create;
mod defaults;
mod draft;
mod expression;
mod keys;
mod options;
mod partitions;
mod statement;
#[cfg(test)]
mod tests;
mod types;

use std::sync::Arc;

use arrow::datatypes::Field;
use syncline_types::{SchemaEffect, TableName, TableSchema};

/// A statement as a log has it.
#[derive(Debug, Clone, Copy)]
pub struct Logged<'a> {
    /// Its text.
    pub sql: &'a str,
    /// The database it was said in.
    pub database: Option<&'a str>,
    /// The session's `sql_mode`, by the bits of the log's events; 0 where it is not known.
    pub sql_mode: u64,
    /// The session's `explicit_defaults_for_timestamp`.
    pub explicit_timestamps: bool,
}

/// A column as the server's catalog shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NativeColumn<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type, as this very server spells it: `int(11)` in MariaDB, `int` in MySQL 8, and `json`
    /// for what MariaDB makes of JSON.
    pub native: &'a str,
    /// Whether it takes NULL.
    pub nullable: bool,
    /// The character set of a text.
    pub charset: Option<&'a str>,
    /// The collation of a text.
    pub collation: Option<&'a str>,
    /// How many characters or bytes it holds, where its type says so.
    pub length: Option<u64>,
}

/// What a statement means beside its words.
pub trait Surroundings {
    /// The table as it is at this place of the log; `None` when it is not known.
    fn table(&self, name: &TableName) -> Option<Arc<TableSchema>>;

    /// The tables of a database that are known.
    fn tables(&self, database: &str) -> Vec<TableName>;

    /// Whether the server is MariaDB.
    fn maria(&self) -> bool;

    /// The server's version.
    fn version(&self) -> (u16, u16, u16);

    /// The engine of tables that name none.
    fn engine(&self) -> &str {
        "InnoDB"
    }

    /// The field that the connector's catalog makes for a column.
    fn field(&self, column: &NativeColumn<'_>) -> Field;

    /// The collation that a character set has by default.
    fn collation(&self, charset: &str) -> Option<String>;

    /// The character set of a collation.
    fn charset(&self, collation: &str) -> Option<String>;

    /// The character set and the collation that tables of a database have by default.
    fn database(&self, name: &str) -> Option<(String, String)>;
}

/// What a statement means for tables.
#[derive(Debug, Clone, PartialEq)]
pub enum Understood {
    /// Nothing.
    Irrelevant,
    /// These changes, in this order, each of the table by the name it had before.
    Effects(Vec<(TableName, SchemaEffect)>),
    /// It changes these tables in a way that is not understood.
    Unclear {
        /// The tables.
        tables: Vec<TableName>,
        /// What is not understood: for people.
        why: String,
        /// Rows changed that the log does not tell: definitions that are equal mend nothing.
        rows: bool,
    },
}

/// What a statement of a log means for tables.
pub fn understand(logged: &Logged<'_>, at: &dyn Surroundings) -> Understood {
    let text = comments::effective(logged, at);
    statement::read(&text, logged, at)
}

/// Bits of `sql_mode`.
mod mode {
    pub(super) const REAL_AS_FLOAT: u64 = 1;
    pub(super) const ANSI_QUOTES: u64 = 4;
    pub(super) const ORACLE: u64 = 512;
    pub(super) const NO_BACKSLASH_ESCAPES: u64 = 1 << 20;
}

/// Why a statement is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unread {
    why: String,
    /// Rows changed without a word in the log.
    rows: bool,
}

impl Unread {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), rows: false }
    }
}

/// What reading a piece of a statement gives.
type Read<T> = Result<T, Unread>;
