//! Writing the changes of a log: into tables, so that they are as the source's, or as a log.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use syncline_types::{ChangeSet, Position, Result, SchemaChange, TableName, TableSchema};

use crate::WriteTask;

/// The changes of one run, as the sink has to write them.
#[derive(Debug, Clone)]
pub struct ApplyTask {
    /// The run's unique key; of those of its tables that join it while it follows others, that of
    /// [`ApplyTask::joining`]. The place in the log is kept apart for each.
    pub run: String,
    /// The number that fences off earlier owners of the run, as in [`WriteTask::epoch`].
    pub epoch: u64,
    /// The target tables, each with all columns that may be written.
    pub tables: Vec<WriteTask>,
}

impl ApplyTask {
    /// The key of those tables of a run that join it, until they are where the others are. The two
    /// parts of a run are never followed at the same time.
    pub fn joining(run: &str) -> String {
        format!("{run}+")
    }

    /// The key of the run as a whole, and whether the task is about those of its tables that join.
    pub fn part(&self) -> (&str, bool) {
        match self.run.strip_suffix('+') {
            Some(run) => (run, true),
            None => (self.run.as_str(), false),
        }
    }
}

/// Rows to be applied to one table in one go. Columns are named by the batch's schema; they are
/// columns of the task's table, with its types, those of the key always among them (unless the
/// table has none). No two rows of one `Upsert`, `Update` or `Delete` have the same key.
#[derive(Debug, Clone)]
pub enum Apply {
    /// Whole rows are added.
    Insert(RecordBatch),
    /// Whole rows take the place of those with their key, or are added.
    Upsert(RecordBatch),
    /// Those columns of rows that are there take these values. A row that is not there is left
    /// out: it has been taken away by something later in the log.
    Update {
        /// The key and the columns to be set.
        rows: RecordBatch,
        /// The rows' keys before, one for each of `rows` in their order, where keys change.
        old_keys: Option<RecordBatch>,
    },
    /// Rows are taken away: those with these keys; of a table without a key, for each row one that
    /// has exactly these values. One that is not there is left out.
    Delete(RecordBatch),
}

impl Apply {
    /// How many rows it is about.
    pub fn rows(&self) -> usize {
        match self {
            Apply::Insert(rows) | Apply::Upsert(rows) | Apply::Delete(rows) => rows.num_rows(),
            Apply::Update { rows, .. } => rows.num_rows(),
        }
    }
}

/// A change of a target table's definition. Applying one again changes nothing: what is there
/// already is left as it is, what the target has beside is kept.
#[derive(Debug, Clone)]
pub enum DefinitionChange {
    /// It is to be made, unless it is there.
    Create(WriteTask),
    /// Its columns or indexes change.
    Alter {
        /// As it was, in the target's own types.
        before: Arc<TableSchema>,
        /// As it is from now on.
        after: WriteTask,
        /// Columns that get another name, `(old, new)`.
        renamed: Vec<(String, String)>,
    },
    /// It gets another name.
    Rename {
        /// The name it had.
        from: TableName,
        /// As it is from now on.
        to: WriteTask,
    },
    /// All its rows go.
    Truncate,
    /// It goes.
    Drop,
}

/// How a sink takes the changes of a log.
pub enum Follower {
    /// Its tables are kept as the source's are: see [`StateWriter`].
    State(Box<dyn StateWriter>),
    /// Each change becomes a record: see [`LogWriter`].
    Log(Box<dyn LogWriter>),
}

/// A follower that is ready, with what the target already holds.
pub struct FollowOpened {
    /// Takes what comes behind `held`.
    pub follower: Follower,
    /// Everything up to here is durable in the target; `None` when this run wrote nothing yet.
    pub held: Option<Position>,
}

/// Keeps tables as the source's are. What it is given since the last flush is one transaction with
/// the position of the next: all of it becomes durable then, or nothing. Dropped without a flush,
/// it leaves nothing behind.
///
/// Tables are named by their place in [`ApplyTask::tables`].
#[async_trait]
pub trait StateWriter: Send {
    /// Applies rows.
    ///
    /// On an error of kind data nothing of the call has been applied and the writer can be used
    /// further. After any other error it is dropped.
    async fn apply(&mut self, table: usize, apply: &Apply) -> Result<()>;

    /// Sets the place to which [`StateWriter::roll_back`] returns.
    async fn savepoint(&mut self) -> Result<()>;

    /// Undoes what was applied since the last savepoint, which stays.
    async fn roll_back(&mut self) -> Result<()>;

    /// Changes a table's definition; a table that is made takes the place behind the last. Where
    /// the store cannot do that inside of a transaction, the engine has flushed before, and flushes
    /// after it.
    async fn define(&mut self, table: usize, change: &DefinitionChange) -> Result<()>;

    /// Makes everything durable together with `position`.
    ///
    /// # Errors
    /// [`syncline_types::Code::StaleEpoch`] when another owner has taken the run over.
    async fn flush(&mut self, position: &Position) -> Result<()>;
}

/// Writes each change as a record. Tables are known by their `Arc`: the sets carry target tables.
#[async_trait]
pub trait LogWriter: Send {
    /// Accepts the changes of a set, in the order of their places.
    async fn append(&mut self, set: &ChangeSet) -> Result<()>;

    /// Notes that a table's definition changes here: records from now on are of the new one.
    async fn define(&mut self, change: &SchemaChange) -> Result<()>;

    /// Makes everything up to `position`, which is the end of a transaction, durable and visible,
    /// and the position with it.
    async fn flush(&mut self, position: &Position) -> Result<()>;
}
