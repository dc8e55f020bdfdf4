//! Distributed (XA) transactions: their rows come with the first phase, and count when the second
//! says so.

use std::collections::BTreeMap;

use syncline_types::Result;

use super::place::Place;
use super::set::{Part, Set};

/// A transaction that is prepared and has rows of followed tables.
struct Held {
    /// The place before it.
    before: Place,
    parts: Vec<Part>,
    rows: u32,
}

/// Transactions that are prepared and have not ended.
#[derive(Default)]
pub(crate) struct Prepared {
    held: BTreeMap<String, Held>,
}

/// How a transaction ended.
pub(crate) enum Ended {
    /// It changed nothing of what is followed.
    Nothing,
    /// So many rows of it are in the set now.
    Rows(u32),
    /// It was prepared before the place from which the log is read.
    Unknown,
}

impl Prepared {
    /// The rows of the set from `from` on wait for the transaction's end.
    pub(crate) fn hold(
        &mut self,
        name: String,
        set: &mut Set,
        from: u32,
        here: &mut Place,
    ) -> Result<()> {
        let rows = set.places - from;
        if rows == 0 {
            here.prepared.push(name);
            return Ok(());
        }
        let before = Place { from: None, ..here.clone() };
        let held = Held { before, parts: set.split_off(from)?, rows };
        self.held.insert(name, held);
        self.mark(here);
        Ok(())
    }

    /// The transaction ends, by a commit or not.
    pub(crate) fn end(
        &mut self,
        name: &str,
        commits: bool,
        set: &mut Set,
        here: &mut Place,
    ) -> Result<Ended> {
        if let Some(held) = self.held.remove(name) {
            self.mark(here);
            if !commits {
                return Ok(Ended::Nothing);
            }
            set.append(held.parts, held.rows)?;
            return Ok(Ended::Rows(held.rows));
        }
        let known = here.prepared.len();
        here.prepared.retain(|n| n != name);
        match here.prepared.len() < known || !commits {
            true => Ok(Ended::Nothing),
            false => Ok(Ended::Unknown),
        }
    }

    /// Says in the place from where the log must be read again.
    fn mark(&self, here: &mut Place) {
        let first = self.held.values().map(|h| &h.before).reduce(|a, b| match b.reached(a) {
            Ok(true) => a,
            _ => b,
        });
        here.from = first.cloned().map(Box::new);
    }
}
