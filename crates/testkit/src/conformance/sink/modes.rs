//! What the ways of writing do to the rows that are there.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use syncline_connector::WriteMode;
use syncline_types::TableSchema;

use super::{SinkFixture, has};
use crate::conformance::tables::{keyed, numbered};
use crate::conformance::work::{Work, at};

/// An upsert takes the place of rows with the same key, within the run too, and adds the others.
pub async fn upsert_overwrites(fixture: &dyn SinkFixture) {
    if !has(fixture, WriteMode::Upsert) || !fixture.enforces() {
        return;
    }
    let table = keyed(fixture.place(), "upserted");
    fixture.place().make(&table, &numbered(&table, 0..20));
    let work = Work::begin(fixture, &table, WriteMode::Upsert, 1).await;
    let fresh = with_names(&numbered(&table, 10..30), "fresh");
    let newest = with_names(&numbered(&table, 25..35), "newest");
    let mut writer = work.open(0).await.writer;
    writer.write(&work.batch(&fresh, 20)).await.expect("write");
    writer.write(&work.batch(&newest, 30)).await.expect("write");
    writer.flush(&at(30), true).await.expect("flush");
    drop(writer);
    work.finish().await;
    let wanted = [numbered(&table, 0..10), fresh.slice(0, 15), newest];
    work.assert_holds("upsert", &wanted);
}

/// Of two rows with one key in the same batch of an upsert, the later one stays.
pub async fn upsert_keeps_the_last_of_a_batch(fixture: &dyn SinkFixture) {
    if !has(fixture, WriteMode::Upsert) || !fixture.enforces() {
        return;
    }
    let table = keyed(fixture.place(), "upserted_twice");
    fixture.place().make(&table, &numbered(&table, 0..2));
    let work = Work::begin(fixture, &table, WriteMode::Upsert, 1).await;
    let parts = ["first", "second", "third"].map(|name| with_names(&numbered(&table, 1..4), name));
    let batch = arrow::compute::concat_batches(&parts[0].schema(), &parts).expect("one shape");
    let mut writer = work.open(0).await.writer;
    writer.write(&work.batch(&batch, 9)).await.expect("write");
    writer.flush(&at(9), true).await.expect("flush");
    drop(writer);
    work.finish().await;
    work.assert_holds("upsert in a batch", [&numbered(&table, 0..1), &parts[2]]);
}

/// The rows with another text in their second column.
fn with_names(rows: &RecordBatch, name: &str) -> RecordBatch {
    let mut columns = rows.columns().to_vec();
    let names = (0..rows.num_rows()).map(|i| Some(format!("{name} {i}")));
    columns[1] = Arc::new(names.collect::<StringArray>());
    RecordBatch::try_new(rows.schema(), columns).expect("as many rows")
}

/// An append adds to what is there, also without a key.
pub async fn append_adds(fixture: &dyn SinkFixture) {
    if !has(fixture, WriteMode::Append) || !fixture.appends_to_existing() {
        return;
    }
    let mut table = keyed(fixture.place(), "appended");
    table.primary_key.clear();
    let there = numbered(&table, 0..10);
    fixture.place().make(&table, &there);
    let work = Work::begin(fixture, &table, WriteMode::Append, 1).await;
    let more = numbered(&table, 5..15);
    work.fill(0, &more).await;
    work.finish().await;
    work.assert_holds("append", [&there, &more]);
}

/// Rows may have some of an existing table's columns, in another order; the others stay empty.
pub async fn writes_some_of_the_columns(fixture: &dyn SinkFixture) {
    if !has(fixture, WriteMode::Append) || !fixture.appends_to_existing() || !fixture.enforces() {
        return;
    }
    let table = keyed(fixture.place(), "partly");
    fixture.place().make(&table, &numbered(&table, 0..5));
    let chosen = [3, 0, 2];
    let columns = chosen.iter().map(|i: &usize| table.columns[*i].clone()).collect();
    let partly = TableSchema { columns, ..table.clone() };
    let rows = numbered(&table, 10..30).project(&chosen).expect("columns that are there");
    let work = Work::begin(fixture, &partly, WriteMode::Append, 1).await;
    work.fill(0, &rows).await;
    work.finish().await;
    let old = numbered(&table, 0..5).project(&chosen).expect("columns that are there");
    work.assert_holds("chosen columns", [&old, &rows]);
    let names = TableSchema { columns: vec![table.columns[1].clone()], ..table.clone() };
    let names = fixture.place().read(&names).expect("the table is there");
    assert!(names.iter().filter(|row| row[0].is_none()).count() >= 20, "columns not given");
}

/// With `replace`, the old rows are seen until the commit, and only the new ones after it.
pub async fn replace_swaps_at_commit(fixture: &dyn SinkFixture) {
    if !has(fixture, WriteMode::Replace) {
        return;
    }
    let table = keyed(fixture.place(), "replaced");
    let old = numbered(&table, 0..10);
    fixture.place().make(&table, &old);
    let before = fixture.place().contents();
    let work = Work::begin(fixture, &table, WriteMode::Replace, 2).await;
    let new = [numbered(&table, 5..25), numbered(&table, 25..40)];
    work.fill(0, &new[0]).await;
    work.assert_holds("before the swap", [&old]);
    work.fill(1, &new[1]).await;
    work.assert_holds("before the commit", [&old]);
    work.finish().await;
    work.assert_holds("after the commit", &new);
    assert_eq!(fixture.place().contents(), before, "what is left of a swap");

    let given_up = Work::begin(fixture, &table, WriteMode::Replace, 2).await;
    given_up.fill(0, &numbered(&table, 100..110)).await;
    given_up.sink.discard(std::slice::from_ref(&given_up.task)).await.expect("discard");
    given_up.assert_holds("after a discard", &new);
    assert_eq!(fixture.place().contents(), before, "what is left of a swap given up");
}
