//! Users: who there is, and how far each may go.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use syncline_store::{NewUser, User, UserChange};
use syncline_types::{Code, Error, Result};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{By, Caller, Role};
use crate::input::{Body, Params, Path};
use crate::page::{Page, PageQuery};
use crate::people::check_name;
use crate::problem::{Answer, Problem};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(set_password))
}

/// A user.
#[derive(Serialize, ToSchema)]
struct UserView {
    /// Their name.
    name: String,
    /// How far they may go.
    role: Role,
    /// They may not sign in, and their tokens do nothing.
    disabled: bool,
    /// They have a password; those without one sign in with a provider.
    has_password: bool,
    /// They sign in with a provider.
    external: bool,
    /// When they were made.
    created_at: String,
    /// When they were last changed.
    updated_at: String,
    /// When they last signed in.
    signed_in_at: Option<String>,
}

impl UserView {
    fn of(user: User) -> Result<Self> {
        let role = Role::parse(&user.role);
        Ok(Self {
            role: role.ok_or_else(|| Error::bug("a user of an unknown role"))?,
            name: user.name,
            disabled: user.disabled,
            has_password: user.password.is_some(),
            external: user.subject.is_some(),
            created_at: user.created_at,
            updated_at: user.updated_at,
            signed_in_at: user.signed_in_at,
        })
    }
}

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserNew {
    /// Their name.
    name: String,
    /// How far they may go.
    role: Role,
    /// Their password: 10 characters at least.
    password: String,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserEdit {
    /// How far they may go.
    role: Option<Role>,
    /// Whether they are shut out.
    disabled: Option<bool>,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The one so far; needed for one's own.
    current: Option<String>,
    /// The new one: 10 characters at least.
    password: String,
}

/// Users, by name
#[utoipa::path(
    get,
    path = "/users",
    tag = "people",
    params(PageQuery),
    responses((status = 200, body = Page<UserView>), (status = 403, body = Problem))
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(page): Params<PageQuery>,
) -> Answer<Json<Page<UserView>>> {
    caller.needs(Role::Admin)?;
    let (limit, after) = (page.limit()?, page.after::<String>()?.unwrap_or_default());
    let found = state.blocking(move |store| store.users(&after, limit + 1)).await?;
    let views = found.into_iter().map(UserView::of).collect::<Result<_>>()?;
    Ok(Json(Page::of(views, limit, |user| user.name.clone())?))
}

/// Make a user
#[utoipa::path(
    post,
    path = "/users",
    tag = "people",
    request_body = UserNew,
    responses(
        (status = 201, body = UserView),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<UserNew>,
) -> Answer<(StatusCode, Json<UserView>)> {
    caller.needs(Role::Admin)?;
    check_name(&body.name)?;
    let password = Some(state.people.passwords.hash(&body.name, body.password).await?);
    let role = body.role.name().to_owned();
    let new = NewUser { name: body.name, role, password, subject: None };
    let user = state.blocking(move |store| store.create_user(&new)).await?;
    state.audit(&caller, "user.create", &user.name, json!({"role": user.role})).await?;
    Ok((StatusCode::CREATED, Json(UserView::of(user)?)))
}

/// A user
#[utoipa::path(
    get,
    path = "/users/{name}",
    tag = "people",
    params(("name" = String, Path)),
    responses((status = 200, body = UserView), (status = 404, body = Problem))
)]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<Json<UserView>> {
    if caller.user() != Some(name.as_str()) {
        caller.needs(Role::Admin)?;
    }
    let missing = Error::new(Code::NotFound, format!("there is no user {name:?}"));
    let user = state.blocking(move |store| store.user(&name)).await?.ok_or(missing)?;
    Ok(Json(UserView::of(user)?))
}

/// Change a user's role, or shut them out
///
/// The last admin stays one.
#[utoipa::path(
    patch,
    path = "/users/{name}",
    tag = "people",
    params(("name" = String, Path)),
    request_body = UserEdit,
    responses(
        (status = 200, body = UserView),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
    )
)]
async fn change(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<UserEdit>,
) -> Answer<Json<UserView>> {
    caller.needs(Role::Admin)?;
    let role = body.role.map(|role| role.name().to_owned());
    let detail = json!({"role": &role, "disabled": body.disabled});
    let edit = UserChange { role, disabled: body.disabled };
    let user = state.blocking(move |store| store.change_user(&name, &edit)).await?;
    state.audit(&caller, "user.update", &user.name, detail).await?;
    Ok(Json(UserView::of(user)?))
}

/// Remove a user, with their sessions and tokens
#[utoipa::path(
    delete,
    path = "/users/{name}",
    tag = "people",
    params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    caller.needs(Role::Admin)?;
    let removed = name.clone();
    state.blocking(move |store| store.remove_user(&removed)).await?;
    state.audit(&caller, "user.delete", &name, json!({})).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change a password
///
/// One's own with the current one; an admin anybody's. Every other session of the user ends.
#[utoipa::path(
    post,
    path = "/users/{name}/password",
    tag = "people",
    params(("name" = String, Path)),
    request_body = PasswordChange,
    responses(
        (status = 204),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
        (status = 429, body = Problem),
    )
)]
async fn set_password(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<PasswordChange>,
) -> Answer<StatusCode> {
    let people = &state.people;
    let own = match &caller.by {
        By::Session { user, hash } if *user == name => Some(hash.clone()),
        _ => None,
    };
    if own.is_some() {
        // Whoever finds a browser signed in does not get the account for good.
        people.attempts.check(&name, caller.address)?;
        let wanted = name.clone();
        let user = state.blocking(move |store| store.user(&wanted)).await?;
        let hashed = user.and_then(|user| user.password);
        let current = body.current.unwrap_or_default();
        if hashed.is_some() && !people.passwords.verify(current, hashed.as_deref()).await? {
            people.attempts.failed(&name, caller.address);
            return Err(Error::new(Code::Forbidden, "the current password is wrong").into());
        }
    } else {
        caller.needs(Role::Admin)?;
    }
    let hashed = people.passwords.hash(&name, body.password).await?;
    let changed = name.clone();
    state.blocking(move |store| store.set_password(&changed, &hashed, own.as_deref())).await?;
    state.audit(&caller, "user.password", &name, json!({})).await?;
    Ok(StatusCode::NO_CONTENT)
}
