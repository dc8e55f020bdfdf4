//! The servers themselves: what other tests take for granted.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use syncline_testkit::{Kind, Server};

#[test]
fn every_shared_server_gives_databases_of_ones_own() {
    for kind in Kind::ALL {
        let Some(server) = Server::shared(kind) else { continue };
        let (one, two) = (server.database(), server.database());
        for database in [&one, &two] {
            database.execute("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, '😀')");
            database.execute("INSERT INTO t VALUES (2, NULL)");
        }
        one.execute("DELETE FROM t WHERE a = 1");
        assert_eq!(one.rows("SELECT * FROM t"), vec![vec![Some("2".to_owned()), None]]);
        assert_eq!(two.count("t"), 2, "{}", kind.name());
        assert_eq!(two.value("SELECT b FROM t WHERE a = 1").as_deref(), Some("😀"));
        assert!(one.try_execute("SELECT nonsense").is_err());
        let name = one.name().to_owned();
        drop(one);
        let gone = if kind.is_mysql() {
            format!("SELECT count(*) FROM information_schema.schemata WHERE schema_name = '{name}'")
        } else {
            format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")
        };
        assert_eq!(server.session().rows(&gone)[0][0].as_deref(), Some("0"), "{}", kind.name());
    }
}

#[test]
fn a_server_of_ones_own_keeps_port_and_data_over_kill_and_stop() {
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres] {
        let Some(server) = Server::own(kind, &[]) else { continue };
        let database = server.database();
        let url = database.url();
        database.execute("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)");
        let mut held = database.session();
        held.execute("BEGIN; INSERT INTO t VALUES (2)");
        server.kill();
        assert!(held.try_rows("SELECT 1").is_err(), "{} lives on", kind.name());
        server.start();
        assert_eq!(database.count("t"), 1, "{}", kind.name());
        database.execute("INSERT INTO t VALUES (3)");
        server.stop();
        server.start();
        assert_eq!(database.count("t"), 2, "{}", kind.name());
        assert_eq!(database.url(), url);
    }
}

#[test]
fn a_server_takes_values_of_eight_megabytes() {
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres] {
        let Some(server) = Server::shared(kind) else { continue };
        let database = server.database();
        let big = if kind.is_mysql() { "longtext" } else { "text" };
        database.execute(&format!("CREATE TABLE t (a int PRIMARY KEY, b {big})"));
        database.execute("INSERT INTO t VALUES (1, repeat('x', 8388608))");
        assert_eq!(database.value("SELECT length(b) FROM t").as_deref(), Some("8388608"));
    }
}

#[test]
fn servers_die_with_the_process_that_started_them() {
    if Server::shared(Kind::MariaDb).is_none() {
        return;
    }
    let mut runner = Command::new(env!("CARGO_BIN_EXE_syncline-test-servers"))
        .args(["up", "mariadb"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(runner.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "READY");
    let socket = std::path::PathBuf::from(line.split_once("?socket=").unwrap().1);
    assert!(socket.exists());
    let folder = socket.parent().unwrap().parent().unwrap().to_owned();
    runner.kill().unwrap();
    runner.wait().unwrap();
    for _ in 0..200 {
        if !folder.exists() {
            assert!(std::os::unix::net::UnixStream::connect(&socket).is_err());
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{} is still there", folder.display());
}
