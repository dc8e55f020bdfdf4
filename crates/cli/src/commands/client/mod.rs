//! Commands that speak to a server.

pub(crate) mod connections;
pub(crate) mod dead_letters;
pub(crate) mod jobs;
pub(crate) mod login;
pub(crate) mod nodes;
pub(crate) mod projects;
pub(crate) mod runs;

use serde_json::Value;
use syncline_types::{Code, Result};

use crate::client::Client;
use crate::output::{self, line};

/// More than any list of connections, jobs or nodes holds that somebody reads.
const ALL: usize = 100_000;

/// A list: as JSON, or as a table of what `row` takes from each item.
fn list(
    items: &[Value],
    json: bool,
    none: &str,
    header: &[&str],
    row: impl Fn(&Value) -> Vec<String>,
) -> Result<u8> {
    if json {
        output::json(&items);
    } else if items.is_empty() {
        line(none);
    } else {
        let right = ["rows", "dead", "cpu", "memory"];
        line(output::table(header, &right, items.iter().map(row).collect()));
    }
    Ok(crate::DONE)
}

/// Something that was sent to a list, under its name.
struct Kept {
    /// What it is now.
    body: Value,
    /// There was none of that name.
    new: bool,
}

/// Puts something over what there is of its name, or adds it to the list where there is nothing.
fn put_or_add(client: &Client, list: &str, name: &str, body: &Value) -> Result<Kept> {
    let path = [list, name];
    let before = match client.get_tagged(&path) {
        Err(error) if error.code() == Code::NotFound => None,
        answer => answer?.tag,
    };
    let kept = match &before {
        Some(tag) => client.put(&path, tag, body)?,
        None => client.post(&[list], body)?,
    };
    Ok(Kept { body: kept, new: before.is_none() })
}

/// A line of what is shown of one thing; nothing for what it has not.
fn entry(name: &str, value: &str) {
    if !value.is_empty() {
        line(format!("{name:<12} {value}"));
    }
}
