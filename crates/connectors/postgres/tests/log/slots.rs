//! The slot: kept while the server is away, found out when it is gone, in use, or given by hand.

use std::time::Duration;

use syncline_connector::Start;
use syncline_testkit::{Kind, Server};
use syncline_types::{Code, Error, ErrorKind};

use crate::support::{BUDGET, Run, servers, source, words};

fn slot_of(run: &Run) -> String {
    let name = run.follow.run.split('-').next().unwrap();
    format!(
        "(SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'syncline\\_{name}\\_%' \
             AND database = current_database())"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_goes_on_where_it_was() {
    let Some(server) = Server::own(Kind::Postgres17, &[]) else { return };
    let database = server.database();
    database.execute("CREATE TABLE t (id int PRIMARY KEY)");
    let mut run = Run::begin(&database, "killed", &["public.t"]).await;
    database.execute("INSERT INTO t VALUES (1)");
    assert_eq!(words(&run.catch_up().await), ["insert t id=1"]);
    let mut reader = run.reader().await.unwrap();
    database.execute("INSERT INTO t VALUES (2)");
    server.kill();
    let lost = loop {
        if let Err(lost) = reader.next(BUDGET).await {
            break lost;
        }
    };
    assert_eq!(lost.kind(), ErrorKind::Transient, "{}", lost.chain());
    drop(reader);
    server.start();
    database.execute("INSERT INTO t VALUES (3)");
    run.source = source(&database.url());
    assert_eq!(words(&run.catch_up().await), ["insert t id=2", "insert t id=3"]);
    run.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_shuts_down_is_not_held_up_by_a_reader_that_has_all() {
    let Some(server) = Server::own(Kind::Postgres, &[]) else { return };
    let database = server.database();
    database.execute("CREATE TABLE t (id int PRIMARY KEY)");
    let run = Run::begin(&database, "shutdown", &["public.t"]).await;
    let mut reader = run.reader().await.unwrap();
    let reading = tokio::spawn(async move {
        loop {
            match reader.next(BUDGET).await {
                Ok(syncline_types::LogElement::Heartbeat(position)) => {
                    reader.committed(&position).await.unwrap();
                }
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    });
    tokio::task::spawn_blocking(move || {
        server.stop();
        server
    })
    .await
    .unwrap();
    let error = tokio::time::timeout(Duration::from_secs(30), reading).await.unwrap().unwrap();
    assert_eq!(error.code(), Code::ConnectionLost, "{}", error.chain());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_gone_or_has_gone_on_is_a_gap() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY)");
        let mut run = Run::begin(&database, "gone", &["public.t"]).await;
        let refused = async |run: &Run| -> Error { run.reader().await.err().unwrap() };
        database.execute("INSERT INTO t VALUES (1)");
        let old = run.at.clone();
        run.catch_up().await;
        // Somebody else has read on.
        let busy = "SELECT count(*) FROM pg_replication_slots
                    WHERE database = current_database() AND active";
        while database.value(busy).unwrap() != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let slot = slot_of(&run);
        database
            .execute(&format!("SELECT pg_replication_slot_advance({slot}, pg_current_wal_lsn())"));
        run.at = old;
        assert_eq!(refused(&run).await.code(), Code::PositionLost);
        database.execute(&format!("SELECT pg_drop_replication_slot({slot})"));
        assert_eq!(refused(&run).await.code(), Code::PositionLost);
        // Made anew by hand, it does not reach back.
        run.end().await;
        let mut again = Run::begin(&database, "gone", &["public.t"]).await;
        let log = again.source.change_log().unwrap();
        let system = again.at.token.replace("\"system\":\"", "\"system\":\"9");
        assert_ne!(system, again.at.token);
        let here = std::mem::replace(&mut again.at.token, system);
        assert_eq!(refused(&again).await.code(), Code::PositionLost, "another cluster");
        again.at.token = here;
        log.unfollow(&again.follow.run).await.unwrap();
        log.unfollow(&again.follow.run).await.unwrap();
        assert_eq!(database.value("SELECT count(*) FROM pg_publication").unwrap(), "0");
        assert_eq!(refused(&again).await.code(), Code::PositionLost);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_dropped_while_it_is_read_ends_the_reader() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY)");
        let run = Run::begin(&database, "cut", &["public.t"]).await;
        let mut reader = run.reader().await.unwrap();
        reader.next(BUDGET).await.unwrap();
        let slot = slot_of(&run);
        database.execute(&format!(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = {slot}"
        ));
        let lost = loop {
            if let Err(lost) = reader.next(BUDGET).await {
                break lost;
            }
        };
        assert_eq!(lost.code(), Code::ConnectionLost, "{}", lost.chain());
        drop(reader);
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_another_reads_is_in_use() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY)");
        let run = Run::begin(&database, "busy", &["public.t"]).await;
        let mut reader = run.reader().await.unwrap();
        let reading = tokio::spawn(async move {
            loop {
                reader.next(BUDGET).await.unwrap();
            }
        });
        let refused = run.reader().await.err().unwrap();
        assert_eq!(refused.code(), Code::LogInUse, "{}", refused.chain());
        reading.abort();
        let _ = reading.await;
        // The one that is gone leaves it.
        run.reader().await.unwrap();
        run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_and_a_publication_that_are_given_are_used_and_left() {
    for server in servers() {
        let database = server.database();
        let slot = format!("given_{}", database.name());
        database
            .execute("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)");
        let url = format!("{}?slot={slot}&publication=given", database.url());
        let given = source(&url);
        let follow = crate::support::follow(&*given, "given", &["public.t"]).await;
        let log = given.change_log().unwrap();
        // Each refusal says the statement that mends it.
        for _ in 0..3 {
            let Err(refused) = log.check_log(&follow).await else { break };
            assert_eq!(refused.code(), Code::NoChangeLog, "{}", refused.chain());
            let hint = refused.hint_text().unwrap();
            database.execute(hint.strip_prefix("run: ").unwrap());
        }
        log.check_log(&follow).await.unwrap();
        database.execute("ALTER PUBLICATION given ADD TABLE u; INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)");
        let at = log.start(&follow, &Start::Earliest).await.unwrap();
        let mut run = Run { source: source(&url), follow, at };
        assert_eq!(words(&run.catch_up().await), ["insert t id=1"]);
        let log = run.source.change_log().unwrap();
        let gone = log.start(&run.follow, &Start::At("0/1".into())).await.unwrap_err();
        assert_eq!(gone.code(), Code::PositionLost);
        let retention = log.retention(&run.follow, &run.at).await.unwrap();
        // The log is the whole server's: others write to it meanwhile.
        assert!(retention.unread.unwrap() <= retention.kept.unwrap(), "{retention:?}");
        let follow = run.follow.run.clone();
        run.source.change_log().unwrap().unfollow(&follow).await.unwrap();
        let left = "SELECT (SELECT count(*) FROM pg_publication) + \
                    (SELECT count(*) FROM pg_replication_slots WHERE database = current_database())";
        assert_eq!(database.value(left).unwrap(), "2");
        database.execute(&format!("SELECT pg_drop_replication_slot('{slot}')"));
    }
}
