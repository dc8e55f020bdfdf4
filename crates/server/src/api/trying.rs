//! Jobs that are tried before they are kept: what is wrong with them, their plan, sample rows.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use syncline_connector::WriteMode;
use syncline_engine::{CheckReport, ColumnReport, Engine, FollowingReport, Job, TableReport};
use syncline_store::{DEFAULT_PROJECT, Store};
use syncline_types::{Result, in_terms_of_jobs};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::jobs::{find, kept_text};
use super::tables::{SampleView, row_limit, within_deadline};
use crate::caller::{Caller, Role};
use crate::drafts::{self, JobText};
use crate::input::{Body, Path};
use crate::problem::{Answer, Problem};
use crate::resolving::Place;
use crate::state::AppState;
use crate::unique::Unique;

/// What a job is called that has no name yet.
const UNNAMED: &str = "unnamed";

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(validate))
        .routes(routes!(plan))
        .routes(routes!(plan_of))
        .routes(routes!(preview))
}

/// What is wrong with a job.
#[derive(Serialize, ToSchema)]
struct Validation {
    /// Whether nothing is.
    valid: bool,
    /// What is, each with its place in the text that was sent; in `yaml` when that was JSON.
    problems: Vec<Problem>,
}

/// Look a job through, without connecting to anything
#[utoipa::path(
    post,
    path = "/jobs/validate",
    tag = "jobs",
    request_body = JobText,
    responses((status = 200, body = Validation), (status = 403, body = Problem))
)]
async fn validate(
    State(state): State<AppState>,
    caller: Caller,
    Body(sent): Body<JobText>,
) -> Answer<Json<Validation>> {
    let project = project_of(&sent);
    caller.needs_project(Role::Editor, &project)?;
    let (vault, registry) = (Arc::clone(&state.vault), Arc::clone(&state.registry));
    let look = move |store: &Store| {
        let place = Place { name: UNNAMED, project: &project };
        Ok(drafts::problems(&sent, store, &vault, &registry, place))
    };
    let problems = state.blocking(look).await?;
    Ok(Json(Validation { valid: problems.is_empty(), problems }))
}

/// The project that a job is tried in.
fn project_of(sent: &JobText) -> String {
    sent.project.clone().unwrap_or_else(|| DEFAULT_PROJECT.to_owned())
}

/// The job that was sent, ready to be tried.
async fn ready(state: &AppState, sent: JobText, name: &str) -> Result<Job> {
    let project = project_of(&sent);
    let draft = sent.read()?;
    let (vault, registry) = (Arc::clone(&state.vault), Arc::clone(&state.registry));
    let name = draft.file.name.clone().unwrap_or_else(|| name.to_owned());
    let look = move |store: &Store| {
        let place = Place { name: &name, project: &project };
        drafts::look_through(&draft, store, &vault, &registry, place)
    };
    state.blocking(look).await
}

/// The plan of a job, and the mapping of every column.
#[derive(Serialize, ToSchema)]
#[schema(as = Plan)]
struct PlanView {
    /// The source, without secrets.
    source: String,
    /// The target, without secrets.
    sink: String,
    /// What a person should know.
    notes: Vec<String>,
    /// Whether all splits show one moment; else why not.
    snapshot: String,
    /// Splits at work at the same time.
    parallel: usize,
    /// How changes are followed, in the modes that do.
    #[serde(skip_serializing_if = "Option::is_none")]
    following: Option<FollowingView>,
    /// The tables.
    tables: Vec<PlanTable>,
}

/// How changes are followed.
#[derive(Serialize, ToSchema)]
struct FollowingView {
    /// Where the log is read from.
    from: String,
    /// What a kill and a resume do to changes.
    guarantee: String,
    /// What the source says of its log.
    notes: Vec<String>,
}

/// The plan of one table.
#[derive(Serialize, ToSchema)]
struct PlanTable {
    /// Source table.
    source: String,
    /// Target table.
    target: String,
    /// Whether the target is made by the run.
    creates: bool,
    /// What happens to rows that are there already: `append`, `upsert`, `replace`.
    #[schema(value_type = String, example = "upsert")]
    write: WriteMode,
    /// What a kill and a resume do to rows.
    guarantee: String,
    /// Pieces.
    splits: usize,
    /// Whether a killed run goes on inside a piece.
    resumable: bool,
    /// Estimated rows.
    rows_estimated: Option<u64>,
    /// The columns that are written.
    columns: Vec<PlanColumn>,
    /// What a person should know.
    notes: Vec<String>,
}

/// What becomes of one column.
#[derive(Serialize, ToSchema)]
struct PlanColumn {
    /// Its name at the source.
    from: String,
    /// Its type at the source.
    from_type: String,
    /// Its name at the target.
    to: String,
    /// Its type at the target.
    to_type: String,
    /// `exact`, `widened` or `lossy`.
    fidelity: String,
    /// Why it is not exact.
    why: Option<String>,
    /// Odd values that are refused although every other is kept.
    refused: Vec<String>,
}

impl From<CheckReport> for PlanView {
    fn from(report: CheckReport) -> Self {
        let CheckReport { source, sink, notes, snapshot, parallel, following, tables } = report;
        let following = following.map(|FollowingReport { from, guarantee, notes }| FollowingView {
            from,
            guarantee,
            notes,
        });
        let tables = tables.into_iter().map(PlanTable::from).collect();
        let notes = notes.iter().map(|note| in_terms_of_jobs(note)).collect();
        Self { source, sink, notes, snapshot, parallel, following, tables }
    }
}

impl From<TableReport> for PlanTable {
    fn from(table: TableReport) -> Self {
        let column = |column: ColumnReport| {
            let ColumnReport { from, from_type, to, to_type, fidelity, why, refused } = column;
            PlanColumn {
                from,
                from_type,
                to,
                to_type,
                fidelity: fidelity.into_owned(),
                why,
                refused,
            }
        };
        Self {
            source: table.source,
            target: table.target,
            creates: table.creates,
            write: table.write,
            guarantee: table.guarantee,
            splits: table.splits,
            resumable: table.resumable,
            rows_estimated: table.rows_estimated,
            columns: table.columns.into_iter().map(column).collect(),
            notes: table.notes.iter().map(|note| in_terms_of_jobs(note)).collect(),
        }
    }
}

/// The plan of a job that was sent; nothing is changed anywhere
#[utoipa::path(
    post,
    path = "/jobs/plan",
    tag = "jobs",
    request_body = JobText,
    responses(
        (status = 200, body = PlanView),
        (status = 403, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn plan(
    State(state): State<AppState>,
    caller: Caller,
    Body(sent): Body<JobText>,
) -> Answer<Json<PlanView>> {
    caller.needs_project(Role::Editor, &project_of(&sent))?;
    let job = ready(&state, sent, UNNAMED).await?;
    let report = within_deadline(Engine::check(&state.registry, &job)).await?;
    Ok(Json(report.into()))
}

/// The plan of a job
#[utoipa::path(
    post,
    path = "/jobs/{name}/plan",
    tag = "jobs",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 200, body = PlanView),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn plan_of(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<Json<PlanView>> {
    caller.needs_job(Role::Operator, &name)?;
    let found = find(&state, &name).await?;
    let kept = JobText { project: Some(found.project), ..kept_text(&found.body) };
    let job = ready(&state, kept, &name).await?;
    let report = within_deadline(Engine::check(&state.registry, &job)).await?;
    Ok(Json(report.into()))
}

/// A job, and which rows to look at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PreviewInput {
    /// The job file as JSON.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    spec: Option<Unique>,
    /// The job file as YAML.
    #[serde(default)]
    yaml: Option<String>,
    /// The project it is to be in, which says what it may use; `default` when not given.
    #[serde(default)]
    project: Option<String>,
    /// The table, `schema.name` or a name alone; the first of the job's when not given.
    #[serde(default)]
    table: Option<String>,
    /// Rows at most: 1 to 100; 20 when not given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100)]
    rows: Option<u32>,
}

/// Sample rows, before and after a job's choice of columns and its steps.
#[derive(Serialize, ToSchema)]
struct PreviewView {
    /// The table they are of.
    table: String,
    /// The rows as they are.
    before: SampleView,
    /// The rows as they would go to the target.
    after: SampleView,
}

/// Sample rows of a job that was sent
#[utoipa::path(
    post,
    path = "/jobs/preview",
    tag = "jobs",
    request_body = PreviewInput,
    responses(
        (status = 200, body = PreviewView),
        (status = 403, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn preview(
    State(state): State<AppState>,
    caller: Caller,
    Body(input): Body<PreviewInput>,
) -> Answer<Json<PreviewView>> {
    let rows = row_limit(input.rows)?;
    let sent = JobText { spec: input.spec, yaml: input.yaml, project: input.project };
    caller.needs_project(Role::Editor, &project_of(&sent))?;
    let job = ready(&state, sent, UNNAMED).await?;
    let table = input.table.as_deref();
    let work = syncline_engine::preview(&state.registry, &job, table, rows);
    let seen = within_deadline(work).await?;
    let (before, after) = (seen.before.into(), seen.after.into());
    Ok(Json(PreviewView { table: seen.table, before, after }))
}
