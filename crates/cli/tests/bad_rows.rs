//! Rows that MySQL and MariaDB do not take, and one among a million: the others arrive, the bad one
//! is kept with its reason and goes in once it is mended.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use std::fmt::Write as _;

use place::{Kind, Place, fails, folder, run, run_well, shown, text};

const ROWS: usize = 400;
const BAD: usize = 177;

/// A source whose row [`BAD`] has other values of `n` and `v`, as JSON.
fn source(folder: &std::path::Path, bad: (&str, &str)) -> std::path::PathBuf {
    let mut lines = String::new();
    for id in 1..=ROWS {
        let (n, v) = (id.to_string(), format!("\"v{id}\""));
        let (n, v) = if id == BAD { (bad.0, bad.1) } else { (n.as_str(), v.as_str()) };
        writeln!(lines, "{{\"id\":{id},\"n\":{n},\"v\":{v}}}").unwrap();
    }
    let path = folder.join("t.jsonl");
    std::fs::write(&path, lines).unwrap();
    path
}

/// How the bad row comes to fit.
enum Mend {
    /// SQL at the target.
    Target(&'static str),
    /// Another value in the row.
    Value(&'static str),
}

/// What the target is like, the bad row, its code, a word of its reason, and what mends it.
type Case = (&'static str, (&'static str, &'static str), &'static str, &'static str, Mend);

#[rustfmt::skip]
const CASES: [Case; 12] = [
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v varchar(5))", ("1", "\"longer than that\""), "E0306", "v",
     Mend::Target("ALTER TABLE t MODIFY v varchar(50)")),
    ("CREATE TABLE t (id int PRIMARY KEY, n smallint, v text)", ("40000", "\"x\""), "E0306", "40000",
     Mend::Value("n=7")),
    ("CREATE TABLE t (id int PRIMARY KEY, n decimal(5,1), v text)", ("123456", "\"x\""), "E0306", "123456",
     Mend::Value("n=7")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v varchar(20) NOT NULL)", ("1", "null"), "E0303", "v",
     Mend::Target("ALTER TABLE t MODIFY v varchar(20) NULL")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v varchar(20), UNIQUE KEY one (v))", ("1", "\"v5\""), "E0302", "one",
     Mend::Target("ALTER TABLE t DROP INDEX one")),
    ("CREATE TABLE p (n int PRIMARY KEY);
      INSERT INTO p WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 400) SELECT i FROM s;
      CREATE TABLE t (id int PRIMARY KEY, n int, v text, CONSTRAINT fk FOREIGN KEY (n) REFERENCES p (n))",
     ("999", "\"x\""), "E0304", "fk", Mend::Target("INSERT INTO p VALUES (999)")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v varchar(20) CHARACTER SET latin1)", ("1", "\"中\""), "E0301", "v",
     Mend::Target("ALTER TABLE t MODIFY v varchar(20) CHARACTER SET utf8mb4")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v enum(MEMBERS))", ("1", "\"glad\""), "E0309", "member",
     Mend::Target("ALTER TABLE t MODIFY v enum(MEMBERS,'glad')")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v varchar(20));
      CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW
        IF NEW.v = 'no' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not that one'; END IF",
     ("1", "\"no\""), "E0305", "not that one", Mend::Target("DROP TRIGGER no")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v text, CONSTRAINT small CHECK (n < 1000))", ("1000", "\"x\""), "E0305", "small",
     Mend::Target("ALTER TABLE t DROP CONSTRAINT small")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v varchar(20) COLLATE utf8mb4_general_ci, UNIQUE KEY one (v))",
     ("1", "\"V5\""), "E0302", "one", Mend::Target("ALTER TABLE t MODIFY v varchar(20) COLLATE utf8mb4_bin")),
    ("CREATE TABLE t (id int PRIMARY KEY, n smallint unsigned, v text)", ("-1", "\"x\""), "E0306", "-1",
     Mend::Value("n=7")),
];

#[test]
fn one_bad_row_is_kept_and_goes_in_once_the_target_is_mended() {
    let members: Vec<String> = (1..=ROWS).map(|id| format!("'v{id}'")).collect();
    let with = |sql: &str| sql.replace("MEMBERS", &members.join(","));
    for kind in [Kind::MariaDb, Kind::MySql] {
        for (create, bad, code, word, mend) in &CASES {
            let Some(target) = Place::new(kind) else { continue };
            let database = target.database.as_ref().unwrap();
            let create = with(create);
            let place = format!("{kind:?}: {}", create.chars().take(90).collect::<String>());
            database.execute(&create);
            let state = folder();
            let from = source(state.path(), *bad);
            let to = target.url("t");
            let mut copy = vec!["copy", text(&from), &to, "--write", "append", "--allow-lossy"];
            fails(&run(state.path(), &copy), 1, code, &[word]);
            database.execute("DELETE FROM t");
            copy.extend(["--fresh", "--max-errors", "1"]);
            let printed = run_well(state.path(), &copy);
            assert!(printed.contains("1 row kept as dead letters"), "{place}: {printed}");
            assert_eq!(database.count("t"), ROWS as u64 - 1, "{place}");
            let list = run_well(state.path(), &["dead-letters", "list", "--json"]);
            let letter: serde_json::Value =
                serde_json::from_str(list.lines().last().unwrap()).unwrap();
            assert_eq!(letter["code"], **code, "{place}: {list}");
            let (run_id, id) = (letter["run"].as_str().unwrap(), letter["id"].to_string());
            let mut replay = vec!["dead-letters", "replay", run_id, &id, "--target", &to];
            let again = run(state.path(), &replay);
            assert_eq!(again.status.code(), Some(1), "{place}: {}", shown(&again));
            match mend {
                Mend::Value(value) => replay.extend(["--set", value]),
                Mend::Target(sql) => database.execute(&with(sql)),
            }
            let replayed = run_well(state.path(), &replay);
            assert!(replayed.contains("1 of 1 written"), "{place}: {replayed}");
            assert_eq!(database.count("t"), ROWS as u64, "{place}");
        }
    }
}

#[test]
fn a_target_that_does_not_fit_is_said_before_row_one() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        for (create, code, words) in [
            ("CREATE TABLE t (id int PRIMARY KEY, v text)", "E0112", &["\"n\""][..]),
            (
                "CREATE TABLE t (id int PRIMARY KEY, n int, v text, must int NOT NULL)",
                "E0112",
                &["must", "NULL"],
            ),
            ("CREATE VIEW t AS SELECT 1 AS id, 2 AS n, 'x' AS v", "E0108", &["table"]),
        ] {
            let Some(target) = Place::new(kind) else { continue };
            target.execute(create);
            let state = folder();
            let from = source(state.path(), ("1", "\"x\""));
            fails(&run(state.path(), &["copy", text(&from), &target.url("t")]), 2, code, words);
        }
    }
}

#[test]
fn a_generated_column_at_the_target_is_left_to_it() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(target) = Place::new(kind) else { continue };
        target.execute("CREATE TABLE t (id int PRIMARY KEY, n int AS (id * 2) STORED, v text)");
        let state = folder();
        let from = source(state.path(), ("1", "\"x\""));
        let to = target.url("t");
        let checked = run_well(state.path(), &["copy", text(&from), &to, "--dry-run"]);
        assert!(checked.contains("column n is generated at the target"), "{checked}");
        run_well(state.path(), &["copy", text(&from), &to]);
        let database = target.database.as_ref().unwrap();
        assert_eq!(database.count("t WHERE n = id * 2"), ROWS as u64);
    }
}

/// The million, and the place of the bad row among them.
const MANY: usize = 1_000_000;
const ONE: usize = 523_177;

#[test]
fn one_bad_row_among_a_million_is_kept_and_all_others_arrive() {
    for kind in [Kind::MariaDb, Kind::Postgres] {
        let Some(target) = Place::new(kind) else { continue };
        let database = target.database.as_ref().unwrap();
        database.execute("CREATE TABLE t (id int PRIMARY KEY, v varchar(12) NOT NULL)");
        let state = folder();
        let mut csv = String::from("id,v\n");
        for id in 1..=MANY {
            let more = if id == ONE { " is too long" } else { "" };
            writeln!(csv, "{id},row {id}{more}").unwrap();
        }
        let from = state.path().join("t.csv");
        std::fs::write(&from, csv).unwrap();
        let to = target.url("t");
        let copy = ["copy", text(&from), &to, "--max-errors", "1", "--quiet"];
        let printed = run_well(state.path(), &copy);
        assert!(printed.contains("1 row kept as dead letters"), "{kind:?}: {printed}");
        assert_eq!(database.count("t"), MANY as u64 - 1, "{kind:?}");
        assert_eq!(database.count(&format!("t WHERE v <> concat('row ', id) OR id = {ONE}")), 0);
        let list = run_well(state.path(), &["dead-letters", "list", "--json"]);
        let letter: serde_json::Value = serde_json::from_str(list.lines().last().unwrap()).unwrap();
        assert_eq!((&letter["code"], list.lines().count()), (&"E0306".into(), 1), "{list}");
        assert!(letter["reason"].as_str().unwrap().contains("12"), "{list}");
        let (run_id, id) = (letter["run"].as_str().unwrap(), letter["id"].to_string());
        let kind_of = if kind == Kind::Postgres { "ALTER v TYPE" } else { "MODIFY v" };
        database.execute(&format!("ALTER TABLE t {kind_of} varchar(40)"));
        let replay = ["dead-letters", "replay", run_id, &id, "--target", &to];
        assert!(run_well(state.path(), &replay).contains("1 of 1 written"));
        assert_eq!(database.count("t"), MANY as u64, "{kind:?}");
        let found = database.value(&format!("SELECT v FROM t WHERE id = {ONE}"));
        assert_eq!(found, Some(format!("row {ONE} is too long")), "{kind:?}");
    }
}
