//! Jobs as they are sent: as YAML or as JSON, read, looked through, and what is wrong with them
//! said with its place.

use serde::Deserialize;
use serde_json::Value;
use syncline_connector::{Endpoint, Registry};
use syncline_engine::{Job, JobFile, section_place, yaml_of};
use syncline_store::Store;
use syncline_types::{Code, Error, Result};
use utoipa::ToSchema;

use crate::input::too_large;
use crate::problem::Problem;
use crate::resolving::{Place, has_nul, job_of};
use crate::secrets::Vault;
use crate::unique::Unique;

/// Bytes of a job at most.
const LONGEST: usize = 1 << 20;
/// How a job's text is called in its errors.
const PLACE: &str = "job";

/// A job, as it is sent: one of the two.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobText {
    /// The job file as JSON (see docs/job.schema.json).
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) spec: Option<Unique>,
    /// The job file as YAML; it is kept as it is, with its comments.
    #[serde(default)]
    pub(crate) yaml: Option<String>,
    /// The project it is to be in, which says what it may use; `default` when not given.
    #[serde(default)]
    pub(crate) project: Option<String>,
}

/// A job that could be read.
pub(crate) struct Draft {
    /// The job.
    pub(crate) file: JobFile,
    /// It as JSON, without what is not said.
    pub(crate) spec: Value,
    /// It as it was written, where that was YAML.
    pub(crate) yaml: Option<String>,
    /// The text that places of errors are about.
    pub(crate) text: String,
}

impl JobText {
    /// The text that is to be read: what was sent, or its JSON as YAML.
    fn text(&self) -> Result<String> {
        let text = match (&self.spec, &self.yaml) {
            (None, Some(yaml)) => yaml.clone(),
            (Some(spec), None) if spec.0.is_object() => yaml_of(&spec.0)?,
            (Some(_), None) => {
                return Err(Error::new(Code::BadValue, "spec: a job is an object"));
            }
            _ => {
                let message = "a job is sent either as spec or as yaml";
                return Err(Error::new(Code::BadValue, message));
            }
        };
        if text.len() > LONGEST {
            return Err(too_large());
        }
        if text.contains('\0') {
            return Err(Error::new(Code::BadValue, "U+0000 in a text"));
        }
        Ok(text)
    }

    /// Reads it.
    ///
    /// # Errors
    /// What [`JobFile::parse`] says; [`Code::BadValue`] for a password in an address.
    pub(crate) fn read(&self) -> Result<Draft> {
        self.read_text(self.text()?)
    }

    fn read_text(&self, text: String) -> Result<Draft> {
        let file = JobFile::parse(&text, PLACE)?;
        no_passwords(&file)?;
        let spec = match &self.spec {
            Some(Unique(given)) => given.clone(),
            None => file.to_value()?,
        };
        Ok(Draft { file, spec, yaml: self.yaml.clone(), text })
    }
}

/// Refuses a job with a password in an address: everybody who sees the job would see it.
fn no_passwords(file: &JobFile) -> Result<()> {
    let own = file.connections.iter().map(|(name, c)| (format!("connections.{name}"), &c.url));
    let sides = [("source", &file.source.url), ("sink", &file.sink.url)];
    let direct = sides.into_iter().filter_map(|(side, url)| Some((side.into(), url.as_ref()?)));
    for (place, url) in own.chain(direct) {
        // A name of the environment is no secret; what cannot be read is refused elsewhere.
        let endpoint = Endpoint::parse_with(url, |_| Some(String::new()));
        let literal = endpoint.is_ok_and(|e| e.password.is_some_and(|p| !p.expose().is_empty()));
        if literal {
            let message = format!("{place}: a password in a job would be seen with it");
            return Err(Error::new(Code::BadValue, message).hint(
                "make a connection, which keeps it encrypted, and refer to it by its name: \
                 connection: NAME",
            ));
        }
    }
    Ok(())
}

/// The job that a draft stands for, looked through as far as that goes without connecting. Blocks.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn look_through(
    draft: &Draft,
    store: &Store,
    vault: &Vault,
    registry: &Registry,
    place: Place<'_>,
) -> Result<Job> {
    let job = job_of(store, vault, draft.file.clone(), place)?;
    if let Some(after) = draft.file.schedule.as_ref().and_then(|s| s.after())
        && after == place.name
    {
        return Err(Error::new(Code::BadValue, "schedule: a job cannot start after itself"));
    }
    syncline_engine::check_steps(&job)?;
    for (side, endpoint) in [("source", &job.source), ("sink", &job.sink)] {
        if has_nul(endpoint) {
            return Err(Error::new(Code::BadUrl, "U+0000 in an address").at(side));
        }
        let connector = registry.get(&endpoint.scheme).map_err(|e| e.at(side))?;
        let built = match side {
            "source" => connector.source(endpoint).map(drop),
            _ => connector.sink(endpoint).map(drop),
        };
        built.map_err(|e| e.at(side))?;
    }
    let spec = registry.get(&job.source.scheme)?.spec();
    if !spec.roles.source.contains(&job.mode) {
        let message = format!("mode: {} cannot be read in mode {}", spec.title, job.mode);
        return Err(Error::new(Code::Unsupported, message));
    }
    Ok(job)
}

/// What is wrong with a job, each with its place: nothing when it is fine. Blocks.
pub(crate) fn problems(
    sent: &JobText,
    store: &Store,
    vault: &Vault,
    registry: &Registry,
    place: Place<'_>,
) -> Vec<Problem> {
    let text = match sent.text() {
        Ok(text) => text,
        Err(error) => return vec![Problem::of(&error)],
    };
    let draft = match sent.read_text(text.clone()) {
        Ok(draft) => draft,
        Err(error) => return vec![placed(&error, &text)],
    };
    let mut found = Vec::new();
    // Each side by itself, so that one mistake does not hide the other.
    for (side, connection) in draft.file.stored_connections() {
        if let Ok(None) = store.connection(connection) {
            let message = format!("{side}: there is no connection {connection:?}");
            let error = Error::new(Code::BadUrl, message).hint("make it first");
            found.push(placed(&error, &draft.text));
        }
    }
    if found.is_empty()
        && let Err(error) = look_through(&draft, store, vault, registry, place)
    {
        found.push(placed(&error, &draft.text));
    }
    found
}

/// An error with its place in the text of a job: the one it names itself, or that of the section it
/// is about.
fn placed(error: &Error, text: &str) -> Problem {
    let problem = Problem::of(error);
    let words = error.chain();
    if let Some((line, column, rest)) = numbered(&words) {
        // The lines around the place are those of the one who reads this.
        let first = rest.lines().next().unwrap_or(rest);
        return problem.said(first.to_owned()).placed(None, Some((line, column)));
    }
    let at = words.split(": ").next().unwrap_or_default();
    let section = at.split(['.', '[', ' ']).next().unwrap_or_default();
    let plain = !section.is_empty() && section.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match section_place(text, section).filter(|_| plain) {
        Some(place) => problem.placed(Some(at.to_owned()), Some(place)),
        None => problem,
    }
}

/// `job:LINE:COLUMN: …` taken apart.
fn numbered(words: &str) -> Option<(u64, u64, &str)> {
    let rest = words.strip_prefix(PLACE)?.strip_prefix(':')?;
    let (line, rest) = rest.split_once(':')?;
    let (column, rest) = rest.split_once(": ")?;
    Some((line.parse().ok()?, column.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(text: &str) -> JobText {
        JobText { yaml: Some(text.to_owned()), ..JobText::default() }
    }

    #[test]
    fn passwords_are_refused_wherever_an_address_stands() {
        for text in [
            "{version: 1, source: {url: 'mysql://u:pw@h/d'}, sink: {url: 'stream:'}}",
            "{version: 1, source: {url: 'stream:'}, sink: {url: 'mysql://u:pw@h/d'}}",
            "{version: 1, connections: {a: {url: 'mysql://u:pw@h/d'}}, source: {connection: a}, \
             sink: {url: 'stream:'}}",
        ] {
            let error = yaml(text).read().err().unwrap();
            assert_eq!(error.code(), Code::BadValue);
            assert!(!error.chain().contains("pw"), "{error}");
        }
        let named = "{version: 1, source: {url: 'mysql://u:$PW@h/d'}, sink: {url: 'stream:'}}";
        assert!(yaml(named).read().is_ok());
    }

    #[test]
    fn places_are_those_of_the_text() {
        let read = |text: &str| placed(&yaml(text).read().err().unwrap(), text);
        let json = |problem: &Problem| serde_json::to_value(problem).unwrap();
        let at = json(&read("version: 1\nsource: {}\nsink:\n  conection: a\n"));
        assert_eq!((&at["line"], &at["column"]), (&4.into(), &3.into()), "{at}");
        assert_eq!(at["code"], "E0104");
        let section = "version: 1\nsource: { url: 'mysql://u:pw@h/d' }\nsink: { url: 'stream:' }\n";
        let at = json(&read(section));
        assert_eq!((&at["line"], &at["at"]), (&2.into(), &"source".into()), "{at}");
    }

    #[test]
    fn one_form_and_only_one_is_taken() {
        let both = JobText { spec: Some(Unique(serde_json::json!({}))), ..yaml("a") };
        for sent in [both, JobText::default(), yaml("a\0"), yaml(&"x".repeat(LONGEST + 1))] {
            assert!(sent.read().is_err());
        }
    }
}
