//! Signing in with a provider: there, and back.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use syncline_store::{NewUser, Store, User, UserChange};
use syncline_types::{Code, Error, Result};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::session::begin;
use crate::caller::{Caller, address_of};
use crate::input::Params;
use crate::people::{Person, Returned, SignIn, Tie};
use crate::problem::{Answer, Problem};
use crate::state::AppState;

/// Where the provider sends browsers back to.
const BACK: &str = "/api/v1/session/oidc/callback";
/// Seconds that somebody may take at the provider.
const PATIENCE: i64 = 600;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(there)).routes(routes!(back))
}

fn provider(state: &AppState) -> Result<&SignIn> {
    state.people.provider.as_ref().ok_or_else(|| {
        Error::new(Code::NotFound, "this server has no provider of sign-ins")
            .hint("start it with --oidc-issuer")
    })
}

/// Sign in with the provider
///
/// Sends the browser there; it comes back signed in.
#[utoipa::path(
    get,
    path = "/session/oidc",
    tag = "people",
    security(()),
    responses(
        (status = 303, description = "To the provider"),
        (status = 404, body = Problem, description = "There is no provider"),
        (status = 503, body = Problem, description = "The provider does not answer"),
    )
)]
async fn there(State(state): State<AppState>) -> Answer<Response> {
    let (url, tie) = provider(&state)?.begin(&format!("{}{BACK}", state.people.base)).await?;
    let tie = serde_json::to_vec(&tie)
        .map_err(|e| Error::bug("a sign-in cannot be written").because(e))?;
    let cookies = state.people.cookies;
    let cookie = cookies.set(cookies.sign_in(), &URL_SAFE_NO_PAD.encode(tie), PATIENCE);
    Ok(moved(&url, cookie))
}

/// Back from the provider
///
/// Sends the browser to the console, or to its page of signing in with the code of what failed.
#[utoipa::path(
    get,
    path = "/session/oidc/callback",
    tag = "people",
    security(()),
    params(
        ("code" = Option<String>, Query),
        ("state" = Option<String>, Query),
        ("iss" = Option<String>, Query),
        ("error" = Option<String>, Query),
    ),
    responses((status = 303, description = "To the console"))
)]
async fn back(
    State(state): State<AppState>,
    parts: Parts,
    Params(returned): Params<Returned>,
) -> Response {
    let cookies = state.people.cookies;
    let gone = cookies.set(cookies.sign_in(), "", 0);
    match signed_in(&state, &parts, returned).await {
        Ok(signed_in) => {
            let mut response = moved("/", gone);
            for (name, value) in &signed_in {
                response.headers_mut().append(name, value.clone());
            }
            response
        }
        Err(error) => {
            tracing::warn!(code = %error.code(), error = error.chain(), "a sign-in failed");
            moved(&format!("/sign-in?failed={}", error.code()), gone)
        }
    }
}

async fn signed_in(state: &AppState, parts: &Parts, returned: Returned) -> Result<HeaderMap> {
    let provider = provider(state)?;
    let cookies = state.people.cookies;
    let tie = cookies
        .get(&parts.headers, cookies.sign_in())
        .and_then(|value| URL_SAFE_NO_PAD.decode(value).ok())
        .and_then(|json| serde_json::from_slice::<Tie>(&json).ok())
        .ok_or_else(|| Error::new(Code::NotSignedIn, "no sign-in was begun in this browser"))?;
    let back = format!("{}{BACK}", state.people.base);
    let person = provider.end(&back, &tie, returned).await?;
    let user = state.blocking(move |store| taken_in(store, &person)).await?;
    let caller = Caller::signing_in(&user.name, address_of(parts));
    state.audit(&caller, "session.create", &user.name, json!({"by": "provider"})).await?;
    let (headers, _) = begin(state, user).await?;
    Ok(headers)
}

/// The user that a person is here: made at the first sign-in, with the role that the provider
/// gives at each.
fn taken_in(store: &Store, person: &Person) -> Result<User> {
    let role = person.role.name().to_owned();
    let user = match store.user_of(&person.subject)? {
        Some(user) if user.role == role => user,
        Some(user) => {
            let change = UserChange { role: Some(role), disabled: None };
            store.change_user(&user.name, &change)?
        }
        // A user of that name who is not known to the provider is somebody else.
        None => store.create_user(&NewUser {
            name: person.name.clone(),
            role,
            password: None,
            subject: Some(person.subject.clone()),
        })?,
    };
    if user.disabled {
        return Err(Error::new(Code::Forbidden, format!("{} is shut out", user.name)));
    }
    Ok(user)
}

fn moved(to: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    if let Ok(to) = HeaderValue::from_str(to) {
        headers.insert(header::LOCATION, to);
    }
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}
