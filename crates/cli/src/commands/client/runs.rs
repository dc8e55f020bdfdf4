//! `syncline runs` of a server.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncline_types::{Code, Error, Result, RunState};

use super::{entry, list};
use crate::args::{AtArgs, RunsCommand};
use crate::client::{Client, error_of, number, text, when};
use crate::output::{self, line, note};

/// How often a run that is watched is looked at: live runs are in the server's memory.
const LOOK: Duration = Duration::from_millis(300);
/// How often it is told how far it is, where nobody sits at a terminal.
const TELL: Duration = Duration::from_secs(10);
/// Lines of a log asked for at once.
const LINES: usize = 500;

/// `syncline runs …` where a server was named, or the command is for servers alone.
pub(crate) fn run(command: RunsCommand) -> Result<u8> {
    match command {
        RunsCommand::List { job, only, project, limit, at } => {
            let mut query = Vec::new();
            query.extend(job.as_deref().map(|job| ("job", job)));
            query.extend(only.as_deref().map(|state| ("state", state)));
            query.extend(project.as_deref().map(|project| ("project", project)));
            list_runs(&Client::of(at.server.as_deref())?, &query, limit, at.json)
        }
        RunsCommand::Show { id, at, .. } => show(&Client::of(at.server.as_deref())?, &id, at.json),
        RunsCommand::Watch { id, at } => watch(&Client::of(at.server.as_deref())?, &id, at.json),
        RunsCommand::Pause { id, at } => ask(&id, "pause", &at),
        RunsCommand::Resume { id, at } => ask(&id, "resume", &at),
        RunsCommand::Stop { id, at } => ask(&id, "stop", &at),
        RunsCommand::Restart { id, at } => ask(&id, "restart", &at),
        RunsCommand::Logs { id, last, all, follow, at } => {
            let client = Client::of(at.server.as_deref())?;
            logs(&client, &id, (!all).then_some(last), follow, at.json)
        }
    }
}

/// The runs of a server.
pub(crate) fn list_runs(
    client: &Client,
    query: &[(&str, &str)],
    limit: u32,
    json: bool,
) -> Result<u8> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let items = client.list(&["runs"], query, most)?;
    let header = ["run", "state", "rows", "dead", "created", "job"];
    list(&items, json, "no runs yet", &header, |run| {
        vec![
            text(run, "id").to_owned(),
            text(run, "state").to_owned(),
            number(run, "rows_written"),
            number(run, "dead_letters"),
            when(run, "created_at"),
            text(run, "job").to_owned(),
        ]
    })
}

/// One run of a server.
pub(crate) fn show(client: &Client, id: &str, json: bool) -> Result<u8> {
    let run = client.get(&["runs", id], &[])?;
    if json {
        output::json(&run);
        return Ok(crate::DONE);
    }
    entry("run", text(&run, "id"));
    entry("job", text(&run, "job"));
    entry("from", text(&run, "source"));
    entry("to", text(&run, "sink"));
    entry("state", text(&run, "state"));
    entry("reason", text(&run, "reason"));
    entry("waits for", text(&run, "waits_for"));
    let (read, written) = (number(&run, "rows_read"), number(&run, "rows_written"));
    entry("rows", &format!("{read} read, {written} written"));
    if run["dead_letters"].as_u64().is_some_and(|letters| letters > 0) {
        entry("bad rows", &number(&run, "dead_letters"));
    }
    if let Some(cpu @ 1..) = run["cpu_ms"].as_u64() {
        let tenths = cpu.div_ceil(100);
        entry("cpu", &format!("{}.{} s", tenths / 10, tenths % 10));
    }
    if let Some(lag) = run["lag_ms"].as_u64() {
        entry("lag", &format!("{lag} ms"));
    }
    for (name, field) in
        [("created", "created_at"), ("started", "started_at"), ("ended", "ended_at")]
    {
        entry(name, &when(&run, field));
    }
    if run["error"].is_object() {
        let error = &run["error"];
        entry("error", &format!("{} {}", text(error, "code"), text(error, "message")));
        entry("hint", text(error, "hint"));
    }
    Ok(crate::DONE)
}

/// Asks something of a run, and says what is in the database by now.
fn ask(id: &str, what: &str, at: &AtArgs) -> Result<u8> {
    let run = Client::of(at.server.as_deref())?.post(&["runs", id, what], &json!({}))?;
    if at.json {
        output::json(&run);
    } else if what == "restart" {
        line(text(&run, "id"));
    } else {
        line(text(&run, "state"));
    }
    Ok(crate::DONE)
}

/// Waits until a run has come to an end; its exit code is that of the command that would have run
/// it here.
pub(crate) fn watch(client: &Client, id: &str, json: bool) -> Result<u8> {
    let terminal = std::io::stderr().is_terminal() && !json;
    let mut told = (String::new(), Instant::now());
    loop {
        let run = client.get(&["runs", id], &[])?;
        let now = progress(&run);
        let changed = !told.0.starts_with(text(&run, "state"));
        if json && now != told.0 {
            output::json(&run);
            told = (now, Instant::now());
        } else if !json && now != told.0 && (terminal || changed || told.1.elapsed() > TELL) {
            note(&now);
            told = (now, Instant::now());
        }
        if let Some(end) = ended(&run) {
            return end;
        }
        std::thread::sleep(LOOK);
    }
}

fn progress(run: &Value) -> String {
    let state = text(run, "state");
    let why = match (text(run, "waits_for"), text(run, "reason")) {
        ("", "") => String::new(),
        ("", reason) => format!(": {reason}"),
        (slot, _) => format!(": {slot}"),
    };
    let of = match run["rows_estimated"].as_u64() {
        Some(_) => format!(" of about {}", number(run, "rows_estimated")),
        None => String::new(),
    };
    let pace = match run["rows_per_second"].as_u64() {
        Some(rows) if rows > 0 => format!(", {} rows/s", number(run, "rows_per_second")),
        _ => String::new(),
    };
    format!("{state}{why}, {} rows{of}{pace}", number(run, "rows_written"))
}

/// How a run has ended, if it has.
fn ended(run: &Value) -> Option<Result<u8>> {
    match RunState::parse(text(run, "state"))? {
        RunState::Finished => Some(Ok(crate::DONE)),
        RunState::Paused => Some(Ok(crate::INTERRUPTED)),
        RunState::Stopped => {
            let id = text(run, "id");
            Some(Err(Error::new(Code::BadTransition, format!("run {id} was stopped"))).or_else(
                |error: Error| {
                    output::error(&error);
                    Ok(crate::FAILED)
                },
            ))
        }
        RunState::Failed => {
            let error = &run["error"];
            let code = text(error, "code");
            let message = match text(error, "message") {
                "" => text(run, "reason"),
                message => message,
            };
            Some(Err(error_of(code, message, error["hint"].as_str())))
        }
        _ => None,
    }
}

/// What a run said: its newest lines, or all, and with `follow` what it says from then on.
fn logs(client: &Client, id: &str, last: Option<u32>, follow: bool, json: bool) -> Result<u8> {
    let mut after = 0;
    let mut newest = last;
    loop {
        // Looked at before its lines are read: none come after it has ended.
        let over = !follow || ended(&client.get(&["runs", id], &[])?).is_some();
        if let Some(last) = newest.take() {
            let (lines, older) = newest_lines(client, id, last as usize)?;
            if older && !json {
                note("older lines are left out; --all prints them");
            }
            after = print_lines(&lines, json).unwrap_or(after);
        }
        loop {
            let seq = after.to_string();
            let query = [("after", seq.as_str()), ("limit", "500")];
            let page = client.get(&["runs", id, "logs"], &query)?;
            let lines = page["items"].as_array().cloned().unwrap_or_default();
            after = print_lines(&lines, json).unwrap_or(after);
            if lines.len() < LINES {
                break;
            }
        }
        if over {
            return Ok(crate::DONE);
        }
        std::thread::sleep(LOOK);
    }
}

/// The newest lines of a run, oldest first, and whether there are older ones.
fn newest_lines(client: &Client, id: &str, most: usize) -> Result<(Vec<Value>, bool)> {
    // Page by page from the end, and so put together the other way round.
    let mut pages: Vec<Vec<Value>> = Vec::new();
    let (mut left, mut before) = (most.max(1), None::<String>);
    let older = loop {
        let some = left.min(LINES).to_string();
        let mut query = vec![("last", some.as_str())];
        query.extend(before.as_deref().map(|seq| ("before", seq)));
        let page = client.get(&["runs", id, "logs"], &query)?;
        let lines = page["items"].as_array().cloned().unwrap_or_default();
        left -= lines.len().min(left);
        pages.push(lines);
        before = page["previous"].as_i64().map(|seq| seq.to_string());
        if left == 0 || before.is_none() {
            break before.is_some();
        }
    };
    Ok((pages.into_iter().rev().flatten().collect(), older))
}

/// Prints lines of a log; the number of the last one.
fn print_lines(lines: &[Value], json: bool) -> Option<i64> {
    for one in lines {
        if json {
            output::json(one);
        } else {
            let level = text(one, "level");
            line(format!("{}  {level:<5}  {}", when(one, "at"), text(one, "message")));
        }
    }
    lines.last().and_then(|one| one["seq"].as_i64())
}
