//! Numbers for Prometheus: what runs move and wait for, what the process needs, what is asked of it.

mod http;
mod pace;
mod process;
mod runs;
mod traces;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Encoder, Registry, TextEncoder};
use syncline_types::{Error, Result};

use crate::caller::{Caller, Role};
use crate::problem::{Answer, Failed};
use crate::state::AppState;

use http::Http;
pub(crate) use http::count;
use pace::Pace;
pub(crate) use pace::Sample;
use process::Process;
use runs::Runs;
use traces::Traces;

/// All that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    /// Everybody who reaches the node may read them: only this machine does.
    open: bool,
    /// When the node was started (UTC, ISO 8601).
    pub(crate) started_at: String,
    /// How fast all runs together have been of late.
    pub(crate) pace: Pace,
    /// Where spans go.
    traces: Arc<Traces>,
    /// What is asked of the node.
    http: Http,
    /// What the process needs.
    pub(crate) process: Process,
    /// What runs do.
    pub(crate) runs: Runs,
}

impl Metrics {
    /// Nothing counted yet. `open`: nobody has to sign in to read them.
    ///
    /// # Errors
    /// When two things are named alike, which a test would see.
    pub(crate) fn new(open: bool) -> Result<Self> {
        let registry = Registry::new();
        let traces = Arc::new(Traces::from_environment());
        let make = || {
            Ok(Self {
                open,
                started_at: crate::alerts::text(chrono::Utc::now()),
                pace: Pace::default(),
                http: Http::new(&registry)?,
                process: Process::new(&registry)?,
                runs: Runs::new(&registry, Arc::clone(&traces))?,
                traces: Arc::clone(&traces),
                registry: registry.clone(),
            })
        };
        make().map_err(|e: prometheus::Error| Error::bug("metrics cannot be named so").because(e))
    }

    /// Everything in the text form of Prometheus.
    fn text(&self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .map_err(|e| Error::bug("metrics cannot be written").because(e))?;
        Ok(text)
    }
}

pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/metrics", get(show))
}

/// The metrics. They name jobs: beyond this machine they are for those who may see jobs.
async fn show(
    State(state): State<AppState>,
    caller: std::result::Result<Caller, Failed>,
) -> Answer<Response> {
    if !state.metrics.open {
        caller?.needs(Role::Viewer)?;
    }
    let (counts, settings) =
        state.blocking(|store| Ok((store.count_runs()?, store.settings()?.settings))).await?;
    let metrics = &state.metrics;
    let (waiting, longest) = state.runner.waiting();
    metrics.runs.refresh(&counts, waiting, longest, settings.slots);
    metrics.process.refresh();
    metrics.http.watchers.set(i64::try_from(state.hub.watchers()).unwrap_or(i64::MAX));
    let kind = [(header::CONTENT_TYPE, TextEncoder::new().format_type().to_owned())];
    Ok((kind, metrics.text()?).into_response())
}
