//! Runs: started, watched, paused, resumed, stopped, restarted, looked back on.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use syncline_store::{RunFilter, RunRecord, Trigger, WhenActive};
use syncline_types::{Code, Error, Result, RunState, did_you_mean};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role};
use crate::input::{Body, Params, Path};
use crate::page::{Page, PageQuery};
use crate::problem::{Answer, Problem};
use crate::runner::{self, RunView, Start, Started, no_run};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(list))
        .routes(routes!(show, forget))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(stop))
        .routes(routes!(restart))
}

/// How a job is started.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct StartBody {
    /// An unfinished run is given up, instead of being gone on with.
    fresh: bool,
    /// Another priority than the job's: -10 to 10, the higher first.
    #[schema(minimum = -10, maximum = 10)]
    priority: Option<i64>,
    /// The run may go beside one that is under way.
    overlap: bool,
}

/// Start a job
///
/// Answers the run, which is recorded and waits for its turn. Where the job's last run has failed,
/// that one goes on (200), unless `fresh` is asked for.
#[utoipa::path(
    post,
    path = "/jobs/{name}/runs",
    tag = "runs",
    params(("name" = String, Path, description = "The job's name")),
    request_body = StartBody,
    responses(
        (status = 201, body = RunView, description = "A new run"),
        (status = 200, body = RunView, description = "The unfinished run goes on"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "A run of the job is under way or paused"),
        (status = 422, body = Problem),
    )
)]
async fn start(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<StartBody>,
) -> Answer<(StatusCode, Json<RunView>)> {
    caller.needs_job(Role::Operator, &name)?;
    if let Some(priority) = body.priority.filter(|p| !(-10..=10).contains(p)) {
        let message = format!("priority: {priority} is not within -10 and 10");
        return Err(Error::new(Code::BadValue, message).into());
    }
    let start = Start {
        fresh: body.fresh,
        priority: body.priority,
        when_active: if body.overlap { WhenActive::Allow } else { WhenActive::Refuse },
        ..Start::by(&caller.name)
    };
    let started = runner::start(&state, &name, start).await?;
    let status = match &started {
        Started::New(_) => StatusCode::CREATED,
        Started::Continued(_) => StatusCode::OK,
    };
    let run = started.run();
    let detail = json!({ "job": name, "fresh": body.fresh });
    state.audit(&caller, "run.start", &run.id, detail).await?;
    Ok((status, Json(RunView::of(run, None))))
}

/// Which runs are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RunsQuery {
    /// Of this job.
    job: Option<String>,
    /// Of the jobs of this project.
    project: Option<String>,
    /// In this state; several, separated by commas.
    state: Option<String>,
    /// With this text in id, job, source or target.
    q: Option<String>,
    /// Recorded at this moment or later (ISO 8601).
    since: Option<String>,
    /// Recorded before this moment (ISO 8601).
    until: Option<String>,
    /// Items at most: 1 to 500; 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

impl RunsQuery {
    fn filter(&self, before: Option<String>) -> Result<RunFilter> {
        let moment = |name: &str, text: &Option<String>| {
            let Some(text) = text.as_ref().filter(|t| !t.is_empty()) else { return Ok(None) };
            let at = chrono::DateTime::parse_from_rfc3339(text).map_err(|e| {
                Error::new(Code::BadValue, format!("{name}: {text:?} is no moment"))
                    .because(e)
                    .hint("write it as 2026-01-31T12:00:00Z")
            })?;
            let utc = at.with_timezone(&chrono::Utc);
            Ok::<_, Error>(Some(utc.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()))
        };
        let given = |text: &Option<String>| text.clone().filter(|t| !t.is_empty());
        Ok(RunFilter {
            job: given(&self.job),
            jobs: None,
            project: given(&self.project),
            projects: None,
            states: states_of(self.state.as_deref())?,
            text: given(&self.q),
            since: moment("since", &self.since)?,
            until: moment("until", &self.until)?,
            before,
        })
    }
}

/// States by their names, separated by commas.
///
/// # Errors
/// [`Code::BadValue`] for what is none.
pub(super) fn states_of(names: Option<&str>) -> Result<Vec<RunState>> {
    names.unwrap_or_default().split(',').filter(|name| !name.is_empty()).map(state_of).collect()
}

fn state_of(name: &str) -> Result<RunState> {
    RunState::parse(name).ok_or_else(|| {
        let near = did_you_mean(name, RunState::ALL.iter().map(|s| s.name()));
        Error::new(Code::BadValue, format!("state: {name:?} is not a state{near}"))
    })
}

/// Runs, newest first
#[utoipa::path(
    get,
    path = "/runs",
    tag = "runs",
    params(RunsQuery),
    responses((status = 200, body = Page<RunView>), (status = 422, body = Problem))
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<RunsQuery>,
) -> Answer<Json<Page<RunView>>> {
    caller.needs_somewhere(Role::Viewer)?;
    let page = PageQuery::new(query.limit, query.after.clone());
    let limit = page.limit()?;
    let mut filter = query.filter(page.after::<String>()?)?;
    filter.jobs = caller.own_jobs().map(<[String]>::to_vec);
    filter.projects = caller.own_projects();
    let runs = state.blocking(move |store| store.list_runs(&filter, limit + 1)).await?;
    let views = runs.into_iter().map(|run| view(&state, run)).collect();
    Ok(Json(Page::of(views, limit, |run: &RunView| run.id.clone())?))
}

/// As it is recorded, with what it has done since when it is at work.
pub(super) fn view(state: &AppState, run: RunRecord) -> RunView {
    let live = state.runner.live_run(&run.id);
    RunView::of(run, live.as_deref())
}

/// The run of that id, for a caller who may go so far with its job.
pub(super) async fn find(
    state: &AppState,
    caller: &Caller,
    role: Role,
    id: &str,
) -> Result<RunRecord> {
    caller.needs_somewhere(Role::Viewer)?;
    let wanted = id.to_owned();
    let run = state.blocking(move |store| store.run(&wanted)).await?;
    let run = run.filter(|run| run.id == id).ok_or_else(|| no_run(id))?;
    let job = run.more.job_name.as_deref().unwrap_or(&run.name);
    if !caller.sees_job(job) {
        return Err(no_run(id));
    }
    caller.needs_job(role, job)?;
    Ok(run)
}

/// One run
#[utoipa::path(
    get,
    path = "/runs/{id}",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key")),
    responses((status = 200, body = RunView), (status = 404, body = Problem))
)]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<Json<RunView>> {
    caller.needs_somewhere(Role::Viewer)?;
    if let Some(run) = state.hub.run(&state, &id) {
        let job = run.more.job_name.as_deref().unwrap_or(&run.name);
        if caller.sees_job(job) {
            return Ok(Json(view(&state, run)));
        }
    }
    let run = find(&state, &caller, Role::Viewer, &id).await?;
    Ok(Json(view(&state, run)))
}

/// Forget a run that has ended
///
/// Its events, its history and its dead letters go with it; it is refused as long as rows of it
/// wait to be replayed.
#[utoipa::path(
    delete,
    path = "/runs/{id}",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key")),
    responses(
        (status = 204),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It has not ended, or keeps dead letters"),
    )
)]
async fn forget(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let run = find(&state, &caller, Role::Operator, &id).await?;
    let gone = run.id.clone();
    state.blocking(move |store| store.delete_run(&gone)).await?;
    state.hub.forget(&run.id);
    state.runner.forget(&run.id);
    state.audit(&caller, "run.delete", &run.id, json!({ "job": run.more.job_name })).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pause a run
///
/// What has been accepted becomes durable, the exact place is kept, connections and slot are freed.
#[utoipa::path(
    post,
    path = "/runs/{id}/pause",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key")),
    responses(
        (status = 200, body = RunView),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Not possible in the state it is in"),
    )
)]
async fn pause(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<Json<RunView>> {
    let run = find(&state, &caller, Role::Operator, &id).await?;
    let run = runner::pause(&state, &run.id, &caller.name).await?;
    state.audit(&caller, "run.pause", &run.id, json!({ "job": run.more.job_name })).await?;
    Ok(Json(view(&state, run)))
}

/// Let a run go on that is paused or has failed
#[utoipa::path(
    post,
    path = "/runs/{id}/resume",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key")),
    responses(
        (status = 200, body = RunView),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Not possible in the state it is in"),
    )
)]
async fn resume(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<Json<RunView>> {
    let run = find(&state, &caller, Role::Operator, &id).await?;
    let run = runner::resume(&state, &run.id, &caller.name).await?;
    state.audit(&caller, "run.resume", &run.id, json!({ "job": run.more.job_name })).await?;
    Ok(Json(view(&state, run)))
}

/// End a run for good
#[utoipa::path(
    post,
    path = "/runs/{id}/stop",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key")),
    responses(
        (status = 200, body = RunView),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Not possible in the state it is in"),
    )
)]
async fn stop(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<Json<RunView>> {
    let run = find(&state, &caller, Role::Operator, &id).await?;
    let run = runner::stop(&state, &run.id, &caller.name).await?;
    state.audit(&caller, "run.stop", &run.id, json!({ "job": run.more.job_name })).await?;
    Ok(Json(view(&state, run)))
}

/// Run a job again that this run was of
///
/// From the beginning: a run that has failed or is paused is given up for it.
#[utoipa::path(
    post,
    path = "/runs/{id}/restart",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key")),
    responses(
        (status = 201, body = RunView, description = "The new run"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "A run of the job is under way"),
    )
)]
async fn restart(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<(StatusCode, Json<RunView>)> {
    let run = find(&state, &caller, Role::Operator, &id).await?;
    let job = run.more.job_name.clone().ok_or_else(|| {
        Error::new(Code::Unsupported, format!("run {id} is the command line's"))
            .hint(format!("start it there: {}", run.command))
    })?;
    let start = Start {
        trigger: Trigger::Restart,
        by: format!("restarted by {}", caller.name),
        fresh: true,
        ..Start::by(&caller.name)
    };
    let new = runner::start(&state, &job, start).await?.run();
    state.audit(&caller, "run.restart", &new.id, json!({ "job": job, "of": run.id })).await?;
    Ok((StatusCode::CREATED, Json(view(&state, new))))
}
