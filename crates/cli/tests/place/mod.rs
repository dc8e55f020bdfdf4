//! Places that hold a table for end-to-end tests: each kind of store the command can reach, filled
//! and read back without the command's help.
#![allow(dead_code)] // each test file uses its own part

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use syncline_testkit::servers::{Database, Kind as ServerKind, Server};
use tempfile::TempDir;

/// The kinds of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    MariaDb,
    MySql,
    Postgres,
    Sqlite,
    Csv,
}

/// A store of a test's own, with room for tables.
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) database: Option<Database>,
    pub(crate) folder: TempDir,
}

/// The columns of every test table, without types.
const COLUMNS: &str = "id, grp, name, note";

impl Place {
    /// A fresh one; `None` when its server cannot be had here.
    pub(crate) fn new(kind: Kind) -> Option<Place> {
        let server = match kind {
            Kind::MariaDb => Some(ServerKind::MariaDb),
            Kind::MySql => Some(ServerKind::MySql),
            Kind::Postgres => Some(ServerKind::Postgres),
            Kind::Sqlite | Kind::Csv => None,
        };
        let database = match server {
            Some(kind) => Some(Server::shared(kind)?.database()),
            None => None,
        };
        Some(Place { kind, database, folder: tempfile::tempdir().expect("a temporary folder") })
    }

    /// As the command takes it.
    pub(crate) fn url(&self, table: &str) -> String {
        match (&self.database, self.kind) {
            (Some(database), _) => database.url(),
            (None, Kind::Sqlite) => format!("sqlite:{}", self.path("store.db").display()),
            (None, _) => self.path(&format!("{table}.csv")).display().to_string(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("store.db")).expect("SQLite opens")
    }

    fn execute(&self, sql: &str) {
        match &self.database {
            Some(database) => database.execute(sql),
            None => self.sqlite().execute_batch(sql).expect("SQLite executes"),
        }
    }

    /// Makes a table of `rows` rows; with a primary key that has gaps, or without any key.
    pub(crate) fn fill(&self, table: &str, rows: usize, keyed: bool) {
        let values = |row: usize| {
            let note =
                if row.is_multiple_of(7) { None } else { Some(format!("note {row} of é😀")) };
            (row * 3 + 1, row % 10, format!("name-{row:06}"), note)
        };
        if self.kind == Kind::Csv {
            let mut text = String::from("id,grp,name,note\n");
            for (id, group, name, note) in (0..rows).map(values) {
                text.push_str(&format!("{id},{group},{name},{}\n", note.unwrap_or_default()));
            }
            std::fs::write(self.path(&format!("{table}.csv")), text).expect("the file is written");
            return;
        }
        let key = if keyed { " PRIMARY KEY" } else { "" };
        self.execute(&format!(
            "CREATE TABLE {table} (id bigint{key}, grp int, name varchar(100), note text)"
        ));
        for start in (0..rows).step_by(1_000) {
            let rows: Vec<String> = (start..rows.min(start + 1_000))
                .map(values)
                .map(|(id, group, name, note)| {
                    let note = note.map_or("NULL".into(), |n| format!("'{n}'"));
                    format!("({id}, {group}, '{name}', {note})")
                })
                .collect();
            self.execute(&format!("INSERT INTO {table} ({COLUMNS}) VALUES {}", rows.join(",")));
        }
    }

    /// All rows of a table as text, sorted; doubled rows stand there twice. `None` when there is
    /// no such table.
    pub(crate) fn rows(&self, table: &str) -> Option<Vec<String>> {
        let mut rows: Vec<String> = match (&self.database, self.kind) {
            (Some(database), _) => database
                .session()
                .try_rows(&format!("SELECT {COLUMNS} FROM {table}"))
                .ok()?
                .into_iter()
                .map(|row| join(row.into_iter()))
                .collect(),
            (None, Kind::Sqlite) => {
                let connection = self.sqlite();
                let mut statement =
                    connection.prepare(&format!("SELECT {COLUMNS} FROM {table}")).ok()?;
                let text = |row: &rusqlite::Row<'_>, index| -> Option<String> {
                    match row.get_ref(index).expect("a column") {
                        rusqlite::types::ValueRef::Null => None,
                        rusqlite::types::ValueRef::Integer(n) => Some(n.to_string()),
                        rusqlite::types::ValueRef::Text(t) => {
                            Some(String::from_utf8_lossy(t).into_owned())
                        }
                        other => Some(format!("{other:?}")),
                    }
                };
                statement
                    .query_map([], |row| Ok(join((0..4).map(|i| text(row, i)))))
                    .expect("SQLite queries")
                    .collect::<Result<_, _>>()
                    .expect("SQLite reads")
            }
            (None, _) => {
                let path = self.path(&format!("{table}.csv"));
                let text = std::fs::read_to_string(path).ok()?;
                let mut lines = text.lines();
                assert_eq!(lines.next(), Some("id,grp,name,note"), "the header");
                // No value of these tables needs quotes.
                lines
                    .map(|line| {
                        join(line.split(',').map(|v| (!v.is_empty()).then(|| v.to_owned())))
                    })
                    .collect()
            }
        };
        rows.sort_unstable();
        Some(rows)
    }

    /// Drops a table, where it is.
    pub(crate) fn clear(&self, table: &str) {
        match self.kind {
            Kind::Csv => drop(std::fs::remove_file(self.path(&format!("{table}.csv")))),
            _ => self.execute(&format!("DROP TABLE IF EXISTS {table}")),
        }
    }

    /// What a finished or given-up copy must not leave behind: side tables, positions, part files.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        match (&self.database, self.kind) {
            (Some(database), Kind::Postgres) => column(database.rows(
                "SELECT table_name FROM information_schema.tables WHERE table_name LIKE '\\_syncline%'",
            )),
            (Some(database), _) => column(database.rows(
                "SELECT table_name FROM information_schema.tables
                 WHERE table_schema = database() AND table_name LIKE '\\_syncline%'",
            )),
            (None, Kind::Sqlite) => {
                let connection = self.sqlite();
                let mut statement = connection
                    .prepare("SELECT name FROM sqlite_schema WHERE name LIKE '\\_syncline%' ESCAPE '\\'")
                    .expect("SQLite prepares");
                let names = statement.query_map([], |row| row.get(0)).expect("SQLite queries");
                names.collect::<Result<_, _>>().expect("SQLite reads")
            }
            (None, _) => hidden_files(self.folder.path()),
        }
    }
}

fn column(rows: Vec<Vec<Option<String>>>) -> Vec<String> {
    rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
}

fn hidden_files(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder)
        .expect("the folder is read")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with('.'))
        .collect()
}

fn join(values: impl Iterator<Item = Option<String>>) -> String {
    values.map(|v| v.unwrap_or_else(|| "NULL".into())).collect::<Vec<_>>().join("|")
}

/// The command, with its state in a folder of the test's own.
pub(crate) fn syncline(state: &Path) -> Command {
    let built = || env!("CARGO_BIN_EXE_syncline").into();
    let mut command = Command::new(std::env::var_os("SYNCLINE_BIN").unwrap_or_else(built));
    command.env("SYNCLINE_STATE", state).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub(crate) fn run(state: &Path, args: &[&str]) -> Output {
    syncline(state).args(args).output().expect("the command starts")
}

/// Runs the command to its end, which must be a good one; returns standard output.
pub(crate) fn run_well(state: &Path, args: &[&str]) -> String {
    let output = run(state, args);
    assert!(output.status.success(), "{args:?}: {}", shown(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Starts the command with nothing shown.
pub(crate) fn start(state: &Path, args: &[&str]) -> Child {
    let mut command = syncline(state);
    command.args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("the command starts")
}

/// What a command printed, for a failure.
pub(crate) fn shown(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
