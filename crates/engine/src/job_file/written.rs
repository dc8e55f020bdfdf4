//! A job file written out again, and where its sections stand in a text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use syncline_types::{Error, Result};

use super::JobFile;

impl JobFile {
    /// The job as JSON, without what is not said.
    ///
    /// # Errors
    /// [`syncline_types::Code::Bug`] when it cannot be written.
    pub fn to_value(&self) -> Result<Value> {
        let mut value = serde_json::to_value(self).map_err(|e| failed(&e))?;
        if let Value::Object(sections) = &mut value {
            for (name, section) in sections.iter_mut() {
                match name.as_str() {
                    // What stands in a step is its own: an empty text there means something.
                    "processors" => drop_empty_lists(section),
                    _ => prune(section),
                }
            }
            sections.retain(|_, section| !is_empty(section));
        }
        Ok(value)
    }

    /// The job as YAML, without what is not said.
    ///
    /// # Errors
    /// [`syncline_types::Code::Bug`] when it cannot be written.
    pub fn to_yaml(&self) -> Result<String> {
        yaml_of(&self.to_value()?)
    }
}

/// JSON as YAML.
///
/// # Errors
/// [`syncline_types::Code::Bug`] when it cannot be written.
pub fn yaml_of(value: &Value) -> Result<String> {
    serde_saphyr::to_string(value).map_err(|e| failed(&e))
}

/// Line and column of a section (`source`, `schedule`, …) in the text of a job file.
pub fn section_place(text: &str, section: &str) -> Option<(u64, u64)> {
    let sections: BTreeMap<String, Spanned<serde::de::IgnoredAny>> =
        serde_saphyr::from_str(text).ok()?;
    let at = sections.get(section)?.referenced;
    Some((at.line(), at.column()))
}

fn failed(cause: &dyn std::fmt::Display) -> Error {
    Error::bug(format!("a job cannot be written: {cause}"))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Takes out nulls, and lists and objects that are empty; a flag that is off is not said either.
fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(prune);
            map.retain(|_, v| !is_empty(v) && *v != Value::Bool(false));
        }
        Value::Array(list) => list.iter_mut().for_each(prune),
        _ => {}
    }
}

fn drop_empty_lists(value: &mut Value) {
    if let Some(sides) = value.as_object_mut() {
        Map::retain(sides, |_, list| !is_empty(list));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_written_out_is_the_same_job() {
        let text = r#"
version: 1
source: { url: "stream:", tables: [a] }
sink: { url: "stream:", create: never }
processors: { source: [ { filter: "a > 1" }, { set: { b: "", c: false, d: null } } ] }
errors: { rows: 5, values: { zero_date: null } }
schedule: { cron: "0 3 * * *", timezone: Europe/Berlin }
"#;
        let job = JobFile::parse(text, "j").unwrap();
        let value = job.to_value().unwrap();
        assert_eq!(value["processors"]["source"][1]["set"]["b"], "");
        assert_eq!(value["processors"]["source"][1]["set"]["c"], false);
        assert_eq!(value["errors"]["values"]["zero_date"], "null");
        assert!(value.get("columns").is_none() && value["processors"].get("sink").is_none());
        for text in [job.to_yaml().unwrap(), value.to_string()] {
            let again = JobFile::parse(&text, "j").unwrap_or_else(|e| panic!("{e}\n{text}"));
            assert_eq!(again.to_value().unwrap(), value);
        }
        assert_eq!(section_place(text, "sink"), Some((4, 7)));
        assert_eq!(section_place(text, "nothing"), None);
    }
}
