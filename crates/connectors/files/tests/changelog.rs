//! Logs of changes in files: each change once and whole, in its order, whatever is killed when.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field};
use serde_json::{Value, json};
use syncline_connector::{
    AnyConnector, ApplyTask, Endpoint, Follower, LogWriter, Sink, WriteMode, WriteTask,
};
use syncline_files::FilesConnector;
use syncline_types::{
    ChangeBatch, ChangeSet, Code, Commit, NativeSql, Op, Position, RowChanges, SchemaChange,
    SchemaEffect, Split, TableName, TableSchema,
};

fn sink(path: &Path) -> Box<dyn Sink> {
    AnyConnector::sink(&FilesConnector, &Endpoint::parse(path.to_str().unwrap()).unwrap()).unwrap()
}

fn table(name: &str) -> Arc<TableSchema> {
    let fields = [
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("price", DataType::Decimal128(9, 2), true),
    ];
    let mut table = TableSchema::new(TableName::new("shop", name), fields);
    table.primary_key = vec!["id".into()];
    Arc::new(table)
}

fn task(table: &Arc<TableSchema>, splits: u32) -> WriteTask {
    WriteTask {
        run: "run".into(),
        epoch: 1,
        table: Arc::clone(table),
        definition: Arc::clone(table),
        exists: false,
        empty_at_start: true,
        distinct: false,
        write: WriteMode::Append,
        splits,
        circular: Vec::new(),
    }
}

async fn follow(
    sink: &dyn Sink,
    epoch: u64,
    tables: &[&Arc<TableSchema>],
) -> (Box<dyn LogWriter>, Option<Position>) {
    let tables = tables.iter().map(|t| task(t, 0)).collect();
    let opened = sink.follow(&ApplyTask { run: "run".into(), epoch, tables }).await;
    let opened = opened.unwrap_or_else(|e| panic!("{}", e.chain()));
    match opened.follower {
        Follower::Log(writer) => (writer, opened.held),
        Follower::State(_) => panic!("no log"),
    }
}

/// Rows of `id`, each with a name made of it.
fn rows(ids: &[i64], columns: &[usize]) -> RecordBatch {
    let names = ids.iter().map(|id| (id % 5 > 0).then(|| format!("n{id} \"ä\\\n")));
    let prices = Decimal128Array::from_iter(ids.iter().map(|id| Some(i128::from(*id) * 7 + 1)));
    let all: [ArrayRef; 3] = [
        Arc::new(Int64Array::from(ids.to_vec())),
        Arc::new(StringArray::from_iter(names)),
        Arc::new(prices.with_precision_and_scale(9, 2).unwrap()),
    ];
    let schema = Arc::new(table("t").arrow().project(columns).unwrap());
    RecordBatch::try_new(schema, columns.iter().map(|c| Arc::clone(&all[*c])).collect()).unwrap()
}

fn changes(table: &Arc<TableSchema>, op: Op, ids: &[i64], order: &[u32]) -> RowChanges {
    RowChanges {
        table: Arc::clone(table),
        columns: None,
        op,
        rows: rows(ids, &[0, 1, 2]),
        order: order.to_vec(),
    }
}

fn at(seq: u64) -> Position {
    Position::new(seq, format!("{{\"at\":{seq}}}"))
}

fn set(changes: Vec<RowChanges>, ends: &[(u32, u64)], complete: bool) -> ChangeSet {
    let places = changes.iter().map(|c| c.order.len()).sum::<usize>();
    let commit = |(end, seq): &(u32, u64)| Commit {
        end: *end,
        at: (*seq != 3).then_some(1_700_000_000_000_000 + i64::try_from(*seq).unwrap()),
        position: at(*seq),
    };
    ChangeSet {
        changes,
        rejects: Vec::new(),
        places: u32::try_from(places).unwrap(),
        commits: ends.iter().map(commit).collect(),
        complete,
        within: None,
    }
}

/// The segments of a folder, in the order of their names.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = listing.map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths
}

fn lines(folder: &Path) -> Vec<Value> {
    let texts = segments(folder).into_iter().map(|path| fs::read_to_string(path).unwrap());
    let texts: Vec<String> = texts.collect();
    texts.iter().flat_map(|t| t.lines()).map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_records_in_their_order_with_old_and_new_rows() {
    let dir = tempfile::tempdir().unwrap();
    let sink = sink(&dir.path().join("{table}.jsonl"));
    assert!(sink.wants_old_images());
    let (a, b) = (table("a"), table("b"));
    let (mut writer, held) = follow(&*sink, 1, &[&a, &b]).await;
    assert_eq!(held, None);
    let mut few = changes(&a, Op::Update, &[2], &[7]);
    (few.columns, few.rows) = (Some([0, 2].into()), rows(&[2], &[0, 2]));
    let first = set(
        vec![
            changes(&a, Op::Insert, &[1, 2], &[0, 6]),
            changes(&b, Op::Insert, &[9], &[1]),
            changes(&a, Op::Before, &[1, 3], &[2, 4]),
            changes(&a, Op::Update, &[3, 1], &[3, 5]),
            few,
            changes(&a, Op::Delete, &[3], &[8]),
        ],
        &[(4, 2), (7, 3), (9, 4)],
        true,
    );
    writer.append(&first).await.unwrap();
    assert_eq!(segments(&dir.path().join("a")), Vec::<PathBuf>::new(), "nothing before the flush");
    writer.flush(&at(4)).await.unwrap();
    let row = |id: i64| {
        let name = (id % 5 > 0).then(|| format!("n{id} \"ä\\\n"));
        let price: Value =
            serde_json::from_str(&format!("{}.{:02}", (id * 7 + 1) / 100, (id * 7 + 1) % 100))
                .unwrap();
        json!({ "id": id, "name": name, "price": price })
    };
    let when = |seq: u64| (seq != 3).then(|| format!("2023-11-14T22:13:20.{seq:06}Z"));
    let record = |op: &str, seq: u64, before: Option<Value>, after: Option<Value>| {
        let position = format!("{{\"at\":{seq}}}");
        let mut record =
            json!({ "op": op, "table": "shop.a", "ts": when(seq), "position": position });
        for (name, value) in [("before", before), ("after", after)] {
            if let Some(value) = value {
                record[name] = value;
            }
        }
        record
    };
    let few = json!({ "id": 2, "price": row(2)["price"] });
    let wanted = vec![
        record("insert", 2, None, Some(row(1))),
        record("update", 2, Some(row(1)), Some(row(3))),
        record("update", 3, Some(row(3)), Some(row(1))),
        record("insert", 3, None, Some(row(2))),
        record("update", 4, None, Some(few)),
        record("delete", 4, Some(row(3)), None),
    ];
    assert_eq!(lines(&dir.path().join("a")), wanted);
    assert_eq!(lines(&dir.path().join("b")).len(), 1);
    // A definition that changes is a record of its own.
    let change = SchemaChange {
        table: a.name.clone(),
        effect: SchemaEffect::Altered {
            after: table("a"),
            renamed: vec![("x".into(), "id".into())],
        },
        statement: Some(NativeSql::new("mysql", "ALTER TABLE a RENAME COLUMN x TO id")),
        position: at(5),
        complete: true,
        within: None,
    };
    writer.define(&change).await.unwrap();
    writer.flush(&at(5)).await.unwrap();
    let note = lines(&dir.path().join("a")).pop().unwrap();
    assert_eq!((&note["op"], &note["renamed"]), (&json!("alter"), &json!([["x", "id"]])));
    assert_eq!(note["columns"][2]["name"], json!("price"));
    assert_eq!(note["columns"][2]["type"], json!("decimal(9,2)"));
    assert!(note["statement"].as_str().unwrap().starts_with("ALTER"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_flushed_is_not_there_and_comes_once() {
    for extension in ["jsonl", "jsonl.gz", "csv", "parquet", "arrow"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("{{table}}.{extension}"));
        let sink = sink(&path);
        let t = table("t");
        let folder = dir.path().join("t");
        let mut held = 0;
        // Each owner writes two transactions, and is killed with one more or a part of one.
        for epoch in 1..=4 {
            let (mut writer, found) = follow(&*sink, epoch, &[&t]).await;
            assert_eq!(found.map_or(0, |p| p.seq), held);
            for n in 1..=2 {
                let ids = [held as i64 * 10, held as i64 * 10 + 1];
                let of = changes(&t, Op::Insert, &ids, &[0, 1]);
                writer.append(&set(vec![of], &[(2, held + 1)], true)).await.unwrap();
                if n == 2 {
                    // The next one is under way: nothing of it is part of this flush.
                    let of = changes(&t, Op::Insert, &[-1], &[0]);
                    writer.append(&set(vec![of], &[], false)).await.unwrap();
                }
                held += 1;
                writer.flush(&at(held)).await.unwrap();
            }
            if epoch % 2 == 0 {
                // It ends, and is lost all the same.
                let of = changes(&t, Op::Insert, &[-2], &[0]);
                writer.append(&set(vec![of], &[(1, 99)], true)).await.unwrap();
            }
            drop(writer);
            assert_eq!(segments(&folder).len(), usize::try_from(held).unwrap(), "{extension}");
        }
        let names: Vec<String> = segments(&folder)
            .iter()
            .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names[0], format!("00000001.{extension}"));
        let ids = read_ids(&dir, extension, &folder).await;
        let wanted: Vec<i64> = (0..8).flat_map(|n| [n * 10, n * 10 + 1]).collect();
        assert_eq!(ids, wanted, "{extension}");
        let task = ApplyTask { run: "run".into(), epoch: 9, tables: Vec::new() };
        sink.unfollow(&task).await.unwrap();
        let left: Vec<PathBuf> = segments(dir.path());
        assert_eq!(left, [folder], "{extension}");
    }
}

/// The column `id` of all segments, as this connector reads them.
async fn read_ids(_: &tempfile::TempDir, extension: &str, folder: &Path) -> Vec<i64> {
    let url = format!("{}/*.{extension}?table=t", folder.display());
    let rows = read(&url).await;
    let id =
        rows.schema().fields().iter().position(|f| {
            f.name() == "id" || (extension.starts_with("jsonl") && f.name() == "after")
        });
    let column = rows.column(id.unwrap());
    match column.data_type() {
        DataType::Int64 => column.as_primitive::<arrow::datatypes::Int64Type>().values().to_vec(),
        _ => {
            let objects = column.as_string::<i32>().iter();
            let id = |text: Option<&str>| {
                let object: Value = serde_json::from_str(text.unwrap()).unwrap();
                object["id"].as_i64().unwrap()
            };
            objects.map(id).collect()
        }
    }
}

async fn read(url: &str) -> RecordBatch {
    let endpoint = Endpoint::parse(url).unwrap();
    let source = AnyConnector::source(&FilesConnector, &endpoint).unwrap();
    let all = syncline_types::TableSelection::parse::<&str>(&[], &[]).unwrap();
    let found = source.discover(&all).await.unwrap().remove(0);
    let read =
        syncline_connector::ReadTask { table: Arc::new(found.schema), filter: None, query: None };
    source.begin(1).await.unwrap();
    let cut = syncline_connector::Cut { splits: 1, min_rows: 1, min_bytes: 1 };
    let budget = syncline_connector::Budget { rows: 1000, bytes: 1 << 20 };
    let mut batches = Vec::new();
    for split in source.plan(&read, &cut).await.unwrap() {
        let mut reader = source.open(&read, &split, None).await.unwrap();
        while let syncline_types::Element::Batch(batch) = reader.next(budget).await.unwrap() {
            assert!(batch.rejects.is_empty());
            batches.push(batch.rows);
        }
    }
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_transaction_is_kept_aside_until_its_end() {
    for extension in ["jsonl", "parquet"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("{{table}}.{{page}}.{extension}?bytes=1000000"));
        let sink = sink(&path);
        let t = table("t");
        let (mut writer, _) = follow(&*sink, 1, &[&t]).await;
        let ids: Vec<i64> = (0..30_000).collect();
        let order: Vec<u32> = (0..30_000).collect();
        for part in 0..6 {
            let of = changes(&t, Op::Insert, &ids, &order);
            let ends: &[(u32, u64)] = if part == 5 { &[(30_000, 180_000)] } else { &[] };
            writer.append(&set(vec![of], ends, part == 5)).await.unwrap();
        }
        writer.flush(&at(180_000)).await.unwrap();
        drop(writer);
        let url = format!("{}/t.*.{extension}?table=t", dir.path().display());
        let rows = read(&url).await;
        assert_eq!(rows.num_rows(), 180_000);
        assert!(segments(dir.path()).len() > 5, "it is cut");
        let position = rows.column_by_name("position").unwrap();
        assert_eq!(position.null_count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_those_that_a_full_copy_writes() {
    let dir = tempfile::tempdir().unwrap();
    let ids: Vec<i64> = (0..50).collect();
    let sink = sink(&dir.path().join("{table}.jsonl"));
    let t = table("t");
    let whole = task(&t, 1);
    sink.prepare(&whole).await.unwrap();
    let split = Split {
        table: t.name.clone(),
        id: 0,
        rows: None,
        bytes: None,
        resumable: true,
        token: "{}".into(),
    };
    let mut writer = sink.open(&whole, &split).await.unwrap().writer;
    let batch = ChangeBatch {
        table: Arc::clone(&t),
        rows: rows(&ids, &[0, 1, 2]),
        rejects: Vec::new(),
        position: at(50),
    };
    writer.write(&batch).await.unwrap();
    writer.flush(&at(50), true).await.unwrap();
    sink.commit(&whole).await.unwrap();
    sink.finish(std::slice::from_ref(&whole)).await.unwrap();
    // A table of which only changes are wanted leaves no file.
    let other = task(&table("other"), 0);
    sink.prepare(&other).await.unwrap();
    sink.commit(&other).await.unwrap();
    sink.finish(std::slice::from_ref(&other)).await.unwrap();
    let (mut log, _) = follow(&*sink, 1, &[&t]).await;
    let order: Vec<u32> = (0..50).collect();
    log.append(&set(vec![changes(&t, Op::Insert, &ids, &order)], &[(50, 50)], true)).await.unwrap();
    log.flush(&at(50)).await.unwrap();
    let copied = fs::read_to_string(dir.path().join("t.jsonl")).unwrap();
    let copied: Vec<&str> = copied.lines().collect();
    let logged = fs::read_to_string(dir.path().join("t/00000001.jsonl")).unwrap();
    assert_eq!(logged.lines().count(), 50);
    for (line, copied) in logged.lines().zip(copied) {
        assert!(line.ends_with(&format!(",\"after\":{copied}}}")), "{line}\n{copied}");
    }
    assert!(!dir.path().join("other.jsonl").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_log_tell_what_is_absent_and_new_columns_begin_a_segment() {
    let dir = tempfile::tempdir().unwrap();
    let sink = sink(&dir.path().join("{table}.parquet"));
    let t = table("t");
    let (mut writer, _) = follow(&*sink, 1, &[&t]).await;
    let mut few = changes(&t, Op::Update, &[2], &[1]);
    (few.columns, few.rows) = (Some([0, 2].into()), rows(&[2], &[0, 2]));
    let of = vec![changes(&t, Op::Before, &[2], &[0]), few, changes(&t, Op::Delete, &[7], &[2])];
    writer.append(&set(of, &[(3, 3)], true)).await.unwrap();
    let mut wider = TableSchema::clone(&t);
    wider.columns.truncate(2);
    wider.columns[1].field = Field::new("op", DataType::Utf8, true);
    let wider = Arc::new(wider);
    let mut of = changes(&wider, Op::Insert, &[4], &[0]);
    of.rows = RecordBatch::try_new(
        wider.arrow(),
        vec![Arc::new(Int64Array::from(vec![4])), Arc::new(StringArray::from(vec!["x"]))],
    )
    .unwrap();
    writer.append(&set(vec![of], &[(1, 4)], true)).await.unwrap();
    let gone = SchemaChange {
        table: t.name.clone(),
        effect: SchemaEffect::Truncated,
        statement: None,
        position: at(5),
        complete: true,
        within: None,
    };
    writer.define(&gone).await.unwrap();
    writer.flush(&at(5)).await.unwrap();
    let first = read(&format!("{}/t/00000001.parquet", dir.path().display())).await;
    let text = |rows: &RecordBatch, name: &str| -> Vec<Option<String>> {
        let column = rows.column_by_name(name).unwrap_or_else(|| panic!("{name}"));
        column.as_string::<i32>().iter().map(|v| v.map(str::to_owned)).collect()
    };
    let some = |v: &str| Some(v.to_owned());
    assert_eq!(text(&first, "op"), [some("before"), some("update"), some("delete")]);
    assert_eq!(text(&first, "absent"), [None, some("[\"name\"]"), None]);
    assert_eq!(text(&first, "name")[1], None);
    assert_eq!(first.column_by_name("ts").unwrap().null_count(), 3);
    let second = read(&format!("{}/t/00000002.parquet", dir.path().display())).await;
    assert_eq!(text(&second, "_op"), [some("insert"), some("truncate")]);
    assert_eq!(text(&second, "op"), [some("x"), None]);
    assert_eq!(text(&second, "position"), [some("{\"at\":4}"), some("{\"at\":5}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_no_log() {
    let dir = tempfile::tempdir().unwrap();
    let sink = sink(&dir.path().join("{table}.sql"));
    let task = ApplyTask { run: "run".into(), epoch: 1, tables: Vec::new() };
    assert_eq!(sink.follow(&task).await.err().unwrap().code(), Code::Unsupported);
}
