//! The audit log: what was done, by whom.

use axum::Json;
use axum::body::Body as Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::{Deserialize, Serialize};
use syncline_store::{AuditEntry, AuditFilter};
use syncline_types::{Error, Result};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role};
use crate::input::Params;
use crate::moment::Moment;
use crate::page::{Page, PageQuery};
use crate::problem::{Answer, Problem};
use crate::state::AppState;

/// Entries of an export that are read at once.
const PIECE: u32 = 500;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(export))
}

/// Which entries are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// By this user, or with a token of theirs.
    actor: Option<String>,
    /// This action (`job.update`), or all of a kind (`job`).
    action: Option<String>,
    /// To this.
    target: Option<String>,
    /// From this moment on (ISO 8601).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Moment>,
    /// Before this moment (ISO 8601).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Moment>,
}

impl AuditQuery {
    fn filter(self) -> AuditFilter {
        AuditFilter {
            actor: self.actor,
            action: self.action,
            target: self.target,
            since: self.since.map(Moment::stamp),
            until: self.until.map(Moment::stamp),
        }
    }
}

/// Something that was done.
#[derive(Serialize, ToSchema)]
struct AuditView {
    /// Its number.
    id: i64,
    /// When.
    at: String,
    /// Who did it: a user, `user/token`, or a part of the server.
    actor: String,
    /// What they did.
    #[schema(example = "job.update")]
    action: String,
    /// To what: its name or id.
    target: String,
    /// What else there is to know.
    detail: serde_json::Value,
    /// Where they did it from.
    address: Option<String>,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            detail: serde_json::from_str(&entry.detail).unwrap_or_default(),
            address: entry.address,
        }
    }
}

/// What was done, the latest first
#[utoipa::path(
    get,
    path = "/audit",
    tag = "people",
    params(AuditQuery, PageQuery),
    responses((status = 200, body = Page<AuditView>), (status = 403, body = Problem))
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<AuditQuery>,
    Params(page): Params<PageQuery>,
) -> Answer<Json<Page<AuditView>>> {
    caller.needs(Role::Admin)?;
    let (limit, before, filter) = (page.limit()?, page.after::<i64>()?, query.filter());
    let found = state.blocking(move |store| store.audit(&filter, before, limit + 1)).await?;
    let views = found.into_iter().map(AuditView::from).collect();
    Ok(Json(Page::of(views, limit, |entry: &AuditView| entry.id)?))
}

/// All of what was done, the oldest first, as JSON Lines
#[utoipa::path(
    get,
    path = "/audit/export",
    tag = "people",
    params(AuditQuery),
    responses(
        (status = 200, body = String, content_type = "application/jsonl"),
        (status = 403, body = Problem),
    )
)]
async fn export(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<AuditQuery>,
) -> Answer<Response> {
    caller.needs(Role::Admin)?;
    let filter = query.filter();
    // One piece is read when the one before has been sent: a long log is never in memory whole.
    let pieces = stream::try_unfold(Some(0), move |after| {
        let (state, filter) = (state.clone(), filter.clone());
        async move {
            let Some(after) = after else { return Ok::<_, Error>(None) };
            let read = state.blocking(move |store| store.audit_onwards(&filter, after, PIECE));
            let entries = read.await?;
            let last = entries.last().map(|entry| entry.id);
            Ok((!entries.is_empty()).then_some((lines(entries)?, last)))
        }
    });
    let mut response = Bytes::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    let name = HeaderValue::from_static("attachment; filename=\"audit.jsonl\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

fn lines(entries: Vec<AuditEntry>) -> Result<String> {
    let mut text = String::new();
    for entry in entries {
        let line = serde_json::to_string(&AuditView::from(entry));
        text.push_str(&line.map_err(|e| Error::bug("an entry cannot be written").because(e))?);
        text.push('\n');
    }
    Ok(text)
}
