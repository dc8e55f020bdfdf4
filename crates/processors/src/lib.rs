//! The steps of a chain: `filter`, `select`, `rename`, `drop`, `cast`, `add`, `mask`, `sql`, dates by
//! patterns, and the transformers of DataX.
//!
//! Each is configured by one key and its value, as in a job file; `docs/processors.md` shows them.
//! [`build`] reads and checks the configuration without knowing a table; `bind` then fits each step
//! to the table that the step before leaves. Where the chain stands in the way of the data is the
//! engine's business.

mod add;
mod cast;
mod columns;
mod config;
mod datax;
mod dates;
mod expression;
mod filter;
mod mask;
mod project;
mod sql;
mod text_step;

use serde_json::{Value, json};
use syncline_connector::Processor;
use syncline_types::{Code, Error, Result, did_you_mean};

use config::Place;

/// The verbs there are.
pub const VERBS: &[&str] = &[
    "add",
    "cast",
    "drop",
    "dx_digest",
    "dx_filter",
    "dx_pad",
    "dx_replace",
    "dx_substr",
    "filter",
    "format_date",
    "mask",
    "parse_date",
    "rename",
    "select",
    "sql",
];

/// The JSON Schema of a list of steps, for the schema of the job file.
pub fn schema() -> Value {
    let text = json!({ "type": "string" });
    let names = json!({ "type": "array", "items": text, "minItems": 1 });
    let by_name = |value: Value| json!({ "type": "object", "additionalProperties": value, "minProperties": 1 });
    let step = |verb: &str, what: &str, mut value: Value| {
        value["description"] = json!(what);
        json!({
            "type": "object",
            "properties": { verb: value },
            "required": [verb],
            "additionalProperties": false,
        })
    };
    let mask = json!({
        "type": "object",
        "properties": {
            "columns": names,
            "with": { "enum": mask::METHODS },
            "key": { "description": "with sha256: makes it an HMAC", "anyOf": [
                text,
                { "type": "object", "properties": { "env": text }, "required": ["env"],
                  "additionalProperties": false },
                { "type": "object", "properties": { "secret": { "type": "string",
                  "description": "a server puts it in the place of a key, which it keeps encrypted" } },
                  "required": ["secret"], "additionalProperties": false },
            ] },
            "keep": { "type": "integer", "minimum": 0, "default": 4,
                      "description": "with partial: so many characters at the end stay" },
        },
        "required": ["columns", "with"],
        "additionalProperties": false,
    });
    let datax = json!({
        "type": "object",
        "properties": {
            "columnIndex": { "type": "integer", "minimum": 0, "description": "counted from 0" },
            "paras": names,
        },
        "required": ["columnIndex", "paras"],
        "additionalProperties": false,
    });
    let constant = json!({ "type": ["string", "number", "boolean", "null"] });
    let steps = [
        step("add", "more columns: a constant, or an expression as a text", by_name(constant)),
        step("cast", "columns in another type, exactly", by_name(text.clone())),
        step("drop", "all columns but these", names.clone()),
        step("dx_digest", "DataX: md5 or sha1 of a text", datax.clone()),
        step("dx_filter", "DataX: takes rows out for which the comparison is true", datax.clone()),
        step("dx_pad", "DataX: a text of just this length", datax.clone()),
        step("dx_replace", "DataX: other characters at this place", datax.clone()),
        step("dx_substr", "DataX: so many characters from this place", datax),
        step("filter", "rows for which the condition is true", text.clone()),
        step(
            "format_date",
            "dates as texts of this form; a text alone is for all of them",
            json!({ "anyOf": [text, by_name(text.clone())] }),
        ),
        step("mask", "values that must not travel as they are", mask),
        step("parse_date", "texts of this form as timestamps", by_name(text.clone())),
        step("rename", "other names: old to new", by_name(text.clone())),
        step("select", "these columns, in this order", names),
        step("sql", "select EXPRESSION as NAME, … from rows where CONDITION", text),
    ];
    json!({ "type": "array", "items": { "oneOf": steps } })
}

/// The steps of a list of one-key objects: `[ { "filter": "a > 1" }, { "select": ["a"] } ]`.
///
/// # Errors
/// As [`build_at`].
pub fn build(config: &Value) -> Result<Vec<Box<dyn Processor>>> {
    build_at(config, "processors")
}

/// As [`build`], for the list that stands at `place` in the job file (`processors.source`), which
/// begins every message.
///
/// # Errors
/// [`Code::UnknownKey`] with the nearest name, [`Code::BadProcessor`], [`Code::BadValue`].
/// Expressions are read only when a step is fitted to a table.
pub fn build_at(config: &Value, place: &str) -> Result<Vec<Box<dyn Processor>>> {
    let place = Place::new(place);
    let steps = match config {
        Value::Null => &[],
        // One step may stand without its list.
        Value::Object(_) => std::slice::from_ref(config),
        list => place.list(list)?,
    };
    steps.iter().enumerate().map(|(i, step)| build_step(step, &place.item(i))).collect()
}

fn build_step(step: &Value, place: &Place) -> Result<Box<dyn Processor>> {
    let object = place.object(step)?;
    let Some((verb, value)) = object.iter().next().filter(|_| object.len() == 1) else {
        let message = "a step has one key, the verb: - filter: …";
        return Err(Error::new(Code::BadProcessor, message).at(place));
    };
    let at = place.under(verb);
    Ok(match verb.as_str() {
        "add" => Box::new(add::Add::new(at, value)?),
        "cast" => Box::new(cast::Cast::new(at, value)?),
        "drop" => Box::new(columns::Drop::new(at, value)?),
        "filter" => Box::new(filter::Filter::new(at, value)?),
        "format_date" => Box::new(dates::Dates::new(at, false, value)?),
        "mask" => Box::new(mask::Mask::new(at, value)?),
        "parse_date" => Box::new(dates::Dates::new(at, true, value)?),
        "rename" => Box::new(columns::Rename::new(at, value)?),
        "select" => Box::new(columns::Select::new(at, value)?),
        "sql" => Box::new(sql::Sql::new(at, value)?),
        dx if datax::VERBS.contains(&dx) => Box::new(datax::Transformer::new(at, dx, value)?),
        other => {
            let near = did_you_mean(other, VERBS.iter().copied());
            let message = format!("{other:?} is no step{near}");
            let hint = format!("steps are {}", VERBS.join(", "));
            return Err(Error::new(Code::UnknownKey, message).at(place).hint(hint));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_every_verb() {
        let schema = schema();
        let steps = schema["items"]["oneOf"].as_array().unwrap();
        let verbs: Vec<&str> = steps.iter().filter_map(|s| s["required"][0].as_str()).collect();
        assert_eq!(verbs, VERBS);
    }
}
