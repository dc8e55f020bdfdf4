//! Jobs: what is to be moved, by name, with every version they had.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use syncline_engine::{JobFile, Schedule, yaml_of};
use syncline_store::{DEFAULT_PROJECT, JobBody, JobFilter, JobRecord, RunRecord, Store};
use syncline_types::{Code, Error, Result, RunState};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::runs::states_of;
use super::saving::{At, Over, save};
use crate::caller::{Caller, Role};
use crate::drafts::JobText;
use crate::etag::{IfMatch, Versioned};
use crate::input::{Body, Params, Path, check_name, check_text, given};
use crate::page::{Page, PageQuery};
use crate::problem::{Answer, Problem};
use crate::runner::RunView;
use crate::state::AppState;
use crate::unique::Unique;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove))
}

/// A job, as it is given: the job itself either as `spec` or as `yaml`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobInput {
    /// Its name; that of the job file when not given.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    pub(crate) name: Option<String>,
    /// The job file as JSON (see docs/job.schema.json).
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    spec: Option<Unique>,
    /// The job file as YAML; it is kept as it is, with its comments.
    #[serde(default)]
    yaml: Option<String>,
    /// What it is, for people. On a change: left out, it stays.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    /// Which goes first when several wait, the higher one; 0 when not given. On a change: left
    /// out, it stays.
    #[serde(default)]
    #[schema(minimum = -10, maximum = 10)]
    priority: Option<i32>,
    /// Whether its schedule starts it; it does when not given. On a change: left out, it stays.
    #[serde(default)]
    enabled: Option<bool>,
    /// The project it is in; `default` when not given. On a change: left out, it stays. A job moves
    /// while no run of it is under way, and its runs move with it.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    project: Option<String>,
    /// What the change is about, for the list of versions.
    #[serde(default)]
    note: Option<String>,
}

impl JobInput {
    fn text(&self) -> JobText {
        JobText { spec: self.spec.clone(), yaml: self.yaml.clone(), project: None }
    }
}

/// A job.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobView {
    /// Its name.
    pub(crate) name: String,
    /// The project it is in.
    project: String,
    /// The job file as JSON.
    #[schema(value_type = Object)]
    spec: Value,
    /// The job file as YAML: as it was written, where it was.
    yaml: String,
    /// What it is, for people.
    description: String,
    /// Which goes first when several wait: the higher one.
    priority: i32,
    /// Whether its schedule starts it.
    enabled: bool,
    /// How often it has been changed; the same as the `ETag`.
    version: u64,
    /// `full`, `batch`, `changes`, `full+changes`.
    mode: String,
    /// Its source: the name of a connection, or an address without secrets.
    source: String,
    /// Its target.
    sink: String,
    /// When it is started by itself: a cron expression or an object, as in the job file.
    #[schema(value_type = Option<Object>)]
    schedule: Option<Value>,
    /// When it is started next, where a clock tells it.
    next_start: Option<String>,
    /// Its newest run.
    last_run: Option<RunView>,
    /// When it was made.
    created_at: String,
    /// When it last changed.
    updated_at: String,
    /// Who changed it last.
    updated_by: String,
}

impl JobView {
    pub(crate) fn of(job: JobRecord, last: Option<RunRecord>, state: &AppState) -> Result<Self> {
        let spec = value(&job.body.spec)?;
        let yaml = match job.body.yaml {
            Some(yaml) => yaml,
            None => yaml_of(&spec)?,
        };
        let schedule = job.schedule.as_deref().map(value).transpose()?;
        let next = schedule
            .clone()
            .filter(|_| job.body.enabled)
            .and_then(|s| serde_json::from_value::<Schedule>(s).ok())
            .and_then(|s| s.next(Utc::now()));
        let last_run = last.map(|run| {
            let live = state.runner.live_run(&run.id);
            RunView::of(run, live.as_deref())
        });
        Ok(Self {
            name: job.name,
            project: job.project,
            spec,
            yaml,
            description: job.body.description,
            priority: job.body.priority,
            enabled: job.body.enabled,
            version: job.version,
            mode: job.mode,
            source: job.source,
            sink: job.sink,
            schedule,
            next_start: next.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
            last_run,
            created_at: job.created_at,
            updated_at: job.updated_at,
            updated_by: job.updated_by,
        })
    }
}

/// What was stored as JSON.
pub(crate) fn value(text: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|e| Error::new(Code::StateUnusable, "a stored job is no JSON").because(e))
}

/// Which jobs are listed.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// A part of the name, the description, the source or the target.
    q: Option<String>,
    /// Only those whose newest run is in this state; several, separated by commas.
    state: Option<String>,
    /// Only those that use this connection.
    connection: Option<String>,
    /// Only those of this project.
    project: Option<String>,
    /// Only those that are enabled, or that are not.
    enabled: Option<bool>,
    /// Items at most: 1 to 500; 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Jobs, by name
#[utoipa::path(
    get,
    path = "/jobs",
    tag = "jobs",
    params(ListQuery),
    responses((status = 200, body = Page<JobView>), (status = 401, body = Problem))
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<ListQuery>,
) -> Answer<Json<Page<JobView>>> {
    caller.needs_somewhere(Role::Viewer)?;
    let page = PageQuery::new(query.limit, query.after);
    let (limit, after) = (page.limit()?, page.after::<String>()?.unwrap_or_default());
    let given = |text: Option<String>| text.filter(|t| !t.is_empty());
    let filter = JobFilter {
        text: given(query.q),
        states: states_of(given(query.state).as_deref())?,
        enabled: query.enabled,
        connection: given(query.connection),
        project: given(query.project),
        projects: caller.own_projects(),
        scheduled: false,
    };
    let sees = caller.clone();
    let (found, last) = state
        .blocking(move |store| {
            let found = visible(store, &filter, &after, limit + 1, &sees)?;
            let names: Vec<&str> = found.iter().map(|job| job.name.as_str()).collect();
            let last = store.last_runs_of(&names)?;
            Ok((found, last))
        })
        .await?;
    let mut last: HashMap<String, RunRecord> =
        last.into_iter().filter_map(|run| Some((run.more.job_name.clone()?, run))).collect();
    let view = |job: JobRecord| {
        let last = last.remove(&job.name);
        JobView::of(job, last, &state)
    };
    let views = found.into_iter().map(view).collect::<Result<_>>()?;
    Ok(Json(Page::of(views, limit, |view: &JobView| view.name.clone())?))
}

/// A page of the jobs that somebody may see.
fn visible(
    store: &Store,
    filter: &JobFilter,
    after: &str,
    limit: u32,
    caller: &Caller,
) -> Result<Vec<JobRecord>> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let mut after = after.to_owned();
    loop {
        let page = store.jobs(filter, &after, limit)?;
        let whole = page.len() < wanted;
        if let Some(last) = page.last() {
            after.clone_from(&last.name);
        }
        found.extend(page.into_iter().filter(|job| caller.sees_job(&job.name)));
        if whole || found.len() >= wanted {
            found.truncate(wanted);
            return Ok(found);
        }
    }
}

/// What is kept of a job that was given, on what was there before.
pub(crate) fn body_of(
    input: &JobInput,
    spec: &Value,
    yaml: Option<String>,
    before: Option<&JobBody>,
) -> Result<JobBody> {
    let description = match &input.description {
        Some(given) => given.clone().unwrap_or_default(),
        None => before.map(|b| b.description.clone()).unwrap_or_default(),
    };
    check_text("description", &description)?;
    check_text("note", input.note.as_deref().unwrap_or_default())?;
    let priority = input.priority.or(before.map(|b| b.priority)).unwrap_or(0);
    if !(-10..=10).contains(&priority) {
        return Err(Error::new(Code::BadValue, format!("priority {priority}: -10 to 10")));
    }
    let enabled = input.enabled.or(before.map(|b| b.enabled)).unwrap_or(true);
    Ok(JobBody { spec: spec.to_string(), yaml, description, priority, enabled })
}

/// The name a job is given, with it or in its file.
fn name_of(input: &JobInput, file: &JobFile) -> Result<String> {
    let name = match (&input.name, &file.name) {
        (Some(name), Some(inside)) if name != inside => {
            let message = format!("the job is named {name:?}, and {inside:?} in its file");
            return Err(Error::new(Code::BadValue, message));
        }
        (Some(name), _) | (None, Some(name)) => name.clone(),
        (None, None) => return Err(Error::new(Code::BadValue, "name is missing")),
    };
    check_name("job", &name)?;
    Ok(name)
}

/// Make a job
#[utoipa::path(
    post,
    path = "/jobs",
    tag = "jobs",
    request_body = JobInput,
    responses(
        (status = 201, body = JobView),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Body(input): Body<JobInput>,
) -> Answer<(StatusCode, Versioned<JobView>)> {
    let project = input.project.clone().unwrap_or_else(|| DEFAULT_PROJECT.to_owned());
    check_name("project", &project)?;
    caller.needs_project(Role::Editor, &project)?;
    let draft = input.text().read()?;
    let name = name_of(&input, &draft.file)?;
    let body = body_of(&input, &draft.spec, draft.yaml.clone(), None)?;
    let note = input.note.unwrap_or_default();
    let at = At { name, project };
    let made = save(&state, &caller, at, draft, body, None, note).await?;
    Ok((StatusCode::CREATED, made))
}

/// A job
#[utoipa::path(
    get,
    path = "/jobs/{name}",
    tag = "jobs",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = JobView), (status = 404, body = Problem))
)]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<Versioned<JobView>> {
    caller.needs_job(Role::Viewer, &name)?;
    let (job, last) = state
        .blocking(move |store| {
            let job = store.job(&name)?.ok_or_else(|| no_job(&name))?;
            Ok((job, store.last_run_of(&name)?))
        })
        .await?;
    Ok(Versioned(job.version, JobView::of(job, last, &state)?))
}

/// Change a job
#[utoipa::path(
    put,
    path = "/jobs/{name}",
    tag = "jobs",
    params(
        ("name" = String, Path, description = "Its name"),
        ("If-Match" = String, Header, description = "The ETag of what is changed"),
    ),
    request_body = JobInput,
    responses(
        (status = 200, body = JobView),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is to move, and a run of it is under way"),
        (status = 412, body = Problem),
        (status = 422, body = Problem),
        (status = 428, body = Problem),
    )
)]
async fn change(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    version: IfMatch,
    Body(input): Body<JobInput>,
) -> Answer<Versioned<JobView>> {
    caller.needs_job(Role::Editor, &name)?;
    if input.name.as_ref().is_some_and(|given| *given != name) {
        let message = format!("{name:?} keeps its name: its runs refer to it");
        return Err(Error::new(Code::BadValue, message).hint("clone it under the new one").into());
    }
    let before = find(&state, &name).await?;
    version.check(before.version)?;
    let text = input.text();
    let draft = match (&text.spec, &text.yaml) {
        // Only what stands around the job changes.
        (None, None) => kept_text(&before.body).read()?,
        _ => text.read()?,
    };
    if draft.file.name.as_ref().is_some_and(|inside| *inside != name) {
        let message = format!("the job {name:?} has another name in its file");
        return Err(Error::new(Code::BadValue, message).into());
    }
    let body = body_of(&input, &draft.spec, draft.yaml.clone(), Some(&before.body))?;
    let over = Some(Over(Some(before.version)));
    let note = input.note.unwrap_or_default();
    let project = input.project.unwrap_or_else(|| before.project.clone());
    if project != before.project {
        check_name("project", &project)?;
        caller.needs_project(Role::Editor, &project)?;
    }
    Ok(save(&state, &caller, At { name, project }, draft, body, over, note).await?)
}

/// A job as it was once sent.
pub(crate) fn kept_text(body: &JobBody) -> JobText {
    match &body.yaml {
        Some(yaml) => JobText { yaml: Some(yaml.clone()), ..JobText::default() },
        None => JobText { spec: value(&body.spec).ok().map(Unique), ..JobText::default() },
    }
}

/// Remove a job; its runs stay
#[utoipa::path(
    delete,
    path = "/jobs/{name}",
    tag = "jobs",
    params(
        ("name" = String, Path, description = "Its name"),
        ("If-Match" = String, Header, description = "The ETag of what is removed"),
    ),
    responses(
        (status = 204),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "A run of it has not ended"),
        (status = 412, body = Problem),
        (status = 428, body = Problem),
    )
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    version: IfMatch,
) -> Answer<StatusCode> {
    caller.needs_job(Role::Editor, &name)?;
    let of = name.clone();
    state
        .blocking(move |store| {
            let last = store.last_run_of(&of)?;
            if let Some(run) =
                last.filter(|run| !run.state.is_final() && run.state != RunState::Failed)
            {
                let message = format!("run {} of job {of:?} is {}", run.id, run.state);
                return Err(Error::new(Code::StillUsed, message).hint("stop it first"));
            }
            store.remove_job(&of, version.version())
        })
        .await?;
    state.audit(&caller, "job.delete", &name, json!({})).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The job of that name.
///
/// # Errors
/// [`Code::NotFound`].
pub(crate) async fn find(state: &AppState, name: &str) -> Result<JobRecord> {
    let of = name.to_owned();
    state.blocking(move |store| store.job(&of)?.ok_or_else(|| no_job(&of))).await
}

/// That there is no such job.
pub(crate) fn no_job(name: &str) -> Error {
    Error::new(Code::NotFound, format!("there is no job {name:?}"))
}
