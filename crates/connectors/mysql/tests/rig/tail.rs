//! Reading a log in tests: from a place to its present end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use syncline_connector::{ChangeLog, Follow, LogBudget, LogReader, Source, Start};
use syncline_types::{
    ChangeSet, Error, LogElement, Op, Position, Reject, RowChanges, SchemaChange, TableSelection,
};

use super::source;

pub(crate) const BUDGET: LogBudget =
    LogBudget { rows: 10_000, bytes: 64 << 20, wait: Duration::from_millis(50) };

/// A store that is followed.
pub(crate) struct Tail {
    pub(crate) source: Box<dyn Source>,
    pub(crate) follow: Follow,
    /// Behind what has been read.
    pub(crate) at: Position,
}

/// What was read, and from where to where.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) sets: Vec<ChangeSet>,
    pub(crate) schemas: Vec<SchemaChange>,
}

/// One row's change, as text: operation, table, `column=value`.
pub(crate) type Line = String;

pub(crate) fn run(name: &str) -> String {
    format!("0199aaaa-0000-7000-8000-{name}")
}

impl Tail {
    /// Follows the tables of the URL's database that fit these patterns, from now on.
    pub(crate) async fn now(url: &str, patterns: &[&str]) -> Self {
        Self::from(url, patterns, &Start::Now).await.expect("a start")
    }

    /// As [`Tail::now`], from a place.
    pub(crate) async fn from(url: &str, patterns: &[&str], from: &Start) -> Result<Self, Error> {
        let source = source(url);
        let selection = TableSelection::parse(patterns, &[]).expect("patterns");
        let found = source.discover(&selection).await?;
        let tables: Vec<_> = found.into_iter().map(|t| Arc::new(t.schema)).collect();
        let run = run(&tables.first().map_or_else(String::new, |t| t.name.to_string()));
        let follow = Follow { run, tables, selection, old_images: false, spill: None };
        let at = source.change_log().expect("a log").start(&follow, from).await?;
        Ok(Self { source, follow, at })
    }

    pub(crate) async fn open(&self) -> Result<Box<dyn LogReader>, Error> {
        self.source.change_log().expect("a log").follow(&self.follow, &self.at).await
    }

    pub(crate) fn log(&self) -> &dyn ChangeLog {
        self.source.change_log().expect("a log")
    }

    pub(crate) async fn end(&self) -> Position {
        self.source.change_log().expect("a log").end_of_log().await.expect("an end")
    }

    /// Reads up to the log's present end.
    pub(crate) async fn read(&mut self) -> Result<Read, Error> {
        self.read_by(BUDGET).await
    }

    pub(crate) async fn read_by(&mut self, budget: LogBudget) -> Result<Read, Error> {
        let goal = self.end().await;
        let mut reader = self.open().await?;
        let log = self.source.change_log().expect("a log");
        let mut read = Read::default();
        while !log.reached(&self.at, &goal)? {
            match reader.next(budget).await? {
                LogElement::Changes(set) => {
                    check(&set);
                    if let Some(commit) = set.commits.last() {
                        self.at = commit.position.clone();
                    }
                    read.sets.push(set);
                }
                LogElement::Schema(change) => {
                    self.at = change.position.clone();
                    read.schemas.push(change);
                }
                LogElement::Heartbeat(at) => {
                    assert!(at.seq >= self.at.seq);
                    assert!(log.reached(&at, &self.at)?, "{at:?} is before {:?}", self.at);
                    self.at = at;
                }
            }
        }
        Ok(read)
    }
}

/// Every place is there once, commits rise, and columns are those said.
fn check(set: &ChangeSet) {
    let mut places: Vec<u32> = set.changes.iter().flat_map(|c| c.order.iter().copied()).collect();
    places.extend(set.rejects.iter().map(|(_, r)| r.index));
    places.sort_unstable();
    assert!(places.iter().copied().eq(0..set.places), "{places:?} of {}", set.places);
    for changes in &set.changes {
        assert!(changes.order.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(changes.order.len(), changes.rows.num_rows());
        let fields: Vec<_> = match &changes.columns {
            Some(columns) => {
                columns.iter().map(|c| changes.table.columns[*c].field.clone()).collect()
            }
            None => changes.table.columns.iter().map(|c| c.field.clone()).collect(),
        };
        let got: Vec<_> =
            changes.rows.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
        assert_eq!(got, fields);
    }
    let mut last = 0;
    for commit in &set.commits {
        assert!(commit.end >= last && commit.end <= set.places);
        last = commit.end;
        assert!(commit.at.is_some_and(|at| at > 1_600_000_000_000_000), "{:?}", commit.at);
    }
    assert!(!set.complete || last == set.places);
}

impl Read {
    pub(crate) fn rejects(&self) -> Vec<&Reject> {
        self.sets.iter().flat_map(|s| &s.rejects).map(|(_, r)| r).collect()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.sets.iter().map(|s| u64::from(s.places)).sum()
    }

    /// All changes in their order, as text.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for set in &self.sets {
            let mut places = BTreeMap::new();
            for changes in &set.changes {
                for (row, place) in changes.order.iter().enumerate() {
                    places.insert(*place, line(changes, row));
                }
            }
            lines.extend(places.into_values());
        }
        lines
    }

    /// The rows of a table that were inserted, all together, in their order.
    pub(crate) fn inserted(&self, table: &str) -> RecordBatch {
        let batches: Vec<&RowChanges> = self.sets.iter().flat_map(|s| &s.changes).collect();
        let of = |c: &&&RowChanges| c.op == Op::Insert && c.table.name.name == table;
        let rows: Vec<&RecordBatch> = batches.iter().filter(of).map(|c| &c.rows).collect();
        let schema = rows.first().expect("some rows").schema();
        arrow::compute::concat_batches(&schema, rows).expect("the same columns")
    }
}

fn line(changes: &RowChanges, row: usize) -> Line {
    let options = FormatOptions::default().with_null("NULL");
    let mut text = format!("{} {}", changes.op.name(), changes.table.name.name);
    for (field, array) in changes.rows.schema().fields().iter().zip(changes.rows.columns()) {
        let shown = ArrayFormatter::try_new(array, &options).expect("a value that can be shown");
        text.push_str(&format!(" {}={}", field.name(), shown.value(row)));
    }
    text
}
