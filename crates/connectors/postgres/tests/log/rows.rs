//! What was done to rows: operations in their order, whole transactions, parts of large ones.

use std::time::Duration;

use syncline_connector::LogBudget;
use syncline_types::{LogElement, Op};

use crate::support::{BUDGET, Run, rows_of, servers, sets, words};

#[tokio::test(flavor = "multi_thread")]
async fn operations_come_in_their_order_with_their_transactions() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE TABLE a (id int PRIMARY KEY, v text);
             CREATE TABLE b (x int, y text, z int, PRIMARY KEY (y, x));
             INSERT INTO a VALUES (1, 'before');",
        );
        let mut run = Run::begin(&database, "rows", &["public.*"]).await;
        let before = run.at.seq;
        database.execute(
            "BEGIN; INSERT INTO a VALUES (2, NULL), (3, ''); INSERT INTO b VALUES (1, 'k', 7);
             UPDATE a SET v = 'x' WHERE id = 2; UPDATE b SET z = NULL; COMMIT;",
        );
        database.execute("BEGIN; INSERT INTO a VALUES (9, 'never'); ROLLBACK");
        database.execute(
            "BEGIN; UPDATE a SET id = 30 WHERE id = 3; DELETE FROM a WHERE id = 1;
             UPDATE b SET x = 2, z = 5; DELETE FROM b; COMMIT",
        );
        let elements = run.catch_up().await;
        assert_eq!(
            words(&elements),
            [
                "insert a id=2 v=NULL",
                "insert a id=3 v=",
                "insert b x=1 y=k z=7",
                "update a id=2 v=x",
                "update b x=1 y=k z=NULL",
                "before a id=3",
                "update a id=30 v=",
                "delete a id=1",
                "before b x=1 y=k",
                "update b x=2 y=k z=5",
                "delete b x=2 y=k",
            ]
        );
        let commits: Vec<_> = sets(&elements).iter().flat_map(|s| s.commits.clone()).collect();
        assert_eq!(commits.len(), 2);
        assert_eq!(commits[0].position.seq, before + 5);
        assert_eq!(commits[1].position.seq, before + 11);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let at = Duration::from_micros(u64::try_from(commits[0].at.unwrap()).unwrap());
        assert!(now.abs_diff(at) < Duration::from_secs(600), "committed at {at:?}");
        assert!(run.catch_up().await.is_empty(), "read twice");
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_value_that_stayed_is_absent_and_not_null() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY, big text, n int, other text);
             ALTER TABLE t ALTER big SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL;
             CREATE TABLE whole (LIKE t INCLUDING ALL);
             ALTER TABLE whole REPLICA IDENTITY FULL;
             INSERT INTO t VALUES (1, repeat('b', 9000), 1, repeat('o', 9000)), (2, NULL, 1, NULL);
             INSERT INTO whole SELECT * FROM t;",
        );
        let mut run = Run::begin(&database, "toast", &["public.*"]).await;
        database.execute(
            "UPDATE t SET n = 2; UPDATE t SET other = 'o', n = NULL WHERE id = 1;
             UPDATE t SET id = 3 WHERE id = 1; UPDATE whole SET n = 2 WHERE id = 1",
        );
        let elements = run.catch_up().await;
        let big = "b".repeat(9000);
        let all: Vec<String> = words(&elements).iter().map(|w| w.replace(&big, "BIG")).collect();
        assert_eq!(
            all[..5],
            [
                "update t id=1 n=2",
                "update t id=2 big=NULL n=2 other=NULL",
                "update t id=1 n=NULL other=o",
                "before t id=1",
                "update t id=3 n=NULL other=o",
            ]
        );
        // Here the old row has what the new one does not say.
        let o = "o".repeat(9000);
        assert_eq!(all[5..], [format!("update whole id=1 big=BIG n=2 other={o}")]);
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_transaction_comes_in_parts_and_ends_once() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)");
        let mut run = Run::begin(&database, "large", &["public.t"]).await;
        database.execute("INSERT INTO t SELECT 0, 'small'");
        database
            .execute("INSERT INTO t SELECT n, repeat('x', 100) FROM generate_series(1, 25000) n");
        database.execute("UPDATE t SET v = 'y' WHERE id = 7");
        let budget = LogBudget { rows: 1000, ..BUDGET };
        let elements = run.try_catch_up(budget).await.unwrap();
        let sets = sets(&elements);
        let rows: u32 = sets.iter().map(|s| s.places).sum();
        assert_eq!(rows, 25_002);
        assert!(sets.iter().all(|s| s.places <= 2000), "a set is larger than it may be");
        assert!(sets.iter().filter(|s| !s.complete).count() >= 11);
        let commits: usize = sets.iter().map(|s| s.commits.len()).sum();
        assert_eq!(commits, 3);
        // Nothing of a transaction is called committed before its end.
        let mut place = 0;
        for set in &sets {
            for commit in &set.commits {
                let end = place + u64::from(commit.end);
                assert!([1, 25_001, 25_002].contains(&end), "a commit after {end} rows");
                assert_eq!(commit.position.seq, end);
            }
            place += u64::from(set.places);
        }
        let bytes = LogBudget { bytes: 100_000, ..BUDGET };
        database.execute("UPDATE t SET v = repeat('z', 100)");
        let elements = run.try_catch_up(bytes).await.unwrap();
        let most = crate::support::sets(&elements).iter().map(|s| s.bytes()).max().unwrap();
        assert!(most < 2_000_000, "a set of {most} bytes");
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_log_gives_heartbeats_that_move_on_with_what_others_do() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int)");
        let run = Run::begin(&database, "idle", &["public.t"]).await;
        let log = run.source.change_log().unwrap();
        let mut reader = run.reader().await.unwrap();
        database.execute("INSERT INTO other SELECT generate_series(1, 1000)");
        let goal = log.end_of_log().await.unwrap();
        let mut beats = 0;
        loop {
            beats += 1;
            let LogElement::Heartbeat(position) = reader.next(BUDGET).await.unwrap() else {
                panic!("a change of a table that is not followed");
            };
            reader.committed(&position).await.unwrap();
            if log.reached(&position, &goal).unwrap() {
                break;
            }
            assert!(beats < 200, "the end is not reached");
        }
        // The slot lets the log go that far: soon, when the server has heard of it.
        let confirmed = || {
            let sql = format!(
                "SELECT confirmed_flush_lsn >= '{}' FROM pg_replication_slots \
                 WHERE slot_name LIKE 'syncline_idle%' AND database = current_database()",
                goal.token.split('"').nth(5).unwrap()
            );
            database.value(&sql).unwrap() == "t"
        };
        for _ in 0..100 {
            if confirmed() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(confirmed());
        drop(reader);
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_arrow_does_not_have_are_rejected_in_their_place() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY, at timestamp, v text)");
        let mut run = Run::begin(&database, "rejects", &["public.t"]).await;
        database.execute(
            "INSERT INTO t VALUES (1, '2020-01-01', 'a'), (2, '294276-12-31', 'b'), (3, NULL, 'c')",
        );
        let elements = run.catch_up().await;
        assert_eq!(
            words(&elements),
            ["insert t id=1 at=2020-01-01T00:00:00 v=a", "insert t id=3 at=NULL v=c"]
        );
        let set = sets(&elements)[0];
        assert_eq!(set.places, 3);
        let (table, reject) = &set.rejects[0];
        assert_eq!((table.name.name.as_str(), reject.index), ("t", 1));
        assert!(reject.error.message().contains("294276-12-31 00:00:00"), "{}", reject.error);
        assert_eq!(crate::support::texts(&reject.row, "v"), [Some("b".to_owned())]);
        assert_eq!(rows_of(&elements, "t", Op::Insert)[0].num_rows(), 2);
        run.end().await;
    }
}
