//! SQLite as source and sink, on the bundled library.
//!
//! - The source reads by ranges of the rowid (or of the key, in tables without one), from
//!   connections that share a snapshot.
//! - The sink loads in transactions that hold rows and positions together.
//!
//! Which native type is what in Arrow stands in `TYPES.md`, and in code in `types`.

mod bind;
mod catalog;
mod checkpoint;
mod clauses;
mod database;
mod decode;
mod definition;
mod density;
mod follow;
mod form;
mod reader;
mod reuse;
mod sample;
mod sink;
mod source;
mod special;
mod tables;
mod types;
mod writer;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use syncline_connector::{Connector, Endpoint, Mode, Roles, Sink, Source, Spec};
use syncline_types::{Code, Error, Result};

pub use types::type_table;

/// SQLite: one database file.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqliteConnector;

/// How the sink keeps a file safe while it writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Journal {
    /// Write-ahead log for a file that Syncline makes, and whatever a file has that is there.
    #[default]
    Auto,
    /// Write-ahead log: others can read meanwhile.
    Wal,
    /// Rollback journal: one file that stands alone; others wait while a transaction is written.
    Delete,
}

/// Options of a SQLite URL.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SqliteOptions {
    /// Milliseconds to wait for a lock that another process holds, before the run shows as
    /// waiting.
    pub busy_timeout_ms: u32,
    /// Target: MiB of pages kept in memory.
    pub cache_mib: u32,
    /// Target: how the file is kept safe while it is written.
    pub journal: Journal,
    /// Target: whether foreign keys are enforced while rows are written.
    pub foreign_keys: bool,
    /// Source: rows looked at to tell what a column holds whose declared type does not say it.
    pub sample_rows: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout_ms: 10_000,
            cache_mib: 16,
            journal: Journal::Auto,
            foreign_keys: true,
            sample_rows: 1000,
        }
    }
}

static SPEC: Spec = Spec {
    id: "sqlite",
    title: "SQLite",
    schemes: &["sqlite", "sqlite3"],
    example: "sqlite:path/to/file.db",
    roles: Roles { source: &[Mode::Full, Mode::Batch], sink: true },
    guarantee: "exactly once (rows and position in one transaction)",
    versions: "SQLite 3.54 (bundled), files of any SQLite 3",
    notes: "\
Values are never coerced: SQLite lets any value stand in any column, and one that is not of the \
column's declared type becomes a dead letter with its rowid. `TYPES.md` of the connector lists the \
types.

As a source, a table is cut into ranges of its rowid and all readers see one moment. Views and \
virtual tables are not copied; use --query for them. A query is read in one piece that cannot be \
resumed inside. A table without INTEGER PRIMARY KEY is resumed only while the schema of the file \
is unchanged, because VACUUM may number its rows anew.

As a target, there is one writer at a time. `_syncline_checkpoint` in the same file holds the \
positions of an unfinished run, and is removed at its end.",
};

impl Connector for SqliteConnector {
    type Options = SqliteOptions;

    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn source(&self, endpoint: &Endpoint, options: SqliteOptions) -> Result<Box<dyn Source>> {
        Ok(Box::new(source::SqliteSource::new(path(endpoint)?, options)))
    }

    fn sink(&self, endpoint: &Endpoint, options: SqliteOptions) -> Result<Box<dyn Sink>> {
        Ok(Box::new(sink::SqliteSink::new(path(endpoint)?, options)))
    }
}

fn path(endpoint: &Endpoint) -> Result<std::path::PathBuf> {
    // sqlite3://dir/file is taken apart like a server's URL; put it together again.
    let path = match endpoint.hosts.first() {
        Some(host) => format!("{}/{}", host.host, endpoint.path),
        None => endpoint.path.clone(),
    };
    match path.as_str() {
        "" | ":memory:" => Err(Error::new(Code::BadUrl, "a SQLite URL names a file")
            .hint("write sqlite:path/to/file.db")),
        _ => Ok(path.into()),
    }
}
