//! What befalls a writer of changes: owners that are overtaken, rows that are refused, keys that
//! move, sequences, definitions that change.

use std::sync::Arc;

use syncline_connector::{Apply, ApplyTask, DefinitionChange, Sink, WriteMode, WriteTask};
use syncline_testkit::Database;
use syncline_types::{Code, ErrorKind, Position, TableName};

use crate::following::{batch, follow, task};
use crate::support::{find, rows, server, servers, sink, source};

/// The rows of a query, with all their columns.
async fn of(database: &Database, sql: &str, columns: &[&str]) -> arrow::array::RecordBatch {
    database.execute(&format!("DROP TABLE IF EXISTS given; CREATE TABLE given AS {sql}"));
    batch(database, "given", columns).await.unwrap()
}

fn at(seq: u64) -> Position {
    Position::new(seq, format!("at {seq}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_before_is_refused_whatever_it_had_begun() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)");
        let sink = sink(&database.url());
        let first = task(&*sink, 1, &["t"]).await;
        let (mut old, held) = follow(&*sink, &first).await;
        assert_eq!(held, None);
        let rows_1 = of(&database, "SELECT 1 AS id, 'old' AS v", &["id", "v"]).await;
        old.apply(0, &Apply::Insert(rows_1)).await.unwrap();
        old.flush(&at(1)).await.unwrap();
        let rows_2 = of(&database, "SELECT 2 AS id, 'stale' AS v", &["id", "v"]).await;
        old.apply(0, &Apply::Insert(rows_2)).await.unwrap();
        let second = ApplyTask { epoch: 2, ..first.clone() };
        let (mut new, held) = follow(&*sink, &second).await;
        assert_eq!(held, Some(at(1)));
        let failed = old.flush(&at(2)).await.unwrap_err();
        assert_eq!(failed.code(), Code::StaleEpoch, "{}", failed.chain());
        drop(old);
        assert_eq!(rows(&database, "t"), ["(1,old)"]);
        assert_eq!(sink.follow(&first).await.err().unwrap().code(), Code::StaleEpoch);
        // A position alone, as a heartbeat gives it.
        new.flush(&at(3)).await.unwrap();
        let rows_2 = of(&database, "SELECT 2 AS id, 'new' AS v", &["id", "v"]).await;
        new.apply(0, &Apply::Upsert(rows_2.clone())).await.unwrap();
        drop(new);
        let (mut new, held) = follow(&*sink, &second).await;
        assert_eq!(held, Some(at(3)));
        new.apply(0, &Apply::Upsert(rows_2)).await.unwrap();
        new.flush(&at(4)).await.unwrap();
        drop(new);
        assert_eq!(rows(&database, "t"), ["(1,old)", "(2,new)"]);
        sink.unfollow(&second).await.unwrap();
        assert_eq!(database.value("SELECT to_regclass('_syncline_checkpoint')"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_in_the_log_and_the_splits_of_the_same_run_do_not_meet() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)");
    let sink = sink(&database.url());
    let task = task(&*sink, 1, &["t"]).await;
    let (mut writer, _) = follow(&*sink, &task).await;
    sink.prepare(&task.tables[0]).await.unwrap();
    writer.flush(&at(5)).await.unwrap();
    let split = syncline_types::Split {
        table: TableName::bare("t"),
        id: 0,
        rows: None,
        bytes: None,
        resumable: true,
        token: "{}".into(),
    };
    let opened = sink.open(&task.tables[0], &split).await.unwrap();
    assert_eq!(opened.held, None);
    let mut rows = opened.writer;
    rows.flush(&at(7), true).await.unwrap();
    sink.commit(&task.tables[0]).await.unwrap();
    sink.finish(&task.tables).await.unwrap();
    drop(writer);
    let (_, held) = follow(&*sink, &task).await;
    assert_eq!(held, Some(at(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_set_leaves_nothing_and_the_writer_goes_on() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE TABLE parent (id int PRIMARY KEY);
             CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE, v varchar(3) NOT NULL,
                             p int REFERENCES parent, m int CHECK (m < 10));
             INSERT INTO parent VALUES (1)",
        );
        let sink = sink(&database.url());
        let task = task(&*sink, 1, &["t", "parent"]).await;
        let (mut writer, _) = follow(&*sink, &task).await;
        let all = ["id", "u", "v", "p", "m"];
        let bad: &[(&str, Code)] = &[
            (
                "SELECT g, g AS u, 'ok'::varchar, 2, 1 FROM generate_series(100, 300) g",
                Code::ForeignKey,
            ),
            ("SELECT g, 1, 'ok', 1, 1 FROM generate_series(100, 102) g", Code::DuplicateKey),
            // Through another key than its own no row is touched.
            ("SELECT 50, 1, 'ok', 1, 1", Code::DuplicateKey),
            ("SELECT 50, 50, 'long', 1, 1", Code::OutOfRange),
            ("SELECT 50, 50, NULL, 1, 1", Code::NotNull),
            ("SELECT 50, 50, 'ok', 1, 10", Code::CheckViolated),
        ];
        let names = |sql: &str| format!("SELECT * FROM ({sql}) AS s (id, u, v, p, m)");
        let mut seq = 0;
        for (n, (sql, code)) in bad.iter().enumerate() {
            // At the transaction's beginning, behind a savepoint, and behind other rows.
            for before in 0..3 {
                let id = i32::try_from(n * 3 + before).unwrap() + 1;
                let good = format!("SELECT {id}, {id}, 'ok'::varchar, 1, 1");
                let good = of(&database, &names(&good), &all).await;
                let rows = of(&database, &names(sql), &all).await;
                let upsert = Apply::Upsert(rows.clone());
                let insert = Apply::Insert(rows);
                if before == 0 && n == 0 {
                    let failed = writer.apply(0, &upsert).await.unwrap_err();
                    assert_eq!(failed.code(), *code, "{}", failed.chain());
                }
                if before > 0 {
                    writer.savepoint().await.unwrap();
                }
                writer.apply(0, &Apply::Upsert(good)).await.unwrap();
                if before > 1 {
                    writer.savepoint().await.unwrap();
                }
                for apply in [&upsert, &insert, &upsert] {
                    let failed = writer.apply(0, apply).await.unwrap_err();
                    assert_eq!(failed.code(), *code, "{sql}: {}", failed.chain());
                    assert_eq!(failed.kind(), ErrorKind::Data);
                }
                if before > 1 {
                    // Back to behind the good row.
                    writer.roll_back().await.unwrap();
                }
                seq += 1;
                if before != 1 {
                    writer.flush(&at(seq)).await.unwrap();
                }
            }
        }
        drop(writer);
        assert_eq!(database.count("t"), 18);
        // What children refer to stays.
        let (mut writer, held) = follow(&*sink, &task).await;
        assert_eq!(held, Some(at(18)));
        let parent = of(&database, "SELECT 1 AS id", &["id"]).await;
        let failed = writer.apply(1, &Apply::Delete(parent)).await.unwrap_err();
        assert_eq!(failed.code(), Code::ForeignKey);
        writer.flush(&at(19)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_move_and_columns_beside_stay() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE TABLE t (a int, b text, v text, own text DEFAULT 'own', PRIMARY KEY (a, b));
             INSERT INTO t SELECT g, 'x', 'old' FROM generate_series(1, 5) g;
             CREATE TABLE c (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int, w text);
             INSERT INTO c (v, w) SELECT g, 'w' FROM generate_series(1, 5) g;
             CREATE EXTENSION citext; CREATE TABLE n (k citext PRIMARY KEY, v int);
             INSERT INTO n VALUES ('a', 1)",
        );
        let sink = sink(&database.url());
        let task = task(&*sink, 1, &["t", "c", "n"]).await;
        let (mut writer, _) = follow(&*sink, &task).await;
        let moved = "SELECT g + 10 AS a, 'y' AS b, 'new' AS v, g AS old, 'x' AS other \
                     FROM generate_series(2, 3) g";
        let new = of(&database, moved, &["a", "b", "v"]).await;
        let old =
            of(&database, "SELECT g AS a, 'x' AS b FROM generate_series(2, 3) g", &["b", "a"]);
        let update = Apply::Update { rows: new, old_keys: Some(old.await) };
        writer.apply(0, &update).await.unwrap();
        // Only the key, of a counted column, with no value of the others.
        let new = of(&database, "SELECT 20 AS id", &["id"]).await;
        let old = of(&database, "SELECT 2 AS id", &["id"]).await;
        let update = Apply::Update { rows: new, old_keys: Some(old) };
        writer.apply(1, &update).await.unwrap();
        // Two keys that are one to the server are not one after the other's.
        let sql = "SELECT * FROM (VALUES ('a'::citext, 2), ('A', 3)) AS s (k, v)";
        let same = of(&database, sql, &["k", "v"]).await;
        for apply in [Apply::Upsert(same.clone()), Apply::Update { rows: same, old_keys: None }] {
            let failed = writer.apply(2, &apply).await.unwrap_err();
            assert_eq!(failed.code(), Code::DuplicateKey, "{}", failed.chain());
        }
        let one = of(&database, "SELECT 'A'::citext AS k, 3 AS v", &["k", "v"]).await;
        writer.apply(2, &Apply::Upsert(one)).await.unwrap();
        // A row that is not there is left out; columns that are absent take defaults.
        let rows_gone =
            of(&database, "SELECT 99 AS a, 'x' AS b, 'no' AS v", &["a", "b", "v"]).await;
        writer.apply(0, &Apply::Update { rows: rows_gone, old_keys: None }).await.unwrap();
        let few = of(&database, "SELECT 7 AS a, 'z' AS b", &["a", "b"]).await;
        writer.apply(0, &Apply::Insert(few)).await.unwrap();
        writer.flush(&at(1)).await.unwrap();
        let wanted = [
            "(1,x,old,own)",
            "(12,y,new,own)",
            "(13,y,new,own)",
            "(4,x,old,own)",
            "(5,x,old,own)",
            "(7,z,,own)",
        ];
        assert_eq!(rows(&database, "t"), wanted);
        let wanted = ["(1,1,w)", "(20,2,w)", "(3,3,w)", "(4,4,w)", "(5,5,w)"];
        assert_eq!(rows(&database, "c"), wanted);
        assert_eq!(rows(&database, "n"), ["(A,3)"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_could_count_on_at_any_time() {
    let Some(server) = server() else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, s serial, v text);
         CREATE TABLE down (id int GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1) PRIMARY KEY)",
    );
    let sink = sink(&database.url());
    let task = task(&*sink, 1, &["t", "down"]).await;
    let (mut writer, _) = follow(&*sink, &task).await;
    for (seq, rows) in [(1, 3), (2, 1000)] {
        let sql = format!(
            "SELECT {seq} * 1000 + g AS id, g AS s, 'x' AS v FROM generate_series(1, {rows}) g"
        );
        let new = of(&database, &sql, &["id", "s", "v"]).await;
        writer.apply(0, &Apply::Insert(new)).await.unwrap();
        let down = of(&database, &format!("SELECT -{seq} * 10 AS id"), &["id"]).await;
        writer.apply(1, &Apply::Upsert(down)).await.unwrap();
        writer.flush(&at(seq)).await.unwrap();
        if seq == 1 {
            // Moved with the first flush.
            database.execute("INSERT INTO t (v) VALUES ('own')");
            database.execute("INSERT INTO down DEFAULT VALUES");
            assert_eq!(database.value("SELECT id FROM t WHERE v = 'own'").unwrap(), "1004");
            assert_eq!(database.value("SELECT min(id) FROM down").unwrap(), "-11");
            database.execute("DELETE FROM t WHERE v = 'own'; DELETE FROM down WHERE id = -11");
        }
    }
    drop(writer);
    sink.unfollow(&task).await.unwrap();
    database.execute("INSERT INTO t (v) VALUES ('own'); INSERT INTO down DEFAULT VALUES");
    assert_eq!(
        database.rows("SELECT id, s FROM t WHERE v = 'own'")[0],
        [Some("3001".to_owned()), Some("1001".to_owned())]
    );
    assert_eq!(database.value("SELECT min(id) FROM down").unwrap(), "-21");
}

/// How the sink would make the table.
async fn made(sink: &dyn Sink, database: &Database, table: &str, to: &str) -> WriteTask {
    let found = find(&*source(&database.url()), table).await;
    let definition = Arc::new(sink.adapt(&found, &TableName::bare(to)).unwrap().table);
    let mut written = definition.as_ref().clone();
    written.columns.retain(|c| c.generated.is_none());
    WriteTask {
        run: "run".into(),
        epoch: 1,
        table: Arc::new(written),
        definition,
        exists: false,
        empty_at_start: true,
        distinct: false,
        write: WriteMode::Upsert,
        splits: 1,
        circular: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_change_with_their_rows_or_not_at_all() {
    for server in servers() {
        let (from, to) = (server.database(), server.database());
        let sink = sink(&to.url());
        let empty = ApplyTask { run: "run".into(), epoch: 1, tables: Vec::new() };
        from.execute("CREATE TABLE t (id int PRIMARY KEY, v text, w int); CREATE INDEX i ON t (v)");
        let first = made(&*sink, &from, "t", "t").await;
        from.execute(
            "ALTER TABLE t ADD COLUMN x numeric(9,2) DEFAULT 1.5; ALTER TABLE t DROP COLUMN w;
                      ALTER TABLE t RENAME COLUMN v TO text",
        );
        let second = made(&*sink, &from, "t", "t").await;
        from.execute("ALTER TABLE t RENAME TO u");
        let third = made(&*sink, &from, "u", "u").await;
        let altered = DefinitionChange::Alter {
            before: Arc::clone(&first.definition),
            after: second.clone(),
            renamed: vec![("v".into(), "text".into())],
        };
        let renamed = DefinitionChange::Rename { from: TableName::bare("t"), to: third.clone() };
        // Once to be lost, twice to stay: what is there already is left as it is.
        for round in 0..3 {
            let (mut writer, held) = follow(&*sink, &empty).await;
            assert_eq!(held.is_some(), round > 1);
            if round == 2 {
                to.execute("ALTER TABLE u RENAME TO t");
            }
            writer.define(0, &DefinitionChange::Create(first.clone())).await.unwrap();
            if round < 2 {
                let rows = of(&from, "SELECT 1 AS id, 'a' AS v, 2 AS w", &["id", "v", "w"]).await;
                writer.apply(0, &Apply::Insert(rows)).await.unwrap();
            }
            writer.define(0, &altered).await.unwrap();
            writer.define(0, &altered).await.unwrap();
            let new = "SELECT 2 AS id, 'b'::text AS text, 3::numeric(9,2) AS x";
            let rows = of(&from, new, &["id", "text", "x"]).await;
            writer.apply(0, &Apply::Upsert(rows.clone())).await.unwrap();
            writer.define(0, &renamed).await.unwrap();
            writer.define(0, &renamed).await.unwrap();
            writer.apply(0, &Apply::Upsert(rows)).await.unwrap();
            if round == 0 {
                drop(writer);
                assert_eq!(to.value("SELECT to_regclass('t')"), None);
                assert_eq!(to.value("SELECT to_regclass('u')"), None);
                continue;
            }
            writer.flush(&at(1)).await.unwrap();
            drop(writer);
            assert_eq!(to.value("SELECT to_regclass('t')"), None);
            assert_eq!(
                to.rows("SELECT id, text, x FROM u ORDER BY id"),
                [["1", "a", "1.50"], ["2", "b", "3.00"]].map(|r| r.map(|v| Some(v.to_owned())))
            );
        }
        let (mut writer, _) = follow(&*sink, &ApplyTask { tables: vec![third], ..empty }).await;
        writer.define(0, &DefinitionChange::Truncate).await.unwrap();
        writer.flush(&at(2)).await.unwrap();
        assert_eq!(to.count("u"), 0);
        to.execute("CREATE TABLE child (id int REFERENCES u)");
        writer.define(0, &DefinitionChange::Truncate).await.unwrap();
        writer.flush(&at(2)).await.unwrap();
        to.execute("DROP TABLE child");
        writer.define(0, &DefinitionChange::Drop).await.unwrap();
        writer.define(0, &DefinitionChange::Drop).await.unwrap();
        writer.flush(&at(3)).await.unwrap();
        assert_eq!(to.value("SELECT to_regclass('u')"), None);
    }
}
