//! Durable state of runs in a local SQLite file: what was planned, how far each split is, what
//! happened, and the rows that could not be written.
//!
//! Everything is written before it is announced. Every write that moves a run forward carries the
//! run's epoch and is refused once another process has taken the run over.

mod changes;
mod dead_letters;
mod lock;
mod logs;
mod runs;
mod schema;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use syncline_types::{Code, Error, Result};

pub use changes::ChangedValues;
pub use dead_letters::{DeadLetter, NewDeadLetter};
pub use lock::RunLock;
pub use runs::{Checkpoint, HistoryEntry, NewRun, RunRecord, RunTotals};

/// The state folder of one machine or user.
pub struct Store {
    folder: PathBuf,
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the state folder, making it and its database when they are missing.
    ///
    /// # Errors
    /// [`Code::StateUnusable`] when it cannot be written or was made by a newer version,
    /// [`Code::DiskFull`].
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder.join("locks")).map_err(|e| {
            let full = e.kind() == std::io::ErrorKind::StorageFull;
            unusable(folder, full, e)
        })?;
        let path = folder.join("syncline.db");
        let no_database = |e: rusqlite::Error| {
            let full = e.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
            unusable(folder, full, e)
        };
        let connection = Connection::open(&path).map_err(no_database)?;
        schema::migrate(&connection).map_err(|e| match e {
            schema::MigrationError::Sqlite(e) => no_database(e),
            schema::MigrationError::Newer(found) => Error::new(
                Code::StateUnusable,
                format!(
                    "{}: written by a newer version (format {found}, this one reads up to {})",
                    path.display(),
                    schema::VERSION
                ),
            )
            .hint("update syncline, or give another folder with --state"),
        })?;
        Ok(Self { folder: folder.to_owned(), connection: Mutex::new(connection) })
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The connection. A panic of another holder leaves no half-made transaction behind (it is
    /// rolled back when dropped), so a poisoned lock is still good.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unusable(
    folder: &Path,
    full: bool,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let (code, hint) = if full {
        (Code::DiskFull, "make room, or give another folder with --state DIR")
    } else {
        (Code::StateUnusable, "give a folder that can be written with --state DIR")
    };
    Error::new(code, format!("state folder {}", folder.display())).because(cause.into()).hint(hint)
}

/// A database error on the way: full disks and read-only folders keep their own codes.
fn failed(doing: &str, error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as E;
    let code = match error.sqlite_error_code() {
        Some(E::DiskFull) => Code::DiskFull,
        Some(E::DatabaseBusy | E::DatabaseLocked) => Code::Busy,
        _ => Code::StateUnusable,
    };
    Error::new(code, format!("state: {doing}")).because(error)
}
