//! `verify` and `--repair`, on real stores: equal tables, every kind of difference, tables without
//! keys, stores that sort in different ways.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../place/mod.rs"]
mod place;

mod rows;
mod values;
mod words;

use std::path::Path;

use place::{Kind, Place, run, shown};
use serde_json::Value;

/// What `verify --events json` said, and its exit code.
struct Said {
    code: i32,
    events: Vec<Value>,
}

impl Said {
    fn of(state: &Path, source: &str, target: &str, more: &[&str]) -> Said {
        let mut args = vec!["verify", source, target, "--events", "json", "--retry-for", "5s"];
        args.extend(more);
        let output = run(state, &args);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let events: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let code = output.status.code().unwrap();
        assert!(
            events.last().is_some_and(|e| e["event"] == "verified"),
            "{args:?}: {}",
            shown(&output)
        );
        Said { code, events }
    }

    fn all(&self, event: &str) -> Vec<&Value> {
        self.events.iter().filter(|e| e["event"] == event).collect()
    }

    fn table(&self) -> &Value {
        &self.events.last().unwrap()["tables"][0]
    }

    /// Equal, missing, extra, different.
    fn counts(&self) -> [u64; 4] {
        ["equal", "missing", "extra", "different"].map(|k| self.table()[k].as_u64().unwrap())
    }

    fn method(&self) -> &str {
        self.table()["method"].as_str().unwrap()
    }

    /// Differences as `kind key column:source->target`.
    fn differences(&self) -> Vec<String> {
        let mut all: Vec<String> = self.all("difference").into_iter().map(told).collect();
        all.sort();
        all
    }
}

fn told(difference: &Value) -> String {
    let mut words = difference["kind"].as_str().unwrap().to_owned();
    for key in difference["key"].as_array().unwrap() {
        words.push_str(&format!(" {}", key["value"].as_str().unwrap()));
    }
    for column in difference["columns"].as_array().unwrap() {
        let side = |name: &str| column[name].as_str().unwrap_or("-").to_owned();
        let name = column["column"].as_str().unwrap();
        words.push_str(&format!(" {name}:{}->{}", side("source"), side("target")));
    }
    words
}

fn execute(place: &Place, sql: &str) {
    match &place.database {
        Some(database) => database.execute(sql),
        None => {
            rusqlite::Connection::open(place.path("store.db")).unwrap().execute_batch(sql).unwrap()
        }
    }
}

fn pair(source: Kind, target: Kind) -> Option<(Place, Place)> {
    Some((Place::new(source)?, Place::new(target)?))
}

const PAIRS: [(Kind, Kind); 8] = [
    (Kind::MariaDb, Kind::Postgres),
    (Kind::Postgres, Kind::Postgres),
    (Kind::MariaDb, Kind::MariaDb),
    (Kind::MySql, Kind::MariaDb),
    (Kind::MariaDb, Kind::Sqlite),
    (Kind::Csv, Kind::Postgres),
    (Kind::Sqlite, Kind::MySql),
    (Kind::Sqlite, Kind::Sqlite),
];
