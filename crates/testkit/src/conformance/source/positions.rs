//! A reader goes on from every position, in another process and after a pause, and sees what the
//! run saw at its begin.

use syncline_connector::{Budget, Consistency, ReadTask, Source};
use syncline_types::{Code, Element, Split, TableSchema};

use super::SourceFixture;
use super::reading::{Read, USUAL, all_rows, begin, drain, find, fine, make, plan, whole};
use crate::conformance::place::{assert_same_rows, rows_of};
use crate::conformance::tables::{keyed, numbered, skewed, text_keyed};

/// From every position a reader gave, a reader in a new process yields exactly the rows after it.
pub async fn resumes_from_every_position(fixture: &dyn SourceFixture) {
    let place = fixture.place();
    let by_id = keyed(place, "resumed");
    make(fixture, &by_id, &numbered(&by_id, skewed(60)));
    let (texts, rows) = text_keyed(place, "resumed_texts", 60, false);
    make(fixture, &texts, &rows);
    let (pairs, rows) = text_keyed(place, "resumed_pairs", 60, true);
    make(fixture, &pairs, &rows);
    let mut heap = keyed(place, "resumed_heap");
    heap.primary_key.clear();
    make(fixture, &heap, &numbered(&heap, 0..60));
    for (table, must) in [
        (&by_id, fixture.cuts_and_resumes()),
        (&texts, fixture.cuts_any_key()),
        (&pairs, fixture.cuts_any_key()),
        (&heap, false),
    ] {
        let (source, read) = begin(fixture, &table.name.name).await;
        let splits = plan(&*source, &read, &fine(3)).await;
        let able = splits.iter().filter(|split| split.resumable).count();
        assert!(able == splits.len() || !must, "{}: {able} resumable splits", table.name);
        for split in splits.iter().filter(|split| split.resumable) {
            resume_one(fixture, table, &read, split, &*source).await;
        }
        source.end().await.expect("end");
    }
}

pub(super) async fn resume_one(
    fixture: &dyn SourceFixture,
    table: &TableSchema,
    read: &ReadTask,
    split: &Split,
    source: &dyn Source,
) {
    let budget = Budget { rows: 4, bytes: 4 << 20 };
    let full = drain(source, read, split, None, budget).await;
    let rows = full.rows(table);
    // The split comes from the state folder, as text.
    let text = serde_json::to_string(split).expect("a split is data");
    let split: Split = serde_json::from_str(&text).expect("a split is data");
    let other = fixture.source();
    other.begin(1).await.expect("begin");
    for batch in &full.batches {
        let rest = drain(&*other, read, &split, Some(&batch.position), budget).await;
        let done = usize::try_from(batch.position.seq).expect("few rows");
        assert_eq!(
            rest.rows(table),
            rows[done..],
            "{} split {} after {:?}",
            table.name,
            split.id,
            batch.position
        );
        let end = rest.last().unwrap_or(&batch.position);
        assert_eq!(end.seq, full.last().expect("a batch").seq);
    }
    other.end().await.expect("end");
}

/// A source that has ended can begin again: a paused run goes on.
pub async fn begins_again_after_the_end(fixture: &dyn SourceFixture) {
    let table = keyed(fixture.place(), "paused");
    let rows = numbered(&table, 0..40);
    make(fixture, &table, &rows);
    let (source, read) = begin(fixture, "paused").await;
    let splits = plan(&*source, &read, &fine(2)).await;
    let budget = Budget { rows: 3, bytes: 4 << 20 };
    let mut reader = source.open(&read, &splits[0], None).await.expect("open");
    let first = match reader.next(budget).await.expect("next") {
        Element::Batch(batch) => batch,
        Element::EndOfSplit => panic!("the split has rows"),
    };
    reader.committed(&first.position).await.expect("committed");
    drop(reader);
    source.end().await.expect("end");
    source.end().await.expect("a second end does no harm");
    source.begin(2).await.expect("begin again");
    let mut batches = Vec::new();
    for split in &splits {
        let goes_on = split.id == 0 && split.resumable;
        let at = goes_on.then_some(&first.position);
        if goes_on {
            batches.push(first.clone());
        }
        batches.extend(drain(&*source, &read, split, at, USUAL).await.batches);
    }
    assert_same_rows("paused", Read { batches }.rows(&table), rows_of(&table, [&rows]));
    source.end().await.expect("end");
}

/// Where a source claims a snapshot, rows that come after its begin are not seen by any reader.
pub async fn a_snapshot_is_one(fixture: &dyn SourceFixture) {
    let table = keyed(fixture.place(), "moment");
    let rows = numbered(&table, (0..40).map(|i| i * 2));
    make(fixture, &table, &rows);
    let source = fixture.source();
    let info = find(fixture, &*source, "moment").await;
    let consistency = source.begin(3).await.expect("begin");
    if consistency == Consistency::Snapshot {
        let read = whole(&info);
        let splits = plan(&*source, &read, &fine(3)).await;
        fixture.place().add(&table, &numbered(&table, (0..100).map(|i| i * 2 + 1)));
        let mut reads = Vec::new();
        for split in &splits {
            // A file cannot be held still: to end the run is as good as not to see the new rows.
            if let Err(error) = source.open(&read, split, None).await {
                assert_eq!(error.code(), Code::FileChanged, "{}", error.chain());
                return;
            }
            reads.push(drain(&*source, &read, split, None, USUAL).await);
        }
        assert_same_rows("snapshot", all_rows(&table, &reads), rows_of(&table, [&rows]));
    }
    source.end().await.expect("end");
}
