//! SQLite: a file, with a log of its own for readers beside the writer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, params_from_iter};

use super::{Done, Failed, Failure, Row, Value};

/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the file, making it when it is missing.
pub(super) fn open(path: &Path) -> Done<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
    )?;
    Ok(connection)
}

pub(super) fn batch(connection: &Connection, sql: &str) -> Done<()> {
    Ok(connection.execute_batch(sql)?)
}

pub(super) fn execute(connection: &Connection, sql: &str, params: &[Value]) -> Done<u64> {
    let mut statement = connection.prepare_cached(&numbered(sql))?;
    Ok(statement.execute(params_from_iter(params))? as u64)
}

pub(super) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Done<Vec<Row>> {
    let mut statement = connection.prepare_cached(&numbered(sql))?;
    let columns: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
    let width = columns.len();
    let mut rows = statement.query(params_from_iter(params))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..width).map(|at| value(row.get_ref(at)?)).collect::<Done<_>>()?;
        found.push(Row::new(Arc::clone(&columns), values));
    }
    Ok(found)
}

/// `$1` is a name to SQLite, `?1` a number.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

fn value(value: ValueRef<'_>) -> Done<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => Value::Text(
            String::from_utf8(text.to_owned()).map_err(|e| Failed::new(Failure::Other, e))?,
        ),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_owned()),
        ValueRef::Real(_) => {
            return Err(Failed::new(Failure::Other, "a number with a fraction in the state"));
        }
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi;
        let extended = error.sqlite_error().map(|e| e.extended_code);
        let kind = match (error.sqlite_error_code(), extended) {
            // The part that processes share of the log is a file, too, and has to grow.
            (Some(ErrorCode::DiskFull), _) | (_, Some(ffi::SQLITE_IOERR_SHMSIZE)) => Failure::Full,
            (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => Failure::Busy,
            (_, Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE)) => {
                Failure::Exists
            }
            (_, Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY)) => Failure::Referred,
            _ => Failure::Other,
        };
        Self::new(kind, error)
    }
}
