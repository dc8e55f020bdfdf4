//! Rows that MySQL and MariaDB do not take, and one among a million: the others arrive, the bad one
//! is kept with its reason and goes in once it is mended.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod bad_row;
mod place;

use std::fmt::Write as _;

use bad_row::{Case, Mend, does_not_fit, is_kept_until_mended, leaves_what_is_generated};
use place::{Kind, Place, dead_letters, folder, run_well, text};

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
    for kind in [Kind::MariaDb, Kind::MySql] {
        for case in &CASES {
            let Some(target) = Place::new(kind) else { continue };
            is_kept_until_mended(&target, case);
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
            does_not_fit(&target, create, code, words);
        }
    }
}

#[test]
fn a_generated_column_at_the_target_is_left_to_it() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(target) = Place::new(kind) else { continue };
        let create = "CREATE TABLE t (id int PRIMARY KEY, n int AS (id * 2) STORED, v text)";
        leaves_what_is_generated(&target, create);
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
        let letters = dead_letters(state.path());
        let [letter] = &letters[..] else { panic!("{letters:?}") };
        assert_eq!(letter["code"], "E0306", "{letter}");
        assert!(letter["reason"].as_str().unwrap().contains("12"), "{letter}");
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
