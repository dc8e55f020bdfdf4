//! What is particular to SQLite: values of any type in any column, rowids that may move, files.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int64Type};
use rusqlite::Connection;
use rusqlite::types::Value;
use syncline_connector::{
    AnyConnector, Budget, Consistency, Cut, Endpoint, ReadTask, Sink, SinkWriter, Source,
    WriteMode, WriteTask,
};
use syncline_sqlite::SqliteConnector;
use syncline_types::{
    ChangeBatch, Code, Element, Error, ErrorKind, Identity, Index, IndexPart, Position, Reject,
    Split, TableInfo, TableName, TableSchema, TableSelection,
};

const BUDGET: Budget = Budget { rows: 3, bytes: 1 << 20 };

struct File {
    folder: tempfile::TempDir,
}

impl File {
    /// A file with what the statements make.
    fn new(sql: &str) -> Self {
        let file = Self { folder: tempfile::tempdir().unwrap() };
        file.open().execute_batch(sql).unwrap();
        file
    }

    fn empty_folder() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("t.db")
    }

    fn open(&self) -> Connection {
        let db = Connection::open(self.path()).unwrap();
        db.pragma_update(None, "foreign_keys", false).unwrap();
        db
    }

    fn endpoint(&self, options: &str) -> Endpoint {
        Endpoint::parse(&format!("sqlite:{}{options}", self.path().display())).unwrap()
    }

    fn source(&self) -> Box<dyn Source> {
        AnyConnector::source(&SqliteConnector, &self.endpoint("")).unwrap()
    }

    fn sink(&self) -> Box<dyn Sink> {
        self.sink_with("")
    }

    fn sink_with(&self, options: &str) -> Box<dyn Sink> {
        AnyConnector::sink(&SqliteConnector, &self.endpoint(options)).unwrap()
    }

    fn query(&self, sql: &str) -> Vec<Vec<Value>> {
        let db = self.open();
        let mut statement = db.prepare(sql).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|i| row.get(i)).collect()).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}

async fn find(source: &dyn Source, name: &str) -> TableInfo {
    let selection = TableSelection::parse(&[name], &[]).unwrap();
    source.discover(&selection).await.unwrap().remove(0)
}

fn whole(info: &TableInfo) -> ReadTask {
    ReadTask { table: Arc::new(info.schema.clone()), filter: None, query: None }
}

fn cut(splits: usize) -> Cut {
    Cut { splits, min_rows: 1, min_bytes: 1 }
}

/// All batches of all splits.
async fn read(source: &dyn Source, read: &ReadTask, splits: usize) -> Vec<ChangeBatch> {
    let mut batches = Vec::new();
    for split in source.plan(read, &cut(splits)).await.unwrap() {
        let mut reader = source.open(read, &split, None).await.unwrap();
        while let Element::Batch(batch) = reader.next(BUDGET).await.unwrap() {
            batches.push(batch);
        }
    }
    batches
}

fn rejects(batches: &[ChangeBatch]) -> Vec<&Reject> {
    batches.iter().flat_map(|b| &b.rejects).collect()
}

fn ids(batches: &[ChangeBatch]) -> Vec<i64> {
    batches
        .iter()
        .flat_map(|b| b.rows.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_is_a_reject_and_never_coerced() {
    let file = File::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, d DATE, x BLOB);
         INSERT INTO t VALUES (1, 1, '2020-01-01', x'00'), (2, 'two', '2020-01-01', NULL),
           (3, 2.5, NULL, NULL), (4, 4, '2020-02-30', NULL), (5, 5, NULL, 'text'), (6, 6, NULL, NULL);",
    );
    let source = file.source();
    let info = find(&*source, "t").await;
    source.begin(1).await.unwrap();
    let batches = read(&*source, &whole(&info), 2).await;
    // 2020-02-30 is no day, and stands for itself.
    assert_eq!(ids(&batches), [1, 4, 6]);
    let rejects = rejects(&batches);
    assert_eq!(rejects.len(), 3);
    assert!(rejects.iter().all(|r| r.error.kind() == ErrorKind::Data));
    let words = rejects[0].error.chain();
    for part in ["t, rowid 2", "\"n\"", "\"two\""] {
        assert!(words.contains(part), "{words}");
    }
    assert_eq!(rejects[0].row.column(1).as_string::<i32>().value(0), "two");
    assert_eq!(batches.last().unwrap().position.seq, 3, "rejects count as rows");
    source.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_rowid_is_cut_and_resumed_by_its_key() {
    let file = File::new(
        "CREATE TABLE t (v INT, b ANY, a TEXT COLLATE NOCASE, PRIMARY KEY (a, b DESC)) WITHOUT ROWID;",
    );
    let db = file.open();
    for i in 0..60_i64 {
        let a = format!("{}'{}", if i % 2 == 0 { "k" } else { "K" }, i / 7);
        // Keys of several storage classes.
        match i % 3 {
            0 => db.execute("INSERT INTO t VALUES (?1, ?1, ?2)", (i, &a)),
            1 => db.execute("INSERT INTO t VALUES (?1, CAST(?1 AS TEXT) || 'x', ?2)", (i, &a)),
            _ => db.execute("INSERT INTO t VALUES (?1, CAST(?1 || 'b' AS BLOB), ?2)", (i, &a)),
        }
        .unwrap();
    }
    let source = file.source();
    let info = find(&*source, "t").await;
    let mut task = whole(&info);
    let mut table = info.schema.clone();
    table.columns.truncate(1);
    task.table = Arc::new(table);
    source.begin(2).await.unwrap();
    let splits = source.plan(&task, &cut(4)).await.unwrap();
    assert_eq!(splits.len(), 4);
    let mut all = Vec::new();
    for split in &splits {
        let mut at: Option<Position> = None;
        let mut rows = 0;
        // A new reader after every batch.
        loop {
            let mut reader = source.open(&task, split, at.as_ref()).await.unwrap();
            let Element::Batch(batch) = reader.next(BUDGET).await.unwrap() else { break };
            rows += batch.rows.num_rows();
            all.extend(ids(std::slice::from_ref(&batch)));
            at = Some(batch.position);
        }
        assert_eq!(rows, 15);
    }
    all.sort_unstable();
    assert_eq!(all, (0..60).collect::<Vec<_>>());
    source.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rowids_that_vacuum_may_move_are_not_resumed_blindly() {
    let file = File::new(
        "CREATE TABLE loose (a INT); CREATE TABLE fixed (id INTEGER PRIMARY KEY);
         INSERT INTO loose VALUES (1), (2), (3), (4), (5), (6);
         INSERT INTO fixed SELECT a FROM loose; DELETE FROM loose WHERE a < 3;",
    );
    let source = file.source();
    let tasks = [whole(&find(&*source, "loose").await), whole(&find(&*source, "fixed").await)];
    source.begin(1).await.unwrap();
    let mut kept: Vec<(Split, Position)> = Vec::new();
    for task in &tasks {
        let split = source.plan(task, &cut(1)).await.unwrap().remove(0);
        assert!(split.resumable);
        let mut reader = source.open(task, &split, None).await.unwrap();
        let Element::Batch(batch) = reader.next(BUDGET).await.unwrap() else { panic!("rows") };
        kept.push((split, batch.position));
    }
    source.end().await.unwrap();

    let resume = async |n: usize| {
        let source = file.source();
        source.begin(1).await.unwrap();
        let opened = source.open(&tasks[n], &kept[n].0, Some(&kept[n].1)).await.map(drop);
        source.end().await.unwrap();
        opened.map_err(|e| e.code())
    };
    assert_eq!(resume(0).await, Ok(()));
    file.open().execute_batch("VACUUM").unwrap();
    assert_eq!(resume(0).await, Err(Code::CannotResume));
    assert_eq!(resume(1).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_readers_share_a_moment_while_others_write() {
    let file = File::new(
        "PRAGMA journal_mode = wal; CREATE TABLE t (id INTEGER PRIMARY KEY);
         INSERT INTO t VALUES (1), (2), (3), (4);",
    );
    let source = file.source();
    let task = whole(&find(&*source, "t").await);
    assert_eq!(source.begin(3).await.unwrap(), Consistency::Snapshot);
    file.open().execute_batch("INSERT INTO t VALUES (5); DELETE FROM t WHERE id = 1").unwrap();
    assert_eq!(ids(&read(&*source, &task, 2).await), [1, 2, 3, 4]);
    source.end().await.unwrap();

    // A writer that does not end its transaction keeps the file from being held still.
    let writer = file.open();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let endpoint = file.endpoint("?busy_timeout_ms=50");
    let source = AnyConnector::source(&SqliteConnector, &endpoint).unwrap();
    assert!(matches!(source.begin(3).await.unwrap(), Consistency::PerSplit(_)));
    assert_eq!(source.begin(1).await.unwrap(), Consistency::Snapshot);
    source.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_one_piece_in_one_pass() {
    let file = File::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, price DECIMAL(8,2));
         INSERT INTO t VALUES (1, 1.5), (2, 2.25), (3, 3), (4, NULL);",
    );
    let source = file.source();
    let sql = "SELECT id, price, id * 2 AS double, 'x' || id AS label FROM t ORDER BY id DESC";
    let info = source.describe_query(sql).await.unwrap();
    let types: Vec<String> =
        info.schema.columns.iter().map(|c| c.field.data_type().to_string()).collect();
    assert_eq!(types, ["Int64", "Decimal128(8, 2)", "Int64", "Utf8"]);
    assert_eq!(info.schema.name, TableName::bare("query"));
    source.begin(2).await.unwrap();
    let mut table = info.schema.clone();
    table.columns.swap(0, 2);
    table.columns.truncate(2);
    let task = ReadTask { table: Arc::new(table), filter: None, query: Some(sql.into()) };
    let splits = source.plan(&task, &cut(4)).await.unwrap();
    assert_eq!(splits.len(), 1);
    assert!(!splits[0].resumable);
    let batches = read(&*source, &task, 4).await;
    assert_eq!(ids(&batches), [8, 6, 4, 2]);
    assert_eq!(batches.len(), 2);
    // A reader that is given up gives its connection back.
    let mut reader = source.open(&task, &splits[0], None).await.unwrap();
    reader.next(BUDGET).await.unwrap();
    drop(reader);
    source.end().await.unwrap();

    for bad in ["DELETE FROM t", "SELECT 1 AS a, 2 AS a", "SELEC", "SELECT 1; SELECT 2"] {
        let error = source.describe_query(bad).await.unwrap_err();
        assert_eq!(error.code(), Code::QueryRejected, "{bad}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_files_and_conditions_are_named() {
    let missing = File::empty_folder();
    let source = missing.source();
    assert_eq!(source.check().await.unwrap_err().code(), Code::FileNotFound);
    assert_eq!(source.begin(2).await.unwrap_err().code(), Code::FileNotFound);
    assert!(!missing.path().exists());
    std::fs::write(missing.path(), "this is not a database, whatever its name says").unwrap();
    assert_eq!(source.check().await.unwrap_err().code(), Code::Corrupt);
    assert_eq!(missing.sink().check().await.unwrap_err().code(), Code::Corrupt);

    let file = File::new("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT 1");
    let source = file.source();
    let mut task = whole(&find(&*source, "t").await);
    task.filter = Some("missing = 1".into());
    source.begin(1).await.unwrap();
    let split = source.plan(&task, &cut(1)).await.unwrap().remove(0);
    let error = source.open(&task, &split, None).await.map(drop).unwrap_err();
    assert_eq!(error.code(), Code::QueryRejected, "{}", error.chain());
    let view = TableSelection::parse(&["v"], &[]).unwrap();
    let error = source.discover(&view).await.unwrap_err();
    assert!(error.hint_text().unwrap().contains("--query"), "{error}");
    source.end().await.unwrap();
    let nowhere = Endpoint::parse("sqlite:/no/such/folder/t.db").unwrap();
    let sink = AnyConnector::sink(&SqliteConnector, &nowhere).unwrap();
    assert_eq!(sink.check().await.unwrap_err().code(), Code::FileNotFound);
}

/// A load as the engine does it, of one split.
struct Load {
    sink: Box<dyn Sink>,
    task: WriteTask,
}

impl Load {
    async fn begin(sink: Box<dyn Sink>, source: &TableSchema, write: WriteMode) -> Load {
        let found = sink.describe(&source.name).await.unwrap();
        let (exists, empty_at_start) = found.as_ref().map_or((false, true), |t| (true, t.empty));
        let table = match found {
            Some(found) => found.schema,
            None => sink.adapt(source, &source.name).unwrap().table,
        };
        let run = "0199aaaa-0000-7000-8000-000000000001".to_owned();
        let table = Arc::new(table);
        let task = WriteTask {
            run,
            epoch: 1,
            definition: Arc::clone(&table),
            table,
            exists,
            empty_at_start,
            distinct: false,
            write,
            splits: 1,
            circular: Vec::new(),
        };
        sink.prepare(&task).await.unwrap();
        Load { sink, task }
    }

    async fn writer(&self) -> Box<dyn SinkWriter> {
        let table = TableName::bare("source");
        let token = String::new();
        let split = Split { table, id: 0, rows: None, bytes: None, resumable: true, token };
        self.sink.open(&self.task, &split).await.unwrap().writer
    }

    fn batch(&self, columns: Vec<ArrayRef>) -> ChangeBatch {
        let fields: Vec<Field> =
            self.task.table.columns.iter().map(|c| c.field.clone().with_nullable(true)).collect();
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        ChangeBatch {
            table: Arc::clone(&self.task.table),
            rows: RecordBatch::try_new(schema, columns).unwrap(),
            rejects: Vec::new(),
            position: Position::new(1, "{}"),
        }
    }

    async fn end(&self, mut writer: Box<dyn SinkWriter>) -> Result<(), Error> {
        writer.flush(&Position::new(1, "{}"), true).await?;
        drop(writer);
        self.sink.commit(&self.task).await?;
        self.sink.finish(std::slice::from_ref(&self.task)).await
    }

    async fn all(&self, columns: Vec<ArrayRef>) -> Result<(), Error> {
        let mut writer = self.writer().await;
        writer.write(&self.batch(columns)).await?;
        self.end(writer).await
    }
}

fn table(fields: impl IntoIterator<Item = (&'static str, DataType)>) -> TableSchema {
    let fields = fields.into_iter().map(|(name, t)| Field::new(name, t, true));
    TableSchema::new(TableName::bare("t"), fields)
}

fn ints(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<Int64Array>())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_is_made_with_keys_indexes_and_the_next_number() {
    let file = File::empty_folder();
    let mut source = table([("id", DataType::Int64), ("n", DataType::Int64)]);
    source.primary_key = vec!["id".into()];
    source.columns[0].identity = Some(Identity { always: true, next: Some(1000) });
    let part = IndexPart { column: "n".into(), prefix: None, descending: true };
    source.indexes = vec![Index::new("by_n", vec![part], true)];
    let sink = file.sink();
    assert_eq!(sink.check().await.unwrap().len(), 1);
    assert!(!file.path().exists());
    let load = Load::begin(sink, &source, WriteMode::Append).await;
    load.all(vec![ints([1, 2]), ints([7, 8])]).await.unwrap();
    let next = file.open();
    next.execute("INSERT INTO t (n) VALUES (9)", []).unwrap();
    assert_eq!(next.last_insert_rowid(), 1000);
    assert!(next.execute("INSERT INTO t (n) VALUES (9)", []).is_err(), "the index is unique");
    // Nothing but the one file is left.
    drop(next);
    let left: Vec<_> = std::fs::read_dir(file.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_sqlite_would_change_are_refused() {
    let file = File::new("CREATE TABLE t (f DOUBLE, d DECIMAL(20,4), j JSON, u BIGINT UNSIGNED)");
    let source = find(&*file.source(), "t").await.schema;
    let load = Load::begin(file.sink(), &source, WriteMode::Append).await;
    let row = |f: f64, d: i128, j: &str, u: u64| -> Vec<ArrayRef> {
        let d = Decimal128Array::from(vec![d]).with_precision_and_scale(20, 4).unwrap();
        vec![
            Arc::new(Float64Array::from(vec![f])),
            Arc::new(d),
            Arc::new(StringArray::from(vec![j])),
            Arc::new(UInt64Array::from(vec![u])),
        ]
    };
    let mut writer = load.writer().await;
    let mut refused =
        async |row: Vec<ArrayRef>| writer.write(&load.batch(row)).await.unwrap_err().code();
    assert_eq!(refused(row(f64::NAN, 1, "{}", 1)).await, Code::NoEquivalent);
    assert_eq!(refused(row(0.5, 12_345_678_901_234_567, "{}", 1)).await, Code::Conversion);
    assert_eq!(refused(row(0.5, 1, "1.50", 1)).await, Code::Conversion);
    writer.write(&load.batch(row(f64::INFINITY, -15_000, "[1.50]", u64::MAX))).await.unwrap();
    load.end(writer).await.unwrap();
    assert_eq!(
        file.query("SELECT * FROM t"),
        [[
            Value::Real(f64::INFINITY),
            Value::Real(-1.5),
            Value::Text("[1.50]".into()),
            Value::Blob(b"18446744073709551615".to_vec()),
        ]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn null_never_becomes_a_number_of_the_rowid() {
    let file = File::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let source = find(&*file.source(), "t").await.schema;
    let load = Load::begin(file.sink(), &source, WriteMode::Append).await;
    let null: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    let error = load.all(vec![null]).await.unwrap_err();
    assert_eq!(error.code(), Code::NotNull);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_keys_are_enforced_unless_told_otherwise() {
    let sql = "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
               CREATE TABLE t (p INTEGER REFERENCES p (id));";
    let file = File::new(sql);
    let source = find(&*file.source(), "t").await.schema;
    let load = Load::begin(file.sink(), &source, WriteMode::Append).await;
    let mut writer = load.writer().await;
    let error = writer.write(&load.batch(vec![ints([1, 2])])).await.unwrap_err();
    assert_eq!(error.code(), Code::ForeignKey);
    writer.write(&load.batch(vec![ints([1])])).await.unwrap();
    load.end(writer).await.unwrap();
    assert_eq!(file.query("SELECT count(*) FROM t"), [[Value::Integer(1)]]);

    // A replace finds them when it swaps, and leaves the old rows.
    let load = Load::begin(file.sink(), &source, WriteMode::Replace).await;
    let error = load.all(vec![ints([1, 2])]).await.unwrap_err();
    assert_eq!(error.code(), Code::ForeignKey, "{}", error.chain());
    assert_eq!(file.query("SELECT count(*) FROM t"), [[Value::Integer(1)]]);
    load.sink.discard(std::slice::from_ref(&load.task)).await.unwrap();

    let sink = file.sink_with("?foreign_keys=false");
    Load::begin(sink, &source, WriteMode::Append).await.all(vec![ints([2])]).await.unwrap();
    assert_eq!(file.query("SELECT count(*) FROM t"), [[Value::Integer(2)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_table_keeps_its_definition_indexes_triggers_and_views() {
    let sql = "CREATE TABLE log (n);
         CREATE TABLE \"t\" (id INTEGER PRIMARY KEY, n INT CHECK (n > 0), up REFERENCES t (id)) -- end
         ; CREATE INDEX by_n ON t (n); CREATE UNIQUE INDEX half ON t (n) WHERE n > 5;
         CREATE TRIGGER tr AFTER DELETE ON t BEGIN INSERT INTO log VALUES (old.id); END;
         CREATE VIEW v AS SELECT n FROM t; CREATE TABLE child (t REFERENCES t (id));
         INSERT INTO t VALUES (1, 1, 1); INSERT INTO child VALUES (1);";
    let file = File::new(sql);
    let definitions = "SELECT type, name, sql FROM sqlite_schema WHERE name <> 't' ORDER BY 1, 2";
    let before = file.query(definitions);
    let source = find(&*file.source(), "t").await.schema;
    let load = Load::begin(file.sink(), &source, WriteMode::Replace).await;
    load.all(vec![ints([1, 2]), ints([5, 6]), ints([2, 2])]).await.unwrap();
    assert_eq!(file.query(definitions), before);
    let rows = [[Value::Integer(5)], [Value::Integer(6)]];
    assert_eq!(file.query("SELECT n FROM v ORDER BY n"), rows);
    assert_eq!(file.query("SELECT count(*) FROM log"), [[Value::Integer(0)]]);
    let db = file.open();
    assert!(db.execute("INSERT INTO t VALUES (3, 0, 1)", []).is_err(), "the check is there");
    db.execute("DELETE FROM t WHERE id = 2", []).unwrap();
    assert_eq!(file.query("SELECT n FROM log"), [[Value::Integer(2)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_columns_are_read_and_said_to_be_generated() {
    let file = File::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, twice INT AS (id * 2), s INT AS (id + 1) STORED);
         INSERT INTO t (id) VALUES (4);",
    );
    let source = file.source();
    let info = find(&*source, "t").await;
    let generated: Vec<_> = info
        .schema
        .columns
        .iter()
        .map(|c| c.generated.as_ref().map(|g| g.expression.sql.as_str()))
        .collect();
    assert_eq!(generated, [None, Some("id * 2"), Some("id + 1")]);
    source.begin(1).await.unwrap();
    let batches = read(&*source, &whole(&info), 1).await;
    assert_eq!(batches[0].rows.column(1).as_primitive::<Int64Type>().value(0), 8);
    source.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_waits_for_no_other_table_of_its_run() {
    // One open transaction, and a table made ready meanwhile: the second waits for the first.
    let file = File::empty_folder();
    let sink: Arc<dyn Sink> = file.sink().into();
    let one = table([("id", DataType::Int64)]);
    let two = TableSchema { name: TableName::bare("two"), ..one.clone() };
    let task = |t: &TableSchema| WriteTask {
        run: "r".into(),
        epoch: 1,
        table: Arc::new(sink.adapt(t, &t.name).unwrap().table),
        definition: Arc::new(sink.adapt(t, &t.name).unwrap().table),
        exists: false,
        empty_at_start: true,
        distinct: false,
        write: WriteMode::Append,
        splits: 1,
        circular: Vec::new(),
    };
    let (first, second) = (task(&one), task(&two));
    sink.prepare(&first).await.unwrap();
    let load = Load { sink: file.sink(), task: first.clone() };
    let split = Split {
        table: TableName::bare("s"),
        id: 0,
        rows: None,
        bytes: None,
        resumable: true,
        token: String::new(),
    };
    let mut writer = sink.open(&first, &split).await.unwrap().writer;
    writer.write(&load.batch(vec![ints([1])])).await.unwrap();
    let other = tokio::spawn({
        let sink = Arc::clone(&sink);
        async move { sink.prepare(&second).await }
    });
    tokio::task::yield_now().await;
    writer.flush(&Position::new(1, "{}"), true).await.unwrap();
    other.await.unwrap().unwrap();
    assert!(
        file.query("SELECT name FROM sqlite_schema").contains(&vec![Value::Text("two".into())])
    );
}

/// Everything SQLite can hold, through a source and a sink, byte for byte.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_to_sqlite_is_exact() {
    let from = File::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, i BIGINT, u BIGINT UNSIGNED, f REAL,
           d DECIMAL(15,5), dt DECIMAL_TEXT(40,2), n NUMERIC, s VARCHAR(9) DEFAULT 'x', c TEXT NOT NULL,
           j JSON, b BLOB, y BOOLEAN, da DATE, ts TIMESTAMP, tz TIMESTAMPTZ, t TIME, du DURATION, x);
         INSERT INTO t VALUES
          (-9223372036854775808, 9223372036854775807, x'3138343436373434303733373039353531363135',
           1.7976931348623157e308, 9999999999.99999, '-99999999999999999999999999999999999999.99', 0.1,
           'it''s', 'a' || char(0) || 'b', '{\"a\": 1.50}', x'00ff', 1, '-0043-03-15',
           '9999-12-31 23:59:59.999999', '1970-01-01 00:00:00+00:00', '24:00:00', '-838:59:59.000001', 'any'),
          (0, -1, 0, -9e999, -0.00001, '0.00', 12345678901234, '', '', '7', x'', 0, '2020-02-29',
           '0001-01-01 00:00:00', '2000-01-01 00:00:00.500000+00:00', '00:00:00.000001', '00:00:00', ''),
          (9223372036854775807, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '😀', NULL, NULL, NULL, NULL, NULL,
           NULL, NULL, NULL, NULL);",
    );
    let source = from.source();
    let info = find(&*source, "t").await;
    source.begin(1).await.unwrap();
    let to = File::empty_folder();
    let load = Load::begin(to.sink(), &info.schema, WriteMode::Append).await;
    let mut writer = load.writer().await;
    let batches = read(&*source, &whole(&info), 3).await;
    assert!(rejects(&batches).is_empty(), "{}", rejects(&batches)[0].error);
    for batch in &batches {
        writer.write(&load.batch(batch.rows.columns().to_vec())).await.unwrap();
    }
    load.end(writer).await.unwrap();
    source.end().await.unwrap();
    let rows = "SELECT * FROM t ORDER BY id";
    assert_eq!(to.query(rows), from.query(rows));
    let types = "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('t')";
    let declared = |file: &File| {
        file.query(types).into_iter().map(|row| row[..2].to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(declared(&to), declared(&from));
}

#[test]
fn a_url_names_a_file() {
    for url in ["sqlite:", "sqlite::memory:"] {
        let endpoint = Endpoint::parse(url).unwrap();
        let error = AnyConnector::sink(&SqliteConnector, &endpoint).map(drop).unwrap_err();
        assert_eq!(error.code(), Code::BadUrl, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_clause_or_trigger_of_the_target_makes_rows_vanish() {
    let file = File::new(
        "CREATE TABLE t (id INT UNIQUE ON CONFLICT IGNORE, n INT UNIQUE ON CONFLICT ROLLBACK);
         CREATE TRIGGER quiet BEFORE INSERT ON t WHEN new.n = 100 BEGIN SELECT raise(IGNORE); END;
         CREATE TRIGGER loud BEFORE INSERT ON t WHEN new.n = 200 BEGIN SELECT raise(ROLLBACK, 'no'); END;
         INSERT INTO t VALUES (1, 1);",
    );
    let source = find(&*file.source(), "t").await.schema;
    let load = Load::begin(file.sink(), &source, WriteMode::Append).await;
    let mut writer = load.writer().await;
    writer.write(&load.batch(vec![ints([2]), ints([2])])).await.unwrap();
    for (id, n, code) in
        [(1, 9, Code::DuplicateKey), (9, 1, Code::DuplicateKey), (9, 100, Code::CheckViolated)]
    {
        let error = writer.write(&load.batch(vec![ints([id]), ints([n])])).await.unwrap_err();
        assert_eq!(error.code(), code, "{}", error.chain());
    }
    // This one takes the batches before with it: not a matter of one row.
    let error = writer.write(&load.batch(vec![ints([9]), ints([200])])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permanent, "{}", error.chain());
    drop(writer);
    let mut writer = load.writer().await;
    writer.write(&load.batch(vec![ints([3, 4]), ints([3, 4])])).await.unwrap();
    load.end(writer).await.unwrap();
    let rows = file.query("SELECT id FROM t ORDER BY 1");
    assert_eq!(rows, [1, 3, 4].map(|n| [Value::Integer(n)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_whose_name_is_taken_is_made_all_the_same() {
    let file = File::new("CREATE TABLE other (n INT); CREATE INDEX t_by_n ON other (n)");
    let mut source = table([("n", DataType::Int64)]);
    let part = IndexPart { column: "n".into(), prefix: None, descending: false };
    source.indexes = vec![Index::new("by_n", vec![part], true)];
    let load = Load::begin(file.sink(), &source, WriteMode::Append).await;
    load.all(vec![ints([1])]).await.unwrap();
    let mine = "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 't'";
    assert_eq!(file.query(mine), [[Value::Text("t_by_n_2".into())]]);
}
