//! Where a reader stands inside its split.

use serde::{Deserialize, Serialize};

/// A place in a split, exact enough to go on from: everything up to and including it has been read.
///
/// `seq` gives the engine an order and a count; `token` belongs to the connector alone, which puts
/// a version into it and must be able to read every older one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Rows of the split read up to here. Never falls within one split.
    pub seq: u64,
    /// The connector's own description of the place, as text (JSON by convention, with a `v` key).
    pub token: String,
}

impl Position {
    /// A position after `seq` rows, at the connector's `token`.
    pub fn new(seq: u64, token: impl Into<String>) -> Self {
        Self { seq, token: token.into() }
    }
}
