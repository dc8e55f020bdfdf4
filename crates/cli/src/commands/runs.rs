//! `syncline runs`: what ran here, and what became of it.

use serde_json::json;
use syncline_types::{Code, Error, Result, RunState, did_you_mean};

use crate::args::RunsArgs;
use crate::commands::open_store;
use crate::output::{self, count, line};

/// `syncline runs`.
pub(crate) fn run(args: &RunsArgs) -> Result<u8> {
    let store = open_store(&args.state)?;
    if let Some(id) = &args.id {
        let run = store.run(id)?.ok_or_else(|| no_run(id))?;
        let history = store.history(&run.id)?;
        if args.json {
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
        return Ok(crate::DONE);
    }
    let state = args.only.as_deref().map(parse_state).transpose()?;
    let runs = store.runs(state, args.limit)?;
    if args.json {
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
