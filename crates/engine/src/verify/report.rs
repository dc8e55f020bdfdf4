//! What is asked of a comparison, what it tells while it goes on, and what it comes to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use syncline_store::Store;

use super::compare::Method;
use super::findings::{Counts, Difference};
use super::progress::VerifyProgress;
use super::repair::Repaired;

/// What to compare, and what to do about differences.
#[derive(Clone)]
pub struct VerifyOptions {
    /// Percent of the rows to compare; all when not given.
    pub sample: Option<f64>,
    /// Differences described, for each table.
    pub show: usize,
    /// Rows that only the target has are no difference, and stay.
    pub keep_extra: bool,
    /// Whether the target is mended.
    pub repair: bool,
    /// Whether mending deletes rows that only the target has also where the job copies only some
    /// rows of the source, and they may well be right.
    pub delete_extra: bool,
    /// Where rows are put aside for comparing.
    pub folder: PathBuf,
    /// Rows are on their way: what differs is looked at again after so long, and only what then
    /// still differs in the same way counts.
    pub settle: Option<Duration>,
    /// Where runs are recorded: one that brings rows of the source to the target is waited for
    /// before what differs is looked at again.
    pub store: Option<Arc<Store>>,
}

/// Something that happened while comparing. `--events json` prints one a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum VerifyEvent {
    /// It is known what will be compared.
    Comparing {
        /// Tables, as `source -> target`.
        tables: Vec<String>,
        /// Estimated rows in all, where every table could tell.
        rows_estimated: Option<u64>,
    },
    /// What a person should know, without being an error.
    Note {
        /// The words.
        message: String,
    },
    /// How far one table is.
    Progress {
        /// Target table.
        table: String,
        /// Rows read of the source, or known to be equal by a checksum.
        source_rows: u64,
        /// Rows read of the target, or known to be equal by a checksum.
        target_rows: u64,
        /// Rows estimated, where known.
        rows_estimated: Option<u64>,
        /// From 0 to 1, where the rows of a side are known.
        share: Option<f64>,
        /// All tables together.
        all: VerifyProgress,
    },
    /// Something outside is waited for.
    Waiting {
        /// What for.
        reason: String,
        /// Seconds until the next try.
        retry_in: f64,
    },
    /// A row is not the same on both sides.
    Difference(Difference),
    /// A table has been mended.
    Repaired(Repaired),
    /// Everything has been compared (and after a repair, compared again).
    Verified(Verified),
}

/// What a comparison came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Verified {
    /// Nothing differs.
    pub equal: bool,
    /// Percent of the rows that were compared, when not all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<f64>,
    /// One entry a table.
    pub tables: Vec<TableVerdict>,
    /// What was mended before, one entry a table.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repaired: Vec<Repaired>,
    /// Seconds it took.
    pub seconds: f64,
}

/// What the comparison of one table came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TableVerdict {
    /// Source table.
    pub source: String,
    /// Target table.
    pub target: String,
    /// The target table is not there; no rows have been compared.
    pub target_missing: bool,
    /// Columns that tell rows apart; empty when only whole rows do.
    pub key: Vec<String>,
    /// How it was compared.
    pub method: Method,
    /// The rows.
    #[serde(flatten)]
    pub counts: Counts,
}

impl TableVerdict {
    /// Whether nothing differs.
    pub fn is_equal(&self) -> bool {
        !self.target_missing && self.counts.wrong() == 0
    }
}
