//! What the command says of differences and of what it cannot mend, its exit codes, jobs, and rows that
//! are on their way.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Output, Stdio};

use crate::place::{self, Kind, Place, folder, run, run_well, shown};
use crate::{Said, execute};

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
