//! Comparing a source and a target while a run follows the one into the other: what is on its way is
//! not judged, what stands is found and mended through the same sink, and the run goes on.

mod following;
mod place;

use std::process::{Child, Command, Output};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use following::{PATIENCE, Pair, To, Watched, output_within, pairs, signal};
use place::{shown, syncline, text};
use serde_json::Value;
use syncline_testkit::servers::Kind;

/// Writes the job of a pair; the command that does something with it.
fn job(pair: &Pair, doing: &str, more: &[&str]) -> Command {
    let file = pair.folder.path().join("job.yaml");
    let (source, sink) = (&pair.urls.0, &pair.urls.1);
    let job = format!(
        "version: 1\nname: compared\nsource: {{ url: \"{source}\" }}\n\
         sink: {{ url: \"{sink}\" }}\nmode: full+changes\n\
         speed: {{ parallel: 2, split_rows: 100 }}\ncheckpoint: {{ every: 100ms }}\n"
    );
    std::fs::write(&file, job).expect("a job file");
    let mut command = syncline(&pair.state);
    command.args([doing, text(&file)]).args(more);
    command
}

/// Compares two tables while rows are on their way.
fn compared(pair: &Pair, settle: &str, more: &[&str]) -> Output {
    let mut command = job(pair, "verify", &["--table", "quiet", "--table", "accounts"]);
    output_within(command.args(["--settle", settle]).args(more), PATIENCE * 5)
}

/// A source with rows that the load leaves alone, in a table of theirs and among others.
fn with_quiet_rows(from: Kind, to: To) -> Option<Pair> {
    let pair = Pair::new(from, to, rand::random())?;
    pair.source.execute("CREATE TABLE quiet (id int NOT NULL PRIMARY KEY, a varchar(20))");
    let rows: Vec<String> = (0..50).map(|id| format!("({id}, 'row {id}')")).collect();
    pair.source.execute(&format!("INSERT INTO quiet VALUES {}", rows.join(", ")));
    pair.source.execute(
        "INSERT INTO accounts VALUES (500000, 1, 1.00, 'still', NULL), \
         (500001, 1, 2.00, 'still', NULL), (500002, 1, 3.00, 'restless', NULL)",
    );
    Some(pair)
}

/// As [`compared`], again for as long as the run is too slow to be waited for; all that was said.
#[track_caller]
fn compared_in_the_end(pair: &Pair, more: &[&str]) -> (Option<i32>, String) {
    let (begun, mut said) = (Instant::now(), String::new());
    loop {
        let output = compared(pair, "1s", more);
        said.push_str(&shown(&output));
        let behind = String::from_utf8_lossy(&output.stderr).contains("is behind");
        if !behind || begun.elapsed() > PATIENCE * 3 {
            return (output.status.code(), said);
        }
    }
}

fn is_mended_while_it_runs(from: Kind, to: To) {
    let Some(pair) = with_quiet_rows(from, to) else { return };
    let target = pair.target.as_ref().expect("a server");
    let mut run = Watched::start(job(&pair, "run", &[]), &pair);
    run.wait_for("streaming");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Of this row, many a look does not find the same on both sides.
        scope.spawn(|| {
            let mut session = pair.source.session();
            while !done.load(SeqCst) {
                session.execute("UPDATE accounts SET owner = owner + 1 WHERE id = 500002");
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let ends = Ends(&done);
        target.execute("DELETE FROM quiet WHERE id = 7");
        target.execute("UPDATE quiet SET a = 'bent' WHERE id = 8");
        target.execute("INSERT INTO quiet VALUES (900, 'nobody knows')");
        target.execute("DELETE FROM accounts WHERE id = 500000");
        target.execute("UPDATE accounts SET note = 'bent' WHERE id = 500001");
        let (code, said) = compared_in_the_end(&pair, &[]);
        assert_eq!(code, Some(3), "{said}");
        for words in [
            "missing     id=7",
            "different   id=8",
            "extra       id=900",
            "missing     id=500000",
            "different   id=500001",
        ] {
            assert!(said.contains(words), "no {words:?}: {said}");
        }
        assert!(!said.contains("id=500002"), "{said}");
        let (code, said) = compared_in_the_end(&pair, &["--repair"]);
        assert_eq!(code, Some(0), "{said}");
        for words in ["quiet: 2 rows written, 1 deleted", "accounts: 2 rows written, 0 deleted"] {
            assert!(said.contains(words), "no {words:?}: {said}");
        }
        drop(ends);
    });
    // The run was not disturbed, and source and target are one.
    pair.load(20);
    pair.wait_same(&mut run.child);
    let rows = "SELECT id, a FROM quiet ORDER BY id";
    assert_eq!(target.rows(rows), pair.source.rows(rows));
    assert_eq!(run.interrupt(), 130, "{}", run.last());
    pair.verify();
}

/// Ends what goes on in another thread whatever happens.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

pairs!(is_mended_while_it_runs {
    a_running_job_is_mended_from_mariadb_to_postgres: MariaDb -> To::Server(Kind::Postgres);
    a_running_job_is_mended_from_postgres_to_mysql: Postgres -> To::Server(Kind::MySql);
});

/// What the log will bring is not mended, however long it does not come.
#[test]
fn what_a_run_is_behind_with_is_left_to_it() {
    let to = To::Server(Kind::Postgres);
    let Some(pair) = with_quiet_rows(Kind::MariaDb, to) else { return };
    let target = pair.target.as_ref().expect("a server");
    let mut run = Watched::start(job(&pair, "run", &[]), &pair);
    run.wait_for("streaming");
    let count = "SELECT count(*) FROM quiet";
    run.wait_until("the snapshot is there", |_| {
        target.try_rows(count).is_ok_and(|rows| rows == pair.source.rows(count))
    });
    signal(run.child.id(), "STOP");
    pair.source.execute("INSERT INTO quiet VALUES (100, 'later'), (101, 'later')");
    pair.source.execute("UPDATE quiet SET a = 'later' WHERE id = 1");
    let before = target.rows("SELECT id, a FROM quiet ORDER BY id");
    let output = compared(&pair, "300ms", &["--repair"]);
    let after = target.rows("SELECT id, a FROM quiet ORDER BY id");
    signal(run.child.id(), "CONT");
    assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
    let said = shown(&output);
    assert!(said.contains("is behind") && said.contains("quiet: not mended"), "{said}");
    assert_eq!(before, after, "nothing was written: {said}");
    // It goes on as if nothing had been asked.
    let rows = "SELECT id, a FROM quiet ORDER BY id";
    run.wait_until("the rows come", |_| target.rows(rows) == pair.source.rows(rows));
    assert_eq!(run.interrupt(), 130, "{}", run.last());
    pair.verify();
}

/// A row that is never the same on both sides does not keep the others from being mended, and is
/// not touched.
#[test]
fn rows_that_move_are_left_alone_and_the_others_are_mended() {
    let folder = place::folder();
    let at = |name: &str| folder.path().join(name);
    let url = |name: &str| format!("sqlite:{}", at(name).display());
    let open = |name: &str| {
        let database = rusqlite::Connection::open(at(name)).expect("SQLite opens");
        database.busy_timeout(PATIENCE).expect("patience");
        database
    };
    for (name, rows) in [
        ("a.db", "(1, 'moves'), (2, 'y'), (3, 'z')"),
        ("b.db", "(1, 'old'), (2, 'bent'), (9, 'w')"),
    ] {
        let rows =
            format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES {rows}");
        open(name).execute_batch(&rows).expect("a table");
    }
    let done = AtomicBool::new(false);
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            let source = open("a.db");
            while !done.load(SeqCst) {
                let sql = "UPDATE t SET v = hex(randomblob(8)) WHERE id = 1";
                source.execute(sql, []).expect("the row moves");
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let ends = Ends(&done);
        let (from, to) = (url("a.db"), url("b.db"));
        let args = ["verify", &from, &to, "--settle", "1500ms", "--repair"];
        let output = output_within(syncline(&at("state")).args(args), PATIENCE * 2);
        drop(ends);
        output
    });
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let said = shown(&output);
    assert!(said.contains("t: 2 rows written, 1 deleted"), "{said}");
    assert!(said.contains("1 rows are on their way"), "{said}");
    let target = open("b.db");
    let sql = "SELECT group_concat(id || v, ' ') FROM (SELECT * FROM t ORDER BY id)";
    let rows: String = target.query_row(sql, [], |row| row.get(0)).expect("rows");
    assert_eq!(rows, "1old 2y 3z");
}

/// Whether this process ignores the signal of a terminal that is closed.
fn outlives_its_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("our own status");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask");
    u64::from_str_radix(mask.trim(), 16).expect("a number") & 1 == 1
}

/// What a command that is about to end has said.
#[track_caller]
fn at_its_end(mut child: Child) -> Output {
    let begun = Instant::now();
    while child.try_wait().expect("the command is looked at").is_none() {
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("it has ended")
}

/// `tail -f`: changes are printed as they happen, those of the tables that are asked for; what it
/// needed at the source goes with it.
fn is_printed_as_it_happens(from: Kind, to: To, ends_by: &str) {
    let Some(pair) = Pair::new(from, to, 1) else { return };
    let printed = pair.folder.path().join("printed");
    let file = std::fs::File::create(&printed).expect("a file");
    let mut command = syncline(&pair.state);
    command.args(["changes", &pair.urls.0, "--table", "par*", "--table", "seats"]);
    command.stdout(file).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    let lines = || {
        let text = std::fs::read_to_string(&printed).expect("what is printed");
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines = whole.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        lines.collect::<Vec<Value>>()
    };
    let mut wait = |what: &str, holds: &dyn Fn(&[Value]) -> bool, doing: &dyn Fn(usize)| {
        let begun = Instant::now();
        for round in 0.. {
            if holds(&lines()) {
                return;
            }
            let ended = child.try_wait().expect("the command is looked at");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{what}: {ended:?}");
            doing(round);
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    // From now on: when that is, shows with the first line.
    let knock = |round: usize| {
        pair.source.execute(&format!("UPDATE parents SET name = 'knock {round}' WHERE id = 1"));
    };
    wait("the first change", &|lines| !lines.is_empty(), &knock);
    for statement in [
        "INSERT INTO parents VALUES (9001, 'a')",
        "INSERT INTO words VALUES ('unasked', 1, NULL)",
        "UPDATE parents SET name = 'b' WHERE id = 9001",
        "UPDATE seats SET guest = 'here' WHERE id = 1",
        "DELETE FROM parents WHERE id = 9001",
    ] {
        pair.source.execute(statement);
    }
    let gone = |line: &Value| line["op"] == "delete" && line["before"]["id"] == 9001;
    wait("the last change", &|lines| lines.iter().any(gone), &|_| ());
    // Where the tests themselves were started to outlive their terminal, so is the command.
    signal(child.id(), if ends_by == "HUP" && outlives_its_terminal() { "TERM" } else { ends_by });
    let ended = at_its_end(child);
    assert_eq!(ended.status.code(), Some(0), "{}", shown(&ended));
    let lines = lines();
    let of = |line: &Value| {
        let row = if line["op"] == "delete" { &line["before"] } else { &line["after"] };
        let (op, table) =
            (line["op"].as_str().unwrap_or("-"), line["table"].as_str().unwrap_or("-"));
        (row["id"] == 9001 || table.ends_with("seats"))
            .then(|| format!("{op} {}", table.rsplit('.').next().unwrap_or(table)))
    };
    let told: Vec<String> = lines.iter().filter_map(of).collect();
    assert_eq!(
        told,
        ["insert parents", "update parents", "update seats", "delete parents"],
        "{lines:?}"
    );
    assert!(!lines.iter().any(|line| line.to_string().contains("unasked")), "{lines:?}");
    if !from.is_mysql() {
        let name = pair.source.name();
        let slots = format!("SELECT slot_name FROM pg_replication_slots WHERE database = '{name}'");
        assert!(pair.source.rows(&slots).is_empty(), "its slot is left");
        assert!(pair.source.rows("SELECT pubname FROM pg_publication").is_empty());
    }
}

pairs!(is_printed_as_it_happens {
    changes_of_mariadb_are_printed_as_they_happen: MariaDb -> To::Sqlite, "INT";
    changes_of_mysql_are_printed_as_they_happen: MySql -> To::Sqlite, "TERM";
    changes_of_postgres_are_printed_as_they_happen: Postgres -> To::Sqlite, "INT";
    changes_of_postgres17_are_printed_until_the_terminal_is_closed: Postgres17 -> To::Sqlite, "HUP";
});

/// A reader that leaves ends the printing, as it ends any other command's.
#[test]
fn a_reader_that_leaves_is_no_error() {
    let Some(pair) = Pair::new(Kind::Postgres, To::Sqlite, 1) else { return };
    let mut command = syncline(&pair.state);
    command.args(["changes", &pair.urls.0, "--table", "parents"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    drop(child.stdout.take());
    let begun = Instant::now();
    while child.try_wait().expect("the command is looked at").is_none() {
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it prints for nobody");
        }
        pair.source.execute("UPDATE parents SET name = 'x' WHERE id = 1");
        std::thread::sleep(Duration::from_millis(100));
    }
    let ended = child.wait_with_output().expect("it has ended");
    assert_eq!(ended.status.code(), Some(0), "{}", shown(&ended));
    assert!(!String::from_utf8_lossy(&ended.stderr).contains("error"), "{}", shown(&ended));
    let name = pair.source.name();
    let slots = format!("SELECT slot_name FROM pg_replication_slots WHERE database = '{name}'");
    assert!(pair.source.rows(&slots).is_empty(), "its slot is left");
}
