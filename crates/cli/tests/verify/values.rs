//! What counts as equal: rows as the job maps them, values as the target would hold them, and a part
//! of the rows.

use crate::place::{Kind, folder, run_well};
use crate::{Said, execute, pair};

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
