//! Live events, over a WebSocket, and tickets for it.

use axum::Json;
use axum::extract::{FromRequestParts, State, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use chrono::{TimeDelta, Utc};
use serde::Serialize;
use syncline_types::{Code, Error};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role, Stands, same_origin};
use crate::input::Params;
use crate::live::{self, GOOD_FOR, LiveQuery};
use crate::people::sessions::stamp;
use crate::problem::{Answer, Failed, Problem};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(watch)).routes(routes!(ticket))
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

/// Who asks for a WebSocket: by a ticket, or as with every other request.
struct Watcher(Caller);

impl FromRequestParts<AppState> for Watcher {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failed> {
        let Some(caller) = state.hub.tickets.caller(&parts.headers)? else {
            return Caller::from_request_parts(parts, state).await.map(Self);
        };
        // Who sees other projects by now asks for another ticket.
        if caller.stands(state).await? != Stands::Good {
            let ended = "whoever asked for the ticket is no longer signed in";
            return Err(Error::new(Code::NotSignedIn, ended).hint("sign in again").into());
        }
        Ok(Self(caller))
    }
}

/// A ticket for a WebSocket.
#[derive(Serialize, ToSchema)]
struct LiveTicket {
    /// The ticket, shown once and good once.
    ticket: String,
    /// Until when it is good (UTC, ISO 8601).
    expires_at: String,
}

/// Get a ticket with which a page opens a WebSocket
///
/// For pages of another origin, whose cookies or headers a browser does not send along with a
/// WebSocket. It is good once, for half a minute, and for a page of the same origin:
/// `new WebSocket(url, ["syncline.live", "ticket." + ticket])`. Whoever gets it watches as the one
/// who asked for it, and no longer than that one may.
#[utoipa::path(
    post,
    path = "/live-tickets",
    tag = "runs",
    responses(
        (status = 201, body = LiveTicket),
        (status = 403, body = Problem),
        (status = 429, body = Problem, description = "Too many tickets are not used"),
    )
)]
async fn ticket(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
) -> Answer<(StatusCode, Json<LiveTicket>)> {
    caller.needs_somewhere(Role::Viewer)?;
    let ticket = state.hub.tickets.make(&caller, headers.get(header::ORIGIN))?;
    let good_for = TimeDelta::from_std(GOOD_FOR).unwrap_or_default();
    let expires_at = stamp(Utc::now() + good_for);
    Ok((StatusCode::CREATED, Json(LiveTicket { ticket, expires_at })))
}

/// Watch runs as they move, over a WebSocket
///
/// Say `{"subscribe": {"all": true}}`, or `{"subscribe": {"runs": ["…"], "jobs": ["…"]}}`; saying it
/// again changes what is seen. First comes
/// `{"type": "snapshot", "seq": N, "runs": [Run, …]}`, then every event with its number, and a few
/// times a second `{"type": "progress", "runs": [{"run": …, "rows_written": …}, …]}` with the runs
/// that moved. Who connects again with `?after=N`, the number of the last event seen, gets the
/// events since then first. Who cannot keep up gets another snapshot in place of what was missed.
/// Once the session or token has ended, the WebSocket is closed with the code 4401.
#[utoipa::path(
    get,
    path = "/live",
    tag = "runs",
    params(LiveQuery),
    responses(
        (status = 101, description = "A WebSocket"),
        (status = 401, body = Problem),
        (status = 403, body = Problem, description = "A page of another origin"),
        (status = 422, body = Problem, description = "No WebSocket was asked for"),
        (status = 429, body = Problem, description = "Too many watch"),
    )
)]
async fn watch(
    State(state): State<AppState>,
    Watcher(caller): Watcher,
    Params(query): Params<LiveQuery>,
    Upgrade(upgrade): Upgrade,
) -> Answer<Response> {
    caller.needs_somewhere(Role::Viewer)?;
    Ok(live::open(upgrade, caller, query, state)?)
}
