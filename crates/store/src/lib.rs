//! Durable state, in a local SQLite file or a PostgreSQL database: what was planned, how far each
//! split is, what happened, and the rows that could not be written.
//!
//! Everything is written before it is announced. Every write that moves a run forward carries the
//! run's epoch and is refused once another process has taken the run over.

mod answers;
mod changes;
mod checkpoints;
mod conditions;
mod connections;
mod database;
mod dead_letters;
mod events;
mod incidents;
mod jobs;
mod lease;
mod lock;
mod logs;
mod people;
mod projects;
mod queue;
mod run_lists;
mod run_record;
mod runs;
mod schedules;
mod schema;
mod secrets;
mod settings;
mod texts;
mod verifications;

use std::path::{Path, PathBuf};

use syncline_types::{Code, Error, Result};

use crate::database::{Address, Database, Failure, OpenError};

pub use answers::KeptAnswer;
pub use changes::ChangedValues;
pub use checkpoints::Checkpoint;
pub use connections::{Connection, ConnectionBody, SecretChange, connection_secret};
pub use database::passes;
pub use dead_letters::{DeadLetter, NewDeadLetter};
pub use events::{Level, NewEvent, RunEventRecord};
pub use incidents::{Incident, NewIncident, Notice};
pub use jobs::{
    Edit, JobBody, JobConnection, JobFilter, JobOutline, JobRecord, JobVersion, NewConnection,
    NewJob,
};
pub use lease::{Beats, Holder};
pub use lock::RunLock;
pub use people::{
    AuditEntry, AuditFilter, Member, NewAudit, NewToken, NewUser, SignedIn, Token, TokenUse, User,
    UserChange,
};
pub use projects::{DEFAULT_PROJECT, Project, ProjectBody};
pub use queue::{Ask, Asked, INTERRUPTED, WhenActive};
pub use run_lists::{RunFilter, StateCount};
pub use run_record::{
    HistoryEntry, NewRun, Origin, RunError, RunMore, RunRecord, RunTotals, Trigger, Wanted,
};
pub use schedules::{Mark, ScheduledJob};
pub use secrets::Sealed;
pub use settings::{AlertSettings, Email, MailSecurity, SavedSettings, Settings, Webhook};
pub use texts::{JobText, RunText};
pub use verifications::Verification;

/// The state: of one machine or user in a folder, or of several nodes in a PostgreSQL database.
pub struct Store {
    folder: PathBuf,
    database: Database,
    /// Counts writes that may have kept events.
    wrote: tokio::sync::watch::Sender<u64>,
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
        let database = Database::sqlite(&path).map_err(|e| match e {
            OpenError::Failed(e) => unusable(folder, e.kind == Failure::Full, e.cause),
            OpenError::Newer(found) => newer(&path.display().to_string(), found)
                .hint("update syncline, or give another folder with --state"),
        })?;
        Ok(Self { folder: folder.to_owned(), database, wrote: tokio::sync::watch::Sender::new(0) })
    }

    /// Opens the state in a PostgreSQL database, making its tables when they are missing. What
    /// belongs to this machine alone lies in `folder`.
    ///
    /// # Errors
    /// [`Code::BadUrl`]; [`Code::StateUnusable`] when the database cannot be used or was made by a
    /// newer version; [`Code::Busy`] when its server does not answer.
    pub fn connect(url: &str, folder: &Path) -> Result<Self> {
        let address = Address::parse(url)?;
        std::fs::create_dir_all(folder.join("locks")).map_err(|e| unusable(folder, false, e))?;
        let database = Database::postgres(&address).map_err(|e| match e {
            OpenError::Failed(e) => {
                e.while_(&format!("opening {}", address.place())).hint("look at --store")
            }
            OpenError::Newer(found) => newer(&address.place(), found).hint("update syncline"),
        })?;
        Ok(Self { folder: folder.to_owned(), database, wrote: tokio::sync::watch::Sender::new(0) })
    }

    /// Where it lies, or what belongs to this machine alone.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn wrote(&self) -> &tokio::sync::watch::Sender<u64> {
        &self.wrote
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}

fn newer(place: &str, found: i64) -> Error {
    Error::new(
        Code::StateUnusable,
        format!(
            "{place}: written by a newer version (format {found}, this one reads up to {})",
            schema::VERSION
        ),
    )
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

/// This moment, as the state keeps it: UTC, ISO 8601, milliseconds.
pub(crate) fn now() -> String {
    chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
