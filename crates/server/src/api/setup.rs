//! The first admin, made with the link of the first start.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, request::Parts};
use serde::Deserialize;
use serde_json::json;
use syncline_store::NewUser;
use syncline_types::{Code, Error};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::session::{SessionView, begin};
use crate::caller::{Caller, Role, address_of, same_origin};
use crate::input::Body;
use crate::people::check_name;
use crate::problem::{Answer, Problem};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(set_up))
}

/// Who is to be the first admin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetUp {
    /// What stands behind `#` in the link that the server printed at its start.
    token: String,
    /// The admin's name.
    name: String,
    /// The admin's password: 10 characters at least.
    password: String,
}

/// Make the first admin
///
/// Signs them in, too. Works once, with the link that the server prints at its first start.
#[utoipa::path(
    post,
    path = "/setup",
    tag = "people",
    request_body = SetUp,
    security(()),
    responses(
        (status = 201, body = SessionView),
        (status = 401, body = Problem),
        (status = 410, body = Problem, description = "There is an admin already"),
        (status = 422, body = Problem),
        (status = 429, body = Problem),
    )
)]
async fn set_up(
    State(state): State<AppState>,
    parts: Parts,
    Body(body): Body<SetUp>,
) -> Answer<(StatusCode, HeaderMap, Json<SessionView>)> {
    same_origin(&parts, &state.people.origins)?;
    if state.blocking(|store| store.has_admin()).await? {
        return Err(Error::new(Code::AlreadySetUp, "there is an admin already").into());
    }
    let address = address_of(&parts);
    // Guesses of the token are counted like guesses of a password; this is nobody's name.
    state.people.attempts.check("/setup", address)?;
    if !state.people.setup.accepts(&body.token) {
        state.people.attempts.failed("/setup", address);
        return Err(Error::new(Code::NotSignedIn, "this is not the token of the first start")
            .hint("the server prints a new link at every start until there is an admin")
            .into());
    }
    check_name(&body.name)?;
    let password = Some(state.people.passwords.hash(&body.name, body.password).await?);
    let role = Role::Admin.name().to_owned();
    let new = NewUser { name: body.name, role, password, subject: None };
    let user = state.blocking(move |store| store.set_up(&new)).await?;
    let caller = Caller::signing_in(&user.name, address);
    state.audit(&caller, "setup.complete", &user.name, json!({})).await?;
    let (headers, view) = begin(&state, user).await?;
    Ok((StatusCode::CREATED, headers, Json(view)))
}
