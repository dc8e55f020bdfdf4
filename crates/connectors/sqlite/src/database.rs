//! Connections to a file, and SQLite's errors as ours.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::ffi::{self, ErrorCode};
use rusqlite::{Connection, OpenFlags};
use syncline_types::{Code, Error, Result};

/// A database file.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    path: PathBuf,
    busy_timeout: Duration,
}

impl Database {
    pub(crate) fn new(path: PathBuf, busy_timeout_ms: u32) -> Self {
        // The library takes a name that begins with `file:` for a URI.
        let path = if path.to_string_lossy().starts_with("file:") {
            Path::new(".").join(path)
        } else {
            path
        };
        Self { path, busy_timeout: Duration::from_millis(busy_timeout_ms.into()) }
    }

    /// Its path, for messages.
    pub(crate) fn display(&self) -> String {
        self.path.display().to_string()
    }

    /// Whether the file is there. Opening it for a look would be wrong: closing a file of one's
    /// own takes away the locks the library holds on it in this process.
    pub(crate) fn exists(&self) -> bool {
        self.path.exists()
    }

    pub(crate) fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    pub(crate) fn missing(&self) -> Error {
        Error::new(Code::FileNotFound, format!("there is no file {}", self.display()))
    }

    /// A connection that only reads. The file has to be there.
    pub(crate) fn open_reader(&self) -> Result<Connection> {
        if !self.exists() {
            return Err(self.missing());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = self.connect(flags)?;
        // Reads the header, so that a file of another kind is found out here.
        connection
            .query_row("SELECT count(*) FROM sqlite_schema LIMIT 1", [], |_| Ok(()))
            .map_err(|e| self.error(e))?;
        Ok(connection)
    }

    /// A connection that writes, and makes the file when it is not there.
    pub(crate) fn open_writer(&self) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = self.connect(flags)?;
        connection
            .query_row("SELECT count(*) FROM sqlite_schema LIMIT 1", [], |_| Ok(()))
            .map_err(|e| self.error(e))?;
        Ok(connection)
    }

    /// A connection that could write to the file that is there.
    pub(crate) fn open_existing_writer(&self) -> Result<Connection> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection> {
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|e| self.error(e))?;
        connection.busy_timeout(self.busy_timeout).map_err(|e| self.error(e))?;
        Ok(connection)
    }

    /// An error of the library, with the file's name before it.
    pub(crate) fn error(&self, error: rusqlite::Error) -> Error {
        let error = map_error(error);
        if error.code() == Code::FileNotFound && self.exists() {
            if self.is_read_only() {
                return Error::new(Code::ReadOnly, error.message()).at(self.display()).hint(
                    "it lies on a read-only disk, where a file in WAL mode cannot be opened at all; \
                     PRAGMA journal_mode = DELETE before it is put there makes it readable",
                );
            }
            return Error::new(Code::NoPrivilege, error.message()).at(self.display()).hint(
                "the file, and for one in WAL mode its folder, must be open to this account",
            );
        }
        if error.code() == Code::FileNotFound
            && let Some(refused) = self.why_not_made()
        {
            return refused;
        }
        error.at(self.display())
    }

    /// Whether the file lies on a disk that takes no writes.
    fn is_read_only(&self) -> bool {
        let opened = std::fs::File::options().write(true).open(&self.path);
        opened.is_err_and(|why| why.kind() == std::io::ErrorKind::ReadOnlyFilesystem)
    }

    /// Why a file that is not there cannot be made, where it is not for want of its folder: SQLite
    /// says no more than that it does not open.
    fn why_not_made(&self) -> Option<Error> {
        let made = std::fs::File::options().write(true).create_new(true).open(&self.path);
        let why = match made {
            Ok(_) => {
                let _ = std::fs::remove_file(&self.path);
                return None;
            }
            Err(why) => why,
        };
        let code = match why.kind() {
            std::io::ErrorKind::ReadOnlyFilesystem => Code::ReadOnly,
            std::io::ErrorKind::PermissionDenied => Code::NoPrivilege,
            _ => return None,
        };
        Some(Error::new(code, format!("{} cannot be made", self.display())).because(why))
    }
}

/// An error of the library as one of ours, with its words.
///
/// Source of the meanings: <https://www.sqlite.org/rescode.html>.
pub(crate) fn map_error(error: rusqlite::Error) -> Error {
    let (failure, words) = match &error {
        rusqlite::Error::SqliteFailure(failure, Some(message)) => (failure, message.clone()),
        rusqlite::Error::SqliteFailure(failure, None) => (failure, failure.to_string()),
        rusqlite::Error::SqlInputError { error: failure, msg, .. } => (failure, msg.clone()),
        _ => return Error::new(Code::StoreFailed, error.to_string()),
    };
    let code = code_of(failure, &words);
    let mapped = Error::new(code, words);
    match code {
        Code::DiskFull => mapped.hint("make room and start the same command again: it continues"),
        Code::Busy => {
            mapped.hint("another process holds the file; busy_timeout_ms sets how long to wait")
        }
        Code::Corrupt => mapped.hint("check the file with: sqlite3 FILE 'PRAGMA integrity_check'"),
        _ => mapped,
    }
}

fn code_of(failure: &ffi::Error, words: &str) -> Code {
    match failure.code {
        ErrorCode::ConstraintViolation => match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID => Code::DuplicateKey,
            ffi::SQLITE_CONSTRAINT_NOTNULL => Code::NotNull,
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Code::ForeignKey,
            ffi::SQLITE_CONSTRAINT_DATATYPE => Code::Conversion,
            _ => Code::CheckViolated,
        },
        ErrorCode::TypeMismatch => Code::Conversion,
        ErrorCode::TooBig => Code::OutOfRange,
        ErrorCode::DiskFull => Code::DiskFull,
        ErrorCode::ReadOnly => Code::ReadOnly,
        ErrorCode::CannotOpen => Code::FileNotFound,
        ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => {
            Code::NoPrivilege
        }
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed => Code::Busy,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Code::Corrupt,
        ErrorCode::SchemaChanged => Code::TableChanged,
        _ if words.starts_with("no such table") => Code::TableNotFound,
        _ if words.contains("no such column") || words.contains("has no column named") => {
            Code::ColumnNotFound
        }
        _ => Code::StoreFailed,
    }
}

/// Errors about tables and columns that were there when the run was planned.
pub(crate) fn changed_meanwhile(error: Error) -> Error {
    match error.code() {
        Code::TableNotFound | Code::ColumnNotFound => {
            Error::new(Code::TableChanged, error.message())
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(sql: &str) -> Code {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE TABLE p (id INTEGER PRIMARY KEY, n INT NOT NULL CHECK (n > 0), u UNIQUE,
               f REFERENCES p (id));
             CREATE TABLE s (a INT) STRICT;
             CREATE TRIGGER t BEFORE INSERT ON s WHEN new.a = 7 BEGIN SELECT raise(ABORT, 'no'); END;
             INSERT INTO p VALUES (1, 1, 1, NULL);",
        )
        .unwrap();
        map_error(db.execute_batch(sql).unwrap_err()).code()
    }

    #[test]
    fn constraints_are_told_apart() {
        assert_eq!(code("INSERT INTO p VALUES (1, 1, 2, NULL)"), Code::DuplicateKey);
        assert_eq!(code("INSERT INTO p VALUES (2, 1, 1, NULL)"), Code::DuplicateKey);
        assert_eq!(code("INSERT INTO p VALUES (2, NULL, 2, NULL)"), Code::NotNull);
        assert_eq!(code("INSERT INTO p VALUES (2, 0, 2, NULL)"), Code::CheckViolated);
        assert_eq!(code("INSERT INTO p VALUES (2, 1, 2, 99)"), Code::ForeignKey);
        assert_eq!(code("INSERT INTO p VALUES ('x', 1, 2, NULL)"), Code::Conversion);
        assert_eq!(code("INSERT INTO s VALUES ('x')"), Code::Conversion);
        assert_eq!(code("INSERT INTO s VALUES (7)"), Code::CheckViolated);
        assert_eq!(code("SELECT * FROM nowhere"), Code::TableNotFound);
        assert_eq!(code("SELECT missing FROM p"), Code::ColumnNotFound);
    }

    #[test]
    fn states_of_the_file_and_its_disk_are_told_apart() {
        let of = |number| {
            let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(number), None);
            map_error(failure).code()
        };
        assert_eq!(of(ffi::SQLITE_FULL), Code::DiskFull);
        assert_eq!(of(ffi::SQLITE_READONLY), Code::ReadOnly);
        assert_eq!(of(ffi::SQLITE_READONLY_DIRECTORY), Code::ReadOnly);
        assert_eq!(of(ffi::SQLITE_BUSY), Code::Busy);
        assert_eq!(of(ffi::SQLITE_BUSY_SNAPSHOT), Code::Busy);
        assert_eq!(of(ffi::SQLITE_LOCKED), Code::Busy);
        assert_eq!(of(ffi::SQLITE_CORRUPT), Code::Corrupt);
        assert_eq!(of(ffi::SQLITE_NOTADB), Code::Corrupt);
        assert_eq!(of(ffi::SQLITE_TOOBIG), Code::OutOfRange);
        assert_eq!(of(ffi::SQLITE_IOERR), Code::StoreFailed);
    }
}
