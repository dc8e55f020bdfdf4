//! Changes of a store, as its log tells them.

use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::{NativeSql, Position, Reject, TableName, TableSchema};

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// It was added.
    Insert,
    /// It is as it was before the [`Op::Update`] that follows at the next place of the set. Given
    /// where the key changed, where rows have no key, and where old images are asked for.
    Before,
    /// It is as it was left by an update. Without an [`Op::Before`] its key is what it was.
    Update,
    /// It was taken away. Of a table with a key, the key alone tells which row it was.
    Delete,
}

impl Op {
    /// Its name in a change log: `insert`, `before`, `update`, `delete`.
    pub fn name(self) -> &'static str {
        match self {
            Op::Insert => "insert",
            Op::Before => "before",
            Op::Update => "update",
            Op::Delete => "delete",
        }
    }
}

/// Rows of one table to which the same happened, in the columns that the log tells of them.
#[derive(Debug, Clone)]
pub struct RowChanges {
    /// The table as it is at this place of the log. As long as it stays what it is, it is the very
    /// same `Arc`.
    pub table: Arc<TableSchema>,
    /// The columns that `rows` has, by their index in the table, rising; all of them when `None`.
    /// A column that is absent was not told by the log: it is not NULL, it is unchanged or unknown.
    pub columns: Option<Arc<[usize]>>,
    /// What happened.
    pub op: Op,
    /// The rows, with the columns named above.
    pub rows: RecordBatch,
    /// The place of each row in its set, rising. With those of other [`RowChanges`] they give the
    /// order in which all of the set happened.
    pub order: Vec<u32>,
}

/// The end of a transaction within a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Rows of the set at places below this belong to it, or to transactions before it.
    pub end: u32,
    /// When it was committed at the source, in microseconds since 1970 (UTC), as exact as the log
    /// tells.
    pub at: Option<i64>,
    /// The place in the log behind it.
    pub position: Position,
}

/// A stretch of a log: the rows of whole transactions, or a part of one that is large.
#[derive(Debug, Clone)]
pub struct ChangeSet {
    /// The rows, by table, operation and columns. No row is in two of them.
    pub changes: Vec<RowChanges>,
    /// Rows that could not be decoded, with their table; [`Reject::index`] is their place in the set.
    pub rejects: Vec<(Arc<TableSchema>, Reject)>,
    /// Places in the set: rows and rejects together.
    pub places: u32,
    /// Transactions that end in it, in their order.
    pub commits: Vec<Commit>,
    /// It ends with a commit. Otherwise a transaction goes on in the next element, and nothing
    /// after the last commit may become durable before its end has come.
    pub complete: bool,
    /// Where the transaction ends that goes on, or a place within it: whatever place between two
    /// transactions has reached this one has all of it. `None` where nothing goes on, or the log
    /// does not tell.
    pub within: Option<Position>,
}

impl ChangeSet {
    /// Bytes the rows take in memory, as counted against limits.
    pub fn bytes(&self) -> u64 {
        self.changes.iter().map(|c| c.rows.get_array_memory_size() as u64).sum()
    }
}

/// What became of a table's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaEffect {
    /// It was made; it is one of those that are followed from now on.
    Created(Arc<TableSchema>),
    /// Its columns or keys are others from now on.
    Altered {
        /// What it is from now on.
        after: Arc<TableSchema>,
        /// Columns that have another name, `(old, new)`; the others are matched by their names.
        renamed: Vec<(String, String)>,
    },
    /// It has another name from now on.
    Renamed(Arc<TableSchema>),
    /// All its rows are gone.
    Truncated,
    /// It is gone.
    Dropped,
}

/// A change of a table's definition, in its place among the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaChange {
    /// The table, by the name it had before.
    pub table: TableName,
    /// What became of it.
    pub effect: SchemaEffect,
    /// The statement, where the log tells it.
    pub statement: Option<NativeSql>,
    /// The place in the log behind it. The same as before, where it stands inside of a transaction.
    pub position: Position,
    /// No transaction is open behind it.
    pub complete: bool,
    /// As [`ChangeSet::within`], of the transaction that it stands in.
    pub within: Option<Position>,
}

/// What a log reader yields.
#[derive(Debug)]
pub enum LogElement {
    /// The next rows.
    Changes(ChangeSet),
    /// A table's definition changes here.
    Schema(SchemaChange),
    /// Nothing of what is followed happened up to this place, and no transaction is open.
    Heartbeat(Position),
}
