//! A [`Place`] in an SQL store: MySQL, MariaDB, PostgreSQL, SQLite.

use std::path::{Path, PathBuf};

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use rusqlite::types::ValueRef;
use syncline_types::{TableName, TableSchema};

use super::place::canonical;
use super::{Place, Rows};
use crate::{Database, Kind};

/// A database that the suite fills and looks into by plain SQL.
pub struct SqlPlace {
    store: Store,
}

enum Store {
    MySql(Database),
    Postgres(Database),
    Sqlite(PathBuf),
}

impl SqlPlace {
    /// A new database on a shared server; `None` when there is no such server here.
    pub fn on(kind: Kind) -> Option<Self> {
        crate::Server::shared(kind).map(|server| Self::in_database(server.database(), kind))
    }

    /// A database that is there.
    pub fn in_database(database: Database, kind: Kind) -> Self {
        let store =
            if kind.is_mysql() { Store::MySql(database) } else { Store::Postgres(database) };
        Self { store }
    }

    /// A SQLite file, made when it is not there, in WAL mode: the suite writes while it reads.
    pub fn sqlite(path: &Path) -> Self {
        let place = Self { store: Store::Sqlite(path.to_owned()) };
        place.query("PRAGMA journal_mode = WAL");
        place
    }

    /// The URL of the place.
    pub fn url(&self) -> String {
        match &self.store {
            Store::MySql(database) | Store::Postgres(database) => database.url(),
            Store::Sqlite(path) => format!("sqlite:{}", path.display()),
        }
    }

    /// The database behind it, unless it is a SQLite file.
    pub fn database(&self) -> Option<&Database> {
        match &self.store {
            Store::MySql(database) | Store::Postgres(database) => Some(database),
            Store::Sqlite(_) => None,
        }
    }

    /// Runs statements.
    ///
    /// # Panics
    /// When the store refuses.
    pub fn execute(&self, sql: &str) {
        if let Err(refused) = self.try_execute(sql) {
            panic!("{refused}\nin: {}", sql.chars().take(400).collect::<String>());
        }
    }

    /// Runs statements.
    ///
    /// # Errors
    /// The store's words.
    pub fn try_execute(&self, sql: &str) -> Result<(), String> {
        match &self.store {
            Store::MySql(database) | Store::Postgres(database) => database.try_execute(sql),
            Store::Sqlite(_) => {
                self.sqlite_connection().execute_batch(sql).map_err(|e| e.to_string())
            }
        }
    }

    /// The rows of a query, each value in the store's text form; bytes as `0x…`.
    ///
    /// # Panics
    /// When the store refuses.
    pub fn query(&self, sql: &str) -> Rows {
        self.try_query(sql).unwrap_or_else(|e| panic!("{e}\nin: {sql}"))
    }

    /// As [`SqlPlace::query`].
    ///
    /// # Errors
    /// The store's words.
    pub fn try_query(&self, sql: &str) -> Result<Rows, String> {
        match &self.store {
            Store::MySql(database) | Store::Postgres(database) => database.try_rows(sql),
            Store::Sqlite(_) => self.query_sqlite(sql).map_err(|e| e.to_string()),
        }
    }

    fn query_sqlite(&self, sql: &str) -> rusqlite::Result<Rows> {
        let connection = self.sqlite_connection();
        let mut statement = connection.prepare(sql)?;
        let columns = statement.column_count();
        let text = |value: ValueRef<'_>| match value {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Real(number) => Some(number.to_string()),
            ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => {
                let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
                Some(format!("0x{hex}"))
            }
        };
        let row =
            |row: &rusqlite::Row<'_>| (0..columns).map(|i| row.get_ref(i).map(text)).collect();
        statement.query_map([], row)?.collect()
    }

    fn sqlite_connection(&self) -> rusqlite::Connection {
        let Store::Sqlite(path) = &self.store else { panic!("not SQLite") };
        let connection = rusqlite::Connection::open(path).expect("the file can be opened");
        let wait = std::time::Duration::from_secs(10);
        connection.busy_timeout(wait).expect("a timeout can be set");
        connection
    }

    /// The name in the store's quotes, as a literal pattern or in SQL.
    pub fn quote(&self, name: &str) -> String {
        match &self.store {
            Store::MySql(_) => format!("`{}`", name.replace('`', "``")),
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    fn native(&self, data_type: &DataType, in_key: bool) -> String {
        let mysql = matches!(self.store, Store::MySql(_));
        let postgres = matches!(self.store, Store::Postgres(_));
        match data_type {
            DataType::Int64 => "bigint".to_owned(),
            DataType::Utf8 if mysql && in_key => "varchar(150)".to_owned(),
            DataType::Utf8 if mysql => "longtext".to_owned(),
            DataType::Utf8 => "text".to_owned(),
            DataType::Decimal128(p, s) => format!("decimal({p},{s})"),
            DataType::Date32 => "date".to_owned(),
            DataType::Timestamp(..) if mysql => "datetime(6)".to_owned(),
            DataType::Timestamp(..) if postgres => "timestamp".to_owned(),
            DataType::Timestamp(..) => "datetime".to_owned(),
            DataType::Binary if mysql && in_key => "varbinary(150)".to_owned(),
            DataType::Binary if mysql => "longblob".to_owned(),
            DataType::Binary if postgres => "bytea".to_owned(),
            DataType::Binary => "blob".to_owned(),
            other => panic!("the suite makes no columns of {other}"),
        }
    }

    fn literal(&self, data_type: &DataType, text: &str) -> String {
        match (data_type, &self.store) {
            (DataType::Int64, _) if text == i64::MIN.to_string() => {
                // The number without its sign is too large for SQLite's parser.
                format!("({} - 1)", i64::MIN + 1)
            }
            (DataType::Int64 | DataType::Decimal128(..), _) => text.to_owned(),
            (DataType::Binary, Store::Postgres(_)) => format!("'\\x{text}'"),
            (DataType::Binary, _) => format!("X'{text}'"),
            (_, Store::MySql(_)) => {
                format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
            }
            _ => format!("'{}'", text.replace('\'', "''")),
        }
    }

    /// The column as the text [`canonical`] expects.
    fn as_text(&self, name: &str, data_type: &DataType) -> String {
        let name = self.quote(name);
        match (data_type, &self.store) {
            (DataType::Binary, Store::Postgres(_)) => format!("encode({name}, 'hex')"),
            // SQLite's hex(NULL) is ''.
            (DataType::Binary, _) => format!("CASE WHEN {name} IS NOT NULL THEN hex({name}) END"),
            (_, Store::Sqlite(_)) => format!("CAST({name} AS text)"),
            _ => name,
        }
    }
}

impl Place for SqlPlace {
    fn make(&self, table: &TableSchema, rows: &RecordBatch) {
        let mut parts: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let in_key = table.primary_key.iter().any(|k| k == column.name());
                let native = self.native(column.field.data_type(), in_key);
                let null = if column.field.is_nullable() { "" } else { " NOT NULL" };
                format!("{} {native}{null}", self.quote(column.name()))
            })
            .collect();
        if !table.primary_key.is_empty() {
            let key: Vec<String> = table.primary_key.iter().map(|k| self.quote(k)).collect();
            parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
        }
        let name = self.quote(&table.name.name);
        self.execute(&format!("CREATE TABLE {name} ({})", parts.join(", ")));
        self.add(table, rows);
        // Sources may estimate by the store's statistics; in life those are never this young.
        match &self.store {
            Store::MySql(database) => drop(database.rows(&format!("ANALYZE TABLE {name}"))),
            _ => self.execute(&format!("ANALYZE {name}")),
        }
    }

    fn add(&self, table: &TableSchema, rows: &RecordBatch) {
        let options = FormatOptions::new().with_display_error(true);
        let formatters: Vec<ArrayFormatter<'_>> = rows
            .columns()
            .iter()
            .map(|array| ArrayFormatter::try_new(array, &options).expect("a type with a text form"))
            .collect();
        let name = self.quote(&table.name.name);
        let mut values: Vec<String> = Vec::new();
        let mut bytes = 0;
        for row in 0..rows.num_rows() {
            let texts = rows.columns().iter().zip(&formatters).map(|(array, formatter)| {
                if array.is_null(row) {
                    return "NULL".to_owned();
                }
                let text = canonical(array.data_type(), &formatter.value(row).to_string());
                self.literal(array.data_type(), &text)
            });
            let texts: Vec<String> = texts.collect();
            values.push(format!("({})", texts.join(", ")));
            bytes += values[values.len() - 1].len();
            if bytes > 1 << 20 || values.len() == 1000 || row + 1 == rows.num_rows() {
                self.execute(&format!("INSERT INTO {name} VALUES {}", values.join(", ")));
                values.clear();
                bytes = 0;
            }
        }
    }

    fn read(&self, table: &TableSchema) -> Option<Rows> {
        if !self.contents().contains(&table.name.name) {
            return None;
        }
        let columns: Vec<String> =
            table.columns.iter().map(|c| self.as_text(c.name(), c.field.data_type())).collect();
        let name = self.quote(&table.name.name);
        let mut rows = self.query(&format!("SELECT {} FROM {name}", columns.join(", ")));
        for row in &mut rows {
            for (value, column) in row.iter_mut().zip(&table.columns) {
                *value = value.take().map(|text| canonical(column.field.data_type(), &text));
            }
        }
        Some(rows)
    }

    fn contents(&self) -> Vec<String> {
        let sql = match &self.store {
            Store::MySql(_) => {
                "SELECT table_name FROM information_schema.tables WHERE table_schema = database()"
            }
            Store::Postgres(_) => {
                "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname !~ '^(pg_|information_)'"
            }
            Store::Sqlite(_) => {
                "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' \
                 AND type IN ('table', 'view', 'trigger')"
            }
        };
        let mut names: Vec<String> = self.query(sql).into_iter().flatten().flatten().collect();
        names.sort();
        names
    }

    fn table(&self, name: &str) -> TableName {
        match &self.store {
            Store::MySql(database) => TableName::new(database.name(), name),
            Store::Postgres(_) => TableName::new("public", name),
            Store::Sqlite(_) => TableName::bare(name),
        }
    }

    fn allows_name(&self, name: &str) -> bool {
        // MySQL keeps names in three-byte UTF-8.
        !matches!(self.store, Store::MySql(_)) || name.chars().all(|c| c <= '\u{ffff}')
    }
}
