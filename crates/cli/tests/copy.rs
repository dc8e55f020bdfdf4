//! What `copy`, `run` and `dead-letters` do when nothing goes wrong.

mod place;

use std::io::Write as _;
use std::process::Stdio;

use place::{Kind, Place, dead_letters, run, run_well, shown, syncline};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn a_file_is_replaced_with_its_columns() {
    let state = folder();
    let path = |name: &str| state.path().join(name).display().to_string();
    std::fs::write(path("a.csv"), "id,name\n1,x\n").unwrap();
    std::fs::write(path("b.csv"), "other\n5\n6\n").unwrap();
    run_well(state.path(), &["copy", &path("a.csv"), &path("out.csv")]);
    run_well(state.path(), &["copy", &path("b.csv"), &path("out.csv"), "--write", "replace"]);
    assert_eq!(std::fs::read_to_string(path("out.csv")).unwrap(), "other\n5\n6\n");
}

#[test]
fn standard_input_and_output_carry_rows_alone() {
    let state = folder();
    let mut child = syncline(state.path())
        .args(["copy", "-", "-?format=jsonl", "--columns", "id, name:title"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"id,name\n1,x\n2,\"y,z\"\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    let rows = String::from_utf8(output.stdout).unwrap();
    assert_eq!(rows, "{\"id\":1,\"title\":\"x\"}\n{\"id\":2,\"title\":\"y,z\"}\n");
}

#[test]
fn columns_conditions_and_processors_do_what_they_say() {
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres, Kind::Sqlite] {
        let Some(source) = Place::new(kind) else { continue };
        source.fill("t", 100, true);
        let state = folder();
        let target = state.path().join("out.csv").display().to_string();
        let args = [
            "copy",
            &source.url("t"),
            &target,
            "--table",
            "t",
            "--columns",
            "name:title, grp:team:int16, id",
            "--where",
            "id < 100",
            "--filter",
            "team = 3 and title like 'name-%'",
            "--process",
            r#"{"mask": {"columns": ["title"], "with": "redact"}}"#,
        ];
        run_well(state.path(), &args);
        let text = std::fs::read_to_string(&target).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "title,team,id", "{kind:?}");
        // The mask comes first, so that nothing is left to be like `name-%`.
        assert_eq!(lines.len(), 1, "{kind:?}: {text}");
        let args = [
            "copy",
            &source.url("t"),
            &target,
            "--table",
            "t",
            "--write",
            "replace",
            "--columns",
            "name:title, grp:team:int16, id",
            "--where",
            "id < 100",
            "--filter",
            "team = 3 and title like 'name-%'",
        ];
        run_well(state.path(), &args);
        let text = std::fs::read_to_string(&target).unwrap();
        assert_eq!(
            text, "title,team,id\nname-000003,3,10\nname-000013,3,40\nname-000023,3,70\n",
            "{kind:?}"
        );
    }
}

#[test]
fn a_query_is_a_source_too() {
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres, Kind::Sqlite] {
        let Some(source) = Place::new(kind) else { continue };
        source.fill("t", 50, true);
        let state = folder();
        let target = state.path().join("out.csv").display().to_string();
        let query =
            "SELECT grp AS team, count(*) AS n FROM t WHERE grp < 3 GROUP BY grp ORDER BY grp";
        run_well(state.path(), &["copy", &source.url("t"), &target, "--query", query]);
        let text = std::fs::read_to_string(&target).unwrap();
        assert_eq!(text, "team,n\n0,5\n1,5\n2,5\n", "{kind:?}");
    }
}

#[test]
fn events_are_one_json_object_a_line_and_end_with_finished() {
    let source = Place::new(Kind::Csv).unwrap();
    source.fill("t", 1_000, true);
    let target = Place::new(Kind::Sqlite).unwrap();
    let state = folder();
    let args = ["copy", &source.url("t"), &target.url("t"), "--events", "json"];
    let printed = run_well(state.path(), &args);
    let events: Vec<serde_json::Value> =
        printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events[0]["event"], "planned");
    let last = events.last().unwrap();
    assert_eq!(last["event"], "finished");
    assert_eq!((&last["rows_read"], &last["rows_written"]), (&1_000.into(), &1_000.into()));
    assert_eq!(last["dead_letters"], 0);
    assert!(last["run"].as_str().unwrap().len() == 36);

    let args = ["copy", &source.url("t"), &target.url("t"), "--events", "json"];
    let output = run(state.path(), &args);
    assert_eq!(output.status.code(), Some(2));
    let last: serde_json::Value = serde_json::from_slice(
        output.stdout.split(|b| *b == b'\n').rfind(|l| !l.is_empty()).unwrap(),
    )
    .unwrap();
    assert_eq!((&last["event"], &last["code"]), (&"failed".into(), &"E0109".into()));
}

#[test]
fn a_check_touches_nothing() {
    let source = Place::new(Kind::Csv).unwrap();
    source.fill("t", 10, true);
    let state = folder();
    for kind in [Kind::MariaDb, Kind::Postgres, Kind::Sqlite, Kind::Csv] {
        let Some(target) = Place::new(kind) else { continue };
        let shown =
            run_well(state.path(), &["copy", &source.url("t"), &target.url("t"), "--dry-run"]);
        for word in ["t -> t", "exactly once", "id", "int64", "exact"] {
            assert!(shown.contains(word), "{kind:?}: no {word:?} in {shown}");
        }
        if kind == Kind::Csv {
            assert!(std::fs::read_dir(target.folder.path()).unwrap().next().is_none());
        } else if kind != Kind::Sqlite {
            assert_eq!(target.rows("t"), None, "{kind:?}");
        } else {
            assert!(!target.path("store.db").exists());
        }
    }
}

#[test]
fn bad_rows_are_kept_looked_at_edited_and_replayed() {
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres, Kind::Sqlite] {
        let Some(target) = Place::new(kind) else { continue };
        let source = Place::new(Kind::Csv).unwrap();
        source.fill("t", 1_000, true);
        let create = "CREATE TABLE t (id bigint PRIMARY KEY, grp int, \
                      name varchar(100) NOT NULL CHECK (name <> 'name-000500'), note text)";
        match &target.database {
            Some(database) => database.execute(create),
            None => rusqlite::Connection::open(target.path("store.db"))
                .unwrap()
                .execute_batch(create)
                .unwrap(),
        }
        let state = folder();
        let (from, to) = (source.url("t"), target.url("t"));
        let strict = run(state.path(), &["copy", &from, &to]);
        assert_eq!(strict.status.code(), Some(1), "{}", shown(&strict));
        let printed = run_well(state.path(), &["copy", &from, &to, "--max-errors", "1"]);
        assert!(printed.contains("1 row kept as dead letters"), "{printed}");
        assert_eq!(target.rows("t").unwrap().len(), 999, "{kind:?}");

        let letters = dead_letters(state.path());
        let [letter] = &letters[..] else { panic!("{letters:?}") };
        assert_eq!(
            (&letter["code"], &letter["key"]),
            (&"E0305".into(), &r#"{"id":"1501"}"#.into())
        );
        let (run_id, id) = (letter["run"].as_str().unwrap(), letter["id"].to_string());
        let details = run_well(state.path(), &["dead-letters", "show", &id]);
        assert!(details.contains("name-000500"), "{details}");

        let args = ["dead-letters", "replay", run_id, "--target", &to];
        let again = run(state.path(), &args);
        assert_eq!(again.status.code(), Some(1), "{}", shown(&again));
        let args = ["dead-letters", "replay", run_id, &id, "--set", "name=mended", "--target", &to];
        let replayed = run_well(state.path(), &args);
        assert!(replayed.contains("1 of 1 written"), "{replayed}");
        let rows = target.rows("t").unwrap();
        assert_eq!(rows.len(), 1_000, "{kind:?}");
        assert!(rows.contains(&"1501|0|mended|note 500 of é😀".to_owned()), "{kind:?}");
        assert_eq!(target.leftovers(), Vec::<String>::new(), "{kind:?}");
    }
}

#[test]
fn a_job_file_runs_as_the_command_does() {
    let source = Place::new(Kind::Csv).unwrap();
    source.fill("t", 20, true);
    let target = Place::new(Kind::Sqlite).unwrap();
    let state = folder();
    let job = state.path().join("job.yaml");
    std::fs::write(
        &job,
        format!(
            "version: 1\nconnections: {{ here: {{ url: {:?} }} }}\nsource: {{ connection: here }}\n\
             sink: {{ url: {:?}, table: people, write: append }}\nmode: batch\n\
             columns: {{ t: [ {{ from: id }}, {{ from: name, to: title }} ] }}\n\
             processors: {{ sink: [ {{ filter: \"id > 30\" }} ] }}\n",
            source.url("t"),
            target.url("t"),
        ),
    )
    .unwrap();
    let job = job.display().to_string();
    let shown = run_well(state.path(), &["check", &job]);
    assert!(shown.contains("t -> people") && shown.contains("name -> title"), "{shown}");
    run_well(state.path(), &["run", &job]);
    let rows: i64 = rusqlite::Connection::open(target.path("store.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM people WHERE title LIKE 'name-%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 10);
    let runs = run_well(state.path(), &["runs"]);
    assert!(runs.contains("finished"), "{runs}");
}

#[test]
fn upsert_puts_new_rows_in_place_of_old_ones() {
    for kind in [Kind::MariaDb, Kind::MySql, Kind::Postgres, Kind::Sqlite] {
        let (Some(source), Some(target)) = (Place::new(Kind::Sqlite), Place::new(kind)) else {
            continue;
        };
        source.fill("t", 500, true);
        let state = folder();
        let (from, to) = (source.url("t"), target.url("t"));
        run_well(state.path(), &["copy", &from, &to]);
        let old = rusqlite::Connection::open(source.path("store.db")).unwrap();
        old.execute_batch("UPDATE t SET name = 'new' WHERE id % 2 = 0; DELETE FROM t WHERE id = 1")
            .unwrap();
        run_well(state.path(), &["copy", &from, &to]);
        let rows = target.rows("t").unwrap();
        assert_eq!(rows.len(), 500, "{kind:?}: an upsert deletes nothing");
        assert_eq!(rows.iter().filter(|r| r.contains("|new|")).count(), 250, "{kind:?}");
    }
}
