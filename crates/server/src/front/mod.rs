//! What stands before every route: limits, headers that keep browsers safe, and one form for every
//! error.

mod connections;
mod cors;
mod headers;
mod hosts;
mod refusals;

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

pub(crate) use connections::{Gate, HEADERS_WITHIN};
pub(crate) use hosts::Hosts;

use crate::input::LONGEST;
use crate::state::AppState;

/// How long a client may pause inside of a body.
const BODY_PAUSE: Duration = Duration::from_secs(20);

/// The routes with everything before them.
pub(crate) fn guard(routes: Router, state: &AppState, hosts: Hosts) -> Router {
    routes
        .layer(DefaultBodyLimit::max(LONGEST))
        .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE))
        .layer(CatchPanicLayer::custom(refusals::of_panic))
        .layer(from_fn(refusals::in_one_form))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(state.clone(), cors::answer))
        .layer(from_fn_with_state(hosts, hosts::check))
        .layer(from_fn_with_state(state.clone(), headers::add))
}
