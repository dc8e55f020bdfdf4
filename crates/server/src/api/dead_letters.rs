//! Rows that could not be written: looked at, edited, replayed, dropped.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use syncline_engine::{Edit, Unrecorded, replay};
use syncline_store::{DeadLetter, RunRecord};
use syncline_types::{Code, Error, Result, RunState};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::runs::find;
use crate::caller::{Caller, Role};
use crate::input::{Body, Params, Path};
use crate::page::{Page, PageQuery};
use crate::problem::{Answer, Problem};
use crate::runner;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, forget_all))
        .routes(routes!(replay_all))
        .routes(routes!(show, forget))
        .routes(routes!(replay_one))
}

/// Rows replayed by one request at most; the answer says how many are left.
const AT_ONCE: u32 = 1_000;

/// A row that could not be written.
#[derive(Debug, Serialize, ToSchema)]
struct DeadLetterView {
    /// Its number.
    id: i64,
    /// The run it belongs to.
    run: String,
    /// The source table.
    source: String,
    /// The target table.
    target: String,
    /// Where it failed: `read`, `process` or `write`.
    stage: String,
    /// Its key.
    #[schema(value_type = Object)]
    key: Value,
    /// The error's code.
    #[schema(example = "E0302")]
    code: String,
    /// What was wrong.
    reason: String,
    /// The row, every value as text, NULL as null.
    #[schema(value_type = Object)]
    row: Value,
    /// When it was kept (UTC, ISO 8601).
    at: String,
    /// When it was written after all.
    replayed_at: Option<String>,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        let value = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        Self {
            id: letter.id,
            run: letter.run,
            source: letter.source,
            target: letter.target,
            stage: letter.stage,
            key: value(&letter.key),
            code: letter.code,
            reason: letter.reason,
            row: value(&letter.row),
            at: letter.at,
            replayed_at: letter.replayed_at,
        }
    }
}

/// What became of a row that was replayed.
#[derive(Debug, Serialize, ToSchema)]
struct ReplayedView {
    /// Its number.
    id: i64,
    /// It is at the target now.
    written: bool,
    /// Why not, when it is not.
    error: Option<Problem>,
}

/// What became of rows that were replayed.
#[derive(Debug, Serialize, ToSchema)]
struct ReplayReport {
    /// How many were written.
    written: u64,
    /// How many failed again.
    failed: u64,
    /// Whether there are more to be replayed than one request takes.
    more: bool,
    /// Each of them.
    items: Vec<ReplayedView>,
}

/// How a row is replayed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct ReplayBody {
    /// Values in place of those that were kept, by column: texts, numbers, true or false, or null.
    #[schema(value_type = Option<Object>)]
    row: Option<Map<String, Value>>,
}

/// The rows of a run that could not be written
#[utoipa::path(
    get,
    path = "/runs/{id}/dead-letters",
    tag = "dead letters",
    params(("id" = String, Path, description = "The run's key"), PageQuery),
    responses((status = 200, body = Page<DeadLetterView>), (status = 404, body = Problem))
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageQuery>,
) -> Answer<Json<Page<DeadLetterView>>> {
    let limit = page.limit()?;
    let after = page.after::<i64>()?.unwrap_or(0);
    let run = find(&state, &caller, Role::Viewer, &id).await?;
    let found =
        state.blocking(move |store| store.list_dead_letters(&run.id, after, limit + 1)).await?;
    let items = found.into_iter().map(DeadLetterView::from).collect();
    Ok(Json(Page::of(items, limit, |l: &DeadLetterView| l.id)?))
}

/// Replay the rows of a run that have not been written
#[utoipa::path(
    post,
    path = "/runs/{id}/dead-letters/replay",
    tag = "dead letters",
    params(("id" = String, Path, description = "The run's key")),
    responses(
        (status = 200, body = ReplayReport),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "The run is at work"),
    )
)]
async fn replay_all(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<Json<ReplayReport>> {
    let run = find(&state, &caller, Role::Operator, &id).await?;
    let wanted = run.id.clone();
    let mut letters =
        state.blocking(move |store| store.pending_dead_letters(&wanted, 0, AT_ONCE + 1)).await?;
    let more = letters.len() > AT_ONCE as usize;
    letters.truncate(AT_ONCE as usize);
    let report = write(&state, &run, letters, &[], more).await?;
    let detail = json!({ "written": report.written, "failed": report.failed });
    state.audit(&caller, "dead_letters.replay", &run.id, detail).await?;
    Ok(Json(report))
}

async fn write(
    state: &AppState,
    run: &RunRecord,
    letters: Vec<DeadLetter>,
    edits: &[Edit],
    more: bool,
) -> Result<ReplayReport> {
    if letters.is_empty() {
        return Ok(ReplayReport { written: 0, failed: 0, more: false, items: Vec::new() });
    }
    // One that has just ended may still be about to leave.
    let rests = run.state.is_final() || matches!(run.state, RunState::Paused | RunState::Failed);
    if !rests && state.runner.live_run(&run.id).is_some() {
        let message = format!("run {} is at work", run.id);
        return Err(Error::new(Code::BadTransition, message)
            .hint("pause it, or wait for its end: it may still write newer rows"));
    }
    let job = runner::job_of(state, run).await?;
    let now = Unrecorded { target: Some(job.sink), keys: job.keys };
    let done = replay(&state.registry, &state.store, run, now, &letters, edits).await?;
    let items: Vec<ReplayedView> = done
        .into_iter()
        .map(|one| ReplayedView {
            id: one.id,
            written: one.outcome.is_ok(),
            error: one.outcome.err().map(|e| Problem::of(&e)),
        })
        .collect();
    let written = items.iter().filter(|i| i.written).count() as u64;
    Ok(ReplayReport { written, failed: items.len() as u64 - written, more, items })
}

/// Drop the rows of a run that could not be written
#[utoipa::path(
    delete,
    path = "/runs/{id}/dead-letters",
    tag = "dead letters",
    params(("id" = String, Path, description = "The run's key")),
    responses((status = 204), (status = 404, body = Problem))
)]
async fn forget_all(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let run = find(&state, &caller, Role::Operator, &id).await?;
    let wanted = run.id.clone();
    let rows = state.blocking(move |store| store.drop_dead_letters(&wanted, None)).await?;
    state.audit(&caller, "dead_letters.drop", &run.id, json!({ "rows": rows })).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The letter of that number with its run, for a caller who may go so far.
async fn letter(
    state: &AppState,
    caller: &Caller,
    role: Role,
    id: i64,
) -> Result<(DeadLetter, RunRecord)> {
    caller.needs_somewhere(Role::Viewer)?;
    let found = state.blocking(move |store| store.dead_letter(id)).await?;
    let none = || Error::new(Code::NotFound, format!("there is no dead letter {id}"));
    let letter = found.ok_or_else(none)?;
    let run = find(state, caller, role, &letter.run).await.map_err(|e| match e.code() {
        Code::NotFound => none(),
        _ => e,
    })?;
    Ok((letter, run))
}

/// One row that could not be written
#[utoipa::path(
    get,
    path = "/dead-letters/{id}",
    tag = "dead letters",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, body = DeadLetterView), (status = 404, body = Problem))
)]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Answer<Json<DeadLetterView>> {
    let (letter, _) = letter(&state, &caller, Role::Viewer, id).await?;
    Ok(Json(letter.into()))
}

/// Replay one row, as it is or edited
#[utoipa::path(
    post,
    path = "/dead-letters/{id}/replay",
    tag = "dead letters",
    params(("id" = i64, Path, description = "Its number")),
    request_body = ReplayBody,
    responses(
        (status = 200, body = ReplayedView),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Its run is at work, or it is written already"),
        (status = 422, body = Problem),
    )
)]
async fn replay_one(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<i64>,
    Body(body): Body<ReplayBody>,
) -> Answer<Json<ReplayedView>> {
    let (letter, run) = letter(&state, &caller, Role::Operator, id).await?;
    if let Some(at) = &letter.replayed_at {
        let message = format!("dead letter {id} was written at {at}");
        return Err(Error::new(Code::BadTransition, message).into());
    }
    let edits = edits(body.row.unwrap_or_default(), &letter.row)?;
    let columns: Vec<&str> = edits.iter().map(|e| e.column.as_str()).collect();
    let detail = json!({ "run": run.id, "edited": columns });
    let report = write(&state, &run, vec![letter], &edits, false).await?;
    state.audit(&caller, "dead_letter.replay", &id.to_string(), detail).await?;
    let done = report.items.into_iter().next();
    Ok(Json(done.ok_or_else(|| Error::bug("a replay without an outcome"))?))
}

/// The values that are to take the place of others: those that differ from what was kept.
fn edits(row: Map<String, Value>, kept: &str) -> Result<Vec<Edit>> {
    let kept: Map<String, Value> = serde_json::from_str(kept).unwrap_or_default();
    let changed = row.into_iter().filter(|(column, value)| kept.get(column) != Some(value));
    changed
        .map(|(column, value)| {
            let value = match value {
                Value::Null => None,
                Value::String(text) => Some(text),
                Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
                Value::Array(_) | Value::Object(_) => {
                    let message = format!("row.{column}: a text, a number, true, false or null");
                    return Err(Error::new(Code::BadValue, message).hint(
                        "give JSON, arrays and other values as the text that the row shows",
                    ));
                }
            };
            Ok(Edit { column, value })
        })
        .collect()
}

/// Drop one row
#[utoipa::path(
    delete,
    path = "/dead-letters/{id}",
    tag = "dead letters",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 204), (status = 404, body = Problem))
)]
async fn forget(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Answer<StatusCode> {
    let (letter, run) = letter(&state, &caller, Role::Operator, id).await?;
    state.blocking(move |store| store.drop_dead_letters(&letter.run, Some(letter.id))).await?;
    state.audit(&caller, "dead_letter.drop", &id.to_string(), json!({ "run": run.id })).await?;
    Ok(StatusCode::NO_CONTENT)
}
