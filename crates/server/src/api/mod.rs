//! REST under `/api/v1`, one module a resource.

mod connectors;
mod health;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

/// What the OpenAPI document says of the whole.
#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Syncline",
    description = "Connections, jobs and runs of a Syncline node.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
struct Document;

/// Everything under `/api/v1`, and the document that describes it.
fn documented() -> (Router<AppState>, OpenApi) {
    let resources = OpenApiRouter::new().merge(connectors::router());
    OpenApiRouter::with_openapi(<Document as utoipa::OpenApi>::openapi())
        .nest("/api/v1", resources)
        .split_for_parts()
}

/// The OpenAPI 3.1 document of the API.
pub fn openapi() -> OpenApi {
    documented().1
}

/// All routes.
pub(crate) fn router(state: AppState) -> Router {
    let (api, document) = documented();
    let document = axum::routing::get(move || async move { axum::Json(document) });
    Router::new()
        .merge(api)
        .route("/api/v1/openapi.json", document)
        .merge(health::router())
        .with_state(state)
}
