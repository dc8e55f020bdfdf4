//! Ways to the server: encrypted, with a password, over its own socket, over a link that breaks.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;
use std::time::{Duration, Instant};

use syncline_connector::Start;
use syncline_testkit::{Kind, Proxy, Server};
use syncline_types::{ErrorKind, LogElement};

use crate::support::{BUDGET, Run, follow, source, words};

/// Follows a table at that URL: a snapshot, then a row.
async fn follows(server: &Server, url: &str, name: &str) {
    let mut session = server.session();
    let source_ = source(url);
    let follow_ = follow(&*source_, name, &["public.t"]).await;
    let log = source_.change_log().unwrap();
    log.check_log(&follow_).await.unwrap();
    let (_, moment) = log.begin_at(&follow_, 1).await.unwrap();
    session.execute("INSERT INTO t VALUES (DEFAULT)");
    let mut run = Run { source: source_, follow: follow_, at: moment.low };
    let words = words(&run.catch_up().await);
    assert_eq!(words.len(), 1, "{url}: {words:?}");
    run.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_comes_encrypted_with_a_password_and_by_the_servers_own_socket() {
    let Some(server) = Server::own(Kind::Postgres, &[]) else { return };
    let Some(data) = server.data() else { return };
    let mut session = server.session();
    session.execute(
        "CREATE TABLE t (id serial PRIMARY KEY); SET password_encryption = 'scram-sha-256';
         CREATE ROLE u SUPERUSER LOGIN PASSWORD 'se/cr@t'",
    );
    let hba = data.join("pg_hba.conf");
    let rules = std::fs::read_to_string(&hba).unwrap();
    std::fs::write(&hba, format!("host all u all scram-sha-256\n{rules}")).unwrap();
    session.execute("SELECT pg_reload_conf()");
    let port = server.port();
    let by_password = format!("postgres://u:se%2Fcr%40t@127.0.0.1:{port}/postgres");
    follows(&server, &format!("{by_password}?sslmode=disable"), "scram").await;
    if let Some(socket) = server.socket() {
        let url =
            format!("postgres://postgres@localhost:{port}/postgres?socket={}", socket.display());
        follows(&server, &url, "socket").await;
    }

    let (key, certificate) = (data.join("server.key"), data.join("server.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    if !made.is_ok_and(|m| m.status.success()) {
        eprintln!("SKIPPED the encrypted log: no openssl to make a certificate with");
        return;
    }
    let owner = std::fs::metadata(&data).unwrap();
    for file in [&key, &certificate] {
        chown(file, Some(owner.uid()), Some(owner.gid())).unwrap();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    session.execute("ALTER SYSTEM SET ssl_cert_file = 'server.pem'");
    session.execute("ALTER SYSTEM SET ssl_key_file = 'server.key'");
    session.execute("ALTER SYSTEM SET ssl = on");
    session.execute("SELECT pg_reload_conf()");
    let url = format!("{by_password}?sslmode=require");
    let deadline = Instant::now() + Duration::from_secs(10);
    while source(&url).check().await.is_err() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    follows(&server, &url, "tls").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_breaks_anywhere_loses_and_doubles_nothing() {
    let Some(server) = Server::shared(Kind::Postgres17) else { return };
    let database = server.database();
    database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)");
    let proxy = Proxy::before(server.port());
    let source_ = source(&database.url_through(proxy.port()));
    let name = format!("link-{}", database.name());
    let follow_ = follow(&*source_, &name, &["public.t"]).await;
    let log = source_.change_log().unwrap();
    let mut at = log.start(&follow_, &Start::Now).await.unwrap();
    for step in 0..20 {
        let sql = format!(
            "INSERT INTO t SELECT n, repeat('x', n % 500) FROM generate_series({}, {}) n",
            step * 100 + 1,
            step * 100 + 100
        );
        database.execute(&sql);
    }
    database.execute("DELETE FROM t WHERE id = 2000");
    let (mut rows, mut cut, mut broken) = (Vec::new(), 0, 0);
    while rows.last().map(String::as_str) != Some("delete t id=2000") {
        cut += 1;
        proxy.split((cut % 3 == 0).then_some(7));
        // Whoever reads ahead has much of the stream as soon as it has begun: it is cut before that.
        proxy.cut_after_received(if cut < 40 { cut * 2311 } else { u64::MAX });
        let reader = log.follow(&follow_, &at).await;
        let Ok(mut reader) = reader else { continue };
        let mut open = Vec::new();
        loop {
            match reader.next(BUDGET).await {
                Ok(LogElement::Changes(set)) => {
                    assert!(set.complete);
                    at = set.commits.last().unwrap().position.clone();
                    open.push(LogElement::Changes(set));
                    reader.committed(&at).await.unwrap();
                }
                Ok(LogElement::Heartbeat(position)) => {
                    at = position;
                    reader.committed(&at).await.unwrap();
                    if words(&open).last().map(String::as_str) == Some("delete t id=2000") {
                        break;
                    }
                }
                Ok(other) => panic!("{other:?}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Transient, "{}", error.chain());
                    broken += 1;
                    break;
                }
            }
        }
        rows.extend(words(&open));
    }
    assert!(broken > 3, "the link broke {broken} times");
    let ids: Vec<String> = rows.iter().map(|w| w.split(" v=").next().unwrap().to_owned()).collect();
    let mut expected: Vec<String> = (1..=2000).map(|n| format!("insert t id={n}")).collect();
    expected.push("delete t id=2000".into());
    assert_eq!(ids, expected);
    log.unfollow(&follow_.run).await.unwrap();
}
