//! How the checks read: a table found and begun, a split read to its end with what holds for every
//! batch checked on the way.

use std::sync::Arc;

use arrow::array::RecordBatch;
use syncline_connector::{Budget, Cut, ReadTask, Source};
use syncline_types::{
    ChangeBatch, Element, Position, Split, TableInfo, TableSchema, TableSelection,
};

use super::SourceFixture;
use crate::conformance::place::{Rows, rows_of};

/// Budgets as the engine gives them.
pub(super) const USUAL: Budget = Budget { rows: 16_384, bytes: 4 << 20 };

/// Cuts as finely as asked, however small the pieces.
pub(super) fn fine(splits: usize) -> Cut {
    Cut { splits, min_rows: 1, min_bytes: 1 }
}

/// The rows of a split, with the position after each batch.
pub(super) struct Read {
    pub(super) batches: Vec<ChangeBatch>,
}

impl Read {
    pub(super) fn rows(&self, table: &TableSchema) -> Rows {
        rows_of(table, self.batches.iter().map(|b| &b.rows))
    }

    pub(super) fn last(&self) -> Option<&Position> {
        self.batches.last().map(|b| &b.position)
    }
}

pub(super) async fn find(
    fixture: &dyn SourceFixture,
    source: &dyn Source,
    name: &str,
) -> TableInfo {
    let selection = TableSelection::parse(&[fixture.pattern(name)], &[]).expect("a pattern");
    let mut found = source.discover(&selection).await.expect("discover");
    assert_eq!(found.len(), 1, "tables that fit {:?}", fixture.pattern(name));
    found.remove(0)
}

pub(super) fn whole(info: &TableInfo) -> ReadTask {
    ReadTask { table: Arc::new(info.schema.clone()), filter: None, query: None }
}

pub(super) async fn begin(fixture: &dyn SourceFixture, name: &str) -> (Box<dyn Source>, ReadTask) {
    let source = fixture.source();
    let info = find(fixture, &*source, name).await;
    source.begin(4).await.expect("begin");
    (source, whole(&info))
}

pub(super) async fn plan(source: &dyn Source, read: &ReadTask, cut: &Cut) -> Vec<Split> {
    let splits = source.plan(read, cut).await.expect("plan");
    assert!(!splits.is_empty(), "a plan without splits");
    assert!(splits.len() <= cut.splits, "{} splits, asked for {}", splits.len(), cut.splits);
    for (n, split) in splits.iter().enumerate() {
        assert_eq!(split.id as usize, n, "splits are numbered in order from 0");
        assert_eq!(split.table, read.table.name, "a split names its table");
    }
    splits
}

/// Reads a split to its end, and checks on the way what holds for every batch.
pub(super) async fn drain(
    source: &dyn Source,
    read: &ReadTask,
    split: &Split,
    at: Option<&Position>,
    budget: Budget,
) -> Read {
    let mut reader = source.open(read, split, at).await.expect("open");
    let mut batches: Vec<ChangeBatch> = Vec::new();
    let mut seq = at.map_or(0, |p| p.seq);
    loop {
        match reader.next(budget).await.expect("next") {
            Element::EndOfSplit => break,
            Element::Batch(batch) => {
                let rows = batch.rows.num_rows();
                assert!(rows <= budget.rows, "{rows} rows in a batch, {} allowed", budget.rows);
                assert!(rows + batch.rejects.len() > 0, "a batch of nothing");
                assert!(batch.rejects.is_empty(), "refused: {}", batch.rejects[0].error);
                seq += (rows + batch.rejects.len()) as u64;
                assert_eq!(batch.position.seq, seq, "seq counts the rows of the split");
                check_shape(read, &batch);
                batches.push(batch);
            }
        }
    }
    Read { batches }
}

fn check_shape(read: &ReadTask, batch: &ChangeBatch) {
    let wanted = read.table.columns.iter().map(|c| (c.name(), c.field.data_type()));
    let schema = batch.rows.schema();
    let got = schema.fields().iter().map(|f| (f.name().as_str(), f.data_type()));
    assert!(
        got.clone().eq(wanted.clone()),
        "columns {:?} instead of {:?}",
        got.collect::<Vec<_>>(),
        wanted.collect::<Vec<_>>()
    );
}

/// Cuts and reads everything, all splits at the same time.
pub(super) async fn read_all(
    source: &dyn Source,
    read: &ReadTask,
    cut: &Cut,
) -> (Vec<Split>, Vec<Read>) {
    let splits = plan(source, read, cut).await;
    let reads = splits.iter().map(|split| drain(source, read, split, None, USUAL));
    let reads = futures::future::join_all(reads).await;
    (splits, reads)
}

pub(super) fn all_rows(table: &TableSchema, reads: &[Read]) -> Rows {
    reads.iter().flat_map(|read| read.rows(table)).collect()
}

pub(super) fn make(fixture: &dyn SourceFixture, table: &TableSchema, rows: &RecordBatch) {
    fixture.place().make(table, rows);
}
