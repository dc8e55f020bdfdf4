//! The sections of a job file: what stands under each of its keys.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use syncline_connector::{Secret, WriteMode};
use syncline_types::{Code, Error, Result};

use super::surroundings::Surroundings;
use super::values::ValuesConfig;
use crate::follow::{RetentionLimit, WhenLost};
use crate::job::{ColumnMapping, GeneratedColumns};

/// A store.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionConfig {
    /// Its URL or path.
    pub url: String,
    /// Its password, when it does not stand in the URL.
    pub password: Option<SecretConfig>,
}

impl ConnectionConfig {
    /// A store without a password, or with one in its URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), password: None }
    }
}

/// Where a secret comes from. Exactly one key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretConfig {
    /// Name of an environment variable.
    pub env: Option<String>,
    /// Path of a file; a line break at its end is not part of the secret.
    pub file: Option<String>,
}

/// Where rows come from.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Alias of a connection: one of this file, or one that the server has.
    pub connection: Option<String>,
    /// A URL or path, instead of a connection.
    pub url: Option<String>,
    /// Which tables, as patterns; one that begins with `!` excludes. All of the URL's database
    /// when not given.
    #[serde(default)]
    pub tables: Vec<String>,
    /// The result of a query instead of tables.
    pub query: Option<String>,
    /// A condition in the source's own dialect; only rows that fulfil it are read.
    #[serde(rename = "where")]
    pub filter: Option<String>,
    /// Where in the log a job of mode `changes` begins: `now` when not given, `earliest`, or a
    /// position as the source's own people write it (a GTID set, `file:offset`, an LSN).
    pub from: Option<String>,
    /// How much log the source may keep for a job that follows changes.
    pub retention: Option<RetentionLimit>,
    /// What is done when the place in the log is gone: purged, or its slot dropped.
    pub when_lost: Option<WhenLost>,
}

/// Where rows go.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// Alias of a connection: one of this file, or one that the server has.
    pub connection: Option<String>,
    /// A URL or path, instead of a connection.
    pub url: Option<String>,
    /// Name of the target table, with `{table}` and `{schema}` of the source.
    pub table: Option<String>,
    /// Names of the target's columns, for the rows' columns by their position instead of by name;
    /// `["*"]` is all of them in their order.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Statements of the target's own language that run before its tables are looked at. They run
    /// again when a run is continued that had no plan yet.
    #[serde(default)]
    pub before: Vec<String>,
    /// Statements of the target's own language that run once all rows are there.
    #[serde(default)]
    pub after: Vec<String>,
    /// What happens to rows that are there already.
    pub write: Option<WriteConfig>,
    /// Whether missing target tables are made.
    #[serde(default)]
    pub create: CreateConfig,
    /// What becomes of generated columns in tables that are made: kept generated where the target
    /// can compute the very same values, or made plain columns that hold them.
    #[serde(default)]
    pub generated: GeneratedColumns,
}

/// What happens to rows that are there already.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WriteConfig {
    /// Rows are added.
    Append,
    /// A row with the key of one that is there takes its place.
    Upsert,
    /// The table is loaded beside the old one and swapped in at the end.
    Replace,
}

impl From<WriteConfig> for WriteMode {
    fn from(write: WriteConfig) -> Self {
        match write {
            WriteConfig::Append => Self::Append,
            WriteConfig::Upsert => Self::Upsert,
            WriteConfig::Replace => Self::Replace,
        }
    }
}

/// Whether missing target tables are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreateConfig {
    /// With their keys.
    #[default]
    Auto,
    /// A missing table is an error.
    Never,
}

/// A chosen column.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnConfig {
    /// Its name at the source.
    pub from: String,
    /// Its name at the target; the same when not given.
    pub to: Option<String>,
    /// Its type from then on, by portable name (`int32`, `decimal(10,2)`, `text`, `timestamp`).
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// Steps between source and sink, each a verb with its configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessorsConfig {
    /// On the source's side of the link.
    pub source: Vec<serde_json::Value>,
    /// On the sink's side of the link.
    pub sink: Vec<serde_json::Value>,
}

/// How fast.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SpeedConfig {
    /// Splits at work at the same time; the number of cores when not given.
    #[schemars(range(min = 1))]
    pub parallel: Option<usize>,
    /// Rows a second, for the whole run.
    pub rows_per_second: Option<NonZeroU32>,
    /// Bytes a second, for the whole run.
    pub bytes_per_second: Option<NonZeroU32>,
    /// Rows in a split at least: 50000 when not given.
    #[schemars(range(min = 1))]
    pub split_rows: Option<u64>,
}

/// How many bad rows are let go to the dead letters. Without either limit, the first ends the run.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorsConfig {
    /// So many rows.
    pub rows: Option<u64>,
    /// This share of the rows read: 0.001 is one in a thousand.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub ratio: Option<f64>,
    /// What is done with bad values, by what is wrong with them. A kind that is not named goes by
    /// `default`; without that, by the limits above.
    pub values: ValuesConfig,
    /// Whether columns may go to types that do not keep every value. Rows whose values do not fit
    /// are bad rows all the same.
    pub allow_lossy: bool,
}

/// How often rows become durable at least.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// A length of time: `10s` when not given.
    pub every: Option<String>,
}

/// How long something outside is waited for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// A length of time without any progress: `10m` when not given, or `forever`.
    #[serde(rename = "for")]
    pub patience: Option<String>,
}

impl ColumnConfig {
    pub(super) fn mapping(&self) -> ColumnMapping {
        ColumnMapping {
            from: self.from.clone(),
            to: self.to.clone().unwrap_or_else(|| self.from.clone()),
            kind: self.kind.clone(),
        }
    }
}

impl SecretConfig {
    pub(super) fn resolve(&self, around: &dyn Surroundings) -> Result<Secret> {
        match (&self.env, &self.file) {
            (Some(name), None) => around.variable(name)?.map(Secret::new).ok_or_else(|| {
                Error::new(Code::SecretMissing, format!("environment variable {name} is not set"))
            }),
            (None, Some(path)) => around.password_file(path),
            _ => Err(Error::new(Code::BadValue, "password needs either env or file")),
        }
    }
}
