//! Tables of SQLite as other SQLite files get them: every statement word for word, every value in
//! the storage class it had.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::Value;
use syncline_connector::{
    AnyConnector, Budget, Cut, Endpoint, ReadTask, Sink, Source, WriteMode, WriteTask,
};
use syncline_sqlite::SqliteConnector;
use syncline_types::{
    Code, Element, Position, ReferentialAction, Result, TableInfo, TableName, TableSelection,
};

struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new(sql: &str) -> Self {
        let file = Self { folder: tempfile::tempdir().unwrap() };
        file.open().execute_batch(sql).unwrap();
        file
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&format!("sqlite:{}", self.folder.path().join("t.db").display())).unwrap()
    }

    fn open(&self) -> Connection {
        Connection::open(self.folder.path().join("t.db")).unwrap()
    }

    fn source(&self) -> Box<dyn Source> {
        AnyConnector::source(&SqliteConnector, &self.endpoint()).unwrap()
    }

    fn sink(&self) -> Box<dyn Sink> {
        AnyConnector::sink(&SqliteConnector, &self.endpoint()).unwrap()
    }

    fn query(&self, sql: &str) -> Vec<Vec<Value>> {
        let db = self.open();
        let mut statement = db.prepare(sql).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|i| row.get(i)).collect()).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        let text = |row: Vec<Value>| match row.into_iter().next() {
            Some(Value::Text(text)) => text,
            other => panic!("{other:?}"),
        };
        self.query(sql).into_iter().map(text).collect()
    }
}

async fn tables(source: &dyn Source) -> Vec<TableInfo> {
    source.discover(&TableSelection::parse(&["*"], &[]).unwrap()).await.unwrap()
}

/// Copies tables as the engine does; what `change` does to a table stands for a job's wishes.
async fn copy(
    from: &File,
    to: &File,
    change: impl Fn(&mut syncline_types::TableSchema),
) -> Result<u64> {
    let (source, sink) = (from.source(), to.sink());
    let found = tables(&*source).await;
    source.begin(1).await?;
    let mut tasks = Vec::new();
    let mut rejected = 0;
    for (n, info) in found.iter().enumerate() {
        let mut wanted = info.schema.clone();
        change(&mut wanted);
        let definition = Arc::new(sink.adapt(&wanted, &wanted.name)?.table);
        let mut written = definition.as_ref().clone();
        written.columns.retain(|c| c.generated.is_none());
        let mut read = info.schema.clone();
        read.columns.retain(|c| written.column(c.name()).is_some());
        let task = WriteTask {
            run: format!("0199aaaa-0000-7000-8000-{n:012}"),
            epoch: 1,
            table: Arc::new(written),
            definition,
            exists: false,
            empty_at_start: true,
            distinct: false,
            write: WriteMode::Append,
            splits: 1,
            circular: Vec::new(),
        };
        sink.prepare(&task).await?;
        let read = ReadTask { table: Arc::new(read), filter: None, query: None };
        let split =
            source.plan(&read, &Cut { splits: 1, min_rows: 1, min_bytes: 1 }).await?.remove(0);
        let mut writer = sink.open(&task, &split).await?.writer;
        let mut reader = source.open(&read, &split, None).await?;
        while let Element::Batch(mut batch) =
            reader.next(Budget { rows: 100, bytes: 1 << 20 }).await?
        {
            rejected += batch.rejects.len() as u64;
            batch.table = Arc::clone(&task.table);
            writer.write(&batch).await?;
        }
        writer.flush(&Position::new(1, "{}"), true).await?;
        drop(writer);
        sink.commit(&task).await?;
        tasks.push(task);
    }
    sink.relate(&tasks).await?;
    sink.finish(&tasks).await?;
    source.end().await?;
    Ok(rejected)
}

const DEFINITIONS: &str = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL \
    AND type <> 'view' AND type <> 'trigger' ORDER BY type DESC, name";

const RICH: &str = r#"
CREATE TABLE child(id integer PRIMARY KEY AUTOINCREMENT, -- counted
  parent TEXT COLLATE NOCASE NOT NULL CONSTRAINT "the parent" REFERENCES Parent(code) ON UPDATE CASCADE ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED,
  amount DECIMAL(9,2) DEFAULT (1.5 + 1) CHECK(amount > 0), twice AS (amount * 2),
  kept INT GENERATED ALWAYS AS (id + 1) STORED, self INT REFERENCES child,
  "when" TEXT DEFAULT CURRENT_TIMESTAMP, note VARCHAR(9) DEFAULT 'it''s' COLLATE RTRIM,
  CONSTRAINT "pair of" UNIQUE (parent, amount), CHECK (note <> 'CHECK (no)'));
CREATE TABLE Parent (code TEXT COLLATE NOCASE PRIMARY KEY, a INT, b BLOB UNIQUE) WITHOUT ROWID;
CREATE TABLE strict_one (i INT NOT NULL, r REAL, t TEXT, b BLOB, a ANY, PRIMARY KEY (t, i DESC)) STRICT;
CREATE TABLE [odd " name] ("select" INT, 'from' TEXT, [a"b] INT, `x``y` TEXT);
CREATE TABLE loose (a PRIMARY KEY, b UNIQUE ON CONFLICT IGNORE, c NOT NULL ON CONFLICT ABORT);
CREATE INDEX plain ON child (amount DESC, note);
CREATE UNIQUE INDEX "lower" ON child(lower(note)) WHERE amount > 1;
CREATE INDEX collated ON Parent (code COLLATE BINARY, a);
CREATE VIEW seen AS SELECT * FROM child;
CREATE TRIGGER quiet AFTER DELETE ON child BEGIN SELECT 1; END;
INSERT INTO Parent VALUES ('a', 1, x'00'), ('B', NULL, NULL);
INSERT INTO child (id, parent, amount, self, note) VALUES (7, 'A', 2.25, 9, 'n'), (9, 'b', 3, 7, NULL);
DELETE FROM child WHERE id = 100;
UPDATE sqlite_sequence SET seq = 500 WHERE name = 'child';
INSERT INTO strict_one VALUES (1, 2, 'x', x'00', '1.50'), (2, -0.5, '', x'', 1), (3, NULL, 'y', NULL, 2.0);
INSERT INTO [odd " name] VALUES (1, 'x', 2, 'y');
INSERT INTO loose VALUES (NULL, 1, 1), (NULL, 2, 2);
"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_and_storage_class_comes_out_as_it_was() {
    let (from, to) = (File::new(RICH), File::new(""));
    assert_eq!(copy(&from, &to, |_| {}).await.unwrap(), 0);
    assert_eq!(to.texts(DEFINITIONS), from.texts(DEFINITIONS));
    assert_eq!(
        to.query("SELECT * FROM sqlite_sequence"),
        from.query("SELECT * FROM sqlite_sequence")
    );
    for table in ["child", "Parent", "strict_one", "loose", "\"odd \"\" name\""] {
        let columns = from.texts(&format!(
            "SELECT '\"' || replace(name, '\"', '\"\"') || '\"' FROM pragma_table_xinfo({})",
            table
                .replace("\"odd \"\" name\"", "'odd \" name'")
                .replace("child", "'child'")
                .replace("Parent", "'Parent'")
                .replace("strict_one", "'strict_one'")
                .replace("loose", "'loose'")
        ));
        let all: Vec<String> =
            columns.iter().map(|c| format!("{c}, typeof({c}), hex({c})")).collect();
        let rows = format!("SELECT {} FROM {table} ORDER BY 1, 2, 3, 4, 5", all.join(", "));
        assert_eq!(to.query(&rows), from.query(&rows), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_says_what_a_table_is_made_of() {
    let file = File::new(RICH);
    let source = file.source();
    let notes = source.left_out().await.unwrap();
    assert!(notes.iter().any(|n| n.contains("views") && n.contains("seen")), "{notes:?}");
    let found = tables(&*source).await;
    let child = &found.iter().find(|t| t.schema.name.name == "child").unwrap();
    assert!(child.notes.iter().any(|n| n.contains("quiet")), "{:?}", child.notes);
    let table = &child.schema;
    let checks: Vec<_> = table.checks.iter().map(|c| c.condition.sql.as_str()).collect();
    assert_eq!(checks, ["amount > 0", "note <> 'CHECK (no)'"]);
    let [parent, own] = table.foreign_keys.as_slice() else { panic!("{:?}", table.foreign_keys) };
    assert_eq!(
        (parent.name.as_str(), &parent.references),
        ("the parent", &TableName::bare("Parent"))
    );
    assert_eq!(
        (parent.on_delete, parent.on_update),
        (ReferentialAction::Restrict, ReferentialAction::Cascade)
    );
    assert_eq!(parent.attributes.as_ref().unwrap().sql, "DEFERRABLE INITIALLY DEFERRED");
    assert_eq!((own.columns.as_slice(), own.referenced.len()), (&["self".to_owned()][..], 0));
    let indexes: Vec<_> = table
        .indexes
        .iter()
        .map(|i| (i.name.as_str(), i.constraint, i.definition.as_ref().map(|d| d.sql.as_str())))
        .collect();
    assert_eq!(
        indexes,
        [
            ("pair of", true, None),
            ("plain", false, None),
            ("lower", false, Some("(lower(note)) WHERE amount > 1")),
        ]
    );
    let strict = &found.iter().find(|t| t.schema.name.name == "strict_one").unwrap().schema;
    assert_eq!(strict.options.as_ref().unwrap().sql, "STRICT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_wanted_otherwise_is_made_anew() {
    let (from, to) = (File::new(RICH), File::new(""));
    copy(&from, &to, |table| {
        if table.name.name == "child" {
            table.columns.retain(|c| c.name() != "kept");
            table.foreign_keys.retain(|key| !key.name.is_empty());
            table
                .columns
                .iter_mut()
                .filter(|c| c.name() == "twice")
                .for_each(|c| c.generated = None);
        }
    })
    .await
    .unwrap();
    let db = to.open();
    db.pragma_update(None, "foreign_keys", true).unwrap();
    assert_eq!(to.query("SELECT count(*) FROM pragma_table_xinfo('child')"), [[Value::Integer(7)]]);
    assert_eq!(
        to.query("SELECT twice FROM child ORDER BY id"),
        [[Value::Real(4.5)], [Value::Integer(6)]]
    );
    assert!(db.execute("UPDATE child SET parent = 'nobody'", []).is_err(), "refers to Parent");
    assert!(db.execute("UPDATE child SET amount = -1", []).is_err(), "is checked");
    db.execute("UPDATE child SET parent = 'A' WHERE id = 7", []).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_refer_to_nothing_are_named_when_all_tables_are_there() {
    let sql = "CREATE TABLE a (id INTEGER PRIMARY KEY, b INT REFERENCES b);
               CREATE TABLE b (id INTEGER PRIMARY KEY); INSERT INTO b VALUES (1);
               INSERT INTO a VALUES (1, 1);";
    let (from, to) = (File::new(sql), File::new(""));
    copy(&from, &to, |_| {}).await.unwrap();
    let from = File::new(&format!("PRAGMA foreign_keys = OFF; {sql} INSERT INTO a VALUES (2, 7)"));
    let error = copy(&from, &File::new(""), |_| {}).await.unwrap_err();
    assert_eq!(error.code(), Code::ForeignKey);
    assert!(error.message().contains("rowid 2"), "{}", error.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_dates_keep_how_they_are_spelled() {
    let sql = "CREATE TABLE t (a DATETIME, b TIMESTAMP, c TIMESTAMPTZ, d TIME, e DATE, f DATETIME, g DECIMAL(5,2), h);
         INSERT INTO t VALUES ('2020-01-01T10:00:00.000', '2020-01-01 10:00', '2020-01-01T10:00:00Z', '10:00',
           'infinity', '2020-01-01 10:00:00', 'NaN', 1);
         INSERT INTO t VALUES ('2021-12-31T23:59:59.120', 'infinity', '-infinity', '24:00', '2020-02-29',
           '2020-01-01T10:00:00', 1.25, 'one'), (NULL, NULL, NULL, NULL, '-infinity', NULL, 3, 2.0), 
           (NULL, NULL, NULL, NULL, NULL, NULL, NULL, 2);";
    let (from, to) = (File::new(sql), File::new(""));
    let found = tables(&*from.source()).await;
    let types: Vec<String> =
        found[0].schema.columns.iter().map(|c| c.field.data_type().to_string()).collect();
    assert_eq!(types[..3], ["Timestamp(µs)", "Timestamp(µs)", "Timestamp(µs, \"UTC\")"]);
    assert_eq!(types[5..], ["Utf8", "Decimal128(5, 2)", "Utf8"], "{:?}", found[0].notes);
    assert_eq!(copy(&from, &to, |_| {}).await.unwrap(), 0);
    let rows = "SELECT a, b, c, d, e, f, g, h, typeof(g), typeof(h) FROM t ORDER BY rowid";
    assert_eq!(to.query(rows), from.query(rows));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_a_later_kind_are_refused_and_not_changed() {
    let mut sql = String::from("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b DATETIME, c);");
    for n in 0..1100 {
        sql.push_str(&format!("INSERT INTO t VALUES ({n}, 'x', '2020-01-01 10:00:00', {n});"));
    }
    sql.push_str("INSERT INTO t VALUES (5000, 7, NULL, 1), (5001, 'x', '2020-01-01T10:00:00', 1), (5002, 'x', NULL, 1.0);");
    let (from, to) = (File::new(&sql), File::new(""));
    assert_eq!(copy(&from, &to, |_| {}).await.unwrap(), 3);
    assert_eq!(
        to.query("SELECT count(*), max(id) FROM t"),
        [[Value::Integer(1100), Value::Integer(1099)]]
    );
}
