//! Places that hold a table for end-to-end tests: each kind of store the command can reach, filled
//! and read back without the command's help.
#![allow(dead_code, unused_imports)] // each test file uses its own part

mod command;
mod disk;
mod files;

use std::path::{Path, PathBuf};

pub(crate) use command::{
    caught_up, dead_letters, fails, folder, run, run_well, shown, start, syncline, text, wait_for,
};
pub(crate) use disk::Disk;

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
    Jsonl,
    Parquet,
    /// SQL scripts; as a target in pages of 500 rows.
    Sql,
}

impl Kind {
    /// The extension of its files; `None` for what is no file of rows.
    pub(crate) fn extension(self) -> Option<&'static str> {
        match self {
            Kind::MariaDb | Kind::MySql | Kind::Postgres | Kind::Sqlite => None,
            Kind::Csv => Some("csv"),
            Kind::Jsonl => Some("jsonl"),
            Kind::Parquet => Some("parquet"),
            Kind::Sql => Some("sql"),
        }
    }
}

/// A row of the test tables: id, group, name, note.
type Row = (i64, i32, String, Option<String>);

/// The row of that number; keys have gaps.
fn row(number: usize) -> Row {
    let n = i64::try_from(number).expect("few rows");
    let note = (n % 7 != 0).then(|| format!("note {n} of é😀"));
    (n * 3 + 1, i32::try_from(n % 10).unwrap_or(0), format!("name-{n:06}"), note)
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
            _ => None,
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
            (None, kind) => {
                let extension = kind.extension().expect("a kind of file");
                self.path(&format!("{table}.{extension}")).display().to_string()
            }
        }
    }

    /// As the command takes it for a target.
    pub(crate) fn target_url(&self, table: &str) -> String {
        match self.kind {
            Kind::Sql => {
                let path = self.path(&format!("{table}.{{page}}.sql"));
                format!("{}?dialect=sqlite&rows=500", path.display())
            }
            _ => self.url(table),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("store.db")).expect("SQLite opens")
    }

    pub(crate) fn execute(&self, sql: &str) {
        match &self.database {
            Some(database) => database.execute(sql),
            None => self.sqlite().execute_batch(sql).expect("SQLite executes"),
        }
    }

    /// Makes a table of `rows` rows; with a primary key that has gaps, or without any key.
    pub(crate) fn fill(&self, table: &str, rows: usize, keyed: bool) {
        if self.kind.extension().is_some() {
            let path = PathBuf::from(self.url(table));
            return files::fill(self.kind, &path, table, keyed, (0..rows).map(row));
        }
        statements(table, rows, keyed).for_each(|statement| self.execute(&statement));
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
            (None, Kind::Sqlite) => sqlite_rows(&self.sqlite(), table)?,
            (None, kind) => files::rows(kind, self.folder.path(), table)?,
        };
        rows.sort_unstable();
        Some(rows)
    }

    /// Drops a table, where it is.
    pub(crate) fn clear(&self, table: &str) {
        match self.kind.extension() {
            Some(_) => files::of(self.folder.path(), table)
                .iter()
                .for_each(|file| std::fs::remove_file(file).expect("the file is removed")),
            None => self.execute(&format!("DROP TABLE IF EXISTS {table}")),
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

/// The rows of a table in SQLite; `None` when there is no such table.
fn sqlite_rows(connection: &rusqlite::Connection, table: &str) -> Option<Vec<String>> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM {table}")).ok()?;
    let text = |row: &rusqlite::Row<'_>, index| match row.get_ref(index).expect("a column") {
        rusqlite::types::ValueRef::Null => None,
        rusqlite::types::ValueRef::Integer(n) => Some(n.to_string()),
        rusqlite::types::ValueRef::Text(t) => Some(String::from_utf8_lossy(t).into_owned()),
        other => Some(format!("{other:?}")),
    };
    let rows = statement.query_map([], |row| Ok(join((0..4).map(|i| text(row, i)))));
    Some(rows.expect("SQLite queries").collect::<Result<_, _>>().expect("SQLite reads"))
}

/// What makes a table and its rows in SQL.
fn statements(table: &str, rows: usize, keyed: bool) -> impl Iterator<Item = String> {
    let key = if keyed { " PRIMARY KEY" } else { "" };
    let create =
        format!("CREATE TABLE {table} (id bigint{key}, grp int, name varchar(100), note text)");
    let inserts = (0..rows).step_by(1_000).map(move |start| {
        let values: Vec<String> = (start..rows.min(start + 1_000))
            .map(row)
            .map(|(id, group, name, note)| {
                let note = note.map_or("NULL".into(), |n| format!("'{n}'"));
                format!("({id}, {group}, '{name}', {note})")
            })
            .collect();
        format!("INSERT INTO {table} ({COLUMNS}) VALUES {}", values.join(","))
    });
    std::iter::once(create).chain(inserts)
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
