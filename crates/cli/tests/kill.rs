//! Copies killed at random moments: started again with the same command, they end with exactly the
//! rows of the source, with a key and without, and leave nothing else behind.
//!
//! `SYNCLINE_KILLS` sets the kills of each pair.

mod place;

use std::path::Path;
use std::time::{Duration, Instant};

use place::{Kind, Place};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// Kills over each pair, half of them with a key and half without.
const KILLS: usize = 50;
const ROWS: usize = 4_000;
/// A copy goes on for about a second at this speed, so that kills find it at work.
const ROWS_PER_SECOND: &str = "6000";

/// One pair of places, over and over.
struct Trial {
    source: Place,
    target: Place,
    table: &'static str,
    expected: Vec<String>,
    random: SmallRng,
    /// For messages: what is tried, with the seed.
    name: String,
    kills: usize,
    /// Kills that found rows at the target, and the table not whole.
    while_at_work: usize,
}

impl Trial {
    fn new(from: Kind, to: Kind, keyed: bool) -> Option<Trial> {
        let (source, target) = (Place::new(from)?, Place::new(to)?);
        let table = if keyed { "keyed" } else { "keyless" };
        source.fill(table, ROWS, keyed);
        let expected = source.rows(table).expect("the source has rows");
        assert_eq!(expected.len(), ROWS);
        let seed = rand::random();
        let name = format!("{from:?} to {to:?}, {table}, seed {seed}");
        let random = SmallRng::seed_from_u64(seed);
        Some(Trial { source, target, table, expected, random, name, kills: 0, while_at_work: 0 })
    }

    /// Copies once, with kills on the way.
    fn copy(&mut self) {
        self.target.clear(self.table);
        let state = tempfile::tempdir().expect("a temporary folder");
        let (from, to) = (self.source.url(self.table), self.target.target_url(self.table));
        let args: Vec<&str> = ["copy", &from, &to, "--table", self.table, "--quiet"]
            .into_iter()
            .chain(["--parallel", "2", "--split-rows", "500", "--checkpoint-every", "20ms"])
            .chain(["--rows-per-second", ROWS_PER_SECOND])
            .collect();
        // Each try may go on for longer, so that the copy ends at last.
        for attempt in 1.. {
            let wait = Duration::from_millis(self.random.random_range(0..200 + 100 * attempt));
            if !self.killed_within(wait, state.path(), &args) {
                break;
            }
            self.kills += 1;
            let runs = place::run_well(state.path(), &["runs", "--json"]);
            if runs.contains("\"state\":\"finished\"") {
                // Killed between its last word and its end: the same command is another run.
                break;
            }
            self.look();
        }
        let arrived = self.target.rows(self.table).expect("the target has the table");
        assert_eq!(arrived.len(), self.expected.len(), "{}", self.name);
        assert!(arrived == self.expected, "{}: rows differ", self.name);
        assert_eq!(self.target.leftovers(), Vec::<String>::new(), "{}", self.name);
    }

    /// Runs the command and kills it after a while; false when it ended well before.
    fn killed_within(&self, wait: Duration, state: &Path, args: &[&str]) -> bool {
        let mut child = place::start(state, args);
        let deadline = Instant::now() + wait;
        while child.try_wait().expect("the command is waited for").is_none() {
            if Instant::now() >= deadline {
                child.kill().expect("the command is killed");
                child.wait().expect("the command is gone");
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let output = child.wait_with_output().expect("its output");
        assert!(output.status.success(), "{}: {}", self.name, place::shown(&output));
        false
    }

    /// What a kill has left.
    fn look(&mut self) {
        match (self.target.kind, self.target.rows(self.table)) {
            (_, None) => {}
            // Page after page takes its name once all are whole.
            (Kind::Sql, Some(rows)) => {
                let known = |row: &String| self.expected.binary_search(row).is_ok();
                assert!(rows.iter().all(known), "{}: a partial page", self.name);
            }
            (kind, Some(rows)) if kind.extension().is_some() => {
                assert!(rows == self.expected, "{}: a partial file", self.name);
            }
            (_, Some(rows)) => {
                self.while_at_work +=
                    usize::from(!rows.is_empty() && rows.len() < self.expected.len());
            }
        }
    }
}

fn survive(from: Kind, to: Kind) {
    let kills = std::env::var("SYNCLINE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let half = |keyed: bool| {
        let Some(mut trial) = Trial::new(from, to, keyed) else { return };
        while trial.kills < kills / 2 {
            trial.copy();
        }
        let visible = to.extension().is_none() && keyed;
        assert!(
            !visible || trial.while_at_work > 0,
            "{}: no kill found the copy at work: the test tests nothing",
            trial.name
        );
    };
    // They wait more than they work.
    std::thread::scope(|scope| {
        scope.spawn(|| half(true));
        half(false);
    });
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
    // Another server of a kind, and other formats of files.
    mysql_to_mysql: MySql -> MySql;
    mysql_to_parquet: MySql -> Parquet;
    postgres_to_mysql: Postgres -> MySql;
    jsonl_to_mysql: Jsonl -> MySql;
    mysql_to_sql: MySql -> Sql;
    parquet_to_postgres: Parquet -> Postgres;
    parquet_to_jsonl: Parquet -> Jsonl;
    postgres_to_parquet: Postgres -> Parquet;
    mariadb_to_jsonl: MariaDb -> Jsonl;
    sqlite_to_parquet: Sqlite -> Parquet;
    csv_to_sql: Csv -> Sql;
    sql_to_sqlite: Sql -> Sqlite;
    sql_to_postgres: Sql -> Postgres;
    jsonl_to_sqlite: Jsonl -> Sqlite;
}
