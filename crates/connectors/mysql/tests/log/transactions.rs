//! What transactions tell: order, images, keys, and what is taken back.

use syncline_connector::LogBudget;
use syncline_testkit::{Kind, Server};
use syncline_types::{Code, LogElement};

use crate::rig::tail::{BUDGET, Tail};
use crate::rig::{databases, own_servers};

#[tokio::test(flavor = "multi_thread")]
async fn changes_come_in_their_order_by_transaction() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY, a varchar(20)); CREATE TABLE other (id int)",
        );
        let mut tail = Tail::now(&database.url(), &["t"]).await;
        database.execute(
            "INSERT INTO t VALUES (1, 'one'), (2, NULL); INSERT INTO other VALUES (1); \
             START TRANSACTION; UPDATE t SET a = 'two' WHERE id = 2; UPDATE t SET id = 3 WHERE id = 1; \
             DELETE FROM t WHERE id = 2; COMMIT",
        );
        let read = tail.read().await.unwrap();
        let expected = [
            "insert t id=1 a=one",
            "insert t id=2 a=NULL",
            "update t id=2 a=two",
            "before t id=1",
            "update t id=3 a=one",
            "delete t id=2",
        ];
        assert_eq!(read.lines(), expected, "{kind:?}");
        let commits = read.sets.iter().flat_map(|s| &s.commits);
        let commits: Vec<u64> = commits.map(|c| c.position.seq).collect();
        assert_eq!(commits, [2, 6], "{kind:?}");
        assert_eq!(tail.at.seq, 6);
        assert!(tail.read().await.unwrap().lines().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_the_log_leaves_out_is_absent() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE t (id int, a int, b text, c blob, d int, PRIMARY KEY (d, id)); \
             CREATE TABLE k (a int, b text)",
        );
        let mut tail = Tail::now(&database.url(), &["t", "k"]).await;
        let mut session = database.session();
        session.execute("SET binlog_row_image='MINIMAL'");
        session.execute("INSERT INTO t (id, d, b) VALUES (1, 7, 'b'), (2, 7, NULL)");
        session.execute("UPDATE t SET a = 5 WHERE id = 1");
        session.execute("UPDATE t SET id = 9 WHERE id = 2");
        session.execute("DELETE FROM t WHERE id = 9");
        session.execute("INSERT INTO k VALUES (1, 'x')");
        session.execute("UPDATE k SET a = 2");
        session.execute("DELETE FROM k");
        session.execute("SET binlog_row_image='NOBLOB'");
        session.execute("UPDATE t SET a = 6 WHERE id = 1");
        session.execute("UPDATE t SET b = 'bb', d = 8 WHERE id = 1");
        let read = tail.read().await.unwrap();
        let mut expected = vec![
            "insert t id=1 b=b d=7",
            "insert t id=2 b=NULL d=7",
            "update t id=1 a=5 d=7",
            "before t id=2 d=7",
            "update t id=9 d=7",
            "delete t id=9 d=7",
            "insert k a=1 b=x",
            "before k a=1 b=x",
            "update k a=2",
            "delete k a=2 b=x",
            "update t id=1 a=6 d=7",
            "before t id=1 d=7",
            "update t id=1 a=6 b=bb d=8",
        ];
        if kind == Kind::MariaDb {
            // Of a row without a key it tells all, old and new.
            expected[8] = "update k a=2 b=x";
        }
        assert_eq!(read.lines(), expected, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_key_come_with_their_old_image() {
    for (kind, database) in databases() {
        database
            .execute("CREATE TABLE t (a int, b text); CREATE TABLE u (id int PRIMARY KEY, b text)");
        let mut tail = Tail::now(&database.url(), &["t", "u"]).await;
        let change = "INSERT INTO t VALUES (1, 'x'); UPDATE t SET b = NULL; DELETE FROM t; \
                      INSERT INTO u VALUES (1, 'x'); UPDATE u SET b = 'y'; DELETE FROM u";
        database.execute(change);
        let keyless =
            ["insert t a=1 b=x", "before t a=1 b=x", "update t a=1 b=NULL", "delete t a=1 b=NULL"];
        let mut expected: Vec<&str> = keyless.to_vec();
        expected.extend(["insert u id=1 b=x", "update u id=1 b=y", "delete u id=1"]);
        assert_eq!(tail.read().await.unwrap().lines(), expected, "{kind:?}");
        tail.follow.old_images = true;
        database.execute(change);
        let mut expected: Vec<&str> = keyless.to_vec();
        expected.extend([
            "insert u id=1 b=x",
            "before u id=1 b=x",
            "update u id=1 b=y",
            "delete u id=1 b=y",
        ]);
        assert_eq!(tail.read().await.unwrap().lines(), expected, "{kind:?}");
        assert_eq!(tail.at.seq, 15);
    }
}

/// Transactions of MySQL, events of MariaDB, and statements.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_compressed_is_read() {
    let args: [(Kind, &[&str]); 2] = [
        (Kind::MariaDb, &["--log-bin-compress=ON", "--log-bin-compress-min-len=10"]),
        (Kind::MySql, &["--binlog-transaction-compression=ON"]),
    ];
    for (kind, args) in args {
        let Some(server) = Server::own(kind, args) else { continue };
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY, a varchar(2000))");
        let mut tail = Tail::now(&database.url(), &["t"]).await;
        database.execute(
            "INSERT INTO t VALUES (1, REPEAT('x', 2000)), (2, 'y'); UPDATE t SET a = REPEAT('z', 1000) WHERE id = 1; \
             UPDATE t SET id = 3 WHERE id = 2; DELETE FROM t WHERE id = 1; \
             ALTER TABLE t ADD COLUMN a_name_that_is_long_enough_to_be_compressed_too int",
        );
        let big: Vec<String> =
            (100..5100).map(|i| format!("({i}, REPEAT('{i}', 100), {i})")).collect();
        database.execute(&format!("INSERT INTO t VALUES {}", big.join(",")));
        let read = tail.read().await.unwrap();
        let lines = read.lines();
        let z = "z".repeat(1000);
        assert_eq!(
            lines[2..6],
            [
                format!("update t id=1 a={z}"),
                "before t id=2".into(),
                "update t id=3 a=y".into(),
                "delete t id=1".into()
            ],
            "{kind:?}"
        );
        assert_eq!(read.schemas.len(), 1);
        assert_eq!(lines.len(), 6 + 5000);
        assert!(lines[5005].ends_with("=5099"), "{}", lines[5005]);
    }
}

/// A transaction that is larger than a set comes in parts, of which only the last is complete.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_transaction_comes_in_parts() {
    for (kind, database) in databases() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY, a varchar(100))");
        let mut tail = Tail::now(&database.url(), &["t"]).await;
        let mut session = database.session();
        session.execute("INSERT INTO t VALUES (0, 'before')");
        session.execute("START TRANSACTION");
        for piece in 0..20 {
            let rows: Vec<String> =
                (1..=1000).map(|i| format!("({}, REPEAT('x', 50))", piece * 1000 + i)).collect();
            session.execute(&format!("INSERT INTO t VALUES {}", rows.join(",")));
        }
        session.execute("COMMIT");
        session.execute("INSERT INTO t VALUES (-1, 'behind')");
        let begin = tail.at.clone();
        let budget = LogBudget { rows: 1500, bytes: 1 << 30, ..BUDGET };
        let read = tail.read_by(budget).await.unwrap();
        assert_eq!(read.rows(), 20_002, "{kind:?}");
        assert_eq!(tail.at.seq, 20_002);
        let whole: Vec<bool> = read.sets.iter().map(|s| s.complete).collect();
        // Each of the small ones may come in a set of its own.
        let parts = whole.iter().filter(|whole| !**whole).count();
        assert!(parts > 4 && whole[whole.len() - 1], "{kind:?} {whole:?}");
        let places: Vec<u32> = read.sets.iter().map(|s| s.places).collect();
        assert!(places.iter().all(|n| *n < 3000 + 1000), "{kind:?} {places:?}");
        // The first set has the end of the first transaction; no other ends before the last sets.
        assert_eq!(read.sets[0].commits.len(), 1);
        // Broken off in the middle, it is read again from its beginning.
        tail.at = begin;
        let mut reader = tail.open().await.unwrap();
        let first = loop {
            if let LogElement::Changes(first) = reader.next(budget).await.unwrap() {
                break first;
            }
        };
        drop(reader);
        tail.at = first.commits[0].position.clone();
        assert_eq!(tail.read_by(budget).await.unwrap().rows(), 20_001, "{kind:?}");
        assert_eq!(tail.at.seq, 20_002);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rolled_back_is_not_told() {
    for (kind, database) in databases() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY)");
        let mut tail = Tail::now(&database.url(), &["t"]).await;
        let mut session = database.session();
        session.execute("START TRANSACTION");
        session.execute("INSERT INTO t VALUES (1)");
        session.execute("SAVEPOINT `a b`");
        // It keeps MariaDB from taking rows out of the log again.
        session.execute("CREATE TEMPORARY TABLE tmp (a int)");
        session.execute("INSERT INTO t VALUES (2)");
        session.execute("ROLLBACK TO `a b`");
        session.execute("INSERT INTO t VALUES (3)");
        session.execute("COMMIT");
        session.execute("START TRANSACTION");
        session.execute("INSERT INTO t VALUES (4)");
        session.execute("ROLLBACK");
        assert_eq!(
            tail.read().await.unwrap().lines(),
            ["insert t id=1", "insert t id=3"],
            "{kind:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn distributed_transactions_count_when_they_are_committed() {
    // Of its own: no other log can be read from a place behind one that is prepared.
    for (kind, _server, database) in own_servers() {
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)",
        );
        let mut tail = Tail::now(&database.url(), &["t"]).await;
        let prefix = database.name().to_owned();
        let mut session = database.session();
        let mut prepare = |name: &str, sql: &str| {
            session.execute(&format!("XA START '{prefix}{name}'"));
            session.execute(sql);
            session.execute(&format!("XA END '{prefix}{name}'"));
            session.execute(&format!("XA PREPARE '{prefix}{name}'"));
        };
        prepare("a", "INSERT INTO t VALUES (1), (2)");
        // A session has one at a time, and another may end it.
        drop(session);
        let mut session = database.session();
        session.execute("INSERT INTO t VALUES (3)");
        assert_eq!(tail.read().await.unwrap().lines(), ["insert t id=3"], "{kind:?}");
        // Going on behind (3), the rows of the one that is open are known all the same.
        session.execute(&format!("XA COMMIT '{prefix}a'"));
        session.execute("INSERT INTO t VALUES (4)");
        let read = tail.read().await.unwrap();
        assert_eq!(read.lines(), ["insert t id=1", "insert t id=2", "insert t id=4"], "{kind:?}");
        assert_eq!(tail.at.seq, 4);
        for (name, sql, end) in [
            ("b", "INSERT INTO t VALUES (5)", "ROLLBACK"),
            ("c", "INSERT INTO other VALUES (5)", "COMMIT"),
        ] {
            session.execute(&format!("XA START '{prefix}{name}'"));
            session.execute(sql);
            session.execute(&format!("XA END '{prefix}{name}'"));
            session.execute(&format!("XA PREPARE '{prefix}{name}'"));
            drop(session);
            session = database.session();
            assert!(tail.read().await.unwrap().lines().is_empty(), "{kind:?}");
            session.execute(&format!("XA {end} '{prefix}{name}'"));
            assert!(tail.read().await.unwrap().lines().is_empty(), "{kind:?}");
        }
        session.execute(&format!("XA START '{prefix}d'"));
        session.execute("INSERT INTO t VALUES (6)");
        session.execute(&format!("XA END '{prefix}d'"));
        session.execute(&format!("XA COMMIT '{prefix}d' ONE PHASE"));
        assert_eq!(tail.read().await.unwrap().lines(), ["insert t id=6"], "{kind:?}");
    }
}

/// A session may log statements although the server is set to rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_logged_as_a_statement_stops_the_run() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)",
        );
        let mut tail = Tail::now(&database.url(), &["t"]).await;
        let mut session = database.session();
        session.execute("SET binlog_format='STATEMENT'");
        session.execute("INSERT INTO other VALUES (1)");
        assert!(tail.read().await.unwrap().lines().is_empty(), "{kind:?}");
        session.execute("INSERT INTO t VALUES (1)");
        let error = tail.read().await.err().unwrap();
        assert_eq!(error.code(), Code::LogUnreadable, "{kind:?}");
        assert!(error.message().contains("INSERT INTO t VALUES (1)"), "{error}");
    }
}

/// A server may add a checksum to each event or not, and one statement may change several tables.
#[tokio::test(flavor = "multi_thread")]
async fn statements_about_several_tables_come_whole_with_checksums_or_without() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        for checksum in ["--binlog-checksum=NONE", "--binlog-checksum=CRC32"] {
            let Some(server) = Server::own(kind, &[checksum]) else { continue };
            let database = server.database();
            database.execute(
                "CREATE TABLE a (id int PRIMARY KEY, x int); INSERT INTO a VALUES (1, 1), (2, 2); \
                 CREATE TABLE b (id int PRIMARY KEY, x int); INSERT INTO b VALUES (1, 10), (3, 30)",
            );
            let mut tail = Tail::now(&database.url(), &["a", "b"]).await;
            database.execute(
                "UPDATE a JOIN b USING (id) SET a.x = 5, b.x = 6; \
                 DELETE a, b FROM a LEFT JOIN b USING (id)",
            );
            let read = tail.read().await.unwrap();
            let mut lines = read.lines();
            lines.sort();
            let expected = [
                "delete a id=1",
                "delete a id=2",
                "delete b id=1",
                "update a id=1 x=5",
                "update b id=1 x=6",
            ];
            assert_eq!(lines, expected, "{kind:?} {checksum}");
            let commits: usize = read.sets.iter().map(|set| set.commits.len()).sum();
            assert_eq!(commits, 2, "{kind:?} {checksum}");
        }
    }
}
