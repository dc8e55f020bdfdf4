//! Policies for bad values, and mappings that lose something, by the command itself.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use std::path::Path;

use place::{fails, folder, run, run_well};
use serde_json::Value;

/// A target table in a SQLite file, and the rows of it as text.
struct Target(tempfile::TempDir);

impl Target {
    fn with(table: &str) -> Self {
        let target = Self(folder());
        target.open().execute_batch(table).unwrap();
        target
    }

    fn open(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.0.path().join("t.db")).unwrap()
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.0.path().join("t.db").display())
    }

    fn rows(&self) -> Vec<String> {
        let open = self.open();
        let mut statement =
            open.prepare("SELECT id || '|' || quote(v) FROM t ORDER BY id").unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}

fn csv(folder: &Path, text: &str) -> String {
    let path = folder.join("t.csv");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

const DATES: &str = "id,v\n1,2024-02-29\n2,0000-00-00\n3,infinity\n4,2023-02-30\n5,soon\n";

#[test]
fn each_kind_goes_by_its_own_policy_and_every_change_is_counted() {
    let state = folder();
    let source = format!("{}?types=id:int64,v:text", csv(state.path(), DATES));
    let target = Target::with("CREATE TABLE t (id INTEGER PRIMARY KEY, v DATE)");
    let args = [
        "copy",
        &source,
        &target.url(),
        "--to",
        "t",
        "--allow-lossy",
        "--values",
        "zero_date=null, infinity=clamp, invalid_date=dead-letter, default=dead-letter",
        "--events",
        "json",
    ];
    let printed = run_well(state.path(), &args);
    assert_eq!(target.rows(), ["1|'2024-02-29'", "2|NULL", "3|'infinity'"].map(str::to_owned));
    let last: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let table = &last["tables"][0];
    assert_eq!(table["dead_letters"], 2);
    let changed: Vec<String> = table["changed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| format!("{} {} {} {}", c["column"], c["kind"], c["policy"], c["values"]))
        .collect();
    // SQLite's texts keep an infinity as it is: no policy is asked.
    assert_eq!(changed, [r#""v" "zero_date" "null" 1"#]);
    let listed = run_well(state.path(), &["dead-letters", "list", "--json"]);
    assert!(listed.contains("(invalid_date: dead-letter)"), "{listed}");
}

#[test]
fn what_is_too_long_or_too_large_is_cut_where_that_is_wanted() {
    let state = folder();
    let source = csv(state.path(), "id,v,n\n1,abcdé,9\n2,xyz,99999999999\n");
    let target = Target::with("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n TEXT)");
    let values = "too_long=clamp, out_of_range=clamp";
    let args = ["copy", &source, &target.url(), "--to", "t", "--values", values];
    let args = [&args[..], &["--columns", "id, v:v:text(4), n:n:int16"]].concat();
    let printed = run_well(state.path(), &args);
    assert_eq!(target.rows(), ["1|'abcd'", "2|'xyz'"]);
    assert!(printed.contains("t: column \"v\": 1 value changed (too_long: clamp)"), "{printed}");
    assert!(
        printed.contains("t: column \"n\": 1 value changed (out_of_range: clamp)"),
        "{printed}"
    );
    let n: String =
        target.open().query_row("SELECT n FROM t WHERE id = 2", [], |r| r.get(0)).unwrap();
    assert_eq!(n, "32767");
}

#[test]
fn a_negative_zero_never_becomes_zero_without_a_word() {
    let state = folder();
    let source =
        format!("{}?types=id:int64,v:float64", csv(state.path(), "id,v\n1,-0.0\n2,0\n3,-1.5\n"));
    let target = Target::with("CREATE TABLE t (id INTEGER PRIMARY KEY, v DOUBLE)");
    let url = target.url();
    let args = ["copy", &source, &url, "--to", "t"];
    let checked = run_well(state.path(), &[&args[..], &["--dry-run"]].concat());
    assert!(checked.contains("-0.0"), "{checked}");
    fails(&run(state.path(), &args), 1, "E0309", &["no −0", "--values negative_zero="]);
    let clamp = ["--values", "negative_zero=clamp"];
    let printed = run_well(state.path(), &[&args[..], &["--fresh"], &clamp].concat());
    assert!(printed.contains("1 value changed (negative_zero: clamp)"), "{printed}");
    assert_eq!(target.rows(), ["1|0.0", "2|0.0", "3|-1.5"]);
    // A column that keeps it gets it.
    let blank =
        Target::with("CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (9, 0.5)");
    run_well(state.path(), &["copy", &source, &blank.url(), "--to", "t"]);
    let kept: f64 =
        blank.open().query_row("SELECT v FROM t WHERE id = 1", [], |r| r.get(0)).unwrap();
    assert!(kept == 0.0 && kept.is_sign_negative());
}

#[test]
fn policies_reach_what_a_file_says_and_what_a_step_casts() {
    let state = folder();
    let path = state.path().join("t.csv");
    let text = b"id,v,n\n1,2024-02-29,7\n2,2023-02-30,99999999999\n3,2024-01-01,x\n4,\xff\xfe,5\n5,2024-01-02,-99999999999\n6,too,many,fields\n";
    std::fs::write(&path, text).unwrap();
    let source = format!("{}?types=id:int64,v:date,n:int32", path.display());
    let target = Target::with("CREATE TABLE t (id INTEGER PRIMARY KEY, v DATE, n INT)");
    let url = target.url();
    let values = "invalid_date=null, invalid_utf8=null, out_of_range=clamp";
    let args = ["copy", &source, &url, "--to", "t", "--values", values, "--max-errors", "2"];
    let checked = run_well(state.path(), &[&args[..], &["--dry-run"]].concat());
    assert!(checked.contains("cannot be taken apart"), "{checked}");
    let printed = run_well(state.path(), &args);
    let all = |target: &Target| -> Vec<String> {
        let open = target.open();
        let sql = "SELECT id || '|' || quote(v) || '|' || quote(n) FROM t ORDER BY id";
        let mut statement = open.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let expected =
        ["1|'2024-02-29'|7", "2|NULL|2147483647", "4|NULL|5", "5|'2024-01-02'|-2147483648"];
    assert_eq!(all(&target), expected);
    for said in [
        "column \"v\": 1 value changed (invalid_date: null)",
        "column \"v\": 1 value changed (invalid_utf8: null)",
        "column \"n\": 2 values changed (out_of_range: clamp)",
    ] {
        assert!(printed.contains(said), "{said}: {printed}");
    }
    let verified = ["verify", &source, &url, "--to", "t", "--values", values];
    let output = run(state.path(), &verified);
    assert_eq!(output.status.code(), Some(3), "two rows are missing");
    // The same, by a step.
    let texts = format!("{}?types=id:int64,v:text,n:text", path.display());
    let target = Target::with("CREATE TABLE t (id INTEGER PRIMARY KEY, v DATE, n INT)");
    let url = target.url();
    let cast = r#"{"cast": {"v": "date", "n": "int32"}}"#;
    let args = ["copy", &texts, &url, "--to", "t", "--values", values, "--max-errors", "2"];
    run_well(state.path(), &[&args[..], &["--process", cast]].concat());
    assert_eq!(all(&target), expected);
}

#[test]
fn a_policy_to_fail_ends_the_run_within_the_limit_too_and_an_explicit_limit_holds() {
    let state = folder();
    let source = format!("{}?types=id:int64,v:text", csv(state.path(), DATES));
    let to = || Target::with("CREATE TABLE t (id INTEGER PRIMARY KEY, v DATE)");
    let run = |more: &[&str]| {
        let target = to();
        let url = target.url();
        let args = ["copy", &source, &url, "--to", "t", "--columns", "id, v:v:date", "--fresh"];
        let args = [&args[..], more].concat();
        run(state.path(), &args)
    };
    let strict = ["--max-errors", "100", "--values", "invalid_date=fail"];
    fails(&run(&strict), 1, "E0301", &["no such day"]);
    let many = ["--max-errors", "2", "--values", "default=dead-letter"];
    fails(&run(&many), 1, "E0407", &["4 bad rows"]);
    // Without a limit, only rows that a policy expects go to the dead letters.
    fails(&run(&["--values", "zero_date=dead-letter"]), 1, "E0309", &["--values infinity="]);
    fails(&run(&["--values", "zero_date=clamp"]), 2, "E0105", &["no nearest value"]);
    fails(&run(&["--values", "zero_dates=null"]), 2, "E0104", &["zero_date"]);
}

#[test]
fn null_stands_in_a_job_file_as_what_it_is_and_is_said_where_it_cannot_be() {
    let state = folder();
    let source = csv(state.path(), DATES);
    let target = Target::with("CREATE TABLE t (id INTEGER PRIMARY KEY, v DATE NOT NULL)");
    let job = state.path().join("job.yaml");
    let text = format!(
        "version: 1\nsource: {{ url: \"{source}?types=id:int64,v:text\" }}\n\
         sink: {{ url: \"{}\", table: t }}\n\
         columns: {{ t: [ {{ from: id }}, {{ from: v, type: date }} ] }}\n\
         errors: {{ values: {{ default: null }} }}\n",
        target.url()
    );
    std::fs::write(&job, &text).unwrap();
    let path = job.display().to_string();
    let check = run_well(state.path(), &["check", &path]);
    assert!(check.contains("takes no NULL"), "{check}");
    assert!(!run(state.path(), &["run", &path]).status.success());
    let target = Target::with("CREATE TABLE t (id INTEGER PRIMARY KEY, v DATE)");
    let text = text.lines().map(|l| {
        if l.starts_with("sink") {
            format!("sink: {{ url: \"{}\", table: t }}", target.url())
        } else {
            l.to_owned()
        }
    });
    std::fs::write(&job, text.collect::<Vec<_>>().join("\n")).unwrap();
    let printed = run_well(state.path(), &["run", &path]);
    assert_eq!(target.rows().iter().filter(|r| r.ends_with("|NULL")).count(), 4);
    assert!(printed.contains("zero_date: null"), "{printed}");
}

#[test]
fn a_lossy_mapping_fails_before_the_first_row_unless_it_is_meant() {
    let state = folder();
    let source = Target::with(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v DECIMAL(12,2));
         INSERT INTO t VALUES (1, 10), (2, 1.5)",
    );
    let to = || Target::with("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)");
    let target = to();
    let args = ["copy", &source.url(), &target.url()];
    let words = ["column \"v\"", "--allow-lossy"];
    fails(&run(state.path(), &args), 2, "E0114", &words);
    assert!(target.rows().is_empty());
    let shown = run_well(state.path(), &[&args[..], &["--dry-run"]].concat());
    assert!(shown.contains("lossy: decimal(12,2) into int64"), "{shown}");
    let meant = ["--allow-lossy", "--max-errors", "1"];
    run_well(state.path(), &[&args[..], &meant].concat());
    assert_eq!(target.rows(), ["1|10"]);
    let target = to();
    let typed = ["--columns", "id, v::int64", "--max-errors", "1"];
    run_well(state.path(), &[&["copy", &source.url(), &target.url()][..], &typed].concat());
    assert_eq!(target.rows(), ["1|10"]);
}

#[test]
fn a_type_found_in_a_sample_is_not_held_against_the_target() {
    let state = folder();
    let source = csv(state.path(), "id,v\n1,7\n2,8\n");
    let target = Target::with("CREATE TABLE t (id INTEGER PRIMARY KEY, v BOOLEAN)");
    let args = ["copy", &source, &target.url(), "--to", "t", "--values", "default=dead-letter"];
    run_well(state.path(), &args);
    assert!(target.rows().is_empty());
}
