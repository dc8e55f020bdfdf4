//! However a table is cut, and whatever its key, each row is in exactly one split.

use std::collections::BTreeMap;

use syncline_connector::{Cut, ReadTask};
use syncline_types::{TableSchema, TableSelection};

use super::SourceFixture;
use super::positions::resume_one;
use super::reading::{Read, all_rows, begin, fine, make, plan, read_all, whole};
use crate::conformance::place::{assert_same_rows, rows_of};
use crate::conformance::tables::{keyed, numbered, oddly_keyed, skewed, text_keyed};

/// However a table is cut, each row is in exactly one split, also when all splits are read at once.
pub async fn covers_each_row_once(fixture: &dyn SourceFixture) {
    let place = fixture.place();
    let sparse = keyed(place, "sparse");
    let sparse_rows = numbered(&sparse, skewed(600));
    let mut heap = keyed(place, "heap");
    heap.primary_key.clear();
    let heap_rows = numbered(&heap, (0..600).map(|i| i % 150));
    let (texts, texts_rows) = text_keyed(place, "texts", 600, false);
    let (pairs, pairs_rows) = text_keyed(place, "pairs", 600, true);
    let tables =
        [(sparse, sparse_rows), (heap, heap_rows), (texts, texts_rows), (pairs, pairs_rows)];
    for (table, rows) in &tables {
        make(fixture, table, rows);
        let (source, read) = begin(fixture, &table.name.name).await;
        for cut in [1, 4, 16] {
            let (splits, reads) = read_all(&*source, &read, &fine(cut)).await;
            let what = format!("{} in {} of {cut} splits", table.name, splits.len());
            assert_same_rows(&what, all_rows(table, &reads), rows_of(table, [rows]));
        }
        source.end().await.expect("end");
    }
}

/// Splits follow the order of the key and are of like size, also where the key is not dense.
pub async fn splits_are_in_order_and_even(fixture: &dyn SourceFixture) {
    if !fixture.cuts_and_resumes() {
        return;
    }
    let place = fixture.place();
    let table = keyed(place, "even");
    make(fixture, &table, &numbered(&table, skewed(2000)));
    let (source, read) = begin(fixture, "even").await;
    let (splits, reads) = read_all(&*source, &read, &fine(4)).await;
    assert_eq!(splits.len(), 4, "2000 rows in 4 splits");
    assert_even(&table, &reads, 500);
    let ids: Vec<i64> = all_rows(&table, &reads)
        .iter()
        .map(|row| row[0].as_deref().expect("a key").parse().expect("a number"))
        .collect();
    assert!(ids.is_sorted(), "rows of split after split are in the order of the key");
    source.end().await.expect("end");
    if !fixture.cuts_any_key() {
        return;
    }
    for composite in [false, true] {
        let name = if composite { "even_pairs" } else { "even_texts" };
        let (table, rows) = text_keyed(place, name, 2000, composite);
        make(fixture, &table, &rows);
        let (source, read) = begin(fixture, name).await;
        let (splits, reads) = read_all(&*source, &read, &fine(4)).await;
        assert!((3..=4).contains(&splits.len()), "{name}: {} splits", splits.len());
        assert_even(&table, &reads, 2000 / splits.len());
        source.end().await.expect("end");
    }
}

fn assert_even(table: &TableSchema, reads: &[Read], mean: usize) {
    let sizes: Vec<usize> = reads.iter().map(|read| read.rows(table).len()).collect();
    let even = sizes.iter().all(|size| (mean / 2..=mean * 2).contains(size));
    assert!(even, "{}: splits of {sizes:?} rows", table.name);
}

/// A key of any type tells rows apart: each row once, and where its splits can be resumed, from
/// every position.
pub async fn takes_keys_of_any_type(fixture: &dyn SourceFixture) {
    for (table, rows) in oddly_keyed(fixture.place(), 80) {
        make(fixture, &table, &rows);
        let (source, read) = begin(fixture, &table.name.name).await;
        for cut in [1, 4, 16] {
            let (splits, reads) = read_all(&*source, &read, &fine(cut)).await;
            let what = format!("{} in {} of {cut} splits", table.name, splits.len());
            assert_same_rows(&what, all_rows(&table, &reads), rows_of(&table, [&rows]));
        }
        for split in plan(&*source, &read, &fine(3)).await.iter().filter(|s| s.resumable) {
            resume_one(fixture, &table, &read, split, &*source).await;
        }
        source.end().await.expect("end");
    }
}

/// An empty table is one split, which ends at once.
pub async fn an_empty_table_is_one_split(fixture: &dyn SourceFixture) {
    let table = keyed(fixture.place(), "empty");
    make(fixture, &table, &numbered(&table, []));
    let (source, read) = begin(fixture, "empty").await;
    let (splits, reads) = read_all(&*source, &read, &fine(8)).await;
    assert_eq!(splits.len(), 1, "splits of an empty table");
    assert_eq!(reads[0].batches.len(), 0, "batches of an empty table");
    source.end().await.expect("end");
}

/// A table too small to be worth cutting is one split.
pub async fn a_tiny_table_is_one_split(fixture: &dyn SourceFixture) {
    let table = keyed(fixture.place(), "tiny");
    let rows = numbered(&table, 0..5);
    make(fixture, &table, &rows);
    let (source, read) = begin(fixture, "tiny").await;
    let cut = Cut { splits: 8, min_rows: 1000, min_bytes: 1 << 20 };
    let (splits, reads) = read_all(&*source, &read, &cut).await;
    assert_eq!(splits.len(), 1, "splits of five rows");
    assert_same_rows("tiny", all_rows(&table, &reads), rows_of(&table, [&rows]));
    source.end().await.expect("end");
}

/// Two tables are read at the same time by one source.
pub async fn reads_tables_side_by_side(fixture: &dyn SourceFixture) {
    let tables: BTreeMap<&str, TableSchema> =
        ["side_a", "side_b"].into_iter().map(|n| (n, keyed(fixture.place(), n))).collect();
    for table in tables.values() {
        make(fixture, table, &numbered(table, 0..200));
    }
    let source = fixture.source();
    let selection = TableSelection::parse(&["side_*"], &[]).expect("patterns");
    let found = source.discover(&selection).await.expect("discover");
    source.begin(4).await.expect("begin");
    let reads: Vec<ReadTask> = found.iter().map(whole).collect();
    let all = reads.iter().map(|read| async {
        let (_, parts) = read_all(&*source, read, &fine(2)).await;
        let table = &tables[read.table.name.name.as_str()];
        assert_same_rows(
            "side by side",
            all_rows(table, &parts),
            rows_of(table, [&numbered(table, 0..200)]),
        );
    });
    assert_eq!(futures::future::join_all(all).await.len(), 2);
    source.end().await.expect("end");
}
