//! Transactions that the server tells while they go on: nothing of them is seen before their end,
//! nothing that was rolled back ever, and the others wait for none of them.

use std::time::{Duration, Instant};

use syncline_connector::{LogBudget, LogReader, Start};
use syncline_testkit::{Database, Kind, Server, Session};
use syncline_types::{Code, ErrorKind, LogElement};

use crate::support::{BUDGET, Run, follow, source, words};

/// Servers that keep next to nothing of a transaction to themselves.
fn impatient() -> Vec<Server> {
    let args = ["-c", "logical_decoding_work_mem=64kB", "-c", "max_prepared_transactions=5"];
    [Kind::Postgres, Kind::Postgres17]
        .into_iter()
        .filter_map(|kind| Server::own(kind, &args))
        .collect()
}

fn rows(from: i32, to: i32) -> String {
    format!(
        "INSERT INTO t (id, v) SELECT n, repeat(md5(n::text), 20) FROM generate_series({from}, {to}) n"
    )
}

fn all(session: &mut Session, statements: &[&str]) {
    statements.iter().for_each(|statement| session.execute(statement));
}

/// Reads on until something has come, which must be soon.
async fn until(reader: &mut dyn LogReader, budget: LogBudget, last: &str) -> Vec<LogElement> {
    let begun = Instant::now();
    let mut elements = Vec::new();
    while !words(&elements).iter().any(|word| word == last) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no {last}: {:?}", words(&elements));
        match reader.next(budget).await.unwrap() {
            LogElement::Heartbeat(_) => {}
            element => elements.push(element),
        }
    }
    elements
}

/// Waits, reading, until the server has told so much of transactions that have not ended.
async fn until_told(reader: &mut dyn LogReader, database: &Database, transactions: u64) {
    let sql = "SELECT coalesce(sum(stream_txns), 0)::text FROM pg_stat_replication_slots";
    let begun = Instant::now();
    while database.value(sql).unwrap().parse::<u64>().unwrap() < transactions {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is told early");
        let element = reader.next(BUDGET).await.unwrap();
        assert!(matches!(element, LogElement::Heartbeat(_)), "seen too early: {element:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_committed_is_seen_and_all_of_it_once() {
    for server in impatient() {
        let database = server.database();
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY)",
        );
        let mut run = Run::begin(&database, "early", &["public.*"]).await;
        let mut reader = run.reader().await.unwrap();
        let (mut large, mut undone) = (database.session(), database.session());
        all(&mut undone, &["BEGIN", &rows(-2000, -1)]);
        all(&mut large, &["BEGIN", &rows(1, 2000), "SAVEPOINT a", &rows(2001, 4000)]);
        all(
            &mut large,
            &["UPDATE t SET v = 'undone' WHERE id = 1", "SAVEPOINT b", &rows(6001, 6500)],
        );
        all(&mut large, &["ROLLBACK TO a", "SAVEPOINT c", "UPDATE t SET v = 'kept' WHERE id = 2"]);
        all(&mut large, &["RELEASE c", &rows(4001, 5000)]);
        database.execute("INSERT INTO u VALUES (1)");
        let elements = until(&mut *reader, BUDGET, "insert u id=1").await;
        assert_eq!(words(&elements), ["insert u id=1"], "others wait for nothing");
        until_told(&mut *reader, &database, 2).await;
        undone.execute("ROLLBACK");
        large.execute("COMMIT");
        database.execute("INSERT INTO u VALUES (2)");
        let budget = LogBudget { rows: 500, ..BUDGET };
        let elements = until(&mut *reader, budget, "insert u id=2").await;
        let check = |elements: &[LogElement]| {
            let mut found = words(elements);
            // What came before, where it is among them.
            found.retain(|word| word != "insert u id=1");
            let ids: Vec<&str> = found.iter().filter_map(|w| w.split(' ').nth(2)).collect();
            let mut wanted: Vec<String> = (1..=2000).map(|n| format!("id={n}")).collect();
            wanted.push("id=2".into());
            wanted.extend((4001..=5000).map(|n| format!("id={n}")));
            wanted.push("id=2".into());
            assert_eq!(ids, wanted);
            assert_eq!(found[2000], "update t id=2 v=kept");
            let sets = crate::support::sets(elements);
            assert!(sets.iter().filter(|set| !set.complete).count() > 1, "it comes in parts");
            sets.iter().map(|set| set.commits.len()).sum::<usize>()
        };
        assert_eq!(check(&elements), 2);
        drop(reader);
        // The server was told of nothing: all of it comes again, from before its beginning.
        let again = run.try_catch_up(budget).await.unwrap();
        assert_eq!(words(&again)[0], "insert u id=1");
        assert_eq!(check(&again), 3);
        run.end().await;
    }
}

/// A transaction that changes definitions on its way.
fn defining(session: &mut Session) {
    all(session, &["BEGIN", &rows(1, 1000), "SAVEPOINT a", "ALTER TABLE t ADD COLUMN w int"]);
    all(session, &[&rows(1001, 2000), "ROLLBACK TO a", &rows(2001, 3000)]);
    all(session, &["ALTER TABLE t ADD COLUMN x int DEFAULT 5", &rows(3001, 4000)]);
}

/// What it and `more` statements, with the commit, come to. The server may fail at telling it early:
/// whoever goes on then gets all of it.
async fn defined(database: &Database, name: &str, more: &[&str], last: &str) -> Vec<String> {
    database
        .execute("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (0, 'old')");
    let run = Run::begin(database, name, &["public.t"]).await;
    let mut reader = run.reader().await.unwrap();
    let mut large = database.session();
    defining(&mut large);
    for _ in 0..20 {
        // It is told early, as far as it has come.
        if reader.next(BUDGET).await.is_err() {
            break;
        }
    }
    all(&mut large, more);
    large.execute("COMMIT");
    let begun = Instant::now();
    let mut elements = Vec::new();
    while !words(&elements).iter().any(|word| word == last) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no {last}: {:?}", words(&elements));
        match reader.next(BUDGET).await {
            Ok(LogElement::Heartbeat(_)) => {}
            Ok(element) => elements.push(element),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Transient, "{}", error.chain());
                elements.clear();
                reader = run.reader().await.unwrap();
            }
        }
    }
    drop(reader);
    run.end().await;
    words(&elements)
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_change_within_what_is_told_early() {
    for server in impatient() {
        let database = server.database();
        let more = ["INSERT INTO t VALUES (9000, 'last', 6)"];
        let last = "insert t id=9000 v=last x=6";
        let found = defined(&database, "defined", &more, last).await;
        assert_eq!(found.len(), 3 * 1000 + 2);
        assert!(found[0].starts_with("insert t id=1 v="));
        assert!(!found[1999].contains(" w="), "{}", found[1999]);
        assert_eq!(found[2000], "altered t");
        assert!(found[2001].starts_with("insert t id=3001 v=") && found[2001].ends_with(" x=5"));
        assert_eq!(found[3001], last);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_the_server_cannot_tell_early_is_told_whole() {
    for server in impatient() {
        let database = server.database();
        let more = ["TRUNCATE t", &rows(5001, 6000), "INSERT INTO t VALUES (9, 'last', 6)"];
        let last = "insert t id=9 v=last x=6";
        let found = defined(&database, "emptied", &more, last).await;
        assert_eq!(found.len(), 4 * 1000 + 3);
        assert_eq!(found[3001], "truncated t");
        assert_eq!(found[4002], last);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_prepared_is_seen_when_it_is_committed() {
    for server in impatient() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)");
        let mut run = Run::begin(&database, "prepared", &["public.t"]).await;
        let mut session = database.session();
        all(&mut session, &["BEGIN", &rows(1, 1000), "PREPARE TRANSACTION 'a'"]);
        all(&mut session, &["BEGIN", &rows(2001, 3000), "PREPARE TRANSACTION 'b'"]);
        assert!(run.catch_up().await.is_empty());
        all(&mut session, &["ROLLBACK PREPARED 'b'", "COMMIT PREPARED 'a'"]);
        assert_eq!(words(&run.catch_up().await).len(), 1000);
        run.end().await;
        // A slot that tells it when it is prepared does not tell it again.
        database
            .execute("SELECT pg_create_logical_replication_slot('two', 'pgoutput', false, true)");
        let given = source(&format!("{}?slot=two", database.url()));
        let follow = follow(&*given, "given", &["public.t"]).await;
        let refused = given.change_log().unwrap().start(&follow, &Start::Now).await.unwrap_err();
        assert_eq!(refused.code(), Code::BadValue);
        assert!(refused.message().contains("two_phase"), "{refused}");
        database.execute("SELECT pg_drop_replication_slot('two')");
    }
}

/// The server keeps it to itself, as before version 14.
#[tokio::test(flavor = "multi_thread")]
async fn telling_early_can_be_declined() {
    for server in impatient() {
        let database = server.database();
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY)",
        );
        let mut run = Run::begin(&database, "declined", &["public.*"]).await;
        run.source = source(&format!("{}?streaming=off", database.url()));
        let mut reader = run.reader().await.unwrap();
        let mut large = database.session();
        all(&mut large, &["BEGIN", &rows(1, 2000)]);
        database.execute("INSERT INTO u VALUES (1)");
        until(&mut *reader, BUDGET, "insert u id=1").await;
        large.execute("COMMIT");
        database.execute("INSERT INTO u VALUES (2)");
        let elements = until(&mut *reader, BUDGET, "insert u id=2").await;
        assert_eq!(words(&elements).len(), 2001);
        let told = "SELECT sum(stream_txns)::text FROM pg_stat_replication_slots";
        assert_eq!(database.value(told).as_deref(), Some("0"));
        drop(reader);
        run.end().await;
    }
}
