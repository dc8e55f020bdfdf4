//! Ways in, and what is said when there is none.

use std::time::{Duration, Instant};

use syncline_connector::{AnyConnector, Endpoint, WriteMode};
use syncline_postgres::PostgresConnector;
use syncline_testkit::{Kind, Proxy, Server};
use syncline_types::{Code, Element, ErrorKind};

use crate::support::{BATCH, WHOLE, find, plan, read_task, server, sink, source, write_task};

async fn check(url: &str) -> Result<(), syncline_types::Error> {
    let source = AnyConnector::source(&PostgresConnector, &Endpoint::parse(url)?)?;
    source.check().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_to_connect_has_its_code() {
    let Some(server) = server() else { return };
    let database = server.database();
    let port = server.port();
    for (url, code) in [
        (format!("postgres://postgres@127.0.0.1:{port}/no_such_db"), Code::DatabaseNotFound),
        (format!("postgres://nobody_here@127.0.0.1:{port}/{}", database.name()), Code::AuthFailed),
        ("postgres://postgres@127.0.0.1:1/x".to_owned(), Code::Unreachable),
        ("postgres://postgres@no-such-host.invalid/x".to_owned(), Code::Unreachable),
        (format!("{}?sslmode=require", database.url()), Code::Tls),
        (format!("{}?sslmode=verify-full", database.url()), Code::BadValue),
        (format!("{}?sslmode=verify-ca&sslrootcert=/no/such.pem", database.url()), Code::Tls),
        (format!("{}?sslmodus=x", database.url()), Code::UnknownKey),
        (format!("{}/more", database.url()), Code::BadUrl),
    ] {
        let failed = check(&url).await.unwrap_err();
        assert_eq!(failed.code(), code, "{url}: {}", failed.chain());
    }
    check(&database.url()).await.unwrap();
    // The first host of several that answers is taken.
    let name = database.name();
    check(&format!("postgres://postgres@127.0.0.1:1,127.0.0.1:{port}/{name}")).await.unwrap();
    if let Some(socket) = server.socket() {
        let socket = socket.display();
        check(&format!("postgres://postgres@localhost:{port}/{name}?socket={socket}"))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_go_by_scram_and_are_never_told() {
    let Some(server) = Server::own(Kind::Postgres, &[]) else { return };
    let Some(data) = server.data() else { return };
    server.session().execute(
        "SET password_encryption = 'scram-sha-256'; CREATE ROLE u LOGIN PASSWORD 'se/cr@t'",
    );
    let hba = data.join("pg_hba.conf");
    let rules = std::fs::read_to_string(&hba).unwrap();
    std::fs::write(&hba, format!("host all u all scram-sha-256\n{rules}")).unwrap();
    server.session().execute("SELECT pg_reload_conf()");
    let url =
        |password: &str| format!("postgres://u{password}@127.0.0.1:{}/postgres", server.port());
    let deadline = Instant::now() + Duration::from_secs(10);
    // The server takes its rules anew in its own time.
    while check(&url("")).await.is_ok() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    check(&url(":se%2Fcr%40t")).await.unwrap();
    for password in ["", ":wr0ng-one"] {
        let failed = check(&url(password)).await.unwrap_err();
        assert_eq!(failed.code(), Code::AuthFailed, "{}", failed.chain());
        assert!(!format!("{failed:?} {}", failed.chain()).contains("wr0ng-one"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_or_a_server_killed_is_transient_and_what_follows_works() {
    let Some(server) = Server::own(Kind::Postgres, &[]) else { return };
    let database = server.database();
    database.execute(
        "CREATE TABLE t (id int PRIMARY KEY, v text);
         INSERT INTO t SELECT g, repeat(md5(g::text), 20) FROM generate_series(1, 5000) g",
    );
    let proxy = Proxy::before(server.port());
    let source = source(&database.url_through(proxy.port()));
    source.begin(1).await.unwrap();
    let read = read_task(&find(&*source, "t").await);
    let splits = plan(&*source, &read, &WHOLE).await;
    let mut reader = source.open(&read, &splits[0], None).await.unwrap();
    let Element::Batch(first) = reader.next(BATCH).await.unwrap() else { panic!("no rows") };
    drop(reader);
    proxy.cut_after_received(100_000);
    let broken = async {
        let mut reader = source.open(&read, &splits[0], None).await?;
        while let Element::Batch(_) = reader.next(BATCH).await? {}
        panic!("the rest came through a cut connection")
    };
    let broken: Result<(), syncline_types::Error> = broken.await;
    let broken = broken.unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::Transient, "{}", broken.chain());
    // The snapshot went with its connection; the reader goes on from a new one.
    let mut reader = None;
    for _ in 0..5 {
        match source.open(&read, &splits[0], Some(&first.position)).await {
            Ok(opened) => {
                reader = Some(opened);
                break;
            }
            Err(again) => assert_eq!(again.kind(), ErrorKind::Transient, "{}", again.chain()),
        }
    }
    let mut reader = reader.expect("opened anew");
    let Element::Batch(next) = reader.next(BATCH).await.unwrap() else { panic!("no rows") };
    assert_eq!(next.position.seq, 2000);
    drop(reader);

    // The other side: killed with rows written and not flushed.
    let table = find(&*source, "t").await;
    let sink = sink(&database.url());
    let task = write_task(&*sink, &table, "copy", WriteMode::Append).await;
    sink.prepare(&task).await.unwrap();
    let mut opened = sink.open(&task, &splits[0]).await.unwrap();
    opened.writer.write(&first).await.unwrap();
    opened.writer.flush(&first.position, false).await.unwrap();
    opened.writer.write(&next).await.unwrap();
    server.kill();
    let broken = opened.writer.flush(&next.position, false).await.unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::Transient, "{}", broken.chain());
    drop(opened);
    let down = sink.open(&task, &splits[0]).await.err().unwrap();
    assert_eq!(down.kind(), ErrorKind::Transient, "{}", down.chain());
    server.start();
    let mut opened = None;
    for _ in 0..50 {
        match sink.open(&task, &splits[0]).await {
            Ok(ready) => {
                opened = Some(ready);
                break;
            }
            Err(again) => assert_eq!(again.kind(), ErrorKind::Transient, "{}", again.chain()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let held = opened.expect("the server is back").held.unwrap();
    assert_eq!((held.position, held.done), (first.position, false));
    assert_eq!(database.count("copy"), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_as_far_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let openssl = |args: &[&str]| {
        std::process::Command::new("openssl").args(args).output().is_ok_and(|o| o.status.success())
    };
    let made = openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test ca",
        "-keyout",
        &path("ca.key"),
        "-out",
        &path("ca.pem"),
    ]) && openssl(&[
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-keyout",
        &path("server.key"),
        "-out",
        &path("server.csr"),
    ]) && {
        std::fs::write(path("ext"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
            .unwrap();
        openssl(&[
            "x509",
            "-req",
            "-in",
            &path("server.csr"),
            "-CA",
            &path("ca.pem"),
            "-CAkey",
            &path("ca.key"),
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            &path("ext"),
            "-out",
            &path("server.pem"),
        ])
    } && openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=other ca",
        "-keyout",
        &path("other.key"),
        "-out",
        &path("other.pem"),
    ]);
    if !made {
        eprintln!("SKIPPED certificates: no openssl to make them with");
        return;
    }
    let Some(server) = Server::own(Kind::Postgres, &[]) else { return };
    let Some(data) = server.data() else { return };
    // The server reads them as the owner of its folder, and wants its key for itself.
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let owner = std::fs::metadata(&data).unwrap();
    for name in ["server.key", "server.pem"] {
        let to = data.join(name);
        std::fs::copy(path(name), &to).unwrap();
        chown(&to, Some(owner.uid()), Some(owner.gid())).unwrap();
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let mut session = server.session();
    session.execute("ALTER SYSTEM SET ssl_cert_file = 'server.pem'");
    session.execute("ALTER SYSTEM SET ssl_key_file = 'server.key'");
    session.execute("ALTER SYSTEM SET ssl = on");
    session.execute("SELECT pg_reload_conf()");
    let url = |host: &str, rest: &str| {
        format!("postgres://postgres@{host}:{}/postgres?{rest}", server.port())
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while check(&url("localhost", "sslmode=require")).await.is_err() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (ca, other) = (path("ca.pem"), path("other.pem"));
    for (host, rest, good) in [
        ("localhost", "sslmode=disable".to_owned(), true),
        ("127.0.0.1", "sslmode=require".to_owned(), true),
        ("localhost", format!("sslmode=verify-full&sslrootcert={ca}"), true),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ca}"), false),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ca}"), true),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={other}"), false),
        ("localhost", format!("sslmode=verify-full&sslrootcert={other}"), false),
    ] {
        let outcome = check(&url(host, &rest)).await;
        match outcome {
            Ok(()) => assert!(good, "{host} {rest}"),
            Err(failed) => {
                assert!(!good, "{host} {rest}: {}", failed.chain());
                assert_eq!(failed.code(), Code::Tls, "{}", failed.chain());
            }
        }
    }

    // A certificate of version 1, as openssl makes them by default, cannot be checked; where nobody
    // is to check it, it does.
    let plain = openssl(&[
        "x509",
        "-req",
        "-in",
        &path("server.csr"),
        "-CA",
        &path("ca.pem"),
        "-CAkey",
        &path("ca.key"),
        "-days",
        "2",
        "-out",
        &path("server.pem"),
    ]);
    let shown = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-text", "-in", &path("server.pem")])
        .output()
        .unwrap();
    assert!(plain && String::from_utf8_lossy(&shown.stdout).contains("Version: 1 "));
    std::fs::copy(path("server.pem"), data.join("server.pem")).unwrap();
    server.kill();
    server.start();
    check(&url("localhost", "sslmode=require")).await.unwrap();
    let verified = check(&url("localhost", &format!("sslmode=verify-ca&sslrootcert={ca}"))).await;
    assert_eq!(verified.unwrap_err().code(), Code::Tls);
}
