//! Texts that are none in the encoding they are said to have, on their way into each kind of
//! server: the bad row is kept with its reason, all others arrive, and nothing is put in its place.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use std::path::PathBuf;

use place::{Kind, Place, dead_letters, fails, folder, run, run_well};

const ROWS: u64 = 300;
const SERVERS: [Kind; 3] = [Kind::MariaDb, Kind::MySql, Kind::Postgres];

/// A CSV file whose row 177 has these bytes.
fn file(folder: &std::path::Path, bad: &[u8]) -> PathBuf {
    let mut bytes = b"id,v\n".to_vec();
    for id in 1..=ROWS {
        bytes.extend(format!("{id},").bytes());
        bytes.extend(if id == 177 { bad } else { b"plain" });
        bytes.push(b'\n');
    }
    let path = folder.join("t.csv");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Copies `from`; every row arrives but the one, which then goes in with another value.
fn all_but_one_arrive(from: &str, target: &Place) {
    let database = target.database.as_ref().unwrap();
    let state = folder();
    let to = target.url("t");
    let copy = ["copy", from, &to, "--table", "t", "--to", "t", "--write", "append"];
    let wrong = run(state.path(), &copy);
    fails(&wrong, 1, "E0308", &["\"v\"", "--max-errors"]);
    database.execute("DROP TABLE IF EXISTS t");
    let some = [&copy[..], &["--fresh", "--max-errors", "1"]].concat();
    let printed = run_well(state.path(), &some);
    assert!(printed.contains("1 row kept as dead letters"), "{printed}");
    assert_eq!(database.count("t"), ROWS - 1);
    // The run that was given up has kept it, too.
    let letter = dead_letters(state.path()).pop().unwrap();
    assert_eq!(letter["code"], "E0308", "{letter}");
    let (run_id, id) = (letter["run"].as_str().unwrap(), letter["id"].to_string());
    let replay = ["dead-letters", "replay", run_id, &id, "--set", "v=mended", "--target", &to];
    run_well(state.path(), &replay);
    assert_eq!(database.value("SELECT v FROM t WHERE id = 177").as_deref(), Some("mended"));
    assert_eq!(database.count("t"), ROWS);
    let others = "SELECT count(*) FROM t WHERE v <> 'plain'";
    assert_eq!(database.value(others).as_deref(), Some("1"));
}

#[test]
fn a_field_that_is_not_utf8_is_a_bad_row_of_every_server() {
    for kind in SERVERS {
        let Some(target) = Place::new(kind) else { continue };
        let folder = folder();
        let path = file(folder.path(), b"gr\xfc\xdf");
        all_but_one_arrive(&path.display().to_string(), &target);
    }
}

#[test]
fn a_text_of_sqlite_that_is_not_utf8_is_a_bad_row_of_every_server() {
    for kind in SERVERS {
        let Some(target) = Place::new(kind) else { continue };
        let source = Place::new(Kind::Sqlite).unwrap();
        source.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v VARCHAR(20));
             WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 300)
             INSERT INTO t SELECT id, iif(id = 177, CAST(x'67fcdf' AS TEXT), 'plain') FROM n;",
        );
        all_but_one_arrive(&source.url("t"), &target);
    }
}

#[test]
fn a_file_in_another_encoding_than_is_said_changes_no_text() {
    for kind in SERVERS {
        let Some(target) = Place::new(kind) else { continue };
        let folder = folder();
        // UTF-8 that ends in the middle of a character of Shift JIS; and a byte that is no ASCII.
        for (charset, bytes) in [("shift_jis", "gr\u{fc}\u{df}".as_bytes()), ("ascii", b"gr\xfc")] {
            let path = file(folder.path(), bytes);
            all_but_one_arrive(&format!("{}?charset={charset}", path.display()), &target);
            target.database.as_ref().unwrap().execute("DROP TABLE t");
        }
        // The encoding it has: the very same text.
        let path = file(folder.path(), b"\xd6\xd0\xce\xc4");
        let (from, to) = (format!("{}?charset=gbk", path.display()), target.url("t"));
        run_well(folder.path(), &["copy", &from, &to, "--to", "t"]);
        let database = target.database.as_ref().unwrap();
        let found = database.value("SELECT v FROM t WHERE id = 177");
        assert_eq!(found.as_deref(), Some("\u{4e2d}\u{6587}"), "{kind:?}");
    }
}
