//! `syncline dead-letters` of a server.

use serde_json::{Map, Value, json};
use syncline_types::{Code, Error, Result};

use super::ALL;
use crate::args::DeadLettersCommand;
use crate::client::{Client, text};
use crate::output::{self, line};

/// `syncline dead-letters …` where a server was named.
pub(crate) fn run(server: &str, command: &DeadLettersCommand) -> Result<u8> {
    let client = Client::of(Some(server))?;
    match command {
        DeadLettersCommand::List { run, json, .. } => {
            let Some(run) = run else {
                return Err(Error::new(Code::Usage, "a server lists the dead letters of one run")
                    .hint("`syncline runs list` has the ids"));
            };
            list(&client.list(&["runs", run, "dead-letters"], &[], ALL)?, *json)
        }
        DeadLettersCommand::Show { id, json, .. } => {
            let letter = client.get(&["dead-letters", &id.to_string()], &[])?;
            if *json {
                output::json(&letter);
            } else {
                show(&letter);
            }
            Ok(crate::DONE)
        }
        DeadLettersCommand::Replay { run, ids, set, target, .. } => {
            if target.is_some() {
                return Err(Error::new(Code::Usage, "--target: a server has its connections"));
            }
            replay(&client, run, ids, set)
        }
    }
}

fn list(letters: &[Value], json: bool) -> Result<u8> {
    if json {
        letters.iter().for_each(output::json);
    } else if letters.is_empty() {
        line("no dead letters");
    } else {
        let rows = letters
            .iter()
            .map(|l| {
                let state = if l["replayed_at"].is_string() { "replayed" } else { "kept" };
                let [table, code, reason] =
                    ["target", "code", "reason"].map(|field| text(l, field).to_owned());
                vec![l["id"].to_string(), state.into(), table, said(&l["key"]), code, reason]
            })
            .collect();
        line(output::table(&["id", "state", "table", "key", "code", "reason"], &["id"], rows));
    }
    Ok(crate::DONE)
}

/// A key or a value for people: `id=14, part=2`.
fn said(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(object @ Value::Object(_)) => said(&object),
            _ => text.clone(),
        },
        Value::Object(parts) => {
            let parts = parts.iter().map(|(name, value)| format!("{name}={}", said(value)));
            parts.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn show(letter: &Value) {
    line(format!("dead letter {} of run {}", letter["id"], text(letter, "run")));
    let stage = text(letter, "stage");
    line(format!("{} -> {}, failed to {stage}", text(letter, "source"), text(letter, "target")));
    line(format!("{}: {}", text(letter, "code"), text(letter, "reason")));
    if let Some(at) = letter["replayed_at"].as_str() {
        line(format!("replayed at {at}"));
    }
    line("");
    let row = match &letter["row"] {
        Value::String(json) => serde_json::from_str(json).unwrap_or_default(),
        Value::Object(row) => row.clone(),
        _ => Map::new(),
    };
    let rows = row
        .into_iter()
        .map(|(name, value)| {
            let value = if value.is_null() { "null".to_owned() } else { said(&value) };
            vec![name, value]
        })
        .collect();
    line(output::table(&["column", "value"], &[], rows));
}

fn replay(client: &Client, run: &str, ids: &[i64], set: &[String]) -> Result<u8> {
    if ids.is_empty() && set.is_empty() {
        let told = client.post(&["runs", run, "dead-letters", "replay"], &json!({}))?;
        return summed_up(told["items"].as_array().map_or(&[][..], Vec::as_slice));
    }
    let mut row = Map::new();
    for text in set {
        match text.split_once('=') {
            Some((column, value)) => row.insert(column.into(), value.into()),
            None => row.insert(text.clone(), Value::Null),
        };
    }
    let ids = match ids.is_empty() {
        false => ids.iter().map(|id| Value::from(*id)).collect(),
        true => {
            let kept = client.list(&["runs", run, "dead-letters"], &[], ALL)?;
            let open = kept.into_iter().filter(|letter| letter["replayed_at"].is_null());
            open.map(|letter| letter["id"].clone()).collect::<Vec<Value>>()
        }
    };
    let body = if row.is_empty() { json!({}) } else { json!({ "row": row }) };
    let replayed: Vec<Value> = ids
        .iter()
        .map(|id| client.post(&["dead-letters", &id.to_string(), "replay"], &body))
        .collect::<Result<_>>()?;
    summed_up(&replayed)
}

fn summed_up(replayed: &[Value]) -> Result<u8> {
    let mut failed = 0;
    for one in replayed {
        if one["error"].is_object() {
            failed += 1;
            let error = &one["error"];
            line(format!("{}  {}: {}", one["id"], text(error, "code"), text(error, "detail")));
        } else {
            line(format!("{}  written", one["id"]));
        }
    }
    line(format!("{} of {} written", replayed.len() - failed, replayed.len()));
    Ok(if failed == 0 { crate::DONE } else { crate::FAILED })
}
