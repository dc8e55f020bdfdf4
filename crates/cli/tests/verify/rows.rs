//! Equal tables, and every kind of difference, found and mended row by row: with keys and without,
//! by checksums, in many splits, and where stores sort in different ways.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::place::{Kind, folder, run_well};
use crate::{PAIRS, Said, execute, pair};

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
