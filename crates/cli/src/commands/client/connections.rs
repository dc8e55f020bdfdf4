//! `syncline connections`: stores under a name.

use serde_json::{Map, Value, json};
use syncline_connector::Endpoint;
use syncline_types::Result;

use super::{ALL, entry, list, put_or_add};
use crate::args::ConnectionsCommand;
use crate::client::{Client, ask_secret, error_of, number, text, when};
use crate::output::{self, line};

/// `syncline connections`.
pub(crate) fn run(command: ConnectionsCommand) -> Result<u8> {
    match command {
        ConnectionsCommand::List { at } => {
            let client = Client::of(at.server.as_deref())?;
            let items = client.list(&["connections"], &[], ALL)?;
            list(&items, at.json, "no connections yet", &["name", "store", "url"], |c| {
                ["name", "connector", "url"].map(|field| text(c, field).to_owned()).to_vec()
            })
        }
        ConnectionsCommand::Add { name, url, password, description, limit, replace, at } => {
            let body = body(&name, &url, password, description, limit)?;
            let client = Client::of(at.server.as_deref())?;
            let made = match replace {
                true => put_or_add(&client, "connections", &name, &body)?.body,
                false => client.post(&["connections"], &body)?,
            };
            if at.json {
                output::json(&made);
            } else {
                line(format!("{}: {}", text(&made, "name"), text(&made, "url")));
            }
            Ok(crate::DONE)
        }
        ConnectionsCommand::Test { name, at } => {
            let client = Client::of(at.server.as_deref())?;
            let told = client.post(&["connections", &name, "test"], &json!({}))?;
            tested(&told, at.json)
        }
        ConnectionsCommand::Show { name, at } => {
            let client = Client::of(at.server.as_deref())?;
            let shown = client.get(&["connections", &name], &[])?;
            if at.json {
                output::json(&shown);
                return Ok(crate::DONE);
            }
            for field in ["name", "connector", "url", "description"] {
                entry(field, text(&shown, field));
            }
            entry("password", if shown["has_password"] == true { "kept" } else { "none" });
            entry("limit", &number(&shown, "limit"));
            entry("changed", &when(&shown, "updated_at"));
            let jobs: Vec<&str> = shown["used_by"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            entry("used by", &jobs.join(", "));
            Ok(crate::DONE)
        }
        ConnectionsCommand::Remove { name, at } => {
            let client = Client::of(at.server.as_deref())?;
            let tag = client.get_tagged(&["connections", &name])?.tag;
            client.delete(&["connections", &name], tag.as_deref())?;
            line(format!("{name} is gone"));
            Ok(crate::DONE)
        }
    }
}

/// What is sent. A password that stands in the URL as `$VAR` is of the environment here, not of the
/// server's.
fn body(
    name: &str,
    url: &str,
    ask: bool,
    description: Option<String>,
    limit: Option<u32>,
) -> Result<Value> {
    let mut body = Map::new();
    body.insert("name".into(), name.into());
    let mut plain = url.to_owned();
    if ask {
        body.insert("password".into(), ask_secret("password")?.expose().into());
    } else if let Some((before, rest)) = url.split_once(":$")
        && let Some((_, after)) = rest.split_once('@')
        && let Some(password) = Endpoint::parse(url)?.password
    {
        plain = format!("{before}@{after}");
        body.insert("password".into(), password.expose().into());
    }
    body.insert("url".into(), plain.into());
    if let Some(description) = description {
        body.insert("description".into(), description.into());
    }
    if let Some(limit) = limit {
        body.insert("limit".into(), limit.into());
    }
    Ok(Value::Object(body))
}

/// What a test of a connection has found.
fn tested(told: &Value, json: bool) -> Result<u8> {
    if json {
        output::json(told);
        return Ok(if told["ok"] == true { crate::DONE } else { crate::FAILED });
    }
    for note in told["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        line(format!("note: {note}"));
    }
    if told["ok"] == true {
        line(format!("it answers: {}", told["version"].as_str().unwrap_or("ready")));
        return Ok(crate::DONE);
    }
    let error = &told["error"];
    Err(error_of(text(error, "code"), text(error, "detail"), error["hint"].as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_from_the_environment_leaves_the_url() {
        // Any variable that is always there.
        let path = std::env::var("PATH").unwrap();
        let sent = body("a", "mysql://me:$PATH@db1/shop?x=1", false, None, Some(2)).unwrap();
        assert_eq!(sent["url"], "mysql://me@db1/shop?x=1");
        assert_eq!(sent["password"], path);
        let sent = body("a", "mysql://me:pw@db1/shop", false, None, None).unwrap();
        assert_eq!(sent["url"], "mysql://me:pw@db1/shop");
        assert!(sent.get("password").is_none() && sent.get("limit").is_none());
    }
}
