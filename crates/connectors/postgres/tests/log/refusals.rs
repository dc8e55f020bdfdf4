//! What is in the way is said before the first row, with the statement that mends it.

use syncline_testkit::{Kind, Server};
use syncline_types::Code;

use crate::support::{Run, follow, servers, source, words};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_logs_too_little_is_refused() {
    let Some(server) = Server::own(Kind::Postgres, &["-c", "wal_level=replica"]) else { return };
    let database = server.database();
    database.execute("CREATE TABLE t (id int PRIMARY KEY)");
    let source = source(&database.url());
    let follow = follow(&*source, "level", &["public.t"]).await;
    let refused = source.change_log().unwrap().check_log(&follow).await.unwrap_err();
    assert_eq!(refused.code(), Code::NoChangeLog);
    assert!(refused.hint_text().unwrap().contains("ALTER SYSTEM SET wal_level = logical"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_free_slot_is_refused() {
    let Some(server) = Server::own(Kind::Postgres17, &["-c", "max_replication_slots=1"]) else {
        return;
    };
    let database = server.database();
    database.execute("CREATE TABLE t (id int PRIMARY KEY)");
    let run = Run::begin(&database, "first", &["public.t"]).await;
    let follow = follow(&*run.source, "second", &["public.t"]).await;
    let log = run.source.change_log().unwrap();
    let refused = log.check_log(&follow).await.unwrap_err();
    assert_eq!(refused.code(), Code::NoChangeLog);
    assert!(refused.hint_text().unwrap().contains("max_replication_slots = 11"));
    log.check_log(&run.follow).await.unwrap();
    run.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_the_rights_is_told_which() {
    for server in servers() {
        let database = server.database();
        let role = format!("role_{}", database.name());
        database.execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'secret';
             CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT ON t TO {role};
             INSERT INTO t VALUES (1)"
        ));
        let (host, port) = ("127.0.0.1", server.port());
        let url = format!("postgres://{role}:secret@{host}:{port}/{}", database.name());
        let source_ = source(&url);
        let follow_ = follow(&*source_, &role, &["public.t"]).await;
        let log = source_.change_log().unwrap();
        let refused = log.check_log(&follow_).await.unwrap_err();
        assert_eq!(refused.code(), Code::NoPrivilege);
        let mends = refused.hint_text().unwrap().strip_prefix("run as a superuser: ").unwrap();
        database.execute(mends);
        // It owns no table, so that it cannot publish them: somebody else does.
        let refused = log.check_log(&follow_).await.unwrap_err();
        assert_eq!(refused.code(), Code::NoPrivilege, "{}", refused.chain());
        let hint = refused.hint_text().unwrap();
        let (_, rest) = hint.split_once("run: ").unwrap();
        let (statement, rest) = rest.split_once("; then add ").unwrap();
        database.execute(statement);
        let option = rest.split(' ').next().unwrap();
        source_.end().await.unwrap();
        let given = source(&format!("{url}?{option}"));
        let log = given.change_log().unwrap();
        log.check_log(&follow_).await.unwrap();
        let at = log.start(&follow_, &syncline_connector::Start::Now).await.unwrap();
        database.execute("INSERT INTO t VALUES (2)");
        let mut run = Run { source: given, follow: follow_, at };
        assert_eq!(words(&run.catch_up().await), ["insert t id=2"]);
        run.end().await;
        database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_columns_that_the_log_does_not_have_are_refused() {
    for server in servers() {
        let database = server.database();
        database.execute(
            "CREATE UNLOGGED TABLE quick (id int PRIMARY KEY);
             CREATE TABLE computed (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED);",
        );
        let source = source(&database.url());
        let log = source.change_log().unwrap();
        let quick = follow(&*source, "refusals", &["public.quick"]).await;
        let refused = log.check_log(&quick).await.unwrap_err();
        assert_eq!(refused.code(), Code::NoChangeLog);
        database.execute(refused.hint_text().unwrap().strip_prefix("run: ").unwrap());
        log.check_log(&quick).await.unwrap();
        let computed = follow(&*source, "refusals", &["public.computed"]).await;
        let refused = log.check_log(&computed).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unsupported);
        assert!(refused.message().contains("twice"), "{}", refused.message());
    }
}
