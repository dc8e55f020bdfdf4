//! Commands that speak to a server.

pub(crate) mod connections;
pub(crate) mod dead_letters;
pub(crate) mod jobs;
pub(crate) mod login;
pub(crate) mod nodes;
pub(crate) mod projects;
pub(crate) mod runs;

use serde_json::Value;
use syncline_types::Result;

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

/// A line of what is shown of one thing; nothing for what it has not.
fn entry(name: &str, value: &str) {
    if !value.is_empty() {
        line(format!("{name:<12} {value}"));
    }
}
