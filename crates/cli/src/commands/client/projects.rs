//! `syncline projects`: groups of jobs.

use serde_json::{Map, Value};
use syncline_types::Result;

use super::{ALL, list, put_or_add};
use crate::args::ProjectsCommand;
use crate::client::{Client, number, text};
use crate::output::{self, line};

/// `syncline projects`.
pub(crate) fn run(command: ProjectsCommand) -> Result<u8> {
    match command {
        ProjectsCommand::List { at } => {
            let items = Client::of(at.server.as_deref())?.list(&["projects"], &[], ALL)?;
            let header = ["name", "jobs", "runs at once", "description"];
            list(&items, at.json, "no projects", &header, |project| {
                vec![
                    text(project, "name").to_owned(),
                    number(project, "jobs"),
                    number(project, "max_running"),
                    text(project, "description").to_owned(),
                ]
            })
        }
        ProjectsCommand::Add { name, description, max_running, replace, at } => {
            let client = Client::of(at.server.as_deref())?;
            let mut body = Map::new();
            body.insert("name".into(), name.as_str().into());
            body.extend(description.map(|text| ("description".to_owned(), Value::from(text))));
            body.extend(max_running.map(|runs| ("max_running".to_owned(), Value::from(runs))));
            let body = Value::Object(body);
            let made = match replace {
                true => put_or_add(&client, "projects", &name, &body)?.body,
                false => client.post(&["projects"], &body)?,
            };
            match at.json {
                true => output::json(&made),
                false => line(format!("{}: {} jobs", text(&made, "name"), number(&made, "jobs"))),
            }
            Ok(crate::DONE)
        }
        ProjectsCommand::Remove { name, at } => {
            let client = Client::of(at.server.as_deref())?;
            let tag = client.get_tagged(&["projects", &name])?.tag;
            client.delete(&["projects", &name], tag.as_deref())?;
            line(format!("{name} is gone"));
            Ok(crate::DONE)
        }
    }
}
