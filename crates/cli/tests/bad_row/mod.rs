//! One bad row among good ones, for end-to-end tests: a source that has it, and what a target makes
//! of it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::place::{Place, dead_letters, fails, folder, run, run_well, shown, text};

const ROWS: usize = 400;
const BAD: usize = 177;

/// A source whose row [`BAD`] has other values of `n` and `v`, as JSON.
pub(crate) fn source(folder: &Path, bad: (&str, &str)) -> PathBuf {
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
pub(crate) enum Mend {
    /// SQL at the target.
    Target(&'static str),
    /// Another value in the row.
    Value(&'static str),
}

/// What the target is like, the bad row, its code, a word of its reason, and what mends it. In SQL
/// `MEMBERS` stands for every good value of `v`.
pub(crate) type Case =
    (&'static str, (&'static str, &'static str), &'static str, &'static str, Mend);

fn with_members(sql: &str) -> String {
    let members: Vec<String> = (1..=ROWS).map(|id| format!("'v{id}'")).collect();
    sql.replace("MEMBERS", &members.join(","))
}

/// The others arrive at an empty database, the bad row is kept with its reason, and it goes in once
/// it is mended.
pub(crate) fn is_kept_until_mended(target: &Place, (create, bad, code, word, mend): &Case) {
    let place = format!("{:?}: {create}", target.kind);
    let database = target.database.as_ref().unwrap();
    database.execute(&with_members(create));
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
    // The run that was given up has kept it, too.
    let letter = dead_letters(state.path()).pop().unwrap();
    assert_eq!(letter["code"], *code, "{place}: {letter}");
    let (run_id, id) = (letter["run"].as_str().unwrap(), letter["id"].to_string());
    let mut replay = vec!["dead-letters", "replay", run_id, &id, "--target", &to];
    let again = run(state.path(), &replay);
    assert_eq!(again.status.code(), Some(1), "{place}: {}", shown(&again));
    match mend {
        Mend::Value(value) => replay.extend(["--set", value]),
        Mend::Target(sql) => database.execute(&with_members(sql)),
    }
    let replayed = run_well(state.path(), &replay);
    assert!(replayed.contains("1 of 1 written"), "{place}: {replayed}");
    assert_eq!(database.count("t"), ROWS as u64, "{place}");
}

/// A target that was made by `create` does not fit, and that is said before row one.
pub(crate) fn does_not_fit(target: &Place, create: &str, code: &str, words: &[&str]) {
    target.execute(create);
    let state = folder();
    let from = source(state.path(), ("1", "\"x\""));
    fails(&run(state.path(), &["copy", text(&from), &target.url("t")]), 2, code, words);
}

/// Where the target generates `n` as twice the `id`, it goes on doing so.
pub(crate) fn leaves_what_is_generated(target: &Place, create: &str) {
    target.execute(create);
    let state = folder();
    let from = source(state.path(), ("1", "\"x\""));
    let to = target.url("t");
    let checked = run_well(state.path(), &["copy", text(&from), &to, "--dry-run"]);
    assert!(checked.contains("column n is generated at the target"), "{checked}");
    run_well(state.path(), &["copy", text(&from), &to]);
    let database = target.database.as_ref().unwrap();
    assert_eq!(database.count("t WHERE n = id * 2"), ROWS as u64);
}
