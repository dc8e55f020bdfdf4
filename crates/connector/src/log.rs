//! Following a store: its log of changes, from a place on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use syncline_types::{LogElement, Position, Result, TableInfo, TableSchema, TableSelection};

use crate::{Consistency, Source};

/// What is to be followed.
#[derive(Debug, Clone)]
pub struct Follow {
    /// The run's unique key. What following needs at the source (a slot, a publication, a replica's
    /// number) is named after it.
    pub run: String,
    /// The tables with all their columns, as they are at the place from which the log is read: maybe
    /// other than they are now. Where the log does not tell generated columns
    /// ([`ChangeLog::tells_generated`]), those are left out which the target computes, too.
    pub tables: Vec<Arc<TableSchema>>,
    /// The selection they were found by: a table made later that fits is followed too.
    pub selection: TableSelection,
    /// Whole old rows are wanted of updates and deletes wherever the log has them; otherwise only
    /// as much as tells the rows apart.
    pub old_images: bool,
    /// The folder in which is kept what a log tells of a transaction before that has ended; the
    /// system's folder for such files without one.
    pub spill: Option<PathBuf>,
}

/// Where to begin in a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At its present end.
    #[default]
    Now,
    /// At the first change it still has.
    Earliest,
    /// Behind a place written as the store's own people write it: a GTID set, `file:offset`, an LSN.
    At(String),
}

/// Between which places of the log a snapshot stands: it has everything up to `low`, nothing
/// behind `high`, and of what lies between maybe one part and not another. Equal when exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Everything up to here is in the snapshot.
    pub low: Position,
    /// Nothing behind this is.
    pub high: Position,
}

/// How much log the source keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Bytes it has in all, or holds back for this run, where that can be told.
    pub kept: Option<u64>,
    /// Bytes from a position to the log's end.
    pub unread: Option<u64>,
}

/// How much to return from one call of [`LogReader::next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBudget {
    /// A set ends at the next commit when it has so many rows. It ends without one when a
    /// transaction makes it twice as large.
    pub rows: usize,
    /// Arrow bytes, roughly; as `rows`.
    pub bytes: usize,
    /// A set that has begun ends at the next commit after this time; where nothing comes for so
    /// long, the call returns a heartbeat.
    pub wait: Duration,
}

/// A source whose changes can be followed. A heartbeat, a commit or a schema change gives a
/// position; `Position::seq` counts the rows that were yielded, from the start of the run on.
#[async_trait]
pub trait ChangeLog: Source {
    /// Looks whether these tables can be followed exactly, and says what a person should know:
    /// how far back the log goes and how much is unread. Changes nothing.
    ///
    /// # Errors
    /// Of kind config, with the statement that mends it: [`syncline_types::Code::NoChangeLog`],
    /// [`syncline_types::Code::NoPrivilege`], [`syncline_types::Code::NoOldImage`].
    async fn check_log(&self, follow: &Follow) -> Result<Vec<String>>;

    /// Makes at the source what following needs, and says where it begins. Idempotent.
    async fn start(&self, follow: &Follow, from: &Start) -> Result<Position>;

    /// As [`ChangeLog::start`] at the present moment, together with [`Source::begin`] in that same
    /// moment: rows read until `end` show the store at the place of the log that is returned. Called
    /// again for a run whose snapshot was broken off, it opens a new, later snapshot and keeps what
    /// following needs from the first one on.
    async fn begin_at(&self, follow: &Follow, parallel: usize) -> Result<(Consistency, Moment)>;

    /// The present end of the log.
    async fn end_of_log(&self) -> Result<Position>;

    /// Whether `at` is `goal` or behind it.
    fn reached(&self, at: &Position, goal: &Position) -> Result<bool>;

    /// A position as the store's own people write it, which [`Start::At`] takes again.
    fn shown(&self, at: &Position) -> String {
        at.token.clone()
    }

    /// Reads on behind `at`.
    ///
    /// # Errors
    /// [`syncline_types::Code::PositionLost`] when the log does not reach back so far, or may have
    /// a gap there.
    async fn follow(&self, follow: &Follow, at: &Position) -> Result<Box<dyn LogReader>>;

    /// Tables that fit the selection and are none of those followed, where the log does not tell
    /// that a table was made ([`syncline_types::SchemaEffect::Created`]); none where it does.
    async fn newcomers(&self, _: &Follow) -> Result<Vec<TableInfo>> {
        Ok(Vec::new())
    }

    /// How much log is kept, and how much of it lies behind `at`.
    async fn retention(&self, follow: &Follow, at: &Position) -> Result<Retention>;

    /// Whether the log tells the values of generated columns.
    fn tells_generated(&self) -> bool {
        true
    }

    /// Removes from the source what following needed. Idempotent.
    async fn unfollow(&self, run: &str) -> Result<()>;
}

/// A log from a place on: whole transactions in the order of their commits.
#[async_trait]
pub trait LogReader: Send {
    /// The next stretch, change of a definition, or heartbeat. It is dropped after an error.
    async fn next(&mut self, budget: LogBudget) -> Result<LogElement>;

    /// Everything up to `position` is durable at the sink: the source need not keep it for us.
    async fn committed(&mut self, position: &Position) -> Result<()>;
}
