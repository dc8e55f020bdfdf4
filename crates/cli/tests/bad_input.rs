//! What goes wrong at three in the morning: a clear error with its code and what to do, the agreed
//! exit code, no partial file, nothing lost.

mod place;

use std::time::Duration;

use place::{Kind, Place, fails, folder, run, run_well, shown, text, wait_for};
use syncline_testkit::faults::Proxy;
use syncline_testkit::servers::{Kind as ServerKind, Server};

#[test]
fn usage_and_addresses() {
    let state = folder();
    let at = state.path();
    assert_eq!(run(at, &["copy"]).status.code(), Some(2));
    fails(&run(at, &["copy", "nosuch://h/db", "x.csv"]), 2, "E0103", &["nosuch"]);
    fails(&run(at, &["copy", "msql://h/db", "x.csv"]), 2, "E0103", &["did you mean mysql?"]);
    fails(&run(at, &["copy", "mysql://h:99999/db", "x.csv"]), 2, "E0102", &["99999"]);
    let missing = at.join("airprots.csv");
    std::fs::write(at.join("airports.csv"), "a\n1\n").unwrap();
    fails(&run(at, &["copy", text(&missing), "sqlite:x.db"]), 2, "E0212", &["airports.csv"]);
    fails(
        &run(at, &["copy", "airports.csv?delimeter=;", "sqlite:x.db"]),
        2,
        "E0104",
        &["did you mean \"delimiter\"?"],
    );
    fails(&run(at, &["copy", "a.csv", "b.csv", "--max-errors", "many"]), 2, "E0105", &["many"]);
    fails(
        &run(at, &["copy", "a.csv", "b.csv", "--columns", "a:b:c:d"]),
        2,
        "E0105",
        &["--columns"],
    );
    fails(&run(at, &["explain", "E4711"]), 2, "E0105", &["E4711"]);
}

#[test]
fn a_wrong_password_is_refused_and_never_shown() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let Some(place) = Place::new(kind) else { continue };
        place.fill("t", 3, true);
        let database = place.database.as_ref().unwrap();
        let user = format!("u{}", std::process::id());
        database.execute(&format!("CREATE USER '{user}'@'%' IDENTIFIED BY 'right'"));
        let url = database.url();
        let authority = url.split("://").nth(1).unwrap().split('@').next().unwrap();
        let wrong = url.replacen(&format!("{authority}@"), &format!("{user}:s3cret@"), 1);
        let state = folder();
        let target = format!("sqlite:{}", state.path().join("x.db").display());
        let output = run(state.path(), &["copy", &wrong, &target]);
        fails(&output, 2, "E0202", &[&user]);
        assert!(!shown(&output).contains("s3cret"), "{}", shown(&output));
        let runs = run_well(state.path(), &["runs", "--json"]);
        assert!(!runs.contains("s3cret"), "{runs}");
        database.execute(&format!("DROP USER '{user}'@'%'"));
    }
}

#[test]
fn a_server_that_is_down_at_the_start_is_waited_for() {
    for kind in [ServerKind::MariaDb, ServerKind::Postgres] {
        let Some(server) = Server::shared(kind) else { continue };
        let place =
            Place::new(if kind.is_mysql() { Kind::MariaDb } else { Kind::Postgres }).unwrap();
        place.fill("t", 100, true);
        let proxy = Proxy::before(server.port());
        proxy.refuse(true);
        let target = Place::new(Kind::Sqlite).unwrap();
        let state = folder();
        let url = place.database.as_ref().unwrap().url_through(proxy.port());
        let mut child =
            place::start(state.path(), &["copy", &url, &target.url("t"), "--table", "t"]);
        let said = wait_for(&mut child, "waiting:");
        assert!(said.contains("127.0.0.1"), "{said}");
        proxy.refuse(false);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", shown(&output));
        assert_eq!(target.rows("t"), place.rows("t"));
    }
}

#[test]
fn a_line_that_breaks_in_the_middle_is_mended_and_nothing_is_lost() {
    for (from, to) in [(Kind::MariaDb, Kind::Postgres), (Kind::Postgres, Kind::MariaDb)] {
        let (Some(source), Some(target)) = (Place::new(from), Place::new(to)) else { continue };
        source.fill("t", 4_000, true);
        let port = |place: &Place| {
            let url = place.database.as_ref().unwrap().url();
            syncline_connector::Endpoint::parse(&url).unwrap().port_or(0)
        };
        let (before, behind) = (Proxy::before(port(&source)), Proxy::before(port(&target)));
        let from_url = source.database.as_ref().unwrap().url_through(before.port());
        let to_url = target.database.as_ref().unwrap().url_through(behind.port());
        let state = folder();
        let args = [
            "copy",
            &from_url,
            &to_url,
            "--table",
            "t",
            "--rows-per-second",
            "4000",
            "--split-rows",
            "500",
            "--checkpoint-every",
            "20ms",
        ];
        let mut child = place::start(state.path(), &args);
        for round in 0..4 {
            std::thread::sleep(Duration::from_millis(250));
            if round % 2 == 0 { before.cut() } else { behind.cut() }
        }
        let said = wait_for(&mut child, "waiting:");
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{said}\n{}", shown(&output));
        assert_eq!(target.rows("t"), source.rows("t"), "{from:?} to {to:?}");
    }
}

#[test]
fn a_server_killed_and_restarted_in_the_middle_is_waited_for() {
    for kind in [ServerKind::MariaDb, ServerKind::Postgres] {
        let Some(server) = Server::own(kind, &[]) else { continue };
        let database = server.database();
        // More than the buffers between server and command hold, so that the kill is noticed.
        const ROWS: i64 = 40_000;
        database.execute("CREATE TABLE t (id int PRIMARY KEY, v varchar(20), pad text)");
        for start in (0..ROWS).step_by(10_000) {
            let row = |i: i64| format!("({i}, 'row {i}', repeat('x', 1000))");
            let rows: Vec<String> = (start..start + 10_000).map(row).collect();
            database.execute(&format!("INSERT INTO t VALUES {}", rows.join(",")));
        }
        let target = Place::new(Kind::Sqlite).unwrap();
        let state = folder();
        let url = database.url();
        let args = [
            "copy",
            &url,
            &target.url("t"),
            "--table",
            "t",
            "--rows-per-second",
            "20000",
            "--checkpoint-every",
            "20ms",
        ];
        let mut child = place::start(state.path(), &args);
        std::thread::sleep(Duration::from_millis(600));
        server.kill();
        wait_for(&mut child, "waiting:");
        server.start();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", shown(&output));
        let count: i64 = rusqlite::Connection::open(target.path("store.db"))
            .unwrap()
            .query_row("SELECT count(DISTINCT id) FROM t WHERE v = 'row ' || id", [], |r| r.get(0))
            .unwrap();
        assert_eq!(count, ROWS, "{kind:?}");
    }
}

#[test]
fn missing_tables_and_columns_offer_the_nearest_name() {
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres, Kind::Sqlite] {
        let Some(place) = Place::new(kind) else { continue };
        place.fill("orders", 3, true);
        let state = folder();
        let target = text(&state.path().join("{table}.csv")).to_owned();
        let url = place.url("orders");
        let output = run(state.path(), &["copy", &url, &target, "--table", "ordres"]);
        fails(&output, 2, "E0207", &["orders"]);
        let args = ["copy", &url, &target, "--table", "orders", "--columns", "id, nmae"];
        fails(&run(state.path(), &args), 2, "E0208", &["did you mean \"name\"?"]);
        let args = ["copy", &url, &target, "--table", "orders", "--where", "nosuch > 1"];
        let output = run(state.path(), &args);
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
        let output = run(state.path(), &["copy", &url, &target, "--table", "nothing_*"]);
        fails(&output, 2, "E0113", &[]);
        assert!(!state.path().join("orders.csv").exists());
    }
}

#[test]
fn broken_csv_names_the_line() {
    let state = folder();
    let source = state.path().join("broken.csv");
    let mut lines: Vec<String> = vec!["id,name".into()];
    lines.extend((0..2_000).map(|i| format!("{i},row {i}")));
    lines[1_500] = "1499,too,many,fields".into();
    std::fs::write(&source, lines.join("\n") + "\n").unwrap();
    let target = state.path().join("out.csv");
    let output = run(state.path(), &["copy", text(&source), text(&target)]);
    fails(&output, 1, "E0307", &["broken.csv:1501"]);
    assert!(!target.exists(), "a partial file under its final name");

    let output = run(state.path(), &["copy", text(&source), text(&target), "--max-errors", "1"]);
    assert!(output.status.success(), "{}", shown(&output));
    let written = std::fs::read_to_string(&target).unwrap();
    assert_eq!(written.lines().count(), 2_000);
    let listed = run_well(state.path(), &["dead-letters", "list"]);
    assert!(listed.contains("broken.csv:1501"), "{listed}");
}

#[test]
fn truncated_files_are_named_as_such() {
    let state = folder();
    let source = state.path().join("t.csv");
    let mut csv = String::from("id,name\n");
    (0..20_000).for_each(|i| csv.push_str(&format!("{i},name {}\n", i * 7919 % 10_007)));
    std::fs::write(&source, csv).unwrap();
    for name in ["t.csv.gz", "t.csv.zst", "t.parquet", "t.arrow"] {
        let whole = state.path().join(name);
        run_well(state.path(), &["copy", text(&source), text(&whole), "--quiet"]);
        let bytes = std::fs::read(&whole).unwrap();
        std::fs::write(&whole, &bytes[..bytes.len() / 2]).unwrap();
        let target = state.path().join(format!("{name}.out.csv"));
        let output = run(state.path(), &["copy", text(&whole), text(&target)]);
        fails(&output, 1, "E0401", &[name]);
        assert!(!target.exists(), "{name}: a partial file under its final name");
    }
}

#[test]
fn a_state_folder_in_use_or_unusable_says_so() {
    let (source, target) = (Place::new(Kind::Csv).unwrap(), Place::new(Kind::Csv).unwrap());
    source.fill("t", 5_000, true);
    let state = folder();
    let (from, to) = (source.url("t"), target.url("t"));
    let args = ["copy", &from, &to, "--rows-per-second", "1000"];
    let mut first = place::start(state.path(), &args);
    std::thread::sleep(Duration::from_millis(400));
    fails(&run(state.path(), &args), 2, "E0405", &["another process"]);
    first.kill().unwrap();
    first.wait().unwrap();

    let file = state.path().join("file");
    std::fs::write(&file, "").unwrap();
    fails(&run(&file, &["copy", &from, &to]), 2, "E0404", &["--state"]);
}

#[test]
fn job_files_are_checked_key_by_key() {
    let state = folder();
    let job = state.path().join("job.yaml");
    let check = |text_of_job: &str, code: &str, words: &[&str]| {
        std::fs::write(&job, text_of_job).unwrap();
        for command in ["run", "check"] {
            fails(&run(state.path(), &[command, text(&job)]), 2, code, words);
        }
    };
    let good = "version: 1\nsource: { url: a.csv }\nsink: { url: b.csv }\n";
    check(&format!("{good}sped: {{ parallel: 2 }}\n"), "E0104", &["job.yaml:4:", "\"speed\""]);
    check(&format!("{good}speed: {{ parallel: two }}\n"), "E0105", &["job.yaml:4:"]);
    check(&format!("{good}version: 1\n"), "E0106", &["job.yaml:4:"]);
    check(&format!("{good}columns: {{ t: [\n"), "E0106", &["job.yaml:"]);
    let deep = format!("{good}processors: {{ source: {} }}\n", "[".repeat(50_000));
    check(&deep, "E0106", &["job.yaml:"]);
    check(&format!("{good}processors: {{ source: [ {{ fliter: a }} ] }}\n"), "E0104", &["filter"]);
    fails(&run(state.path(), &["run", "no-such.yaml"]), 2, "E0212", &["no-such.yaml"]);
}

/// Names that break quoting, if anything does.
const ODD: [&str; 6] =
    ["select", "with space", "dot.ted", "quo\"te`s'", "émoji ☺", "x; DROP TABLE victim; --"];

#[test]
fn odd_names_of_tables_and_columns_arrive_as_they_are() {
    for (from, to) in
        [(Kind::Sqlite, Kind::MariaDb), (Kind::Sqlite, Kind::MySql), (Kind::Sqlite, Kind::Postgres)]
    {
        let (Some(source), Some(middle)) = (Place::new(from), Place::new(to)) else { continue };
        let back = Place::new(Kind::Sqlite).unwrap();
        let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let fill = rusqlite::Connection::open(source.path("store.db")).unwrap();
        fill.execute_batch(
            "CREATE TABLE victim (id INTEGER PRIMARY KEY); INSERT INTO victim VALUES (1)",
        )
        .unwrap();
        for name in ODD {
            let columns: Vec<String> = ODD.iter().map(|c| format!("{} TEXT", quote(c))).collect();
            let table = quote(name);
            fill.execute_batch(&format!(
                "CREATE TABLE {table} (id INTEGER PRIMARY KEY, {}); \
                 INSERT INTO {table} VALUES (1, 'a', 'b', 'c', 'd', 'e', 'f')",
                columns.join(", ")
            ))
            .unwrap();
        }
        let state = folder();
        run_well(state.path(), &["copy", &source.url(""), &middle.url(""), "--quiet"]);
        run_well(state.path(), &["copy", &middle.url(""), &back.url(""), "--quiet"]);
        let arrived = rusqlite::Connection::open(back.path("store.db")).unwrap();
        for name in ODD {
            let columns: Vec<String> = ODD.iter().map(|c| quote(c)).collect();
            let row: String = arrived
                .query_row(
                    &format!("SELECT {} FROM {}", columns.join(" || "), quote(name)),
                    [],
                    |row| row.get(0),
                )
                .unwrap_or_else(|e| panic!("{to:?}, {name}: {e}"));
            assert_eq!(row, "abcdef", "{to:?}, {name}");
        }
        let victims: i64 =
            arrived.query_row("SELECT count(*) FROM victim", [], |row| row.get(0)).unwrap();
        assert_eq!(victims, 1);
    }
}

#[test]
fn emoji_in_names_arrive_where_the_store_takes_them_and_are_refused_where_not() {
    let source = Place::new(Kind::Sqlite).unwrap();
    let fill = rusqlite::Connection::open(source.path("store.db")).unwrap();
    fill.execute_batch(
        "CREATE TABLE \"😀\" (\"👍\" INTEGER PRIMARY KEY); INSERT INTO \"😀\" VALUES (7)",
    )
    .unwrap();
    if let Some(target) = Place::new(Kind::Postgres) {
        let state = folder();
        run_well(state.path(), &["copy", &source.url(""), &target.url(""), "--quiet"]);
        let rows = target.database.as_ref().unwrap().rows("SELECT \"👍\" FROM \"😀\"");
        assert_eq!(rows, [[Some("7".to_owned())]]);
    }
    if let Some(target) = Place::new(Kind::MariaDb) {
        let state = folder();
        fails(
            &run(state.path(), &["copy", &source.url(""), &target.url("")]),
            2,
            "E0105",
            &["--to"],
        );
    }
}

#[test]
fn a_thousand_columns_arrive() {
    let mut places = [Kind::MariaDb, Kind::Postgres, Kind::MySql].into_iter().map(Place::new);
    let (Some(Some(first)), Some(Some(second)), Some(Some(third))) =
        (places.next(), places.next(), places.next())
    else {
        return;
    };
    let names: Vec<String> = (0..1_000).map(|i| format!("c{i}")).collect();
    let columns: Vec<String> = names.iter().map(|n| format!("{n} int")).collect();
    let row = |n: usize| (0..1_000).map(|i| (i * n).to_string()).collect::<Vec<_>>().join(",");
    let database = first.database.as_ref().unwrap();
    database.execute(&format!("CREATE TABLE wide (id int PRIMARY KEY, {})", columns.join(",")));
    for n in 0..3 {
        database.execute(&format!("INSERT INTO wide VALUES ({n},{})", row(n)));
    }
    let last = Place::new(Kind::Csv).unwrap();
    let state = folder();
    for (from, to) in [(&first, &second), (&second, &third), (&third, &last)] {
        run_well(state.path(), &["copy", &from.url("wide"), &to.url("wide"), "--quiet"]);
    }
    let arrived = std::fs::read_to_string(last.path("wide.csv")).unwrap();
    let rows: Vec<String> = (0..3).map(|n| format!("{n},{}\n", row(n))).collect();
    assert!(arrived == format!("id,{}\n{}", names.join(","), rows.concat()), "rows differ");
}

#[test]
fn an_empty_table_arrives_as_an_empty_table() {
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres, Kind::Sqlite] {
        let Some(source) = Place::new(kind) else { continue };
        source.fill("hollow", 0, true);
        for to in [Kind::Postgres, Kind::Sqlite, Kind::Csv] {
            let Some(target) = Place::new(to) else { continue };
            let state = folder();
            let args = ["copy", &source.url("hollow"), &target.url("hollow"), "--quiet"];
            run_well(state.path(), &args);
            assert_eq!(target.rows("hollow"), Some(Vec::new()), "{kind:?} to {to:?}");
        }
    }
}

#[test]
fn a_table_dropped_or_altered_in_the_middle_fails_clearly() {
    for kind in [Kind::MariaDb, Kind::Postgres] {
        for change in ["DROP TABLE t", "ALTER TABLE t DROP COLUMN note"] {
            let Some(source) = Place::new(kind) else { continue };
            source.fill("t", 4_000, true);
            let target = Place::new(Kind::Sqlite).unwrap();
            let state = folder();
            let (from, to) = (source.url("t"), target.url("t"));
            let args = [
                "copy",
                &from,
                &to,
                "--table",
                "t",
                "--rows-per-second",
                "4000",
                "--split-rows",
                "200",
                "--checkpoint-every",
                "10ms",
                "--retry-for",
                "5s",
            ];
            let mut child = place::start(state.path(), &args);
            std::thread::sleep(Duration::from_millis(500));
            child.kill().unwrap();
            child.wait().unwrap();
            source.database.as_ref().unwrap().execute(change);
            let output = run(state.path(), &args);
            assert!(
                matches!(output.status.code(), Some(1 | 2)),
                "{kind:?}, {change}: {}",
                shown(&output)
            );
            let stderr = String::from_utf8_lossy(&output.stderr);
            let named = stderr.contains("E0210") || stderr.contains("E0207");
            assert!(named, "{kind:?}, {change}: {}", shown(&output));
        }
    }
}

#[test]
fn no_privilege_names_the_right_that_is_missing() {
    let Some(place) = Place::new(Kind::Postgres) else { return };
    place.fill("t", 3, true);
    let database = place.database.as_ref().unwrap();
    let user = format!("nobody_{}", std::process::id());
    database.execute(&format!("CREATE ROLE {user} LOGIN"));
    let url = database.url().replacen("postgres://postgres", &format!("postgres://{user}"), 1);
    let state = folder();
    let target = state.path().join("t.csv");
    let output = run(state.path(), &["copy", &url, text(&target), "--table", "t"]);
    fails(&output, 2, "E0205", &["t"]);
    database.execute(&format!("DROP ROLE {user}"));
}

#[test]
fn write_modes_that_could_double_rows_must_be_said() {
    let source = Place::new(Kind::Csv).unwrap();
    source.fill("t", 10, true);
    for kind in [Kind::MariaDb, Kind::Postgres, Kind::Sqlite] {
        let Some(target) = Place::new(kind) else { continue };
        let state = folder();
        let (from, to) = (source.url("t"), target.url("t"));
        run_well(state.path(), &["copy", &from, &to]);
        fails(&run(state.path(), &["copy", &from, &to]), 2, "E0109", &["--write"]);
        assert_eq!(target.rows("t"), source.rows("t"), "{kind:?}");
        run_well(state.path(), &["copy", &from, &to, "--write", "replace"]);
        assert_eq!(target.rows("t"), source.rows("t"), "{kind:?}");
        run_well(state.path(), &["copy", &from, &to, "--write", "append"]);
        assert_eq!(target.rows("t").unwrap().len(), 20, "{kind:?}");
        fails(&run(state.path(), &["copy", &from, &to, "--write", "upsert"]), 2, "E0109", &["key"]);
        assert_eq!(target.leftovers(), Vec::<String>::new(), "{kind:?}");
    }
}
