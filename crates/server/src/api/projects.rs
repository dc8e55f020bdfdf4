//! Projects: named groups of jobs with what belongs to them, and who may do what there.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use syncline_store::{Member, Project, ProjectBody};
use syncline_types::{Code, Error, Result};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role};
use crate::etag::{IfMatch, Versioned};
use crate::input::{Body, Params, Path, check_name, check_text};
use crate::page::{Page, PageQuery};
use crate::problem::{Answer, Problem};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(members))
        .routes(routes!(put_member, remove_member))
}

/// A project.
#[derive(Serialize, ToSchema)]
#[schema(as = Project)]
struct ProjectView {
    /// Its name.
    name: String,
    /// What it is, for people.
    description: String,
    /// Runs of its jobs at the same time; `null`: as many as there are slots. Those that follow a
    /// log do not count.
    max_running: Option<u32>,
    /// How many jobs are in it.
    jobs: u64,
    /// How often it has been changed; the same as the `ETag`.
    version: u64,
    /// When it was made.
    created_at: String,
    /// When it last changed.
    updated_at: String,
    /// Who changed it last; empty for `default`, which is always there, as long as nobody has.
    updated_by: String,
}

impl From<Project> for ProjectView {
    fn from(project: Project) -> Self {
        Self {
            name: project.name,
            description: project.body.description,
            max_running: project.body.max_running,
            jobs: project.jobs,
            version: project.version,
            created_at: project.created_at,
            updated_at: project.updated_at,
            updated_by: project.updated_by,
        }
    }
}

/// A project, as it is given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProjectInput {
    /// Its name. On a change it may be left out.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    name: Option<String>,
    /// What it is, for people.
    #[serde(default)]
    description: String,
    /// Runs of its jobs at the same time; as many as there are slots when not given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1024)]
    max_running: Option<u32>,
}

impl ProjectInput {
    fn body(&self) -> Result<ProjectBody> {
        check_text("description", &self.description)?;
        if self.max_running.is_some_and(|runs| !(1..=1024).contains(&runs)) {
            return Err(Error::new(Code::BadValue, "max_running: 1 to 1024 runs"));
        }
        Ok(ProjectBody { description: self.description.clone(), max_running: self.max_running })
    }
}

/// That there is no such project.
fn no_project(name: &str) -> Error {
    Error::new(Code::NotFound, format!("there is no project {name:?}"))
}

/// Projects, by name: those one may see
#[utoipa::path(
    get,
    path = "/projects",
    tag = "projects",
    params(PageQuery),
    responses((status = 200, body = Page<ProjectView>), (status = 401, body = Problem))
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(page): Params<PageQuery>,
) -> Answer<Json<Page<ProjectView>>> {
    caller.needs_somewhere(Role::Viewer)?;
    let (limit, after) = (page.limit()?, page.after::<String>()?.unwrap_or_default());
    let found = state.blocking(move |store| store.projects(&after, limit + 1)).await?;
    let page = Page::of(found, limit, |project| project.name.clone())?;
    Ok(Json(page.map(|project| caller.sees_project(&project.name).then(|| project.into()))))
}

/// Make a project
#[utoipa::path(
    post,
    path = "/projects",
    tag = "projects",
    request_body = ProjectInput,
    responses(
        (status = 201, body = ProjectView),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Body(input): Body<ProjectInput>,
) -> Answer<(StatusCode, Versioned<ProjectView>)> {
    caller.needs(Role::Admin)?;
    let name = input.name.clone().ok_or_else(|| Error::new(Code::BadValue, "name is missing"))?;
    check_name("project", &name)?;
    let (body, by) = (input.body()?, caller.name.clone());
    let made = state.blocking(move |store| store.create_project(&name, &body, &by)).await?;
    let detail = json!({ "max_running": made.body.max_running });
    state.audit(&caller, "project.create", &made.name, detail).await?;
    Ok((StatusCode::CREATED, Versioned(made.version, made.into())))
}

/// A project
#[utoipa::path(
    get,
    path = "/projects/{name}",
    tag = "projects",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = ProjectView), (status = 404, body = Problem))
)]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<Versioned<ProjectView>> {
    let missing = no_project(&name);
    if !caller.sees_project(&name) {
        return Err(missing.into());
    }
    let found = state.blocking(move |store| store.project(&name)).await?.ok_or(missing)?;
    Ok(Versioned(found.version, found.into()))
}

/// Change a project
///
/// What is left out becomes as it is for a new one. A smaller `max_running` stops no run.
#[utoipa::path(
    put,
    path = "/projects/{name}",
    tag = "projects",
    params(
        ("name" = String, Path, description = "Its name"),
        ("If-Match" = String, Header, description = "The ETag of what is changed"),
    ),
    request_body = ProjectInput,
    responses(
        (status = 200, body = ProjectView),
        (status = 404, body = Problem),
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
    Body(input): Body<ProjectInput>,
) -> Answer<Versioned<ProjectView>> {
    caller.needs(Role::Admin)?;
    if input.name.as_ref().is_some_and(|given| *given != name) {
        let message = format!("{name:?} keeps its name: jobs refer to it");
        return Err(Error::new(Code::BadValue, message).into());
    }
    let (body, by) = (input.body()?, caller.name.clone());
    let change = move |store: &syncline_store::Store| {
        store.change_project(&name, version.version(), &body, &by)
    };
    let changed = state.blocking(change).await?;
    let detail = json!({ "version": changed.version, "max_running": changed.body.max_running });
    state.audit(&caller, "project.update", &changed.name, detail).await?;
    Ok(Versioned(changed.version, changed.into()))
}

/// Remove a project that no job is in, with its members
#[utoipa::path(
    delete,
    path = "/projects/{name}",
    tag = "projects",
    params(
        ("name" = String, Path, description = "Its name"),
        ("If-Match" = String, Header, description = "The ETag of what is removed"),
    ),
    responses(
        (status = 204),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Jobs are in it, or connections name it"),
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
    caller.needs(Role::Admin)?;
    let of = name.clone();
    state.blocking(move |store| store.remove_project(&of, version.version())).await?;
    state.audit(&caller, "project.delete", &name, json!({})).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody's role in a project.
#[derive(Serialize, ToSchema)]
struct MemberView {
    /// Who.
    user: String,
    /// Their role there; it counts where it is larger than the one they have everywhere.
    role: Role,
}

/// A role in a project.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberRole {
    /// `viewer`, `operator` or `editor`.
    role: Role,
}

/// The members of a project, by name
#[utoipa::path(
    get,
    path = "/projects/{name}/members",
    tag = "projects",
    params(("name" = String, Path, description = "The project's name")),
    responses(
        (status = 200, body = Vec<MemberView>),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
    )
)]
async fn members(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<Json<Vec<MemberView>>> {
    caller.needs(Role::Admin)?;
    let found = state.blocking(move |store| store.members(&name)).await?;
    let view = |member: Member| {
        let role = Role::parse(&member.role);
        let role = role.ok_or_else(|| Error::bug("a member of an unknown role"))?;
        Ok(MemberView { user: member.user, role })
    };
    Ok(Json(found.into_iter().map(view).collect::<Result<_>>()?))
}

/// Make a user a member of a project, or give them another role there
#[utoipa::path(
    put,
    path = "/projects/{name}/members/{user}",
    tag = "projects",
    params(
        ("name" = String, Path, description = "The project's name"),
        ("user" = String, Path, description = "The user's name"),
    ),
    request_body = MemberRole,
    responses(
        (status = 200, body = MemberView),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn put_member(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, user)): Path<(String, String)>,
    Body(body): Body<MemberRole>,
) -> Answer<Json<MemberView>> {
    caller.needs(Role::Admin)?;
    if !(Role::Viewer..=Role::Editor).contains(&body.role) {
        return Err(Error::new(Code::BadValue, "role: viewer, operator or editor").into());
    }
    let detail = json!({ "user": user, "role": body.role });
    let member = Member { project, user, role: body.role.name().to_owned() };
    let member = state.blocking(move |store| store.set_member(&member).map(|()| member)).await?;
    state.audit(&caller, "project.member", &member.project, detail).await?;
    Ok(Json(MemberView { user: member.user, role: body.role }))
}

/// Take a user out of a project
#[utoipa::path(
    delete,
    path = "/projects/{name}/members/{user}",
    tag = "projects",
    params(
        ("name" = String, Path, description = "The project's name"),
        ("user" = String, Path, description = "The user's name"),
    ),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem))
)]
async fn remove_member(
    State(state): State<AppState>,
    caller: Caller,
    Path((project, user)): Path<(String, String)>,
) -> Answer<StatusCode> {
    caller.needs(Role::Admin)?;
    let (of, who) = (project.clone(), user.clone());
    state.blocking(move |store| store.remove_member(&of, &who)).await?;
    state.audit(&caller, "project.member", &project, json!({ "user": user, "role": null })).await?;
    Ok(StatusCode::NO_CONTENT)
}
