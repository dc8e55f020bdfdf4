//! Signing in and out with name and password, and who one is.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header, request::Parts};
use serde::{Deserialize, Serialize};
use serde_json::json;
use syncline_store::User;
use syncline_types::{Code, Error, Result};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{By, Caller, Role, address_of, grants, same_origin};
use crate::input::Body;
use crate::people::{hash_of, secret, sessions};
use crate::problem::{Answer, Problem};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(sign_in, who, sign_out)).routes(routes!(ways))
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    /// The user's name.
    name: String,
    /// Their password.
    password: String,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// The one who is signed in.
    user: Me,
    /// What to send as `X-CSRF-Token` with everything but GET; `null` for a token.
    csrf: Option<String>,
}

/// The one who is signed in.
#[derive(Serialize, ToSchema)]
struct Me {
    /// Their name; `user/token` for a token.
    name: String,
    /// How far they may go everywhere.
    role: Role,
    /// Their roles in projects; where it is larger than the one that counts everywhere, it counts.
    projects: BTreeMap<String, Role>,
}

/// How one may sign in here.
#[derive(Serialize, ToSchema)]
struct Ways {
    /// Nobody has been made admin yet: the link that the server printed does.
    setup: bool,
    /// With name and password.
    password: bool,
    /// With a provider: GET /api/v1/session/oidc.
    provider: bool,
}

/// How one may sign in here
#[utoipa::path(
    get,
    path = "/session/ways",
    tag = "people",
    security(()),
    responses((status = 200, body = Ways))
)]
async fn ways(State(state): State<AppState>) -> Answer<Json<Ways>> {
    let (waits, provider) = (state.people.setup.token().is_some(), state.people.provider.is_some());
    let setup = waits && !state.blocking(|store| store.has_admin()).await?;
    Ok(Json(Ways { setup, password: true, provider }))
}

/// Sign in
///
/// Sets the session's cookie. Too many failures in a short time are answered with 429.
#[utoipa::path(
    post,
    path = "/session",
    tag = "people",
    request_body = SignIn,
    security(()),
    responses(
        (status = 200, body = SessionView),
        (status = 401, body = Problem, description = "Name or password is wrong"),
        (status = 429, body = Problem),
    )
)]
async fn sign_in(
    State(state): State<AppState>,
    parts: Parts,
    Body(body): Body<SignIn>,
) -> Answer<(HeaderMap, Json<SessionView>)> {
    same_origin(&parts, &state.people.origins)?;
    let (people, address) = (&state.people, address_of(&parts));
    people.attempts.check(&body.name, address)?;
    let name = body.name.clone();
    let found = state.blocking(move |store| store.user(&name)).await?;
    let hashed = found.as_ref().and_then(|user| user.password.as_deref());
    let right = people.passwords.verify(body.password, hashed).await?;
    // Nobody learns whether it is the name, the password, or that the user is shut out.
    let user = found.filter(|user| right && !user.disabled);
    let Some(user) = user else {
        people.attempts.failed(&body.name, address);
        // A password that was typed as the name has no place in a log.
        tracing::info!(?address, "a sign-in failed");
        return Err(Error::new(Code::NotSignedIn, "name or password is wrong").into());
    };
    let caller = Caller::signing_in(&user.name, address);
    state.audit(&caller, "session.create", &user.name, json!({"by": "password"})).await?;
    let (headers, view) = begin(&state, user).await?;
    Ok((headers, Json(view)))
}

/// Begins a session for a user who has proved who they are.
///
/// # Errors
/// When the state cannot be written.
pub(crate) async fn begin(state: &AppState, user: User) -> Result<(HeaderMap, SessionView)> {
    let secret = secret()?;
    let role = Role::parse(&user.role).ok_or_else(|| Error::bug("a user of an unknown role"))?;
    let (hash, ends_at, name) = (hash_of(&secret), sessions::ends_at(), user.name.clone());
    let begun = state.blocking(move |store| {
        store.begin_session(&hash, &user, &ends_at)?;
        grants(store, Some(&user.name), role, Role::Admin)
    });
    let projects = Arc::unwrap_or_clone(begun.await?);
    let csrf = Some(sessions::csrf(&secret));
    let view = SessionView { user: Me { name, role, projects }, csrf };
    let cookies = state.people.cookies;
    let mut headers = HeaderMap::new();
    let cookie = cookies.set(cookies.session(), &secret, sessions::LONGEST.num_seconds());
    if let Some(cookie) = cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    Ok((headers, view))
}

/// Who is signed in
#[utoipa::path(
    get,
    path = "/session",
    tag = "people",
    responses((status = 200, body = SessionView), (status = 401, body = Problem))
)]
async fn who(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
) -> Json<SessionView> {
    let cookies = state.people.cookies;
    let by_session = matches!(caller.by, By::Session { .. });
    let secret = cookies.get(&headers, cookies.session()).filter(|_| by_session);
    let (role, projects) = (caller.reach.role, caller.reach.grants());
    let user = Me { name: caller.name, role, projects };
    Json(SessionView { user, csrf: secret.map(sessions::csrf) })
}

/// Sign out
#[utoipa::path(
    delete,
    path = "/session",
    tag = "people",
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem))
)]
async fn sign_out(
    State(state): State<AppState>,
    caller: Caller,
) -> Answer<(StatusCode, HeaderMap)> {
    let mut headers = HeaderMap::new();
    if let By::Session { user, hash } = &caller.by {
        state.audit(&caller, "session.end", user, json!({})).await?;
        let hash = hash.clone();
        state.blocking(move |store| store.end_session(&hash)).await?;
        let cookies = state.people.cookies;
        if let Some(cookie) = cookies.set(cookies.session(), "", 0) {
            headers.insert(header::SET_COOKIE, cookie);
        }
    }
    Ok((StatusCode::NO_CONTENT, headers))
}
