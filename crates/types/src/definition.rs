//! What a table is made of beside its columns and keys: conditions, foreign keys, computed
//! columns, partitions, and what only its own store understands.
//!
//! What has a meaning in every store stands here in parts; what has one only in the store it came
//! from is kept as [`NativeSql`], in that store's own words, so that the same store can make the
//! very same table, and another can say what it leaves out.

use serde::{Deserialize, Serialize};

use crate::{Index, TableName, TableSchema};

/// The table that a target would make for one of another store, and what of that one it has to do
/// without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapted {
    /// The table to be made.
    pub table: TableSchema,
    /// What is left out of it or made otherwise, and why: for people, one a line.
    pub notes: Vec<String>,
}

/// A table of which nothing is left out.
impl From<TableSchema> for Adapted {
    fn from(table: TableSchema) -> Self {
        Self { table, notes: Vec::new() }
    }
}

/// A piece of SQL in the words of one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeSql {
    /// Connector id of the store that understands it: `mysql`, `postgres`, `sqlite`.
    pub store: String,
    /// The text.
    pub sql: String,
}

impl NativeSql {
    /// A text of that store.
    pub fn new(store: impl Into<String>, sql: impl Into<String>) -> Self {
        Self { store: store.into(), sql: sql.into() }
    }

    /// The text, when `store` is the one that understands it.
    pub fn of(&self, store: &str) -> Option<&str> {
        (self.store == store).then_some(self.sql.as_str())
    }
}

/// How a column is computed from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// The expression, without the parentheses around it.
    pub expression: NativeSql,
    /// Its values are kept (STORED, PERSISTENT), instead of computed when read (VIRTUAL).
    pub stored: bool,
}

/// A condition that every row fulfils.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, where it was given one (or the store shows the one it made up).
    pub name: Option<String>,
    /// The condition, without the parentheses around it.
    pub condition: NativeSql,
    /// New rows are held to it. A NOT ENFORCED one is only kept.
    pub enforced: bool,
}

/// What happens to a row when the row it refers to is deleted, or its key changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferentialAction {
    /// Refused, at the latest at the end of the transaction.
    #[default]
    NoAction,
    /// Refused at once.
    Restrict,
    /// The row goes, or changes, too.
    Cascade,
    /// Its columns become NULL.
    SetNull,
    /// Its columns get their defaults.
    SetDefault,
}

impl ReferentialAction {
    /// As SQL writes it.
    pub fn sql(self) -> &'static str {
        match self {
            ReferentialAction::NoAction => "NO ACTION",
            ReferentialAction::Restrict => "RESTRICT",
            ReferentialAction::Cascade => "CASCADE",
            ReferentialAction::SetNull => "SET NULL",
            ReferentialAction::SetDefault => "SET DEFAULT",
        }
    }

    /// From how SQL writes it, in any case.
    pub fn parse(sql: &str) -> Option<Self> {
        let all = [
            ReferentialAction::NoAction,
            ReferentialAction::Restrict,
            ReferentialAction::Cascade,
            ReferentialAction::SetNull,
            ReferentialAction::SetDefault,
        ];
        all.into_iter().find(|action| action.sql().eq_ignore_ascii_case(sql))
    }
}

/// Columns whose values are those of a key of another table (or of the same).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Its name; empty where the store gives none.
    pub name: String,
    /// The columns, in order.
    pub columns: Vec<String>,
    /// The table they refer to, by its name in the same store.
    pub references: TableName,
    /// The columns they refer to, in the same order; empty: the primary key.
    pub referenced: Vec<String>,
    /// When the row referred to is deleted.
    pub on_delete: ReferentialAction,
    /// When the key referred to is changed.
    pub on_update: ReferentialAction,
    /// What else is said of it in its store's own words: `MATCH FULL DEFERRABLE INITIALLY DEFERRED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<NativeSql>,
}

/// How a store lays a table's rows out in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partitioning {
    /// What follows the table's definition: the whole `PARTITION BY …` clause in MySQL, the key in
    /// PostgreSQL.
    pub by: NativeSql,
    /// Statements that make the partitions where they are tables of their own (PostgreSQL), in
    /// order. Names in them are those of the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<Partition>,
}

/// A partition that is a table of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Its name.
    pub name: TableName,
    /// The table it is a part of: the whole, or another partition.
    pub parent: TableName,
    /// Which rows it takes, and how it is cut further: `FOR VALUES FROM (1) TO (9) PARTITION BY …`.
    pub bounds: NativeSql,
    /// Indexes that the table above has not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    /// What else it has that the table above has not: what follows `ALTER TABLE`, before rows come
    /// in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<NativeSql>,
    /// The same, for when the rows and indexes are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late_actions: Vec<NativeSql>,
}

impl Partition {
    /// One that has nothing of its own.
    pub fn new(name: TableName, parent: TableName, bounds: NativeSql) -> Self {
        let (indexes, actions, late_actions) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, parent, bounds, indexes, actions, late_actions }
    }

    /// What it has that the table above has not, for a person.
    pub fn own(&self) -> Vec<String> {
        let indexes = self.indexes.iter().map(|index| format!("index {}", index.name));
        let actions = self.actions.iter().chain(&self.late_actions);
        indexes.chain(actions.map(|action| action.sql.clone())).collect()
    }
}

/// Something else that a table of this definition needs in the same store: an enumeration, a
/// domain, a composite type, a sequence, an extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// What it is, for people: `type`, `domain`, `sequence`, `extension`.
    pub kind: String,
    /// Its name.
    pub name: TableName,
    /// The statement that makes it. Run only where there is none of that name.
    pub create: NativeSql,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_read_what_they_write() {
        for sql in ["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"] {
            assert_eq!(ReferentialAction::parse(&sql.to_lowercase()).unwrap().sql(), sql);
        }
        assert_eq!(ReferentialAction::parse("SET 1"), None);
    }
}
