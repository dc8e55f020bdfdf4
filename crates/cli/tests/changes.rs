//! Following changes from end to end: every pair of stores, where to begin and when to end, what
//! becomes of changes of definitions.

mod following;
mod place;

use std::time::Duration;

use following::replay::replayed;
use following::{PATIENCE, Pair, To, Watched, output_within, pairs, store};
use place::{run, shown, syncline};
use serde_json::Value;
use syncline_testkit::servers::{Kind, Server};
use syncline_testkit::workload::contents;

/// A snapshot under load, then the stream; Ctrl-C, more changes, and the same command again.
fn follows(from: Kind, to: To) {
    let Some(pair) = Pair::new(from, to, rand::random()) else { return };
    let mut run = Watched::start(pair.copy(&[]), &pair);
    pair.under_load(|_| {
        run.wait_for("streaming");
        std::thread::sleep(Duration::from_millis(1_500));
    });
    pair.wait_same(&mut run.child);
    assert_eq!(run.interrupt(), 130, "{}", run.last());
    let said = std::fs::read_to_string(pair.folder.path().join("stderr")).expect("its words");
    assert!(said.contains("Continue with:") && said.contains("--mode full+changes"), "{said}");
    let positions = run.events().iter().filter(|e| e["event"] == "checkpoint").count();
    assert!(positions > 0, "no checkpoint");
    pair.load(60);
    pair.catch_up(&["--quiet"]);
    pair.assert_same();
    pair.verify();
}

pairs!(follows {
    mariadb_to_postgres: MariaDb -> To::Server(Kind::Postgres);
    mariadb_to_mariadb: MariaDb -> To::Server(Kind::MariaDb);
    mariadb_to_sqlite: MariaDb -> To::Sqlite;
    mysql_to_mysql: MySql -> To::Server(Kind::MySql);
    postgres_to_postgres: Postgres -> To::Server(Kind::Postgres);
    postgres_to_mysql: Postgres -> To::Server(Kind::MySql);
    postgres17_to_sqlite: Postgres17 -> To::Sqlite;
});

/// A target that has everything is not behind its source, however long the last change took; nor is
/// one that has seen none since it went on.
fn is_not_behind_at_rest(from: Kind, to: To) {
    let Some(pair) = Pair::new(from, to, rand::random()) else { return };
    let not_behind = |run: &mut Watched| {
        run.wait_until("it is not behind", |run| {
            let events = run.events();
            let told = events.iter().rev().find(|event| event["event"] == "following");
            told.is_some_and(|event| event["lag_ms"] == 0)
        });
    };
    let mut run = Watched::start(pair.copy(&[]), &pair);
    run.wait_for("streaming");
    pair.load(20);
    pair.wait_same(&mut run.child);
    not_behind(&mut run);
    assert_eq!(run.interrupt(), 130, "{}", run.last());
    let mut again = Watched::start(pair.copy(&[]), &pair);
    not_behind(&mut again);
    assert_eq!(again.interrupt(), 130, "{}", again.last());
}

pairs!(is_not_behind_at_rest {
    mariadb_at_rest: MariaDb -> To::Sqlite;
    mysql_at_rest: MySql -> To::Sqlite;
    postgres_at_rest: Postgres -> To::Sqlite;
});

/// Where the log of a server ends, as its own people write it.
fn end_of_log(pair: &Pair) -> String {
    if !pair.from.is_mysql() {
        return pair.source.value("SELECT pg_current_wal_lsn()").expect("an LSN");
    }
    let row = pair.source.rows("SHOW MASTER STATUS").remove(0);
    let value = |at: usize| row[at].clone().expect("a value");
    format!("{}:{}", value(0), value(1))
}

/// What was copied before is kept up to date from a place of the log on.
fn goes_on_from_a_place(from: Kind, to: To) {
    let Some(pair) = Pair::new(from, to, rand::random()) else { return };
    let copied = output_within(&mut pair.command("full", &["--quiet"]), PATIENCE);
    assert!(copied.status.success(), "{}", shown(&copied));
    let place = end_of_log(&pair);
    pair.load(60);
    let follow = ["--from", &place, "--until", "caught-up", "--quiet"];
    for _ in 0..2 {
        let followed = output_within(&mut pair.command("changes", &follow), PATIENCE);
        assert!(followed.status.success(), "{}", shown(&followed));
        pair.assert_same();
        // The second time it goes on from its own place.
        pair.load_of(40, 8);
    }
}

pairs!(goes_on_from_a_place {
    changes_from_a_place_of_mariadb: MariaDb -> To::Server(Kind::Postgres);
    changes_from_a_place_of_mysql: MySql -> To::Sqlite;
});

#[test]
fn changes_of_postgres_from_now_on() {
    let to = To::Server(Kind::Postgres);
    let Some(pair) = Pair::new(Kind::Postgres, to, rand::random()) else { return };
    let copied = output_within(&mut pair.command("full", &["--quiet"]), PATIENCE);
    assert!(copied.status.success(), "{}", shown(&copied));
    for seed in 0..3 {
        let follow = ["--until", "caught-up", "--quiet"];
        let followed = output_within(&mut pair.command("changes", &follow), PATIENCE);
        assert!(followed.status.success(), "{}", shown(&followed));
        pair.assert_same();
        pair.load_of(30, seed);
        if seed == 2 {
            break;
        }
    }
}

#[test]
fn a_run_can_end_after_a_time() {
    let Some(pair) = Pair::new(Kind::MariaDb, To::Sqlite, rand::random()) else { return };
    let output = output_within(&mut pair.copy(&["--until", "1s"]), PATIENCE);
    assert!(output.status.success(), "{}", shown(&output));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("Go on with:"), "{said}");
    pair.assert_same();
}

#[test]
fn a_log_of_changes_in_files_can_be_replayed() {
    for from in [Kind::Postgres, Kind::MariaDb] {
        let Some(mut pair) = Pair::new(from, To::Sqlite, rand::random()) else { return };
        pair.urls.1 = place::text(&pair.folder.path().join("{table}.jsonl")).to_owned();
        pair.catch_up(&["--quiet"]);
        for seed in 0..3 {
            pair.load_of(40, seed);
            pair.catch_up(&["--quiet"]);
        }
        let got: Vec<String> = replayed(pair.folder.path(), "accounts", true)
            .into_values()
            .map(|row| {
                format!("{}|{}|{}", row["id"], row["owner"], row["note"].as_str().unwrap_or("NULL"))
            })
            .collect();
        let sql = "SELECT id, owner, coalesce(note, 'NULL') FROM accounts ORDER BY id";
        let source = pair.source.rows(sql);
        let wanted: Vec<String> = source
            .into_iter()
            .map(|row| row.into_iter().flatten().collect::<Vec<_>>().join("|"))
            .collect();
        assert_eq!(got, wanted, "{from:?}, seed {}", pair.load.seed);
    }
}

/// The lines that `syncline changes` prints.
fn printed(pair: &Pair, more: &[&str]) -> Vec<Value> {
    let mut command = syncline(&pair.folder.path().join("state"));
    command.args(["changes", &pair.urls.0]).args(more);
    let output = output_within(&mut command, PATIENCE);
    assert!(output.status.success(), "{}", shown(&output));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn changes_are_printed_in_their_order() {
    let Some(pair) = Pair::new(Kind::MariaDb, To::Sqlite, 1) else { return };
    let place = end_of_log(&pair);
    for statement in [
        "INSERT INTO parents VALUES (9001, 'a'), (9002, NULL)",
        "UPDATE parents SET name = 'b' WHERE id = 9001",
        "UPDATE seats SET guest = 'elsewhere' WHERE id = 1",
        "DELETE FROM parents WHERE id = 9002",
    ] {
        pair.source.execute(statement);
    }
    let lines = printed(&pair, &["--table", "parents", "--from", &place, "--until", "caught-up"]);
    let ops: Vec<&str> = lines.iter().filter_map(|line| line["op"].as_str()).collect();
    let ops: Vec<&str> = ops.into_iter().filter(|op| *op != "before").collect();
    assert_eq!(ops, ["insert", "insert", "update", "delete"], "{lines:?}");
}

#[test]
fn printing_changes_leaves_nothing_behind() {
    let Some(pair) = Pair::new(Kind::Postgres, To::Sqlite, 1) else { return };
    printed(&pair, &["--until", "caught-up"]);
    let name = pair.source.name();
    let slots = "SELECT slot_name FROM pg_replication_slots WHERE database";
    assert!(pair.source.rows(&format!("{slots} = '{name}'")).is_empty());
    assert!(pair.source.rows("SELECT pubname FROM pg_publication").is_empty());
}

/// A change of a definition is applied, or stops the run, as the job says.
fn obeys_policies(from: Kind, to: To) {
    let Some(pair) = Pair::new(from, to, rand::random()) else { return };
    pair.catch_up(&["--quiet"]);
    pair.load(10);
    pair.source.execute("ALTER TABLE accounts ADD COLUMN colour varchar(20)");
    pair.source.execute("UPDATE accounts SET colour = 'red' WHERE id < 100");
    pair.load_of(10, 3);
    pair.catch_up(&["--quiet"]);
    pair.assert_same();
    let target = pair.target.as_ref().expect("a server");
    let red = "SELECT count(*) FROM accounts WHERE colour = 'red'";
    assert_eq!(target.value(red), pair.source.value(red));
    // A column that goes is a person's decision.
    pair.source.execute("ALTER TABLE accounts DROP COLUMN colour");
    pair.load_of(10, 4);
    let held = output_within(&mut pair.copy(&["--until", "caught-up"]), PATIENCE);
    place::fails(&held, 1, "E0412", &["accounts", "colour"]);
    assert!(target.try_rows(red).is_ok(), "the column is still there");
    // Started again, the change is taken as done.
    target.execute("ALTER TABLE accounts DROP COLUMN colour");
    pair.catch_up(&["--quiet"]);
    pair.assert_same();
    // Or it is left to us, once it is known what it is.
    pair.source.execute("ALTER TABLE accounts ADD COLUMN shade varchar(20)");
    pair.load_of(10, 5);
    pair.catch_up(&["--quiet"]);
    pair.source.execute("ALTER TABLE accounts DROP COLUMN shade");
    pair.load_of(10, 6);
    let held = output_within(&mut pair.copy(&["--until", "caught-up"]), PATIENCE);
    place::fails(&held, 1, "E0412", &["accounts", "shade"]);
    let shade = "SELECT count(shade) FROM accounts";
    assert!(target.try_rows(shade).is_ok(), "the column is still there");
    pair.catch_up(&["--quiet", "--on-schema-change", "apply"]);
    assert!(target.try_rows(shade).is_err(), "the column is gone");
    pair.assert_same();
}

pairs!(obeys_policies {
    definitions_change_from_mariadb_to_postgres: MariaDb -> To::Server(Kind::Postgres);
    definitions_change_from_postgres_to_postgres: Postgres -> To::Server(Kind::Postgres);
});

#[test]
fn a_new_run_lets_go_of_what_the_old_one_held() {
    let to = To::Server(Kind::Postgres);
    let Some(pair) = Pair::new(Kind::Postgres, to, rand::random()) else { return };
    let name = pair.source.name().to_owned();
    let slots = || {
        let rows = pair
            .source
            .rows(&format!("SELECT slot_name FROM pg_replication_slots WHERE database = '{name}'"));
        rows.into_iter().map(|row| row[0].clone()).collect::<Vec<_>>()
    };
    pair.catch_up(&["--quiet"]);
    let first = slots();
    assert_eq!(first.len(), 1);
    pair.load(30);
    // Values that move under a unique key would be in the way of those of a new copy.
    let target = pair.target.as_ref().expect("a server");
    target.execute(
        "DROP TABLE accounts, line_items, words, happenings, seats, children, parents, wide",
    );
    pair.catch_up(&["--quiet", "--fresh"]);
    pair.assert_same();
    let second = slots();
    assert_eq!(second.len(), 1, "{second:?}");
    assert_ne!(first, second);
}

#[test]
fn check_says_how_changes_are_followed() {
    let Some(pair) = Pair::new(Kind::MariaDb, To::Sqlite, 1) else { return };
    let output = output_within(&mut pair.copy(&["--dry-run"]), PATIENCE);
    assert!(output.status.success(), "{}", shown(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("follows  a snapshot, then the log"), "{text}");
    assert!(text.contains("exactly once"), "{text}");
    assert!(pair.target_contents().is_err(), "nothing was touched");
    let _ = contents(store(pair.from, &pair.source)).expect("the source is whole");
}

/// Server-side settings for which there is nothing to read.
#[test]
fn a_server_that_logs_no_rows_is_refused() {
    let cases: [(Kind, &[&str], &str); 4] = [
        (Kind::MariaDb, &["--skip-log-bin"], "log_bin"),
        (Kind::MariaDb, &["--binlog-format=STATEMENT"], "binlog_format"),
        (Kind::MySql, &["--binlog-format=STATEMENT"], "binlog_format"),
        (Kind::Postgres, &["-c", "wal_level=replica"], "wal_level"),
    ];
    for (kind, settings, word) in cases {
        let Some(server) = Server::own(kind, settings) else { continue };
        let database = server.database();
        database.execute("CREATE TABLE t (id int NOT NULL PRIMARY KEY)");
        let folder = place::folder();
        let target = format!("sqlite:{}", folder.path().join("t.db").display());
        for mode in ["changes", "full+changes"] {
            let output = run(folder.path(), &["copy", &database.url(), &target, "--mode", mode]);
            place::fails(&output, 2, "E0215", &[word]);
        }
        assert!(!folder.path().join("t.db").exists() || rows_of(&folder) == 0, "rows were moved");
    }
}

/// Tables in the SQLite file of a folder.
fn rows_of(folder: &tempfile::TempDir) -> i64 {
    let connection = rusqlite::Connection::open(folder.path().join("t.db")).expect("SQLite opens");
    let count = "SELECT count(*) FROM sqlite_schema WHERE name = 't'";
    connection.query_row(count, [], |row| row.get(0)).expect("a count")
}

#[test]
fn an_account_that_may_not_read_the_log_is_refused() {
    for (kind, make, mend) in [
        (
            Kind::MariaDb,
            "CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'r'; GRANT SELECT ON *.* TO 'reader'@'127.0.0.1'",
            "GRANT REPLICATION SLAVE",
        ),
        (
            Kind::MySql,
            "CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'r'; GRANT SELECT ON *.* TO 'reader'@'127.0.0.1'",
            "GRANT REPLICATION SLAVE",
        ),
        (
            Kind::Postgres,
            "CREATE ROLE reader LOGIN PASSWORD 'r'; GRANT pg_read_all_data TO reader",
            "REPLICATION",
        ),
    ] {
        let Some(server) = Server::own(kind, &[]) else { continue };
        let database = server.database();
        database.execute("CREATE TABLE t (id int NOT NULL PRIMARY KEY)");
        make.split("; ").for_each(|statement| database.execute(statement));
        let scheme = if kind.is_mysql() { "mysql" } else { "postgres" };
        let url = format!("{scheme}://reader:r@127.0.0.1:{}/{}", server.port(), database.name());
        let folder = place::folder();
        let target = format!("sqlite:{}", folder.path().join("t.db").display());
        let output = run(folder.path(), &["copy", &url, &target, "--mode", "full+changes"]);
        place::fails(&output, 2, "E0205", &[mend]);
    }
}

#[test]
fn a_table_whose_log_does_not_tell_the_row_is_refused() {
    let Some(server) = Server::shared(Kind::Postgres) else { return };
    for table in [
        "CREATE TABLE t (id int PRIMARY KEY, a int); ALTER TABLE t REPLICA IDENTITY NOTHING",
        "CREATE TABLE t (id int, a int)",
    ] {
        let database = server.database();
        database.execute(table);
        let folder = place::folder();
        let target = format!("sqlite:{}", folder.path().join("t.db").display());
        let output =
            run(folder.path(), &["copy", &database.url(), &target, "--mode", "full+changes"]);
        place::fails(&output, 2, "E0217", &["REPLICA IDENTITY"]);
        assert!(!folder.path().join("t.db").exists() || rows_of(&folder) == 0, "rows were moved");
    }
}

#[test]
fn what_cannot_be_followed_is_said_before_the_first_row() {
    let folder = place::folder();
    let file = folder.path().join("a.csv");
    std::fs::write(&file, "id\n1\n").expect("a file");
    let (file, target) = (place::text(&file), folder.path().join("t.db"));
    let target = format!("sqlite:{}", target.display());
    for (args, exit, words) in [
        (vec!["copy", file, &target, "--mode", "changes"], 2, "cannot be read in mode changes"),
        (vec!["copy", file, &target, "--until", "caught-up"], 2, "mode full follows no changes"),
        (
            vec!["copy", file, &target, "--mode", "full+changes", "--from", "earliest"],
            2,
            "snapshot",
        ),
        (vec!["copy", file, &target, "--mode", "changes", "--until", "soon"], 2, "length of time"),
        (
            vec!["copy", file, &target, "--mode", "changes", "--on-schema-change", "drop=ignore"],
            2,
            "kind of change",
        ),
        (vec!["changes", file], 2, "no log of changes"),
    ] {
        let output = run(folder.path(), &args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}
