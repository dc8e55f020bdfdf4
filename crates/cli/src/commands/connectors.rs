//! `syncline connectors`: what there is, and the options of each.

use std::fmt::Write;
use std::sync::Arc;

use serde_json::json;
use syncline_connector::{AnyConnector, Registry};
use syncline_types::Result;

use crate::args::ConnectorsArgs;
use crate::output::{self, line};

/// `syncline connectors`.
pub(crate) fn run(registry: &Arc<Registry>, args: &ConnectorsArgs) -> Result<u8> {
    match &args.connector {
        None if args.json => {
            output::json(&registry.all().map(as_json).collect::<Vec<_>>());
        }
        None => line(list(registry)),
        Some(name) if args.json => output::json(&as_json(registry.get(name)?)),
        Some(name) => line(page(registry.get(name)?).trim_end()),
    }
    Ok(crate::DONE)
}

fn list(registry: &Registry) -> String {
    let rows = registry
        .all()
        .map(|c| {
            let spec = c.spec();
            let modes: Vec<String> = spec.roles.source.iter().map(ToString::to_string).collect();
            let sink = if spec.roles.sink { "yes" } else { "no" };
            vec![
                spec.id.into(),
                spec.title.into(),
                modes.join(", "),
                sink.into(),
                spec.guarantee.into(),
            ]
        })
        .collect();
    output::table(&["connector", "store", "source modes", "target", "guarantee"], &[], rows)
}

fn as_json(connector: &dyn AnyConnector) -> serde_json::Value {
    let spec = connector.spec();
    json!({
        "id": spec.id, "title": spec.title, "schemes": spec.schemes, "example": spec.example,
        "source_modes": spec.roles.source, "sink": spec.roles.sink, "guarantee": spec.guarantee,
        "versions": spec.versions, "notes": spec.notes, "options": connector.options(),
    })
}

/// One connector as Markdown: what `syncline connectors NAME` prints and `docs/connectors.md` has.
pub(crate) fn page(connector: &dyn AnyConnector) -> String {
    let spec = connector.spec();
    let modes: Vec<String> = spec.roles.source.iter().map(ToString::to_string).collect();
    let mut text = format!("## {}\n\n    {}\n\n", spec.title, spec.example);
    let source = if modes.is_empty() { "no".into() } else { modes.join(", ") };
    let _ = writeln!(text, "- Source: {source}");
    let sink = if spec.roles.sink { spec.guarantee } else { "no" };
    let _ = write!(text, "- Target: {sink}\n- Tested with: {}\n\n", spec.versions);
    let notes = spec.notes.trim();
    if !notes.is_empty() {
        let _ = write!(text, "{notes}\n\n");
    }
    let options = connector.options();
    if !options.is_empty() {
        text.push_str("| option | takes | default | meaning |\n|---|---|---|---|\n");
        for option in options {
            let cell = |t: &str| t.replace('|', "\\|");
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                option.name,
                cell(&option.kind),
                if option.default.is_empty() {
                    String::new()
                } else {
                    format!("`{}`", cell(&option.default))
                },
                cell(&option.doc)
            );
        }
        text.push('\n');
    }
    text
}
