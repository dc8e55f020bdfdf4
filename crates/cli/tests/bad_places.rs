//! Disks that are full or read-only, and names that no one would choose, over all kinds of store.

mod place;

use place::{Disk, Kind, Place, fails, folder, run, run_well, shown, text};

#[test]
fn a_full_disk_fails_clearly_and_the_run_goes_on_once_there_is_room() {
    let source = Place::new(Kind::Csv).unwrap();
    source.fill("t", 20_000, true);
    let targets = [
        ("out.csv", "out.csv"),
        ("out.jsonl", "out.jsonl"),
        ("out.parquet", "out.parquet?compression=none"),
        ("out.sql", "out.sql"),
        ("out.db", "sqlite:out.db"),
    ];
    for (name, target) in targets {
        let Some(disk) = Disk::of("256k") else { return };
        let state = folder();
        let path = disk.path().join(name);
        let target = target.replace(name, text(&path));
        let args = ["copy", &source.url("t"), &target, "--checkpoint-every", "1ms"];
        let output = run(state.path(), &args);
        fails(&output, 1, "E0402", &[name]);
        assert!(name == "out.db" || !path.exists(), "{name}: a partial file under its final name");
        disk.grow("64m");
        let again = run(state.path(), &args);
        assert!(again.status.success(), "{name}: {}", shown(&again));
        assert!(String::from_utf8_lossy(&again.stderr).contains("continuing"), "{}", shown(&again));
        let left: Vec<_> = std::fs::read_dir(disk.path()).unwrap().flatten().collect();
        assert_eq!(left.len(), 1, "{name}: {left:?}");
        // All of it is there, as a copy back to CSV shows.
        let back = Place::new(Kind::Csv).unwrap();
        run_well(state.path(), &["copy", &target, &back.url("t"), "--quiet"]);
        assert!(back.rows("t") == source.rows("t"), "{name}: rows differ");
    }
}

#[test]
fn a_read_only_disk_is_named_and_nothing_is_begun() {
    let Some(disk) = Disk::of("4m") else { return };
    let source = Place::new(Kind::Csv).unwrap();
    source.fill("t", 10, true);
    let (from, state) = (source.url("t"), folder());
    let there = format!("sqlite:{}", disk.path().join("there.db").display());
    run_well(state.path(), &["copy", &from, &there]);
    disk.read_only(true);
    for name in ["out.csv", "out.parquet", "sqlite:new.db", "sqlite:there.db"] {
        let (scheme, file) = name.split_once(':').map_or(("", name), |(_, f)| ("sqlite:", f));
        let target = format!("{scheme}{}", disk.path().join(file).display());
        let output = run(state.path(), &["copy", &from, &target, "--write", "append"]);
        fails(&output, 2, "E0403", &[file]);
    }
    // Read, it can be, unless it is in WAL mode: SQLite wants to write even then.
    let back = Place::new(Kind::Csv).unwrap();
    fails(&run(state.path(), &["copy", &there, &back.url("t")]), 2, "E0403", &["journal_mode"]);
    disk.read_only(false);
    let file = rusqlite::Connection::open(disk.path().join("there.db")).unwrap();
    file.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    drop(file);
    disk.read_only(true);
    run_well(state.path(), &["copy", &there, &back.url("t")]);
    assert_eq!(back.rows("t"), source.rows("t"));
}

#[test]
fn a_state_folder_that_is_read_only_or_full_says_so() {
    let source = Place::new(Kind::Csv).unwrap();
    let target = Place::new(Kind::Csv).unwrap();
    source.fill("t", 10, true);
    let args = ["copy", &source.url("t"), &target.url("t")];
    let Some(disk) = Disk::of("4m") else { return };
    // One that is new, and one that has runs.
    for begun in [false, true] {
        let state = disk.path().join(format!("state-{begun}"));
        if begun {
            disk.read_only(false);
            run_well(&state, &args);
            target.clear("t");
            disk.read_only(true);
        } else {
            disk.read_only(true);
        }
        fails(&run(&state, &args), 2, "E0404", &["--state", "state-"]);
        assert_eq!(target.rows("t"), None, "something was begun");
    }
    let runs = run(&disk.path().join("state-true"), &["runs"]);
    assert!(matches!(runs.status.code(), Some(0 | 2)), "{}", shown(&runs));

    let Some(full) = Disk::of("64k") else { return };
    std::fs::write(full.path().join("filler"), vec![0; 60 << 10]).unwrap();
    fails(&run(&full.path().join("state"), &args), 1, "E0402", &["state"]);
    assert_eq!(target.rows("t"), None, "something was begun");
}

/// Names that break quoting, if anything does.
const ODD: [&str; 8] = [
    "select",
    "with space",
    "dot.ted",
    "quo\"te`s'",
    "émoji ☺",
    "x; DROP TABLE victim; --",
    "a/../b\\c",
    "%{table}?*[x]&y=1#z",
];

#[test]
fn odd_names_of_tables_and_columns_go_through_files_as_they_are() {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let source = Place::new(Kind::Sqlite).unwrap();
    source.execute("CREATE TABLE victim (id INTEGER PRIMARY KEY); INSERT INTO victim VALUES (1)");
    let columns: Vec<String> = ODD.iter().map(|c| format!("{} TEXT", quote(c))).collect();
    for name in ODD {
        let table = quote(name);
        source.execute(&format!(
            "CREATE TABLE {table} (id INTEGER PRIMARY KEY, {}); \
             INSERT INTO {table} VALUES (1, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h')",
            columns.join(", ")
        ));
    }
    for format in ["csv", "jsonl", "parquet", "arrow", "sql"] {
        let state = folder();
        let out = state.path().join("out");
        let to = format!("{}?dialect=sqlite", out.join(format!("{{table}}.{format}")).display());
        let to = if format == "sql" { to } else { to.replace("?dialect=sqlite", "") };
        run_well(state.path(), &["copy", &source.url(""), &to, "--quiet"]);
        let files = std::fs::read_dir(&out).unwrap().count();
        assert_eq!(files, ODD.len() + 1, "{format}: no file outside of the folder");
        let back = Place::new(Kind::Sqlite).unwrap();
        let from = out.join(format!("*.{format}")).display().to_string();
        run_well(state.path(), &["copy", &from, &back.url(""), "--quiet"]);
        let arrived = rusqlite::Connection::open(back.path("store.db")).unwrap();
        let columns: Vec<String> = ODD.iter().map(|c| quote(c)).collect();
        for name in ODD {
            // What would lead out of the folder is spelt otherwise in a file's name.
            let name = if format == "sql" { name.into() } else { name.replace('/', "%2F") };
            let sql = format!("SELECT {} FROM {}", columns.join(" || "), quote(&name));
            let row: rusqlite::Result<String> = arrived.query_row(&sql, [], |row| row.get(0));
            assert_eq!(row, Ok("abcdefgh".to_owned()), "{format}, {name}");
        }
        let victims = arrived.query_row("SELECT count(*) FROM victim", [], |row| row.get(0));
        assert_eq!(victims, Ok(1_i64));
    }
}

#[test]
fn a_table_without_columns_does_not_stop_the_others() {
    let Some(source) = Place::new(Kind::Postgres) else { return };
    source.fill("t", 100, true);
    source.execute(
        "CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES; CREATE VIEW v AS SELECT 1 AS x",
    );
    let target = Place::new(Kind::Sqlite).unwrap();
    let state = folder();
    let output = run(state.path(), &["copy", &source.url(""), &target.url(""), "--quiet"]);
    assert!(output.status.success(), "{}", shown(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("bare is not copied: it has no columns"), "{said}");
    assert!(said.contains("v") && said.contains("view"), "{said}");
    assert_eq!(target.rows("t"), source.rows("t"));
    let alone = ["copy", &source.url(""), &target.url(""), "--table", "bare"];
    fails(&run(state.path(), &alone), 2, "E0112", &["bare", "no columns"]);
}

#[test]
fn a_thousand_columns_fit_sqlite_and_every_format() {
    let names: Vec<String> = (0..1_000).map(|i| format!("c{i}")).collect();
    let row = |n: usize| (0..1_000).map(|i| (i * n).to_string()).collect::<Vec<_>>().join(",");
    let first = Place::new(Kind::Csv).unwrap();
    let csv = format!("id,{}\n1,{}\n2,{}\n", names.join(","), row(1), row(2));
    std::fs::write(first.path("wide.csv"), &csv).unwrap();
    let state = folder();
    let at = |name: &str| state.path().join(name).display().to_string();
    let sqlite = format!("sqlite:{}", at("wide.db"));
    let last = Place::new(Kind::Csv).unwrap();
    let hops = [
        first.url("wide"),
        sqlite,
        at("wide.parquet"),
        at("wide.jsonl"),
        at("wide.sql"),
        at("wide.arrow"),
        last.url("wide"),
    ];
    for pair in hops.windows(2) {
        run_well(state.path(), &["copy", &pair[0], &pair[1], "--quiet"]);
    }
    assert!(std::fs::read_to_string(last.path("wide.csv")).unwrap() == csv, "rows differ");
}
