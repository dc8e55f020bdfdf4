//! Pieces of files as splits and positions name them, and what a reader of one gives.

use std::path::PathBuf;

use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};
use syncline_connector::Budget;
use syncline_sql::script;
use syncline_types::{Code, Error, Position, Reject, Result, TableName};

use crate::location::Stamp;
use crate::options::{Compression, Format};

/// Version of the tokens.
const VERSION: u32 = 1;

/// A piece of a file: a byte range of a text, or some row groups (batches) of a block file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// The file; `-` for standard input.
    pub(crate) path: PathBuf,
    /// How it is laid out.
    pub(crate) format: Format,
    /// How it is packed.
    pub(crate) compression: Compression,
    /// The file as it was planned.
    pub(crate) stamp: Stamp,
    /// All columns of the file, in its order.
    pub(crate) columns: Vec<String>,
    /// First byte of the text: the beginning of a record.
    #[serde(default)]
    pub(crate) from: u64,
    /// End of the text; to the end of the file when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
    /// Line of the first byte.
    #[serde(default)]
    pub(crate) line: u64,
    /// Row groups or batches: the first, and after the last.
    #[serde(default)]
    pub(crate) groups: (usize, usize),
    /// SQL: what is read of the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) script: Option<ScriptPiece>,
}

/// The rows of a table in a script, or some of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScriptPiece {
    /// The table's name in the script.
    pub(crate) table: TableName,
    /// Reading begins there; at the beginning when there is no place.
    pub(crate) start: Option<script::Place>,
    /// Its partitions, whose rows are its rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<script::Part>,
}

/// A split's token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SplitToken {
    v: u32,
    /// Read one after the other.
    pub(crate) pieces: Vec<Piece>,
}

impl SplitToken {
    /// A token of these pieces.
    pub(crate) fn new(pieces: Vec<Piece>) -> Self {
        Self { v: VERSION, pieces }
    }

    /// As text.
    ///
    /// # Errors
    /// [`Code::BadUrl`] for a path that is not UTF-8.
    pub(crate) fn text(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|e| Error::new(Code::BadUrl, "a file's name is not UTF-8").because(e))
    }

    /// From its text.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        versioned(text)
    }
}

/// Where a reader stands within a piece.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Offset in the text.
    #[serde(default)]
    pub(crate) offset: u64,
    /// Line at that offset.
    #[serde(default)]
    pub(crate) line: u64,
    /// Rows of the piece read (block formats).
    #[serde(default)]
    pub(crate) row: u64,
    /// Where in the script (SQL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) script: Option<script::Place>,
}

/// A position's token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PositionToken {
    v: u32,
    /// Ordinal of the piece in the split.
    pub(crate) piece: usize,
    /// Where in it.
    #[serde(flatten)]
    pub(crate) place: Place,
}

impl PositionToken {
    /// The position after `seq` rows of the split.
    pub(crate) fn position(seq: u64, piece: usize, place: Place) -> Result<Position> {
        let token = serde_json::to_string(&Self { v: VERSION, piece, place })
            .map_err(|e| Error::bug("a position has no text").because(e))?;
        Ok(Position::new(seq, token))
    }

    /// From its text.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        versioned(text)
    }
}

fn versioned<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u32,
    }
    let damaged = |e| {
        Error::new(Code::CannotResume, "a position in a file cannot be read")
            .hint("start over with --fresh")
            .because(e)
    };
    let found: Versioned = serde_json::from_str(text).map_err(damaged)?;
    if found.v > VERSION {
        let message = "a position in a file was written by a newer version";
        return Err(Error::new(Code::CannotResume, message).hint("update Syncline"));
    }
    serde_json::from_str(text).map_err(damaged)
}

/// Rows read at once.
pub(crate) struct Rows {
    /// Those that could be converted.
    pub(crate) rows: RecordBatch,
    /// Those that could not.
    pub(crate) rejects: Vec<Reject>,
    /// How many both are together.
    pub(crate) count: u64,
}

/// Reads one piece.
pub(crate) trait PieceReader: Send {
    /// The next rows; `None` at the end.
    fn next(&mut self, budget: Budget) -> Result<Option<Rows>>;

    /// Where it stands.
    fn place(&self) -> Place;
}
