//! What is asked of the node: requests by route and status, and how long they take.

use std::time::{Instant, SystemTime};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, Result};

use super::traces::Span;
use crate::state::AppState;

/// What is asked of the node.
pub(crate) struct Http {
    requests: IntCounterVec,
    seconds: HistogramVec,
    under_way: IntGauge,
    /// Clients that watch what happens.
    pub(super) watchers: IntGauge,
}

impl Http {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let requests = IntCounterVec::new(
            Opts::new("syncline_http_requests_total", "Requests, by route and status."),
            &["method", "route", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "syncline_http_request_duration_seconds",
                "How long requests took until their answer began.",
            )
            .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0]),
            &["method", "route"],
        )?;
        let under_way =
            IntGauge::new("syncline_http_requests_in_progress", "Requests being answered.")?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(under_way.clone()))?;
        let watchers = IntGauge::new("syncline_live_watchers", "WebSockets that watch.")?;
        registry.register(Box::new(watchers.clone()))?;
        Ok(Self { requests, seconds, under_way, watchers })
    }
}

/// Leaves the count right when a client goes before it has its answer.
struct UnderWay<'a>(&'a IntGauge);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts a request. What no route knows counts as one route: names that strangers think of must
/// not make series.
pub(crate) async fn count(State(state): State<AppState>, request: Request, next: Next) -> Response {
    // A test may want a request to panic; a release build never does.
    fail::fail_point!("request");
    let http = &state.metrics.http;
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
    .to_owned();
    let traces = &state.metrics.traces;
    let parent = traces.wanted().then(|| {
        let parent = request.headers().get("traceparent").and_then(|v| v.to_str().ok());
        (SystemTime::now(), parent.map(str::to_owned))
    });
    http.under_way.inc();
    let under_way = UnderWay(&http.under_way);
    let began = Instant::now();
    let response = next.run(request).await;
    let took = began.elapsed().as_secs_f64();
    drop(under_way);
    if let Some((at, parent)) = parent {
        let status = response.status();
        let span = Span::of_request(format!("{method} {route}"), at, parent.as_deref())
            .with("http.request.method", method.as_str())
            .with("http.route", route.as_str())
            .with("http.response.status_code", status.as_u16());
        traces.take(span.failed(status.is_server_error()));
    }
    http.seconds.with_label_values(&[&method, &route]).observe(took);
    http.requests.with_label_values(&[&method, &route, response.status().as_str()]).inc();
    response
}
