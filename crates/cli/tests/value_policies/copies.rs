//! Copies: a file that has a good row, and a row for each bad value.

use std::path::Path;

use serde_json::Value;

use crate::kinds::{KINDS, Outcome, To, all, has_nearest, outcome, row_of};
use crate::place::{fails, folder, run, run_well};
use crate::target::{Rows, Target};

/// The source: texts, but for floats.
fn source(folder: &Path) -> String {
    let mut csv = b"id".to_vec();
    let columns = || KINDS.iter().map(|kind| kind.column);
    columns().for_each(|name| csv.extend_from_slice(format!(",{name}").as_bytes()));
    csv.extend_from_slice(b"\n0");
    for kind in &KINDS {
        csv.extend_from_slice(format!(",{}", kind.class.good()).as_bytes());
    }
    csv.push(b'\n');
    for (place, kind) in KINDS.iter().enumerate() {
        csv.extend_from_slice(row_of(place).to_string().as_bytes());
        for column in 0..KINDS.len() {
            csv.push(b',');
            if column == place {
                csv.extend_from_slice(kind.bytes);
            }
        }
        csv.push(b'\n');
    }
    let path = folder.join("t.csv");
    std::fs::write(&path, csv).unwrap();
    let types: Vec<String> = KINDS
        .iter()
        .map(|kind| {
            let float = kind.class == crate::kinds::Class::Float;
            format!("{}:{}", kind.column, if float { "float64" } else { "text" })
        })
        .collect();
    format!("{}?types=id:int64,{}", path.display(), types.join(","))
}

/// The command from the source to the target, under these policies.
fn command(source: &str, target: &Target, values: &str) -> Vec<String> {
    let url = target.url();
    let args = ["copy", source, &url, "--to", "t", "--allow-lossy", "--values", values];
    let mut args: Vec<String> = args.map(str::to_owned).to_vec();
    if let Some(columns) = target.columns() {
        args.extend(["--columns".to_owned(), columns]);
    }
    args
}

fn words(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// The good row is there, and so is every value that the target has a place for.
pub(crate) fn has_what_it_takes(to: To, rows: &Rows, kinds: &[usize]) {
    let good: Vec<Option<String>> = KINDS
        .iter()
        .enumerate()
        .map(|(place, kind)| kinds.contains(&place).then(|| kind.class.good().to_owned()))
        .collect();
    assert_eq!(rows.get(&0), Some(&good), "{to:?}");
    for place in kinds {
        let kind = &KINDS[*place];
        if let Outcome::Kept(value) = outcome(kind, to) {
            let found = rows.get(&row_of(*place)).and_then(|row| row[*place].as_deref());
            assert_eq!(found, Some(value), "{to:?}, {}", kind.column);
        }
    }
}

/// What stands in place of a bad value: `None` when its row is not there.
pub(crate) fn in_place(rows: &Rows, place: usize) -> Option<Option<&str>> {
    rows.get(&row_of(place)).map(|row| row[place].as_deref())
}

fn bad(to: To) -> impl Iterator<Item = (usize, Option<&'static str>)> {
    KINDS.iter().enumerate().filter_map(move |(place, kind)| match outcome(kind, to) {
        Outcome::Kept(_) => None,
        Outcome::Bad(nearest) => Some((place, nearest)),
    })
}

const EVERY: [usize; KINDS.len()] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

fn each_policy(to: To) {
    let Some(target) = Target::new(to) else { return };
    let files = folder();
    let source = source(files.path());

    let state = folder();
    run_well(state.path(), &words(&command(&source, &target, &all("dead-letter", ""))));
    let rows = target.rows();
    has_what_it_takes(to, &rows, &EVERY);
    let listed = run_well(state.path(), &["dead-letters", "list", "--json"]);
    let letters: Vec<Value> =
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (place, _) in bad(to) {
        let kind = &KINDS[place];
        assert_eq!(in_place(&rows, place), None, "{to:?}, {}", kind.column);
        let said = format!("({}: dead-letter)", kind.flaw);
        let about = |letter: &&Value| {
            let reason = letter["reason"].as_str().unwrap();
            reason.contains(&said) && reason.contains(&format!("column {:?}", kind.column))
        };
        assert_eq!(letters.iter().filter(about).count(), 1, "{to:?}, {}: {listed}", kind.column);
    }
    assert_eq!(letters.len(), bad(to).count(), "{to:?}: {listed}");

    for policy in ["null", "clamp"] {
        target.clear();
        let state = folder();
        let args = command(&source, &target, &all(policy, "null"));
        let printed = run_well(state.path(), &words(&args));
        let rows = target.rows();
        has_what_it_takes(to, &rows, &EVERY);
        for (place, nearest) in bad(to) {
            let kind = &KINDS[place];
            let nearest = nearest.filter(|_| policy == "clamp");
            assert_eq!(in_place(&rows, place), Some(nearest), "{to:?}, {}, {policy}", kind.column);
            let done = if nearest.is_some() { "clamp" } else { "null" };
            let said =
                format!("column \"{}\": 1 value changed ({}: {done})", kind.column, kind.flaw);
            assert!(printed.contains(&said), "{to:?}: {said}: {printed}");
        }
        assert_eq!(rows.len(), KINDS.len() + 1, "{to:?}, {policy}");
    }

    for (place, _) in bad(to) {
        target.clear();
        let (kind, state) = (&KINDS[place], folder());
        let values = format!("default=null, {}=fail", kind.flaw);
        let args = command(&source, &target, &values);
        let output = run(state.path(), &[&words(&args)[..], &["--max-errors", "100"]].concat());
        let said = format!("errors.values: {}=fail", kind.flaw);
        assert_eq!(output.status.code(), Some(1), "{to:?}: {}", crate::place::shown(&output));
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(printed.contains(&said), "{to:?}, {}: {printed}", kind.column);
        assert_eq!(in_place(&target.rows(), place), None, "{to:?}, {}", kind.column);
    }
}

#[test]
fn to_mariadb() {
    each_policy(To::MariaDb);
}

#[test]
fn to_mysql() {
    each_policy(To::MySql);
}

#[test]
fn to_postgres() {
    each_policy(To::Postgres);
}

#[test]
fn to_sqlite() {
    each_policy(To::Sqlite);
}

#[test]
fn to_csv() {
    each_policy(To::Csv);
}

#[test]
fn to_json_lines() {
    each_policy(To::Jsonl);
}

#[test]
fn to_parquet() {
    each_policy(To::Parquet);
}

#[test]
fn a_policy_that_a_kind_cannot_have_is_refused_before_anything_is_touched() {
    for kind in KINDS.iter().filter(|kind| !has_nearest(kind.flaw)) {
        let target = Target::new(To::Csv).unwrap();
        let files = folder();
        let source = source(files.path());
        let args = command(&source, &target, &format!("{}=clamp", kind.flaw));
        fails(&run(files.path(), &words(&args)), 2, "E0105", &[kind.flaw, "no nearest value"]);
        assert!(target.rows().is_empty());
    }
}
