//! Reading steps from a job file: places in messages, keys that are known, values of the right kind.

use std::fmt;

use serde_json::{Map, Value};
use syncline_types::{Code, Error, Result, did_you_mean};

/// Where in the job file something stands: `processors.source[1].mask.with`.
#[derive(Debug, Clone)]
pub(crate) struct Place(String);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Place {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A key of the object there.
    pub(crate) fn under(&self, key: &str) -> Self {
        Self(format!("{self}.{key}"))
    }

    /// An item of the list there.
    pub(crate) fn item(&self, index: usize) -> Self {
        Self(format!("{self}[{index}]"))
    }

    fn wrong(&self, wanted: &str, value: &Value) -> Error {
        let given = match value {
            Value::Null => "nothing".to_owned(),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            other => other.to_string(),
        };
        Error::new(Code::BadValue, format!("{wanted} was expected, not {given}")).at(self)
    }

    pub(crate) fn text<'a>(&self, value: &'a Value) -> Result<&'a str> {
        value.as_str().ok_or_else(|| self.wrong("a text", value))
    }

    pub(crate) fn object<'a>(&self, value: &'a Value) -> Result<&'a Map<String, Value>> {
        match value.as_object() {
            Some(object) if !object.is_empty() => Ok(object),
            _ => Err(self.wrong("an object with keys", value)),
        }
    }

    pub(crate) fn list<'a>(&self, value: &'a Value) -> Result<&'a [Value]> {
        value.as_array().map(Vec::as_slice).ok_or_else(|| self.wrong("a list", value))
    }

    /// A whole number from 0.
    pub(crate) fn number(&self, value: &Value) -> Result<u64> {
        value.as_u64().ok_or_else(|| self.wrong("a number from 0", value))
    }

    /// A list of names; a single one may stand for itself.
    pub(crate) fn names(&self, value: &Value) -> Result<Vec<String>> {
        if let Value::String(one) = value {
            return Ok(vec![one.clone()]);
        }
        let names = self.list(value)?.iter().enumerate();
        names.map(|(i, name)| self.item(i).text(name).map(str::to_owned)).collect()
    }

    /// Refuses keys that are not known.
    pub(crate) fn known(&self, object: &Map<String, Value>, keys: &[&str]) -> Result<()> {
        match object.keys().find(|key| !keys.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let near = did_you_mean(key, keys.iter().copied());
                let message = format!("unknown key {key:?}{near}");
                Err(Error::new(Code::UnknownKey, message)
                    .at(self)
                    .hint(format!("there are {}", keys.join(", "))))
            }
        }
    }
}
