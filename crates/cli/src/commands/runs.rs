//! `syncline runs`: what ran here, and what became of it.

use serde_json::json;
use syncline_store::Store;
use syncline_types::{Code, Error, Result, RunState, did_you_mean};

use crate::args::{RunsArgs, RunsCommand, StateArgs};
use crate::client::Client;
use crate::commands::{client, open_store};
use crate::output::{self, count, line};

/// `syncline runs`: of a server where one is named, else of the state folder.
pub(crate) fn run(args: RunsArgs) -> Result<u8> {
    let named = |server: &Option<String>| server.as_ref().is_some_and(|url| !url.is_empty());
    match args.command {
        None if named(&args.at.server) => {
            let client = Client::of(args.at.server.as_deref())?;
            match &args.id {
                Some(id) => client::runs::show(&client, id, args.json),
                None => {
                    let state = args.only.as_deref().map(|state| ("state", state));
                    let query: Vec<_> = state.into_iter().collect();
                    client::runs::list_runs(&client, &query, args.limit, args.json)
                }
            }
        }
        None => match &args.id {
            Some(id) => show(&*open_store(&args.state)?, id, args.json),
            None => {
                list(&*open_store(&args.state)?, args.only.as_deref(), None, args.limit, args.json)
            }
        },
        Some(RunsCommand::List { job, only, project: None, limit, at }) if !named(&at.server) => {
            // Here --state is that of the run: the folder comes from the environment.
            let folder = std::env::var_os("SYNCLINE_STATE").filter(|dir| !dir.is_empty());
            let state = StateArgs { state: folder.map(Into::into) };
            list(&*open_store(&state)?, only.as_deref(), job.as_deref(), limit, at.json)
        }
        Some(RunsCommand::Show { id, at, state }) if !named(&at.server) => {
            show(&*open_store(&state)?, &id, at.json)
        }
        Some(command) => client::runs::run(command),
    }
}

fn show(store: &Store, id: &str, json: bool) -> Result<u8> {
    let run = store.run(id)?.ok_or_else(|| no_run(id))?;
    let history = store.history(&run.id)?;
    if json {
        output::json(&json!({ "run": run, "history": history }));
        return Ok(crate::DONE);
    }
    line(format!("run      {}", run.id));
    line(format!("job      {}", run.name));
    line(format!("from     {}", run.source));
    line(format!("to       {}", run.sink));
    line(format!("state    {}", run.state));
    if let Some(reason) = &run.reason {
        line(format!("reason   {reason}"));
    }
    line(format!(
        "rows     {} read, {} written",
        count(run.totals.rows_read),
        count(run.totals.rows_written)
    ));
    if run.totals.dead_letters > 0 {
        line(format!(
            "bad rows {}: syncline dead-letters list {}",
            count(run.totals.dead_letters),
            run.id
        ));
    }
    if !run.state.is_final() {
        line(format!("continue {}", run.command));
    }
    line("");
    for entry in history {
        let reason = entry.reason.map(|r| format!("  {r}")).unwrap_or_default();
        line(format!("{}  {}{reason}", entry.at, entry.state));
    }
    Ok(crate::DONE)
}

fn list(
    store: &Store,
    only: Option<&str>,
    job: Option<&str>,
    limit: u32,
    json: bool,
) -> Result<u8> {
    let state = only.map(parse_state).transpose()?;
    // A job is known here by its name alone: all runs are looked through.
    let most = if job.is_some() { u32::MAX } else { limit };
    let mut runs = store.runs(state, most)?;
    if let Some(job) = job {
        runs.retain(|run| run.name == job);
        runs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    if json {
        output::json(&runs);
    } else if runs.is_empty() {
        line("no runs yet");
    } else {
        let rows = runs
            .into_iter()
            .map(|run| {
                vec![
                    run.id,
                    run.state.to_string(),
                    count(run.totals.rows_written),
                    run.created_at,
                    run.name,
                ]
            })
            .collect();
        line(output::table(&["run", "state", "rows", "created", "job"], &["rows"], rows));
    }
    Ok(crate::DONE)
}

/// There is no run of that id.
pub(crate) fn no_run(id: &str) -> Error {
    Error::new(Code::BadValue, format!("no run {id:?}, or more than one begins so"))
        .hint("`syncline runs` lists them")
}

fn parse_state(name: &str) -> Result<RunState> {
    RunState::parse(name).ok_or_else(|| {
        let near = did_you_mean(name, RunState::ALL.iter().map(|s| s.name()));
        Error::new(Code::BadValue, format!("{name:?} is not a state{near}"))
    })
}
