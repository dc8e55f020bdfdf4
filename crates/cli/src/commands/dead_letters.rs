//! `syncline dead-letters`: rows that failed, to be looked at, edited and replayed.

use std::sync::Arc;

use syncline_connector::{Endpoint, Registry};
use syncline_engine::{Edit, Unrecorded};
use syncline_store::{DeadLetter, Store};
use syncline_types::{Code, Error, Result};

use crate::args::{DeadLettersArgs, DeadLettersCommand};
use crate::commands::runs::no_run;
use crate::commands::{client, open_store};
use crate::output::{self, line};

/// `syncline dead-letters`.
pub(crate) fn run(registry: &Arc<Registry>, args: DeadLettersArgs) -> Result<u8> {
    let (DeadLettersCommand::List { at, .. }
    | DeadLettersCommand::Show { at, .. }
    | DeadLettersCommand::Replay { at, .. }) = &args.command;
    if let Some(server) = at.server.as_deref().filter(|url| !url.is_empty()) {
        return client::dead_letters::run(server, &args.command);
    }
    match args.command {
        DeadLettersCommand::List { run, json, state, .. } => {
            list(&*open_store(&state)?, run.as_deref(), json)
        }
        DeadLettersCommand::Show { id, json, state, .. } => show(&*open_store(&state)?, id, json),
        DeadLettersCommand::Replay { run, ids, set, target, state, .. } => {
            let store = open_store(&state)?;
            let target = target.as_deref().map(Endpoint::parse).transpose()?;
            replay(registry, &store, &run, &ids, &set, target)
        }
    }
}

fn list(store: &Store, run: Option<&str>, json: bool) -> Result<u8> {
    let run = run.map(|id| store.run(id)?.ok_or_else(|| no_run(id))).transpose()?;
    let letters = store.dead_letters(run.as_ref().map(|r| r.id.as_str()))?;
    if json {
        letters.iter().for_each(output::json);
    } else if letters.is_empty() {
        line("no dead letters");
    } else {
        let rows = letters
            .into_iter()
            .map(|l| {
                let state = if l.replayed_at.is_some() { "replayed" } else { "kept" };
                let key = key_of(&l.key);
                vec![l.id.to_string(), state.into(), l.target, key, l.code, l.reason]
            })
            .collect();
        line(output::table(&["id", "state", "table", "key", "code", "reason"], &["id"], rows));
    }
    Ok(crate::DONE)
}

/// `id=14, part=2` for people, of the key's JSON; nothing for a table without a key.
fn key_of(json: &str) -> String {
    let Ok(key) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json) else {
        return json.to_owned();
    };
    let parts = key.iter().map(|(name, value)| match value {
        serde_json::Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn find(store: &Store, id: i64) -> Result<DeadLetter> {
    store.dead_letter(id)?.ok_or_else(|| {
        Error::new(Code::BadValue, format!("there is no dead letter {id}"))
            .hint("`syncline dead-letters list` lists them")
    })
}

fn show(store: &Store, id: i64, json: bool) -> Result<u8> {
    let letter = find(store, id)?;
    if json {
        output::json(&letter);
        return Ok(crate::DONE);
    }
    line(format!("dead letter {} of run {}", letter.id, letter.run));
    line(format!("{} -> {}, failed to {}", letter.source, letter.target, letter.stage));
    line(format!("{}: {}", letter.code, letter.reason));
    if let Some(at) = &letter.replayed_at {
        line(format!("replayed at {at}"));
    }
    line("");
    let row: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&letter.row).unwrap_or_default();
    let rows = row
        .into_iter()
        .map(|(name, value)| match value {
            serde_json::Value::String(text) => vec![name, text],
            other => vec![name, other.to_string()],
        })
        .collect();
    line(output::table(&["column", "value"], &[], rows));
    Ok(crate::DONE)
}

fn replay(
    registry: &Arc<Registry>,
    store: &Arc<Store>,
    run: &str,
    ids: &[i64],
    set: &[String],
    target: Option<Endpoint>,
) -> Result<u8> {
    let run = store.run(run)?.ok_or_else(|| no_run(run))?;
    let letters: Vec<DeadLetter> = if ids.is_empty() {
        let all = store.dead_letters(Some(&run.id))?;
        all.into_iter().filter(|l| l.replayed_at.is_none()).collect()
    } else {
        ids.iter().map(|id| find(store, *id)).collect::<Result<_>>()?
    };
    if let Some(other) = letters.iter().find(|l| l.run != run.id) {
        return Err(Error::new(
            Code::BadValue,
            format!("dead letter {} belongs to another run, {}", other.id, other.run),
        ));
    }
    let edits: Vec<Edit> = set
        .iter()
        .map(|text| match text.split_once('=') {
            Some((column, value)) => Edit { column: column.into(), value: Some(value.into()) },
            None => Edit { column: text.clone(), value: None },
        })
        .collect();
    let now = Unrecorded { target, ..Unrecorded::default() };
    let runtime = crate::runtime()?;
    let replayed =
        runtime.block_on(syncline_engine::replay(registry, store, &run, now, &letters, &edits))?;
    let mut failed = 0;
    for one in &replayed {
        match &one.outcome {
            Ok(()) => line(format!("{}  written", one.id)),
            Err(error) => {
                failed += 1;
                line(format!("{}  {}: {}", one.id, error.code(), error.chain()));
            }
        }
    }
    line(format!("{} of {} written", replayed.len() - failed, replayed.len()));
    Ok(if failed == 0 { crate::DONE } else { crate::FAILED })
}
