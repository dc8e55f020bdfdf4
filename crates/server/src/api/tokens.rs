//! API tokens: what programs act with.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use syncline_store::{NewToken, Token};
use syncline_types::{Code, Error, Result};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{By, Caller, Role};
use crate::input::{self, Body, Params, Path};
use crate::moment::Moment;
use crate::page::{Page, PageQuery};
use crate::people::{API_TOKEN, check_name, hash_of, secret};
use crate::problem::{Answer, Problem};
use crate::state::AppState;

/// Jobs and projects a token may be limited to, at most.
const MANY: usize = 1000;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(remove))
}

/// A token, without what would let anybody use it.
#[derive(Serialize, ToSchema)]
struct TokenView {
    /// Its id.
    id: String,
    /// What it is for.
    name: String,
    /// Whose it is; `null` when it was made with the admin token of the environment.
    owner: Option<String>,
    /// How far it goes, and never further than its owner.
    role: Role,
    /// The jobs it is limited to; `null`: all.
    jobs: Option<Vec<String>>,
    /// The projects it is limited to; `null`: all.
    projects: Option<Vec<String>>,
    /// When it was made.
    created_at: String,
    /// Until when it is good; `null`: until it is removed.
    expires_at: Option<String>,
    /// When it was last used, to the minute.
    last_used_at: Option<String>,
}

impl TokenView {
    fn of(token: Token) -> Result<Self> {
        let role = Role::parse(&token.role);
        Ok(Self {
            role: role.ok_or_else(|| Error::bug("a token of an unknown role"))?,
            id: token.id,
            name: token.name,
            owner: token.owner,
            jobs: token.jobs,
            projects: token.projects,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        })
    }
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenNew {
    /// What it is for.
    name: String,
    /// How far it goes: no further than whoever makes it.
    role: Role,
    /// The jobs it is limited to; all when left out.
    jobs: Option<Vec<String>>,
    /// The projects it is limited to; all when left out.
    projects: Option<Vec<String>>,
    /// Until when it is good (ISO 8601); until it is removed when left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
}

impl TokenNew {
    fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        let bad = |why: &str| Err(Error::new(Code::BadValue, why));
        let (now, century) = (Utc::now(), Utc::now() + TimeDelta::days(36_500));
        match self.expires_at {
            Some(Moment(at)) if at <= now => return bad("expires_at: it is in the past"),
            Some(Moment(at)) if at > century => return bad("expires_at: it is too far away"),
            _ => {}
        }
        self.check_limit("jobs", self.jobs.as_deref())?;
        self.check_limit("projects", self.projects.as_deref())
    }

    /// Refuses to limit the token to these, which `what` names.
    fn check_limit(&self, what: &str, names: Option<&[String]>) -> Result<()> {
        let why = match names {
            Some(names) if names.is_empty() || names.len() > MANY => format!("1 to {MANY} of them"),
            Some(_) if self.role == Role::Admin => "an admin's token has no limits".to_owned(),
            _ => return Ok(()),
        };
        Err(Error::new(Code::BadValue, format!("{what}: {why}")))
    }
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
struct TokenMade {
    #[serde(flatten)]
    token: TokenView,
    /// The token itself. It is shown this once.
    #[serde(rename = "token")]
    #[schema(example = "slt_…")]
    secret: String,
}

/// Tokens: one's own, an admin everybody's
#[utoipa::path(
    get,
    path = "/tokens",
    tag = "people",
    params(PageQuery),
    responses((status = 200, body = Page<TokenView>), (status = 403, body = Problem))
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(page): Params<PageQuery>,
) -> Answer<Json<Page<TokenView>>> {
    let owner = match caller.needs(Role::Admin) {
        Ok(()) => None,
        Err(refused) => Some(caller.user().ok_or(refused)?.to_owned()),
    };
    let (limit, after) = (page.limit()?, page.after::<String>()?.unwrap_or_default());
    let found = state.blocking(move |store| store.tokens(owner.as_deref(), &after, limit + 1));
    let views = found.await?.into_iter().map(TokenView::of).collect::<Result<_>>()?;
    Ok(Json(Page::of(views, limit, |token| token.id.clone())?))
}

/// Make a token
///
/// The token itself is in this answer, and nowhere else ever again.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "people",
    request_body = TokenNew,
    responses(
        (status = 201, body = TokenMade),
        (status = 403, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<TokenNew>,
) -> Answer<(StatusCode, Json<TokenMade>)> {
    // What it may where is looked at as it is used: no more than its owner there and then.
    caller.needs_somewhere(body.role)?;
    if matches!(caller.by, By::Token { .. }) {
        // One that was stolen must not outlive its removal.
        return Err(Error::new(Code::Forbidden, "a token cannot make tokens").into());
    }
    body.check()?;
    body.projects.iter().flatten().try_for_each(|name| input::check_name("project", name))?;
    let unseen = body.projects.iter().flatten().find(|name| !caller.sees_project(name));
    if let Some(project) = unseen {
        let message = format!("{} is no member of project {project}", caller.name);
        return Err(Error::new(Code::Forbidden, message).into());
    }
    let secret = format!("{API_TOKEN}{}", secret()?);
    let new = NewToken {
        id: uuid::Uuid::now_v7().to_string(),
        hash: hash_of(&secret),
        name: body.name,
        owner: caller.user().map(str::to_owned),
        role: body.role.name().to_owned(),
        jobs: body.jobs,
        projects: body.projects,
        expires_at: body.expires_at.map(Moment::stamp),
    };
    let token = state.blocking(move |store| store.create_token(&new)).await?;
    let detail = json!({
        "name": token.name, "role": token.role, "jobs": token.jobs, "projects": token.projects,
        "expires_at": token.expires_at,
    });
    state.audit(&caller, "token.create", &token.id, detail).await?;
    Ok((StatusCode::CREATED, Json(TokenMade { token: TokenView::of(token)?, secret })))
}

/// Remove a token: one's own, an admin anybody's
#[utoipa::path(
    delete,
    path = "/tokens/{id}",
    tag = "people",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let wanted = id.clone();
    let token = state.blocking(move |store| store.token(&wanted)).await?;
    let own = caller.user().is_some() && caller.user() == token.owner.as_deref();
    if !own {
        caller.needs(Role::Admin)?;
    }
    let removed = id.clone();
    state.blocking(move |store| store.remove_token(&removed)).await?;
    state.audit(&caller, "token.delete", &id, json!({"name": token.name})).await?;
    Ok(StatusCode::NO_CONTENT)
}
