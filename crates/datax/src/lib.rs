//! DataX job files (`{"job": {"content": [{"reader": …, "writer": …}]}}`), read as jobs.
//!
//! What a plug-in or key means here stands in `docs/datax.md`. What is not known is an error that
//! names it and its place; what has no effect is a note. Columns go from reader to writer by their
//! position, as in DataX.

mod jdbc;
mod keys;
mod relational;
mod settings;
mod stream;
mod text_file;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use syncline_connector::Secret;
use syncline_engine::JobFile;
use syncline_types::{Code, Error, Result, did_you_mean};

use jdbc::Kind;
use keys::{Keys, Node};
use settings::Settings;
pub use variables::parse_variables;

/// Name of the environment variable that stands for the reader's password in a converted job.
pub const SOURCE_PASSWORD: &str = "SOURCE_PASSWORD";
/// Name of the environment variable that stands for the writer's password in a converted job.
pub const SINK_PASSWORD: &str = "SINK_PASSWORD";

/// A DataX job as jobs that run one after the other: one for each pair of what is read and where
/// it goes.
#[derive(Debug)]
pub struct Converted {
    /// The jobs, in order.
    pub parts: Vec<Part>,
    /// What a person should know: keys without effect, differences.
    pub notes: Vec<String>,
}

/// One job.
#[derive(Debug)]
pub struct Part {
    /// The job, without its passwords.
    pub job: JobFile,
    /// The reader's password.
    pub source_password: Option<Secret>,
    /// The writer's password.
    pub sink_password: Option<Secret>,
    /// What is to be done with files of the target's name before the first run.
    pub clear: Option<OldFiles>,
}

/// Files that begin with the name of a text file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldFiles {
    folder: PathBuf,
    prefix: String,
    refuse: bool,
}

impl std::fmt::Display for OldFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pattern = self.folder.join(format!("{}*", self.prefix));
        match self.refuse {
            true => write!(f, "{} must not be there", pattern.display()),
            false => write!(f, "remove {}", pattern.display()),
        }
    }
}

impl OldFiles {
    /// Removes them, or refuses to begin because there are some.
    ///
    /// # Errors
    /// [`Code::WriteModeNeeded`] for files that are in the way, [`Code::NoPrivilege`] for files that
    /// cannot be removed.
    pub fn clear(&self) -> Result<()> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let ours = name.to_string_lossy().starts_with(&self.prefix);
            if !ours || !entry.file_type().is_ok_and(|t| t.is_file()) {
                continue;
            }
            let path = entry.path();
            if self.refuse {
                let message = format!("{} is there, and writeMode is nonConflict", path.display());
                return Err(Error::new(Code::WriteModeNeeded, message));
            }
            std::fs::remove_file(&path).map_err(|e| {
                let message = format!("{} cannot be removed (writeMode truncate)", path.display());
                Error::new(Code::NoPrivilege, message).because(e)
            })?;
        }
        Ok(())
    }
}

/// What is read.
#[derive(Debug, Clone, Default)]
struct Input {
    url: String,
    password: Option<Secret>,
    tables: Vec<String>,
    query: Option<String>,
    filter: Option<String>,
    /// Names of columns in the order wanted; all of them when not given.
    columns: Option<Vec<String>>,
    steps: Vec<Value>,
    /// The driver would make NULL of a date that is none.
    zero_dates_are_null: bool,
}

/// Where it goes.
#[derive(Debug, Clone, Default)]
struct Output {
    url: String,
    password: Option<Secret>,
    table: Option<String>,
    columns: Vec<String>,
    write: Option<&'static str>,
    before: Vec<String>,
    after: Vec<String>,
    steps: Vec<Value>,
    /// The target is a file, which is made; tables have to be there.
    makes_target: bool,
    clear: Option<(String, String, Clear)>,
}

#[derive(Debug, Clone, Copy)]
struct Clear {
    refuse: bool,
}

/// Whether a text looks like a DataX job: JSON with a `job` that has `content`.
pub fn is_datax(text: &str) -> bool {
    let start = text.trim_start();
    start.starts_with('{') && start.contains("\"job\"") && start.contains("\"content\"")
}

/// Reads a DataX job; `place` names it in errors.
///
/// # Errors
/// [`Code::JobSyntax`] for what is no JSON, [`Code::UnknownKey`] and [`Code::UnknownConnector`] for
/// keys and plug-ins that are not supported, [`Code::BadValue`], [`Code::BadUrl`]; each with its
/// place in the file.
pub fn convert(text: &str, place: &str, variables: &BTreeMap<String, String>) -> Result<Converted> {
    let text = variables::replace(text, variables, place)?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|e| Error::new(Code::JobSyntax, format!("{place}: {e}")))?;
    let mut notes = Vec::new();
    let root = Node::new(&value, "").keys().map_err(|e| e.at(place))?;
    read(&root, stem(place), &mut notes)
        .map(|parts| Converted { parts, notes })
        .map_err(|e| e.at(place))
}

fn stem(place: &str) -> &str {
    Path::new(place).file_stem().and_then(|s| s.to_str()).unwrap_or("datax")
}

fn read(root: &Keys<'_>, name: &str, notes: &mut Vec<String>) -> Result<Vec<Part>> {
    let job = Node::new(root.need("job")?.value, "job").keys()?;
    for key in ["setting", "common", "jobId"] {
        if let Some(node) = root.get(key).filter(|n| *n.value != json!({})) {
            notes.push(format!("{} is about DataX itself and has no effect", key_of(&node)));
        }
    }
    let core = root.get("core");
    root.finish()?;
    let setting = Settings::parse(&job, core.as_ref(), notes)?;
    let mut parts = Vec::new();
    for content in job.need("content")?.one_or_more()? {
        let keys = content.keys()?;
        let inputs = plug_in(&keys.need("reader")?, |name, node| match name {
            "streamreader" => stream::reader(node, setting.channels.unwrap_or(1), notes),
            "mysqlreader" => relational::reader(node, Some(Kind::Mysql), notes),
            "postgresqlreader" => relational::reader(node, Some(Kind::Postgres), notes),
            "rdbmsreader" => relational::reader(node, None, notes),
            "txtfilereader" => text_file::reader(node, notes),
            _ => Err(unknown(node, name, READERS)),
        })?;
        let outputs = plug_in(&keys.need("writer")?, |name, node| match name {
            "streamwriter" => stream::writer(node, notes),
            "mysqlwriter" => relational::writer(node, Some(Kind::Mysql), notes),
            "postgresqlwriter" => relational::writer(node, Some(Kind::Postgres), notes),
            "rdbmswriter" => relational::writer(node, None, notes),
            "txtfilewriter" => text_file::writer(node, notes),
            _ => Err(unknown(node, name, WRITERS)),
        })?;
        let steps = transformers(&keys, notes)?;
        keys.finish()?;
        for pair in pairs(&content, inputs, outputs)? {
            parts.push(setting.part(name, pair, &steps)?);
        }
    }
    job.finish()?;
    if parts.is_empty() {
        return Err(job.need("content")?.wrong("nothing to do"));
    }
    let several = parts.len() > 1;
    for (at, part) in parts.iter_mut().enumerate().filter(|_| several) {
        part.job.name = Some(format!("{name} #{}", at + 1));
    }
    if setting.unlimited {
        notes.push(
            "job.setting.errorLimit is not given: the first bad row ends the run, where DataX \
             would leave any number of them out"
                .into(),
        );
    }
    notes.dedup();
    Ok(parts)
}

const READERS: &[&str] =
    &["streamreader", "mysqlreader", "postgresqlreader", "rdbmsreader", "txtfilereader"];
const WRITERS: &[&str] =
    &["streamwriter", "mysqlwriter", "postgresqlwriter", "rdbmswriter", "txtfilewriter"];
/// The transformers, and what their `paras` are.
const TRANSFORMERS: &[(&str, &[&str])] = &[
    ("dx_substr", &["start", "length"]),
    ("dx_pad", &["l or r", "length", "text"]),
    ("dx_replace", &["start", "length", "text"]),
    ("dx_filter", &["operator", "value"]),
    ("dx_digest", &["md5 or sha1", "toUpperCase or toLowerCase"]),
];

fn key_of<'a>(node: &'a Node<'_>) -> &'a str {
    node.place.trim_start_matches('.')
}

fn plug_in<T>(
    node: &Node<'_>,
    build: impl FnOnce(&str, &Node<'_>) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let keys = node.keys()?;
    let name = keys.need("name")?.text()?;
    let parameter = keys.need("parameter")?;
    keys.finish()?;
    build(&name, &parameter)
}

fn unknown(parameter: &Node<'_>, name: &str, known: &[&str]) -> Error {
    let place = parameter.place.trim_end_matches(".parameter");
    let near = did_you_mean(name, known.iter().copied());
    let message = format!("{place}: plug-in {name:?} is not supported{near}");
    Error::new(Code::UnknownConnector, message).hint(format!("there are {}", known.join(", ")))
}

/// The transformers, as steps of a chain, which have the same names.
fn transformers(keys: &Keys<'_>, notes: &mut Vec<String>) -> Result<Vec<Value>> {
    let Some(list) = keys.get("transformer") else { return Ok(Vec::new()) };
    let mut steps = Vec::new();
    for node in list.list()? {
        let keys = node.keys()?;
        let name = keys.need("name")?.text()?;
        let Some((_, wanted)) = TRANSFORMERS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = TRANSFORMERS.iter().map(|(name, _)| *name).collect();
            let near = did_you_mean(&name, known.iter().copied());
            let message = format!("{}: transformer {name:?} is not supported{near}", node.place);
            return Err(Error::new(Code::UnknownKey, message)
                .hint(format!("there are {}", known.join(", "))));
        };
        let parameter = keys.need("parameter")?.keys()?;
        let column = parameter.need("columnIndex")?;
        let index = column.count()?.ok_or_else(|| column.wrong("counted from 0"))?;
        let given = parameter.need("paras")?;
        let paras: Vec<String> = given.list()?.iter().map(Node::text).collect::<Result<_>>()?;
        if paras.len() != wanted.len() {
            let what = format!("{name} takes {} and not {} of them", wanted.len(), paras.len());
            return Err(given.wrong(what).hint(format!("they are {}", wanted.join(", "))));
        }
        parameter.harmless(&["context"], notes);
        parameter.finish()?;
        keys.finish()?;
        steps.push(json!({ name: { "columnIndex": index, "paras": paras } }));
    }
    Ok(steps)
}

/// What goes where: everything to the one target, or each to its own.
fn pairs(
    content: &Node<'_>,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
) -> Result<Vec<(Input, Output)>> {
    if let [one] = outputs.as_slice() {
        let last = inputs.len().saturating_sub(1);
        let one = one.clone();
        let with = |(at, input): (usize, Input)| {
            let mut output = one.clone();
            if at > 0 {
                output.before.clear();
                output.clear = None;
                // What the first has written stays.
                if output.write == Some("replace") {
                    output.write = Some("append");
                }
            }
            if at < last {
                output.after.clear();
            }
            (input, output)
        };
        return Ok(inputs.into_iter().enumerate().map(with).collect());
    }
    if inputs.len() != outputs.len() {
        let (a, b) = (inputs.len(), outputs.len());
        return Err(content
            .wrong(format!("{a} tables are read, and {b} written"))
            .hint("DataX pairs them in order: give as many, or one to write"));
    }
    Ok(inputs.into_iter().zip(outputs).collect())
}

/// A job as YAML, without what is not said.
///
/// # Errors
/// [`Code::Bug`] when it cannot be written.
pub fn to_yaml(job: &JobFile) -> Result<String> {
    job.to_yaml()
}
