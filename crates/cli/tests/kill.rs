//! Copies killed at random moments: started again with the same command, they end with exactly the
//! rows of the source, with a key and without, and leave nothing else behind.

mod place;

use std::time::Duration;

use place::{Kind, Place};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// Kills over each pair of kinds, half of them with a key and half without.
const KILLS: usize = 50;
const ROWS: usize = 4_000;
/// A copy goes on for about a second at this speed, so that kills find it at work.
const ROWS_PER_SECOND: &str = "6000";

fn survive(from: Kind, to: Kind) {
    let (Some(source), Some(target)) = (Place::new(from), Place::new(to)) else { return };
    let seed = rand::random();
    let mut random = SmallRng::seed_from_u64(seed);
    for (table, keyed) in [("keyed", true), ("keyless", false)] {
        source.fill(table, ROWS, keyed);
        let expected = source.rows(table).expect("the source has rows");
        let mut kills = 0;
        let mut while_at_work = 0;
        while kills < KILLS / 2 {
            target.clear(table);
            let state = tempfile::tempdir().expect("a temporary folder");
            let (source_url, target_url) = (source.url(table), target.url(table));
            let args = [
                "copy",
                &source_url,
                &target_url,
                "--table",
                table,
                "--quiet",
                "--parallel",
                "2",
                "--split-rows",
                "500",
                "--checkpoint-every",
                "20ms",
                "--rows-per-second",
                ROWS_PER_SECOND,
            ];
            // Each try may go on for longer, so that the copy ends at last.
            for attempt in 1.. {
                let mut child = place::start(state.path(), &args);
                let wait = Duration::from_millis(random.random_range(0..200 + 100 * attempt));
                let deadline = std::time::Instant::now() + wait;
                while std::time::Instant::now() < deadline
                    && child.try_wait().expect("the command is waited for").is_none()
                {
                    std::thread::sleep(Duration::from_millis(2));
                }
                if child.try_wait().expect("the command is waited for").is_some() {
                    let output = child.wait_with_output().expect("its output");
                    assert!(
                        output.status.success(),
                        "seed {seed}, {from:?} to {to:?}, {table}: {}",
                        place::shown(&output)
                    );
                    break;
                }
                child.kill().expect("the command is killed");
                child.wait().expect("the command is gone");
                kills += 1;
                let runs = place::run_well(state.path(), &["runs", "--json"]);
                if runs.contains("\"state\":\"finished\"") {
                    // Killed between its last word and its end: the same command is another run.
                    break;
                }
                if to == Kind::Csv {
                    let there = target.path(&format!("{table}.csv")).exists();
                    assert!(
                        !there || target.rows(table).as_ref() == Some(&expected),
                        "a partial file"
                    );
                } else if target.rows(table).is_some_and(|rows| !rows.is_empty()) {
                    while_at_work += 1;
                }
            }
            let arrived = target.rows(table).expect("the target has the table");
            assert_eq!(arrived.len(), expected.len(), "seed {seed}, {from:?} to {to:?}, {table}");
            assert!(arrived == expected, "seed {seed}, {from:?} to {to:?}, {table}: rows differ");
            assert_eq!(target.leftovers(), Vec::<String>::new(), "seed {seed}");
        }
        if to != Kind::Csv && keyed {
            assert!(while_at_work > 0, "no kill found the copy at work: the test tests nothing");
        }
    }
}

macro_rules! pairs {
    ($($name:ident: $from:ident -> $to:ident;)+) => {
        $(#[test] fn $name() { survive(Kind::$from, Kind::$to); })+
    };
}

pairs! {
    mariadb_to_mariadb: MariaDb -> MariaDb;
    mariadb_to_postgres: MariaDb -> Postgres;
    mariadb_to_sqlite: MariaDb -> Sqlite;
    mariadb_to_csv: MariaDb -> Csv;
    postgres_to_mariadb: Postgres -> MariaDb;
    postgres_to_postgres: Postgres -> Postgres;
    postgres_to_sqlite: Postgres -> Sqlite;
    postgres_to_csv: Postgres -> Csv;
    sqlite_to_mariadb: Sqlite -> MariaDb;
    sqlite_to_postgres: Sqlite -> Postgres;
    sqlite_to_sqlite: Sqlite -> Sqlite;
    sqlite_to_csv: Sqlite -> Csv;
    csv_to_mariadb: Csv -> MariaDb;
    csv_to_postgres: Csv -> Postgres;
    csv_to_sqlite: Csv -> Sqlite;
    csv_to_csv: Csv -> Csv;
}
