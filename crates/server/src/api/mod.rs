//! REST under `/api/v1`, one module a resource.

mod audit;
mod connections;
mod connectors;
mod dead_letters;
mod docs;
mod health;
mod import;
mod jobs;
mod live;
mod nodes;
mod operation_ids;
mod overview;
mod problems;
mod projects;
mod provider;
mod queue;
mod run_parts;
mod runs;
mod samples;
mod saving;
mod session;
mod settings;
mod setup;
mod tables;
mod tokens;
mod trying;
mod users;
mod verifications;
mod versions;

use axum::Router;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

use crate::{assets, idempotency, metrics};
pub(crate) use verifications::broken_off;

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
    let resources = OpenApiRouter::new()
        .merge(connectors::router())
        .merge(connections::router())
        .merge(tables::router())
        .merge(projects::router())
        .merge(jobs::router())
        .merge(trying::router())
        .merge(import::router())
        .merge(versions::router())
        .merge(runs::router())
        .merge(samples::router())
        .merge(run_parts::router())
        .merge(dead_letters::router())
        .merge(verifications::router())
        .merge(queue::router())
        .merge(live::router())
        .merge(settings::router())
        .merge(overview::router())
        .merge(nodes::router())
        .merge(setup::router())
        .merge(session::router())
        .merge(provider::router())
        .merge(users::router())
        .merge(tokens::router())
        .merge(audit::router());
    let (router, mut document) =
        OpenApiRouter::with_openapi(<Document as utoipa::OpenApi>::openapi())
            .nest("/api/v1", resources)
            .split_for_parts();
    operation_ids::complete(&mut document);
    problems::complete(&mut document);
    (router, document)
}

/// What the document says of each method of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let methods = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
        &mut item.head,
    ];
    methods.into_iter().flatten()
}

/// The OpenAPI 3.1 document of the API.
pub fn openapi() -> OpenApi {
    documented().1
}

/// All routes.
pub(crate) fn router(state: AppState) -> Router {
    let (api, document) = documented();
    let docs = docs::router(&document);
    let document = axum::routing::get(move || async move { axum::Json(document) });
    let once = axum::middleware::from_fn_with_state(state.clone(), idempotency::once);
    let count = axum::middleware::from_fn_with_state(state.clone(), metrics::count);
    Router::new()
        .merge(api.layer(once))
        .route("/api/v1/openapi.json", document)
        .merge(health::router())
        .merge(docs)
        .merge(metrics::router())
        .merge(assets::router())
        .layer(count)
        .with_state(state)
}
