//! The rows of a split: in batches within the budget, with the columns and conditions asked for,
//! whatever their values.

use std::sync::Arc;

use arrow::array::RecordBatch;
use syncline_connector::{Budget, ReadTask};
use syncline_types::TableSchema;

use super::SourceFixture;
use super::positions::resume_one;
use super::reading::{all_rows, begin, drain, fine, make, plan, read_all};
use crate::conformance::place::{assert_same_rows, rows_of};
use crate::conformance::tables::{extremes, keyed, numbered, wide};

/// A batch ends at the budget's rows or bytes, whichever is first.
pub async fn obeys_budgets(fixture: &dyn SourceFixture) {
    let table = keyed(fixture.place(), "budget");
    let rows = numbered(&table, 0..100);
    make(fixture, &table, &rows);
    let (source, read) = begin(fixture, "budget").await;
    let splits = plan(&*source, &read, &fine(1)).await;
    for budget in [1, 7, 100, 101] {
        let budget = Budget { rows: budget, bytes: 4 << 20 };
        let got = drain(&*source, &read, &splits[0], None, budget).await;
        assert_same_rows("with a budget", got.rows(&table), rows_of(&table, [&rows]));
    }
    source.end().await.expect("end");

    let wide = keyed(fixture.place(), "budget_wide");
    let mut columns = numbered(&wide, 0..120).columns().to_vec();
    let texts = (0..120).map(|i| Some(format!("{i}").repeat(20_000 / format!("{i}").len())));
    columns[1] = Arc::new(texts.collect::<arrow::array::StringArray>());
    let rows = RecordBatch::try_new(wide.arrow(), columns).expect("columns fit the table");
    make(fixture, &wide, &rows);
    let (source, read) = begin(fixture, "budget_wide").await;
    let splits = plan(&*source, &read, &fine(1)).await;
    let budget = Budget { rows: 16_384, bytes: 200_000 };
    let got = drain(&*source, &read, &splits[0], None, budget).await;
    let largest = got.batches.iter().map(|b| b.rows.num_rows()).max().unwrap_or(0);
    assert!(largest <= 40, "{largest} rows of 20 kB in a batch of 200 kB");
    assert_same_rows("wide", got.rows(&wide), rows_of(&wide, [&rows]));
    source.end().await.expect("end");
}

/// A table of 900 columns is one like any other.
pub async fn reads_wide_tables(fixture: &dyn SourceFixture) {
    let (table, rows) = wide(fixture.place(), "wide");
    make(fixture, &table, &rows);
    let (source, read) = begin(fixture, "wide").await;
    let (_, reads) = read_all(&*source, &read, &fine(2)).await;
    assert_same_rows("wide", all_rows(&table, &reads), rows_of(&table, [&rows]));
    source.end().await.expect("end");
}

/// Only the columns asked for are read, in the order asked for, also without the key.
pub async fn reads_the_columns_asked_for(fixture: &dyn SourceFixture) {
    let table = keyed(fixture.place(), "columns");
    let rows = numbered(&table, 0..50);
    make(fixture, &table, &rows);
    for wanted in [vec![2, 0], vec![3, 1], vec![1]] {
        let (source, whole) = begin(fixture, "columns").await;
        let pick = |t: &TableSchema| {
            let columns = wanted.iter().map(|i: &usize| t.columns[*i].clone()).collect();
            TableSchema { columns, ..t.clone() }
        };
        let read = ReadTask { table: Arc::new(pick(&whole.table)), ..whole };
        let (_, reads) = read_all(&*source, &read, &fine(3)).await;
        let chosen = rows.project(&wanted).expect("columns that are there");
        let table = pick(&table);
        assert_same_rows("chosen", all_rows(&table, &reads), rows_of(&table, [&chosen]));
        for split in plan(&*source, &read, &fine(3)).await.iter().filter(|s| s.resumable) {
            resume_one(fixture, &table, &read, split, &*source).await;
        }
        source.end().await.expect("end");
    }
}

/// Only rows that fulfil the condition are read, whatever the cut.
pub async fn filters_at_the_store(fixture: &dyn SourceFixture) {
    let Some(filter) = fixture.filter_below_ten() else { return };
    let table = keyed(fixture.place(), "filtered");
    make(fixture, &table, &numbered(&table, 0..100));
    let (source, whole) = begin(fixture, "filtered").await;
    // An `or` must not leak into what the source adds.
    for filter in [filter.clone(), format!("{filter} or {filter}")] {
        let read = ReadTask { filter: Some(filter), ..whole.clone() };
        for cut in [1, 4] {
            let (_, reads) = read_all(&*source, &read, &fine(cut)).await;
            let wanted = rows_of(&table, [&numbered(&table, 0..10)]);
            assert_same_rows("filtered", all_rows(&table, &reads), wanted);
        }
        for split in plan(&*source, &read, &fine(2)).await.iter().filter(|s| s.resumable) {
            resume_one(fixture, &table, &read, split, &*source).await;
        }
    }
    source.end().await.expect("end");
}

/// NULL, empty values and the limits of each type arrive as they are.
pub async fn limits_and_nulls_arrive(fixture: &dyn SourceFixture) {
    let table = keyed(fixture.place(), "limits");
    let rows = extremes(&table);
    make(fixture, &table, &rows);
    let (source, read) = begin(fixture, "limits").await;
    for cut in [1, 4] {
        let (_, reads) = read_all(&*source, &read, &fine(cut)).await;
        assert_same_rows("limits", all_rows(&table, &reads), rows_of(&table, [&rows]));
    }
    source.end().await.expect("end");
}
