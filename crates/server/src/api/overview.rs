//! The overview: how it all stands, on one page.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use serde::Serialize;
use syncline_store::{RunFilter, RunRecord};
use syncline_types::RunState;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role};
use crate::metrics::Sample;
use crate::problem::{Answer, Problem};
use crate::runner::RunView;
use crate::state::AppState;

/// Runs shown.
const RECENT: u32 = 10;
/// Runs that have not ended, looked through for the sources in use.
const UNFINISHED: u32 = 1000;
/// No further behind than this, a source and its target count as in sync.
const IN_SYNC_MS: u64 = 10_000;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// How it all stands.
#[derive(Debug, Serialize, ToSchema)]
struct Overview {
    /// Runs at work.
    running: u64,
    /// Runs that wait for a slot or a store.
    waiting: u64,
    /// Runs that failed in the last 24 hours.
    failed_24h: u64,
    /// Runs that finished in the last 24 hours.
    finished_24h: u64,
    /// Rows written in a second, by all runs that may be seen together.
    rows_per_second: u64,
    /// The largest lag of all runs that follow changes.
    max_lag_ms: Option<u64>,
    /// The sources in use.
    sources: Vec<SourceView>,
    /// The newest runs.
    recent: Vec<RunView>,
    /// Rows written in a second over the last hour, by all runs together; empty for those who see
    /// only some.
    throughput: Vec<Sample>,
}

/// A source in use.
#[derive(Debug, Serialize, ToSchema)]
struct SourceView {
    /// Its connection, or its URL where the job names no stored one.
    connection: String,
    /// Whether all that follow it have caught up with it; `null` when nobody follows it.
    in_sync: Option<bool>,
    /// The largest lag of those.
    lag_ms: Option<u64>,
    /// The jobs that read it now.
    jobs: Vec<String>,
}

/// How it all stands
#[utoipa::path(
    get,
    path = "/overview",
    tag = "overview",
    responses((status = 200, body = Overview), (status = 401, body = Problem))
)]
async fn show(State(state): State<AppState>, caller: Caller) -> Answer<Json<Overview>> {
    caller.needs_somewhere(Role::Viewer)?;
    let since = crate::alerts::text(Utc::now() - chrono::Duration::hours(24));
    let seen = |run: &RunRecord| caller.sees_job(run.more.job_name.as_deref().unwrap_or(&run.name));
    let (jobs, projects) = (caller.own_jobs().map(<[String]>::to_vec), caller.own_projects());
    let sees_all = jobs.is_none() && projects.is_none();
    let (counts, (failed, finished), recent, unfinished) = state
        .blocking(move |store| {
            let states = RunState::ALL
                .into_iter()
                .filter(|state| !state.is_final() && *state != RunState::Failed)
                .collect();
            let ended = store.ended_since(&since, jobs.as_deref(), projects.as_deref())?;
            let own = RunFilter { jobs, projects, ..RunFilter::default() };
            let recent = store.list_runs(&own, RECENT)?;
            let unfinished = store.list_runs(&RunFilter { states, ..own }, UNFINISHED)?;
            Ok((store.count_runs()?, ended, recent, unfinished))
        })
        .await?;
    let mut live = state.runner.live();
    live.retain(|live| caller.sees_job(live.job()));
    let lags = live.iter().filter_map(|live| live.now().lag_ms);
    let count = |states: &[RunState]| match sees_all {
        true => counts.iter().filter(|c| states.contains(&c.state)).map(|c| c.runs).sum(),
        false => unfinished.iter().filter(|run| states.contains(&run.state)).map(|_| 1).sum(),
    };
    Ok(Json(Overview {
        running: count(&[RunState::Running, RunState::Pausing, RunState::Stopping]),
        waiting: count(&[RunState::Waiting, RunState::Created]),
        failed_24h: failed,
        finished_24h: finished,
        rows_per_second: live.iter().map(|live| live.now().rows_per_second).sum(),
        max_lag_ms: lags.max(),
        recent: recent
            .into_iter()
            .filter(seen)
            .map(|run| {
                let live = state.runner.live_run(&run.id);
                RunView::of(run, live.as_deref())
            })
            .collect(),
        sources: sources(&state, unfinished.into_iter().filter(seen).collect()),
        // It is counted for all together.
        throughput: if sees_all { state.metrics.pace.samples() } else { Vec::new() },
    }))
}

/// The sources that runs read now, by their names.
fn sources(state: &AppState, unfinished: Vec<RunRecord>) -> Vec<SourceView> {
    let mut found: BTreeMap<String, SourceView> = BTreeMap::new();
    for run in unfinished {
        let connection = run.more.source_connection.clone().unwrap_or_else(|| run.source.clone());
        let source = found.entry(connection.clone()).or_insert_with(|| SourceView {
            connection,
            in_sync: None,
            lag_ms: None,
            jobs: Vec::new(),
        });
        let job = run.more.job_name.unwrap_or(run.name);
        if !source.jobs.contains(&job) {
            source.jobs.push(job);
        }
        if !run.more.mode.as_deref().is_some_and(|mode| mode.contains("changes")) {
            continue;
        }
        let now = state.runner.live_run(&run.id).map(|live| live.now());
        let lag = now.as_ref().and_then(|now| now.lag_ms);
        let close = lag.is_none_or(|lag| lag <= IN_SYNC_MS);
        let caught_up = now.is_some_and(|now| now.follows) && close;
        source.in_sync = Some(source.in_sync.unwrap_or(true) && caught_up);
        source.lag_ms = source.lag_ms.max(lag);
    }
    found.into_values().collect()
}
