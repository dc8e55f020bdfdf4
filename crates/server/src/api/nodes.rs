//! Nodes: what runs jobs.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use syncline_types::{Code, Error};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role};
use crate::input::Path;
use crate::page::Page;
use crate::problem::{Answer, Problem};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// A node.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Node)]
struct NodeView {
    /// Its name.
    name: String,
    /// The version it runs.
    version: String,
    /// When it was started (UTC, ISO 8601).
    started_at: String,
    /// `ready`: a node that answers is.
    state: String,
    /// Of one core, in percent, since it was last asked.
    cpu_percent: f32,
    /// Memory in RAM.
    rss_bytes: u64,
    /// Runs there may be at the same time.
    slots: u32,
    /// Runs that wait for a slot.
    queued: usize,
    /// Ids of the runs at work on it.
    running: Vec<String>,
}

/// The nodes
#[utoipa::path(
    get,
    path = "/nodes",
    tag = "nodes",
    responses((status = 200, body = Page<NodeView>), (status = 401, body = Problem))
)]
async fn list(State(state): State<AppState>, caller: Caller) -> Answer<Json<Page<NodeView>>> {
    caller.needs_somewhere(Role::Viewer)?;
    let nodes = vec![this(&state, &caller).await?];
    Ok(Json(Page::of(nodes, 1, |node| node.name.clone())?))
}

/// A node
#[utoipa::path(
    get,
    path = "/nodes/{name}",
    tag = "nodes",
    params(("name" = String, Path, description = "the node")),
    responses(
        (status = 200, body = NodeView),
        (status = 401, body = Problem),
        (status = 404, body = Problem),
    )
)]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<Json<NodeView>> {
    caller.needs_somewhere(Role::Viewer)?;
    if name != state.node {
        return Err(Error::new(Code::NotFound, format!("there is no node {name:?}")).into());
    }
    Ok(Json(this(&state, &caller).await?))
}

async fn this(state: &AppState, caller: &Caller) -> Answer<NodeView> {
    let slots = state.blocking(|store| Ok(store.settings()?.settings.slots)).await?;
    let needs = state.metrics.process.refresh();
    let live = state.runner.live();
    Ok(NodeView {
        name: state.node.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: state.metrics.started_at.clone(),
        state: "ready".to_owned(),
        cpu_percent: needs.cpu_percent,
        rss_bytes: needs.rss_bytes,
        slots,
        queued: state.runner.waiting().0,
        running: live
            .iter()
            .filter(|live| caller.sees_job(live.job()))
            .map(|live| live.record.id.clone())
            .collect(),
    })
}
