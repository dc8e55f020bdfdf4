//! Pages for people about the API: its reference, made of the OpenAPI document, and the errors.

use std::fmt::Write as _;

use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use serde_json::Value;
use syncline_types::Code;
use utoipa::openapi::OpenApi;

use crate::assets::guarded;
use crate::state::AppState;

/// The pages, written once.
pub(crate) fn router(document: &OpenApi) -> Router<AppState> {
    let page = reference(&serde_json::to_value(document).unwrap_or_default());
    let show =
        |page: String| get(move || async move { guarded(Html(page).into_response(), "no-cache") });
    Router::new().route("/docs/api", show(page)).route("/docs/errors", show(errors()))
}

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "head"];

/// All operations, by the resource they belong to.
fn reference(document: &Value) -> String {
    let mut tags: Vec<(String, Vec<String>)> = Vec::new();
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    for (path, item) in &paths {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let tag = operation["tags"][0].as_str().unwrap_or("other").to_owned();
            let text = operation_text(method, path, operation);
            match tags.iter_mut().find(|(name, _)| *name == tag) {
                Some((_, texts)) => texts.push(text),
                None => tags.push((tag, vec![text])),
            }
        }
    }
    let mut body = String::from(
        "<h1>The API</h1><p>As a document for programs: \
         <a href=\"/api/v1/openapi.json\">OpenAPI 3.1</a>. Errors are \
         <code>application/problem+json</code>; <a href=\"/docs/errors\">their codes</a>.</p><nav>",
    );
    for (tag, _) in &tags {
        let tag = escaped(tag);
        let _ = write!(body, "<a href=\"#{tag}\">{tag}</a> ");
    }
    body.push_str("<a href=\"#shapes\">shapes</a></nav>");
    for (tag, texts) in &tags {
        let tag = escaped(tag);
        let _ = write!(body, "<h2 id=\"{tag}\">{tag}</h2>{}", texts.concat());
    }
    body.push_str("<h2 id=\"shapes\">shapes</h2>");
    let shapes = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
    for (name, schema) in &shapes {
        let name = escaped(name);
        let about = paragraph(&schema["description"]);
        let _ = write!(body, "<h3 id=\"shape-{name}\">{name}</h3>{about}{}", fields(schema));
    }
    page("The API of Syncline", &body)
}

fn operation_text(method: &str, path: &str, operation: &Value) -> String {
    let method = method.to_uppercase();
    let mut text = format!("<section><h3><b>{method}</b> <code>{}</code></h3>", escaped(path));
    let _ = write!(text, "<p><strong>{}</strong></p>", inline(&operation["summary"]));
    text.push_str(&paragraph(&operation["description"]));
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    if !parameters.is_empty() {
        text.push_str("<table><tr><th>parameter</th><th>in</th><th></th></tr>");
        for one in &parameters {
            let (name, place) = (inline(&one["name"]), inline(&one["in"]));
            let about = inline(&one["description"]);
            let _ = write!(
                text,
                "<tr><td><code>{name}</code></td><td>{place}</td><td>{about}</td></tr>"
            );
        }
        text.push_str("</table>");
    }
    for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        let shape = shape(&content["schema"]);
        let _ = write!(text, "<p>takes <code>{}</code>: {shape}</p>", escaped(media));
    }
    let responses = operation["responses"].as_object().cloned().unwrap_or_default();
    let answers: Vec<String> = responses
        .iter()
        .map(|(status, response)| {
            let contents = response["content"].as_object().into_iter().flatten();
            let shapes: Vec<String> = contents.map(|(_, c)| shape(&c["schema"])).collect();
            format!("<code>{}</code> {}", escaped(status), shapes.join(" or "))
        })
        .collect();
    let _ = write!(text, "<p>answers {}</p></section>", answers.join(" · "));
    text
}

/// The fields of an object, or the values of a choice.
fn fields(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> =
            values.iter().map(|v| format!("<code>{}</code>", inline(v))).collect();
        return format!("<p>{}</p>", values.join(" | "));
    }
    let parts = schema["oneOf"].as_array().or(schema["allOf"].as_array());
    let inner: String = parts.into_iter().flatten().map(fields).collect();
    let Some(properties) = schema["properties"].as_object() else { return inner };
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut text = String::from("<table><tr><th>field</th><th>type</th><th></th></tr>");
    for (name, property) in properties {
        let optional = if required.iter().any(|r| r == name) { "" } else { "?" };
        let _ = write!(
            text,
            "<tr><td><code>{}{optional}</code></td><td>{}</td><td>{}</td></tr>",
            escaped(name),
            shape(property),
            inline(&property["description"])
        );
    }
    text + "</table>" + &inner
}

/// A type in a few words, with links to the shapes it is made of.
fn shape(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#shape-{name}\">{name}</a>");
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema[key].as_array() {
            return parts.iter().map(shape).collect::<Vec<_>>().join(" | ");
        }
    }
    if schema.get("items").is_some() {
        return format!("[{}]", shape(&schema["items"]));
    }
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(inline).collect::<Vec<_>>().join(" | "),
        Value::String(kind) => escaped(kind),
        _ => "anything".to_owned(),
    }
}

fn errors() -> String {
    let mut body = String::from("<h1>Errors</h1>");
    for code in Code::ALL {
        let _ = write!(
            body,
            "<h3 id=\"{code}\">{code}: {}</h3>{}",
            escaped(code.title()),
            paragraph(&Value::from(code.explanation()))
        );
    }
    page("Errors of Syncline", &body)
}

/// Markdown's paragraphs and code; the rest as it stands.
fn paragraph(text: &Value) -> String {
    let text = text.as_str().unwrap_or_default().trim();
    let parts = text.split("\n\n").filter(|part| !part.trim().is_empty());
    parts.map(|part| format!("<p>{}</p>", inline(&Value::from(part.trim())))).collect()
}

fn inline(text: &Value) -> String {
    let mut out = String::new();
    for (at, part) in text.as_str().unwrap_or_default().split('`').enumerate() {
        match at % 2 {
            0 => out.push_str(&escaped(part)),
            _ => out.push_str(&format!("<code>{}</code>", escaped(part))),
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0}main{max-width:60rem;\
margin:auto;padding:1rem}code{font:0.9em ui-monospace,monospace}nav{display:flex;flex-wrap:wrap;\
gap:.75rem}section{border-top:1px solid #8886;padding-top:.25rem}table{border-collapse:collapse;\
width:100%}td,th{text-align:left;vertical-align:top;padding:.2rem .75rem .2rem 0}\
h3{overflow-wrap:anywhere}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_names_every_operation_and_nothing_breaks_out_of_it() {
        let document = serde_json::to_value(crate::api::openapi()).unwrap();
        let text = reference(&document);
        for path in document["paths"].as_object().unwrap().keys() {
            assert!(text.contains(&format!("<code>{}</code>", escaped(path))), "{path}");
        }
        assert_eq!(inline(&Value::from("`a<b` & c")), "<code>a&lt;b</code> &amp; c");
        assert!(errors().contains("id=\"E0207\""));
    }
}
