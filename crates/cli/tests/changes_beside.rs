//! Tables join a run that follows others, at targets where the copy and the changes share something:
//! the one writer of SQLite, the one log of files. What happens to the others arrives while the copy
//! is under way, and killed in the middle of it, all ends as it is at the source.

mod following;
mod place;

use std::path::Path;
use std::time::Duration;

use following::replay::{Rows, changes_of, counted, replayed, said};
use following::{Pair, To, Watched, dies_at, pairs, takes_places};
use syncline_testkit::servers::Kind;

/// What the job selects first.
const FIRST: &str = "[accounts, seats, line_items]";
/// What it selects later: a table that takes its time.
const MORE: &str = "[accounts, seats, line_items, many]";
/// What it selects in the end.
const ALL: &str = "[accounts, seats, line_items, words, happenings, parents, children, wide, many]";
/// At this pace it takes minutes, which nobody waits for.
const SLOWLY: &str = ", rows_per_second: 200";
/// Rows of the table that takes its time.
const MANY: usize = 40_000;

/// Makes the table that takes its time.
fn make_many(pair: &Pair) {
    pair.source.execute("CREATE TABLE many (id int NOT NULL PRIMARY KEY, n int NOT NULL)");
    let rows: Vec<String> = (0..MANY).map(|id| format!("({id}, 0)")).collect();
    for rows in rows.chunks(5_000) {
        pair.source.execute(&format!("INSERT INTO many VALUES {}", rows.join(", ")));
    }
}

/// A number that the file says, if it has the table yet.
fn number(file: &Path, sql: &str) -> Option<usize> {
    let connection = rusqlite::Connection::open(file).ok()?;
    connection.busy_timeout(Duration::from_secs(20)).ok()?;
    connection.query_row(sql, [], |row| row.get::<_, i64>(0)).ok()?.try_into().ok()
}

/// The whole numbers that the source says.
fn of_source(pair: &Pair, sql: &str) -> Vec<String> {
    let rows = pair.source.rows(sql).into_iter();
    rows.map(|row| row.into_iter().flatten().collect::<Vec<_>>().join("|")).collect()
}

/// Some of both are changed at the source; how many accounts.
fn change(pair: &Pair, round: usize) -> usize {
    pair.source.execute(&format!("UPDATE accounts SET note = 'round {round}' WHERE id < 50"));
    pair.source.execute(&format!("UPDATE many SET n = n + 1 WHERE id % 4000 = {round}"));
    pair.source.execute(&format!("DELETE FROM many WHERE id % 4000 = {}", 10 + round));
    let sql = format!("SELECT count(*) FROM accounts WHERE note = 'round {round}'");
    pair.source.value(&sql).and_then(|n| n.parse().ok()).expect("a count")
}

fn changes_come_between_a_copys_rows(from: Kind, to: To) {
    let Some(pair) = Pair::new(from, to, rand::random()) else { return };
    let file = pair.folder.path().join("t.db");
    make_many(&pair);
    pair.job_catches_up(FIRST);
    let mut run = Watched::start(pair.job(MORE, SLOWLY, &[]), &pair);
    let copied = || number(&file, "SELECT count(*) FROM many").unwrap_or(0);
    run.wait_until("the copy is under way", |_| copied() > 0);
    for round in 0..3 {
        let wanted = change(&pair, round);
        let sql = format!("SELECT count(*) FROM accounts WHERE note = 'round {round}'");
        let arrived = |_: &Watched| number(&file, &sql) == Some(wanted);
        run.wait_until("the change of another table arrives", arrived);
    }
    let copied = copied();
    assert!(copied > 0 && copied < MANY, "the copy was under way: {copied} rows");
    run.child.kill().expect("it is killed");
    drop(run);
    change(&pair, 3);
    pair.job_catches_up(MORE);
    change(&pair, 4);
    pair.load(30);
    pair.job_catches_up(ALL);
    pair.assert_same();
    let got = of_file(&file, "SELECT id || '|' || n FROM many ORDER BY id");
    assert_eq!(got, of_source(&pair, "SELECT id, n FROM many ORDER BY id"));
    let sql = "SELECT count(*) FROM _syncline_checkpoint WHERE run LIKE '%+'";
    assert_eq!(number(&file, sql), Some(0), "what only the joining needed is gone");
}

/// The texts that the file says.
fn of_file(file: &Path, sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(file).expect("the file");
    let mut statement = connection.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

pairs!(changes_come_between_a_copys_rows {
    changes_go_on_while_a_table_joins_from_mariadb_to_sqlite: MariaDb -> To::Sqlite;
    changes_go_on_while_a_table_joins_from_postgres_to_sqlite: Postgres -> To::Sqlite;
});

/// The pair with files as its target.
fn to_files(from: Kind, seed: u64) -> Option<Pair> {
    let mut pair = Pair::new(from, To::Sqlite, seed)?;
    pair.urls.1 = place::text(&pair.folder.path().join("{table}.jsonl")).to_owned();
    Some(pair)
}

/// Snapshot and log of a table come to the source's rows. With `one_moment`, each change is new.
#[track_caller]
fn assert_replays(pair: &Pair, table: &str, columns: &[&str], one_moment: bool) {
    let rows = replayed(pair.folder.path(), table, one_moment).into_values();
    let shown = |row: serde_json::Map<String, serde_json::Value>| {
        let values = columns.iter().map(|c| row.get(*c).map_or("?".to_owned(), said));
        values.collect::<Vec<_>>().join("|")
    };
    let got: Vec<String> = rows.map(shown).collect();
    let values: Vec<String> = columns.iter().map(|c| format!("coalesce({c}, 'NULL')")).collect();
    let values = match pair.from.is_mysql() {
        true => values,
        false => columns.iter().map(|c| format!("coalesce({c}::text, 'NULL')")).collect(),
    };
    let sql = format!("SELECT {} FROM {table} ORDER BY id", values.join(", "));
    assert_eq!(got, of_source(pair, &sql), "{table}, seed {}", pair.load.seed);
}

/// All that the job of all tables has written comes to the source's rows.
#[track_caller]
fn assert_all_replay(pair: &Pair) {
    // From the first on, these are followed from one moment.
    assert_replays(pair, "accounts", &["id", "owner", "note"], true);
    assert_replays(pair, "parents", &["id", "name"], false);
    assert_replays(pair, "children", &["id", "parent", "toys"], false);
    let mut wanted = Rows::new();
    let sql = "SELECT coalesce(kind, -1), coalesce(what, 'NULL') FROM happenings";
    for row in of_source(pair, sql) {
        *wanted.entry(row.replace("-1|", "NULL|")).or_default() += 1;
    }
    // Each change is there once, whatever was killed.
    let got = counted(pair.folder.path(), "happenings", &["kind", "what"]);
    assert_eq!(got, wanted, "seed {}", pair.load.seed);
}

fn segments_come_while_a_file_is_written(from: Kind) {
    let Some(pair) = to_files(from, rand::random()) else { return };
    let folder = pair.folder.path();
    make_many(&pair);
    pair.job_catches_up(FIRST);
    let mut run = Watched::start(pair.job(MORE, SLOWLY, &[]), &pair);
    let events = folder.join("events");
    let begun = |_: &Watched| {
        let said = std::fs::read_to_string(&events).unwrap_or_default();
        said.lines().any(|line| line.contains("\"checkpoint\"") && line.contains("many\""))
    };
    run.wait_until("the copy is under way", begun);
    for round in 0..3 {
        let wanted = change(&pair, round);
        let note = format!("round {round}");
        let arrived = |_: &Watched| {
            let lines = changes_of(folder, "accounts");
            lines.iter().filter(|line| line["after"]["note"] == *note).count() == wanted
        };
        run.wait_until("the change of another table arrives", arrived);
    }
    assert!(!folder.join("many.jsonl").exists(), "the copy was under way");
    run.child.kill().expect("it is killed");
    drop(run);
    change(&pair, 3);
    pair.job_catches_up(MORE);
    change(&pair, 4);
    pair.load(30);
    pair.job_catches_up(ALL);
    assert_replays(&pair, "many", &["id", "n"], false);
    assert_all_replay(&pair);
}

#[test]
fn segments_come_while_a_table_joins_from_mariadb() {
    segments_come_while_a_file_is_written(Kind::MariaDb);
}

#[test]
fn segments_come_while_a_table_joins_from_postgres() {
    segments_come_while_a_file_is_written(Kind::Postgres);
}

/// Places that a run comes by as tables join it.
const PLACES: &[&str] = &[
    "joining-planned",
    "table-committed",
    "copy-loaded",
    "others-rest",
    "log-flushed",
    "others-met",
    "tables-related",
    "copy-forgotten",
];

#[test]
fn tables_join_files_whatever_is_killed() {
    if !takes_places() {
        return;
    }
    let all = "[accounts, seats, line_items, words, happenings, parents, children, wide]";
    for (seed, place) in (1..).zip(PLACES) {
        let Some(pair) = to_files(Kind::MariaDb, seed) else { return };
        pair.under_load(|_| {
            pair.job_catches_up(FIRST);
            dies_at(&pair, pair.job(all, "", &[]), place, 0);
        });
        pair.job_catches_up(all);
        pair.load(20);
        pair.job_catches_up(all);
        assert_all_replay(&pair);
    }
}
