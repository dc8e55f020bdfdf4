//! Comparisons of source and target: begun, read, and the target mended.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use syncline_engine::{VerifyEvent, VerifyOptions, verify};
use syncline_store::{RunError, Verification};
use syncline_types::{Code, Error, Result, TableSelection};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role};
use crate::comparing::VerificationProgress;
use crate::input::{Body, Params, Path};
use crate::page::{Page, PageQuery};
use crate::problem::{Answer, Problem};
use crate::runner;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(begin))
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(differences))
        .routes(routes!(repair))
}

/// Differences described for each table.
const SHOWN: usize = 1_000;
/// How long rows of a job that follows changes may be on their way.
const SETTLE: std::time::Duration = std::time::Duration::from_secs(10);
/// Comparisons at the same time.
const AT_ONCE: usize = 2;

/// Comparisons that are under way take turns.
static TURNS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(AT_ONCE);

/// What is compared.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct VerifyBody {
    /// Patterns of tables, instead of those of the job.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tables: Vec<String>,
    /// Percent of the rows; all when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0, maximum = 100.0)]
    sample: Option<f64>,
    /// Rows that only the target has are no difference.
    keep_extra: bool,
}

/// What is mended.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct RepairBody {
    /// Rows that only the target has are deleted also where the job copies only some rows.
    delete_extra: bool,
}

/// A comparison.
#[derive(Debug, Serialize, ToSchema)]
struct VerificationView {
    /// Its unique key.
    id: String,
    /// The job.
    job: String,
    /// Who asked for it.
    started_by: String,
    /// `running`, `equal`, `different` or `failed`.
    state: String,
    /// What was asked.
    #[schema(value_type = Object)]
    options: Value,
    /// How far it is, while it is under way.
    progress: Option<VerificationProgress>,
    /// When it began (UTC, ISO 8601).
    created_at: String,
    /// When it ended.
    ended_at: Option<String>,
    /// What it came to: tables with their counts, what was mended, seconds.
    #[schema(value_type = Option<Object>)]
    verdict: Option<Value>,
    /// Why it failed.
    #[schema(value_type = Option<Object>)]
    error: Option<RunError>,
}

impl VerificationView {
    /// What is recorded, with how far it is.
    fn of(one: Verification, state: &AppState) -> Self {
        let progress = state.comparing.of(&one.id).filter(|_| one.state == "running");
        Self {
            id: one.id,
            job: one.job,
            progress,
            started_by: one.started_by,
            state: one.state,
            options: one.options,
            created_at: one.created_at,
            ended_at: one.ended_at,
            verdict: one.verdict,
            error: one.error,
        }
    }
}

/// A row that differs.
#[derive(Debug, Serialize, ToSchema)]
struct DifferenceView {
    /// Its number.
    id: i64,
    /// The table, the row's key, what is wrong with it, and the columns that differ.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    body: Value,
}

/// Compare a job's source and target
///
/// Answers at once; `GET /verifications/{id}` tells what it comes to.
#[utoipa::path(
    post,
    path = "/jobs/{name}/verify",
    tag = "verifications",
    params(("name" = String, Path, description = "The job's name")),
    request_body = VerifyBody,
    responses(
        (status = 202, body = VerificationView),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn begin(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<VerifyBody>,
) -> Answer<(StatusCode, Json<VerificationView>)> {
    caller.needs_job(Role::Operator, &name)?;
    if let Some(sample) = body.sample.filter(|s| !(*s > 0.0 && *s <= 100.0)) {
        let message = format!("sample: {sample} is no share in percent");
        return Err(Error::new(Code::BadValue, message).into());
    }
    let begun = compare(&state, &caller, &name, body, None).await?;
    Ok((StatusCode::ACCEPTED, Json(VerificationView::of(begun, &state))))
}

/// Begins a comparison, and mends the target after it where `repair` says so.
async fn compare(
    state: &AppState,
    caller: &Caller,
    name: &str,
    body: VerifyBody,
    repair: Option<(String, RepairBody)>,
) -> Result<Verification> {
    let mut job = runner::resolve(state, name, None).await?.job;
    if !body.tables.is_empty() {
        job.tables = TableSelection::parse(&body.tables, &[]).map_err(|e| e.at("tables"))?;
    }
    let options = VerifyOptions {
        sample: body.sample,
        show: SHOWN,
        keep_extra: body.keep_extra,
        repair: repair.is_some(),
        delete_extra: repair.as_ref().is_some_and(|(_, r)| r.delete_extra),
        folder: state.store.folder().to_owned(),
        settle: job.mode.follows().then_some(SETTLE),
        store: Some(Arc::clone(&state.store)),
    };
    let id = uuid::Uuid::now_v7().to_string();
    let mut asked = serde_json::to_value(&body)
        .map_err(|e| Error::bug("options cannot be written").because(e))?;
    if let Some((of, _)) = &repair {
        asked["repair_of"] = json!(of);
    }
    let (key, of, by) = (id.clone(), name.to_owned(), caller.name.clone());
    let begun =
        state.blocking(move |store| store.begin_verification(&key, &of, &by, &asked)).await?;
    let action = if repair.is_some() { "job.repair" } else { "job.verify" };
    state.audit(caller, action, name, json!({ "verification": id })).await?;
    let state = state.clone();
    state.comparing.begin(&id);
    tokio::spawn(async move {
        let found = Mutex::new(Vec::new());
        let tell = |event: VerifyEvent| {
            state.comparing.hear(&id, &event);
            if let VerifyEvent::Difference(difference) = event {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.push(serde_json::to_value(difference).unwrap_or_default());
            }
        };
        let compared = tokio::select! {
            compared = async {
                // It is never closed.
                let _turn = TURNS.acquire().await;
                verify(&state.registry, &job, &options, &tell).await
            } => compared,
            () = state.runner.left() => Err(broken_off()),
        };
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        let ended = id.clone();
        let recorded = state.blocking(move |store| match compared {
            Ok(verified) => {
                let verdict = serde_json::to_value(&verified)
                    .map_err(|e| Error::bug("a verdict cannot be written").because(e))?;
                store.end_verification(&id, verified.equal, &verdict, &found)
            }
            Err(error) => store.fail_verification(&id, &RunError::from(&error)),
        });
        if let Err(error) = recorded.await {
            tracing::error!(error = error.chain(), "a comparison's result cannot be recorded");
        }
        state.comparing.end(&ended);
    });
    Ok(begun)
}

/// What became of comparisons that were under way when their node ended.
pub(crate) fn broken_off() -> Error {
    Error::new(Code::CannotResume, "the node ended before the comparison did")
        .hint("begin it again")
}

/// Which comparisons are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VerificationsQuery {
    /// Of this job.
    job: Option<String>,
    /// Items at most: 1 to 500; 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Comparisons, newest first
#[utoipa::path(
    get,
    path = "/verifications",
    tag = "verifications",
    params(VerificationsQuery),
    responses((status = 200, body = Page<VerificationView>))
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<VerificationsQuery>,
) -> Answer<Json<Page<VerificationView>>> {
    caller.needs_somewhere(Role::Viewer)?;
    let page = PageQuery::new(query.limit, query.after);
    let (limit, before) = (page.limit()?, page.after::<String>()?);
    let job = query.job.filter(|j| !j.is_empty());
    let found = state
        .blocking(move |store| store.verifications(job.as_deref(), before.as_deref(), limit + 1))
        .await?;
    let next = Page::of(found, limit, |v| v.id.clone())?;
    let view = |one: Verification| VerificationView::of(one, &state);
    Ok(Json(next.map(|one| caller.sees_job(&one.job).then(|| view(one)))))
}

async fn find(state: &AppState, caller: &Caller, role: Role, id: &str) -> Result<Verification> {
    caller.needs_somewhere(Role::Viewer)?;
    let wanted = id.to_owned();
    let found = state.blocking(move |store| store.verification(&wanted)).await?;
    let found = found
        .filter(|one| caller.sees_job(&one.job))
        .ok_or_else(|| Error::new(Code::NotFound, format!("there is no verification {id:?}")))?;
    caller.needs_job(role, &found.job)?;
    Ok(found)
}

/// One comparison
#[utoipa::path(
    get,
    path = "/verifications/{id}",
    tag = "verifications",
    params(("id" = String, Path, description = "Its key")),
    responses((status = 200, body = VerificationView), (status = 404, body = Problem))
)]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<Json<VerificationView>> {
    let one = find(&state, &caller, Role::Viewer, &id).await?;
    Ok(Json(VerificationView::of(one, &state)))
}

/// The rows that differ
#[utoipa::path(
    get,
    path = "/verifications/{id}/differences",
    tag = "verifications",
    params(("id" = String, Path, description = "Its key"), PageQuery),
    responses((status = 200, body = Page<DifferenceView>), (status = 404, body = Problem))
)]
async fn differences(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageQuery>,
) -> Answer<Json<Page<DifferenceView>>> {
    let limit = page.limit()?;
    let after = page.after::<i64>()?.unwrap_or(0);
    let one = find(&state, &caller, Role::Viewer, &id).await?;
    let found = state.blocking(move |store| store.differences(&one.id, after, limit + 1)).await?;
    let items = found.into_iter().map(|(id, body)| DifferenceView { id, body }).collect();
    Ok(Json(Page::of(items, limit, |d: &DifferenceView| d.id)?))
}

/// Mend the target of a comparison that found differences
///
/// Compares again and writes what is missing or differs; the source is never written to.
#[utoipa::path(
    post,
    path = "/verifications/{id}/repair",
    tag = "verifications",
    params(("id" = String, Path, description = "Its key")),
    request_body = RepairBody,
    responses(
        (status = 202, body = VerificationView, description = "The comparison that mends"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It found nothing to mend"),
    )
)]
async fn repair(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<RepairBody>,
) -> Answer<(StatusCode, Json<VerificationView>)> {
    let one = find(&state, &caller, Role::Operator, &id).await?;
    if one.state != "different" {
        let message = format!("comparison {id} is {}: there is nothing to mend", one.state);
        return Err(Error::new(Code::BadTransition, message).into());
    }
    let mut options = one.options;
    if let Some(options) = options.as_object_mut() {
        options.remove("repair_of");
    }
    // A target is mended as a whole, whatever was looked at.
    let asked: VerifyBody = serde_json::from_value(options).unwrap_or_default();
    let asked = VerifyBody { sample: None, ..asked };
    let begun = compare(&state, &caller, &one.job, asked, Some((id, body))).await?;
    Ok((StatusCode::ACCEPTED, Json(VerificationView::of(begun, &state))))
}
