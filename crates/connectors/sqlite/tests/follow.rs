//! Changes applied in sets come to the same as row by row, and become durable with their position
//! or not at all.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Schema};
use rusqlite::Connection;
use syncline_connector::{
    AnyConnector, Apply, ApplyTask, DefinitionChange, Endpoint, Follower, Sink, StateWriter,
    WriteMode, WriteTask,
};
use syncline_sqlite::SqliteConnector;
use syncline_types::{Code, ErrorKind, Position, Split, TableName, TableSchema};

const RUN: &str = "0199aaaa-0000-7000-8000-0000000000f5";

struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new(sql: &str) -> Self {
        let file = Self { folder: tempfile::tempdir().unwrap() };
        file.open().execute_batch(sql).unwrap();
        file
    }

    fn open(&self) -> Connection {
        let connection = Connection::open(self.folder.path().join("t.db")).unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        connection
    }

    fn sink(&self) -> Box<dyn Sink> {
        let path = self.folder.path().join("t.db");
        let url = format!("sqlite:{}?busy_timeout_ms=200", path.display());
        AnyConnector::sink(&SqliteConnector, &Endpoint::parse(&url).unwrap()).unwrap()
    }

    /// The rows of a query, as text.
    fn rows(&self, sql: &str) -> Vec<String> {
        let connection = self.open();
        let mut statement = connection.prepare(sql).unwrap();
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let value = |at| row.get::<_, rusqlite::types::Value>(at).map(|v| format!("{v:?}"));
            (0..width).map(value).collect::<Result<Vec<_>, _>>().map(|v| v.join(" "))
        };
        statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn contents(&self, table: &str) -> Vec<String> {
        let mut rows = self.rows(&format!("SELECT * FROM {table}"));
        rows.sort();
        rows
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Null,
    Int(i64),
    Text(String),
    Float(f64),
}

type Row = Vec<Value>;

fn text(t: &str) -> Value {
    Value::Text(t.to_owned())
}

impl Value {
    fn sql(&self) -> String {
        match self {
            Value::Null => "NULL".into(),
            Value::Int(n) => n.to_string(),
            Value::Text(t) => format!("'{}'", t.replace('\'', "''")),
            Value::Float(f) => format!("{f:e}"),
        }
    }
}

fn array(data_type: &DataType, values: Vec<Value>) -> ArrayRef {
    let int = |v: &Value| match v {
        Value::Int(n) => Some(*n),
        _ => None,
    };
    match data_type {
        DataType::Int64 => Arc::new(values.iter().map(int).collect::<Int64Array>()),
        DataType::Float64 => Arc::new(
            values
                .iter()
                .map(|v| match v {
                    Value::Float(f) => Some(*f),
                    _ => None,
                })
                .collect::<Float64Array>(),
        ),
        DataType::Utf8 => Arc::new(
            values
                .iter()
                .map(|v| match v {
                    Value::Text(t) => Some(t.as_str()),
                    _ => None,
                })
                .collect::<StringArray>(),
        ),
        other => panic!("no way to make {other}"),
    }
}

/// A batch of some of the table's columns.
fn batch(table: &TableSchema, columns: &[&str], rows: &[Row]) -> RecordBatch {
    let fields: Vec<_> = columns.iter().map(|c| table.column(c).unwrap().field.clone()).collect();
    let arrays = fields
        .iter()
        .enumerate()
        .map(|(at, f)| array(f.data_type(), rows.iter().map(|r| r[at].clone()).collect()))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

async fn apply_task(sink: &dyn Sink, names: &[&str], epoch: u64) -> ApplyTask {
    let mut tables = Vec::new();
    for name in names {
        let there = sink.describe(&TableName::bare(*name)).await.unwrap().unwrap().schema;
        let mut table = there.clone();
        table.columns.retain(|c| c.generated.is_none());
        tables.push(WriteTask {
            run: RUN.into(),
            epoch,
            table: Arc::new(table),
            definition: Arc::new(there),
            exists: true,
            empty_at_start: false,
            distinct: false,
            write: WriteMode::Upsert,
            splits: 1,
            circular: Vec::new(),
        });
    }
    ApplyTask { run: RUN.into(), epoch, tables }
}

async fn follow(sink: &dyn Sink, task: &ApplyTask) -> (Box<dyn StateWriter>, Option<Position>) {
    let opened = sink.follow(task).await.unwrap();
    match opened.follower {
        Follower::State(writer) => (writer, opened.held),
        Follower::Log(_) => panic!("a store keeps tables"),
    }
}

fn at(seq: u64) -> Position {
    Position::new(seq, format!("{{\"at\":{seq}}}"))
}

/// A sequence of numbers that looks random, and is the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// A kind of table.
struct Case {
    name: &'static str,
    /// What stands between the parentheses; `{t}` is the table's name.
    columns: &'static str,
    /// Those that are written, the key's first.
    written: &'static [&'static str],
    key: usize,
    value: fn(&mut Dice, usize) -> Value,
}

fn word(dice: &mut Dice) -> Value {
    const WORDS: [&str; 9] = ["", "a", "it's", "b\\n\t", "ä", "z ", "A", "中文", "tab\tnew\nline"];
    match dice.roll(10) {
        0 => Value::Null,
        n => text(WORDS[n - 1]),
    }
}

fn int(dice: &mut Dice, below: usize) -> Value {
    Value::Int(i64::try_from(dice.roll(below)).unwrap())
}

fn small(dice: &mut Dice, column: usize) -> Value {
    match column {
        0 => int(dice, 60),
        1 => int(dice, 1000),
        _ => word(dice),
    }
}

const CASES: [Case; 7] = [
    Case {
        name: "plain",
        columns: "id INTEGER PRIMARY KEY, a INTEGER, b TEXT",
        written: &["id", "a", "b"],
        key: 1,
        value: small,
    },
    Case {
        name: "counted",
        columns: "id INTEGER PRIMARY KEY AUTOINCREMENT, a INTEGER UNIQUE ON CONFLICT REPLACE, b TEXT, \
                  g INTEGER GENERATED ALWAYS AS (a + 1) STORED",
        written: &["id", "a", "b"],
        key: 1,
        value: small,
    },
    Case {
        name: "composite",
        columns: "a INTEGER, y TEXT NOT NULL, x INTEGER NOT NULL, PRIMARY KEY (y, x)",
        written: &["y", "x", "a"],
        key: 2,
        value: |dice, column| match column {
            0 => text(["a", "b", "c", "A", "ä"][dice.roll(5)]),
            1 => int(dice, 12),
            _ => int(dice, 1000),
        },
    },
    Case {
        name: "spelt",
        columns: "k TEXT NOT NULL COLLATE NOCASE PRIMARY KEY, a INTEGER, b TEXT",
        written: &["k", "a", "b"],
        key: 1,
        value: |dice, column| match column {
            0 => {
                let word = format!("key{}", dice.roll(40));
                text(&if dice.roll(4) == 0 { word.to_uppercase() } else { word })
            }
            _ => small(dice, column),
        },
    },
    Case {
        name: "unique",
        columns: "id INTEGER PRIMARY KEY, u INTEGER UNIQUE, b TEXT",
        written: &["id", "u", "b"],
        key: 1,
        value: |dice, column| match column {
            1 if dice.roll(4) == 0 => Value::Null,
            1 => int(dice, 3000),
            _ => small(dice, column),
        },
    },
    Case {
        name: "keyless",
        columns: "a INTEGER, b TEXT COLLATE NOCASE, c DOUBLE",
        written: &["a", "b", "c"],
        key: 0,
        value: |dice, column| match column {
            0 => int(dice, 5),
            1 => word(dice),
            _ if dice.roll(3) == 0 => Value::Null,
            _ => Value::Float([0.1, -2.5e300, 3.0][dice.roll(3)]),
        },
    },
    Case {
        name: "child",
        columns: "id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent (id), b TEXT",
        written: &["id", "p", "b"],
        key: 1,
        value: |dice, column| match column {
            1 if dice.roll(5) == 0 => Value::Null,
            // 200 parents, and rarely one that is not there.
            1 => int(dice, 201),
            _ => small(dice, column),
        },
    },
];

fn same(columns: &[&str], values: &[Value], key: bool) -> String {
    let one = |(c, v): (&&str, &Value)| match key {
        // By a key, rows are found as its collation has it.
        true => format!("{c} = {}", v.sql()),
        false => format!("{c} IS {} COLLATE BINARY", v.sql()),
    };
    columns.iter().zip(values).map(one).collect::<Vec<_>>().join(" AND ")
}

fn list(values: &[Value]) -> String {
    values.iter().map(Value::sql).collect::<Vec<_>>().join(", ")
}

fn names(columns: &[&str]) -> String {
    columns.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ")
}

/// What is done, as rows.
#[derive(Debug, Clone)]
enum Deed {
    Insert(Vec<Row>),
    Upsert(Vec<Row>),
    /// Rows of the key and one more column, by its index.
    Set(usize, Vec<Row>),
    /// New rows by old keys.
    Move(Vec<Row>, Vec<Row>),
    Delete(Vec<Row>),
}

impl Case {
    fn row(&self, dice: &mut Dice) -> Row {
        (0..self.written.len()).map(|c| (self.value)(dice, c)).collect()
    }

    fn rows(&self, dice: &mut Dice) -> Vec<Row> {
        let most = if dice.roll(3) == 0 { 40 } else { 6 };
        let count = 1 + dice.roll(most);
        let mut rows: Vec<Row> = Vec::new();
        for _ in 0..count {
            let row = self.row(dice);
            let alike = |other: &Row| {
                other[..self.key].iter().zip(&row).all(|(a, b)| match (a, b) {
                    (Value::Text(a), Value::Text(b)) => a.to_lowercase() == b.to_lowercase(),
                    (a, b) => a == b,
                })
            };
            if self.key == 0 || !rows.iter().any(alike) {
                rows.push(row);
            }
        }
        rows
    }

    fn deed(&self, dice: &mut Dice) -> Deed {
        let rows = self.rows(dice);
        let keys = |rows: Vec<Row>| rows.into_iter().map(|r| r[..self.key].to_vec()).collect();
        match dice.roll(6) {
            0 => Deed::Insert(rows),
            1 if self.key == 0 => Deed::Delete(rows),
            1 => Deed::Delete(keys(rows)),
            _ if self.key == 0 => Deed::Insert(rows),
            2 => {
                let column = self.key + dice.roll(self.written.len() - self.key);
                let take = |mut row: Row| {
                    let value = row.swap_remove(column);
                    row.truncate(self.key);
                    row.push(value);
                    row
                };
                Deed::Set(column, rows.into_iter().map(take).collect())
            }
            3 => {
                // Keys move from one half of them to the other: none comes twice.
                let old: Vec<Row> = keys(rows[..rows.len() / 2].to_vec());
                let new: Vec<Row> = rows[rows.len() - old.len()..].to_vec();
                if old.is_empty() { Deed::Upsert(rows) } else { Deed::Move(new, old) }
            }
            _ => Deed::Upsert(rows),
        }
    }

    fn apply(&self, table: &TableSchema, deed: &Deed) -> Apply {
        let key = &self.written[..self.key];
        match deed {
            Deed::Insert(rows) => Apply::Insert(batch(table, self.written, rows)),
            Deed::Upsert(rows) => Apply::Upsert(batch(table, self.written, rows)),
            Deed::Set(column, rows) => {
                let mut columns = key.to_vec();
                columns.push(self.written[*column]);
                Apply::Update { rows: batch(table, &columns, rows), old_keys: None }
            }
            Deed::Move(rows, old) => Apply::Update {
                rows: batch(table, self.written, rows),
                old_keys: Some(batch(table, key, old)),
            },
            Deed::Delete(rows) if self.key == 0 => Apply::Delete(batch(table, self.written, rows)),
            Deed::Delete(rows) => Apply::Delete(batch(table, key, rows)),
        }
    }

    /// The same row by row.
    fn by_rows(&self, session: &Connection, table: &str, deed: &Deed) -> rusqlite::Result<()> {
        let key = &self.written[..self.key];
        let all = names(self.written);
        let set = |row: &Row| -> String {
            let one = |(c, v): (&&str, &Value)| format!("\"{c}\" = {}", v.sql());
            self.written.iter().zip(row).map(one).collect::<Vec<_>>().join(", ")
        };
        match deed {
            Deed::Insert(rows) => rows.iter().try_for_each(|row| {
                session.execute_batch(&format!("INSERT OR ABORT INTO {table} ({all}) VALUES ({})", list(row)))
            }),
            Deed::Upsert(rows) => rows.iter().try_for_each(|row| {
                let found = same(key, row, true);
                let count = format!("SELECT COUNT(*) FROM {table} WHERE {found}");
                let sql = match session.query_row(&count, [], |row| row.get::<_, i64>(0))? {
                    0 => format!("INSERT OR ABORT INTO {table} ({all}) VALUES ({})", list(row)),
                    _ => format!("UPDATE OR ABORT {table} SET {} WHERE {found}", set(row)),
                };
                session.execute_batch(&sql)
            }),
            Deed::Set(column, rows) => rows.iter().try_for_each(|row| {
                let (name, value) = (self.written[*column], row[self.key].sql());
                let found = same(key, row, true);
                session.execute_batch(&format!("UPDATE OR ABORT {table} SET \"{name}\" = {value} WHERE {found}"))
            }),
            Deed::Move(rows, old) => rows.iter().zip(old).try_for_each(|(row, old)| {
                let found = same(key, old, true);
                session.execute_batch(&format!("UPDATE OR ABORT {table} SET {} WHERE {found}", set(row)))
            }),
            Deed::Delete(rows) => rows.iter().try_for_each(|row| {
                let columns = if self.key == 0 { self.written } else { key };
                let found = same(columns, row, false);
                let sql = match self.key {
                    0 => format!("DELETE FROM {table} WHERE rowid = (SELECT rowid FROM {table} WHERE {found} LIMIT 1)"),
                    _ => format!("DELETE FROM {table} WHERE {found}"),
                };
                session.execute_batch(&sql)
            }),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_come_to_the_same_as_rows_one_by_one() {
    for (number, case) in CASES.iter().enumerate() {
        let tables = |schema: &str| {
            format!(
                "CREATE TABLE parent (id INTEGER PRIMARY KEY);
                 INSERT INTO parent WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199) SELECT i FROM n;
                 CREATE TABLE t ({schema}) {}",
                if case.key == 2 { "WITHOUT ROWID" } else { "" }
            )
        };
        // A file for each: a file has one writer at a time.
        let (set, rows) = (File::new(&tables(case.columns)), File::new(&tables(case.columns)));
        let sink = set.sink();
        let task = apply_task(&*sink, &["t"], 1).await;
        let (mut writer, held) = follow(&*sink, &task).await;
        assert_eq!(held, None);
        let session = rows.open();
        let mut dice = Dice(77 + number as u64);
        let (mut refused, mut done) = (0, 0);
        for step in 0..60 {
            session.execute_batch("BEGIN").unwrap();
            for _ in 0..=dice.roll(3) {
                let deed = case.deed(&mut dice);
                session.execute_batch("SAVEPOINT s").unwrap();
                let expected = case.by_rows(&session, "t", &deed);
                let result = writer.apply(0, &case.apply(&task.tables[0].table, &deed)).await;
                match (&expected, &result) {
                    (Ok(()), Ok(())) => done += 1,
                    (Err(_), Err(e)) if e.kind() == ErrorKind::Data => {
                        refused += 1;
                        session.execute_batch("ROLLBACK TO s").unwrap();
                    }
                    _ => panic!("{} {step} {deed:?}: {expected:?}, {result:?}", case.name),
                }
            }
            session.execute_batch("COMMIT").unwrap();
            writer.flush(&at(step)).await.unwrap();
            if step % 10 == 9 {
                assert_eq!(set.contents("t"), rows.contents("t"), "{} {step}", case.name);
            }
        }
        assert!(!set.contents("t").is_empty(), "{}", case.name);
        assert!(done > 50, "{}: {done} {refused}", case.name);
        drop(writer);
        let (writer, held) = follow(&*sink, &task).await;
        assert_eq!(held, Some(at(59)));
        drop(writer);
        sink.unfollow(&task).await.unwrap();
        let left = "SELECT name FROM sqlite_schema WHERE name LIKE '\\_syncline%' ESCAPE '\\'";
        assert_eq!(set.rows(left), Vec::<String>::new());
    }
}

fn ids(table: &TableSchema, ids: &[i64]) -> RecordBatch {
    let rows: Vec<Row> = ids.iter().map(|id| vec![Value::Int(*id), Value::Int(7)]).collect();
    batch(table, &["id", "a"], &rows)
}

fn keys(table: &TableSchema, ids: &[i64]) -> RecordBatch {
    let rows: Vec<Row> = ids.iter().map(|id| vec![Value::Int(*id)]).collect();
    batch(table, &["id"], &rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_flush_nothing_stays() {
    let file = File::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER); INSERT INTO t VALUES (1, 1)",
    );
    let sink = file.sink();
    let task = apply_task(&*sink, &["t"], 1).await;
    let table = Arc::clone(&task.tables[0].table);
    let (mut writer, _) = follow(&*sink, &task).await;
    writer.apply(0, &Apply::Insert(ids(&table, &[2]))).await.unwrap();
    writer.flush(&at(1)).await.unwrap();
    writer.apply(0, &Apply::Delete(keys(&table, &[1, 2]))).await.unwrap();
    writer.apply(0, &Apply::Upsert(ids(&table, &[3, 4]))).await.unwrap();
    drop(writer);
    let (_, held) = follow(&*sink, &task).await;
    assert_eq!(held, Some(at(1)));
    assert_eq!(file.rows("SELECT id FROM t"), ["Integer(1)", "Integer(2)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_lost_its_run_is_refused() {
    let file = File::new("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER)");
    let (sink, other) = (file.sink(), file.sink());
    let task = apply_task(&*sink, &["t"], 1).await;
    let table = Arc::clone(&task.tables[0].table);
    let (mut old, _) = follow(&*sink, &task).await;
    old.flush(&at(1)).await.unwrap();
    // As long as its transaction is open nobody can take the run over.
    old.apply(0, &Apply::Insert(ids(&table, &[1]))).await.unwrap();
    let later = ApplyTask { epoch: 2, ..task.clone() };
    assert_eq!(other.follow(&later).await.err().unwrap().code(), Code::Busy);
    old.flush(&at(2)).await.unwrap();
    let (mut new, held) = follow(&*other, &later).await;
    assert_eq!(held, Some(at(2)));
    assert_eq!(old.flush(&at(3)).await.unwrap_err().code(), Code::StaleEpoch);
    let stale = old.apply(0, &Apply::Insert(ids(&table, &[9]))).await.unwrap_err();
    assert_eq!(stale.code(), Code::StaleEpoch);
    drop(old);
    assert_eq!(sink.follow(&task).await.err().unwrap().code(), Code::StaleEpoch);
    new.apply(0, &Apply::Insert(ids(&table, &[2]))).await.unwrap();
    new.flush(&at(3)).await.unwrap();
    assert_eq!(file.rows("SELECT id FROM t"), ["Integer(1)", "Integer(2)"]);
    // The positions of its splits are another matter.
    let split = Split {
        table: TableName::bare("t"),
        id: 0,
        rows: None,
        bytes: None,
        resumable: true,
        token: String::new(),
    };
    let write = &WriteTask { epoch: 2, ..later.tables[0].clone() };
    assert_eq!(other.open(write, &split).await.unwrap().held, None);
    other.finish(std::slice::from_ref(write)).await.unwrap();
    let (_, held) = follow(&*other, &later).await;
    assert_eq!(held, Some(at(3)));
    other.unfollow(&later).await.unwrap();
    assert_eq!(new.flush(&at(4)).await.unwrap_err().code(), Code::StaleEpoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_savepoint_is_returned_to_as_often_as_wanted() {
    let file = File::new("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER)");
    let sink = file.sink();
    let task = apply_task(&*sink, &["t"], 1).await;
    let table = Arc::clone(&task.tables[0].table);
    let (mut writer, _) = follow(&*sink, &task).await;
    writer.savepoint().await.unwrap();
    writer.apply(0, &Apply::Insert(ids(&table, &[1, 2]))).await.unwrap();
    writer.savepoint().await.unwrap();
    for id in [3, 4] {
        writer.apply(0, &Apply::Insert(ids(&table, &[id]))).await.unwrap();
        let twice = writer.apply(0, &Apply::Insert(ids(&table, &[9, id]))).await.unwrap_err();
        assert_eq!(twice.code(), Code::DuplicateKey);
        writer.roll_back().await.unwrap();
    }
    writer.apply(0, &Apply::Insert(ids(&table, &[5]))).await.unwrap();
    writer.flush(&at(1)).await.unwrap();
    assert_eq!(file.rows("SELECT id FROM t"), ["Integer(1)", "Integer(2)", "Integer(5)"]);
}

/// The task for a table as a file that has it describes it.
async fn as_in(sql: &str, name: &str) -> WriteTask {
    let file = File::new(sql);
    apply_task(&*file.sink(), &[name], 1).await.tables.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_change_with_the_rows_or_not_at_all() {
    const PARENT: &str = "CREATE TABLE p (id INTEGER PRIMARY KEY, a INTEGER)";
    let file = File::new(&format!(
        "{PARENT}; CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER NOT NULL REFERENCES p (id));
         INSERT INTO p VALUES (1, 10), (2, 20); INSERT INTO c VALUES (1, 1)"
    ));
    let sink = file.sink();
    assert!(sink.defines_in_transaction());
    let task = apply_task(&*sink, &["p", "c"], 1).await;
    let before = Arc::clone(&task.tables[0].definition);
    // A type changes, for which the table is made anew; a column comes, another gets a new name.
    let changed = "CREATE TABLE p (id INTEGER PRIMARY KEY, b TEXT, n INTEGER DEFAULT 5)";
    let after = as_in(changed, "p").await;
    let renamed = vec![("a".to_owned(), "b".to_owned())];
    let alter = DefinitionChange::Alter { before, after: after.clone(), renamed };
    let made = as_in("CREATE TABLE q (id INTEGER PRIMARY KEY, a INTEGER)", "q").await;
    let to = as_in("CREATE TABLE r (id INTEGER PRIMARY KEY, a INTEGER)", "r").await;
    let rename = DefinitionChange::Rename { from: TableName::bare("q"), to };
    for keep in [false, true, true] {
        let (mut writer, _) = follow(&*sink, &task).await;
        writer.define(2, &DefinitionChange::Create(made.clone())).await.unwrap();
        writer.define(0, &alter).await.unwrap();
        let row = vec![Value::Int(3), text("x"), Value::Int(300)];
        let rows = batch(&after.table, &["id", "b", "n"], &[row]);
        writer.apply(0, &Apply::Upsert(rows)).await.unwrap();
        writer.apply(2, &Apply::Upsert(ids(&made.table, &[1]))).await.unwrap();
        writer.define(2, &rename).await.unwrap();
        writer.apply(2, &Apply::Upsert(ids(&made.table, &[2]))).await.unwrap();
        // Rows are still held to their foreign keys.
        let row = vec![Value::Int(9), Value::Int(99)];
        let orphan = batch(&task.tables[1].table, &["id", "p"], &[row]);
        let error = writer.apply(1, &Apply::Insert(orphan)).await.unwrap_err();
        assert_eq!(error.code(), Code::ForeignKey);
        if !keep {
            drop(writer);
            assert_eq!(file.rows("SELECT a FROM p"), ["Integer(10)", "Integer(20)"]);
            assert_eq!(file.rows("SELECT 1 FROM sqlite_schema WHERE name IN ('q', 'r')").len(), 0);
            continue;
        }
        // A run that is killed behind the change makes it again.
        writer.flush(&at(1)).await.unwrap();
        let rows = file.rows("SELECT id, n FROM p");
        assert_eq!(
            rows,
            ["Integer(1) Integer(5)", "Integer(2) Integer(5)", "Integer(3) Integer(300)"]
        );
        let texts = ["Text(\"10\")", "Text(\"20\")", "Text(\"x\")"];
        assert_eq!(file.rows("SELECT b FROM p"), texts);
        assert_eq!(file.rows("SELECT id FROM r"), ["Integer(1)", "Integer(2)"]);
        assert_eq!(file.rows("PRAGMA foreign_key_check"), Vec::<String>::new());
        assert_eq!(file.rows("PRAGMA foreign_key_list(c)").len(), 1);
        writer.define(2, &DefinitionChange::Truncate).await.unwrap();
        writer.define(2, &DefinitionChange::Drop).await.unwrap();
        writer.define(2, &DefinitionChange::Drop).await.unwrap();
        writer.flush(&at(2)).await.unwrap();
        assert_eq!(file.rows("SELECT 1 FROM sqlite_schema WHERE name IN ('q', 'r')").len(), 0);
    }
}
