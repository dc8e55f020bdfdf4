//! Stores that hold the table of all types, and their own words for its values.

use std::collections::BTreeMap;

use syncline_testkit::servers::{Database, Kind as ServerKind, Server};
use tempfile::TempDir;

use crate::types::{self, Look, Type};

/// The kinds of store, in the order of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    MariaDb,
    MySql,
    Postgres,
    Sqlite,
    Parquet,
    Csv,
    Jsonl,
    Sql,
}

impl Kind {
    pub(crate) const ALL: [Kind; 8] = [
        Kind::MariaDb,
        Kind::MySql,
        Kind::Postgres,
        Kind::Sqlite,
        Kind::Parquet,
        Kind::Csv,
        Kind::Jsonl,
        Kind::Sql,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::MariaDb => "MariaDB",
            Kind::MySql => "MySQL",
            Kind::Postgres => "PostgreSQL",
            Kind::Sqlite => "SQLite",
            Kind::Parquet => "Parquet",
            Kind::Csv => "CSV",
            Kind::Jsonl => "JSON Lines",
            Kind::Sql => "SQL pages",
        }
    }

    fn types(self) -> Vec<Type> {
        match self {
            Kind::MariaDb => types::mariadb(),
            Kind::MySql => types::mysql(),
            Kind::Postgres => types::postgres(),
            Kind::Sqlite => types::sqlite(),
            _ => Vec::new(),
        }
    }

    fn is_mysql(self) -> bool {
        matches!(self, Kind::MariaDb | Kind::MySql)
    }
}

/// A store of the test's own.
pub(crate) struct Store {
    pub(crate) kind: Kind,
    /// Its types, one for each column; none for a mere target.
    pub(crate) types: Vec<Type>,
    database: Option<Database>,
    folder: TempDir,
}

/// Rows by id: the one column that holds a value, and the value's text.
pub(crate) type Texts = BTreeMap<usize, (usize, String)>;

impl Store {
    /// Without the table. `None` when its server cannot be had here.
    pub(crate) fn empty(kind: Kind) -> Option<Store> {
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
        let folder = tempfile::tempdir().unwrap();
        let store = Store { kind, types: Vec::new(), database, folder };
        if kind == Kind::Postgres {
            store.execute(types::POSTGRES_BEFORE);
        }
        Some(store)
    }

    /// With the table of all types and their values: a row each, all other columns NULL.
    pub(crate) fn filled(kind: Kind) -> Option<Store> {
        let store = Self::with_table(kind)?;
        let mut id = 0;
        for (column, of) in store.types.iter().enumerate() {
            for value in &of.values {
                store.execute(&format!("INSERT INTO t (id, c{column:02}) VALUES ({id}, {value})"));
                id += 1;
            }
        }
        Some(store)
    }

    /// With the table of another store, and no rows.
    pub(crate) fn like(other: &Store) -> Option<Store> {
        Self::with_table(other.kind)
    }

    fn with_table(kind: Kind) -> Option<Store> {
        let mut store = Self::empty(kind)?;
        store.types = kind.types();
        let columns: Vec<String> = store
            .types
            .iter()
            .enumerate()
            .map(|(column, of)| {
                // An old rule of MySQL makes the first timestamp NOT NULL otherwise.
                let null = if kind.is_mysql() { " NULL" } else { "" };
                format!("c{column:02} {}{null}", of.native)
            })
            .collect();
        let charset = if kind.is_mysql() { " DEFAULT CHARSET=utf8mb4" } else { "" };
        store.execute(&format!(
            "CREATE TABLE t (id int PRIMARY KEY, {}){charset}",
            columns.join(", ")
        ));
        Some(store)
    }

    pub(crate) fn url(&self) -> String {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        match (&self.database, self.kind) {
            (Some(database), _) => database.url(),
            (None, Kind::Sqlite) => format!("sqlite:{}", file("t.db")),
            (None, Kind::Parquet) => file("t.parquet"),
            (None, Kind::Csv) => file("t.csv"),
            (None, Kind::Jsonl) => file("t.jsonl"),
            (None, _) => file("t.sql"),
        }
    }

    fn execute(&self, sql: &str) {
        match &self.database {
            Some(database) => {
                if self.kind.is_mysql() {
                    database.execute("SET sql_mode='', time_zone='+00:00', NAMES utf8mb4");
                }
                database.execute(sql);
            }
            None => self.sqlite().execute_batch(sql).unwrap(),
        }
    }

    fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("t.db")).unwrap()
    }

    /// The server's own text of every value.
    pub(crate) fn texts(&self) -> Texts {
        let looks: Vec<String> = self
            .types
            .iter()
            .enumerate()
            .map(|(column, of)| {
                let c = format!("c{column:02}");
                match (self.kind, of.look) {
                    (Kind::Sqlite, _) => format!("nullif(quote({c}), 'NULL')"),
                    (Kind::Postgres, _) => format!("{c}::text"),
                    (_, Look::Plain) => format!("CAST({c} AS CHAR)"),
                    (_, Look::Float) => format!("CAST({c} * 1e0 AS CHAR)"),
                    (_, Look::Hex) => format!("HEX({c})"),
                    (_, Look::Bits) => format!("HEX({c} + 0)"),
                }
            })
            .collect();
        let sql = format!("SELECT id, {} FROM t ORDER BY id", looks.join(", "));
        let rows = match &self.database {
            Some(database) => {
                let zone = match self.kind {
                    Kind::Postgres => "SET TimeZone='UTC'; SET IntervalStyle='postgres'",
                    _ => "SET time_zone='+00:00'",
                };
                database.execute(zone);
                database.rows(&sql)
            }
            None => {
                let open = self.sqlite();
                let mut statement = open.prepare(&sql).unwrap();
                let width = statement.column_count();
                let row = |row: &rusqlite::Row<'_>| {
                    (0..width)
                        .map(|i| {
                            Ok(match row.get_ref(i)? {
                                rusqlite::types::ValueRef::Null => None,
                                rusqlite::types::ValueRef::Integer(n) => Some(n.to_string()),
                                rusqlite::types::ValueRef::Text(t) => {
                                    Some(String::from_utf8_lossy(t).into_owned())
                                }
                                other => Some(format!("{other:?}")),
                            })
                        })
                        .collect::<rusqlite::Result<Vec<_>>>()
                };
                statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
            }
        };
        rows.into_iter()
            .map(|row| {
                let id = row[0].as_deref().unwrap().parse().unwrap();
                let mut values = row.into_iter().skip(1).enumerate();
                let (column, text) =
                    values.find_map(|(column, text)| Some((column, text?))).unwrap_or_default();
                (id, (column, text))
            })
            .collect()
    }
}
