//! One run at work: what it tells is kept, how far it is is recorded now and then, and what becomes
//! of it is taken note of.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_engine::{Event, Outcome, RunHandle};
use syncline_store::{Level, NewEvent, RunError, RunRecord, Store};
use syncline_types::{Error, ErrorKind, Result, RunState, in_terms_of_jobs};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{Live, expected};
use crate::state::AppState;

/// How often counts are recorded: after a crash they are no older.
const RECORD: Duration = Duration::from_secs(10);
/// How long until it is tried again to record an end.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a run rests that has failed because of the state: what is nearly full would let it go on
/// for a moment, again and again.
const PAUSE: Duration = Duration::from_secs(15);
/// Events kept in one transaction at most.
const BATCH: usize = 256;

/// Watches a run until it has ended in this process.
pub(super) async fn watch(
    state: AppState,
    live: Arc<Live>,
    handle: RunHandle,
    mut events: Receiver<Event>,
) {
    let mut ended = std::pin::pin!(handle.wait());
    let mut records = tokio::time::interval(RECORD);
    records.tick().await;
    let mut letters = 0;
    let outcome = loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Ok(event) => {
                    let mut batch = vec![event];
                    while batch.len() < BATCH && let Ok(more) = events.try_recv() {
                        batch.push(more);
                    }
                    hear(&state, &live, batch).await;
                }
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(run = live.record.id, missed, "events came too fast");
                }
                // Nobody tells any more: only the end is left.
                Err(RecvError::Closed) => break ended.await,
            },
            outcome = &mut ended => {
                let mut rest = Vec::new();
                while let Ok(event) = events.try_recv() {
                    rest.push(event);
                }
                hear(&state, &live, rest).await;
                break outcome;
            }
            _ = records.tick() => record(&state, &live, &mut letters).await,
        }
    };
    live.look();
    record(&state, &live, &mut letters).await;
    state.hub.forget(&live.record.id);
    state.metrics.runs.ended(&live.record.id, &outcome);
    if let Outcome::Failed(error, _) = outcome {
        tracing::warn!(run = live.record.id, code = %error.code(), error = error.chain(), "failed");
        tokio::spawn(settle(state, live, error));
        return;
    }
    let_go(&state, &live);
}

/// Nobody in this process works on the run any more.
fn let_go(state: &AppState, live: &Arc<Live>) {
    let mut lives = state.runner.lives();
    // It may have been begun anew since.
    if lives.get(&live.record.id).is_some_and(|known| Arc::ptr_eq(known, live)) {
        lives.remove(&live.record.id);
    }
    drop(lives);
    state.runner.nudge.notify_one();
}

/// What the state says of a run that has failed.
enum Recorded {
    /// That it has ended.
    Ended,
    /// That it has failed, because of the state itself.
    Failed,
    /// That it goes on when its turn comes, or rests.
    Taken(Box<RunRecord>),
}

/// Sees to it that a failure is recorded. Where a task has panicked, it is recorded here. Where the
/// state was away or full, the run has not failed: as after a crash it goes on from its last
/// checkpoint, as soon as the state can be written again.
async fn settle(state: AppState, live: Arc<Live>, error: Error) {
    let id = &live.record.id;
    let mut told = false;
    let mut recorded = settle_once(&state, &live, &error, false).await;
    while let Err(again) = &recorded {
        if !told {
            let why = again.chain();
            tracing::error!(run = id, error = why, "an end cannot be recorded yet");
            told = true;
        }
        tokio::select! {
            // The next process finds it as it is.
            () = state.runner.left() => return let_go(&state, &live),
            () = tokio::time::sleep(AGAIN) => {}
        }
        recorded = settle_once(&state, &live, &error, false).await;
    }
    let_go(&state, &live);
    while let Ok(Recorded::Failed) | Err(_) = &recorded {
        tokio::select! {
            () = state.runner.left() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
        recorded = settle_once(&state, &live, &error, true).await;
    }
    let Ok(Recorded::Taken(run)) = recorded else { return };
    if run.more.leaves {
        state.runner.cleaning.notify_one();
    }
    if run.state == RunState::Waiting {
        let taken = run.clone();
        let expected = state.blocking(move |store| expected(store, &taken)).await;
        state.runner.put(*run, expected.unwrap_or_default());
    }
}

async fn settle_once(
    state: &AppState,
    live: &Live,
    error: &Error,
    takes_back: bool,
) -> Result<Recorded> {
    let (run, epoch) = (live.record.id.clone(), live.control.epoch());
    let failure = RunError::from(error);
    let defect = error.kind() == ErrorKind::Bug;
    let of_the_state = syncline_store::passes(error);
    let reason = format!("the state could not be written: {}", error.chain());
    let settled = state.blocking(move |store| {
        let Some(now) = store.run(&run)?.filter(|now| now.epoch == epoch) else {
            return Ok(Recorded::Ended);
        };
        match now.state {
            state if state.is_final() => Ok(Recorded::Ended),
            RunState::Failed if !of_the_state => Ok(Recorded::Ended),
            RunState::Failed if !takes_back => Ok(Recorded::Failed),
            RunState::Failed => take_back(store, &run, epoch, &reason),
            _ if defect => store.fail_as(&run, epoch, &failure).map(|_| Recorded::Ended),
            _ => take_back(store, &run, epoch, &reason),
        }
    });
    settled.await
}

fn take_back(store: &Store, run: &str, epoch: u64, reason: &str) -> Result<Recorded> {
    let taken = store.take_back(run, epoch, reason)?;
    Ok(taken.map_or(Recorded::Ended, |run| Recorded::Taken(Box::new(run))))
}

/// Takes in what a run tells, and keeps what people want to read.
async fn hear(state: &AppState, live: &Live, events: Vec<Event>) {
    let mut kept = Vec::new();
    let mut planned = None;
    let mut streams = false;
    for event in events {
        live.hear(&event);
        state.metrics.runs.event(&live.record.id, &event);
        if let Event::Planned { rows_estimated, .. } = &event {
            planned = Some(*rows_estimated);
        }
        streams |= matches!(event, Event::Streaming { .. });
        kept.extend(keep(&live.record.id, &event));
    }
    if streams {
        // Its slot is free for another.
        state.runner.nudge.notify_one();
    }
    if kept.is_empty() && planned.is_none() {
        return;
    }
    let (run, epoch) = (live.record.id.clone(), live.control.epoch());
    let written = state.blocking(move |store| {
        store.add_events(&kept)?;
        planned.map_or(Ok(()), |rows| store.save_estimate(&run, epoch, rows))
    });
    if let Err(error) = written.await {
        tracing::warn!(run = live.record.id, error = error.chain(), "events cannot be kept");
    }
}

/// Records how far it is.
async fn record(state: &AppState, live: &Live, letters: &mut u64) {
    let (run, epoch, totals) = (live.record.id.clone(), live.control.epoch(), live.totals());
    let (pace, now) = (live.on_the_whole(), live.now());
    let mut told = Vec::new();
    if totals.dead_letters > *letters {
        *letters = totals.dead_letters;
        let rows = if totals.dead_letters == 1 { "row" } else { "rows" };
        told.push(NewEvent {
            run: run.clone(),
            kind: "dead_letters".into(),
            level: Level::Warn,
            message: format!("{} {rows} kept as dead letters", totals.dead_letters),
            body: json!({ "dead_letters": totals.dead_letters }),
        });
    }
    let written = state.blocking(move |store| {
        store.add_events(&told)?;
        store.save_totals(&run, epoch, &totals)?;
        store.save_pace(&run, epoch, pace, now.lag_ms, now.place.as_deref())
    });
    if let Err(error) = written.await {
        tracing::debug!(run = live.record.id, error = error.chain(), "counts are not recorded");
    }
}

/// So many of them, in words.
fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// What is kept of an event. States are kept together with the state itself; how far a run is can
/// be asked for at any time.
fn keep(run: &str, event: &Event) -> Option<NewEvent> {
    if matches!(
        event,
        Event::State { .. }
            | Event::Progress { .. }
            | Event::Following { .. }
            | Event::Checkpoint { .. }
            | Event::Failed { .. }
    ) {
        return None;
    }
    let mut body = serde_json::to_value(event).ok()?;
    let fields = body.as_object_mut()?;
    let kind = fields.remove("event").and_then(|k| k.as_str().map(str::to_owned))?;
    fields.remove("run");
    let (level, message) = match event {
        Event::Planned { tables, splits, rows_estimated, resumed, .. } => {
            let tables = counted(tables.len() as u64, "table");
            let pieces = counted(*splits as u64, "piece");
            let rows = rows_estimated.map(|n| format!(", about {}", counted(n, "row")));
            let rows = rows.unwrap_or_default();
            let goes_on = if *resumed { ", going on from where it was" } else { "" };
            (Level::Info, format!("planned: {tables} in {pieces}{rows}{goes_on}"))
        }
        Event::Waiting { reason, retry_in } => {
            (Level::Warn, format!("{reason}; tried again in {retry_in:.1} s"))
        }
        Event::Streaming { position, .. } => {
            (Level::Info, format!("caught up with the log at {position}"))
        }
        Event::Finished(summary) => {
            fields.remove("tables");
            let (rows, seconds) = (summary.rows_written, summary.seconds);
            (Level::Info, format!("finished: {rows} rows written, {seconds:.1} s"))
        }
        _ => {
            let message = fields.remove("message");
            let said = message.as_ref().and_then(Value::as_str).map(in_terms_of_jobs);
            (Level::Info, said.unwrap_or_else(|| kind.replace('_', " ")))
        }
    };
    Some(NewEvent { run: run.to_owned(), kind, level, message, body })
}
