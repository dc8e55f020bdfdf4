//! `verify` and `--repair`, on real stores: equal tables, every kind of difference, tables without
//! keys, stores that sort in different ways.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Output, Stdio};

use place::{Kind, Place, run, run_well, shown};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// What `verify --events json` said, and its exit code.
struct Said {
    code: i32,
    events: Vec<Value>,
}

impl Said {
    fn of(state: &Path, source: &str, target: &str, more: &[&str]) -> Said {
        let mut args = vec!["verify", source, target, "--events", "json", "--retry-for", "5s"];
        args.extend(more);
        let output = run(state, &args);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let events: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let code = output.status.code().unwrap();
        assert!(
            events.last().is_some_and(|e| e["event"] == "verified"),
            "{args:?}: {}",
            shown(&output)
        );
        Said { code, events }
    }

    fn all(&self, event: &str) -> Vec<&Value> {
        self.events.iter().filter(|e| e["event"] == event).collect()
    }

    fn table(&self) -> &Value {
        &self.events.last().unwrap()["tables"][0]
    }

    /// Equal, missing, extra, different.
    fn counts(&self) -> [u64; 4] {
        ["equal", "missing", "extra", "different"].map(|k| self.table()[k].as_u64().unwrap())
    }

    fn method(&self) -> &str {
        self.table()["method"].as_str().unwrap()
    }

    /// Differences as `kind key column:source->target`.
    fn differences(&self) -> Vec<String> {
        let mut all: Vec<String> = self.all("difference").into_iter().map(words).collect();
        all.sort();
        all
    }
}

fn words(difference: &Value) -> String {
    let mut words = difference["kind"].as_str().unwrap().to_owned();
    for key in difference["key"].as_array().unwrap() {
        words.push_str(&format!(" {}", key["value"].as_str().unwrap()));
    }
    for column in difference["columns"].as_array().unwrap() {
        let side = |name: &str| column[name].as_str().unwrap_or("-").to_owned();
        let name = column["column"].as_str().unwrap();
        words.push_str(&format!(" {name}:{}->{}", side("source"), side("target")));
    }
    words
}

fn execute(place: &Place, sql: &str) {
    match &place.database {
        Some(database) => database.execute(sql),
        None => {
            rusqlite::Connection::open(place.path("store.db")).unwrap().execute_batch(sql).unwrap()
        }
    }
}

fn pair(source: Kind, target: Kind) -> Option<(Place, Place)> {
    Some((Place::new(source)?, Place::new(target)?))
}

const PAIRS: [(Kind, Kind); 8] = [
    (Kind::MariaDb, Kind::Postgres),
    (Kind::Postgres, Kind::Postgres),
    (Kind::MariaDb, Kind::MariaDb),
    (Kind::MySql, Kind::MariaDb),
    (Kind::MariaDb, Kind::Sqlite),
    (Kind::Csv, Kind::Postgres),
    (Kind::Sqlite, Kind::MySql),
    (Kind::Sqlite, Kind::Sqlite),
];

#[test]
fn what_was_copied_is_equal() {
    let files = [(Kind::MariaDb, Kind::Parquet), (Kind::Postgres, Kind::Csv)];
    for (from, to) in PAIRS.into_iter().chain(files) {
        let Some((source, target)) = pair(from, to) else { continue };
        source.fill("t", 2_000, true);
        let state = folder();
        let (from_url, to_url) = (source.url("t"), target.url("t"));
        run_well(state.path(), &["copy", &from_url, &to_url]);
        let said = Said::of(state.path(), &from_url, &to_url, &[]);
        assert_eq!(said.counts(), [2_000, 0, 0, 0], "{from:?} to {to:?}");
        assert_eq!((said.code, said.differences()), (0, vec![]), "{from:?} to {to:?}");
    }
}

#[test]
fn each_kind_of_difference_is_found_exactly_and_mended() {
    for (from, to) in PAIRS {
        let Some((source, target)) = pair(from, to) else { continue };
        source.fill("t", 1_000, true);
        let state = folder();
        let (from_url, to_url) = (source.url("t"), target.url("t"));
        if from == Kind::Csv {
            // A file has no key to give to the table.
            let create = "CREATE TABLE t (id bigint PRIMARY KEY, grp int, name text, note text)";
            execute(&target, create);
        }
        run_well(state.path(), &["copy", &from_url, &to_url]);
        let before = source.rows("t");
        execute(&target, "UPDATE t SET name = 'wrong', note = NULL WHERE id = 301");
        execute(&target, "DELETE FROM t WHERE id IN (1, 1501)");
        execute(&target, "INSERT INTO t (id, grp, name) VALUES (5, 7, 'more')");
        let said = Said::of(state.path(), &from_url, &to_url, &[]);
        assert_eq!((said.code, said.counts()), (3, [997, 2, 1, 1]), "{from:?} to {to:?}");
        let differences = said.differences();
        assert_eq!(differences.len(), 4, "{differences:?}");
        assert_eq!(
            differences[0],
            "different 301 name:\"name-000100\"->\"wrong\" note:\"note 100 of é😀\"->NULL"
        );
        assert_eq!(differences[1], "extra 5 grp:-->7 name:-->\"more\" note:-->NULL");
        assert_eq!(differences[2], "missing 1 grp:0->- name:\"name-000000\"->- note:NULL->-");
        assert!(differences[3].starts_with("missing 1501 grp:0->- name:\"name-000500\""));

        let mended = Said::of(state.path(), &from_url, &to_url, &["--repair"]);
        assert_eq!((mended.code, mended.counts()), (0, [1_000, 0, 0, 0]), "{from:?} to {to:?}");
        let repaired = mended.all("repaired")[0];
        assert_eq!((&repaired["written"], &repaired["deleted"]), (&3.into(), &1.into()));
        assert_eq!(repaired["left"], Value::Array(vec![]), "{from:?} to {to:?}");
        assert_eq!(target.rows("t"), before, "{from:?} to {to:?}");
        assert_eq!(source.rows("t"), before, "the source is never written to");
        assert_eq!(target.leftovers(), Vec::<String>::new(), "{from:?} to {to:?}");
    }
}

#[test]
fn rows_without_a_key_are_counted() {
    for (from, to) in PAIRS {
        let Some((source, target)) = pair(from, to) else { continue };
        source.fill("t", 500, false);
        let state = folder();
        let (from_url, to_url) = (source.url("t"), target.url("t"));
        run_well(state.path(), &["copy", &from_url, &to_url]);
        let before = target.rows("t");
        let equal = Said::of(state.path(), &from_url, &to_url, &[]);
        assert_eq!((equal.code, equal.counts()), (0, [500, 0, 0, 0]), "{from:?} to {to:?}");
        execute(&target, "INSERT INTO t SELECT * FROM t WHERE id IN (4, 7)");
        execute(&target, "INSERT INTO t SELECT * FROM t WHERE id = 7");
        execute(&target, "DELETE FROM t WHERE id = 10");
        execute(&target, "UPDATE t SET name = upper(name) WHERE id = 13");
        let said = Said::of(state.path(), &from_url, &to_url, &[]);
        assert_eq!((said.code, said.counts()), (3, [498, 2, 5, 0]), "{from:?} to {to:?}");
        assert_eq!(said.method(), "hashes");
        let mended = Said::of(state.path(), &from_url, &to_url, &["--repair"]);
        let repaired = mended.all("repaired")[0];
        assert_eq!((&repaired["written"], &repaired["deleted"]), (&2.into(), &5.into()), "{to:?}");
        assert_eq!((mended.code, mended.counts()), (0, [500, 0, 0, 0]), "{from:?} to {to:?}");
        assert_eq!(target.rows("t"), before, "{from:?} to {to:?}");
    }
}

#[test]
fn a_thousand_changes_are_found_and_mended() {
    for (from, to) in [
        (Kind::MariaDb, Kind::Postgres),
        (Kind::Postgres, Kind::Postgres),
        (Kind::Postgres, Kind::MariaDb),
    ] {
        let Some((source, target)) = pair(from, to) else { continue };
        source.fill("t", 60_000, true);
        let state = folder();
        let (from_url, to_url) = (source.url("t"), target.url("t"));
        run_well(state.path(), &["copy", &from_url, &to_url]);
        let mut random = StdRng::seed_from_u64(7);
        let mut ids: Vec<usize> = (0..60_000).map(|row| row * 3 + 1).collect();
        let (mut gone, mut wrong, mut more) = (Vec::new(), Vec::new(), Vec::new());
        for change in 0..1_000 {
            let id = ids.swap_remove(random.random_range(0..ids.len()));
            match change % 3 {
                0 => gone.push(id.to_string()),
                1 => wrong.push(id.to_string()),
                _ => more.push(format!("({}, 1, 'more')", id + 1)),
            }
        }
        execute(&target, &format!("DELETE FROM t WHERE id IN ({})", gone.join(",")));
        execute(
            &target,
            &format!("UPDATE t SET grp = grp + 100 WHERE id IN ({})", wrong.join(",")),
        );
        execute(&target, &format!("INSERT INTO t (id, grp, name) VALUES {}", more.join(",")));
        let said = Said::of(state.path(), &from_url, &to_url, &["--repair", "--show", "2000"]);
        assert_eq!(said.all("difference").len(), 1_000, "{from:?} to {to:?}");
        let repaired = said.all("repaired")[0];
        assert_eq!((&repaired["written"], &repaired["deleted"]), (&667.into(), &333.into()));
        assert_eq!((said.code, said.counts()), (0, [60_000, 0, 0, 0]), "{from:?} to {to:?}");
        assert_eq!(target.rows("t"), source.rows("t"), "{from:?} to {to:?}");
    }
}

#[test]
fn servers_of_one_kind_compare_checksums() {
    for (from, to) in [
        (Kind::Postgres, Kind::Postgres),
        (Kind::MariaDb, Kind::MariaDb),
        (Kind::MySql, Kind::MySql),
    ] {
        let Some((source, target)) = pair(from, to) else { continue };
        source.fill("t", 120_000, true);
        let state = folder();
        let (from_url, to_url) = (source.url("t"), target.url("t"));
        run_well(state.path(), &["copy", &from_url, &to_url]);
        let equal = Said::of(state.path(), &from_url, &to_url, &[]);
        assert_eq!((equal.code, equal.counts()), (0, [120_000, 0, 0, 0]), "{from:?}");
        assert_eq!(equal.method(), "checksums", "{from:?}");
        // NULL is not nothing, and a value does not run over into its neighbour.
        execute(&target, "UPDATE t SET note = '' WHERE id = 1");
        execute(&target, "UPDATE t SET grp = 0, name = '1name-000010' WHERE id = 31");
        execute(&target, "DELETE FROM t WHERE id = 200002 OR id = 359998");
        let said = Said::of(state.path(), &from_url, &to_url, &[]);
        assert_eq!((said.code, said.counts()), (3, [119_996, 2, 0, 2]), "{from:?}");
        let mended = Said::of(state.path(), &from_url, &to_url, &["--repair"]);
        assert_eq!((mended.code, mended.counts()), (0, [120_000, 0, 0, 0]), "{from:?}");
        assert_eq!(mended.method(), "checksums", "{from:?}");
    }
}

/// Several splits of a side are read at the same time, and compared as if it were one.
#[test]
fn many_splits_are_compared_in_the_order_of_the_key() {
    for (from, to) in [(Kind::Postgres, Kind::Parquet), (Kind::MariaDb, Kind::Postgres)] {
        let Some((source, target)) = pair(from, to) else { continue };
        source.fill("t", 220_000, true);
        let state = folder();
        let (from_url, to_url) = (source.url("t"), target.url("t"));
        run_well(state.path(), &["copy", &from_url, &to_url]);
        // What is known of the number of rows is what decides how many splits there are.
        execute(&source, if from == Kind::Postgres { "ANALYZE t" } else { "ANALYZE TABLE t" });
        execute(&source, "DELETE FROM t WHERE id IN (1, 150001, 150004, 299998, 659998)");
        execute(&source, "UPDATE t SET name = 'other' WHERE id IN (4, 150007, 450001)");
        for parallel in ["1", "3"] {
            let more = ["--parallel", parallel, "--show", "100"];
            let said = Said::of(state.path(), &from_url, &to_url, &more);
            let which = format!("{from:?} to {to:?}, {parallel}");
            assert_eq!((said.code, said.counts()), (3, [219_992, 0, 5, 3]), "{which}");
            assert_eq!(said.method(), "order", "{which}");
            let mut found: Vec<(&str, i64)> = Vec::new();
            for difference in said.all("difference") {
                let key = difference["key"][0]["value"].as_str().unwrap();
                found.push((difference["kind"].as_str().unwrap(), key.parse().unwrap()));
            }
            let (x, d) = ("extra", "different");
            let mut wanted = vec![(x, 1), (d, 4), (x, 150_001), (x, 150_004), (d, 150_007)];
            wanted.extend([(x, 299_998), (d, 450_001), (x, 659_998)]);
            assert_eq!(found, wanted, "{which}");
        }
    }
}

#[test]
fn stores_that_sort_in_different_ways_are_compared_too() {
    let words = ["b", "A", "a1", "B2", "é", "z", "Z9", "_", "ö", "ß", "10", "9", "a b", "ab"];
    for (from, to) in [
        (Kind::MariaDb, Kind::Postgres),
        (Kind::Postgres, Kind::MariaDb),
        (Kind::MariaDb, Kind::Sqlite),
        (Kind::MySql, Kind::MariaDb),
    ] {
        let Some((source, target)) = pair(from, to) else { continue };
        for place in [&source, &target] {
            execute(place, "CREATE TABLE t (k varchar(40) PRIMARY KEY, v int)");
        }
        let values: Vec<String> =
            words.iter().enumerate().map(|(v, k)| format!("('{k}', {v})")).collect();
        execute(&source, &format!("INSERT INTO t VALUES {}", values.join(",")));
        let state = folder();
        let (from_url, to_url) = (source.url("t"), target.url("t"));
        run_well(state.path(), &["copy", &from_url, &to_url]);
        let equal = Said::of(state.path(), &from_url, &to_url, &[]);
        assert_eq!((equal.code, equal.counts()), (0, [14, 0, 0, 0]), "{from:?} to {to:?}");
        execute(&target, "UPDATE t SET v = 99 WHERE k = 'B2'");
        execute(&target, "DELETE FROM t WHERE k = 'z'");
        // The same key to some collations, and another one to the source.
        execute(&target, "UPDATE t SET k = 'AB' WHERE k = 'ab'");
        let said = Said::of(state.path(), &from_url, &to_url, &[]);
        assert_eq!(
            said.differences(),
            [
                "different \"B2\" v:3->99",
                "extra \"AB\" v:-->13",
                "missing \"ab\" v:13->-",
                "missing \"z\" v:5->-"
            ],
            "{from:?} to {to:?}"
        );
        let mended = Said::of(state.path(), &from_url, &to_url, &["--repair"]);
        assert_eq!((mended.code, mended.counts()), (0, [14, 0, 0, 0]), "{from:?} to {to:?}");
    }
}

#[test]
fn rows_are_compared_under_the_mapping_of_the_job() {
    for (from, to) in [(Kind::MariaDb, Kind::Postgres), (Kind::Postgres, Kind::Sqlite)] {
        let Some((source, target)) = pair(from, to) else { continue };
        source.fill("t", 300, true);
        let state = folder();
        let (from_url, to_url) = (source.url("t"), target.url("t"));
        let mapping = [
            "--table",
            "t",
            "--to",
            "people",
            "--columns",
            "name:title, grp:team:text, id:nr",
            "--where",
            "id < 600",
            "--filter",
            "team <> '3'",
            "--process",
            r#"{"mask": {"columns": ["title"], "with": "sha256"}}"#,
        ];
        run_well(state.path(), &[&["copy", &from_url, &to_url], &mapping[..]].concat());
        let equal = Said::of(state.path(), &from_url, &to_url, &mapping);
        assert_eq!((equal.code, equal.counts()), (0, [180, 0, 0, 0]), "{from:?} to {to:?}");
        assert_eq!(equal.table()["key"], serde_json::json!(["nr"]));
        execute(&target, "UPDATE people SET team = 'x' WHERE nr = 4");
        execute(&target, "INSERT INTO people (title, team, nr) VALUES ('a', 'b', 9999)");
        let said = Said::of(state.path(), &from_url, &to_url, &mapping);
        assert_eq!(
            said.differences(),
            ["different 4 team:\"1\"->\"x\"", "extra 9999 title:-->\"a\" team:-->\"b\""]
        );
        let kept =
            Said::of(state.path(), &from_url, &to_url, &[&mapping[..], &["--keep-extra"]].concat());
        assert_eq!(kept.counts(), [179, 0, 0, 1]);
        let keep = [&mapping[..], &["--keep-extra", "--repair"]].concat();
        let mended = Said::of(state.path(), &from_url, &to_url, &keep);
        assert_eq!((mended.code, mended.counts()), (0, [180, 0, 0, 0]));
        let all = Said::of(state.path(), &from_url, &to_url, &mapping);
        assert_eq!(all.counts(), [180, 0, 1, 0], "what only the target has was left alone");
        let spared =
            Said::of(state.path(), &from_url, &to_url, &[&mapping[..], &["--repair"]].concat());
        let left = spared.all("repaired")[0]["left"].to_string();
        assert!(spared.code == 3 && left.contains("they may be right"), "{left}");
        let delete = [&mapping[..], &["--repair", "--delete-extra"]].concat();
        let mended = Said::of(state.path(), &from_url, &to_url, &delete);
        assert_eq!((mended.code, mended.counts()), (0, [180, 0, 0, 0]));
    }
}

#[test]
fn values_are_equal_when_the_target_would_hold_them_so() {
    let Some((source, target)) = pair(Kind::Postgres, Kind::Postgres) else { return };
    let create = |c: &str, j: &str| {
        format!("CREATE TABLE t (id int PRIMARY KEY, d float8, c {c}, j {j}, b bytea)")
    };
    execute(&source, &create("varchar(9)", "json"));
    execute(&target, &create("char(9)", "jsonb"));
    execute(
        &source,
        "INSERT INTO t VALUES (1, '0', 'a', '{\"b\": 1.50, \"a\": [1, 2]}', 'x'), \
                              (2, '-0', 'b', '[]', '\\x00')",
    );
    execute(
        &target,
        "INSERT INTO t VALUES (1, '0', 'a   ', '{\"a\":[1,2],\"b\":1.5}', 'x'), \
                              (2, '-0', 'b', '[ ]', '\\x00')",
    );
    let state = folder();
    let (from, to) = (source.url("t"), target.url("t"));
    let equal = Said::of(state.path(), &from, &to, &[]);
    assert_eq!((equal.code, equal.counts()), (0, [2, 0, 0, 0]), "{:?}", equal.differences());
    execute(&target, "UPDATE t SET d = '-0', j = '{\"a\":[2,1],\"b\":1.5}' WHERE id = 1");
    execute(&target, "UPDATE t SET d = 'NaN', b = '\\x0000' WHERE id = 2");
    let said = Said::of(state.path(), &from, &to, &[]);
    let differences = said.differences();
    assert_eq!(said.counts(), [0, 0, 0, 2]);
    assert!(differences[0].contains("d:0->-0 j:"), "{differences:?}");
    assert!(differences[1].contains("d:-0->NaN b:"), "{differences:?}");
    let mended = Said::of(state.path(), &from, &to, &["--repair"]);
    assert_eq!((mended.code, mended.counts()), (0, [2, 0, 0, 0]), "{:?}", mended.differences());
}

#[test]
fn every_store_gives_odd_floats_back() {
    for to in [Kind::MariaDb, Kind::MySql, Kind::Sqlite, Kind::Csv, Kind::Jsonl, Kind::Parquet] {
        let Some((source, target)) = pair(Kind::Postgres, to) else { continue };
        execute(&source, "CREATE TABLE t (id int PRIMARY KEY, d float8, r float4)");
        execute(&source, "INSERT INTO t VALUES (1, '-0', '-0'), (2, 1e-320, 1e-44), (3, 0.1, 0.1)");
        let state = folder();
        let (from_url, to_url) = (source.url("t"), target.url("t"));
        let values = match to {
            Kind::MariaDb | Kind::Sqlite => "negative_zero=clamp",
            _ => "default=fail",
        };
        let args = ["copy", &from_url, &to_url, "--allow-lossy", "--values", values];
        run_well(state.path(), &args);
        let said = Said::of(state.path(), &from_url, &to_url, &["--values", values]);
        assert_eq!(said.differences(), Vec::<String>::new(), "{to:?}");
    }
}

#[test]
fn a_sample_is_of_the_same_rows_on_both_sides() {
    let Some((source, target)) = pair(Kind::Sqlite, Kind::Postgres) else { return };
    source.fill("t", 20_000, true);
    let state = folder();
    let (from, to) = (source.url("t"), target.url("t"));
    run_well(state.path(), &["copy", &from, &to]);
    let said = Said::of(state.path(), &from, &to, &["--sample", "10"]);
    let [equal, rest @ ..] = said.counts();
    assert_eq!((said.code, rest), (0, [0, 0, 0]));
    // 2,000 rows are expected; nine standard deviations are 380.
    assert!((1_600..2_400).contains(&equal), "{equal}");
    execute(&target, "UPDATE t SET grp = 1000");
    let said = Said::of(state.path(), &from, &to, &["--sample", "10%"]);
    let [equal, missing, extra, different] = said.counts();
    assert_eq!((said.code, equal, missing, extra), (3, 0, 0, 0));
    assert!((1_600..2_400).contains(&different), "{different}");
}

#[test]
fn what_cannot_be_mended_is_said() {
    let source = Place::new(Kind::Sqlite).unwrap();
    let target = Place::new(Kind::Csv).unwrap();
    source.fill("t", 100, true);
    let state = folder();
    let (from, to) = (source.url("t"), target.url("t"));
    run_well(state.path(), &["copy", &from, &to]);
    let file = target.path("t.csv");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("name-000050", "wrong") + "7000,1,more,\n").unwrap();
    let said = Said::of(state.path(), &from, &to, &["--repair"]);
    assert_eq!((said.code, said.counts()), (3, [99, 0, 1, 1]));
    let left = said.all("repaired")[0]["left"].to_string();
    assert!(left.contains("cannot be taken away"), "{left}");
    // Missing rows can be added to a file.
    let without: String = text
        .lines()
        .filter(|line| !line.contains("name-000050"))
        .map(|l| format!("{l}\n"))
        .collect();
    std::fs::write(&file, without).unwrap();
    let said = Said::of(state.path(), &from, &to, &["--repair"]);
    assert_eq!((said.code, said.counts()), (0, [100, 0, 0, 0]));
}

#[test]
fn exit_codes_and_words_for_people() {
    let source = Place::new(Kind::Sqlite).unwrap();
    let target = Place::new(Kind::Sqlite).unwrap();
    source.fill("t", 50, true);
    target.fill("other", 1, true);
    let state = folder();
    let (from, to) = (source.url("t"), target.url("t"));
    let missing = run(state.path(), &["verify", &from, &to]);
    assert_eq!(missing.status.code(), Some(3), "{}", shown(&missing));
    assert!(shown(&missing).contains("there is no such table"), "{}", shown(&missing));
    run_well(state.path(), &["copy", &from, &to]);
    let text = run_well(state.path(), &["verify", &from, &to]);
    assert!(text.contains("by id, in its order") && text.contains("\nequal ("), "{text}");
    execute(&target, "UPDATE t SET name = 'x' WHERE id = 4");
    let output = run(state.path(), &["verify", &from, &to, "--repair"]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["different   id=4  name: \"name-000001\" -> \"x\"", "1 rows written, 0 deleted"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    for (args, word) in [
        (vec!["verify", from.as_str(), "-"], "E0108"),
        (vec!["verify", from.as_str(), to.as_str(), "--sample", "0"], "E0105"),
        (vec!["verify", from.as_str(), to.as_str(), "--table", "nosuch"], "E0207"),
        (vec!["verify", "nosuch.yaml"], "nosuch.yaml"),
    ] {
        let output = run(state.path(), &args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", shown(&output));
        assert!(shown(&output).contains(word), "{args:?}: {}", shown(&output));
    }
}

#[test]
fn a_job_file_is_verified_as_it_runs() {
    let source = Place::new(Kind::Csv).unwrap();
    source.fill("t", 30, true);
    let target = Place::new(Kind::Sqlite).unwrap();
    execute(&target, "CREATE TABLE people (id integer PRIMARY KEY, title text)");
    let state = folder();
    let job = state.path().join("job.yaml");
    let text = format!(
        "version: 1\nsource: {{ url: {:?} }}\nsink: {{ url: {:?}, table: people }}\nmode: batch\n\
         columns: {{ t: [ {{ from: id }}, {{ from: name, to: title }} ] }}\n",
        source.url("t"),
        target.url("t"),
    );
    std::fs::write(&job, text).unwrap();
    let job = job.display().to_string();
    run_well(state.path(), &["run", &job]);
    let text = run_well(state.path(), &["verify", &job]);
    assert!(text.contains("people") && text.contains("30"), "{text}");
    execute(&target, "DELETE FROM people WHERE id = 4");
    assert_eq!(run(state.path(), &["verify", &job]).status.code(), Some(3));
    run_well(state.path(), &["verify", &job, "--repair"]);
    let usage = run(state.path(), &["verify", &job, "--columns", "id"]);
    assert_eq!(usage.status.code(), Some(2), "{}", shown(&usage));
}

/// Compares two files; the row that was on its way comes once the command has said that it will look
/// again.
fn verified_as_arrives(folder: &Path, row: &str) -> Output {
    let at = |name: &str| folder.join(name);
    let url = |name: &str| format!("sqlite:{}", at(name).display());
    let mut command = place::syncline(&at("state"));
    command.args(["verify", &url("a.db"), &url("b.db"), "--settle", "10s"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("looked at again") {
        assert!(errors.read_line(&mut said).unwrap() > 0, "it looks no second time: {said}");
    }
    let db = rusqlite::Connection::open(at("b.db")).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
    db.execute_batch(&format!("INSERT INTO t VALUES {row}")).unwrap();
    errors.read_to_string(&mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    Output { stderr: said.into_bytes(), ..output }
}

#[test]
fn rows_on_their_way_are_looked_at_again_and_only_those_count_that_stand() {
    let folder = tempfile::tempdir().unwrap();
    for (name, rows) in [("a.db", "(1, 'x'), (2, 'y'), (3, 'z')"), ("b.db", "(1, 'x')")] {
        let db = rusqlite::Connection::open(folder.path().join(name)).unwrap();
        db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)").unwrap();
        db.execute_batch(&format!("INSERT INTO t VALUES {rows}")).unwrap();
    }
    let output = verified_as_arrives(folder.path(), "(2, 'y')");
    let said = place::shown(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("id=3") && !said.contains("id=2"), "{said}");
    let output = verified_as_arrives(folder.path(), "(3, 'z')");
    assert_eq!(output.status.code(), Some(0), "{}", place::shown(&output));
}
