//! How far a comparison is: rows of both sides that have been read, against those there should be.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;
use syncline_types::Result;

use super::pair::Pair;
use super::report::VerifyEvent;
use crate::plan::BoundTable;

/// The most that is said of what is not done: estimates may be too low, and rows that differ are
/// looked for in a pass of their own.
const MOST: f64 = 0.99;

/// How far a comparison is, all its tables together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct VerifyProgress {
    /// Which look at the tables it is, from 1. After a repair, and where rows are on their way,
    /// everything is looked at once more.
    pub pass: u32,
    /// Tables to compare.
    pub tables: u64,
    /// Tables compared.
    pub tables_done: u64,
    /// Rows read of the source, or known to be equal by a checksum.
    pub rows: u64,
    /// Rows estimated of the source, where every table could tell.
    pub rows_estimated: Option<u64>,
    /// From 0 to 1, where anything is known to tell it by.
    pub share: Option<f64>,
}

/// The tables of one pass.
pub(crate) struct Meter {
    pass: u32,
    tables: Vec<Metered>,
}

struct Metered {
    /// `None` for a table that is not at the target: there is nothing to read.
    pair: Option<Arc<Pair>>,
    estimated: Option<u64>,
    done: bool,
}

impl Meter {
    pub(crate) fn new(pass: u32, tables: &[Result<Arc<Pair>, BoundTable>]) -> Self {
        let metered = |table: &Result<Arc<Pair>, BoundTable>| match table {
            Ok(pair) => {
                let estimated = pair.bound.plan.rows;
                Metered { pair: Some(Arc::clone(pair)), estimated, done: false }
            }
            Err(table) => Metered { pair: None, estimated: table.plan.rows, done: true },
        };
        Self { pass, tables: tables.iter().map(metered).collect() }
    }

    /// A table has been compared.
    pub(crate) fn done(&mut self, index: usize) {
        if let Some(table) = self.tables.get_mut(index) {
            table.done = true;
        }
    }

    /// The events of tables that are being compared.
    pub(crate) fn under_way(&self) -> Vec<VerifyEvent> {
        let begun = |table: &&Metered| !table.done && table.part().read > 0;
        self.tables.iter().filter(begun).filter_map(|table| self.event_of(table)).collect()
    }

    /// The event of one table.
    pub(crate) fn event(&self, index: usize) -> Option<VerifyEvent> {
        self.tables.get(index).and_then(|table| self.event_of(table))
    }

    fn event_of(&self, table: &Metered) -> Option<VerifyEvent> {
        let pair = table.pair.as_ref()?;
        Some(VerifyEvent::Progress {
            table: pair.bound.plan.target.name.to_string(),
            source_rows: pair.source_rows.load(Relaxed),
            target_rows: pair.target_rows.load(Relaxed),
            rows_estimated: table.estimated,
            share: table.part().share(),
            all: self.all(),
        })
    }

    fn all(&self) -> VerifyProgress {
        let parts: Vec<Part> = self.tables.iter().map(Metered::part).collect();
        let rows = |table: &Metered| table.pair.as_ref().map_or(0, |p| p.source_rows.load(Relaxed));
        VerifyProgress {
            pass: self.pass,
            tables: self.tables.len() as u64,
            tables_done: self.tables.iter().filter(|t| t.done).count() as u64,
            rows: self.tables.iter().map(rows).sum(),
            rows_estimated: self.tables.iter().map(|t| t.estimated).sum(),
            share: together(&parts),
        }
    }
}

impl Metered {
    fn part(&self) -> Part {
        let read = self.pair.as_ref().map_or(0, |pair| {
            pair.source_rows.load(Relaxed).saturating_add(pair.target_rows.load(Relaxed))
        });
        let expected = self.pair.as_ref().and_then(|pair| pair.expected);
        Part { read, expected, done: self.done }
    }
}

/// One table: rows read of both sides, rows that are expected there, and whether it is done.
#[derive(Debug, Clone, Copy)]
struct Part {
    read: u64,
    expected: Option<u64>,
    done: bool,
}

impl Part {
    #[allow(clippy::cast_precision_loss)] // a share for people
    fn share(self) -> Option<f64> {
        if self.done {
            return Some(1.0);
        }
        let expected = self.expected.filter(|rows| *rows > 0)?;
        Some((self.read as f64 / expected as f64).min(MOST))
    }
}

/// The share of all: each table counts by its rows, and one of which nothing is known as much as
/// the others do on average.
#[allow(clippy::cast_precision_loss)] // a share for people
fn together(parts: &[Part]) -> Option<f64> {
    if parts.iter().all(|part| part.done) {
        return Some(1.0);
    }
    let known: Vec<u64> = parts.iter().filter_map(|part| part.expected).collect();
    if known.is_empty() && parts.len() == 1 {
        return None;
    }
    let sum: f64 = known.iter().map(|rows| *rows as f64).sum();
    let usual = (sum / known.len().max(1) as f64).max(1.0);
    let (mut done, mut all) = (0.0, 0.0);
    for part in parts {
        let weight = part.expected.map_or(usual, |rows| rows.max(1) as f64);
        all += weight;
        done += weight * part.share().unwrap_or(0.0);
    }
    Some((done / all).min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(read: u64, expected: impl Into<Option<u64>>, done: bool) -> Part {
        Part { read, expected: expected.into(), done }
    }

    #[test]
    fn tables_count_by_their_rows() {
        let share = |parts: &[Part]| together(parts).map(|s| (s * 1_000.0).round() / 1_000.0);
        assert_eq!(share(&[part(50, 200, false)]), Some(0.25));
        assert_eq!(share(&[part(900, 900, true), part(0, 100, false)]), Some(0.9));
        // Nothing is known of the second: it counts as the first.
        assert_eq!(share(&[part(100, 100, true), part(7, None, false)]), Some(0.5));
        assert_eq!(share(&[part(7, None, true), part(7, None, false)]), Some(0.5));
        assert_eq!(share(&[part(7, None, false)]), None);
        assert_eq!(share(&[part(7, None, true)]), Some(1.0));
        assert_eq!(share(&[]), Some(1.0));
    }

    #[test]
    fn nothing_is_done_before_it_is() {
        assert_eq!(part(1_000, 10, false).share(), Some(MOST));
        assert_eq!(together(&[part(1_000, 10, false)]), Some(MOST));
        assert_eq!(part(0, 0, false).share(), None);
    }
}
