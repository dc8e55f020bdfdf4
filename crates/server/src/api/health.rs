//! Whether the node is alive, and ready to be asked.

use axum::Router;
use axum::extract::State;
use axum::routing::get;

use crate::problem::Answer;
use crate::state::AppState;

pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready))
}

/// Ready once the state can be read.
async fn ready(State(state): State<AppState>) -> Answer<&'static str> {
    state.blocking(|store| store.runs(None, 1)).await?;
    Ok("ready\n")
}
