//! What a run tells the outside while it moves.

use serde::Serialize;
use syncline_store::ChangedValues;
use syncline_types::{Error, RunState};

/// Something that happened to a run. `--events json` prints one a line; the server pushes them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The plan stands.
    Planned {
        /// The run's key.
        run: String,
        /// Tables, as `source -> target`.
        tables: Vec<String>,
        /// Pieces in all.
        splits: usize,
        /// Estimated rows in all, where every table could tell.
        rows_estimated: Option<u64>,
        /// The run goes on from an earlier process.
        resumed: bool,
    },
    /// What a person should know, without being an error.
    Note {
        /// The words.
        message: String,
    },
    /// How far one table is.
    Progress {
        /// The run's key.
        run: String,
        /// Target table.
        table: String,
        /// Rows read, earlier processes of the run included.
        rows_read: u64,
        /// Rows durable or accepted at the target, earlier processes included.
        rows_written: u64,
        /// Arrow bytes read by this process.
        bytes_read: u64,
        /// Pieces complete.
        splits_done: usize,
        /// Pieces in all.
        splits: usize,
        /// Rows estimated, where known.
        rows_estimated: Option<u64>,
        /// Rows written in the last second.
        rows_per_second: u64,
        /// Arrow bytes between readers and writers of the whole run right now.
        queue_depth: u64,
    },
    /// The run waits for something outside and will try again by itself.
    Waiting {
        /// What for.
        reason: String,
        /// Seconds until the next try.
        retry_in: f64,
    },
    /// The run has entered a state; it is in the database already.
    State {
        /// The run's key.
        run: String,
        /// The state.
        state: RunState,
    },
    /// Everything of a split, or of the log, up to here is durable.
    Checkpoint {
        /// Target table; `None` for the log, which is one for all tables.
        #[serde(skip_serializing_if = "Option::is_none")]
        table: Option<String>,
        /// The split's id.
        #[serde(skip_serializing_if = "Option::is_none")]
        split: Option<u32>,
        /// Rows of it that are durable.
        rows: u64,
        /// The connector's own description of the place.
        position: String,
    },
    /// The log has been caught up with for the first time: from here on changes are followed as
    /// they happen.
    Streaming {
        /// The run's key.
        run: String,
        /// The place in the log.
        position: String,
        /// Milliseconds from the last commit at the source until it was durable at the target.
        lag_ms: Option<u64>,
    },
    /// How far a run is that follows changes, once a second while there are any, and once more when
    /// nothing is left to come.
    Following {
        /// The run's key.
        run: String,
        /// Rows inserted, by this process.
        inserts: u64,
        /// Rows updated, by this process.
        updates: u64,
        /// Rows deleted, by this process.
        deletes: u64,
        /// Changes in the last second.
        changes_per_second: u64,
        /// Milliseconds from the last commit at the source until it was durable at the target; 0
        /// once all of the log is at the target and nothing has come for a few seconds.
        lag_ms: Option<u64>,
        /// Bytes of the source's log that are still to be read, where it can tell.
        #[serde(skip_serializing_if = "Option::is_none")]
        unread_bytes: Option<u64>,
        /// The place in the log up to which everything is durable.
        position: String,
    },
    /// The run has ended well.
    Finished(Summary),
    /// The run has ended with an error.
    Failed {
        /// The error's code, as `E0207`.
        code: String,
        /// What happened and where.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The run's key.
    pub run: String,
    /// One line a table.
    pub tables: Vec<TableSummary>,
    /// Rows read by this process and earlier ones.
    pub rows_read: u64,
    /// Rows written by this process and earlier ones.
    pub rows_written: u64,
    /// Rows that were durable before this process began.
    pub rows_resumed: u64,
    /// Rows kept as dead letters.
    pub dead_letters: u64,
    /// Arrow bytes read by this process.
    pub bytes_read: u64,
    /// Seconds this process took.
    pub seconds: f64,
    /// Seconds of the processor that the run took of it, as far as they can be told apart.
    pub cpu_seconds: f64,
    /// Seconds that writers waited for rows, over all workers.
    pub source_wait_seconds: f64,
    /// Seconds that readers waited for room, over all workers.
    pub sink_wait_seconds: f64,
    /// Times something was tried again.
    pub retries: u64,
}

/// What a run did to one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TableSummary {
    /// Source table.
    pub source: String,
    /// Target table.
    pub target: String,
    /// Rows read.
    pub rows_read: u64,
    /// Rows written.
    pub rows_written: u64,
    /// Rows kept as dead letters.
    pub dead_letters: u64,
    /// Changes of the log that were applied, by this process.
    #[serde(skip_serializing_if = "Changes::is_empty")]
    pub changes: Changes,
    /// Bad values that another took the place of, as the job's policies said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<ChangedValues>,
}

/// Changes by what happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Rows inserted.
    pub inserts: u64,
    /// Rows updated.
    pub updates: u64,
    /// Rows deleted.
    pub deletes: u64,
}

impl Changes {
    /// There were none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds others.
    pub(crate) fn add(&mut self, other: Changes) {
        self.inserts += other.inserts;
        self.updates += other.updates;
        self.deletes += other.deletes;
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.inserts + self.updates + self.deletes
    }
}

/// How a run ended, for the one who started it.
#[derive(Debug)]
pub enum Outcome {
    /// Everything is at the target.
    Finished(Summary),
    /// It follows changes and came to rest by itself, as the job says; it keeps its place, and goes
    /// on when started again.
    Rested(Summary),
    /// It was interrupted, keeps its place, and goes on when started again.
    Interrupted(Summary),
    /// It was stopped for good.
    Stopped(Summary),
    /// It failed, and keeps its place.
    Failed(Error, Summary),
}
