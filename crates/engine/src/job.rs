//! What to move: a job with everything resolved.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use syncline_connector::{Cut, Endpoint, Mode, Secret, Sink, WriteMode};
use syncline_convert::ValuePolicies;
use syncline_types::{Pattern, TableName, TableSelection};

use crate::dead_letters::ErrorLimit;
use crate::follow::Following;

/// A job: source, target, and everything between. Written out, it is without its passwords.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Its name, for people.
    pub name: String,
    /// Its name stands for the tables it selects where jobs are told apart: one that follows changes
    /// may select others from one start to the next. Otherwise a job that selects other tables is
    /// another job.
    #[serde(default)]
    pub known_by_name: bool,
    /// The command that starts it again.
    pub command: String,
    /// Where rows come from.
    pub source: Endpoint,
    /// Where they go.
    pub sink: Endpoint,
    /// Everything, or chosen fields.
    pub mode: Mode,
    /// Which tables.
    pub tables: TableSelection,
    /// The rows of a query instead of tables.
    pub query: Option<String>,
    /// A condition in the source's dialect.
    pub filter: Option<String>,
    /// Name of the target table, with `{table}` and `{schema}`.
    pub target: Option<String>,
    /// Names of the target's columns, for the rows' columns by position; by name when there are
    /// none. A single `*` is all columns of the target in their order.
    #[serde(default)]
    pub target_columns: Vec<String>,
    /// Statements of the target's own language, run before its tables are looked at.
    #[serde(default)]
    pub before: Vec<String>,
    /// Statements of the target's own language, run once all rows are there.
    #[serde(default)]
    pub after: Vec<String>,
    /// Chosen columns; the first entry that fits a table is its own. All columns when none fits.
    pub columns: Vec<TableColumns>,
    /// Processors on the source's side of the link, as configured.
    pub source_processors: Vec<serde_json::Value>,
    /// Processors on the sink's side of the link, as configured.
    pub sink_processors: Vec<serde_json::Value>,
    /// Keys that the steps of `processors` name (`key: { secret: NAME }`), as the server keeps them.
    /// They are never written out with the job.
    #[serde(skip)]
    pub keys: BTreeMap<String, Secret>,
    /// What happens to rows that are there already; chosen by the target when not given.
    pub write: Option<WriteMode>,
    /// Whether missing target tables are made.
    pub create: bool,
    /// What becomes of generated columns in tables that are made.
    #[serde(default)]
    pub generated: GeneratedColumns,
    /// How fast.
    pub speed: Speed,
    /// How many bad rows are let go.
    pub errors: ErrorLimit,
    /// What is done with bad values, by their kind.
    #[serde(default)]
    pub values: ValuePolicies,
    /// Whether columns may go to types that do not keep every value.
    #[serde(default)]
    pub allow_lossy: bool,
    /// How often rows become durable at least.
    pub checkpoint_every: Duration,
    /// How long something outside is waited for without any progress; `None`: for ever.
    pub patience: Option<Duration>,
    /// How changes are followed.
    #[serde(default)]
    pub following: Following,
}

/// What becomes of generated columns in tables that are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GeneratedColumns {
    /// They stay generated where the target can compute the very same values.
    #[default]
    Keep,
    /// They become plain columns that hold the values.
    Materialise,
}

/// Chosen columns of the tables that fit a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableColumns {
    /// The tables; every table when not given.
    pub tables: Option<Pattern>,
    /// The columns, in the order they are written.
    pub columns: Vec<ColumnMapping>,
}

/// One chosen column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnMapping {
    /// Its name at the source.
    pub from: String,
    /// Its name from then on.
    pub to: String,
    /// Its type from then on, by portable name; as at the source when not given.
    pub kind: Option<String>,
}

/// How fast a run may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speed {
    /// Splits at work at the same time; the number of cores when not given.
    pub parallel: Option<usize>,
    /// Rows a second, for the whole run.
    pub rows_per_second: Option<NonZeroU32>,
    /// Arrow bytes a second, for the whole run.
    pub bytes_per_second: Option<NonZeroU32>,
    /// Rows in a split at least.
    pub split_rows: Option<u64>,
}

/// Rows in a split at least, when nothing else is said: a smaller one is not worth its start.
const SPLIT_ROWS: u64 = 50_000;
/// What a row of a file is reckoned at, in bytes.
const ROW_BYTES: u64 = 160;
/// Splits for each worker, so that one that is done finds more to do.
const SPLITS_PER_WORKER: usize = 4;

impl Speed {
    /// Splits at work at the same time.
    pub fn workers(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(2, usize::from);
        self.parallel.unwrap_or_else(cores).max(1)
    }
}

impl Speed {
    /// How finely to cut tables for so many workers that write to `sink`.
    pub(crate) fn cut(&self, workers: usize, sink: &dyn Sink) -> Cut {
        let min_rows = self.split_rows.unwrap_or(SPLIT_ROWS).max(1);
        let most = self.split_rows.map_or_else(|| sink.most_splits(workers), |_| usize::MAX);
        Cut {
            splits: if workers == 1 { 1 } else { most.min(workers * SPLITS_PER_WORKER) },
            min_rows,
            min_bytes: min_rows.saturating_mul(ROW_BYTES),
        }
    }
}

impl Job {
    /// Everything of one store into another, with nothing else said.
    pub fn new(name: impl Into<String>, source: Endpoint, sink: Endpoint) -> Self {
        Self {
            name: name.into(),
            known_by_name: false,
            command: String::new(),
            source,
            sink,
            mode: Mode::Full,
            tables: TableSelection::default(),
            query: None,
            filter: None,
            target: None,
            target_columns: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            columns: Vec::new(),
            source_processors: Vec::new(),
            sink_processors: Vec::new(),
            keys: BTreeMap::new(),
            write: None,
            create: true,
            generated: GeneratedColumns::default(),
            speed: Speed::default(),
            errors: ErrorLimit::default(),
            values: ValuePolicies::default(),
            allow_lossy: false,
            checkpoint_every: Self::CHECKPOINT_EVERY,
            patience: Some(Self::PATIENCE),
            following: Following::default(),
        }
    }

    /// The columns chosen for a table, where any are.
    pub fn columns_of(&self, table: &TableName) -> Option<&[ColumnMapping]> {
        let fits = |c: &&TableColumns| c.tables.as_ref().is_none_or(|p| p.matches(table, None));
        self.columns.iter().find(fits).map(|c| c.columns.as_slice())
    }
}

/// Tells jobs apart: the same job gives the same text, whatever its passwords, speed, error limits
/// and name are. It finds the unfinished run that the same command continues. A job that is known
/// by its name ([`Job::known_by_name`]) and follows changes gives the same text whatever tables it
/// selects: those it selects anew come to its run.
pub fn fingerprint(job: &Job) -> String {
    let address = |e: &Endpoint| {
        let relative = e.hosts.is_empty().then(|| std::env::current_dir().ok()).flatten();
        json!({ "url": e.redacted(), "options": e.options, "in": relative })
    };
    let columns: Vec<_> = job
        .columns
        .iter()
        .map(|c| {
            let columns: Vec<_> = c.columns.iter().map(|m| json!([m.from, m.to, m.kind])).collect();
            json!([c.tables, columns])
        })
        .collect();
    let tables = match job.known_by_name && job.mode.follows() {
        true => json!({ "of": job.name }),
        false => json!(job.tables),
    };
    let what = json!({
        "source": address(&job.source), "sink": address(&job.sink), "mode": job.mode,
        "tables": tables, "query": job.query, "filter": job.filter, "target": job.target,
        "columns": columns, "processors": [job.source_processors, job.sink_processors],
        "write": job.write, "create": job.create, "generated": job.generated, "target_columns": job.target_columns,
        "before": job.before, "after": job.after,
        "from": (job.mode == Mode::Changes).then_some(&job.following.from),
    });
    let digest = Sha256::digest(what.to_string().as_bytes());
    hex::encode(&digest[..16])
}
