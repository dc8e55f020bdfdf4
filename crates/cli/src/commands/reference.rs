//! What is generated from the code: schemas, error codes, completions, and the references in
//! `docs/`.

use std::fmt::Write;
use std::sync::Arc;

use clap::CommandFactory;
use syncline_connector::Registry;
use syncline_engine::job_schema;
use syncline_types::{Code, Error, ErrorKind, Result};

use crate::args::{Cli, CompletionsArgs, ExplainArgs, InternalDocsArgs};
use crate::commands::connectors::page;
use crate::output::line;

const GENERATED: &str = "<!-- Generated from the code by `cargo xtask gen`. Do not edit. -->\n\n";

/// `syncline explain`.
pub(crate) fn explain(args: &ExplainArgs) -> Result<u8> {
    match &args.code {
        None => {
            for code in Code::ALL {
                line(format!("{code}  {}", code.title()));
            }
        }
        Some(text) => {
            let code = Code::parse(text).ok_or_else(|| {
                Error::new(Code::BadValue, format!("{text:?} is not an error code"))
                    .hint("`syncline explain` lists all codes")
            })?;
            line(format!("{code}: {}\n", code.title()));
            for text in code.explanation().lines() {
                line(text.trim_start());
            }
            line(format!("\n{}", treatment(code.kind())));
        }
    }
    Ok(crate::DONE)
}

/// What the engine does about errors of a kind.
fn treatment(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "The run does not begin, or ends at once.",
        ErrorKind::Data => "The row goes to the dead letters, up to --max-errors.",
        ErrorKind::Transient => "The run waits and tries again by itself.",
        ErrorKind::Permanent => "The run fails, keeps its place, and goes on when started again.",
        ErrorKind::Bug => "The run fails and keeps its place. Please report it.",
    }
}

/// `syncline completions`.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "syncline", &mut script);
    line(String::from_utf8_lossy(&script).trim_end());
    Ok(crate::DONE)
}

/// `syncline internal-docs`.
pub(crate) fn write_docs(registry: &Arc<Registry>, args: &InternalDocsArgs) -> Result<u8> {
    let mut connectors = format!("{GENERATED}# Connectors\n\n");
    for connector in registry.all() {
        connectors.push_str(&page(connector));
    }
    let cli = clap_markdown::help_markdown_custom::<Cli>(
        &clap_markdown::MarkdownOptions::new()
            .title("Command line".into())
            .show_footer(false)
            .show_table_of_contents(false),
    );
    let files = [
        ("errors.md", errors()),
        ("connectors.md", connectors.trim_end().to_owned() + "\n"),
        ("cli.md", format!("{GENERATED}{}\n", cli.trim_end())),
        ("job.schema.json", pretty_job_schema() + "\n"),
        ("openapi.json", pretty_openapi() + "\n"),
    ];
    for (name, text) in files {
        let path = args.folder.join(name);
        std::fs::write(&path, text).map_err(|e| {
            Error::new(Code::StoreFailed, format!("{} cannot be written", path.display()))
                .because(e)
        })?;
    }
    Ok(crate::DONE)
}

pub(crate) fn pretty_job_schema() -> String {
    serde_json::to_string_pretty(&job_schema()).unwrap_or_default()
}

fn errors() -> String {
    let mut text = format!("{GENERATED}# Error codes\n\nCodes are stable and never reused.\n");
    for code in Code::ALL {
        let _ = write!(text, "\n## {code}: {}\n\n", code.title());
        for line in code.explanation().lines() {
            let _ = writeln!(text, "{}", line.trim_start());
        }
        let _ = writeln!(text, "\n{}", treatment(code.kind()));
    }
    text
}

/// The document of the server's API.
fn pretty_openapi() -> String {
    serde_json::to_string_pretty(&syncline_server::openapi()).unwrap_or_default()
}
