//! What a run consists of, and what happened to it: tables, splits, events, logs, states.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use syncline_store::{Checkpoint, HistoryEntry, Level, RunEventRecord};
use syncline_types::{Code, Error, Result};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::runs::find;
use crate::caller::{Caller, Role};
use crate::input::{Params, Path};
use crate::page::{Page, PageQuery};
use crate::problem::{Answer, Problem};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(tables))
        .routes(routes!(splits))
        .routes(routes!(events))
        .routes(routes!(logs))
        .routes(routes!(history))
}

/// How far a table of a run is.
#[derive(Debug, Serialize, ToSchema)]
struct RunTable {
    /// The source table.
    source: String,
    /// The target table.
    target: String,
    /// Rows read.
    rows_read: u64,
    /// Rows written.
    rows_written: u64,
    /// Estimated rows, where the source could tell.
    rows_estimated: Option<u64>,
    /// Pieces.
    splits: usize,
    /// Pieces that are complete.
    splits_done: usize,
    /// Rows kept as dead letters.
    dead_letters: u64,
    /// Changes of the log that were applied, since the run was last taken up.
    changes: u64,
    /// The whole table is at the target.
    done: bool,
}

/// How far a split is.
#[derive(Debug, Serialize, ToSchema)]
struct RunSplit {
    /// The target table.
    table: String,
    /// Its number within the table.
    split: u32,
    /// Rows of it that are durable.
    rows: u64,
    /// Estimated rows, where the source could tell.
    rows_estimated: Option<u64>,
    /// The connector's own description of the place up to which they are; none before the first.
    position: Option<String>,
    /// It is complete.
    done: bool,
}

/// What a page of parts is asked for with, beside its run.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Only those with a larger number.
    after: Option<i64>,
    /// Only those with a smaller number, and of them the newest.
    before: Option<i64>,
    /// The newest so many in the place of the oldest: 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    last: Option<u32>,
    /// Items at most: 1 to 500; 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Of logs: only those that matter so much at least: `info`, `warn`, `error`.
    level: Option<String>,
}

/// The tables of a run
#[utoipa::path(
    get,
    path = "/runs/{id}/tables",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key"), PageQuery),
    responses((status = 200, body = Page<RunTable>), (status = 404, body = Problem))
)]
async fn tables(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageQuery>,
) -> Answer<Json<Page<RunTable>>> {
    let limit = page.limit()?;
    let from = page.after::<usize>()?.map_or(0, |n| n + 1);
    let run = find(&state, &caller, Role::Viewer, &id).await?;
    let wanted = run.id.clone();
    let (checkpoints, letters, whole) = state
        .blocking(move |store| {
            let whole = store.committed_tables(&wanted)?;
            Ok((store.checkpoints(&wanted)?, store.count_dead_letters(&wanted)?, whole))
        })
        .await?;
    let mut found = planned(run.plan.as_deref())?;
    for at in checkpoints {
        if let Some((table, _)) = found.get_mut(at.table as usize) {
            table.rows_read += at.position.seq;
            table.rows_written += at.written;
            table.splits_done += usize::from(at.done);
        }
    }
    for (at, count) in letters {
        if let Some((table, _)) = found.get_mut(at as usize) {
            table.dead_letters = count;
        }
    }
    for at in whole {
        if let Some((table, _)) = found.get_mut(at as usize) {
            table.done = true;
        }
    }
    if let Some(live) = state.runner.live_run(&run.id) {
        for (now, (table, _)) in live.now().tables.iter().zip(&mut found) {
            table.rows_read = table.rows_read.max(now.rows_read);
            table.rows_written = table.rows_written.max(now.rows_written);
            table.changes = now.changes;
        }
    }
    let items = found.into_iter().map(|(table, _)| table).skip(from).collect();
    let last = from + limit as usize - 1;
    Ok(Json(Page::of(items, limit, |_| last)?))
}

/// What of a plan is shown: each table, and the estimated rows of its splits.
type Planned = Vec<(RunTable, Vec<Option<u64>>)>;

/// A plan as it is kept, as far as it is shown.
#[derive(Deserialize)]
struct KeptPlan {
    tables: Vec<KeptTable>,
}

#[derive(Deserialize)]
struct KeptTable {
    source: Named,
    target: Named,
    rows: Option<u64>,
    splits: Vec<KeptSplit>,
}

#[derive(Deserialize)]
struct Named {
    name: syncline_types::TableName,
}

#[derive(Deserialize)]
struct KeptSplit {
    rows: Option<u64>,
}

fn planned(plan: Option<&str>) -> Result<Planned> {
    let Some(plan) = plan else { return Ok(Vec::new()) };
    let plan: KeptPlan = serde_json::from_str(plan)
        .map_err(|e| Error::new(Code::StateUnusable, "a run's plan cannot be read").because(e))?;
    let table = |table: KeptTable| {
        let view = RunTable {
            source: table.source.name.to_string(),
            target: table.target.name.to_string(),
            rows_read: 0,
            rows_written: 0,
            rows_estimated: table.rows,
            splits: table.splits.len(),
            splits_done: 0,
            dead_letters: 0,
            changes: 0,
            done: false,
        };
        (view, table.splits.into_iter().map(|s| s.rows).collect())
    };
    Ok(plan.tables.into_iter().map(table).collect())
}

/// The pieces of a run, in the order of its plan
#[utoipa::path(
    get,
    path = "/runs/{id}/splits",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key"), PageQuery),
    responses((status = 200, body = Page<RunSplit>), (status = 404, body = Problem))
)]
async fn splits(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageQuery>,
) -> Answer<Json<Page<RunSplit>>> {
    let limit = page.limit()?;
    let from = page.after::<usize>()?.map_or(0, |n| n + 1);
    let run = find(&state, &caller, Role::Viewer, &id).await?;
    let wanted = run.id.clone();
    let checkpoints = state.blocking(move |store| store.checkpoints(&wanted)).await?;
    let known: HashMap<(u32, u32), Checkpoint> =
        checkpoints.into_iter().map(|c| ((c.table, c.split), c)).collect();
    let all = planned(run.plan.as_deref())?;
    let every = all.iter().zip(0_u32..).flat_map(|((table, splits), number)| {
        splits.iter().zip(0_u32..).map(move |(rows, split)| (table, number, split, *rows))
    });
    let view = |(table, number, split, rows): (&RunTable, u32, u32, Option<u64>)| {
        let at = known.get(&(number, split));
        RunSplit {
            table: table.target.clone(),
            split,
            rows: at.map_or(0, |at| at.position.seq),
            rows_estimated: rows,
            position: at.map(|at| at.position.token.clone()),
            done: at.is_some_and(|at| at.done),
        }
    };
    let items: Vec<RunSplit> = every.skip(from).take(limit as usize + 1).map(view).collect();
    let last = from + limit as usize - 1;
    Ok(Json(Page::of(items, limit, |_| last)?))
}

/// An event of a run.
#[derive(Debug, Serialize, ToSchema)]
struct EventView {
    /// Its number, ascending over all runs.
    seq: i64,
    /// The run.
    run: String,
    /// The job.
    job: Option<String>,
    /// When (UTC, ISO 8601).
    at: String,
    /// What kind: `state`, `planned`, `note`, `waiting`, `streaming`, `finished`, `dead_letters`, ….
    #[serde(rename = "type")]
    kind: String,
    /// `info`, `warn` or `error`.
    level: String,
    /// In words.
    message: String,
    /// In figures; what there is depends on the kind.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    body: serde_json::Value,
}

impl From<RunEventRecord> for EventView {
    fn from(event: RunEventRecord) -> Self {
        Self {
            seq: event.seq,
            run: event.run,
            job: event.job,
            at: event.at,
            kind: event.kind,
            level: event.level,
            message: event.message,
            body: event.body,
        }
    }
}

/// A line of a run's log.
#[derive(Debug, Serialize, ToSchema)]
struct LogLine {
    /// Its number, ascending over all runs.
    seq: i64,
    /// When (UTC, ISO 8601).
    at: String,
    /// `info`, `warn` or `error`.
    level: String,
    /// What happened.
    message: String,
}

/// A list of what happened, oldest first.
#[derive(Debug, Serialize, ToSchema)]
struct Happened<T> {
    /// The items.
    items: Vec<T>,
    /// What `after` has to be for the next ones; `null` when these are all there are by now.
    next: Option<i64>,
    /// Where the newest were asked for: what `before` has to be for the ones before these; `null`
    /// when these are the first.
    previous: Option<i64>,
}

impl<T> Happened<T> {
    fn each<U>(self, view: impl FnMut(T) -> U) -> Happened<U> {
        let items = self.items.into_iter().map(view).collect();
        Happened { items, next: self.next, previous: self.previous }
    }
}

/// A page of what happened to a run: forwards from the first, or backwards from the newest.
async fn happened(
    state: &AppState,
    caller: &Caller,
    id: &str,
    query: &EventsQuery,
) -> Result<Happened<RunEventRecord>> {
    let limit = match query.last {
        Some(last @ 1..=500) => last,
        Some(last) => {
            return Err(Error::new(Code::BadValue, format!("last={last}: 1 to 500 items")));
        }
        None => PageQuery::new(query.limit, None).limit()?,
    };
    let level = match query.level.as_deref().filter(|l| !l.is_empty()) {
        None => Level::Info,
        Some(name) => Level::parse(name).ok_or_else(|| {
            Error::new(Code::BadValue, format!("level: {name:?} is none of info, warn, error"))
        })?,
    };
    let run = find(state, caller, Role::Viewer, id).await?;
    let (after, before) = (query.after.unwrap_or(0), query.before);
    let backwards = query.last.is_some() || before.is_some();
    let mut items = state
        .blocking(move |store| match backwards {
            true => store.newest_events_of(&run.id, after, before, level, limit + 1),
            false => store.events_of(&run.id, after, level, limit + 1),
        })
        .await?;
    let more = items.len() > limit as usize;
    if backwards {
        items.drain(..usize::from(more));
        let previous = items.first().map(|e| e.seq).filter(|_| more);
        return Ok(Happened { items, next: None, previous });
    }
    items.truncate(limit as usize);
    let next = items.last().map(|e| e.seq).filter(|_| more);
    Ok(Happened { items, next, previous: None })
}

/// What happened to a run, oldest first
#[utoipa::path(
    get,
    path = "/runs/{id}/events",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key"), EventsQuery),
    responses((status = 200, body = Happened<EventView>), (status = 404, body = Problem))
)]
async fn events(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(query): Params<EventsQuery>,
) -> Answer<Json<Happened<EventView>>> {
    let found = happened(&state, &caller, &id, &query).await?;
    Ok(Json(found.each(EventView::from)))
}

/// What happened to a run, in words, oldest first
#[utoipa::path(
    get,
    path = "/runs/{id}/logs",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key"), EventsQuery),
    responses((status = 200, body = Happened<LogLine>), (status = 404, body = Problem))
)]
async fn logs(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(query): Params<EventsQuery>,
) -> Answer<Json<Happened<LogLine>>> {
    let found = happened(&state, &caller, &id, &query).await?;
    let line =
        |e: RunEventRecord| LogLine { seq: e.seq, at: e.at, level: e.level, message: e.message };
    Ok(Json(found.each(line)))
}

/// A state that a run has entered.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryView {
    /// When (UTC, ISO 8601).
    at: String,
    /// The state.
    state: String,
    /// Why, where there is something to say.
    reason: Option<String>,
}

/// The states a run went through, oldest first
#[utoipa::path(
    get,
    path = "/runs/{id}/history",
    tag = "runs",
    params(("id" = String, Path, description = "The run's key")),
    responses((status = 200, body = Vec<HistoryView>), (status = 404, body = Problem))
)]
async fn history(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer<Json<Vec<HistoryView>>> {
    let run = find(&state, &caller, Role::Viewer, &id).await?;
    let entries = state.blocking(move |store| store.history(&run.id)).await?;
    let view = |e: HistoryEntry| HistoryView {
        at: e.at,
        state: e.state.name().to_owned(),
        reason: e.reason,
    };
    Ok(Json(entries.into_iter().map(view).collect()))
}
