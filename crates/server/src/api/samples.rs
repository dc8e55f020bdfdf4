//! The recent points of a run's charts, for a page that is opened while it runs.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::runs::find;
use crate::caller::{Caller, Role};
use crate::input::{Params, Path};
use crate::problem::{Answer, Problem};
use crate::runner::Point;
use crate::state::AppState;

/// Minutes, when nothing else is said.
const DEFAULT: u32 = 10;
/// Minutes at most.
const MOST: u32 = 24 * 60;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(samples))
}

/// How far back.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SamplesQuery {
    /// Minutes: 1 to 1440; 10 when not given.
    #[param(minimum = 1, maximum = 1440)]
    minutes: Option<u32>,
}

/// The recent points of a run's charts.
#[derive(Debug, Serialize, ToSchema)]
struct RunSamples {
    /// Milliseconds that lie between two points while the run is at work.
    every_ms: u64,
    /// The points, oldest first.
    items: Vec<RunSample>,
}

/// A point of a run's charts.
#[derive(Debug, Serialize, ToSchema)]
struct RunSample {
    /// When (UTC, ISO 8601); the beginning, where it stands for a minute or more.
    at: String,
    /// Rows written in a second.
    rows_per_second: u64,
    /// What the run took of the processor, in percent of one core.
    cpu_percent: u64,
    /// Milliseconds from the last commit at the source until it was durable at the target.
    lag_ms: Option<u64>,
}

impl From<Point> for RunSample {
    fn from(point: Point) -> Self {
        let at = DateTime::<Utc>::from_timestamp_millis(point.at).unwrap_or_default();
        Self {
            at: at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            rows_per_second: point.rows_per_second,
            cpu_percent: point.cpu_percent,
            lag_ms: point.lag_ms,
        }
    }
}

/// The recent points of a run's charts
///
/// From the node's memory: a point a second for ten minutes, beyond that a point a minute or two,
/// for a day at most. They stay for a while after the run has come to rest, and end with the
/// process.
#[utoipa::path(
    get,
    path = "/runs/{id}/samples",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key"), SamplesQuery),
    responses(
        (status = 200, body = RunSamples),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn samples(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(query): Params<SamplesQuery>,
) -> Answer<Json<RunSamples>> {
    let minutes = query.minutes.unwrap_or(DEFAULT);
    if !(1..=MOST).contains(&minutes) {
        let message = format!("minutes={minutes}: 1 to {MOST}");
        return Err(Error::new(Code::BadValue, message).into());
    }
    let run = find(&state, &caller, Role::Viewer, &id).await?;
    let kept = state.runner.samples(&run.id);
    let now = Utc::now().timestamp_millis();
    let (every_ms, points) = kept.map_or((1000, Vec::new()), |samples| samples.last(minutes, now));
    Ok(Json(RunSamples { every_ms, items: points.into_iter().map(RunSample::from).collect() }))
}
