//! What people ask of runs: pause, resume, stop.

use std::time::{Duration, Instant};

use syncline_store::{Ask, Asked, RunRecord};
use syncline_types::{Code, Error, Result, RunState};

use super::{no_run, starting};
use crate::state::AppState;

/// How long an owner that is about to appear or to leave is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pauses a run: its rows become durable, its place is kept, its connections and slot are freed.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::BadTransition`] with the state the run is in.
pub(crate) async fn pause(state: &AppState, id: &str, by: &str) -> Result<RunRecord> {
    ask(state, id, Ask::Pause, format!("paused by {by}")).await
}

/// Lets a run go on that rests or has failed, when its turn comes.
///
/// # Errors
/// As [`pause`].
pub(crate) async fn resume(state: &AppState, id: &str, by: &str) -> Result<RunRecord> {
    starting::resume(state, id, format!("resumed by {by}"), None).await
}

/// Ends a run for good.
///
/// # Errors
/// As [`pause`].
pub(crate) async fn stop(state: &AppState, id: &str, by: &str) -> Result<RunRecord> {
    ask(state, id, Ask::Stop, format!("stopped by {by}")).await
}

async fn ask(state: &AppState, id: &str, ask: Ask, reason: String) -> Result<RunRecord> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(live) = state.runner.live_run(id) {
            let why = reason.clone();
            let asked = state
                .blocking(move |store| {
                    match ask {
                        Ask::Stop => live.control.end(Some(&why))?,
                        _ => live.control.rest(Some(&why))?,
                    };
                    store.run(&live.record.id)
                })
                .await;
            match asked {
                Ok(run) => return run.ok_or_else(|| no_run(id)),
                // It may have come to rest since it was looked up.
                Err(error) if error.code() == Code::BadTransition => {
                    let fresh = recorded(state, id).await?;
                    let rests = matches!(fresh.state, RunState::Paused | RunState::Failed);
                    if !rests || Instant::now() > deadline {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        } else {
            let (run, why) = (id.to_owned(), reason.clone());
            match state.blocking(move |store| store.ask(&run, ask, Some(&why))).await? {
                Asked::Done(run) => {
                    state.runner.drop_queued(id);
                    if run.more.leaves {
                        state.runner.cleaning.notify_one();
                    }
                    return Ok(*run);
                }
                Asked::Moving(run) if Instant::now() > deadline => {
                    let message = format!("run {} is {}", run.id, run.state);
                    return Err(Error::new(Code::BadTransition, message)
                        .hint("it is just being taken up or let go: ask again in a moment"));
                }
                Asked::Moving(_) => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn recorded(state: &AppState, id: &str) -> Result<RunRecord> {
    let run = id.to_owned();
    state.blocking(move |store| store.run(&run)).await?.ok_or_else(|| no_run(id))
}
