//! Live events, over a WebSocket.

use axum::extract::{FromRequestParts, State, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::response::Response;
use syncline_types::{Code, Error};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role, same_origin};
use crate::input::Params;
use crate::live::{self, LiveQuery};
use crate::problem::{Answer, Failed, Problem};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(watch))
}

/// A request to become a WebSocket, from a page of this server or from a program.
struct Upgrade(WebSocketUpgrade);

impl FromRequestParts<AppState> for Upgrade {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failed> {
        // Browsers send cookies along with WebSockets of any page.
        same_origin(parts, &state.people.origins)?;
        let upgrade = WebSocketUpgrade::from_request_parts(parts, state).await;
        upgrade.map(Self).map_err(|e| {
            Error::new(Code::BadValue, "this address is for WebSockets")
                .because(e.body_text())
                .into()
        })
    }
}

/// Watch runs as they move, over a WebSocket
///
/// Say `{"subscribe": {"all": true}}`, or `{"subscribe": {"runs": ["…"], "jobs": ["…"]}}`; saying it
/// again changes what is seen. First comes
/// `{"type": "snapshot", "seq": N, "runs": [Run, …]}`, then every event with its number, and a few
/// times a second `{"type": "progress", "runs": [{"run": …, "rows_written": …}, …]}` with the runs
/// that moved. Who connects again with `?after=N`, the number of the last event seen, gets the
/// events since then first. Who cannot keep up gets another snapshot in place of what was missed.
#[utoipa::path(
    get,
    path = "/live",
    tag = "runs",
    params(LiveQuery),
    responses(
        (status = 101, description = "A WebSocket"),
        (status = 403, body = Problem, description = "A page of another origin"),
        (status = 422, body = Problem, description = "No WebSocket was asked for"),
        (status = 429, body = Problem, description = "Too many watch"),
    )
)]
async fn watch(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<LiveQuery>,
    Upgrade(upgrade): Upgrade,
) -> Answer<Response> {
    caller.needs(Role::Viewer)?;
    Ok(live::open(upgrade, caller, query, state)?)
}
