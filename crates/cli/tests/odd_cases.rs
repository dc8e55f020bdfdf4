//! Cases that come up once in a long while: foreign keys to partitioned tables, the ends of times and
//! timestamps, unique keys that are looked at late, infinity in SQLite's columns of numbers.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod place;

use place::{Kind, Place, caught_up, fails, folder, run, run_well, shown};
use serde_json::Value;
use syncline_testkit::servers::Database;

fn database(place: &Place) -> &Database {
    place.database.as_ref().unwrap()
}

/// The first column of a query.
fn single(database: &Database, sql: &str) -> Vec<String> {
    let text = |row: Vec<Option<String>>| row[0].clone().unwrap_or_else(|| "NULL".into());
    database.rows(sql).into_iter().map(text).collect()
}

/// The dead letters of a state folder: codes and reasons.
fn letters(state: &std::path::Path) -> Vec<(String, String)> {
    let listed = run_well(state, &["dead-letters", "list", "--json"]);
    let lines = listed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines.map(|letter| (text(&letter["code"]), text(&letter["reason"]))).collect()
}

const PARTITIONED: &str = "
CREATE TABLE region (id int, land int, name text, up int, up_land int, PRIMARY KEY (id, land),
  CONSTRAINT region_up FOREIGN KEY (up, up_land) REFERENCES region (id, land)) PARTITION BY LIST (land);
CREATE TABLE region_one PARTITION OF region FOR VALUES IN (1);
CREATE TABLE region_rest PARTITION OF region DEFAULT PARTITION BY HASH (id);
CREATE TABLE region_rest_0 PARTITION OF region_rest FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE region_rest_1 PARTITION OF region_rest FOR VALUES WITH (modulus 2, remainder 1);
CREATE TABLE city (id int PRIMARY KEY, region int, land int,
  CONSTRAINT city_region FOREIGN KEY (region, land) REFERENCES region (id, land) MATCH FULL ON DELETE CASCADE);
CREATE TABLE visit (id int, day date, city int REFERENCES city, region int, land int, PRIMARY KEY (id, day),
  CONSTRAINT visit_region FOREIGN KEY (region, land) REFERENCES region ON DELETE SET NULL
  DEFERRABLE INITIALLY DEFERRED) PARTITION BY RANGE (day);
CREATE TABLE visit_old PARTITION OF visit FOR VALUES FROM (MINVALUE) TO ('2000-01-01');
CREATE TABLE visit_new PARTITION OF visit FOR VALUES FROM ('2000-01-01') TO (MAXVALUE);
";

const PARTITIONED_ROWS: &str = "
INSERT INTO region SELECT n, n % 3, 'region ' || n, CASE WHEN n < 297 THEN n + 3 END, CASE WHEN n < 297 THEN n % 3 END
  FROM generate_series(1, 299) n ORDER BY n DESC;
INSERT INTO city SELECT n, n % 299 + 1, (n % 299 + 1) % 3 FROM generate_series(1, 500) n;
INSERT INTO visit SELECT n, date '1999-06-01' + n, n % 500 + 1, n % 299 + 1, (n % 299 + 1) % 3 FROM generate_series(1, 400) n;
";

/// Every foreign key, those that the server itself made for partitions among them.
const KEYS: &str = "SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated \
     || CASE WHEN conparentid = 0 THEN ' ' || conname ELSE '' END FROM pg_constraint WHERE contype = 'f' ORDER BY 1";

#[test]
fn foreign_keys_to_partitioned_tables_come_along() {
    let (Some(from), Some(to)) = (Place::new(Kind::Postgres), Place::new(Kind::Postgres)) else {
        return;
    };
    let (source, target) = (database(&from), database(&to));
    source.execute(PARTITIONED);
    source.execute(PARTITIONED_ROWS);
    let state = folder();
    let (from_url, to_url) = (source.url(), target.url());
    let copy = ["copy", &from_url, &to_url, "--parallel", "4", "--quiet"];
    let same = |what: &str| {
        assert_eq!(single(target, KEYS), single(source, KEYS), "{what}");
        for table in ["region", "city", "visit"] {
            let rows =
                format!("SELECT tableoid::regclass || ' ' || t::text FROM {table} t ORDER BY 1");
            assert_eq!(single(target, &rows), single(source, &rows), "{what}: {table}");
        }
        let orphan = "INSERT INTO city VALUES (9999, 9999, 1)";
        assert!(target.try_execute(orphan).is_err(), "{what}: the key holds");
    };
    run_well(state.path(), &copy);
    same("tables that are made");
    // Into tables that are there, whose key to themselves no order of loading fulfils.
    target.execute("TRUNCATE region, city, visit");
    run_well(state.path(), &[&copy[..], &["--fresh"]].concat());
    same("tables that are there");
    // A row that refers to nothing.
    target.execute("TRUNCATE region, city, visit");
    source.execute(
        "SET session_replication_role = replica; UPDATE region SET up = 7777 WHERE id = 5",
    );
    let again = [&copy[..], &["--fresh"]].concat();
    fails(&run(state.path(), &again), 1, "E0304", &["region_up", "partitioned", "7777"]);
    source.execute("UPDATE region SET up = 8 WHERE id = 5");
    target.execute("UPDATE region SET up = 8 WHERE id = 5");
    run_well(state.path(), &copy);
    same("mended");
}

#[test]
fn unique_keys_that_are_looked_at_late_are_left_out_and_named() {
    let Some(from) = Place::new(Kind::Postgres) else { return };
    let source = database(&from);
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int, CONSTRAINT late UNIQUE (a) DEFERRABLE INITIALLY DEFERRED,
           CONSTRAINT soon UNIQUE (b));
         INSERT INTO t SELECT n, n, n FROM generate_series(1, 50) n",
    );
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Sqlite] {
        let Some(to) = Place::new(kind) else { continue };
        let state = folder();
        let (from_url, to_url) = (source.url(), to.url("t"));
        let copy = ["copy", &from_url, &to_url, "--table", "t"];
        let check = run_well(state.path(), &[&copy[..], &["--dry-run"]].concat());
        let note = "index late is left out: only postgres can say it";
        assert!(check.contains(note), "{kind:?}: {check}");
        let output = run(state.path(), &copy);
        assert!(output.status.success(), "{kind:?}: {}", shown(&output));
        assert!(shown(&output).contains(note), "{kind:?}: a copy says it too: {}", shown(&output));
        to.execute("INSERT INTO t VALUES (51, 1, 51)");
        if let Some(database) = &to.database {
            assert!(database.try_execute("INSERT INTO t VALUES (52, 52, 1)").is_err(), "{kind:?}");
        }
    }
    // Between servers of its own it comes along.
    let Some(to) = Place::new(Kind::Postgres) else { return };
    let target = database(&to);
    run_well(folder().path(), &["copy", &source.url(), &target.url(), "--quiet"]);
    let late = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'late'";
    assert_eq!(single(target, late), ["UNIQUE (a) DEFERRABLE INITIALLY DEFERRED"]);
}

#[test]
fn timestamps_beyond_the_last_that_can_be_carried_are_named_row_by_row() {
    let Some(from) = Place::new(Kind::Postgres) else { return };
    let source = database(&from);
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, ts timestamp, tz timestamptz);
         INSERT INTO t VALUES (1, '2020-01-01', '2020-01-01 00:00:00+00'),
           (2, '294247-01-10 04:00:54.775806', '294247-01-10 04:00:54.775806+00'),
           (3, '294276-12-31 23:59:59.999999', NULL), (4, NULL, '294247-01-10 04:00:54.775808+00')",
    );
    let rows = "SELECT id || ' ' || coalesce(ts::text, '') || ' ' || coalesce((tz AT TIME ZONE 'UTC')::text, '') \
                FROM t WHERE id <= LAST ORDER BY id";
    // Between two servers the bytes of a row that nobody looks into pass as they are.
    let Some(to) = Place::new(Kind::Postgres) else { return };
    run_well(folder().path(), &["copy", &source.url(), &database(&to).url(), "--quiet"]);
    let all = rows.replace("LAST", "4");
    assert_eq!(single(database(&to), &all), single(source, &all));
    for kind in [Kind::Postgres, Kind::Sqlite, Kind::Csv] {
        let to = Place::new(kind).unwrap();
        let (from_url, to_url) = (source.url(), to.url("t"));
        let looks = r#"{"filter": "id > 0"}"#;
        let copy = ["copy", &from_url, &to_url, "--table", "t", "--process", looks, "--quiet"];
        let words = ["after the last moment that can be carried", "294276-12-31"];
        fails(&run(folder().path(), &copy), 1, "E0306", &words[..1]);
        let state = folder();
        let kept = ["--write", "replace", "--values", "out_of_range=dead-letter"];
        run_well(state.path(), &[&copy[..], &kept].concat());
        let found = letters(state.path());
        assert_eq!(found.len(), 2, "{kind:?}: {found:?}");
        for (code, reason) in &found {
            assert!(code == "E0306" && reason.contains(words[0]), "{kind:?}: {reason}");
        }
        let about = |part: &str| found.iter().filter(|(_, reason)| reason.contains(part)).count();
        assert_eq!((about(words[1]), about("294247-01-10 04:00:54.775808")), (1, 1), "{kind:?}");
        let ids: Vec<String> = match kind {
            Kind::Postgres => {
                let kept = rows.replace("LAST", "2");
                assert_eq!(single(database(&to), &kept), single(source, &kept));
                single(database(&to), "SELECT id FROM t ORDER BY id")
            }
            Kind::Sqlite => {
                let open = rusqlite::Connection::open(to.path("store.db")).unwrap();
                let mut ids = open.prepare("SELECT CAST(id AS TEXT) FROM t ORDER BY id").unwrap();
                let ids = ids.query_map([], |row| row.get(0)).unwrap();
                ids.collect::<Result<_, _>>().unwrap()
            }
            _ => {
                let text = std::fs::read_to_string(to.url("t")).unwrap();
                assert!(text.contains("294247-01-10 04:00:54.775806"), "{text}");
                text.lines().skip(1).map(|l| l.split(',').next().unwrap().to_owned()).collect()
            }
        };
        assert_eq!(ids, ["1", "2"], "{kind:?}");
    }
}

/// What the target cannot hold is set aside.
const SET_ASIDE: &[&str] = &["--values", "out_of_range=dead-letter"];

#[test]
fn timestamps_beyond_the_last_are_named_when_they_come_by_the_log() {
    let (Some(from), Some(to)) = (Place::new(Kind::Postgres), Place::new(Kind::Postgres)) else {
        return;
    };
    let (source, target) = (database(&from), database(&to));
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, ts timestamp); INSERT INTO t VALUES (1, NULL)",
    );
    let (from_url, to_url, state) = (source.url(), target.url(), folder());
    let copy = [&caught_up(&from_url, &to_url)[..], SET_ASIDE, &["--quiet"]].concat();
    run_well(state.path(), &copy);
    source.execute(
        "INSERT INTO t VALUES (2, '294247-01-10 04:00:54.775806'), (3, '294276-01-01'), (4, 'infinity')",
    );
    run_well(state.path(), &copy);
    let rows = "SELECT id || ' ' || coalesce(ts::text, '') FROM t ORDER BY id";
    assert_eq!(single(target, rows), ["1 ", "2 294247-01-10 04:00:54.775806", "4 infinity"]);
    let kept = letters(state.path());
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(
        kept[0].1.contains("294276-01-01") && kept[0].1.contains("after the last moment"),
        "{kept:?}"
    );
}

/// The ends of MariaDB's times, in a copy and by the log. MySQL's end a little before.
#[test]
fn the_ends_of_times_come_by_copies_and_by_the_log() {
    const ENDS: &str = "('838:59:59.999999', '838:59:59.9'), ('-838:59:59.999999', '-838:59:59.9'), \
         ('838:59:59', '-838:59:59'), ('-00:00:00.000001', '-00:00:00.1')";
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres, Kind::Sqlite] {
        let (Some(from), Some(to)) = (Place::new(Kind::MariaDb), Place::new(kind)) else {
            continue;
        };
        let source = database(&from);
        let insert = format!("INSERT INTO t (long_time, short_time) VALUES {ENDS}");
        source.execute(
            "CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, long_time time(6), short_time time(1))",
        );
        source.execute(&insert);
        let (from_url, to_url, state) = (source.url(), to.url("t"), folder());
        let copy = [&caught_up(&from_url, &to_url)[..], SET_ASIDE, &["--allow-lossy"]].concat();
        let check = run_well(state.path(), &[&copy[..], &["--dry-run"]].concat());
        let said = check.contains("lengths of time beyond 838:59:59");
        assert_eq!(said, kind == Kind::MySql, "{kind:?}: {check}");
        run_well(state.path(), &copy);
        source.execute(&insert);
        run_well(state.path(), &copy);
        let all = "SELECT CONCAT(id, ' ', long_time, ' ', short_time) FROM t ORDER BY id";
        let wanted = single(source, all);
        assert_eq!(wanted.len(), 8);
        let kept = letters(state.path());
        match kind {
            Kind::MariaDb => assert_eq!(single(database(&to), all), wanted),
            Kind::MySql => {
                let inner: Vec<String> =
                    wanted.iter().filter(|row| !row.contains("59.9999")).cloned().collect();
                assert_eq!((single(database(&to), all), kept.len()), (inner, 4), "{kept:?}");
                assert!(kept.iter().all(|(code, _)| code == "E0306"), "{kept:?}");
            }
            Kind::Postgres => {
                // To the microsecond, as PostgreSQL spells them.
                let rows = "SELECT id || ' ' || extract(epoch FROM long_time) || ' ' || extract(epoch FROM short_time) \
                            FROM t WHERE id IN (1, 2, 4, 5) ORDER BY id";
                let last = [
                    "1 3020399.999999 3020399.900000",
                    "2 -3020399.999999 -3020399.900000",
                    "4 -0.000001 -0.100000",
                    "5 3020399.999999 3020399.900000",
                ];
                assert_eq!(single(database(&to), rows), last);
            }
            _ => {
                let open = rusqlite::Connection::open(to.path("store.db")).unwrap();
                let sql =
                    "SELECT long_time || ' ' || short_time FROM t WHERE id IN (1, 6) ORDER BY id";
                let mut rows = open.prepare(sql).unwrap();
                let rows = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
                let rows: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
                let ends =
                    ["838:59:59.999999 838:59:59.900000", "-838:59:59.999999 -838:59:59.900000"];
                assert_eq!(rows, ends);
            }
        }
        if kind != Kind::MySql {
            assert!(kept.is_empty(), "{kind:?}: {kept:?}");
            let verified =
                run(state.path(), &["verify", &from_url, &to_url, "--table", "t", "--quiet"]);
            assert!(verified.status.success(), "{kind:?}: {}", shown(&verified));
        }
    }
}

/// `typeof` and value of columns, row by row.
fn classes(path: &std::path::Path, columns: &[&str]) -> Vec<String> {
    let open = rusqlite::Connection::open(path).unwrap();
    let parts: Vec<String> =
        columns.iter().map(|c| format!("typeof({c}) || ' ' || coalesce({c}, '-')")).collect();
    let sql = format!("SELECT id || ': ' || {} FROM t ORDER BY id", parts.join(" || ', ' || "));
    let mut rows = open.prepare(&sql).unwrap();
    let rows = rows.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn infinity_in_sqlites_columns_of_numbers_is_a_number_or_a_bad_row() {
    let (from, to, back) = (
        Place::new(Kind::Sqlite).unwrap(),
        Place::new(Kind::Sqlite).unwrap(),
        Place::new(Kind::Sqlite).unwrap(),
    );
    from.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n NUMERIC, d DECIMAL(12,2), i INTEGER, r REAL, x, s DECIMAL_TEXT);
         INSERT INTO t VALUES (1, 9e999, 1.5, 1, -9e999, 9e999, 'Infinity'), (2, -9e999, 2, 2, 0.5, 1.5, '-Infinity'),
           (3, 'Infinity', 3, 3, 3, 3.5, '3'), (4, 4, 9e999, 4, 4, 4.5, '4'), (5, 5, 5, -9e999, 5, 5.5, '5')",
    );
    let columns = ["n", "r", "x", "s"];
    let wanted = [
        "1: real Inf, real -Inf, real Inf, text Infinity",
        "2: real -Inf, real 0.5, real 1.5, text -Infinity",
    ];
    let (from_url, to_url, back_url, state) = (from.url("t"), to.url("t"), back.url("t"), folder());
    let copy = ["copy", &from_url, &to_url, "--table", "t", "--quiet"];
    fails(&run(state.path(), &copy), 1, "E0301", &["Infinity"]);
    // An empty column without a type would be taken for one of texts.
    to.execute("DROP TABLE t");
    run_well(state.path(), &[&copy[..], &["--fresh", "--max-errors", "3"]].concat());
    assert_eq!(classes(&to.path("store.db"), &columns), wanted);
    // By a page, too.
    let page = state.path().join("t.sql").display().to_string();
    run_well(
        state.path(),
        &["copy", &to_url, &format!("{page}?dialect=sqlite"), "--table", "t", "--quiet"],
    );
    run_well(state.path(), &["copy", &format!("{page}?dialect=sqlite"), &back_url, "--quiet"]);
    assert_eq!(classes(&back.path("store.db"), &columns), wanted);
}

#[test]
fn infinity_from_a_server_is_a_number_in_sqlites_columns_of_numbers() {
    let (Some(from), Some(to)) = (Place::new(Kind::Postgres), Place::new(Kind::Sqlite)) else {
        return;
    };
    database(&from).execute(
        "CREATE TABLE t (id int PRIMARY KEY, f double precision, n numeric, d double precision, i double precision);
         INSERT INTO t VALUES (1, 'Infinity', '-Infinity', 1.5, 1), (2, 0, 0, 'Infinity', 2), (3, 0, 0, 0, '-Infinity')",
    );
    to.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, f NUMERIC, n NUMERIC, d DECIMAL(12,2), i INTEGER)",
    );
    let (from_url, to_url, state) = (from.url("t"), to.url("t"), folder());
    let args = [
        "copy",
        &from_url,
        &to_url,
        "--allow-lossy",
        "--quiet",
        "--values",
        "infinity=dead-letter",
    ];
    run_well(state.path(), &args);
    let found = classes(&to.path("store.db"), &["f", "n", "d", "i"]);
    assert_eq!(found, ["1: real Inf, real -Inf, real 1.5, integer 1"]);
    let kept = letters(state.path());
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.iter().all(|(_, reason)| reason.contains("no infinity")), "{kept:?}");
}
