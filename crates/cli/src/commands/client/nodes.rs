//! `syncline nodes`: what runs jobs.

use serde_json::Value;
use syncline_types::Result;

use super::{ALL, entry, list};
use crate::args::NodesCommand;
use crate::client::{Client, number, text, when};
use crate::output::{self, bytes};

/// `syncline nodes`.
pub(crate) fn run(command: NodesCommand) -> Result<u8> {
    match command {
        NodesCommand::List { at } => {
            let items = Client::of(at.server.as_deref())?.list(&["nodes"], &[], ALL)?;
            let header = ["name", "state", "version", "since", "runs", "cpu", "memory"];
            list(&items, at.json, "no nodes", &header, |node| {
                vec![
                    text(node, "name").to_owned(),
                    text(node, "state").to_owned(),
                    text(node, "version").to_owned(),
                    when(node, "started_at"),
                    format!("{} of {}", running(node), number(node, "slots")),
                    format!("{:.0} %", node["cpu_percent"].as_f64().unwrap_or_default()),
                    node["rss_bytes"].as_u64().map(bytes).unwrap_or_default(),
                ]
            })
        }
        NodesCommand::Show { name, at } => {
            let node = Client::of(at.server.as_deref())?.get(&["nodes", &name], &[])?;
            if at.json {
                output::json(&node);
                return Ok(crate::DONE);
            }
            for field in ["name", "state", "version"] {
                entry(field, text(&node, field));
            }
            entry("since", &when(&node, "started_at"));
            entry("runs", &format!("{} of {}", running(&node), number(&node, "slots")));
            entry("cpu", &format!("{:.0} %", node["cpu_percent"].as_f64().unwrap_or_default()));
            entry("memory", &node["rss_bytes"].as_u64().map(bytes).unwrap_or_default());
            for run in node["running"].as_array().into_iter().flatten() {
                entry("run", &format!("{}  {}", text(run, "id"), text(run, "job")));
            }
            Ok(crate::DONE)
        }
    }
}

fn running(node: &Value) -> usize {
    node["running"].as_array().map_or(0, Vec::len)
}
