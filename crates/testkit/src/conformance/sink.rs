//! What every sink must do. One public function a check; [`crate::sink_conformance`] makes a test
//! of each.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};
use syncline_connector::{Held, Sink, WriteMode};
use syncline_types::{ChangeBatch, Code, ErrorKind, Index, IndexPart, TableName, TableSchema};

use super::place::{Place, retyped, rows_of};
use super::tables::{extremes, keyed, numbered, odd, renamed, wide};
use super::work::{Work, at};

/// What a connector's test tells of its sink.
pub trait SinkFixture: Send + Sync {
    /// The store, past the connector.
    fn place(&self) -> &dyn Place;

    /// A new sink over the whole place, as a new process would make it.
    fn sink(&self) -> Box<dyn Sink>;

    /// Ways of writing it has.
    fn modes(&self) -> &[WriteMode] {
        &[WriteMode::Append, WriteMode::Upsert, WriteMode::Replace]
    }

    /// Whether the store has primary keys, NOT NULL and unique indexes, and enforces them.
    fn enforces(&self) -> bool {
        true
    }

    /// Whether `describe` gives back the types that `adapt` promised.
    fn remembers_types(&self) -> bool {
        true
    }

    /// Whether an append adds to rows that are there already.
    fn appends_to_existing(&self) -> bool {
        true
    }

    /// Whether columns and tables may have any name the place allows.
    fn takes_odd_names(&self) -> bool {
        true
    }
}

fn has(fixture: &dyn SinkFixture, mode: WriteMode) -> bool {
    fixture.modes().contains(&mode)
}

/// The mode a check uses that is not about modes.
fn any_mode(fixture: &dyn SinkFixture) -> WriteMode {
    if has(fixture, WriteMode::Append) { WriteMode::Append } else { fixture.modes()[0] }
}

/// `adapt` touches nothing, gives the same twice, and what it gives needs no more adapting.
pub async fn adapt_is_pure(fixture: &dyn SinkFixture) {
    let table = keyed(fixture.place(), "adapted");
    let before = fixture.place().contents();
    let sink = fixture.sink();
    sink.check().await.expect("check");
    let source = renamed(&table, TableName::bare("source"));
    let adapted = sink.adapt(&source, &table.name).expect("adapt");
    let again = sink.adapt(&source, &table.name).expect("adapt");
    assert_eq!(adapted, again, "adapt gives another");
    let one = adapted.table;
    assert_eq!(one.name, table.name);
    let names: Vec<&str> = one.columns.iter().map(syncline_types::Column::name).collect();
    assert!(names.iter().eq(table.columns.iter().map(|c| c.name()).collect::<Vec<_>>().iter()));
    let two = sink.adapt(&one, &table.name).expect("adapt what was adapted").table;
    for (a, b) in one.columns.iter().zip(&two.columns) {
        assert_eq!(a.field, b.field, "adapting again changes column {:?}", a.name());
    }
    assert!(sink.describe(&table.name).await.expect("describe").is_none());
    assert_eq!(fixture.place().contents(), before, "check and adapt leave something");
}

/// The table made is the one promised: types, nullability, primary key, and indexes after commit.
pub async fn makes_the_table_it_promised(fixture: &dyn SinkFixture) {
    let mut table = keyed(fixture.place(), "promised");
    if fixture.enforces() {
        let part = IndexPart { column: "amount".to_owned(), prefix: None, descending: false };
        let index = Index::new("by_amount", vec![part], true);
        table.indexes.push(index);
    }
    let work = Work::begin(fixture, &table, any_mode(fixture), 1).await;
    let rows = numbered(&table, 0..20);
    work.fill(0, &rows).await;
    work.finish().await;
    work.assert_holds("promised", [&rows]);
    let found = fixture.sink().describe(&table.name).await.expect("describe");
    let found = found.expect("the table is there");
    assert!(!found.empty, "20 rows, and said to be empty");
    if fixture.remembers_types() {
        for (got, promised) in found.schema.columns.iter().zip(&work.task.table.columns) {
            let types = (got.field.data_type(), promised.field.data_type());
            assert_eq!(types.0, types.1, "column {:?}", got.name());
        }
    }
    if fixture.enforces() {
        assert_eq!(found.schema.primary_key, ["id"]);
        for (got, wanted) in found.schema.columns.iter().zip(&table.columns) {
            assert_eq!(got.field.is_nullable(), wanted.field.is_nullable(), "{:?}", got.name());
        }
        let indexes: Vec<_> = found.schema.indexes.iter().map(|i| (&i.parts, i.unique)).collect();
        assert_eq!(indexes, [(&table.indexes[0].parts, true)]);
    }
}

/// A table without rows is made all the same.
pub async fn makes_an_empty_table(fixture: &dyn SinkFixture) {
    let table = keyed(fixture.place(), "empty");
    let work = Work::begin(fixture, &table, any_mode(fixture), 1).await;
    work.fill(0, &numbered(&table, [])).await;
    work.finish().await;
    work.assert_holds("empty", []);
}

/// Preparing again, as a continued run does, loses nothing.
pub async fn prepares_twice_without_harm(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("twice_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 2).await;
        work.sink.prepare(&work.task).await.expect("prepare again");
        work.fill(0, &numbered(&table, 0..10)).await;
        let next = work.taken_over(2);
        next.sink.prepare(&next.task).await.expect("prepare in a new process");
        next.fill(1, &numbered(&table, 10..20)).await;
        next.finish().await;
        next.assert_holds("prepared twice", [&numbered(&table, 0..20)]);
    }
}

/// Rows that were written and not flushed leave nothing.
pub async fn unflushed_rows_leave_nothing(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("dropped_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 1).await;
        let mut writer = work.open(0).await.writer;
        let lost = numbered(&table, 0..2000);
        writer.write(&work.batch(&lost, 2000)).await.expect("write");
        drop(writer);
        let again = work.open(0).await;
        assert_eq!(again.held, None, "{mode:?}: a position without a flush");
        let mut writer = again.writer;
        let kept = numbered(&table, 5000..5010);
        writer.write(&work.batch(&kept, 10)).await.expect("write");
        writer.flush(&at(10), true).await.expect("flush");
        drop(writer);
        work.finish().await;
        work.assert_holds("unflushed", [&kept]);
    }
}

/// A flush makes rows and position durable together; a new process goes on from there.
pub async fn rows_and_position_go_together(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("held_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 2).await;
        if !work.is_transactional() {
            continue;
        }
        let mut writer = work.open(0).await.writer;
        writer.write(&work.batch(&numbered(&table, 0..10), 10)).await.expect("write");
        writer.write(&work.batch(&numbered(&table, 10..15), 15)).await.expect("write");
        writer.flush(&at(15), false).await.expect("flush");
        writer.write(&work.batch(&numbered(&table, 15..30), 30)).await.expect("write");
        drop(writer);

        let next = work.taken_over(2);
        next.sink.prepare(&next.task).await.expect("prepare");
        assert_eq!(next.open(1).await.held, None, "{mode:?}: nothing of the other split");
        let opened = next.open(0).await;
        assert_eq!(opened.held, Some(Held { position: at(15), done: false }), "{mode:?}");
        let mut writer = opened.writer;
        writer.write(&next.batch(&numbered(&table, 15..30), 30)).await.expect("write");
        writer.flush(&at(30), false).await.expect("flush");
        writer.write(&next.batch(&numbered(&table, 30..40), 40)).await.expect("write");
        writer.flush(&at(40), true).await.expect("flush");
        drop(writer);
        assert_eq!(next.open(0).await.held, Some(Held { position: at(40), done: true }));

        let mut other = next.taken_over(2);
        other.task.run = "0199aaaa-0000-7000-8000-000000000002".to_owned();
        if *mode != WriteMode::Replace {
            // Another run over the same target has positions of its own.
            other.task.exists = true;
            match other.try_open(0).await {
                Ok(opened) => {
                    assert_eq!(opened.held, None, "{mode:?}: the position of another run");
                }
                // A store may have room for one run at a time; this one's must not be harmed.
                Err(error) => assert_eq!(error.code(), Code::InUse, "{mode:?}: {}", error.chain()),
            }
            other.sink.discard(std::slice::from_ref(&other.task)).await.expect("discard");
        }
        next.fill(1, &numbered(&table, 40..50)).await;
        next.finish().await;
        next.assert_holds("held", [&numbered(&table, 0..50)]);
    }
}

/// Whoever opens under a higher epoch shuts out the owner of a lower one.
pub async fn refuses_a_stale_epoch(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("epoch_{mode:?}").to_lowercase());
        let old = Work::begin(fixture, &table, *mode, 1).await;
        if !old.is_transactional() {
            continue;
        }
        let mut stale = old.open(0).await.writer;
        stale.write(&old.batch(&numbered(&table, 0..10), 10)).await.expect("write");
        stale.flush(&at(10), false).await.expect("flush");

        let new = old.taken_over(2);
        new.sink.prepare(&new.task).await.expect("prepare");
        let opened = new.open(0).await;
        assert_eq!(opened.held.map(|h| h.position), Some(at(10)));

        let written = stale.write(&old.batch(&numbered(&table, 10..20), 20)).await;
        let refused = match written {
            Ok(()) => stale.flush(&at(20), false).await.expect_err("a stale flush"),
            Err(error) => error,
        };
        assert_eq!(refused.code(), Code::StaleEpoch, "{mode:?}: {}", refused.chain());
        drop(stale);
        let error = match old.try_open(0).await {
            Ok(_) => panic!("{mode:?}: a stale owner opens again"),
            Err(error) => error,
        };
        assert_eq!(error.code(), Code::StaleEpoch, "{mode:?}: {}", error.chain());

        let mut writer = opened.writer;
        writer.write(&new.batch(&numbered(&table, 50..60), 20)).await.expect("write");
        writer.flush(&at(20), true).await.expect("flush");
        drop(writer);
        new.finish().await;
        new.assert_holds("epoch", [&numbered(&table, 0..10), &numbered(&table, 50..60)]);
    }
}

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

/// Splits are written at the same time, as many as the sink takes.
pub async fn writes_splits_at_the_same_time(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("parallel_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 6).await;
        let together = work.sink.max_parallel().clamp(1, 6);
        let ids = |n: usize| {
            let from = i64::try_from(n).unwrap_or(0) * 300;
            numbered(&work.table, from..from + 300)
        };
        for first in (0..6).step_by(together) {
            let group = (first..(first + together).min(6)).map(|n| {
                let rows = ids(n);
                let (work, split) = (&work, u32::try_from(n).unwrap_or(0));
                async move { fill_in_steps(work, split, &rows).await }
            });
            futures::future::join_all(group).await;
        }
        work.finish().await;
        work.assert_holds("parallel", &(0..6).map(ids).collect::<Vec<_>>());
    }
}

/// Writes a split of 300 rows in three batches, with a flush after each.
async fn fill_in_steps(work: &Work<'_>, split: u32, rows: &RecordBatch) {
    let mut writer = work.open(split).await.writer;
    for step in 0..3 {
        let seq = (step as u64 + 1) * 100;
        let batch = work.batch(&rows.slice(step * 100, 100), seq);
        writer.write(&batch).await.expect("write");
        tokio::task::yield_now().await;
        writer.flush(&at(seq), step == 2).await.expect("flush");
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
    assert!(super::sorted(got) == super::sorted(rows_of(&table, [&rows])), "large values differ");
}

/// Tables and columns are made, written and committed whatever their names.
pub async fn takes_any_name(fixture: &dyn SinkFixture) {
    if !fixture.takes_odd_names() {
        return;
    }
    let victim = keyed(fixture.place(), "victim");
    fixture.place().make(&victim, &numbered(&victim, 0..1));
    for name in super::ODD_NAMES.iter().filter(|name| fixture.place().allows_name(name)) {
        let (table, rows) = odd(fixture.place(), name);
        for mode in fixture.modes() {
            let work = Work::begin(fixture, &table, *mode, 1).await;
            let enforced = fixture.enforces() || *mode == WriteMode::Replace;
            if work.task.exists && (!enforced || *mode == WriteMode::Append) {
                continue;
            }
            work.fill(0, &rows).await;
            work.finish().await;
            work.assert_holds(name, [&rows]);
        }
    }
    assert!(fixture.place().read(&victim).is_some(), "a name was run as a statement");
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

/// Committing and finishing again, as after a crash between the two, changes nothing.
pub async fn commits_twice_without_harm(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("again_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 1).await;
        let rows = numbered(&table, 0..10);
        work.fill(0, &rows).await;
        work.sink.commit(&work.task).await.expect("commit");
        work.sink.commit(&work.task).await.expect("commit again");
        let next = work.taken_over(2);
        next.sink.prepare(&next.task).await.expect("prepare after a commit");
        if next.is_transactional() {
            let held = next.open(0).await.held;
            assert_eq!(held, Some(Held { position: at(10), done: true }), "{mode:?}");
        }
        next.finish().await;
        next.sink.finish(std::slice::from_ref(&next.task)).await.expect("finish again");
        next.assert_holds("again", [&rows]);
    }
}

/// What was kept for resuming is gone after `finish` and after `discard`.
pub async fn leaves_nothing_behind(fixture: &dyn SinkFixture) {
    let place = fixture.place();
    for mode in fixture.modes() {
        let before = place.contents();
        let table = keyed(place, &format!("clean_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 2).await;
        work.fill(0, &numbered(&table, 0..10)).await;
        work.fill(1, &numbered(&table, 10..20)).await;
        work.finish().await;
        let after = place.contents();
        let new: Vec<&String> = after.iter().filter(|name| !before.contains(name)).collect();
        assert_eq!(new.len(), 1, "{mode:?} leaves {new:?}");

        let given_up = keyed(place, &format!("given_up_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &given_up, *mode, 2).await;
        work.fill(0, &numbered(&given_up, 0..10)).await;
        let mut writer = work.open(1).await.writer;
        let half = work.batch(&numbered(&given_up, 10..15), 5);
        writer.write(&half).await.expect("write");
        writer.flush(&at(5), false).await.expect("flush");
        drop(writer);
        work.sink.discard(std::slice::from_ref(&work.task)).await.expect("discard");
        work.sink.discard(std::slice::from_ref(&work.task)).await.expect("discard again");
        let left: Vec<String> =
            place.contents().into_iter().filter(|name| !after.contains(name)).collect();
        match place.read(&given_up) {
            // It had been written to directly, so its rows stay, and they are whole batches.
            Some(rows) => {
                assert_eq!(left.len(), 1, "{mode:?} given up leaves {left:?}");
                assert!([0, 10, 15].contains(&rows.len()), "{} rows are left", rows.len());
            }
            None => assert_eq!(left, [""; 0], "{mode:?} given up leaves"),
        }
    }
}

/// Two tables of one run are written side by side, and finished together.
pub async fn writes_tables_side_by_side(fixture: &dyn SinkFixture) {
    let place = fixture.place();
    let before = place.contents();
    let tables = ["side_a", "side_b"].map(|name| keyed(place, name));
    let a = Work::begin(fixture, &tables[0], any_mode(fixture), 1).await;
    let b = Work::begin(fixture, &tables[1], any_mode(fixture), 1).await;
    let b = Work { sink: a.sink, ..b };
    let a = Work { sink: fixture.sink(), ..a };
    let rows = tables.each_ref().map(|table| numbered(table, 0..20));
    let fill_b = b.fill(0, &rows[1]);
    if b.sink.max_parallel() > 1 {
        futures::future::join(a.fill(0, &rows[0]), fill_b).await;
    } else {
        a.fill(0, &rows[0]).await;
        fill_b.await;
    }
    b.sink.commit(&b.task).await.expect("commit");
    a.sink.commit(&a.task).await.expect("commit");
    b.sink.finish(&[a.task.clone(), b.task.clone()]).await.expect("finish");
    a.assert_holds("a", [&rows[0]]);
    b.assert_holds("b", [&rows[1]]);
    assert_eq!(place.contents().len(), before.len() + 2, "{:?}", place.contents());
}

/// One test of each check of a sink.
///
/// The expression gives an `Option` of a [`SinkFixture`], a new one for each test; `None` passes
/// the test (the server is not here).
#[macro_export]
macro_rules! sink_conformance {
    ($fixture:expr) => {
        $crate::conformance_tests!(
            sink_conformance,
            sink,
            $fixture,
            adapt_is_pure,
            makes_the_table_it_promised,
            makes_an_empty_table,
            prepares_twice_without_harm,
            unflushed_rows_leave_nothing,
            rows_and_position_go_together,
            refuses_a_stale_epoch,
            a_bad_row_spares_the_rest,
            upsert_overwrites,
            upsert_keeps_the_last_of_a_batch,
            append_adds,
            writes_some_of_the_columns,
            takes_full_batches_and_wide_tables,
            replace_swaps_at_commit,
            writes_splits_at_the_same_time,
            takes_large_values,
            takes_any_name,
            limits_and_nulls_arrive,
            commits_twice_without_harm,
            leaves_nothing_behind,
            writes_tables_side_by_side
        );
    };
}
