//! Servers that go away, fill up, turn read-only, forbid, or change tables under a copy: a clear
//! error with its code, the place kept, and the same command ends the copy once all is well again.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use std::time::{Duration, Instant};

use place::{Disk, Kind, Place, fails, folder, run, run_well, shown, text, wait_for};
use syncline_testkit::servers::{Database, Kind as ServerKind, Server};

/// A place in a new database of a server of the test's own.
fn place_on(server: &Server) -> Place {
    let kind = if server.kind().is_mysql() { Kind::MariaDb } else { Kind::Postgres };
    Place { kind, database: Some(server.database()), folder: folder() }
}

fn database(place: &Place) -> &Database {
    place.database.as_ref().expect("a place on a server")
}

/// Waits for what is to come true soon.
#[track_caller]
fn until(mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(Instant::now() < deadline, "it does not come true");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Slow enough to be met at work, with checkpoints all the time.
const SLOWLY: [&str; 8] = [
    "--rows-per-second",
    "4000",
    "--split-rows",
    "500",
    "--checkpoint-every",
    "20ms",
    "--table",
    "t",
];

#[test]
fn a_target_that_is_down_at_first_and_killed_in_the_middle_is_waited_for() {
    for kind in [ServerKind::MariaDb, ServerKind::Postgres] {
        let Some(server) = Server::own(kind, &[]) else { continue };
        let (source, target) = (Place::new(Kind::Sqlite).unwrap(), place_on(&server));
        source.fill("t", 8_000, true);
        let state = folder();
        let (from, to) = (source.url("t"), target.url("t"));
        let args: Vec<&str> = ["copy", &from, &to].into_iter().chain(SLOWLY).collect();
        server.stop();
        let mut child = place::start(state.path(), &args);
        wait_for(&mut child, "waiting:");
        server.start();
        until(|| target.rows("t").is_some_and(|rows| !rows.is_empty()));
        server.kill();
        wait_for(&mut child, "waiting:");
        server.start();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{kind:?}: {}", shown(&output));
        assert!(target.rows("t") == source.rows("t"), "{kind:?}: rows differ");
        assert_eq!(target.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn a_target_server_whose_disk_is_full_fails_clearly_and_the_run_goes_on_once_there_is_room() {
    for kind in [ServerKind::MariaDb, ServerKind::Postgres] {
        let (Some(server), Some(disk)) = (Server::own(kind, &[]), Disk::of("8m")) else { continue };
        let source = Place::new(Kind::Sqlite).unwrap();
        source.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, pad TEXT NOT NULL);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             INSERT INTO t SELECT i, hex(zeroblob(500)) || i FROM n;",
        );
        let target = place_on(&server);
        let text_type = if kind.is_mysql() { "longtext" } else { "text" };
        let columns = format!("t (id bigint PRIMARY KEY, pad {text_type} NOT NULL)");
        let at = text(disk.path());
        if kind.is_mysql() {
            database(&target).execute(&format!("CREATE TABLE {columns} DATA DIRECTORY = '{at}'"));
        } else {
            use std::os::unix::fs::{MetadataExt as _, chown};
            let owner = std::fs::metadata(server.data().unwrap()).unwrap();
            chown(disk.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
            database(&target).execute(&format!("CREATE TABLESPACE small LOCATION '{at}'"));
            database(&target).execute(&format!("CREATE TABLE {columns} TABLESPACE small"));
        }
        let state = folder();
        let (from, to) = (source.url("t"), target.url("t"));
        let args = ["copy", &from, &to, "--checkpoint-every", "1ms", "--parallel", "1"];
        fails(&run(state.path(), &args), 1, "E0402", &["room"]);
        let runs = run_well(state.path(), &["runs"]);
        assert!(runs.contains("failed"), "{runs}");
        // Without room it stays so, however often it is tried.
        fails(&run(state.path(), &args), 1, "E0402", &[]);
        disk.grow("200m");
        let said = run(state.path(), &args);
        assert!(said.status.success(), "{kind:?}: {}", shown(&said));
        assert!(String::from_utf8_lossy(&said.stderr).contains("continuing"), "{}", shown(&said));
        let sum = "SELECT concat(count(*), ' ', sum(id), ' ', sum(length(pad)), ' ', count(DISTINCT pad)) FROM t";
        let arrived = database(&target).value(sum);
        let digits: u64 = (1..=20_000_u64).map(|i| 1_000 + i.to_string().len() as u64).sum();
        assert_eq!(arrived, Some(format!("20000 200010000 {digits} 20000")), "{kind:?}");
        assert_eq!(target.leftovers(), Vec::<String>::new());
        // The server ends before its disk.
        drop((target, server));
    }
}

#[test]
fn a_target_that_turns_read_only_in_the_middle_fails_clearly_and_goes_on_later() {
    for kind in [ServerKind::MariaDb, ServerKind::MySql, ServerKind::Postgres] {
        let Some(server) = Server::own(kind, &[]) else { continue };
        let (source, target) = (Place::new(Kind::Sqlite).unwrap(), place_on(&server));
        source.fill("t", 8_000, true);
        let name = database(&target).name();
        let turn = |read_only: bool| match kind {
            ServerKind::MariaDb => server.session().execute(if read_only {
                "SET GLOBAL read_only = ON"
            } else {
                "SET GLOBAL read_only = OFF"
            }),
            ServerKind::MySql => server.session().execute(if read_only {
                "SET GLOBAL super_read_only = ON"
            } else {
                "SET GLOBAL read_only = OFF"
            }),
            _ => {
                let word = if read_only { "on" } else { "off" };
                server.session().execute(&format!(
                    "ALTER DATABASE \"{name}\" SET default_transaction_read_only = {word}"
                ));
                server.session().execute(&format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE datname = '{name}' AND pid <> pg_backend_pid()"
                ));
            }
        };
        let mut to = target.url("t");
        if kind == ServerKind::MariaDb {
            // An account that may do anything may also write where all is read-only.
            let mut session = server.session();
            session.execute("CREATE USER mover@'127.0.0.1' IDENTIFIED BY 'x'");
            session.execute(&format!("GRANT ALL ON `{name}`.* TO mover@'127.0.0.1'"));
            to = format!("mysql://mover:x@127.0.0.1:{}/{name}", server.port());
        }
        let state = folder();
        let from = source.url("t");
        let args: Vec<&str> = ["copy", &from, &to].into_iter().chain(SLOWLY).collect();
        let child = place::start(state.path(), &args);
        until(|| target.rows("t").is_some_and(|rows| !rows.is_empty()));
        turn(true);
        let output = child.wait_with_output().unwrap();
        fails(&output, 1, "E0403", &["read-only", "are safe at the target"]);
        turn(false);
        let kept = target.rows("t").unwrap().len();
        assert!(kept > 0 && kept < 8_000, "{kind:?}: {kept} rows");
        let said = run(state.path(), &args);
        assert!(said.status.success(), "{kind:?}: {}", shown(&said));
        assert!(String::from_utf8_lossy(&said.stderr).contains("continuing"), "{}", shown(&said));
        assert!(target.rows("t") == source.rows("t"), "{kind:?}: rows differ");
        assert_eq!(target.leftovers(), Vec::<String>::new());
    }
}

/// The URL of a new account without rights, and its name as grants take it.
fn account(place: &Place, name: &str) -> (String, String) {
    let database = database(place);
    let url = database.url();
    let authority = url.split("://").nth(1).unwrap().split('@').next().unwrap();
    let name = format!("{name}_{}", std::process::id());
    let at = if place.kind == Kind::Postgres {
        database.execute(&format!("CREATE ROLE {name} LOGIN PASSWORD 'x'"));
        name.clone()
    } else {
        database.execute(&format!("CREATE USER '{name}'@'%' IDENTIFIED BY 'x'"));
        format!("'{name}'@'%'")
    };
    (url.replacen(&format!("{authority}@"), &format!("{name}:x@"), 1), at)
}

#[test]
fn rights_that_are_missing_are_named() {
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres] {
        let Some(place) = Place::new(kind) else { continue };
        let (database, csv) = (database(&place), Place::new(Kind::Csv).unwrap());
        csv.fill("t", 10, true);
        place.fill("seen", 10, true);
        place.fill("hidden", 10, true);
        let state = folder();
        let out = csv.path("{table}.out.csv");

        // Reading one table does not let read another.
        let (reader, at) = account(&place, "reader");
        database.execute(&format!("GRANT SELECT ON seen TO {at}"));
        run_well(state.path(), &["copy", &reader, text(&out), "--table", "seen"]);
        let output = run(state.path(), &["copy", &reader, text(&out), "--table", "hidden"]);
        // MySQL does not even tell that the table is there.
        let code = if kind == Kind::Postgres { "E0205" } else { "E0207" };
        fails(&output, 2, code, &["hidden"]);
        assert!(!csv.path("hidden.out.csv").exists(), "a partial file under its final name");

        // Neither does it let write: no new table, and no rows into one that is there.
        fails(&run(state.path(), &["copy", &csv.url("t"), &reader]), 2, "E0205", &["hint"]);
        let into = ["copy", &csv.url("t"), &reader, "--to", "seen", "--write", "append"];
        fails(&run(state.path(), &into), 2, "E0205", &["hint"]);
        assert_eq!(place.rows("seen").unwrap().len(), 10);
        assert_eq!(place.rows("t"), None);
        assert_eq!(place.leftovers(), Vec::<String>::new(), "{kind:?}");
        if kind == Kind::Postgres {
            database.execute(&format!("DROP OWNED BY {at}; DROP ROLE {at}"));
        } else {
            database.execute(&format!("DROP USER {at}"));
        }
    }
}

#[test]
fn a_table_that_changes_before_its_turn_arrives_whole_or_fails_clearly() {
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres] {
        for change in ["DROP TABLE z", "ALTER TABLE z DROP COLUMN note"] {
            let Some(source) = Place::new(kind) else { continue };
            source.fill("a", 8_000, true);
            source.fill("z", 10, true);
            let z = source.rows("z");
            let target = Place::new(Kind::Sqlite).unwrap();
            let state = folder();
            let (from, to) = (source.url(""), target.url(""));
            let args = ["copy", &from, &to, "--parallel", "1", "--rows-per-second", "4000"];
            let child = place::start(state.path(), &args);
            until(|| target.rows("a").is_some());
            // Waits for the copy where the snapshot holds the table.
            database(&source).execute(change);
            let output = child.wait_with_output().unwrap();
            if output.status.success() {
                assert!(target.rows("z") == z, "{kind:?}, {change}: not all of the snapshot");
                assert!(target.rows("a") == source.rows("a"), "{kind:?}, {change}");
            } else {
                fails(&output, 1, "E0210", &["z", "--fresh"]);
            }
        }
    }
}

#[test]
fn a_target_table_dropped_in_the_middle_is_said_to_be_gone() {
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres] {
        let Some(target) = Place::new(kind) else { continue };
        let source = Place::new(Kind::Csv).unwrap();
        source.fill("t", 8_000, true);
        let state = folder();
        let (from, to) = (source.url("t"), target.url("t"));
        let args: Vec<&str> = ["copy", &from, &to].into_iter().chain(SLOWLY).collect();
        let child = place::start(state.path(), &args);
        until(|| target.rows("t").is_some_and(|rows| !rows.is_empty()));
        target.clear("t");
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{kind:?}: {}", shown(&output));
        let named = stderr.contains("E0207") || stderr.contains("E0210");
        assert!(named, "{kind:?}: {}", shown(&output));
        run_well(state.path(), &[&args[..], &["--fresh"]].concat());
        assert!(target.rows("t") == source.rows("t"), "{kind:?}: rows differ");
        assert_eq!(target.leftovers(), Vec::<String>::new(), "{kind:?}");
    }
}
