//! Rows arrive as they are: bad ones apart, large ones, many, and those at the limits of types.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};
use syncline_connector::WriteMode;
use syncline_types::{ChangeBatch, Code, ErrorKind, TableSchema};

use super::{SinkFixture, any_mode, has};
use crate::conformance::place::{retyped, rows_of, sorted};
use crate::conformance::tables::{extremes, keyed, numbered, wide};
use crate::conformance::work::{Work, at};

/// A bad row is an error of kind data; nothing of its batch is kept, all of the others is.
pub async fn a_bad_row_spares_the_rest(fixture: &dyn SinkFixture) {
    if !fixture.enforces() || !has(fixture, WriteMode::Append) {
        return;
    }
    let table = keyed(fixture.place(), "bad_rows");
    let there = numbered(&table, [500]);
    fixture.place().make(&table, &there);
    let work = Work::begin(fixture, &table, WriteMode::Append, 1).await;
    assert!(work.task.exists && !work.task.empty_at_start);
    let mut writer = work.open(0).await.writer;
    writer.write(&work.batch(&numbered(&table, 0..10), 10)).await.expect("write");

    let with_duplicate = work.batch(&numbered(&table, 495..505), 20);
    let error = writer.write(&with_duplicate).await.expect_err("a duplicate key");
    assert_eq!(error.code(), Code::DuplicateKey, "{}", error.chain());
    assert_eq!(error.kind(), ErrorKind::Data);
    writer.write(&work.batch(&numbered(&table, 495..500), 15)).await.expect("the good half");
    writer.write(&work.batch(&numbered(&table, 500..501), 16)).await.expect_err("the bad row");
    writer.write(&work.batch(&numbered(&table, 501..505), 20)).await.expect("the rest");

    let with_null = without_key(&work, &numbered(&table, 20..23));
    let error = writer.write(&with_null).await.expect_err("NULL in a NOT NULL column");
    assert_eq!(error.code(), Code::NotNull, "{}", error.chain());
    writer.flush(&at(23), false).await.expect("flush after bad rows");
    writer.write(&work.batch(&numbered(&table, 30..40), 33)).await.expect("write");
    writer.flush(&at(33), true).await.expect("flush");
    drop(writer);
    work.finish().await;
    let parts = [numbered(&table, 0..10), numbered(&table, 495..505), numbered(&table, 30..40)];
    work.assert_holds("bad rows", &parts);
}

/// The batch with NULL as the key of its middle row.
fn without_key(work: &Work<'_>, rows: &RecordBatch) -> ChangeBatch {
    let mut batch = work.batch(rows, 23);
    let middle = rows.num_rows() / 2;
    let ids: Int64Array = (0..rows.num_rows())
        .map(|i| (i != middle).then_some(20 + i64::try_from(i).unwrap_or(0)))
        .collect();
    let data_type = work.task.table.columns[0].field.data_type();
    let mut columns = batch.rows.columns().to_vec();
    columns[0] = retyped(&(Arc::new(ids) as ArrayRef), data_type, "id");
    batch.rows = RecordBatch::try_new(batch.rows.schema(), columns).expect("as many rows");
    batch
}

/// Batches as large as the engine makes them, and tables of 900 columns, in one piece.
pub async fn takes_full_batches_and_wide_tables(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("full_{mode:?}").to_lowercase());
        let rows = numbered(&table, 0..16_384);
        let there = *mode == WriteMode::Upsert && fixture.enforces();
        if there {
            // The way into a table that has rows is often another one.
            fixture.place().make(&table, &numbered(&table, [0]));
        }
        let work = Work::begin(fixture, &table, *mode, 1).await;
        work.fill(0, &rows).await;
        work.finish().await;
        work.assert_holds("a full batch", [&rows]);

        let (table, rows) = wide(fixture.place(), &format!("wide_{mode:?}").to_lowercase());
        if there {
            fixture.place().make(&table, &rows.slice(0, 1));
        }
        let work = Work::begin(fixture, &table, *mode, 1).await;
        work.fill(0, &rows).await;
        work.finish().await;
        work.assert_holds("a wide table", [&rows]);
    }
}

/// A value of eight megabytes is one like any other.
pub async fn takes_large_values(fixture: &dyn SinkFixture) {
    let place = fixture.place();
    let text = "0123456789abcdeß".repeat((8 << 20) / 17);
    let mut fields =
        vec![Field::new("id", DataType::Int64, false), Field::new("t", DataType::Utf8, true)];
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![1, 2])),
        Arc::new(StringArray::from(vec![Some(text.as_str()), None])),
    ];
    if place.has_binary() {
        let bytes: Vec<u8> = (0..8_u32 << 20).map(|i| (i % 251) as u8).collect();
        fields.push(Field::new("b", DataType::Binary, true));
        columns.push(Arc::new(BinaryArray::from(vec![None, Some(bytes.as_slice())])));
    }
    let mut table = TableSchema::new(place.table("large"), fields);
    table.primary_key = vec!["id".to_owned()];
    let rows = RecordBatch::try_new(table.arrow(), columns).expect("columns fit the table");
    let work = Work::begin(fixture, &table, any_mode(fixture), 1).await;
    work.fill(0, &rows).await;
    work.finish().await;
    let got = work.read().expect("the table is there");
    // No assert_eq: a failure would print it all.
    assert!(sorted(got) == sorted(rows_of(&table, [&rows])), "large values differ");
}

/// NULL, empty values and the limits of each type arrive as they are.
pub async fn limits_and_nulls_arrive(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("limits_{mode:?}").to_lowercase());
        let rows = extremes(&table);
        let work = Work::begin(fixture, &table, *mode, 1).await;
        work.fill(0, &rows).await;
        work.finish().await;
        work.assert_holds("limits", [&rows]);
    }
    if !has(fixture, WriteMode::Upsert) || !fixture.enforces() {
        return;
    }
    // The way into a table that has rows is often another one.
    let table = keyed(fixture.place(), "limits_upsert");
    let mut columns = extremes(&table).columns().to_vec();
    for column in &mut columns[1..] {
        *column = arrow::array::new_null_array(column.data_type(), column.len());
    }
    let nulls = RecordBatch::try_new(table.arrow(), columns).expect("as many rows");
    let work = Work::begin(fixture, &table, WriteMode::Upsert, 1).await;
    work.fill(0, &nulls).await;
    work.finish().await;
    work.assert_holds("all NULL", [&nulls]);
    let work = Work::begin(fixture, &table, WriteMode::Upsert, 1).await;
    work.fill(0, &extremes(&table)).await;
    work.finish().await;
    work.assert_holds("limits again", [&extremes(&table)]);
}
