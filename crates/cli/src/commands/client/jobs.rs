//! `syncline jobs`: jobs of a server.

use std::path::Path;

use serde_json::{Value, json};
use syncline_engine::{CheckReport, JobFile};
use syncline_types::{Code, Error, Result};

use super::{ALL, Kept, list, put_or_add, runs};
use crate::args::JobsCommand;
use crate::client::{Client, text, when};
use crate::commands::check;
use crate::jobs::stem;
use crate::output::{self, line};

/// `syncline jobs`.
pub(crate) fn run(command: JobsCommand) -> Result<u8> {
    match command {
        JobsCommand::List { project, at } => {
            let query: Vec<_> =
                project.as_deref().map(|name| ("project", name)).into_iter().collect();
            let items = Client::of(at.server.as_deref())?.list(&["jobs"], &query, ALL)?;
            let header = ["name", "project", "mode", "from", "to", "next start", "last run"];
            list(&items, at.json, "no jobs yet", &header, |job| {
                vec![
                    text(job, "name").to_owned(),
                    text(job, "project").to_owned(),
                    text(job, "mode").to_owned(),
                    text(job, "source").to_owned(),
                    text(job, "sink").to_owned(),
                    when(job, "next_start"),
                    text(&job["last_run"], "state").to_owned(),
                ]
            })
        }
        JobsCommand::Apply { file, name, project, at } => {
            apply(&Client::of(at.server.as_deref())?, &file, name, project, at.json)
        }
        JobsCommand::Show { name, at } => {
            let job = Client::of(at.server.as_deref())?.get(&["jobs", &name], &[])?;
            if at.json {
                output::json(&job);
            } else {
                line(text(&job, "yaml").trim_end());
            }
            Ok(crate::DONE)
        }
        JobsCommand::Check { name, at } => {
            let client = Client::of(at.server.as_deref())?;
            let plan = client.post(&["jobs", &name, "plan"], &json!({}))?;
            if at.json {
                output::json(&plan);
                return Ok(crate::DONE);
            }
            let report: CheckReport = serde_json::from_value(plan).map_err(|e| {
                Error::new(Code::ServerUnsupported, "the plan cannot be understood").because(e)
            })?;
            check::print(&report);
            Ok(crate::DONE)
        }
        JobsCommand::Start { name, wait, fresh, at } => {
            let client = Client::of(at.server.as_deref())?;
            let run = client.post(&["jobs", &name, "runs"], &json!({ "fresh": fresh }))?;
            match at.json && !wait {
                true => output::json(&run),
                false => line(text(&run, "id")),
            }
            if wait { runs::watch(&client, text(&run, "id"), at.json) } else { Ok(crate::DONE) }
        }
        JobsCommand::Remove { name, at } => {
            let client = Client::of(at.server.as_deref())?;
            let tag = client.get_tagged(&["jobs", &name])?.tag;
            client.delete(&["jobs", &name], tag.as_deref())?;
            line(format!("{name} is gone"));
            Ok(crate::DONE)
        }
    }
}

/// Makes the job of a file, or changes it to what the file says.
fn apply(
    client: &Client,
    file: &Path,
    name: Option<String>,
    project: Option<String>,
    as_json: bool,
) -> Result<u8> {
    let place = file.display().to_string();
    let words = match place.as_str() {
        "-" => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(file),
    };
    let words = words.map_err(|e| Error::new(Code::FileNotFound, &place).because(e))?;
    if syncline_datax::is_datax(&words) {
        return Err(Error::new(Code::Unsupported, format!("{place} is a job of DataX"))
            .hint("`syncline convert` prints it as job files of Syncline"));
    }
    // A file that cannot be read is refused here, with its line and column.
    let job = JobFile::parse(&words, &place)?;
    let name = name.or(job.name).unwrap_or_else(|| stem(file));
    let body = json!({ "name": name, "yaml": words, "project": project });
    let Kept { body: job, new } = put_or_add(client, "jobs", &name, &body)?;
    if as_json {
        output::json(&job);
    } else if new {
        line(format!("{name} is made"));
    } else {
        line(format!("{name} is of version {} now", job.get("version").unwrap_or(&Value::Null)));
    }
    Ok(crate::DONE)
}
