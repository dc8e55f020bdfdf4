//! What every source must do. One public function a check; [`crate::source_conformance`] makes a
//! test of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use syncline_connector::{Budget, Consistency, Cut, ReadTask, Source};
use syncline_types::{
    ChangeBatch, Code, Element, Position, Split, TableInfo, TableSchema, TableSelection,
};

use super::place::{Place, Rows, assert_same_rows, rows_of};
use super::tables::{extremes, keyed, numbered, odd, oddly_keyed, skewed, text_keyed, wide};

/// What a connector's test tells of its source.
pub trait SourceFixture: Send + Sync {
    /// The store, past the connector.
    fn place(&self) -> &dyn Place;

    /// A new source over the whole place, as a new process would make it.
    fn source(&self) -> Box<dyn Source>;

    /// The table's name as a literal pattern, in the store's own quotes.
    fn pattern(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// Whether it knows primary keys.
    fn knows_keys(&self) -> bool {
        true
    }

    /// Whether a table with a primary key is cut, and its splits can be resumed.
    fn cuts_and_resumes(&self) -> bool {
        true
    }

    /// Whether it cuts (and resumes) by something else than an integer key: texts, composite keys,
    /// or the place of a row.
    fn cuts_any_key(&self) -> bool {
        self.cuts_and_resumes()
    }

    /// Whether columns and tables may have any name the place allows.
    fn takes_odd_names(&self) -> bool {
        true
    }

    /// The condition `id < 10` in the source's dialect, where it takes conditions.
    fn filter_below_ten(&self) -> Option<String> {
        None
    }

    /// What a table that is not there is reported as.
    fn missing_code(&self) -> Code {
        Code::TableNotFound
    }
}

/// Budgets as the engine gives them.
const USUAL: Budget = Budget { rows: 16_384, bytes: 4 << 20 };

/// Cuts as finely as asked, however small the pieces.
fn fine(splits: usize) -> Cut {
    Cut { splits, min_rows: 1, min_bytes: 1 }
}

/// The rows of a split, with the position after each batch.
struct Read {
    batches: Vec<ChangeBatch>,
}

impl Read {
    fn rows(&self, table: &TableSchema) -> Rows {
        rows_of(table, self.batches.iter().map(|b| &b.rows))
    }

    fn last(&self) -> Option<&Position> {
        self.batches.last().map(|b| &b.position)
    }
}

async fn find(fixture: &dyn SourceFixture, source: &dyn Source, name: &str) -> TableInfo {
    let selection = TableSelection::parse(&[fixture.pattern(name)], &[]).expect("a pattern");
    let mut found = source.discover(&selection).await.expect("discover");
    assert_eq!(found.len(), 1, "tables that fit {:?}", fixture.pattern(name));
    found.remove(0)
}

fn whole(info: &TableInfo) -> ReadTask {
    ReadTask { table: Arc::new(info.schema.clone()), filter: None, query: None }
}

async fn begin(fixture: &dyn SourceFixture, name: &str) -> (Box<dyn Source>, ReadTask) {
    let source = fixture.source();
    let info = find(fixture, &*source, name).await;
    source.begin(4).await.expect("begin");
    (source, whole(&info))
}

async fn plan(source: &dyn Source, read: &ReadTask, cut: &Cut) -> Vec<Split> {
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
async fn drain(
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
async fn read_all(source: &dyn Source, read: &ReadTask, cut: &Cut) -> (Vec<Split>, Vec<Read>) {
    let splits = plan(source, read, cut).await;
    let reads = splits.iter().map(|split| drain(source, read, split, None, USUAL));
    let reads = futures::future::join_all(reads).await;
    (splits, reads)
}

fn all_rows(table: &TableSchema, reads: &[Read]) -> Rows {
    reads.iter().flat_map(|read| read.rows(table)).collect()
}

fn make(fixture: &dyn SourceFixture, table: &TableSchema, rows: &RecordBatch) {
    fixture.place().make(table, rows);
}

/// Finds a table with its columns in order, their nullability, and its key.
pub async fn finds_columns_and_keys(fixture: &dyn SourceFixture) {
    let table = keyed(fixture.place(), "found");
    make(fixture, &table, &numbered(&table, 0..3));
    let source = fixture.source();
    source.check().await.expect("check");
    let info = find(fixture, &*source, "found").await;
    assert_eq!(info.schema.name, table.name);
    let names = |t: &TableSchema| t.columns.iter().map(|c| c.name().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&info.schema), names(&table));
    for (got, wanted) in info.schema.columns.iter().zip(&table.columns) {
        let null = got.field.is_nullable() || !wanted.field.is_nullable();
        assert!(null, "column {:?} takes NULL, and is said not to", got.name());
    }
    if fixture.knows_keys() {
        assert_eq!(info.schema.primary_key, table.primary_key);
        assert_eq!(info.schema.key(), ["id"]);
    }
    let again = find(fixture, &*source, "found").await;
    assert_eq!(again.schema, info.schema, "discover gives the same twice");
}

/// Finds and reads tables and columns whatever their names.
pub async fn takes_any_name(fixture: &dyn SourceFixture) {
    if !fixture.takes_odd_names() {
        return;
    }
    let names = super::ODD_NAMES.iter().filter(|name| fixture.place().allows_name(name));
    for name in names {
        let (table, rows) = odd(fixture.place(), name);
        make(fixture, &table, &rows);
        let (source, read) = begin(fixture, name).await;
        let (_, reads) = read_all(&*source, &read, &fine(4)).await;
        assert_same_rows(name, all_rows(&table, &reads), rows_of(&table, [&rows]));
        source.end().await.expect("end");
    }
}

/// A table that is not there is an error that offers the nearest name.
pub async fn offers_the_nearest_name(fixture: &dyn SourceFixture) {
    let table = keyed(fixture.place(), "customers");
    make(fixture, &table, &numbered(&table, 0..1));
    let source = fixture.source();
    let selection = TableSelection::parse(&[fixture.pattern("custmers")], &[]).expect("a pattern");
    let error = source.discover(&selection).await.expect_err("there is no such table");
    assert_eq!(error.code(), fixture.missing_code(), "{}", error.chain());
    let words = format!("{} {}", error.message(), error.hint_text().unwrap_or_default());
    assert!(words.contains("custmers") && words.contains("customers"), "no name offered: {words}");
}

/// Patterns include and exclude; the tables come in the order of their names.
pub async fn selects_by_pattern(fixture: &dyn SourceFixture) {
    for name in ["pick_c", "pick_a", "other", "pick_b"] {
        let table = keyed(fixture.place(), name);
        make(fixture, &table, &numbered(&table, 0..1));
    }
    let source = fixture.source();
    let chosen = async |include: &[&str], exclude: &[&str]| {
        let selection = TableSelection::parse(include, exclude).expect("patterns");
        let found = source.discover(&selection).await.expect("discover");
        found.into_iter().map(|info| info.schema.name.name).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&["pick_*", "!pick_b"], &[]).await, ["pick_a", "pick_c"]);
    assert_eq!(chosen(&["pick_?"], &["pick_c"]).await, ["pick_a", "pick_b"]);
    assert_eq!(chosen(&[], &["pick_*"]).await, ["other"]);
    assert_eq!(chosen(&["nothing_*"], &[]).await, [""; 0]);
}

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

async fn resume_one(
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

/// A table of 900 columns is one like any other.
pub async fn reads_wide_tables(fixture: &dyn SourceFixture) {
    let (table, rows) = wide(fixture.place(), "wide");
    make(fixture, &table, &rows);
    let (source, read) = begin(fixture, "wide").await;
    let (_, reads) = read_all(&*source, &read, &fine(2)).await;
    assert_same_rows("wide", all_rows(&table, &reads), rows_of(&table, [&rows]));
    source.end().await.expect("end");
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

/// One test of each check of a source.
///
/// The expression gives an `Option` of a [`SourceFixture`], a new one for each test; `None` passes
/// the test (the server is not here).
#[macro_export]
macro_rules! source_conformance {
    ($fixture:expr) => {
        $crate::conformance_tests!(
            source_conformance,
            source,
            $fixture,
            finds_columns_and_keys,
            takes_any_name,
            offers_the_nearest_name,
            selects_by_pattern,
            covers_each_row_once,
            splits_are_in_order_and_even,
            obeys_budgets,
            resumes_from_every_position,
            an_empty_table_is_one_split,
            a_tiny_table_is_one_split,
            reads_the_columns_asked_for,
            filters_at_the_store,
            begins_again_after_the_end,
            limits_and_nulls_arrive,
            a_snapshot_is_one,
            reads_tables_side_by_side
        );
    };
}

/// The tests of a suite as a module.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($module:ident, $suite:ident, $fixture:expr, $($check:ident),+) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $check() {
                    if let Some(fixture) = $fixture {
                        $crate::conformance::$suite::$check(&fixture).await;
                    }
                }
            )+
        }
    };
}
