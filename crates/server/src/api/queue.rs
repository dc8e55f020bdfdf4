//! The queue: which runs wait, in which order, and for what.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role};
use crate::problem::Answer;
use crate::runner::QueueEntry;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A run that waits for its turn.
#[derive(Debug, Serialize, ToSchema)]
struct QueuedRun {
    /// The run.
    run: String,
    /// Its job.
    job: String,
    /// The project its job is in.
    project: String,
    /// Its place, from 1.
    position: usize,
    /// What it waits for.
    #[schema(example = "all 4 slots are taken")]
    reason: String,
    /// Runs of a higher one are started first.
    priority: i64,
    /// Seconds it has waited.
    waited_seconds: u64,
    /// Seconds it is expected to take, where its job has run before.
    expected_seconds: Option<u64>,
    /// Since when it waits (UTC, ISO 8601).
    queued_at: Option<String>,
}

/// The runs that wait for their turn, the next one first
#[utoipa::path(
    get,
    path = "/queue",
    tag = "runs",
    responses((status = 200, body = Vec<QueuedRun>))
)]
async fn list(State(state): State<AppState>, caller: Caller) -> Answer<Json<Vec<QueuedRun>>> {
    caller.needs_somewhere(Role::Viewer)?;
    let view = |(at, entry): (usize, QueueEntry)| QueuedRun {
        run: entry.run.id,
        job: entry.run.more.job_name.unwrap_or(entry.run.name),
        project: entry.run.more.project,
        position: at + 1,
        reason: entry.reason,
        priority: entry.run.more.priority,
        waited_seconds: entry.waited.as_secs(),
        expected_seconds: entry.expected.map(|e| e.as_secs()),
        queued_at: entry.run.more.queued_at,
    };
    let queue = state.runner.queue().into_iter().enumerate().map(view);
    Ok(Json(queue.filter(|q| caller.sees_job(&q.job)).collect()))
}
