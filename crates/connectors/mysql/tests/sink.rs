//! What the servers would do without a word, and what the sink does about it.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};
use rig::{Copy, copy, copy_as, databases, sink, write_task};
use syncline_connector::{Guarantee, Sink, SinkWriter, WriteMode, WriteTask};
use syncline_testkit::{Database, Kind, Server};
use syncline_types::{
    ChangeBatch, Code, Error, ErrorKind, Position, Split, TableName, TableSchema,
};

fn split() -> Split {
    let table = TableName::bare("t");
    Split { table, id: 0, rows: None, bytes: None, resumable: true, token: String::new() }
}

/// A task over a table that is there.
async fn task(sink: &dyn Sink, table: &str, columns: &[&str], write: WriteMode) -> WriteTask {
    let there = sink.describe(&TableName::bare(table)).await.unwrap().unwrap();
    let mut schema = there.schema.clone();
    schema.columns.retain(|c| columns.contains(&c.name()));
    let how = Copy { write, ..Copy::default() };
    let task = write_task(sink, &schema, table, &how, 1).await.unwrap();
    sink.prepare(&task).await.unwrap();
    task
}

fn batch(task: &WriteTask, columns: Vec<ArrayRef>) -> ChangeBatch {
    let rows = RecordBatch::try_new(task.table.arrow(), columns).unwrap();
    let position = Position::new(rows.num_rows() as u64, "{}");
    ChangeBatch { table: Arc::clone(&task.table), rows, rejects: Vec::new(), position }
}

fn pairs(task: &WriteTask, ids: &[i32], texts: &[&str]) -> ChangeBatch {
    let ids: ArrayRef = Arc::new(Int32Array::from(ids.to_vec()));
    batch(task, vec![ids, Arc::new(StringArray::from(texts.to_vec()))])
}

async fn writer(sink: &dyn Sink, task: &WriteTask) -> Box<dyn SinkWriter> {
    sink.open(task, &split()).await.unwrap().writer
}

/// Every server, by LOAD DATA and by INSERT.
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

#[tokio::test(flavor = "multi_thread")]
async fn what_load_data_would_ignore_is_an_error() {
    for (kind, database, url) in ways() {
        database.execute(
            "CREATE TABLE parent (id int PRIMARY KEY);
             INSERT INTO parent VALUES (1), (2);
             CREATE TABLE t (id int PRIMARY KEY, a varchar(5) NOT NULL, UNIQUE KEY ua (a));
             CREATE TABLE f (id int PRIMARY KEY, a varchar(50), CONSTRAINT fk FOREIGN KEY (id) REFERENCES parent (id));
             CREATE TABLE c (id int PRIMARY KEY, a varchar(50), CONSTRAINT ck CHECK (a <> 'bad'));
             CREATE TABLE l (id int PRIMARY KEY, a varchar(50) CHARACTER SET latin1);
             CREATE TABLE e (id int PRIMARY KEY, a enum('a','b'));
             CREATE TABLE h (id int PRIMARY KEY, a char(5));
             CREATE TABLE k (id tinyint PRIMARY KEY, a varchar(5) COLLATE utf8mb4_general_ci UNIQUE);
             INSERT INTO t VALUES (7, 'seven')",
        );
        let sink = sink(&url);
        let cases: [(&str, &[i32], &[&str], Code); 10] = [
            ("t", &[1, 1], &["a", "b"], Code::DuplicateKey),
            ("t", &[1, 7], &["a", "b"], Code::DuplicateKey),
            ("t", &[1, 2], &["a", "seven"], Code::DuplicateKey),
            ("t", &[1, 2], &["a", "too long"], Code::OutOfRange),
            ("t", &[1, 2], &["a", "abcde "], Code::Conversion),
            ("f", &[1, 3], &["a", "b"], Code::ForeignKey),
            ("c", &[1, 2], &["a", "bad"], Code::CheckViolated),
            ("l", &[1, 2], &["ä", "中"], Code::Conversion),
            ("e", &[1, 2], &["a", "1"], Code::Conversion),
            ("h", &[1, 2], &["a", "b "], Code::Conversion),
        ];
        for (table, ids, texts, code) in cases {
            let task = task(&*sink, table, &["id", "a"], WriteMode::Append).await;
            let before = database.count(table);
            let mut writer = writer(&*sink, &task).await;
            let good = pairs(&task, &ids[..1], &texts[..1]);
            writer.write(&good).await.unwrap();
            let error = writer.write(&pairs(&task, &ids[1..], &texts[1..])).await;
            let one = error.unwrap_err();
            assert_eq!(one.code(), code, "{kind:?} {url} {table} {one:?}");
            assert_eq!(one.kind(), ErrorKind::Data);
            writer.flush(&good.position, true).await.unwrap();
            assert_eq!(database.count(table), before + 1, "{kind:?} {table}");
            database.execute(&format!("DELETE FROM {table} WHERE id < 7"));

            let mut writer = sink.open(&task, &Split { id: 1, ..split() }).await.unwrap().writer;
            let both = writer.write(&pairs(&task, ids, texts)).await.unwrap_err();
            assert_eq!(both.code(), code, "{kind:?} {url} {table} {both:?}");
            writer.flush(&Position::new(0, "{}"), true).await.unwrap();
            assert_eq!(database.count(table), before, "{kind:?} {table}");
            sink.finish(std::slice::from_ref(&task)).await.unwrap();
        }
        // Under this collation the two are one.
        let task = task(&*sink, "k", &["id", "a"], WriteMode::Append).await;
        let mut writer = writer(&*sink, &task).await;
        let ids: ArrayRef = Arc::new(arrow::array::Int8Array::from(vec![1, 2]));
        let rows = batch(&task, vec![ids, Arc::new(StringArray::from(vec!["a", "A"]))]);
        assert_eq!(writer.write(&rows).await.unwrap_err().code(), Code::DuplicateKey);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn null_is_neither_now_nor_the_next_number() {
    for (kind, database, url) in ways() {
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, a timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)",
        );
        let sink = sink(&url);
        let task = task(&*sink, "t", &["id", "a"], WriteMode::Append).await;
        let mut writer = writer(&*sink, &task).await;
        let moment = |t: Option<i64>| -> ArrayRef {
            Arc::new(arrow::array::TimestampMicrosecondArray::from(vec![t]).with_timezone("UTC"))
        };
        let number = |n: Option<i32>| -> ArrayRef { Arc::new(Int32Array::from(vec![n])) };
        let nullable = |columns: Vec<ArrayRef>| {
            let fields: Vec<Field> = task
                .table
                .columns
                .iter()
                .map(|c| Field::new(c.name(), c.field.data_type().clone(), true))
                .collect();
            let schema = Arc::new(arrow::datatypes::Schema::new(fields));
            let rows = RecordBatch::try_new(schema, columns).unwrap();
            let position = Position::new(1, "{}");
            ChangeBatch { table: Arc::clone(&task.table), rows, rejects: Vec::new(), position }
        };
        for columns in
            [vec![number(None), moment(Some(1_000_000))], vec![number(Some(1)), moment(None)]]
        {
            let error = writer.write(&nullable(columns)).await.unwrap_err();
            assert_eq!(error.code(), Code::NotNull, "{kind:?}");
        }
        // Zero is zero, and not the next number.
        let rows = nullable(vec![number(Some(0)), moment(Some(1_000_000))]);
        writer.write(&rows).await.unwrap();
        writer.flush(&rows.position, true).await.unwrap();
        assert_eq!(database.value("SELECT id FROM t").as_deref(), Some("0"));
        // Not either in a table where a text is converted on its way, and not in a later row.
        database.execute(
            "CREATE TABLE l (id int PRIMARY KEY AUTO_INCREMENT, a varchar(9) CHARACTER SET latin1)",
        );
        let task = self::task(&*sink, "l", &["id", "a"], WriteMode::Append).await;
        let mut writer = self::writer(&*sink, &task).await;
        let rows = pairs(&task, &[5, 0], &["ä", "b"]);
        writer.write(&rows).await.unwrap();
        writer.flush(&rows.position, true).await.unwrap();
        let ids = database.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM l");
        assert_eq!(ids.as_deref(), Some("0,5"), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upsert_goes_by_the_primary_key_alone() {
    for (kind, database, url) in ways() {
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY, a varchar(20), extra int DEFAULT 5, UNIQUE KEY ua (a));
             INSERT INTO t VALUES (1, 'one', 11), (2, 'two', 12);
             CREATE TABLE p (id int PRIMARY KEY, a varchar(20));
             INSERT INTO p VALUES (1, 'one');
             CREATE TABLE o (id int PRIMARY KEY); INSERT INTO o VALUES (1)",
        );
        let sink = sink(&url);
        let task = self::task(&*sink, "t", &["id", "a"], WriteMode::Upsert).await;
        let mut writer = writer(&*sink, &task).await;
        // Row 3 would find row 2 by the other unique key, and overwrite it.
        let error = writer.write(&pairs(&task, &[3], &["two"])).await.unwrap_err();
        assert_eq!(error.code(), Code::DuplicateKey, "{kind:?} {url}");
        let good = pairs(&task, &[1, 4], &["uno", "four"]);
        writer.write(&good).await.unwrap();
        writer.write(&pairs(&task, &[4], &["vier"])).await.unwrap();
        writer.flush(&good.position, true).await.unwrap();
        let row =
            |id: &str, a: &str, extra: &str| [id, a, extra].map(|t| Some(t.to_owned())).to_vec();
        // A column that is not written stays as it is.
        let expected = vec![row("1", "uno", "11"), row("2", "two", "12"), row("4", "vier", "5")];
        assert_eq!(database.rows("SELECT * FROM t ORDER BY id"), expected, "{kind:?} {url}");

        let task = self::task(&*sink, "p", &["id", "a"], WriteMode::Upsert).await;
        let mut writer = self::writer(&*sink, &task).await;
        let good = pairs(&task, &[1, 2], &["uno", "dos"]);
        writer.write(&good).await.unwrap();
        writer.flush(&good.position, true).await.unwrap();
        assert_eq!(
            database.value("SELECT GROUP_CONCAT(a ORDER BY id) FROM p").as_deref(),
            Some("uno,dos")
        );

        let task = self::task(&*sink, "o", &["id"], WriteMode::Upsert).await;
        let mut writer = self::writer(&*sink, &task).await;
        let good = batch(&task, vec![Arc::new(Int32Array::from(vec![1, 2]))]);
        writer.write(&good).await.unwrap();
        writer.flush(&good.position, true).await.unwrap();
        assert_eq!(database.count("o"), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_local_infile_gets_inserts() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(server) = Server::own(kind, &["--local-infile=OFF"]) else { continue };
        let (from, to) = (server.database(), server.database());
        from.execute("CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1,'x'), (2,NULL), (3,'\\\\N')");
        let notes = sink(&to.url()).check().await.unwrap();
        assert!(notes.iter().any(|n| n.contains("local_infile is off")), "{notes:?}");
        copy(&from.url(), "t", &to.url()).await.unwrap();
        assert_eq!(from.rows("SELECT * FROM t"), to.rows("SELECT * FROM t"), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_settings_of_the_server_change_nothing() {
    let hostile = [
        "--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE",
        "--default-time-zone=+12:45",
        "--character-set-server=latin1",
        "--init-connect=SET NAMES latin1, autocommit=0, sql_safe_updates=1, completion_type=CHAIN, \
         sql_notes=0, foreign_key_checks=0, unique_checks=0, sql_auto_is_null=1, sql_select_limit=1, \
         sql_big_selects=0, sql_quote_show_create=0, sql_buffer_result=1",
        "--skip-character-set-client-handshake",
        "--transaction-isolation=SERIALIZABLE",
        "--max-allowed-packet=1M",
        "--net-write-timeout=2",
        "--wait-timeout=3",
        "--default-storage-engine=MyISAM",
        "--explicit-defaults-for-timestamp=OFF",
        "--group-concat-max-len=4",
        "--max-sort-length=64",
        "--max-error-count=0",
        "--innodb-strict-mode=OFF",
        "--character-set-filesystem=latin1",
        "--low-priority-updates=ON",
    ];
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(server) = Server::own(kind, &hostile) else { continue };
        // init_connect does not run for an account with all rights.
        let mut admin = server.session();
        admin.execute("SET sql_mode=''; CREATE USER 'u'@'%' IDENTIFIED BY 'pw'; GRANT ALL ON `t%`.* TO 'u'@'%'");
        let (from, to) = (server.database(), server.database());
        let mut session = from.session();
        session.execute(
            "SET NAMES utf8mb4, sql_mode='', time_zone='+00:00'; \
             CREATE TABLE t (id int NOT NULL PRIMARY KEY, a varchar(50), b timestamp NULL, c char(5), d datetime, \
             e varchar(10) CHARACTER SET latin1) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
        );
        session.execute(
            "INSERT INTO t VALUES (1, 'q\\'\"\\\\ 😀 \\n', '2024-03-31 02:30:00', 'ab', '2024-03-31 02:30:00', 'äß€'), \
             (2, '', '2038-01-19 03:14:07', '', '0001-01-01', ''), (3, NULL, NULL, NULL, NULL, NULL)",
        );
        let as_user = |database: &Database| {
            database.url().replace("root:root@", "u:pw@").replace("root@", "u:pw@")
        };
        let how = Copy { splits: 1, ..Copy::default() };
        for (target, options) in [("t", ""), ("t2", "?load_data=false")] {
            let url = format!("{}{options}", as_user(&to));
            let rejects = copy_as(&as_user(&from), "t", &url, target, &how).await.unwrap();
            assert!(rejects.is_empty());
            let all = |table: &str| {
                format!(
                    "SELECT id, HEX(a), UNIX_TIMESTAMP(b), HEX(c), d + INTERVAL 0 SECOND, HEX(e) \
                     FROM {table} ORDER BY id"
                )
            };
            assert_eq!(from.rows(&all("t")), to.rows(&all(target)), "{kind:?} {options}");
            let engine = format!(
                "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA='{}' AND TABLE_NAME='{target}'",
                to.name()
            );
            assert_eq!(to.value(&engine).as_deref(), Some("InnoDB"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_packets_and_large_values_get_along() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(server) = Server::own(kind, &["--max-allowed-packet=1M"]) else { continue };
        let (from, to) = (server.database(), server.database());
        from.execute(
            "CREATE TABLE t (id int PRIMARY KEY, a mediumtext, b mediumblob);
             INSERT INTO t VALUES (1, REPEAT('ü', 250000), NULL), (2, NULL, REPEAT(X'00', 200000)), (3, 'x', 'y')",
        );
        for (target, options) in [("t", ""), ("t2", "?load_data=false")] {
            copy_as(&from.url(), "t", &format!("{}{options}", to.url()), target, &Copy::default())
                .await
                .unwrap();
            let sums = |table: &str| format!("SELECT id, MD5(a), MD5(b) FROM {table} ORDER BY id");
            assert_eq!(from.rows(&sums("t")), to.rows(&sums(target)), "{kind:?} {options}");
        }
        // A row the server cannot be given at all is a bad row.
        let url = format!("{}?load_data=false", to.url());
        let sink = sink(&url);
        let task = task(&*sink, "t", &["id", "a"], WriteMode::Append).await;
        let mut writer = writer(&*sink, &task).await;
        let long = "x".repeat(2 << 20);
        let error = writer.write(&pairs(&task, &[9], &[&long])).await.unwrap_err();
        assert_eq!(error.code(), Code::OutOfRange);
        writer.write(&pairs(&task, &[9], &["short"])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_without_transactions_promise_less() {
    for (kind, database) in databases() {
        database.execute("CREATE TABLE m (id int PRIMARY KEY, a varchar(20)) ENGINE=MyISAM");
        let sink = sink(&database.url());
        let append = task(&*sink, "m", &["id", "a"], WriteMode::Append).await;
        assert_eq!(sink.guarantee(&append), Guarantee::Append, "{kind:?}");
        let upsert = WriteTask { write: WriteMode::Upsert, ..append.clone() };
        assert_eq!(sink.guarantee(&upsert), Guarantee::Upsert);
        let mut writer = writer(&*sink, &append).await;
        let rows = pairs(&append, &[1, 2], &["a", "b"]);
        writer.write(&rows).await.unwrap();
        writer.flush(&rows.position, true).await.unwrap();
        assert_eq!(database.count("m"), 2);
        // What LOAD DATA stores cut short could not be undone here.
        let long = "x".repeat(21);
        let error = writer.write(&pairs(&append, &[3], &[&long])).await.unwrap_err();
        assert_eq!(error.code(), Code::OutOfRange, "{kind:?}");
        assert_eq!(database.count("m"), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_refuses_what_a_swap_would_harm() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE c (id int PRIMARY KEY, a varchar(5));
             CREATE TRIGGER tr BEFORE INSERT ON c FOR EACH ROW SET NEW.a = 'x'",
        );
        let sink = sink(&database.url());
        let there = sink.describe(&TableName::bare("c")).await.unwrap().unwrap();
        let how = Copy { write: WriteMode::Replace, ..Copy::default() };
        let task = write_task(&*sink, &there.schema, "c", &how, 1).await.unwrap();
        let error = sink.prepare(&task).await.unwrap_err();
        assert_eq!(error.code(), Code::Unsupported, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_demands_more_columns_is_refused() {
    for (_, database) in databases() {
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY, a varchar(5), b int NOT NULL);
             CREATE TABLE g (id int PRIMARY KEY, a varchar(5), b int AS (id * 2) STORED, c int NOT NULL DEFAULT 3)",
        );
        let sink = sink(&database.url());
        let mut schema: TableSchema =
            sink.describe(&TableName::bare("t")).await.unwrap().unwrap().schema;
        schema.columns.truncate(2);
        let task = write_task(&*sink, &schema, "t", &Copy::default(), 1).await.unwrap();
        let error = sink.prepare(&task).await.unwrap_err();
        assert_eq!(error.code(), Code::ColumnMismatch);
        let task = self::task(&*sink, "g", &["id", "a"], WriteMode::Append).await;
        let mut writer = writer(&*sink, &task).await;
        let rows = pairs(&task, &[4], &["x"]);
        writer.write(&rows).await.unwrap();
        writer.flush(&rows.position, true).await.unwrap();
        let all = database.rows("SELECT * FROM g");
        assert_eq!(all, [["4", "x", "8", "3"].map(|t| Some(t.to_owned()))]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_a_person_can_do() {
    for (kind, database) in databases() {
        let url = database.url();
        let code = |e: Error| e.code();
        let wrong = url.replace("root:root@", "root:wrong@").replace("root@", "nobody:wrong@");
        assert_eq!(code(sink(&wrong).check().await.unwrap_err()), Code::AuthFailed, "{kind:?}");
        let nowhere = url.replace(database.name(), "no_such_db");
        assert_eq!(code(sink(&nowhere).check().await.unwrap_err()), Code::DatabaseNotFound);
        let down = "mysql://root@127.0.0.1:1/x";
        assert_eq!(code(sink(down).check().await.unwrap_err()), Code::Unreachable);
        let name = format!("poor{}", database.name());
        database.execute(&format!(
            "CREATE USER '{name}'@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON {}.* TO '{name}'@'%'; \
             CREATE TABLE t (id int PRIMARY KEY)",
            database.name()
        ));
        let poor = url
            .replace("root:root@", &format!("{name}:pw@"))
            .replace("root@", &format!("{name}:pw@"));
        let sink = sink(&poor);
        let there = sink.describe(&TableName::bare("t")).await.unwrap().unwrap();
        let schema =
            TableSchema::new(TableName::bare("u"), [Field::new("id", DataType::Int32, false)]);
        let task = write_task(&*sink, &schema, "u", &Copy::default(), 1).await.unwrap();
        assert_eq!(code(sink.prepare(&task).await.unwrap_err()), Code::NoPrivilege, "{kind:?}");
        let task = write_task(&*sink, &there.schema, "t", &Copy::default(), 1).await.unwrap();
        let refused = sink.open(&task, &split()).await.err().unwrap();
        assert_eq!(code(refused), Code::NoPrivilege);
        database.execute(&format!("DROP USER '{name}'@'%'"));
    }
}
