//! Following changes: a bad value that comes by the log is treated as one that comes by a copy.

use serde_json::Value;
use syncline_testkit::servers::{Database, Kind as ServerKind, Server};

use crate::copies::{has_what_it_takes, in_place};
use crate::kinds::{Class, KINDS, Outcome, To, all, outcome, row_of};
use crate::place::{folder, run, run_well, shown};
use crate::target::Target;

/// The column in a source: its type there, and the bad value; `None` where it can hold none.
fn held(column: &str, from: ServerKind) -> (&'static str, Option<&'static str>) {
    match (column, from.is_mysql()) {
        ("zero_date", true) => ("date", Some("'0000-00-00'")),
        ("invalid_date", true) => ("date", Some("'2023-02-30'")),
        ("nul_in_text", true) => ("varchar(20)", Some("0x610062")),
        ("invalid_utf8", true) => ("varbinary(20)", Some("0xfffe")),
        ("out_of_range", true) => ("bigint unsigned", Some("18446744073709551615")),
        ("too_long", true) => ("varchar(20)", Some("'abcdef'")),
        ("infinite_date", true) => ("date", None),
        (_, true) => ("double", None),
        ("nan", false) => ("double precision", Some("'NaN'")),
        ("infinity", false) => ("double precision", Some("'Infinity'")),
        ("infinite_date", false) => ("date", Some("'infinity'")),
        ("negative_zero", false) => ("double precision", Some("'-0'")),
        ("invalid_utf8", false) => ("bytea", Some("'\\xfffe'")),
        ("out_of_range", false) => ("numeric(20,0)", Some("99999999999999999999")),
        ("too_long", false) => ("varchar(20)", Some("'abcdef'")),
        ("nul_in_text", false) => ("varchar(20)", None),
        (_, false) => ("date", None),
    }
}

/// The kinds that a source can hold, by their places.
fn kinds(from: ServerKind) -> Vec<usize> {
    (0..KINDS.len()).filter(|place| held(KINDS[*place].column, from).1.is_some()).collect()
}

/// A source with the good row.
fn source(from: ServerKind) -> Option<Database> {
    let database = Server::shared(from)?.database();
    let columns: Vec<String> =
        KINDS.iter().map(|k| format!("{} {}", k.column, held(k.column, from).0)).collect();
    database.execute(&format!("CREATE TABLE t (id int PRIMARY KEY, {})", columns.join(", ")));
    let (mut names, mut values) = (String::from("id"), String::from("0"));
    for kind in kinds(from).into_iter().map(|place| &KINDS[place]) {
        names.push_str(&format!(", {}", kind.column));
        let value = match (kind.class, held(kind.column, from).0) {
            (Class::Text, "bytea") => "'\\x78'".to_owned(),
            (class, _) => class.good_sql(),
        };
        values.push_str(&format!(", {value}"));
    }
    database.execute(&format!("INSERT INTO t ({names}) VALUES ({values})"));
    Some(database)
}

/// Writes the bad row of a kind.
fn insert(database: &Database, from: ServerKind, place: usize) {
    let column = KINDS[place].column;
    let value = held(column, from).1.unwrap();
    if from.is_mysql() {
        database.execute("SET sql_mode='ALLOW_INVALID_DATES'");
    }
    database.execute(&format!("INSERT INTO t (id, {column}) VALUES ({}, {value})", row_of(place)));
}

/// The command that follows until it has caught up.
fn command(source: &Database, target: &Target, values: &str) -> Vec<String> {
    let (from, to) = (source.url(), target.url());
    let args = [
        "copy",
        &from,
        &to,
        "--table",
        "t",
        "--to",
        "t",
        "--allow-lossy",
        "--values",
        values,
        "--mode",
        "full+changes",
        "--until",
        "caught-up",
    ];
    let mut args: Vec<String> = args.map(str::to_owned).to_vec();
    if let Some(columns) = target.columns() {
        args.extend(["--columns".to_owned(), columns]);
    }
    args
}

fn bad(from: ServerKind, to: To) -> Vec<(usize, Option<&'static str>)> {
    let outcome = |place: usize| match outcome(&KINDS[place], to) {
        Outcome::Kept(_) => None,
        Outcome::Bad(nearest) => Some((place, nearest)),
    };
    kinds(from).into_iter().filter_map(outcome).collect()
}

fn each_policy(from: ServerKind, to: To) {
    for policy in ["dead-letter", "null", "clamp"] {
        let (Some(source), Some(target)) = (source(from), Target::new(to)) else { return };
        let state = folder();
        let args = command(&source, &target, &all(policy, "null"));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        run_well(state.path(), &args);
        let kinds = kinds(from);
        kinds.iter().for_each(|place| insert(&source, from, *place));
        run_well(state.path(), &args);
        let rows = target.rows();
        has_what_it_takes(to, &rows, &kinds);
        for (place, nearest) in bad(from, to) {
            let wanted = match policy {
                "dead-letter" => None,
                "clamp" => Some(nearest),
                _ => Some(None),
            };
            let column = KINDS[place].column;
            assert_eq!(in_place(&rows, place), wanted, "{from:?} to {to:?}, {column}, {policy}");
        }
        let listed = run_well(state.path(), &["dead-letters", "list", "--json"]);
        let letters: Vec<Value> =
            listed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let expected = if policy == "dead-letter" { bad(from, to).len() } else { 0 };
        assert_eq!(letters.len(), expected, "{from:?} to {to:?}, {policy}: {listed}");
        for letter in letters {
            let reason = letter["reason"].as_str().unwrap();
            assert!(reason.contains(": dead-letter)"), "{reason}");
        }
    }
    ends_at_the_first(from, to);
}

/// `fail`: the run ends there, and stays there.
fn ends_at_the_first(from: ServerKind, to: To) {
    let (Some(source), Some(target)) = (source(from), Target::new(to)) else { return };
    let (place, _) = bad(from, to)[0];
    let (kind, state) = (&KINDS[place], folder());
    let args = command(&source, &target, &format!("{}=fail", kind.flaw));
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    args.extend(["--max-errors", "100"]);
    run_well(state.path(), &args);
    insert(&source, from, place);
    for _ in 0..2 {
        let output = run(state.path(), &args);
        assert_eq!(output.status.code(), Some(1), "{from:?} to {to:?}: {}", shown(&output));
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(printed.contains(&format!("errors.values: {}=fail", kind.flaw)), "{printed}");
        assert_eq!(in_place(&target.rows(), place), None);
    }
}

#[test]
fn from_mariadb_to_postgres() {
    each_policy(ServerKind::MariaDb, To::Postgres);
}

#[test]
fn from_mariadb_to_sqlite() {
    each_policy(ServerKind::MariaDb, To::Sqlite);
}

#[test]
fn from_mysql_to_a_log_of_json_lines() {
    each_policy(ServerKind::MySql, To::Jsonl);
}

#[test]
fn from_postgres_to_mariadb() {
    each_policy(ServerKind::Postgres, To::MariaDb);
}

#[test]
fn from_postgres_to_sqlite() {
    each_policy(ServerKind::Postgres, To::Sqlite);
}
