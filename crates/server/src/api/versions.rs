//! What jobs were before, and copies of them: versions, differences, going back, clones, export.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use similar::TextDiff;
use syncline_engine::yaml_of;
use syncline_store::{JobBody, JobVersion};
use syncline_types::{Code, Error, Result};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::jobs::{JobView, find, kept_text, no_job, value};
use super::saving::{At, Over, save};
use crate::caller::{Caller, Role};
use crate::etag::Versioned;
use crate::input::{Body, Params, Path, check_name};
use crate::page::{Page, PageQuery};
use crate::problem::{Answer, Problem};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(versions))
        .routes(routes!(version))
        .routes(routes!(diff))
        .routes(routes!(roll_back))
        .routes(routes!(clone))
        .routes(routes!(export))
}

/// A job as it was once.
#[derive(Serialize, ToSchema)]
struct VersionView {
    /// Its number.
    version: u64,
    /// When it was written.
    at: String,
    /// Who wrote it.
    actor: String,
    /// What the change was about.
    note: String,
    /// What it was, for people.
    description: String,
    /// Its priority.
    priority: i32,
    /// Whether its schedule started it.
    enabled: bool,
    /// The job file as JSON.
    #[schema(value_type = Object)]
    spec: Value,
    /// The job file as YAML.
    yaml: String,
}

impl VersionView {
    fn of(version: JobVersion) -> Result<Self> {
        Ok(Self {
            version: version.version,
            at: version.at,
            actor: version.author,
            note: version.note,
            description: version.body.description.clone(),
            priority: version.body.priority,
            enabled: version.body.enabled,
            spec: value(&version.body.spec)?,
            yaml: yaml(&version.body)?,
        })
    }
}

/// A job as YAML: as it was written, where it was.
fn yaml(body: &JobBody) -> Result<String> {
    match &body.yaml {
        Some(yaml) => Ok(yaml.clone()),
        None => yaml_of(&value(&body.spec)?),
    }
}

/// Versions of a job, newest first
#[utoipa::path(
    get,
    path = "/jobs/{name}/versions",
    tag = "jobs",
    params(("name" = String, Path, description = "Its name"), PageQuery),
    responses((status = 200, body = Page<VersionView>), (status = 404, body = Problem))
)]
async fn versions(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Params(page): Params<PageQuery>,
) -> Answer<Json<Page<VersionView>>> {
    caller.needs_job(Role::Viewer, &name)?;
    let (limit, before) = (page.limit()?, page.after::<u64>()?.unwrap_or(u64::MAX));
    let found = state
        .blocking(move |store| {
            store.job(&name)?.ok_or_else(|| no_job(&name))?;
            store.job_versions(&name, before, limit + 1)
        })
        .await?;
    let views = found.into_iter().map(VersionView::of).collect::<Result<_>>()?;
    Ok(Json(Page::of(views, limit, |view: &VersionView| view.version)?))
}

async fn find_version(state: &AppState, name: &str, number: u64) -> Result<JobVersion> {
    let of = name.to_owned();
    let found = state
        .blocking(move |store| {
            store.job(&of)?.ok_or_else(|| no_job(&of))?;
            store.job_version(&of, number)
        })
        .await?;
    found.ok_or_else(|| Error::new(Code::NotFound, format!("job {name:?} has no version {number}")))
}

/// A version of a job
#[utoipa::path(
    get,
    path = "/jobs/{name}/versions/{version}",
    tag = "jobs",
    params(
        ("name" = String, Path, description = "Its name"),
        ("version" = u64, Path, description = "The version's number"),
    ),
    responses((status = 200, body = VersionView), (status = 404, body = Problem))
)]
async fn version(
    State(state): State<AppState>,
    caller: Caller,
    Path((name, number)): Path<(String, u64)>,
) -> Answer<Json<VersionView>> {
    caller.needs_job(Role::Viewer, &name)?;
    let found = find_version(&state, &name, number).await?;
    Ok(Json(VersionView::of(found)?))
}

/// Which versions are compared.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DiffQuery {
    /// The older one; the one before `to` when not given.
    from: Option<u64>,
    /// The newer one; the present one when not given.
    to: Option<u64>,
}

/// What differs between two versions.
#[derive(Serialize, ToSchema)]
struct DiffView {
    /// The older one.
    from: u64,
    /// The newer one.
    to: u64,
    /// What differs, as a unified diff of YAML; empty when nothing does.
    diff: String,
}

/// What differs between two versions of a job
#[utoipa::path(
    get,
    path = "/jobs/{name}/diff",
    tag = "jobs",
    params(("name" = String, Path, description = "Its name"), DiffQuery),
    responses((status = 200, body = DiffView), (status = 404, body = Problem))
)]
async fn diff(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Params(query): Params<DiffQuery>,
) -> Answer<Json<DiffView>> {
    caller.needs_job(Role::Viewer, &name)?;
    let newest = find(&state, &name).await?.version;
    let to = query.to.unwrap_or(newest);
    let from = query.from.unwrap_or_else(|| to.saturating_sub(1).max(1));
    let (old, new) =
        (find_version(&state, &name, from).await?, find_version(&state, &name, to).await?);
    Ok(Json(DiffView { from, to, diff: difference(&old, &new)? }))
}

/// A unified diff of two versions: the job file, and what stands around it where that differs.
fn difference(old: &JobVersion, new: &JobVersion) -> Result<String> {
    let around = |body: &JobBody| {
        format!(
            "# description: {}\n# priority: {}\n# enabled: {}\n",
            body.description.replace('\n', " "),
            body.priority,
            body.enabled
        )
    };
    let differs = around(&old.body) != around(&new.body);
    let whole = |version: &JobVersion| -> Result<String> {
        let mut text = if differs { around(&version.body) } else { String::new() };
        text.push_str(&yaml(&version.body)?);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    };
    let (before, after) = (whole(old)?, whole(new)?);
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    let header = (format!("version {}", old.version), format!("version {}", new.version));
    Ok(diff.unified_diff().context_radius(3).header(&header.0, &header.1).to_string())
}

/// Which version to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RollBack {
    /// Its number.
    version: u64,
}

/// Go back to an older version, which becomes the newest one
#[utoipa::path(
    post,
    path = "/jobs/{name}/rollback",
    tag = "jobs",
    params(("name" = String, Path, description = "Its name")),
    request_body = RollBack,
    responses(
        (status = 200, body = JobView),
        (status = 404, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Problem, description = "It cannot be run as it was any more"),
    )
)]
async fn roll_back(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(wanted): Body<RollBack>,
) -> Answer<Versioned<JobView>> {
    caller.needs_job(Role::Editor, &name)?;
    let now = find(&state, &name).await?;
    let old = find_version(&state, &name, wanted.version).await?;
    let draft = kept_text(&old.body).read()?;
    let note = format!("back to version {}", wanted.version);
    let over = Some(Over(Some(now.version)));
    let at = At { name, project: now.project };
    Ok(save(&state, &caller, at, draft, old.body, over, note).await?)
}

/// What a copy is to be named.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CloneAs {
    /// The copy's name.
    name: String,
}

/// Make a copy of a job under another name; its schedule does not start it yet
#[utoipa::path(
    post,
    path = "/jobs/{name}/clone",
    tag = "jobs",
    params(("name" = String, Path, description = "Its name")),
    request_body = CloneAs,
    responses(
        (status = 201, body = JobView),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn clone(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(wanted): Body<CloneAs>,
) -> Answer<(StatusCode, Versioned<JobView>)> {
    caller.needs_job(Role::Editor, &name)?;
    check_name("job", &wanted.name)?;
    let from = find(&state, &name).await?;
    caller.needs_project(Role::Editor, &from.project)?;
    let mut draft = kept_text(&from.body).read()?;
    let mut body = JobBody { enabled: false, ..from.body };
    if draft.file.name.is_some() {
        // The name inside of the file would be another's.
        draft.file.name = Some(wanted.name.clone());
        draft.spec = draft.file.to_value()?;
        body.spec = draft.spec.to_string();
        body.yaml = body.yaml.map(|yaml| renamed(&yaml, &wanted.name));
    }
    let note = format!("a copy of {name} (version {})", from.version);
    let at = At { name: wanted.name, project: from.project };
    let made = save(&state, &caller, at, draft, body, None, note).await?;
    Ok((StatusCode::CREATED, made))
}

/// The text of a job with another name in it; everything else, comments too, stays.
pub(super) fn renamed(yaml: &str, name: &str) -> String {
    let mut done = false;
    let mut lines = Vec::new();
    for line in yaml.split('\n') {
        match line.strip_prefix("name:") {
            Some(_) if !done => {
                lines.push(format!("name: {name}"));
                done = true;
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// In which form a job is exported.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `yaml` when not given, or `json`.
    format: Option<String>,
    /// Which version; the present one when not given.
    version: Option<u64>,
}

/// A job as a file
#[utoipa::path(
    get,
    path = "/jobs/{name}/export",
    tag = "jobs",
    params(("name" = String, Path, description = "Its name"), ExportQuery),
    responses(
        (status = 200, content_type = "application/yaml", body = String),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn export(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Params(query): Params<ExportQuery>,
) -> Answer<Response> {
    caller.needs_job(Role::Viewer, &name)?;
    let body = match query.version {
        Some(number) => find_version(&state, &name, number).await?.body,
        None => find(&state, &name).await?.body,
    };
    let (kind, text) = match query.format.as_deref().unwrap_or("yaml") {
        "yaml" => ("application/yaml; charset=utf-8", yaml(&body)?),
        "json" => {
            let pretty = serde_json::to_string_pretty(&value(&body.spec)?);
            let text = pretty.map_err(|e| Error::bug("a job cannot be written").because(e))?;
            ("application/json", text)
        }
        other => {
            let message = format!("format {other:?}: yaml or json");
            return Err(Error::new(Code::BadValue, message).into());
        }
    };
    let end = if kind.starts_with("application/json") { "json" } else { "yaml" };
    let disposition = format!("attachment; filename=\"{name}.{end}\"");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, &disposition)];
    Ok((headers, text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_its_comments() {
        let yaml = "# mine\nversion: 1\nname: a # old\nsource: { name: x }\nsink:\n  name: y\n";
        let copy = "# mine\nversion: 1\nname: b\nsource: { name: x }\nsink:\n  name: y\n";
        assert_eq!(renamed(yaml, "b"), copy);
    }
}
