//! Bad values and bad targets: each is found, named, and leaves nothing half done.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use rig::{Copy, copy, copy_as, databases, sink, write_task};
use syncline_connector::{Sink, SinkWriter, WriteMode, WriteTask};
use syncline_testkit::{Database, Kind, Server};
use syncline_types::{ChangeBatch, Code, ErrorKind, Position, Split, TableName};

/// Rows (id, a) for a table that is there.
struct Rows {
    sink: Box<dyn Sink>,
    task: WriteTask,
    split: u32,
}

impl Rows {
    async fn into(url: &str, table: &str, write: WriteMode) -> Self {
        let sink = sink(url);
        let mut schema = sink.describe(&TableName::bare(table)).await.unwrap().unwrap().schema;
        schema.columns.retain(|c| ["id", "a"].contains(&c.name()));
        let how = Copy { write, ..Copy::default() };
        let task = write_task(&*sink, &schema, table, &how, 1).await.unwrap();
        sink.prepare(&task).await.unwrap();
        Self { sink, task, split: 0 }
    }

    async fn writer(&mut self) -> Box<dyn SinkWriter> {
        self.split += 1;
        let table = self.task.table.name.clone();
        let token = String::new();
        let split =
            Split { table, id: self.split, rows: None, bytes: None, resumable: true, token };
        self.sink.open(&self.task, &split).await.unwrap().writer
    }

    fn batch(&self, ids: &[i32], texts: &[Option<&str>]) -> ChangeBatch {
        let ids: ArrayRef = Arc::new(Int32Array::from(ids.to_vec()));
        let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        // As loose as a batch may be: the sink is the last to look.
        let fields: Vec<_> =
            self.task.table.columns.iter().map(|c| c.field.clone().with_nullable(true)).collect();
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        let rows = RecordBatch::try_new(schema, vec![ids, texts]).unwrap();
        let position = Position::new(rows.num_rows() as u64, "{}");
        ChangeBatch { table: Arc::clone(&self.task.table), rows, rejects: Vec::new(), position }
    }
}

fn ways() -> Vec<(Kind, Database, String)> {
    let mut ways = Vec::new();
    for options in ["", "?load_data=false"] {
        for (kind, database) in databases() {
            let url = format!("{}{options}", database.url());
            ways.push((kind, database, url));
        }
    }
    ways
}

const TABLES: &str = "CREATE TABLE other (id int PRIMARY KEY);
     INSERT INTO other VALUES (1);
     CREATE TABLE short (id int PRIMARY KEY, a varchar(5));
     CREATE TABLE tiny (id int PRIMARY KEY, a tinytext);
     CREATE TABLE filled (id int PRIMARY KEY, a varchar(50) NOT NULL);
     CREATE TABLE keyed (id int PRIMARY KEY, a varchar(50) COLLATE utf8mb4_general_ci, UNIQUE KEY one (a));
     CREATE TABLE prefixed (id int PRIMARY KEY, a varchar(50), UNIQUE KEY one (a(2)));
     CREATE TABLE related (id int PRIMARY KEY, a varchar(50), CONSTRAINT fk FOREIGN KEY (id) REFERENCES other (id));
     CREATE TABLE chosen (id int PRIMARY KEY, a enum('x','y'));
     CREATE TABLE several (id int PRIMARY KEY, a set('x','y'));
     CREATE TABLE narrow (id int PRIMARY KEY, a varchar(50) CHARACTER SET latin1);
     CREATE TABLE ascii (id int PRIMARY KEY, a varchar(50) CHARACTER SET ascii);
     CREATE TABLE three (id int PRIMARY KEY, a varchar(50) CHARACTER SET utf8mb3);
     CREATE TABLE checked (id int PRIMARY KEY, a varchar(50), CONSTRAINT ck CHECK (a <> 'bad'));
     CREATE TABLE documents (id int PRIMARY KEY, a json);
     CREATE TABLE computed (id int PRIMARY KEY, a varchar(50), g int AS (id * 2) STORED, v varchar(60) AS (concat(a, '!')) VIRTUAL NOT_NULL, KEY (v));
     CREATE TABLE refused (id int PRIMARY KEY, a varchar(50));
     CREATE TRIGGER guard BEFORE INSERT ON refused FOR EACH ROW \
         IF NEW.a = 'bad' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the guard says no'; END IF";

/// What a person reads about one bad row, and the good ones around it arrive.
#[tokio::test(flavor = "multi_thread")]
async fn one_bad_row_among_good_ones_is_named_and_the_others_arrive() {
    let cases: [(&str, i32, Option<&str>, Code, &str); 15] = [
        ("short", 5, Some("too long"), Code::OutOfRange, "Data too long for column 'a'"),
        (
            "tiny",
            5,
            Some(
                "…………………………………………………………………………………………………………………………………………………………………………………………………………………………………………………………………",
            ),
            Code::OutOfRange,
            "too long",
        ),
        ("filled", 5, None, Code::NotNull, "a takes no NULL"),
        ("keyed", 5, Some("GOOD1"), Code::DuplicateKey, "one"),
        ("prefixed", 5, Some("go1"), Code::DuplicateKey, "one"),
        ("related", 5, Some("x"), Code::ForeignKey, "fk"),
        ("chosen", 5, Some("X"), Code::Conversion, "not one of its members"),
        ("several", 5, Some("x,z"), Code::Conversion, "not a set of its members"),
        ("narrow", 5, Some("中"), Code::Conversion, "a"),
        ("ascii", 5, Some("é"), Code::Conversion, "a"),
        ("three", 5, Some("😀"), Code::Conversion, "a"),
        ("checked", 5, Some("bad"), Code::CheckViolated, "ck"),
        ("documents", 5, Some("{not json"), Code::Conversion, "a"),
        ("computed", 1, Some("x"), Code::DuplicateKey, "PRIMARY"),
        ("refused", 5, Some("bad"), Code::CheckViolated, "the guard says no"),
    ];
    for (kind, database, url) in ways() {
        let tables = TABLES.replace("VIRTUAL NOT_NULL", "VIRTUAL");
        for sql in tables.split(";\n").filter(|s| !s.trim().is_empty()) {
            database.execute(sql);
        }
        for (table, id, bad, code, said) in cases {
            // A check of the column in MariaDB.
            let code = match (table, kind) {
                ("documents", Kind::MariaDb) => Code::CheckViolated,
                _ => code,
            };
            let good = match table {
                "chosen" | "several" => [Some("x"), Some("y")],
                "documents" => [Some("{}"), Some("[1]")],
                "prefixed" => [Some("good"), Some("bad")],
                _ => [Some("good1"), Some("good2")],
            };
            let mut rows = Rows::into(&url, table, WriteMode::Append).await;
            let mut writer = rows.writer().await;
            let ids = if table == "related" { [1, 1] } else { [1, 2] };
            // All in one: refused as a whole, and the row to blame is found by halves.
            let all = rows.batch(&[ids[0], id], &[good[0], bad]);
            let error = writer.write(&all).await.unwrap_err();
            let place = format!("{kind:?} {url} {table}: {error:?}");
            assert_eq!((error.code(), error.kind()), (code, ErrorKind::Data), "{place}");
            writer.write(&rows.batch(&ids[..1], &good[..1])).await.unwrap();
            let error = writer.write(&rows.batch(&[id], &[bad])).await.unwrap_err();
            let place = format!("{kind:?} {url} {table}: {error:?}");
            assert_eq!((error.code(), error.kind()), (code, ErrorKind::Data), "{place}");
            assert!(error.to_string().contains(said), "{place}");
            let mut expected = 1;
            if table != "related" {
                writer.write(&rows.batch(&ids[1..], &good[1..])).await.unwrap();
                expected = 2;
            }
            // Mended, the row goes in: that is what a replay does.
            if !matches!(table, "related" | "computed") {
                let mended = if matches!(table, "chosen" | "several") {
                    Some("y")
                } else if table == "documents" {
                    Some("{}")
                } else {
                    Some("mends")
                };
                writer.write(&rows.batch(&[id], &[mended])).await.unwrap();
                expected += 1;
            }
            writer.flush(&Position::new(9, "{}"), true).await.unwrap();
            rows.sink.finish(std::slice::from_ref(&rows.task)).await.unwrap();
            assert_eq!(database.count(table), expected, "{kind:?} {table}");
        }
        let computed = database.rows("SELECT g, v FROM computed ORDER BY id");
        assert_eq!(computed[1], ["4", "good2!"].map(|t| Some(t.to_owned())), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_refuses_an_update_is_a_bad_row_too() {
    for (kind, database, url) in ways() {
        let mut session = database.session();
        session.execute("CREATE TABLE t (id int PRIMARY KEY, a varchar(50)); INSERT INTO t VALUES (1, 'x'), (2, 'y')");
        session.execute(
            "CREATE TRIGGER guard BEFORE UPDATE ON t FOR EACH ROW \
             IF NEW.a = 'bad' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no update'; END IF",
        );
        let mut rows = Rows::into(&url, "t", WriteMode::Upsert).await;
        let mut writer = rows.writer().await;
        let error = writer.write(&rows.batch(&[1], &[Some("bad")])).await.unwrap_err();
        assert_eq!(error.code(), Code::CheckViolated, "{kind:?} {error:?}");
        writer.write(&rows.batch(&[2], &[Some("new")])).await.unwrap();
        writer.flush(&Position::new(1, "{}"), true).await.unwrap();
        assert_eq!(
            database.value("SELECT GROUP_CONCAT(a ORDER BY id) FROM t").as_deref(),
            Some("x,new")
        );
    }
}

/// By the rules of the target's collation two keys may be one that the source tells apart.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_collide_only_at_the_target_are_bad_rows() {
    for (kind, from) in databases() {
        let to = Server::shared(kind).unwrap().database();
        from.execute(
            "CREATE TABLE k (id int PRIMARY KEY, a varchar(20) COLLATE utf8mb4_bin, UNIQUE KEY ua (a)); \
             INSERT INTO k VALUES (1, 'abc'), (2, 'ABC'), (3, 'x')",
        );
        to.execute("CREATE TABLE k (id int PRIMARY KEY, a varchar(20) COLLATE utf8mb4_general_ci, UNIQUE KEY ua (a))");
        let error = copy(&from.url(), "k", &to.url()).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (Code::DuplicateKey, ErrorKind::Data), "{kind:?}");
        assert!(error.to_string().contains("ua"), "{error}");
    }
}

/// A table of another store is made with its unique keys from the start: a duplicate is a bad row.
#[tokio::test(flavor = "multi_thread")]
async fn unique_keys_that_nobody_guarantees_are_there_before_the_rows() {
    for (kind, database) in databases() {
        let sink = sink(&database.url());
        let text = arrow::datatypes::Field::new("a", arrow::datatypes::DataType::Utf8, true);
        let id = arrow::datatypes::Field::new("id", arrow::datatypes::DataType::Int32, false);
        let mut table = syncline_types::TableSchema::new(TableName::bare("made"), [id, text]);
        table.primary_key = vec!["id".into()];
        let part = |c: &str| syncline_types::IndexPart {
            column: c.into(),
            prefix: None,
            descending: false,
        };
        table.indexes = vec![
            syncline_types::Index::new("ua", vec![part("a")], true),
            syncline_types::Index::new("ia", vec![part("id"), part("a")], false),
        ];
        let task = write_task(&*sink, &table, "made", &Copy::default(), 1).await.unwrap();
        sink.prepare(&task).await.unwrap();
        // Asked for once more, as a run that goes on does.
        sink.prepare(&task).await.unwrap();
        let mut rows = Rows { sink, task, split: 0 };
        let mut writer = rows.writer().await;
        writer.write(&rows.batch(&[1, 2], &[Some("a"), Some("b")])).await.unwrap();
        let error = writer.write(&rows.batch(&[3], &[Some("a")])).await.unwrap_err();
        assert_eq!(error.code(), Code::DuplicateKey, "{kind:?}");
        writer.flush(&Position::new(2, "{}"), true).await.unwrap();
        rows.sink.commit(&rows.task).await.unwrap();
        let keys = database.rows("SHOW INDEX FROM made");
        let mut names: Vec<&str> = keys.iter().map(|row| row[2].as_deref().unwrap()).collect();
        names.dedup();
        assert_eq!(names.len(), 3, "{names:?}");
    }
}

/// Where the source does guarantee it and its rows changed meanwhile, both rows are named.
#[tokio::test(flavor = "multi_thread")]
async fn duplicates_met_while_an_index_is_built_are_named() {
    for (kind, from) in databases() {
        let to = Server::shared(kind).unwrap().database();
        from.execute("CREATE TABLE u (id int PRIMARY KEY, a varchar(20), b int, UNIQUE KEY ua (a, b), KEY kb (b)); INSERT INTO u VALUES (1, 'x', 5)");
        let sink = sink(&to.url());
        let info = rig::found(&*rig::source(&from.url()), "u").await;
        let task = write_task(&*sink, &info.schema, "u", &Copy::default(), 1).await.unwrap();
        sink.prepare(&task).await.unwrap();
        to.execute("INSERT INTO u VALUES (1, 'x', 5), (2, 'y', 5), (17, 'x', 5)");
        let error = sink.commit(&task).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (Code::DuplicateKey, ErrorKind::Data), "{kind:?}");
        let text = error.to_string();
        for part in ["ua", "(a, b) = (x, 5)", "(1)", "(17)", "2 rows"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        to.execute("DELETE FROM u WHERE id = 17");
        sink.commit(&task).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_do_not_become_text() {
    for (kind, from) in databases() {
        let to = Server::shared(kind).unwrap().database();
        from.execute(
            "CREATE TABLE b (id int PRIMARY KEY, a varchar(20)); INSERT INTO b VALUES (1, 'ok')",
        );
        to.execute("CREATE TABLE b (id int PRIMARY KEY, a varbinary(20))");
        let sink = sink(&to.url());
        let there = sink.describe(&TableName::bare("b")).await.unwrap().unwrap().schema;
        let a = there.column("a").unwrap();
        assert_eq!(
            *a.field.data_type(),
            arrow::datatypes::DataType::Binary,
            "{kind:?}: the converter is told"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_read_only_says_so() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(server) = Server::own(kind, &["--read-only=ON"]) else { continue };
        let mut admin = server.session();
        let database = server.database();
        admin.execute(&format!(
            "CREATE TABLE {}.t (id int PRIMARY KEY, a varchar(9))",
            database.name()
        ));
        admin.execute("CREATE USER 'u'@'%' IDENTIFIED BY 'pw'; GRANT SELECT, INSERT, CREATE, DROP, UPDATE, DELETE, ALTER, INDEX, REFERENCES ON *.* TO 'u'@'%'");
        let url = database.url().replace("root:root@", "u:pw@").replace("root@", "u:pw@");
        let notes = sink(&url).check().await.unwrap();
        assert!(notes.iter().any(|n| n.contains("read-only")), "{kind:?} {notes:?}");
        let from = Server::shared(kind).unwrap().database();
        from.execute("CREATE TABLE t (id int PRIMARY KEY, a varchar(9)); INSERT INTO t VALUES (1, 'x'); CREATE TABLE n (id int PRIMARY KEY)");
        for table in ["t", "n"] {
            let error =
                copy_as(&from.url(), table, &url, table, &Copy::default()).await.unwrap_err();
            assert_eq!(error.code(), Code::ReadOnly, "{kind:?} {error:?}");
        }
    }
}
