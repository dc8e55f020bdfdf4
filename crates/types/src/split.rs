//! Independent pieces of a source.

use serde::{Deserialize, Serialize};

use crate::TableName;

/// An independent piece of one table: a key range, a byte range, a row group.
///
/// Splits of a table do not overlap and together cover it. They are made once, by
/// `Source::plan`, and kept with the run, so that a resumed run works on the same pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The table it is a piece of.
    pub table: TableName,
    /// Its ordinal within the table, from 0, in the order of the table's key (or of the file).
    pub id: u32,
    /// Estimated rows, where the source can tell.
    pub rows: Option<u64>,
    /// Estimated bytes, where the source can tell.
    pub bytes: Option<u64>,
    /// Whether a reader can start at a position inside it. Where it cannot (no stable order), the
    /// split is written as one piece: all of it durable, or none.
    pub resumable: bool,
    /// The connector's own description of the piece (JSON, versioned like a position's token).
    pub token: String,
}
