//! Rows and tables that PostgreSQL does not take: one bad row among good ones is kept with its
//! reason and goes in once the target is mended; a table that does not fit is said before row one.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod bad_row;
mod place;

use bad_row::{Case, Mend, does_not_fit, is_kept_until_mended, leaves_what_is_generated, source};
use place::{Kind, Place, dead_letters, fails, folder, run, run_well, text};

#[rustfmt::skip]
const CASES: [Case; 12] = [
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v varchar(5))", ("1", "\"longer than that\""), "E0306", "\"v\"",
     Mend::Target("ALTER TABLE t ALTER v TYPE varchar(50)")),
    ("CREATE TABLE t (id int PRIMARY KEY, n smallint, v text)", ("40000", "\"x\""), "E0306", "40000",
     Mend::Value("n=7")),
    ("CREATE TABLE t (id int PRIMARY KEY, n numeric(5,1), v text)", ("123456", "\"x\""), "E0306", "123456",
     Mend::Value("n=7")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v text NOT NULL)", ("1", "null"), "E0303", "\"v\"",
     Mend::Target("ALTER TABLE t ALTER v DROP NOT NULL")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v text UNIQUE)", ("1", "\"v5\""), "E0302", "(v)=(v5)",
     Mend::Target("ALTER TABLE t DROP CONSTRAINT t_v_key")),
    ("CREATE TABLE p (n int PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 400);
      CREATE TABLE t (id int PRIMARY KEY, n int REFERENCES p, v text)", ("999", "\"x\""), "E0304", "(n)=(999)",
     Mend::Target("INSERT INTO p VALUES (999)")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v text)", ("1", "\"a\\u0000b\""), "E0309", "",
     Mend::Value("v=ab")),
    ("CREATE TYPE mood AS ENUM (MEMBERS); CREATE TABLE t (id int PRIMARY KEY, n int, v mood)", ("1", "\"glad\""), "E0309", "glad",
     Mend::Target("ALTER TYPE mood ADD VALUE 'glad'")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int, v text);
      CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.v = 'no' THEN RAISE EXCEPTION 'not that one'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no()", ("1", "\"no\""), "E0305", "not that one",
     Mend::Target("DROP TRIGGER no ON t")),
    ("CREATE TABLE t (id int PRIMARY KEY, n int CHECK (n < 1000), v text)", ("1000", "\"x\""), "E0305", "t_n_check",
     Mend::Target("ALTER TABLE t DROP CONSTRAINT t_n_check")),
    ("CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      CREATE TABLE t (id int PRIMARY KEY, n int, v text COLLATE ci UNIQUE)", ("1", "\"V5\""), "E0302", "(v)=(V5)",
     Mend::Target("ALTER TABLE t DROP CONSTRAINT t_v_key")),
    ("CREATE DOMAIN short AS varchar(9) CHECK (value <> 'no'); CREATE TABLE t (id int PRIMARY KEY, n int, v short)",
     ("1", "\"no\""), "E0305", "short", Mend::Target("ALTER DOMAIN short DROP CONSTRAINT short_check")),
];

#[test]
fn one_bad_row_is_kept_and_goes_in_once_the_target_is_mended() {
    for case in &CASES {
        let Some(target) = Place::new(Kind::Postgres) else { return };
        is_kept_until_mended(&target, case);
    }
}

/// Between tables of the same columns rows pass as they are on the wire; a bad one is taken apart.
#[test]
fn a_bad_row_between_two_tables_of_postgres_is_kept_in_its_columns() {
    let places = (Place::new(Kind::Postgres), Place::new(Kind::Postgres));
    let (Some(source), Some(target)) = places else { return };
    let (from, to) = (source.database.as_ref().unwrap(), target.database.as_ref().unwrap());
    from.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n numeric(9,2), v varchar(9), at timestamptz); \
         INSERT INTO t SELECT i, i / 4.0, 'v' || i, 'epoch' FROM generate_series(1, 400) i; \
         UPDATE t SET n = 'NaN', v = NULL, at = 'infinity' WHERE id = 177",
    );
    to.execute(
        "CREATE TABLE t (id int PRIMARY KEY, n numeric(9,2), v text NOT NULL, at timestamptz)",
    );
    let state = folder();
    let (source, target) = (source.url("t"), target.url("t"));
    let copy = ["copy", &source, &target, "--table", "t"];
    fails(&run(state.path(), &copy), 1, "E0303", &["\"v\""]);
    let printed = run_well(state.path(), &[&copy[..], &["--max-errors", "1"]].concat());
    assert!(printed.contains("1 row kept as dead letters"), "{printed}");
    let letter = dead_letters(state.path()).pop().unwrap();
    assert_eq!(letter["key"], r#"{"id":"177"}"#);
    let (run_id, id) = (letter["run"].as_str().unwrap(), letter["id"].to_string());
    run_well(
        state.path(),
        &["dead-letters", "replay", run_id, &id, "--set", "v=mended", "--target", &target],
    );
    from.execute("UPDATE t SET v = 'mended' WHERE id = 177");
    let rows = "SELECT t::text FROM t ORDER BY id";
    assert_eq!(from.rows(rows), to.rows(rows));
}

#[test]
fn a_target_that_does_not_fit_is_said_before_row_one() {
    for (create, code, words) in [
        ("CREATE TABLE t (id int PRIMARY KEY, v text)", "E0112", &["\"n\""][..]),
        (
            "CREATE TABLE t (id int PRIMARY KEY, n int, v text, must text NOT NULL)",
            "E0112",
            &["\"must\"", "NULL"],
        ),
        ("CREATE VIEW t AS SELECT 1 AS id, 2 AS n, 'x' AS v", "E0108", &["no table"]),
    ] {
        let Some(target) = Place::new(Kind::Postgres) else { return };
        does_not_fit(&target, create, code, words);
    }
}

#[test]
fn a_generated_column_at_the_target_is_left_to_it() {
    let Some(target) = Place::new(Kind::Postgres) else { return };
    let create =
        "CREATE TABLE t (id int PRIMARY KEY, n int GENERATED ALWAYS AS (id * 2) STORED, v text)";
    leaves_what_is_generated(&target, create);
}

#[test]
fn a_database_that_is_read_only_is_said_so() {
    let Some(target) = Place::new(Kind::Postgres) else { return };
    let database = target.database.as_ref().unwrap();
    database.execute("CREATE TABLE t (id int PRIMARY KEY, n int, v text)");
    let name = database.name();
    database.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    let state = folder();
    let from = source(state.path(), ("1", "\"x\""));
    fails(&run(state.path(), &["copy", text(&from), &target.url("t")]), 2, "E0403", &["read-only"]);
}
