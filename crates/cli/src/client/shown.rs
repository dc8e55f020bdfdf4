//! Answers of the API, for people.

use serde_json::Value;

use crate::output::count;

/// A text of an answer; empty when it has none.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A number of an answer, grouped; empty when it has none.
pub(crate) fn number(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_u64).map(count).unwrap_or_default()
}

/// A time of an answer without its fractions: `2026-11-21 20:06:49`.
pub(crate) fn when(value: &Value, field: &str) -> String {
    text(value, field).get(..19).map(|at| at.replace('T', " ")).unwrap_or_default()
}
