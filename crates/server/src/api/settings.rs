//! Settings: read them, change them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use syncline_store::Settings;
use syncline_types::{Error, Result};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role};
use crate::etag::{IfMatch, Versioned};
use crate::input::Body;
use crate::problem::{Answer, Problem};
use crate::settings::SettingsView;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, change)).routes(routes!(test))
}

/// The settings
#[utoipa::path(
    get,
    path = "/settings",
    tag = "settings",
    responses(
        (status = 200, body = SettingsView, headers(("ETag" = String, description = "version"))),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
    )
)]
async fn show(State(state): State<AppState>, caller: Caller) -> Answer<Versioned<SettingsView>> {
    caller.needs(Role::Admin)?;
    let saved = state.blocking(|store| store.settings()).await?;
    Ok(Versioned(saved.version, SettingsView::of(saved)))
}

/// Change the settings
///
/// The whole of them: what is left out goes back to what it was at first. Secrets that are left out
/// stay as they are.
#[utoipa::path(
    put,
    path = "/settings",
    tag = "settings",
    params(("If-Match" = String, Header, description = "the ETag of what was read, or *")),
    request_body = SettingsView,
    responses(
        (status = 200, body = SettingsView, headers(("ETag" = String, description = "version"))),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Problem),
        (status = 428, body = Problem),
    )
)]
async fn change(
    State(state): State<AppState>,
    caller: Caller,
    given: IfMatch,
    Body(view): Body<SettingsView>,
) -> Answer<Versioned<SettingsView>> {
    caller.needs(Role::Admin)?;
    let vault = Arc::clone(&state.vault);
    let by = caller.name.clone();
    let (saved, changed) = state
        .blocking(move |store| {
            let old = store.settings()?;
            given.check(old.version)?;
            let (settings, secrets) = view.take(&old.settings)?;
            store.save_settings(&settings, old.version, &by)?;
            let mut changed = differing(&old.settings, &settings)?;
            for (place, secret) in secrets {
                changed.push(place.clone());
                match secret.expose() {
                    "" => store.remove_secret(&place)?,
                    _ => store.save_secret(&place, &vault.seal(&place, &secret)?)?,
                }
            }
            Ok((store.settings()?, changed))
        })
        .await?;
    state.audit(&caller, "settings.change", "settings", json!({ "changed": changed })).await?;
    Ok(Versioned(saved.version, SettingsView::of(saved)))
}

/// Names of what differs.
fn differing(old: &Settings, new: &Settings) -> Result<Vec<String>> {
    let fields = |settings: &Settings| match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Error::bug("settings cannot be written")),
    };
    let old = fields(old)?;
    let new = fields(new)?.into_iter();
    Ok(new.filter(|(name, value)| old.get(name) != Some(value)).map(|(name, _)| name).collect())
}

/// What became of a word sent by one way.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertTest)]
struct TestView {
    /// `email`, or `webhook NAME`.
    channel: String,
    /// Whether it has arrived.
    ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

/// Send a word by every way there is to tell people
#[utoipa::path(
    post,
    path = "/settings/alerts/test",
    tag = "settings",
    responses(
        (status = 200, body = Vec<TestView>),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
    )
)]
async fn test(State(state): State<AppState>, caller: Caller) -> Answer<Json<Vec<TestView>>> {
    caller.needs(Role::Admin)?;
    let told = crate::alerts::test(&state, &caller.name).await?;
    let view = |(channel, sent): (String, Result<()>)| TestView {
        channel,
        ok: sent.is_ok(),
        error: sent.err().map(|error| Problem::of(&error)),
    };
    Ok(Json(told.into_iter().map(view).collect()))
}
