//! Following changes where something gives out: disks are full, memory is little, clocks jump, and
//! servers take each other's place or number.

mod following;
mod place;

use std::time::{Duration, Instant};

use following::{PATIENCE, Pair, To, Watched, output_within, pairs, peak_of, store};
use place::{Disk, fails, text};
use syncline_testkit::Proxy;
use syncline_testkit::servers::{Kind, Server, Session};
use syncline_testkit::workload::{contents, differences};

/// A replica that follows `server`, with a log of its own.
fn replicate(kind: Kind, server: &Server, replica: &Server) -> Session {
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
    session
}

/// Waits until a condition holds.
#[track_caller]
fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: in vain");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The address of the source moves to a replica while the run has changes to read: it goes on there
/// by GTID, with nothing twice and nothing missing, tables without a key among them.
fn goes_on_at_a_replica(from: Kind, to: To) {
    let more = ["--log-slave-updates=ON"];
    let (Some(server), Some(replica)) = (Server::own(from, &more), Server::own(from, &more)) else {
        return;
    };
    let To::Server(to) = to else { return };
    let Some(target) = Server::shared(to) else { return };
    let mut session = replicate(from, &server, &replica);
    let mut pair = Pair::on(&server, target, rand::random());
    let proxy = Proxy::before(server.port());
    pair.through(Some(&proxy), None);
    let mut run = Watched::start(pair.copy(&["--retry-for", "120s"]), &pair);
    run.wait_for("streaming");
    pair.under_load(|_| {
        std::thread::sleep(Duration::from_secs(1));
        // What comes from here on is read at the replica.
        proxy.refuse(true);
        proxy.cut();
        std::thread::sleep(Duration::from_secs(1));
    });
    let (done, had) = match from {
        Kind::MariaDb => ("SELECT @@global.gtid_binlog_pos", "SELECT @@global.gtid_slave_pos"),
        _ => ("SELECT @@global.gtid_executed", "SELECT @@global.gtid_executed"),
    };
    let goal = pair.source.rows(done);
    wait("the replica has everything", || session.rows(had) == goal);
    let wanted = pair.source_contents();
    server.kill();
    session.execute("STOP SLAVE");
    proxy.stand_before(replica.port());
    proxy.refuse(false);
    // And what the replica writes as the new primary.
    let name = pair.source.name().to_owned();
    session.execute(&format!("UPDATE {name}.accounts SET note = 'of the replica' WHERE id < 50"));
    let count = "SELECT count(*) FROM accounts WHERE note = 'of the replica'";
    let moved = session.rows(&count.replace("accounts", &format!("{name}.accounts")));
    let database = pair.target.as_ref().expect("a server");
    let follows = |_: &Watched| database.try_rows(count) == Ok(moved.clone());
    run.wait_until("the target follows the replica", follows);
    assert_eq!(run.interrupt(), 130, "{}", run.last());
    // All other tables are as the primary had them.
    let mut now = contents(store(to, database)).expect("all tables are there");
    now.insert("accounts".to_owned(), wanted["accounts"].clone());
    if let Some(text) = differences(&wanted, &now) {
        panic!("{from:?}, seed {}:\n{text}", pair.load.seed);
    }
}

pairs!(goes_on_at_a_replica {
    failover_of_mariadb: MariaDb -> To::Server(Kind::Postgres);
    failover_of_mysql: MySql -> To::Server(Kind::Postgres);
});

/// A replica that has nothing to do with us takes the number we read under.
#[test]
fn a_foreign_replica_with_our_number_is_named_and_evaded() {
    let (Some(server), Some(replica)) =
        (Server::own(Kind::MariaDb, &[]), Server::own(Kind::MariaDb, &[]))
    else {
        return;
    };
    let Some(target) = Server::shared(Kind::Postgres) else { return };
    let pair = Pair::on(&server, target, rand::random());
    let mut run = Watched::start(pair.copy(&["--retry-for", "60s"]), &pair);
    run.wait_for("streaming");
    let known = pair.source.rows("SHOW SLAVE HOSTS");
    let ours =
        known.iter().find(|row| row[1].as_deref() == Some("syncline")).expect("we are known");
    let number = ours[0].clone().expect("a number");
    replica.session().execute(&format!("SET GLOBAL server_id = {number}"));
    let mut session = replicate(Kind::MariaDb, &server, &replica);
    // The server lets go of the one that was there first, and tells it why.
    assert_eq!(run.end(), 1, "{}", run.last());
    let words = run.last();
    assert!(words.contains("E0218"), "{words}");
    drop(run);
    // Started again, it takes another number, and the two live side by side.
    pair.load(20);
    let mut run = Watched::start(pair.copy(&[]), &pair);
    run.wait_for("streaming");
    pair.load_of(20, 7);
    pair.wait_same(&mut run.child);
    wait("the replica has everything", || {
        session.rows("SELECT @@global.gtid_slave_pos")
            == pair.source.rows("SELECT @@global.gtid_binlog_pos")
    });
    assert_eq!(run.interrupt(), 130, "{}", run.last());
}

/// The source's clock says what it likes: rows come in the order of the log.
#[test]
fn a_clock_that_jumps_changes_nothing() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(pair) = Pair::new(kind, To::Server(Kind::Postgres), rand::random()) else {
            return;
        };
        let mut run = Watched::start(pair.copy(&[]), &pair);
        run.wait_for("streaming");
        let mut session = pair.source.session();
        for (at, note) in
            [("2037-12-31 00:00:00", "late"), ("1990-01-01 00:00:00", "early"), ("", "now")]
        {
            let set =
                if at.is_empty() { "DEFAULT".into() } else { format!("UNIX_TIMESTAMP('{at}')") };
            session.execute(&format!("SET timestamp = {set}"));
            session.execute(&format!("UPDATE accounts SET note = '{note}' WHERE id < 100"));
            session.execute(&format!("INSERT INTO happenings VALUES (77, '{note}', 1.5)"));
            std::thread::sleep(Duration::from_millis(1_200));
        }
        pair.wait_same(&mut run.child);
        let lags: Vec<u64> = run.events().iter().filter_map(|e| e["lag_ms"].as_u64()).collect();
        assert!(!lags.is_empty(), "{}", run.last());
        assert_eq!(run.interrupt(), 130, "{}", run.last());
        pair.verify();
    }
}

/// The disk of the state folder is full while changes are followed: the run says so and keeps its
/// place.
#[test]
fn a_state_folder_that_fills_up_loses_nothing() {
    let Some(disk) = Disk::of("6m") else { return };
    let Some(mut pair) = Pair::new(Kind::MariaDb, To::Server(Kind::Postgres), rand::random())
    else {
        return;
    };
    pair.state = disk.path().join("state");
    let mut run = Watched::start(pair.copy(&["--retry-for", "2s"]), &pair);
    run.wait_for("streaming");
    let filler = disk.path().join("filler");
    fill(&filler);
    let code = pair.under_load(|_| {
        let begun = Instant::now();
        while run.child.try_wait().expect("it is looked at").is_none() && begun.elapsed() < PATIENCE
        {
            fill(&filler);
            std::thread::sleep(Duration::from_millis(50));
        }
        run.end()
    });
    assert_eq!(code, 1, "{}", run.last());
    let words = run.last();
    assert!(words.contains("E0402") || words.contains("E0404"), "{words}");
    drop(run);
    std::fs::remove_file(&filler).expect("the filler goes");
    pair.catch_up(&["--quiet"]);
    pair.assert_same();
}

/// Takes all that is left of a disk.
fn fill(file: &std::path::Path) {
    use std::io::Write as _;
    let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
    let mut file = file.expect("a filler");
    for size in [1 << 16, 1 << 12, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

/// The disk of a log in files is full: no part of a segment is ever seen, and with room again the
/// same command goes on.
#[test]
fn a_disk_of_segments_that_fills_up_loses_nothing() {
    for from in [Kind::MariaDb, Kind::Postgres] {
        let Some(disk) = Disk::of("2m") else { return };
        let Some(mut pair) = Pair::new(from, To::Sqlite, rand::random()) else { return };
        pair.urls.1 = text(&disk.path().join("{table}.jsonl")).to_owned();
        pair.catch_up(&["--quiet"]);
        for round in 0..40 {
            let rows: Vec<String> = (0..500)
                .map(|n| format!("({n}, 'round {round} {}', 0.5)", "x".repeat(40)))
                .collect();
            pair.source.execute(&format!("INSERT INTO happenings VALUES {}", rows.join(", ")));
        }
        let full = output_within(&mut pair.copy(&["--until", "caught-up", "--quiet"]), PATIENCE);
        fails(&full, 1, "E0402", &[text(disk.path())]);
        disk.grow("64m");
        pair.catch_up(&["--quiet"]);
        let segments = disk.path().join("happenings");
        let mut lines = 0;
        for entry in std::fs::read_dir(&segments).expect("segments") {
            let path = entry.expect("a file").path();
            if path.extension().is_some_and(|e| e == "jsonl") {
                let text = std::fs::read_to_string(&path).expect("a segment is read");
                lines += text.lines().filter(|line| line.contains("round ")).count();
                assert!(
                    text.ends_with('\n'),
                    "{}: it ends in the middle of a line",
                    path.display()
                );
            }
        }
        assert_eq!(lines, 40 * 500, "{from:?}: each change stands there once");
    }
}

/// A source that tells a transaction before its end: the disk it is put aside on is full. Nothing of
/// it is applied, and with room again all of it is.
#[test]
fn a_disk_that_fills_up_with_a_transaction_loses_nothing() {
    let Some(disk) = Disk::of("8m") else { return };
    let args = ["-c", "logical_decoding_work_mem=64kB"];
    let (Some(server), Some(target)) =
        (Server::own(Kind::Postgres, &args), Server::shared(Kind::Postgres))
    else {
        return;
    };
    let mut pair = Pair::on(&server, target, rand::random());
    pair.state = disk.path().join("state");
    let mut run = Watched::start(pair.copy(&["--retry-for", "2s"]), &pair);
    run.wait_for("streaming");
    let mut session = pair.source.session();
    session.execute("BEGIN");
    session.execute(
        "INSERT INTO happenings SELECT n, repeat('x', 60), 0.5 FROM generate_series(1, 200000) n",
    );
    assert_eq!(run.end(), 1, "{}", run.last());
    let words = run.last();
    assert!(words.contains("E0402") && words.contains("put aside"), "{words}");
    drop(run);
    disk.grow("128m");
    let mut run = Watched::start(pair.copy(&[]), &pair);
    run.wait_for("streaming");
    let target = pair.target.as_ref().expect("a server");
    let count = "SELECT count(*) FROM happenings WHERE kind > 1000";
    assert_eq!(target.value(count).as_deref(), Some("0"), "half applied");
    session.execute("COMMIT");
    pair.wait_same(&mut run.child);
    assert_eq!(run.interrupt(), 130, "{}", run.last());
    pair.verify();
}

/// A run that is too far behind lets copies of its servers wait until it has caught up.
#[test]
fn copies_wait_for_a_run_that_is_too_far_behind() {
    let to = To::Server(Kind::MariaDb);
    let Some(mut pair) = Pair::new(Kind::Postgres, to, rand::random()) else { return };
    let proxy = Proxy::before(Server::shared(Kind::MariaDb).expect("it was there").port());
    pair.through(None, Some(&proxy));
    pair.catch_up(&["--quiet"]);
    pair.source.execute(
        "INSERT INTO happenings SELECT n, repeat('x', 60), 0.5 FROM generate_series(1, 30000) n",
    );
    proxy.bandwidth(Some(300_000));
    let budget = ["--retention-bytes", "1000000", "--retention-action", "pause-others"];
    let mut run = Watched::start(pair.copy(&budget), &pair);
    run.wait_to_hear("wait for it");
    // A copy of the same source, and one that has nothing to do with it.
    let other = Pair::new(Kind::MySql, To::Sqlite, 1);
    let copy = |pair_: &Pair, target: &str| {
        let mut command = place::syncline(&pair.state);
        let target = format!("sqlite:{}", pair.folder.path().join(target).display());
        command.args(["copy", &pair_.urls.0, &target, "--mode", "full"]);
        command
    };
    let Some(other) = other else { return };
    let done = output_within(&mut copy(&other, "other.db"), PATIENCE);
    assert!(done.status.success(), "{}", place::shown(&done));
    let mut same = copy(&pair, "same.db");
    same.args(["--events", "json"]);
    let done = output_within(&mut same, PATIENCE);
    assert!(done.status.success(), "{}", place::shown(&done));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains("\"waiting\"") && said.contains("goes first"), "{said}");
    // It was let go on by the run, which goes on itself.
    run.wait_to_hear("copies of the same servers go on");
    proxy.bandwidth(None);
    pair.wait_same(&mut run.child);
    assert_eq!(run.interrupt(), 130, "{}", run.last());
}

/// A run lets go of the log that is kept for it beyond its budget, and makes itself whole again
/// where that is allowed.
#[test]
fn a_log_beyond_its_budget_is_let_go_of() {
    let to = To::Server(Kind::Postgres);
    let Some(pair) = Pair::new(Kind::Postgres, to, rand::random()) else { return };
    let slots = || {
        let sql = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
        pair.source.value(sql)
    };
    let more = "INSERT INTO happenings SELECT n, 'x', 0.5 FROM generate_series(1, 20000) n";
    let budget = ["--retention-bytes", "500000", "--retention-action", "release"];
    pair.catch_up(&["--quiet"]);
    pair.source.execute(more);
    let mut command = pair.copy(&budget);
    let gone = output_within(command.args(["--until", "caught-up"]), PATIENCE);
    fails(&gone, 1, "E0413", &["source.retention.max_bytes", "--when-lost resnapshot"]);
    assert_eq!(slots().as_deref(), Some("0"), "the source is free of it");
    // Started again, it finds that its place is gone; it may copy anew.
    pair.catch_up(&["--quiet", "--when-lost", "resnapshot"]);
    pair.assert_same();
    // Or at once.
    pair.source.execute(more);
    pair.catch_up(&[&budget[..], &["--quiet", "--when-lost", "resnapshot"]].concat());
    pair.assert_same();
    assert_eq!(slots().as_deref(), Some("1"));
}

/// How much of a load that is large on purpose: many times what the process may take, or (with
/// `SYNCLINE_SOAK`) what issue and manual speak of.
fn large(usual: usize, soak: usize) -> usize {
    if std::env::var_os("SYNCLINE_SOAK").is_some_and(|v| !v.is_empty()) { soak } else { usual }
}

/// The most that a run may take at its peak, in bytes. What it reads here is more than that.
const LIMIT: u64 = 256 << 20;

/// One transaction of many rows, then many transactions, each to be caught up with at once.
fn takes_little_memory(from: Kind, to: To) {
    let Some(pair) = Pair::new(from, to, 3) else { return };
    let width = large(3_200, 320);
    let mysql = from.is_mysql();
    let body = if mysql { "longtext" } else { "text" };
    pair.source.execute(&format!("CREATE TABLE big (id int NOT NULL PRIMARY KEY, body {body})"));
    pair.catch_up(&["--quiet"]);
    let rows = large(100_000, 1_000_000);
    let value = format!("repeat(md5(concat(i, '')), {})", width / 32);
    let numbers = match (from, mysql) {
        (Kind::MariaDb, _) => format!("SELECT seq AS i FROM seq_1_to_{rows}"),
        (_, true) => format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
             SELECT i FROM n"
        ),
        _ => format!("SELECT i FROM generate_series(1, {rows}) AS n (i)"),
    };
    let mut session = pair.source.session();
    if from == Kind::MySql {
        session.execute(&format!("SET cte_max_recursion_depth = {}", rows + 1));
    }
    session.execute(&format!("INSERT INTO big SELECT i, {value} FROM ({numbers}) AS n"));
    let patience = PATIENCE * 10;
    let command = || pair.copy(&["--until", "caught-up", "--quiet"]);
    let peak = peak_of(&mut command(), patience);
    assert!(peak < LIMIT, "one transaction of {rows} rows: {} MB at the peak", peak >> 20);
    // Two million changes are updates of a thousand transactions, twice over.
    let changes = large(100_000, 2_000_000);
    let step = 100;
    for at in 0..changes / step {
        let first = (at * step) % rows;
        session.execute(&format!(
            "UPDATE big SET body = concat('{at} ', substr(body, 1, {width})) \
             WHERE id > {first} AND id <= {}",
            first + step
        ));
    }
    let peak = peak_of(&mut command(), patience);
    assert!(peak < LIMIT, "{changes} changes: {} MB at the peak", peak >> 20);
    pair.verify();
    let sql = "SELECT count(*), min(length(body)), max(length(body)) FROM big";
    if let Some(target) = &pair.target {
        assert_eq!(target.rows(sql), pair.source.rows(sql));
    }
}

pairs!(takes_little_memory {
    little_memory_from_mariadb_to_postgres: MariaDb -> To::Server(Kind::Postgres);
    little_memory_from_postgres_to_mariadb: Postgres -> To::Server(Kind::MariaDb);
});
