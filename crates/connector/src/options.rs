//! Typed options from the text of a URL, and their documentation from the type.

use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use syncline_types::{Code, Error, Result, did_you_mean};

use crate::Endpoint;

/// One option of a connector, as documented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OptionDoc {
    /// Its key in a URL or a job file.
    pub name: String,
    /// `text`, `number`, `true or false`, or the values it takes, joined by ` | `.
    pub kind: String,
    /// Its default as it would be written; empty when it has none.
    pub default: String,
    /// What it does.
    pub doc: String,
}

/// The options of a type, from its JSON Schema and its default value.
pub fn option_docs<T: JsonSchema + Default + Serialize>() -> Vec<OptionDoc> {
    let schema = schema_for!(T).to_value();
    let defaults = serde_json::to_value(T::default()).unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    properties
        .iter()
        .map(|(name, property)| {
            let property = resolve(&schema, property);
            OptionDoc {
                name: name.clone(),
                kind: kind_of(&schema, property),
                default: match defaults.get(name) {
                    None | Some(Value::Null) => String::new(),
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                },
                doc: doc_of(&schema, &properties[name]),
            }
        })
        .collect()
}

/// The endpoint's options as `T`.
///
/// # Errors
/// [`Code::UnknownKey`] with the nearest key, [`Code::BadValue`] with what the key takes.
pub fn parse_options<T: DeserializeOwned + JsonSchema>(endpoint: &Endpoint) -> Result<T> {
    let schema = schema_for!(T).to_value();
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let mut object = Map::new();
    for (key, text) in &endpoint.options {
        let Some(property) = properties.get(key) else {
            let message = format!(
                "{}: unknown option {key:?}{}",
                endpoint.redacted(),
                did_you_mean(key, properties.keys().map(String::as_str))
            );
            return Err(Error::new(Code::UnknownKey, message)
                .hint(format!("`syncline connectors {}` lists the options", endpoint.scheme)));
        };
        let property = resolve(&schema, property);
        let bad = || {
            let takes = kind_of(&schema, property);
            let message = format!("{}: {key}={text} is not {takes}", endpoint.redacted());
            Error::new(Code::BadValue, message)
        };
        object.insert(key.clone(), coerce(&schema, property, text).ok_or_else(bad)?);
    }
    serde_json::from_value(Value::Object(object))
        .map_err(|e| Error::new(Code::BadValue, format!("{}: {e}", endpoint.redacted())))
}

/// Follows `$ref`, and the one branch of an optional value that is not null.
fn resolve<'a>(root: &'a Value, property: &'a Value) -> &'a Value {
    if let Some(path) = property.get("$ref").and_then(Value::as_str) {
        return root.pointer(path.trim_start_matches('#')).unwrap_or(property);
    }
    if let Some(branches) = property.get("anyOf").and_then(Value::as_array) {
        let real = branches.iter().find(|b| b.get("type").and_then(Value::as_str) != Some("null"));
        if let Some(branch) = real {
            return resolve(root, branch);
        }
    }
    property
}

fn doc_of(root: &Value, property: &Value) -> String {
    let own = property.get("description").and_then(Value::as_str);
    let inherited = || resolve(root, property).get("description").and_then(Value::as_str);
    own.or_else(inherited).unwrap_or_default().replace('\n', " ")
}

/// The texts a property takes, when it takes only some.
fn choices(property: &Value) -> Option<Vec<&str>> {
    if let Some(values) = property.get("enum").and_then(Value::as_array) {
        return Some(values.iter().filter_map(Value::as_str).collect());
    }
    let branches = property.get("oneOf").and_then(Value::as_array)?;
    branches.iter().map(|b| b.get("const").and_then(Value::as_str)).collect()
}

fn types(property: &Value) -> Vec<&str> {
    match property.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn kind_of(root: &Value, property: &Value) -> String {
    let property = resolve(root, property);
    if let Some(choices) = choices(property) {
        return choices.join(" | ");
    }
    let types = types(property);
    if types.contains(&"boolean") {
        "true | false".into()
    } else if types.contains(&"integer") || types.contains(&"number") {
        "a number".into()
    } else {
        "text".into()
    }
}

fn coerce(root: &Value, property: &Value, text: &str) -> Option<Value> {
    let property = resolve(root, property);
    if let Some(choices) = choices(property) {
        return choices.contains(&text).then(|| Value::from(text));
    }
    let types = types(property);
    if types.contains(&"boolean") {
        match text {
            "true" | "yes" | "1" | "on" | "" => Some(Value::Bool(true)),
            "false" | "no" | "0" | "off" => Some(Value::Bool(false)),
            _ => None,
        }
    } else if types.contains(&"integer") {
        let number: i64 = text.parse().ok()?;
        let minimum = property.get("minimum").and_then(Value::as_f64);
        #[allow(clippy::cast_precision_loss)] // bounds of options are small
        minimum.is_none_or(|m| number as f64 >= m).then(|| Value::from(number))
    } else if types.contains(&"number") {
        text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from)
    } else {
        Some(Value::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Quote {
        /// Where needed.
        #[default]
        Needed,
        /// Everywhere.
        Always,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Options {
        /// First row is names.
        header: bool,
        /// Rows to sample.
        sample: Option<u32>,
        /// When to quote.
        quote: Quote,
        /// Text of NULL.
        null: Option<String>,
    }

    fn parse(query: &str) -> Result<Options> {
        parse_options(&Endpoint::parse(&format!("a.csv{query}")).unwrap())
    }

    #[test]
    fn text_becomes_the_type_of_the_field() {
        let options = parse("?header=yes&sample=10&quote=always&null=5").unwrap();
        assert!(options.header);
        assert_eq!(options.sample, Some(10));
        assert_eq!(options.quote, Quote::Always);
        assert_eq!(options.null.as_deref(), Some("5"));
        assert_eq!(parse("").unwrap(), Options::default());
    }

    #[test]
    fn bad_options_name_what_is_right() {
        let error = parse("?haeder=true").unwrap_err();
        assert_eq!(error.code(), Code::UnknownKey);
        assert!(error.message().contains("did you mean \"header\"?"), "{error}");
        for query in ["?header=maybe", "?sample=-1", "?sample=x", "?quote=sometimes"] {
            assert_eq!(parse(query).unwrap_err().code(), Code::BadValue, "{query}");
        }
    }

    #[test]
    fn docs_come_from_the_comments() {
        let docs = option_docs::<Options>();
        let quote = docs.iter().find(|d| d.name == "quote").unwrap();
        assert_eq!(quote.doc, "When to quote.");
        assert_eq!(quote.kind, "needed | always");
        assert_eq!(quote.default, "needed");
        assert_eq!(docs.iter().find(|d| d.name == "sample").unwrap().kind, "a number");
    }
}
