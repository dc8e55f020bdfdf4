//! The connectors there are, with the options of each.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use syncline_connector::AnyConnector;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role};
use crate::problem::{Answer, Problem};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A kind of store.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectorView {
    /// Its id, the first of its schemes.
    id: String,
    /// Its name, for people.
    title: String,
    /// Schemes of URLs that are its.
    schemes: Vec<String>,
    /// A URL of it.
    example: String,
    /// Modes in which it is a source; none when it is no source.
    source_modes: Vec<String>,
    /// Whether it is a target.
    sink: bool,
    /// What it guarantees as a target.
    guarantee: String,
    /// Versions it is tested with.
    versions: String,
    /// What else there is to know, as Markdown.
    notes: String,
    /// Its options.
    options: Vec<OptionView>,
}

/// An option of a connector.
#[derive(Debug, Serialize, ToSchema)]
struct OptionView {
    /// Its key in a URL or a job file.
    name: String,
    /// `text`, `number`, `true or false`, or the values it takes, joined by ` | `.
    kind: String,
    /// Its default; empty when it has none.
    default: String,
    /// What it does.
    doc: String,
}

/// The connectors of this node
#[utoipa::path(
    get,
    path = "/connectors",
    tag = "connectors",
    responses((status = 200, body = Vec<ConnectorView>), (status = 401, body = Problem))
)]
async fn list(State(state): State<AppState>, caller: Caller) -> Answer<Json<Vec<ConnectorView>>> {
    caller.needs_somewhere(Role::Viewer)?;
    Ok(Json(state.registry.all().map(view).collect()))
}

fn view(connector: &dyn AnyConnector) -> ConnectorView {
    let spec = connector.spec();
    let options = connector.options().into_iter();
    ConnectorView {
        id: spec.id.to_owned(),
        title: spec.title.to_owned(),
        schemes: spec.schemes.iter().map(|&s| s.to_owned()).collect(),
        example: spec.example.to_owned(),
        source_modes: spec.roles.source.iter().map(ToString::to_string).collect(),
        sink: spec.roles.sink,
        guarantee: spec.guarantee.to_owned(),
        versions: spec.versions.to_owned(),
        notes: spec.notes.trim().to_owned(),
        options: options
            .map(|o| OptionView { name: o.name, kind: o.kind, default: o.default, doc: o.doc })
            .collect(),
    }
}
