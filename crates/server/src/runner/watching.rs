//! One run at work: what it tells is kept, how far it is is recorded now and then, and what becomes
//! of it is taken note of.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_engine::{Event, Outcome, RunHandle};
use syncline_store::{Level, NewEvent, RunError, RunRecord};
use syncline_types::{Error, RunState};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::Live;
use crate::state::AppState;

/// How often counts are recorded: after a crash they are no older.
const RECORD: Duration = Duration::from_secs(10);
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
    if let Outcome::Failed(error, _) = &outcome {
        tracing::warn!(run = live.record.id, code = %error.code(), error = error.chain(), "failed");
        settle(&state, &live, error).await;
    }
    state.runner.lives().remove(&live.record.id);
    state.runner.nudge.notify_one();
}

/// Records a failure that the run could not record itself: its task has panicked, or the state was
/// away.
async fn settle(state: &AppState, live: &Live, error: &Error) {
    let (run, epoch) = (live.record.id.clone(), live.control.epoch());
    let failure = RunError::from(error);
    let settled = state.blocking(move |store| {
        let ended = |run: RunRecord| run.state.is_final() || run.state == RunState::Failed;
        match store.run(&run)? {
            Some(run) if ended(run.clone()) || run.epoch != epoch => Ok(()),
            _ => store.fail_as(&run, epoch, &failure).map(drop),
        }
    });
    if let Err(error) = settled.await {
        tracing::error!(run = live.record.id, error = error.chain(), "an end is not recorded");
    }
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
            let rows = rows_estimated.map_or(String::new(), |n| format!(", about {n} rows"));
            let goes_on = if *resumed { ", going on from where it was" } else { "" };
            let tables = tables.len();
            (Level::Info, format!("planned: {tables} tables in {splits} pieces{rows}{goes_on}"))
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
            let said = message.as_ref().and_then(Value::as_str).map(str::to_owned);
            (Level::Info, said.unwrap_or_else(|| kind.replace('_', " ")))
        }
    };
    Some(NewEvent { run: run.to_owned(), kind, level, message, body })
}
