//! A target of each kind: its table, and what stands in it, without the command's help.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::types::ValueRef;
use serde_json::Value;
use syncline_testkit::servers::{Database, Kind as ServerKind, Server};
use tempfile::TempDir;

use crate::kinds::{Class, KINDS, To};

/// A row by its id; floats as Rust spells them.
pub(crate) type Rows = BTreeMap<i64, Vec<Option<String>>>;

pub(crate) struct Target {
    pub(crate) to: To,
    database: Option<Database>,
    folder: TempDir,
}

impl Target {
    /// `None` when its server cannot be had here.
    pub(crate) fn new(to: To) -> Option<Target> {
        let server = match to {
            To::MariaDb => Some(ServerKind::MariaDb),
            To::MySql => Some(ServerKind::MySql),
            To::Postgres => Some(ServerKind::Postgres),
            _ => None,
        };
        let database = match server {
            Some(kind) => Some(Server::shared(kind)?.database()),
            None => None,
        };
        let target = Target { to, database, folder: crate::place::folder() };
        target.clear();
        Some(target)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("t.db")).unwrap()
    }

    pub(crate) fn url(&self) -> String {
        let file = |name: &str| self.path(name).display().to_string();
        match (&self.database, self.to) {
            (Some(database), _) => database.url(),
            (None, To::Sqlite) => format!("sqlite:{}", file("t.db")),
            (None, To::Csv) => file("t.csv"),
            (None, To::Jsonl) => file("t.jsonl"),
            (None, _) => file("t.parquet"),
        }
    }

    /// Its own type for values of a class.
    fn native(&self, class: Class) -> &'static str {
        match (class, self.to) {
            (Class::Date, _) => "date",
            (Class::Text, _) => "varchar(20)",
            (Class::Short, _) => "varchar(3)",
            (Class::Float, To::Postgres) => "double precision",
            (Class::Float, _) => "double",
            (Class::Integer, _) => "int",
        }
    }

    /// The option that gives columns of files their types; other targets have them.
    pub(crate) fn columns(&self) -> Option<String> {
        let typed = matches!(self.to, To::Csv | To::Jsonl | To::Parquet);
        let column = |kind: &crate::kinds::Kind| match kind.class {
            Class::Date => format!("{}::date", kind.column),
            Class::Text => format!("{}::text", kind.column),
            Class::Short => format!("{}::text(3)", kind.column),
            Class::Float => kind.column.to_owned(),
            Class::Integer => format!("{}::int32", kind.column),
        };
        let columns = KINDS.iter().map(column).collect::<Vec<_>>().join(", ");
        typed.then(|| format!("id, {columns}"))
    }

    /// Empty, with the table where it has tables.
    pub(crate) fn clear(&self) {
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => std::fs::remove_dir_all(path).unwrap(),
                false => std::fs::remove_file(path).unwrap(),
            }
        }
        let columns: Vec<String> =
            KINDS.iter().map(|k| format!("{} {}", k.column, self.native(k.class))).collect();
        let create = format!("CREATE TABLE t (id int PRIMARY KEY, {})", columns.join(", "));
        match &self.database {
            Some(database) => {
                database.execute("DROP TABLE IF EXISTS t");
                database.execute(&create);
            }
            None if self.to == To::Sqlite => self.sqlite().execute_batch(&create).unwrap(),
            None => {}
        }
    }

    pub(crate) fn rows(&self) -> Rows {
        let rows = match (&self.database, self.to) {
            (Some(database), _) => database.rows(&format!("SELECT id, {} FROM t", names())),
            (None, To::Sqlite) => self.sqlite_rows(),
            (None, To::Csv) => self.csv_rows(),
            (None, To::Jsonl) => self.json_rows(),
            (None, _) => self.parquet_rows(),
        };
        let row = |mut row: Vec<Option<String>>| {
            let id = row.remove(0).unwrap().parse().unwrap();
            let values = row.into_iter().zip(&KINDS);
            (id, values.map(|(value, kind)| value.map(|v| spelled(kind.class, v))).collect())
        };
        rows.into_iter().map(row).collect()
    }

    fn sqlite_rows(&self) -> Vec<Vec<Option<String>>> {
        let open = self.sqlite();
        let mut statement = open.prepare(&format!("SELECT id, {} FROM t", names())).unwrap();
        let text = |value: ValueRef<'_>| match value {
            ValueRef::Null => None,
            ValueRef::Integer(n) => Some(n.to_string()),
            ValueRef::Real(f) => Some(format!("{f:?}")),
            ValueRef::Text(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
            ValueRef::Blob(_) => panic!("a blob"),
        };
        let rows = statement
            .query_map([], |row| (0..=KINDS.len()).map(|i| Ok(text(row.get_ref(i)?))).collect());
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn csv_rows(&self) -> Vec<Vec<Option<String>>> {
        let Ok(text) = std::fs::read_to_string(self.path("t.csv")) else { return Vec::new() };
        // No value here needs quotes.
        let value = |v: &str| (!v.is_empty()).then(|| v.to_owned());
        text.lines().skip(1).map(|line| line.split(',').map(value).collect()).collect()
    }

    /// The rows of the file, and behind it those of its log of changes.
    fn json_rows(&self) -> Vec<Vec<Option<String>>> {
        let text = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        let copied = text(self.path("t.jsonl"));
        let mut segments: Vec<PathBuf> = std::fs::read_dir(self.path("t"))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect();
        segments.sort();
        let logged: String = segments.into_iter().map(text).collect();
        let parsed = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let rows = copied.lines().map(parsed);
        let changes = logged.lines().map(parsed).filter(|change| change["op"] == "insert");
        let rows = rows.chain(changes.map(|change| change["after"].clone()));
        rows.map(|row| {
            let names = std::iter::once("id").chain(KINDS.iter().map(|k| k.column));
            names
                .map(|name| match &row[name] {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                })
                .collect()
        })
        .collect()
    }

    fn parquet_rows(&self) -> Vec<Vec<Option<String>>> {
        let Ok(file) = std::fs::File::open(self.path("t.parquet")) else { return Vec::new() };
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let mut rows = Vec::new();
        for batch in reader {
            let batch = batch.unwrap();
            for row in 0..batch.num_rows() {
                let text = |array: &arrow::array::ArrayRef| {
                    if array.is_null(row) {
                        return None;
                    }
                    Some(match array.data_type() {
                        // One of them is beyond the calendar of what writes texts.
                        DataType::Date32 => {
                            let days = array.as_primitive::<Date32Type>().value(row);
                            match days {
                                19_782 => Class::Date.good().to_owned(),
                                days => days.to_string(),
                            }
                        }
                        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
                        _ => {
                            let options = FormatOptions::default();
                            let text = ArrayFormatter::try_new(array, &options).unwrap();
                            text.value(row).to_string()
                        }
                    })
                };
                rows.push(batch.columns().iter().map(text).collect());
            }
        }
        rows
    }
}

fn names() -> String {
    KINDS.iter().map(|kind| kind.column).collect::<Vec<_>>().join(", ")
}

/// Floats are spelled in many ways.
fn spelled(class: Class, value: String) -> String {
    match class {
        Class::Float => format!("{:?}", value.parse::<f64>().unwrap()),
        _ => value,
    }
}
