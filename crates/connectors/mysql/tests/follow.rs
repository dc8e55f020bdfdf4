//! Changes applied in sets come to the same as row by row, and become durable with their position
//! or not at all.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Schema};
use rig::{Copy, databases, sink, write_task};
use syncline_connector::{
    Apply, ApplyTask, DefinitionChange, Follower, Sink, StateWriter, WriteMode, WriteTask,
};
use syncline_testkit::{Database, Session};
use syncline_types::{Code, ErrorKind, Position, Split, TableName, TableSchema};

const RUN: &str = "0199aaaa-0000-7000-8000-0000000000f5";

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
            Value::Text(t) => format!("'{}'", t.replace('\\', "\\\\").replace('\'', "''")),
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
        DataType::Int32 => {
            let ints = values.iter().map(|v| int(v).map(|n| i32::try_from(n).unwrap()));
            Arc::new(ints.collect::<Int32Array>())
        }
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

async fn write_table(sink: &dyn Sink, name: &str) -> WriteTask {
    let there = sink.describe(&TableName::bare(name)).await.unwrap().unwrap();
    let how = Copy { write: WriteMode::Upsert, splits: 1, run: RUN };
    let mut task = write_task(sink, &there.schema, name, &how, 1).await.unwrap();
    task.run = RUN.into();
    task
}

async fn apply_task(sink: &dyn Sink, names: &[&str], epoch: u64) -> ApplyTask {
    let mut tables = Vec::new();
    for name in names {
        tables.push(WriteTask { epoch, ..write_table(sink, name).await });
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
        columns: "id int PRIMARY KEY, a int, b varchar(20)",
        written: &["id", "a", "b"],
        key: 1,
        value: small,
    },
    Case {
        name: "counted",
        columns: "id int AUTO_INCREMENT, a int, b varchar(20) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT 'x', \
                  g int GENERATED ALWAYS AS (a + 1) STORED, PRIMARY KEY (id), KEY ka (a)",
        written: &["id", "a", "b"],
        key: 1,
        value: |dice, column| match column {
            2 if dice.roll(3) == 0 => text("é"),
            2 => text("plain"),
            _ => small(dice, column),
        },
    },
    Case {
        name: "composite",
        columns: "a int, y varchar(10) COLLATE utf8mb4_bin, x int, PRIMARY KEY (y, x)",
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
        columns: "k varchar(10) COLLATE utf8mb4_general_ci PRIMARY KEY, a int, b varchar(20)",
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
        columns: "id int PRIMARY KEY, u int UNIQUE, b varchar(20)",
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
        columns: "a int, b varchar(20), c double, KEY ka (a)",
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
        columns: "id int PRIMARY KEY, p int, b varchar(20), \
                  CONSTRAINT {t}_fk FOREIGN KEY (p) REFERENCES parent (id)",
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
    let one = |(c, v): (&&str, &Value)| match v {
        // By a key, rows are found as its collation has it.
        _ if key => format!("`{c}` = {}", v.sql()),
        Value::Text(_) => {
            format!("CAST(CONVERT(`{c}` USING utf8mb4) AS BINARY) = CAST({} AS BINARY)", v.sql())
        }
        _ => format!("`{c}` <=> {}", v.sql()),
    };
    columns.iter().zip(values).map(one).collect::<Vec<_>>().join(" AND ")
}

fn list(values: &[Value]) -> String {
    values.iter().map(Value::sql).collect::<Vec<_>>().join(", ")
}

fn names(columns: &[&str]) -> String {
    columns.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ")
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
    fn by_rows(&self, session: &mut Session, table: &str, deed: &Deed) -> Result<(), String> {
        let key = &self.written[..self.key];
        let all = names(self.written);
        let set = |row: &Row| -> String {
            let one = |(c, v): (&&str, &Value)| format!("`{c}` = {}", v.sql());
            self.written.iter().zip(row).map(one).collect::<Vec<_>>().join(", ")
        };
        match deed {
            Deed::Insert(rows) => rows.iter().try_for_each(|row| {
                session.try_execute(&format!("INSERT INTO {table} ({all}) VALUES ({})", list(row)))
            }),
            Deed::Upsert(rows) => rows.iter().try_for_each(|row| {
                let found = same(key, row, true);
                let count = format!("SELECT COUNT(*) FROM {table} WHERE {found}");
                let sql = match session.rows(&count)[0][0].as_deref() {
                    Some("0") => format!("INSERT INTO {table} ({all}) VALUES ({})", list(row)),
                    _ => format!("UPDATE {table} SET {} WHERE {found}", set(row)),
                };
                session.try_execute(&sql)
            }),
            Deed::Set(column, rows) => rows.iter().try_for_each(|row| {
                let (name, value) = (self.written[*column], row[self.key].sql());
                let found = same(key, row, true);
                session.try_execute(&format!("UPDATE {table} SET `{name}` = {value} WHERE {found}"))
            }),
            Deed::Move(rows, old) => rows.iter().zip(old).try_for_each(|(row, old)| {
                let found = same(key, old, true);
                session.try_execute(&format!("UPDATE {table} SET {} WHERE {found}", set(row)))
            }),
            Deed::Delete(rows) => rows.iter().try_for_each(|row| {
                let columns = if self.key == 0 { self.written } else { key };
                let found = same(columns, row, false);
                session.try_execute(&format!("DELETE FROM {table} WHERE {found} LIMIT 1"))
            }),
        }
    }
}

fn contents(database: &Database, table: &str) -> Vec<Vec<Option<String>>> {
    let mut rows = database.rows(&format!("SELECT * FROM {table}"));
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_come_to_the_same_as_rows_one_by_one() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE parent (id int PRIMARY KEY);
             INSERT INTO parent WITH RECURSIVE n AS (SELECT 0 i UNION ALL SELECT i + 1 FROM n WHERE i < 199) SELECT i FROM n",
        );
        for options in ["", "?load_data=false"] {
            let sink = sink(&format!("{}{options}", database.url()));
            for (number, case) in CASES.iter().enumerate() {
                let (set, rows) = (format!("{}_s", case.name), format!("{}_r", case.name));
                for table in [&set, &rows] {
                    let columns = case.columns.replace("{t}", table);
                    database.execute(&format!("CREATE TABLE {table} ({columns})"));
                }
                let task = apply_task(&*sink, &[&set], 1).await;
                let (mut writer, held) = follow(&*sink, &task).await;
                assert_eq!(held, None);
                let mut session = database.session();
                let mode = "SET sql_mode='STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'";
                session.execute(mode);
                let mut dice = Dice(77 + number as u64);
                let (mut refused, mut done) = (0, 0);
                for step in 0..60 {
                    session.execute("START TRANSACTION");
                    for _ in 0..=dice.roll(3) {
                        let deed = case.deed(&mut dice);
                        session.execute("SAVEPOINT s");
                        let expected = case.by_rows(&mut session, &rows, &deed);
                        let apply = case.apply(&task.tables[0].table, &deed);
                        let result = writer.apply(0, &apply).await;
                        match (&expected, &result) {
                            (Ok(()), Ok(())) => done += 1,
                            (Err(_), Err(e)) if e.kind() == ErrorKind::Data => {
                                refused += 1;
                                session.execute("ROLLBACK TO SAVEPOINT s");
                            }
                            _ => panic!(
                                "{kind:?} {} {step} {deed:?}: {expected:?}, {result:?}",
                                case.name
                            ),
                        }
                    }
                    session.execute("COMMIT");
                    writer.flush(&at(step)).await.unwrap();
                    if step % 10 == 9 {
                        let (is, due) = (contents(&database, &set), contents(&database, &rows));
                        let extra: Vec<_> = is.iter().filter(|row| !due.contains(row)).collect();
                        let missing: Vec<_> = due.iter().filter(|row| !is.contains(row)).collect();
                        let place = format!("{kind:?} {options} {} {step}", case.name);
                        assert!(is == due, "{place}: {extra:?} instead of {missing:?}");
                    }
                }
                assert!(database.count(&set) > 0, "{}", case.name);
                assert!(done > 50, "{}: {done} {refused}", case.name);
                drop(writer);
                let (_, held) = follow(&*sink, &task).await;
                assert_eq!(held, Some(at(59)));
                sink.unfollow(&task).await.unwrap();
                database.execute(&format!("DROP TABLE {set}, {rows}"));
            }
            // Nothing is left of runs that were given up.
            assert_eq!(database.rows("SHOW TABLES LIKE '\\_syncline%'"), Vec::<Vec<_>>::new());
        }
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
    for (_, database) in databases() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1)");
        let sink = sink(&database.url());
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
        database.execute("DO SLEEP(0.1)");
        assert_eq!(database.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM t").unwrap(), "1,2");
        sink.unfollow(&task).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_lost_its_run_is_refused() {
    for (_, database) in databases() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY, a int)");
        let sink = sink(&database.url());
        let task = apply_task(&*sink, &["t"], 1).await;
        let table = Arc::clone(&task.tables[0].table);
        let (mut old, _) = follow(&*sink, &task).await;
        old.flush(&at(1)).await.unwrap();
        // Its transaction is open before the run is taken over.
        old.apply(0, &Apply::Insert(ids(&table, &[1]))).await.unwrap();
        let later = ApplyTask { epoch: 2, ..task.clone() };
        let (mut new, held) = follow(&*sink, &later).await;
        assert_eq!(held, Some(at(1)));
        assert_eq!(old.flush(&at(2)).await.unwrap_err().code(), Code::StaleEpoch);
        assert_eq!(sink.follow(&task).await.err().unwrap().code(), Code::StaleEpoch);
        new.apply(0, &Apply::Insert(ids(&table, &[2]))).await.unwrap();
        new.flush(&at(3)).await.unwrap();
        assert_eq!(database.value("SELECT GROUP_CONCAT(id) FROM t").unwrap(), "2");
        // The positions of its splits are another matter.
        let split = Split {
            table: TableName::bare("t"),
            id: 0,
            rows: None,
            bytes: None,
            resumable: true,
            token: String::new(),
        };
        let write = &later.tables[0];
        assert_eq!(sink.open(write, &split).await.unwrap().held, None);
        sink.finish(std::slice::from_ref(write)).await.unwrap();
        let (_, held) = follow(&*sink, &later).await;
        assert_eq!(held, Some(at(3)));
        sink.unfollow(&later).await.unwrap();
        assert_eq!(new.flush(&at(4)).await.unwrap_err().code(), Code::StaleEpoch);
        assert_eq!(database.rows("SHOW TABLES").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_savepoint_is_returned_to_as_often_as_wanted() {
    for (_, database) in databases() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY, a int)");
        let sink = sink(&database.url());
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
        assert_eq!(database.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM t").unwrap(), "1,2,5");
        sink.unfollow(&task).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_was_broken_and_leave_the_writer_usable() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE parent (id int PRIMARY KEY);
             INSERT INTO parent VALUES (1), (2);
             CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, s varchar(3), u int UNIQUE, p int,
               CONSTRAINT f FOREIGN KEY (p) REFERENCES parent (id), CONSTRAINT c CHECK (a < 100));
             INSERT INTO t VALUES (1, 1, 'a', 1, 1), (2, 2, 'b', 2, NULL)",
        );
        let sink = sink(&database.url());
        let task = apply_task(&*sink, &["t", "parent"], 1).await;
        let (mut writer, _) = follow(&*sink, &task).await;
        let table = Arc::clone(&task.tables[0].table);
        let columns = ["id", "a", "s", "u", "p"];
        let row = |id, a, s, u, p| {
            vec![Value::Int(id), Value::Int(a), text(s), Value::Int(u), Value::Int(p)]
        };
        let before = contents(&database, "t");
        let many = |bad: Row| -> Vec<Row> {
            (10..40).map(|n| row(n, 5, "x", n, 1)).chain([bad]).collect()
        };
        let cases = [
            (row(3, 3, "c", 2, 1), Code::DuplicateKey),
            (row(3, 3, "long", 3, 1), Code::OutOfRange),
            (row(3, 3, "c", 3, 9), Code::ForeignKey),
            (row(3, 300, "c", 3, 1), Code::CheckViolated),
            (row(2, 3, "c", 1, 1), Code::DuplicateKey),
        ];
        for (bad, code) in cases {
            for rows in [vec![bad.clone()], many(bad)] {
                for upsert in [false, true] {
                    let rows = batch(&table, &columns, &rows);
                    let apply = if upsert { Apply::Upsert(rows) } else { Apply::Insert(rows) };
                    let error = writer.apply(0, &apply).await.unwrap_err();
                    let expected =
                        error.code() == code || (!upsert && error.code() == Code::DuplicateKey);
                    assert!(expected, "{kind:?} {apply:?} {error:?}");
                    assert_eq!(error.kind(), ErrorKind::Data);
                }
            }
        }
        let parent = &task.tables[1].table;
        let error = writer.apply(1, &Apply::Delete(keys(parent, &[2, 1]))).await.unwrap_err();
        assert_eq!(error.code(), Code::ForeignKey);
        for ids in [vec![2], (2..40).collect::<Vec<i64>>()] {
            let rows: Vec<Row> =
                ids.iter().map(|id| vec![Value::Int(*id), Value::Int(500)]).collect();
            let apply = Apply::Update { rows: batch(&table, &["id", "a"], &rows), old_keys: None };
            let error = writer.apply(0, &apply).await.unwrap_err();
            assert_eq!(error.code(), Code::CheckViolated, "{kind:?} {error:?}");
        }
        writer.flush(&at(1)).await.unwrap();
        assert_eq!(contents(&database, "t"), before, "{kind:?}");
        assert_eq!(database.count("parent"), 2);
        sink.unfollow(&task).await.unwrap();
    }
}

/// The task for a table as it would be described if the target had it under that name.
async fn as_made(database: &Database, sink: &dyn Sink, name: &str, columns: &str) -> WriteTask {
    database.execute(&format!("CREATE TABLE described ({columns})"));
    let mut task = write_table(sink, "described").await;
    database.execute("DROP TABLE described");
    for table in [&mut task.table, &mut task.definition] {
        *table = Arc::new(TableSchema { name: TableName::bare(name), ..(**table).clone() });
    }
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_change_between_rows() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE p (id int PRIMARY KEY, a varchar(10), own int DEFAULT 3);
             CREATE TABLE c (id int PRIMARY KEY, p int, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id));
             INSERT INTO p VALUES (1, 'x', 1), (2, 'y', 2); INSERT INTO c VALUES (1, 1)",
        );
        let sink = sink(&database.url());
        assert!(!sink.defines_in_transaction());
        // The target has a column of its own, which the source knows nothing of.
        let before = as_made(&database, &*sink, "p", "id int PRIMARY KEY, a varchar(10)").await;
        let columns =
            "id int PRIMARY KEY, n bigint DEFAULT 5, b varchar(30) NOT NULL, UNIQUE KEY ub (b)";
        let after = as_made(&database, &*sink, "p", columns).await;
        let mut task = apply_task(&*sink, &["p", "c"], 1).await;
        task.tables[0].table = Arc::clone(&before.table);
        let renamed = vec![("a".to_owned(), "b".to_owned())];
        let before = Arc::clone(&before.definition);
        let alter = DefinitionChange::Alter { before, after: after.clone(), renamed };
        let counted =
            "id int AUTO_INCREMENT PRIMARY KEY, a int, g int AS (a + 1) STORED, KEY ka (a)";
        let mut made = as_made(&database, &*sink, "q", counted).await;
        let written =
            made.table.columns.iter().filter(|c| c.generated.is_none()).cloned().collect();
        made.table = Arc::new(TableSchema { columns: written, ..(*made.table).clone() });
        let named = |t: &Arc<TableSchema>| {
            Arc::new(TableSchema { name: TableName::bare("r"), ..(**t).clone() })
        };
        let to = WriteTask {
            table: named(&made.table),
            definition: named(&made.definition),
            ..made.clone()
        };
        let rename = DefinitionChange::Rename { from: TableName::bare("q"), to };
        let (mut writer, _) = follow(&*sink, &task).await;
        // An update made a temporary table of the columns as they are before.
        let many: Vec<Row> = (1..30).map(|n| vec![Value::Int(n), text("z")]).collect();
        let rows = batch(&task.tables[0].table, &["id", "a"], &many[..2]);
        writer.apply(0, &Apply::Update { rows, old_keys: None }).await.unwrap();
        let rows = batch(&task.tables[0].table, &["id", "a"], &many[2..]);
        writer.apply(0, &Apply::Update { rows, old_keys: None }).await.unwrap();
        let rows = [vec![Value::Int(1), text("x")], vec![Value::Int(2), text("y")]];
        let rows = batch(&task.tables[0].table, &["id", "a"], &rows);
        writer.apply(0, &Apply::Upsert(rows)).await.unwrap();
        writer.flush(&at(1)).await.unwrap();
        for round in 0..2 {
            // A run that is killed behind a change makes it again.
            for change in 0..2 {
                writer.define(2, &DefinitionChange::Create(made.clone())).await.unwrap();
                if change == 0 || round == 0 {
                    writer.define(0, &alter).await.unwrap();
                }
            }
            writer.flush(&at(2)).await.unwrap();
            let many: Vec<Row> = (1..30).map(|n| vec![Value::Int(n), Value::Int(n)]).collect();
            let row = vec![Value::Int(3), Value::Int(300), text("a text of more letters")];
            let rows = batch(&after.table, &["id", "n", "b"], &[row]);
            writer.apply(0, &Apply::Upsert(rows)).await.unwrap();
            let rows = batch(&after.table, &["id", "n"], &many);
            writer.apply(0, &Apply::Update { rows, old_keys: None }).await.unwrap();
            writer.apply(2, &Apply::Upsert(ids(&made.table, &[0, 7]))).await.unwrap();
            let twice = vec![vec![Value::Int(8), Value::Null, text("x")]];
            let twice = batch(&after.table, &["id", "n", "b"], &twice);
            let error = writer.apply(0, &Apply::Upsert(twice)).await.unwrap_err();
            assert_eq!(error.code(), Code::DuplicateKey);
            writer.flush(&at(3)).await.unwrap();
            writer.define(2, &rename).await.unwrap();
            writer.define(2, &rename).await.unwrap();
            writer.flush(&at(4)).await.unwrap();
            writer.apply(2, &Apply::Upsert(ids(&made.table, &[8]))).await.unwrap();
            writer.flush(&at(5)).await.unwrap();
            let rows = database.rows("SELECT id, n, b, own FROM p ORDER BY id");
            let row = |row: [&str; 4]| row.map(|t| Some(t.to_owned())).to_vec();
            let due = [
                row(["1", "1", "x", "1"]),
                row(["2", "2", "y", "2"]),
                row(["3", "3", "a text of more letters", "3"]),
            ];
            assert_eq!(rows, due, "{kind:?}");
            assert_eq!(database.rows("SHOW INDEX FROM p WHERE Key_name = 'ub'").len(), 1);
            let rows = database.value("SELECT GROUP_CONCAT(id, '-', g ORDER BY id) FROM r");
            assert_eq!(rows.as_deref(), Some("0-8,7-8,8-8"), "{kind:?}");
            assert_eq!(database.rows("SHOW INDEX FROM r WHERE Key_name = 'ka'").len(), 1);
            // The next number is behind those that were written.
            database.execute("INSERT INTO r (a) VALUES (1)");
            assert_eq!(database.value("SELECT MAX(id) FROM r").as_deref(), Some("9"), "{kind:?}");
            writer.define(2, &DefinitionChange::Truncate).await.unwrap();
            assert_eq!(database.count("r"), 0);
            writer.define(2, &DefinitionChange::Drop).await.unwrap();
            writer.define(2, &DefinitionChange::Drop).await.unwrap();
            writer.flush(&at(6)).await.unwrap();
        }
        // A table that others refer to is emptied as it was at the source.
        drop(writer);
        task.tables[0] = after;
        let (mut writer, held) = follow(&*sink, &task).await;
        assert_eq!(held, Some(at(6)));
        writer.define(0, &DefinitionChange::Truncate).await.unwrap();
        assert_eq!((database.count("p"), database.count("c")), (0, 1));
        let orphan =
            batch(&task.tables[1].table, &["id", "p"], &[vec![Value::Int(9), Value::Int(9)]]);
        let error = writer.apply(1, &Apply::Insert(orphan)).await.unwrap_err();
        assert_eq!(error.code(), Code::ForeignKey);
        writer.flush(&at(7)).await.unwrap();
        // One that lost its run changes nothing any more.
        let later = ApplyTask { epoch: 2, ..task.clone() };
        let (_, _) = follow(&*sink, &later).await;
        let error = writer.define(1, &DefinitionChange::Drop).await.unwrap_err();
        assert_eq!(error.code(), Code::StaleEpoch);
        assert_eq!(database.count("c"), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_changes_is_not_taken_away() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE p (id int PRIMARY KEY, a int);
             CREATE TABLE c (id int PRIMARY KEY, CONSTRAINT f FOREIGN KEY (id) REFERENCES p (id) ON DELETE CASCADE);
             CREATE TABLE w (id int PRIMARY KEY, a int, own int DEFAULT 5);
             CREATE TABLE seen (what varchar(10));
             CREATE TRIGGER gone AFTER DELETE ON w FOR EACH ROW INSERT INTO seen VALUES ('deleted');
             CREATE TRIGGER changed AFTER UPDATE ON w FOR EACH ROW INSERT INTO seen VALUES ('updated')",
        );
        let sink = sink(&database.url());
        let task = apply_task(&*sink, &["p", "c", "w"], 1).await;
        let (mut writer, _) = follow(&*sink, &task).await;
        let all: Vec<i64> = (1..40).collect();
        let rows = |table: usize| Apply::Upsert(ids(&task.tables[table].table, &all));
        let children = Apply::Insert(keys(&task.tables[1].table, &all));
        writer.apply(0, &rows(0)).await.unwrap();
        writer.apply(1, &children).await.unwrap();
        writer.apply(2, &rows(2)).await.unwrap();
        writer.flush(&at(1)).await.unwrap();
        database.execute("UPDATE p SET a = 1; UPDATE w SET a = 1, own = 6; DELETE FROM seen");
        writer.apply(0, &rows(0)).await.unwrap();
        writer.apply(2, &rows(2)).await.unwrap();
        writer.flush(&at(2)).await.unwrap();
        assert_eq!((database.count("p"), database.count("c")), (39, 39), "{kind:?}");
        let seen = database.rows("SELECT what, COUNT(*) FROM seen GROUP BY what");
        assert_eq!(seen, [vec![Some("updated".to_owned()), Some("39".to_owned())]], "{kind:?}");
        // What the target has beside stays as it is.
        let sums = database.value("SELECT CONCAT(SUM(a), ' ', SUM(own)) FROM w");
        assert_eq!(sums.as_deref(), Some("273 234"), "{kind:?}");
    }
}
