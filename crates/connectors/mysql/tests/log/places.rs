//! Places in the log: where it can be read from, and what is said when it cannot.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use syncline_connector::{Consistency, Start};
use syncline_testkit::{Database, Kind, Server};
use syncline_types::{Code, ErrorKind, LogElement, Position};

use crate::rig::tail::{BUDGET, Tail};
use crate::rig::{databases, own_servers};
use crate::types::snapshot;

/// The file and offset of the log's end, and its GTIDs, as the server says them.
fn status(database: &Database) -> (String, String) {
    let row = database.rows("SHOW MASTER STATUS").remove(0);
    let place = format!("{}:{}", row[0].as_deref().unwrap(), row[1].as_deref().unwrap());
    let gtids = match row.get(4) {
        Some(gtids) => gtids.clone().unwrap().replace('\n', ""),
        None => database.value("SELECT @@global.gtid_current_pos").unwrap(),
    };
    (place, gtids)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_from_any_place_that_is_named() {
    for (kind, _server, database) in own_servers() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY)");
        for id in 0..3 {
            database.execute(&format!("INSERT INTO t VALUES ({id})"));
        }
        let (place, gtids) = status(&database);
        database.execute("INSERT INTO t VALUES (3); FLUSH BINARY LOGS; INSERT INTO t VALUES (4)");
        let behind = ["insert t id=3", "insert t id=4"];
        for from in [&place, &gtids] {
            let start = Start::At(from.clone());
            let mut tail = Tail::from(&database.url(), &["t"], &start).await.unwrap();
            assert_eq!(tail.read().await.unwrap().lines(), behind, "{kind:?} {from}");
            // From there on, both know their GTIDs.
            assert!(tail.at.token.contains("gtid"), "{}", tail.at.token);
        }
        let mut tail = Tail::from(&database.url(), &["t"], &Start::Earliest).await.unwrap();
        let read = tail.read().await.unwrap();
        assert_eq!(read.lines().len(), 5, "{kind:?}");
        for (from, code) in [
            ("nonsense", Code::BadValue),
            ("binlog.000099:4", Code::PositionLost),
            ("binlog.000001:99999999", Code::BadValue),
        ] {
            let start = Start::At(from.into());
            let refused = Tail::from(&database.url(), &["t"], &start).await.err().unwrap();
            assert_eq!(refused.code(), code, "{kind:?} {from}: {refused}");
        }
    }
}

/// Where nothing happens, the place does not move back, and comes to the end of a new file too.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_log_stays_at_its_place() {
    for (kind, _server, database) in own_servers() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
        let tail = Tail::now(&database.url(), &["t"]).await;
        let log = tail.log();
        let mut reader = tail.open().await.unwrap();
        for _ in 0..10 {
            let LogElement::Heartbeat(at) = reader.next(BUDGET).await.unwrap() else { panic!() };
            assert!(log.reached(&at, &tail.at).unwrap(), "{kind:?} {at:?} {:?}", tail.at);
            assert!(log.reached(&tail.at, &at).unwrap(), "{kind:?} {at:?} {:?}", tail.at);
            assert_eq!(at.token, tail.at.token, "{kind:?}");
        }
        database.execute("FLUSH BINARY LOGS");
        let goal = tail.end().await;
        assert_ne!(goal.token, tail.at.token);
        loop {
            let LogElement::Heartbeat(at) = reader.next(BUDGET).await.unwrap() else { panic!() };
            if at.token == goal.token {
                break;
            }
        }
        let shown = log.shown(&goal);
        assert_eq!(shown, status(&database).1, "{kind:?}");
        Tail::from(&database.url(), &["t"], &Start::At(shown)).await.unwrap();
    }
}

/// A server without GTIDs.
#[tokio::test(flavor = "multi_thread")]
async fn files_and_offsets_do_where_there_are_no_gtids() {
    let args = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"];
    let Some(server) = Server::own(Kind::MySql, &args) else { return };
    let database = server.database();
    database.execute("CREATE TABLE t (id int PRIMARY KEY)");
    let mut tail = Tail::now(&database.url(), &["t"]).await;
    database.execute("INSERT INTO t VALUES (1); FLUSH BINARY LOGS; INSERT INTO t VALUES (2)");
    assert_eq!(tail.read().await.unwrap().lines(), ["insert t id=1", "insert t id=2"]);
    database.execute("INSERT INTO t VALUES (3)");
    assert_eq!(tail.read().await.unwrap().lines(), ["insert t id=3"]);
    assert!(!tail.at.token.contains("gtid"), "{}", tail.at.token);
    let retention = tail.log().retention(&tail.follow, &tail.at).await.unwrap();
    assert_eq!(retention.unread, Some(0));
    assert!(retention.kept.is_some_and(|bytes| bytes > 500));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_was_purged_is_named() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        for mode in ["gtid", "file"] {
            let off = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"];
            let args: &[&str] = if kind == Kind::MySql && mode == "file" { &off } else { &[] };
            let Some(server) = Server::own(kind, args) else { continue };
            let database = server.database();
            database.execute("CREATE TABLE t (id int PRIMARY KEY)");
            let tail = Tail::now(&database.url(), &["t"]).await;
            database.execute("INSERT INTO t VALUES (1); FLUSH BINARY LOGS; INSERT INTO t VALUES (2); FLUSH BINARY LOGS");
            let last = status(&database).0;
            let (file, _) = last.split_once(':').unwrap();
            // MariaDB may still have the old file open for a moment.
            for _ in 0..50 {
                database.execute(&format!("PURGE BINARY LOGS TO '{file}'"));
                if database.rows("SHOW BINARY LOGS").len() == 1 {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            let lost = match tail.open().await {
                Ok(mut reader) => reader.next(BUDGET).await.unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(lost.code(), Code::PositionLost, "{kind:?} {mode}: {lost}");
            // A log that was started over has no such place either, or has it for something else.
            database.execute("RESET MASTER");
            let lost = match tail.open().await {
                Ok(mut reader) => reader.next(BUDGET).await.unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(lost.code(), Code::PositionLost, "{kind:?} {mode}: {lost}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_gone_on_with() {
    for (kind, server, database) in own_servers() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY)");
        let mut tail = Tail::now(&database.url(), &["t"]).await;
        database.execute("INSERT INTO t VALUES (1)");
        assert_eq!(tail.read().await.unwrap().lines(), ["insert t id=1"]);
        let mut reader = tail.open().await.unwrap();
        server.kill();
        let error = loop {
            match reader.next(BUDGET).await {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Transient, "{kind:?} {error}");
        let refused = tail.open().await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Transient, "{kind:?} {refused}");
        server.start();
        database.execute("INSERT INTO t VALUES (2)");
        assert_eq!(tail.read().await.unwrap().lines(), ["insert t id=2"], "{kind:?}");
    }
}

/// The second of two readers of one run takes over; the first is told so.
#[tokio::test(flavor = "multi_thread")]
async fn two_readers_of_one_run_are_told_apart() {
    for (kind, database) in databases() {
        database.execute("CREATE TABLE t (id int PRIMARY KEY)");
        let tail = Tail::now(&database.url(), &["t"]).await;
        let mut first = tail.open().await.unwrap();
        first.next(BUDGET).await.unwrap();
        let mut second = tail.open().await.unwrap();
        second.next(BUDGET).await.unwrap();
        let mut told = None;
        for _ in 0..100 {
            if let Err(error) = first.next(BUDGET).await {
                told = Some(error);
                break;
            }
        }
        let told = told.expect("the first reader ends");
        assert_eq!(told.code(), Code::LogInUse, "{kind:?} {told}");
        second.next(BUDGET).await.unwrap();
    }
}

/// A replica has the same transactions at other offsets.
#[tokio::test(flavor = "multi_thread")]
async fn following_goes_on_at_a_replica() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let more: &[&str] = &["--log-slave-updates=ON"];
        let (Some(server), Some(replica)) = (Server::own(kind, more), Server::own(kind, more))
        else {
            continue;
        };
        let mut session = replica.session();
        let port = server.port();
        session.execute(&match kind {
            Kind::MariaDb => format!(
                "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='root', \
                 MASTER_USE_GTID=slave_pos; START SLAVE"
            ),
            _ => format!(
                "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='root', \
                 MASTER_PASSWORD='root', GET_MASTER_PUBLIC_KEY=1, MASTER_AUTO_POSITION=1; START SLAVE"
            ),
        });
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY)");
        for id in 0..5 {
            database.execute(&format!("INSERT INTO t VALUES ({id})"));
        }
        let mut tail = Tail::now(&database.url(), &["t"]).await;
        database.execute("INSERT INTO t VALUES (5)");
        assert_eq!(tail.read().await.unwrap().lines(), ["insert t id=5"]);
        database.execute("INSERT INTO t VALUES (6)");
        let goal = tail.end().await;
        let wanted = "SELECT count(*) FROM information_schema.tables WHERE table_schema = ";
        let mut copied = false;
        for _ in 0..200 {
            let there = format!("{wanted}'{}' AND table_name = 't'", database.name());
            let there = session.rows(&there)[0][0].as_deref() == Some("1");
            let count = format!("SELECT count(*) FROM {}.t", database.name());
            copied = there && session.rows(&count)[0][0].as_deref() == Some("7");
            if copied {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(copied, "{kind:?}: the replica does not replicate");
        server.kill();
        let source = crate::rig::source(&replica.url(database.name()));
        let mut at_replica = Tail { source, follow: tail.follow.clone(), at: tail.at.clone() };
        assert_eq!(at_replica.read().await.unwrap().lines(), ["insert t id=6"], "{kind:?}");
        assert!(at_replica.log().reached(&at_replica.at, &goal).unwrap(), "{kind:?}");
        assert!(!at_replica.log().reached(&tail.at, &goal).unwrap(), "{kind:?}");
    }
}

/// Puts what the log tells on top of a snapshot. Changes up to `high` may be in it already.
fn apply(state: &mut BTreeMap<String, String>, lines: &[String]) {
    for line in lines {
        let mut words = line.split(' ');
        let (op, _, id) = (words.next().unwrap(), words.next(), words.next().unwrap().to_owned());
        match op {
            "delete" | "before" => drop(state.remove(&id)),
            _ => drop(state.insert(id, words.next().unwrap().to_owned())),
        }
    }
}

/// Ends the threads that look at it, also where an assertion fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A snapshot taken while transactions go on, and the log from its place on, make up the table.
async fn handover(kind: Kind, database: &Database, url: &str, exact: bool) {
    let name = format!("h{}", url.len());
    database.execute(&format!("CREATE TABLE {name} (id int PRIMARY KEY, a int)"));
    let tail = Tail::now(url, &[&name]).await;
    let stop = AtomicBool::new(false);
    let (mut tail, low, high, rows) = std::thread::scope(|scope| {
        let stopped = Stop(&stop);
        for writer in 0..4 {
            let (stop, name) = (&stop, &name);
            scope.spawn(move || {
                let mut session = database.session();
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    let id = writer * 1000 + n % 50;
                    session.execute(&format!(
                        "START TRANSACTION; REPLACE INTO {name} VALUES ({id}, {n}); \
                         DELETE FROM {name} WHERE id = {id} + 7; COMMIT"
                    ));
                }
            });
        }
        let work = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let (consistency, moment) = tail.log().begin_at(&tail.follow, 3).await.unwrap();
            assert_eq!(
                matches!(consistency, Consistency::Snapshot),
                exact,
                "{kind:?} {consistency:?}"
            );
            let read = crate::rig::read_all(&crate::rig::found(&*tail.source, &name).await);
            let mut rows = BTreeMap::new();
            let splits = tail.source.plan(&read, &crate::rig::cut(3)).await.unwrap();
            for split in &splits {
                for batch in crate::rig::drain(&*tail.source, &read, split).await.unwrap() {
                    for row in 0..batch.rows.num_rows() {
                        let text = |c: usize| {
                            arrow::util::display::array_value_to_string(batch.rows.column(c), row)
                                .unwrap()
                        };
                        rows.insert(format!("id={}", text(0)), format!("a={}", text(1)));
                    }
                }
            }
            tail.source.end().await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
            (moment.low, moment.high, rows)
        };
        let handle = tokio::runtime::Handle::current();
        let (low, high, rows) = tokio::task::block_in_place(|| handle.block_on(work));
        drop(stopped);
        (tail, low, high, rows)
    });
    assert_eq!(low == high, exact, "{kind:?}");
    assert!(tail.log().reached(&high, &low).unwrap());
    tail.at = Position::new(0, low.token.clone());
    let mut state = rows;
    let read = tail.read().await.unwrap();
    assert!(read.rows() > 10, "{kind:?}: nothing happened meanwhile");
    apply(&mut state, &read.lines());
    let now = snapshot(&*tail.source, &name).await;
    let text = |c: usize, row: usize| {
        arrow::util::display::array_value_to_string(now.column(c), row).unwrap()
    };
    let now: BTreeMap<String, String> = (0..now.num_rows())
        .map(|row| (format!("id={}", text(0, row)), format!("a={}", text(1, row))))
        .collect();
    assert_eq!(state, now, "{kind:?}");
}

/// Both locks are kept from us for longer than one of them is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_statement_is_waited_for_where_the_snapshots_place_hangs_on_a_lock() {
    // Of its own: who writes waits behind a lock that is asked for.
    let Some(server) = Server::own(Kind::MySql, &[]) else { return };
    let database = server.database();
    database.execute("CREATE TABLE t (a int)");
    let tail = Tail::now(&database.url(), &["t"]).await;
    std::thread::scope(|scope| {
        scope.spawn(|| database.session().execute("INSERT INTO t SELECT SLEEP(14)"));
        let at_work = "SELECT count(*) FROM information_schema.processlist \
                       WHERE info LIKE 'INSERT INTO t SELECT SLEEP%'";
        while database.session().rows(at_work)[0][0].as_deref() != Some("1") {
            std::thread::sleep(Duration::from_millis(20));
        }
        let handle = tokio::runtime::Handle::current();
        let begun = tail.log().begin_at(&tail.follow, 2);
        let begun = tokio::task::block_in_place(|| handle.block_on(begun));
        let (consistency, moment) = begun.unwrap();
        assert!(matches!(consistency, Consistency::Snapshot), "{consistency:?}");
        assert!(moment.low == moment.high, "its place is not known");
    });
    assert_eq!(snapshot(&*tail.source, "t").await.num_rows(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn snapshot_and_log_have_no_gap_between_them() {
    for (kind, database) in databases() {
        handover(kind, &database, &database.url(), true).await;
        // An account that may lock nothing.
        let name = format!("weak{}", database.name());
        let own = match kind {
            Kind::MariaDb => "REPLICATION SLAVE, BINLOG MONITOR, REPLICATION MASTER ADMIN",
            _ => "REPLICATION SLAVE, REPLICATION CLIENT",
        };
        database.execute(&format!(
            "CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'p'; GRANT SELECT ON {}.* TO '{name}'@'127.0.0.1'; \
             GRANT {own} ON *.* TO '{name}'@'127.0.0.1'",
            database.name()
        ));
        let url = database.url();
        let (_, place) = url.split_once('@').unwrap();
        let url = format!("mysql://{name}:p@{place}");
        handover(kind, &database, &url, kind == Kind::MariaDb).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_server_from_being_followed_is_said_with_its_mend() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let off: &[&str] = match kind {
            Kind::MariaDb => &["--skip-log-bin"],
            _ => &["--skip-log-bin", "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"],
        };
        if let Some(server) = Server::own(kind, off) {
            let database = server.database();
            database.execute("CREATE TABLE t (id int PRIMARY KEY)");
            let none = Tail::from(&database.url(), &["t"], &Start::Now).await.err().unwrap();
            assert_eq!(none.code(), Code::NoChangeLog, "{kind:?} {none}");
        }
        let Some(server) =
            Server::own(kind, &["--binlog-ignore-db=hidden", "--binlog-expire-logs-seconds=86400"])
        else {
            continue;
        };
        let database = server.database();
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, \
             p int, FOREIGN KEY (p) REFERENCES t (id) ON DELETE CASCADE); \
             CREATE TABLE m (id int PRIMARY KEY) ENGINE=MyISAM; \
             CREATE DATABASE hidden; CREATE TABLE hidden.t (id int PRIMARY KEY)",
        );
        let tail = Tail::now(&database.url(), &["*"]).await;
        let notes = tail.log().check_log(&tail.follow).await.unwrap().join("\n");
        for words in ["goes back to binlog.000001", "1.0 days", "CASCADE", "MyISAM"] {
            assert!(notes.contains(words), "{kind:?} {words}: {notes}");
        }
        assert!(!notes.contains("binlog_row"), "{kind:?} {notes}");
        let hidden = Tail::now(&server.url("hidden"), &["t"]).await;
        let refused = hidden.log().check_log(&hidden.follow).await.err().unwrap();
        assert_eq!(refused.code(), Code::NoChangeLog, "{kind:?} {refused}");
        database
            .execute("SET GLOBAL binlog_row_image=MINIMAL; SET GLOBAL binlog_row_metadata=MINIMAL");
        let notes = tail.log().check_log(&tail.follow).await.unwrap().join("\n");
        assert!(
            notes.contains("binlog_row_image=MINIMAL") && notes.contains("binlog_row_metadata")
        );
        database.execute("SET GLOBAL binlog_format=MIXED");
        let refused = tail.log().check_log(&tail.follow).await.err().unwrap();
        assert_eq!(refused.code(), Code::NoChangeLog, "{kind:?}");
        assert!(refused.hint_text().unwrap().contains("SET GLOBAL binlog_format=ROW"));
        database.execute("SET GLOBAL binlog_format=ROW");
        database.execute(&format!(
            "CREATE USER 'weak'@'127.0.0.1' IDENTIFIED BY 'p'; GRANT SELECT ON {}.* TO 'weak'@'127.0.0.1'",
            database.name()
        ));
        let url = database.url();
        let (_, place) = url.split_once('@').unwrap();
        let weak = crate::rig::source(&format!("mysql://weak:p@{place}"));
        let log = weak.change_log().unwrap();
        let refused = log.check_log(&tail.follow).await.err().unwrap();
        assert_eq!(refused.code(), Code::NoPrivilege, "{kind:?} {refused}");
        let own = match kind {
            Kind::MariaDb => "BINLOG MONITOR",
            _ => "REPLICATION CLIENT",
        };
        database.execute(&format!("GRANT {own} ON *.* TO 'weak'@'127.0.0.1'"));
        let refused = log.check_log(&tail.follow).await.err().unwrap();
        assert_eq!(refused.code(), Code::NoPrivilege, "{kind:?} {refused}");
        let hint = refused.hint_text().unwrap();
        assert!(hint.contains("GRANT REPLICATION SLAVE") && hint.ends_with("'weak'@'127.0.0.1'"));
        // As it stands.
        database.execute(hint);
        log.check_log(&tail.follow).await.unwrap();
    }
}
