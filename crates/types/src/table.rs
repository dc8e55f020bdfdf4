//! Tables: names, columns, keys, and what else a target needs to make one.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::{Check, ForeignKey, Generated, NativeSql, Partitioning, Requirement};

/// A table's name, unquoted, exactly as the store spells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    /// Database (MySQL) or schema (PostgreSQL) it lies in. `None` where a store has no such level.
    pub schema: Option<String>,
    /// The name itself.
    pub name: String,
}

impl TableName {
    /// A name with its schema.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: Some(schema.into()), name: name.into() }
    }

    /// A name in a store without schemas, or in the connection's default one.
    pub fn bare(name: impl Into<String>) -> Self {
        Self { schema: None, name: name.into() }
    }
}

/// For people: `schema.name`, without quotes.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Name, Arrow type, nullability, and the native type as metadata (see [`crate::field`]).
    pub field: Field,
    /// Its default, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<DefaultValue>,
    /// Set when the store counts it up by itself (AUTO_INCREMENT, IDENTITY, serial).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Set when the column is computed from others. Its values are read like any other's, and
    /// cannot be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
    /// Its comment, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What else its store says of it that only the same store understands: `INVISIBLE`,
    /// `STORAGE EXTERNAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<NativeSql>,
}

impl Column {
    /// A column that is no more than its Arrow field.
    pub fn new(field: Field) -> Self {
        Self {
            field,
            default: None,
            identity: None,
            generated: None,
            comment: None,
            attributes: None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.field.name()
    }
}

/// A column's default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultValue {
    /// A constant, as the text of the value (unquoted): `0`, `abc`, `2020-01-01`.
    Value(String),
    /// The time of the insert.
    CurrentTimestamp,
    /// Any other expression, in the dialect of the store named by the first part.
    Native {
        /// Connector id of the store that understands it: `mysql`, `postgres`, `sqlite`.
        store: String,
        /// The expression.
        sql: String,
    },
}

/// A column that the store counts up by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// GENERATED ALWAYS: a plain insert may not give a value.
    pub always: bool,
    /// The next value the store would give, where known.
    pub next: Option<i128>,
}

/// A secondary index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its name at the source.
    pub name: String,
    /// What it is over, in order.
    pub parts: Vec<IndexPart>,
    /// Whether it forbids duplicates.
    pub unique: bool,
    /// It is a UNIQUE constraint of the table, where the store tells that from an index.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub constraint: bool,
    /// What follows the table's name in the statement that makes it, where its parts do not say
    /// it all (expressions, conditions, included columns, methods). Only the same store can make
    /// such an index; the parts are then the plain columns among what it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<NativeSql>,
}

impl Index {
    /// An index over plain columns.
    pub fn new(name: impl Into<String>, parts: Vec<IndexPart>, unique: bool) -> Self {
        Self { name: name.into(), parts, unique, constraint: false, definition: None }
    }
}

/// One part of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexPart {
    /// The column.
    pub column: String,
    /// Only the first so many characters are indexed (MySQL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<u32>,
    /// Descending.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descending: bool,
}

/// A table: its columns in order, its keys, its indexes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// Its name in the store it was found in.
    pub name: TableName,
    /// Columns, in the store's order.
    pub columns: Vec<Column>,
    /// Column names of the primary key, in key order. Empty without one.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Secondary indexes, unique ones among them.
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// Conditions every row fulfils.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What its rows refer to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKey>,
    /// Its comment, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// How its store lays it out in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitioning: Option<Partitioning>,
    /// What else its store says of it after the columns: `ENGINE=InnoDB ROW_FORMAT=DYNAMIC`,
    /// `WITHOUT ROWID`, `WITH (fillfactor=70)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<NativeSql>,
    /// What has to be there before it can be made in the same store, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requirement>,
    /// The statements that made it and its indexes, word for word, where the store keeps them
    /// (SQLite). They say again what stands above, and count only as long as both agree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<NativeSql>,
}

impl TableSchema {
    /// A table of bare columns, without keys.
    pub fn new(name: TableName, fields: impl IntoIterator<Item = Field>) -> Self {
        Self {
            name,
            columns: fields.into_iter().map(Column::new).collect(),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            comment: None,
            partitioning: None,
            options: None,
            requires: Vec::new(),
            statements: Vec::new(),
        }
    }

    /// The Arrow schema of the rows, native types included.
    pub fn arrow(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(|c| c.field.clone()).collect::<Vec<_>>()))
    }

    /// The column of that exact name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name() == name)
    }

    /// Position of the column of that exact name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name() == name)
    }

    /// The columns that tell rows apart: the primary key, else the first unique index over
    /// whole, non-null columns. Empty when rows cannot be told apart.
    pub fn key(&self) -> Vec<&str> {
        if !self.primary_key.is_empty() {
            return self.primary_key.iter().map(String::as_str).collect();
        }
        let whole = |index: &&Index| {
            index.unique
                && index.definition.is_none()
                && index.parts.iter().all(|part| {
                    part.prefix.is_none()
                        && self.column(&part.column).is_some_and(|c| !c.field.is_nullable())
                })
        };
        self.indexes
            .iter()
            .find(whole)
            .map(|index| index.parts.iter().map(|p| p.column.as_str()).collect())
            .unwrap_or_default()
    }
}

/// A table that was found, with estimates of its size.
#[derive(Debug, Clone)]
pub struct TableInfo {
    /// The table.
    pub schema: TableSchema,
    /// Estimated rows, where the store can tell cheaply.
    pub rows: Option<u64>,
    /// Estimated bytes, where the store can tell cheaply.
    pub bytes: Option<u64>,
    /// What a person should know of it before it is copied (no stable order, types guessed, …).
    pub notes: Vec<String>,
}
