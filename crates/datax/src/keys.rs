//! JSON read key by key: each value knows its place, and a key that nobody asked for is an error.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};
use syncline_types::{Code, Error, Result, did_you_mean};

/// A value and its place in the file: `job.content[0].reader`.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a Value,
    pub(crate) place: String,
}

impl<'a> Node<'a> {
    pub(crate) fn new(value: &'a Value, place: impl Into<String>) -> Self {
        Self { value, place: place.into() }
    }

    /// An error that stands here.
    pub(crate) fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::new(Code::BadValue, format!("{}: {what}", self.place))
    }

    pub(crate) fn keys(&self) -> Result<Keys<'a>> {
        let map = self.value.as_object().ok_or_else(|| self.wrong("an object was expected"))?;
        Ok(Keys { map, place: self.place.clone(), asked: RefCell::default() })
    }

    pub(crate) fn list(&self) -> Result<Vec<Node<'a>>> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("a list was expected"))?;
        let item = |(at, value)| Node::new(value, format!("{}[{at}]", self.place));
        Ok(list.iter().enumerate().map(item).collect())
    }

    /// A list, or one value that stands for a list of one.
    pub(crate) fn one_or_more(&self) -> Result<Vec<Node<'a>>> {
        if self.value.is_array() { self.list() } else { Ok(vec![self.clone()]) }
    }

    /// A text; numbers and truth values are taken as they are written.
    pub(crate) fn text(&self) -> Result<String> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(_) | Value::Bool(_) => Ok(self.value.to_string()),
            _ => Err(self.wrong("a text was expected")),
        }
    }

    /// A list of texts, or one text.
    pub(crate) fn texts(&self) -> Result<Vec<String>> {
        self.one_or_more()?.iter().map(Node::text).collect()
    }

    /// A number, which DataX also takes as a text.
    pub(crate) fn number(&self) -> Result<f64> {
        let text = self.text()?;
        let number = text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        number.ok_or_else(|| self.wrong(format!("{text:?} is no number")))
    }

    /// A whole number; `None` for a negative one, which DataX takes for no limit.
    pub(crate) fn count(&self) -> Result<Option<u64>> {
        let number = self.number()?;
        if number.fract() != 0.0 || number.abs() > 9e15 {
            return Err(self.wrong(format!("{number} is no whole number")));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        // whole, and small enough
        Ok((number >= 0.0).then_some(number as u64))
    }

    pub(crate) fn flag(&self) -> Result<bool> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(self.wrong(format!("{other:?} is neither true nor false"))),
        }
    }
}

/// The keys of an object. [`Keys::finish`] refuses those that were not asked for.
pub(crate) struct Keys<'a> {
    map: &'a Map<String, Value>,
    pub(crate) place: String,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Keys<'a> {
    /// The value of a key, where it is given and not null.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'a>> {
        self.asked.borrow_mut().insert(key.to_owned());
        let value = self.map.get(key).filter(|value| !value.is_null())?;
        Some(Node::new(value, format!("{}.{key}", self.place)))
    }

    /// The value of a key that has to be there.
    pub(crate) fn need(&self, key: &str) -> Result<Node<'a>> {
        self.get(key).ok_or_else(|| {
            Error::new(Code::BadValue, format!("{}: key {key:?} is missing", self.place))
        })
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<String>> {
        let text = self.get(key).map(|node| node.text()).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    pub(crate) fn texts(&self, key: &str) -> Result<Vec<String>> {
        let texts = self.get(key).map(|node| node.texts()).transpose()?.unwrap_or_default();
        Ok(texts.into_iter().filter(|text| !text.trim().is_empty()).collect())
    }

    /// Keys that mean nothing here, and change nothing about the rows: one note for each that is
    /// there.
    pub(crate) fn harmless(&self, keys: &[&str], notes: &mut Vec<String>) {
        for key in keys {
            if self.get(key).is_some() {
                notes.push(format!("{}.{key} is not needed here and has no effect", self.place));
            }
        }
    }

    /// Refuses every key that was not asked for.
    ///
    /// # Errors
    /// [`Code::UnknownKey`] with the nearest key.
    pub(crate) fn finish(&self) -> Result<()> {
        let asked = self.asked.borrow();
        let Some(key) = self.map.keys().find(|key| !asked.contains(*key)) else { return Ok(()) };
        let near = did_you_mean(key, asked.iter().map(String::as_str));
        let message = format!("{}: key {key:?} is not supported{near}", self.place);
        Err(Error::new(Code::UnknownKey, message)
            .hint("docs/datax.md lists the plug-ins and keys; leave the key out if it can go"))
    }
}
