//! The job file: YAML (or JSON, which is YAML too), checked key by key.

mod following;
mod refusal;
mod sections;
mod surroundings;
mod values;
mod written;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use syncline_connector::{Endpoint, Mode, WriteMode};
use syncline_types::{Code, Error, Pattern, Result, TableSelection, did_you_mean};

use self::refusal::refused;
use self::sections::{
    CheckpointConfig, ColumnConfig, CreateConfig, ErrorsConfig, ProcessorsConfig, RetryConfig,
    SinkConfig, SourceConfig, SpeedConfig,
};
use crate::dead_letters::ErrorLimit;
use crate::follow::{Following, SchemaPolicies};
use crate::job::{Job, Speed, TableColumns};
use crate::schedule::Schedule;

pub use following::{check_mode, parse_schema_policies, parse_start, parse_until};
pub use sections::ConnectionConfig;
pub use surroundings::{OwnMachine, Surroundings};
pub use written::{section_place, yaml_of};

/// A job, as written by a person.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Syncline job", extend("$id" = "job.schema.json"))]
pub struct JobFile {
    /// Version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The job's name; the file's name when not given. A job that gives a name and follows changes
    /// stays the same job when its tables become others: those that are added are copied, and
    /// followed together with the rest.
    pub name: Option<String>,
    /// Connections by alias, for `source` and `sink` to refer to.
    #[serde(default)]
    pub connections: BTreeMap<String, ConnectionConfig>,
    /// Where rows come from.
    pub source: SourceConfig,
    /// Where they go.
    pub sink: SinkConfig,
    /// What is moved: `full` when not given, `batch` when columns, a condition or a query are.
    pub mode: Option<Mode>,
    /// When a job that follows changes comes to rest by itself: `caught-up` (everything is through
    /// that was in the log as it began), or after a length of time. It keeps its place, and goes on
    /// from there when it is started again. Never when not given.
    pub until: Option<String>,
    /// What is done when a table's definition changes at the source.
    pub schema_changes: Option<SchemaPolicies>,
    /// Chosen columns, by table (or pattern of tables).
    #[serde(default)]
    pub columns: BTreeMap<String, Vec<ColumnConfig>>,
    /// Steps between source and sink.
    #[serde(default)]
    pub processors: ProcessorsConfig,
    /// How fast.
    #[serde(default)]
    pub speed: SpeedConfig,
    /// How many bad rows are let go to the dead letters.
    #[serde(default)]
    pub errors: ErrorsConfig,
    /// How often rows become durable at least.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
    /// How long something outside (a server that is down) is waited for.
    #[serde(default)]
    pub retry: RetryConfig,
    /// When a server starts the job by itself; `syncline run` starts it now.
    pub schedule: Option<Schedule>,
}

/// The JSON Schema of the job file, steps of processors included.
pub fn job_schema() -> serde_json::Value {
    let mut schema = schema_for!(JobFile).to_value();
    let steps = syncline_processors::schema();
    for side in ["source", "sink"] {
        let place = format!("/$defs/ProcessorsConfig/properties/{side}/items");
        if let Some(items) = schema.pointer_mut(&place) {
            *items = steps["items"].clone();
        }
    }
    schema
}

impl Job {
    /// How often rows become durable at least, when nothing else is said.
    pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(10);
    /// How long something outside is waited for, when nothing else is said.
    pub const PATIENCE: Duration = Duration::from_secs(600);
}

impl JobFile {
    /// Reads a job file.
    ///
    /// # Errors
    /// [`Code::FileNotFound`]; [`Code::UnknownKey`] with line, column and the nearest key;
    /// [`Code::JobSyntax`], [`Code::BadValue`].
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            let code = match e.kind() {
                std::io::ErrorKind::NotFound => Code::FileNotFound,
                _ => Code::JobSyntax,
            };
            Error::new(code, format!("job file {}", path.display())).because(e)
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads the text of a job file; `place` names it in errors.
    ///
    /// # Errors
    /// As [`JobFile::read`].
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let job: JobFile = serde_saphyr::from_str(text).map_err(|e| refused(&e, place))?;
        if job.version == 1 {
            Ok(job)
        } else {
            let message = format!("{place}: version {} of the job file is not known", job.version);
            Err(Error::new(Code::BadValue, message).hint("this build reads version: 1"))
        }
    }

    /// The job, with everything resolved, on somebody's own machine. `command` starts it again.
    ///
    /// # Errors
    /// When an alias, a secret, a pattern or a value is wrong.
    pub fn resolve(self, default_name: &str, command: &str) -> Result<Job> {
        self.resolve_in(&OwnMachine, default_name, command)
    }

    /// As [`JobFile::resolve`], with what it refers to looked up in `around`.
    ///
    /// # Errors
    /// As [`JobFile::resolve`].
    pub fn resolve_in(
        self,
        around: &dyn Surroundings,
        default_name: &str,
        command: &str,
    ) -> Result<Job> {
        let source = self.endpoint(around, "source", &self.source.connection, &self.source.url)?;
        let sink = self.endpoint(around, "sink", &self.sink.connection, &self.sink.url)?;
        let columns = self
            .columns
            .iter()
            .map(|(table, columns)| {
                Ok(TableColumns {
                    tables: Some(Pattern::parse(table).map_err(|e| e.at("columns"))?),
                    columns: columns.iter().map(ColumnConfig::mapping).collect(),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let chosen =
            !columns.is_empty() || self.source.filter.is_some() || self.source.query.is_some();
        if self.source.query.is_some() && !self.source.tables.is_empty() {
            return Err(Error::new(Code::BadValue, "source: tables and query exclude each other"));
        }
        let mode = self.mode.unwrap_or(if chosen { Mode::Batch } else { Mode::Full });
        if mode == Mode::Full && chosen {
            return Err(Error::new(Code::BadValue, "mode full takes all columns and rows")
                .hint("columns, where and query need mode: batch"));
        }
        let following = Following {
            from: parse_start(self.source.from.as_deref().unwrap_or("now")),
            until: parse_until("until", self.until.as_deref())?,
            schema_changes: self.schema_changes.unwrap_or_default(),
            retention: self.source.retention,
            when_lost: self.source.when_lost.unwrap_or_default(),
        };
        let job = Job {
            known_by_name: self.name.is_some(),
            name: self.name.unwrap_or_else(|| default_name.to_owned()),
            command: command.to_owned(),
            source,
            sink,
            mode,
            tables: TableSelection::parse(&self.source.tables, &[])
                .map_err(|e| e.at("source.tables"))?,
            query: self.source.query,
            filter: self.source.filter,
            target: self.sink.table,
            target_columns: self.sink.columns,
            before: self.sink.before,
            after: self.sink.after,
            columns,
            source_processors: self.processors.source,
            sink_processors: self.processors.sink,
            keys: BTreeMap::new(),
            write: self.sink.write.map(WriteMode::from),
            create: self.sink.create == CreateConfig::Auto,
            generated: self.sink.generated,
            speed: Speed {
                parallel: self.speed.parallel,
                rows_per_second: self.speed.rows_per_second,
                bytes_per_second: self.speed.bytes_per_second,
                split_rows: self.speed.split_rows,
            },
            errors: ErrorLimit { rows: self.errors.rows, ratio: self.errors.ratio },
            values: self.errors.values.policies()?,
            allow_lossy: self.errors.allow_lossy,
            checkpoint_every: match &self.checkpoint.every {
                Some(text) => parse_duration("checkpoint.every", text)?,
                None => Job::CHECKPOINT_EVERY,
            },
            patience: parse_patience("retry.for", self.retry.patience.as_deref())?,
            following,
        };
        check_mode(&job)?;
        Ok(job)
    }

    /// Stored connections the job refers to, by side: those it does not bring itself.
    pub fn stored_connections(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let sides = [("source", &self.source.connection), ("sink", &self.sink.connection)];
        sides.into_iter().filter_map(|(side, alias)| {
            let alias = alias.as_deref()?;
            (!self.connections.contains_key(alias)).then_some((side, alias))
        })
    }

    fn endpoint(
        &self,
        around: &dyn Surroundings,
        side: &str,
        alias: &Option<String>,
        url: &Option<String>,
    ) -> Result<Endpoint> {
        match (alias, url) {
            (Some(alias), None) => {
                let Some(connection) = self.connections.get(alias) else {
                    let stored = around.connection(alias).map_err(|e| e.at(side))?;
                    return stored.ok_or_else(|| {
                        let near = did_you_mean(alias, self.connections.keys().map(String::as_str));
                        Error::new(Code::BadUrl, format!("{side}: no connection {alias:?}{near}"))
                    });
                };
                let place = format!("connections.{alias}");
                let mut endpoint =
                    surroundings::endpoint(&connection.url, around).map_err(|e| e.at(&place))?;
                if let Some(password) = &connection.password {
                    endpoint.password = Some(password.resolve(around).map_err(|e| e.at(&place))?);
                }
                Ok(endpoint)
            }
            (None, Some(url)) => surroundings::endpoint(url, around).map_err(|e| e.at(side)),
            _ => Err(Error::new(Code::BadValue, format!("{side} needs either connection or url"))),
        }
    }
}

/// A length of time such as `10s` or `1h 30m`.
///
/// # Errors
/// [`Code::BadValue`], naming `place`.
pub fn parse_duration(place: &str, text: &str) -> Result<Duration> {
    humantime::parse_duration(text).map_err(|e| {
        Error::new(Code::BadValue, format!("{place}: {text:?} is not a length of time"))
            .because(e)
            .hint("write it as 500ms, 10s, 5m or 2h")
    })
}

/// How long to wait without progress: a length of time, `forever` (`None`), or the default.
///
/// # Errors
/// [`Code::BadValue`], naming `place`.
pub fn parse_patience(place: &str, text: Option<&str>) -> Result<Option<Duration>> {
    match text {
        None => Ok(Some(Job::PATIENCE)),
        Some("forever") => Ok(None),
        Some(text) => parse_duration(place, text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = r#"
version: 1
name: shop-to-warehouse
connections:
  shop: { url: "mysql://sync@db1/shop" }
  wh: { url: "postgres://sync@wh/dw?schema=shop" }
source: { connection: shop, tables: ["shop.*", "!shop.tmp_*"] }
sink: { connection: wh, table: "{table}", write: upsert, create: auto }
mode: batch
columns:
  shop.customers: [ { from: id }, { from: mail, to: email }, { from: born, to: birth_year, type: int16 } ]
processors:
  source: [ { filter: "amount > 10 and country = 'DE'" }, { mask: { columns: [email], with: sha256 } } ]
  sink: [ { select: [id, email] } ]
speed: { parallel: 4, rows_per_second: 50000 }
errors: { rows: 100, ratio: 0.001 }
checkpoint: { every: 10s }
schedule: "0 3 * * *"
"#;

    #[test]
    fn the_documented_job_is_read() {
        let job = JobFile::parse(JOB, "job.yaml").unwrap().resolve("file", "syncline run").unwrap();
        assert_eq!(job.name, "shop-to-warehouse");
        assert_eq!(job.source.redacted(), "mysql://sync@db1/shop");
        assert_eq!(job.columns[0].columns[2].kind.as_deref(), Some("int16"));
        assert_eq!(job.checkpoint_every, Duration::from_secs(10));
        assert_eq!(job.source_processors.len(), 2);
    }

    #[test]
    fn the_schema_knows_every_step_of_a_chain() {
        let schema = job_schema();
        for side in ["source", "sink"] {
            let place = format!("/$defs/ProcessorsConfig/properties/{side}/items/oneOf");
            let steps = schema.pointer(&place).and_then(|s| s.as_array()).unwrap();
            assert_eq!(steps.len(), syncline_processors::VERBS.len());
        }
    }

    #[test]
    fn a_job_that_follows_changes_is_read() {
        let text = JOB
            .replace(
                "mode: batch",
                "mode: full+changes\nuntil: caught-up\nschema_changes: { drop_table: ignore }",
            )
            .replace(
                ", tables:",
                ", when_lost: resnapshot, retention: { max_bytes: 1000, action: release }, tables:",
            );
        let job = JobFile::parse(&text, "j").unwrap().resolve("n", "c").unwrap();
        assert_eq!(job.mode, Mode::FullChanges);
        assert_eq!(job.following.until, crate::Until::CaughtUp);
        assert_eq!(job.following.schema_changes.drop_table, crate::SchemaPolicy::Ignore);
        assert_eq!(job.following.retention.map(|r| r.max_bytes), Some(1000));
        assert_eq!(job.following.when_lost, crate::WhenLost::Resnapshot);
        let wrong = text.replace("drop_table:", "drop_tabel:");
        let error = JobFile::parse(&wrong, "j").unwrap_err();
        assert!(error.message().contains("did you mean \"drop_table\"?"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest() {
        let text = JOB.replace("speed: { parallel: 4", "speed: { paralel: 4");
        let error = JobFile::parse(&text, "job.yaml").unwrap_err();
        assert_eq!(error.code(), Code::UnknownKey);
        assert!(error.message().contains("job.yaml:15:"), "{error}");
        assert!(error.message().contains("did you mean \"parallel\"?"), "{error}");
    }

    #[test]
    fn wrong_types_duplicates_and_depths_are_refused_with_their_place() {
        let wrong = JOB.replace("parallel: 4", "parallel: many");
        let error = JobFile::parse(&wrong, "job.yaml").unwrap_err();
        assert_eq!(error.code(), Code::BadValue, "{error}");
        assert!(error.message().contains("job.yaml:15:"), "{error}");
        let twice = format!("{JOB}\nmode: full\n");
        assert_eq!(JobFile::parse(&twice, "job.yaml").unwrap_err().code(), Code::JobSyntax);
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        let deep = format!("version: 1\nprocessors: {{ source: {open}{close} }}\n");
        assert_eq!(JobFile::parse(&deep, "job.yaml").unwrap_err().code(), Code::JobSyntax);
        let old = JOB.replace("version: 1", "version: 7");
        assert_eq!(JobFile::parse(&old, "job.yaml").unwrap_err().code(), Code::BadValue);
    }

    #[test]
    fn null_is_a_policy_and_what_has_no_meaning_is_refused() {
        let with = |values: &str| {
            let errors = format!("errors: {{ allow_lossy: true, values: {{ {values} }} }}");
            JobFile::parse(&JOB.replace("errors: { rows: 100, ratio: 0.001 }", &errors), "j")
        };
        let read = with("zero_date: null, too_long: clamp, nan: \"null\", default: dead-letter");
        let file = read.unwrap();
        let written = serde_json::to_string(&file).unwrap();
        for file in [file, JobFile::parse(&written, "j").unwrap()] {
            let job = file.resolve("n", "c").unwrap();
            assert_eq!(
                job.values.to_string(),
                "zero_date=null, nan=null, too_long=clamp, default=dead-letter"
            );
            assert!(job.allow_lossy);
        }
        assert_eq!(with("nan: clamp").unwrap_err().code(), Code::BadValue);
        let error = with("zero_dates: fail").unwrap_err();
        assert!(error.message().contains("did you mean \"zero_date\"?"), "{error}");
    }

    #[test]
    fn aliases_and_secrets_must_be_there() {
        let text = JOB.replace("source: { connection: shop,", "source: { connection: shp,");
        let error = JobFile::parse(&text, "j").unwrap().resolve("n", "c").unwrap_err();
        assert!(error.message().contains("did you mean \"shop\"?"), "{error}");
        let text = JOB.replace(
            r#"shop: { url: "mysql://sync@db1/shop" }"#,
            r#"shop: { url: "mysql://sync@db1/shop", password: { env: SYNCLINE_NOT_SET } }"#,
        );
        let error = JobFile::parse(&text, "j").unwrap().resolve("n", "c").unwrap_err();
        assert_eq!(error.code(), Code::SecretMissing);
    }
}
