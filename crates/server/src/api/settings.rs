//! Settings: read them, change them.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role};
use crate::etag::{IfMatch, Versioned};
use crate::input::Body;
use crate::problem::{Answer, Problem};
use crate::settings::SettingsView;
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, change))
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
    let saved = state
        .blocking(move |store| {
            let old = store.settings()?;
            given.check(old.version)?;
            let (settings, secrets) = view.take(&old.settings)?;
            store.save_settings(&settings, old.version, &caller.name)?;
            for (place, secret) in secrets {
                match secret.expose() {
                    "" => store.remove_secret(&place)?,
                    _ => store.save_secret(&place, &vault.seal(&place, &secret)?)?,
                }
            }
            store.settings()
        })
        .await?;
    Ok(Versioned(saved.version, SettingsView::of(saved)))
}
