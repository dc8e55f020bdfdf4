//! What a connection leads to: whether it can be reached, its tables, and a look at their rows.
//!
//! All of it is done while somebody waits: within a deadline, and no longer than they wait.

use std::future::Future;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use syncline_connector::{Endpoint, Source};
use syncline_engine::{Sample, SampleColumn};
use syncline_types::{Code, Error, Result, TableInfo, TableSchema, TableSelection};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::connections::{ConnectionInput, no_connection, to_try};
use crate::caller::{Caller, Role};
use crate::guard::Bounds;
use crate::input::{Body, Params, Path};
use crate::page::{Page, PageQuery};
use crate::problem::{Answer, Problem};
use crate::resolving::endpoint_of;
use crate::state::AppState;

/// How long somebody waits for a store at most.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// Rows of a look at most.
pub(crate) const MOST_ROWS: u32 = 100;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(test_given))
        .routes(routes!(test))
        .routes(routes!(tables))
        .routes(routes!(table))
        .routes(routes!(rows))
}

/// Whether a connection works.
#[derive(Serialize, ToSchema)]
struct TestView {
    /// Whether it does.
    ok: bool,
    /// What it leads to and of which version, where there is such a thing.
    #[schema(example = "MariaDB 11.4.2")]
    version: Option<String>,
    /// What a person should know.
    notes: Vec<String>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

/// A table that a connection leads to.
#[derive(Serialize, ToSchema)]
struct TableView {
    /// The database or schema it lies in, where there is such a level.
    schema: Option<String>,
    /// Its name.
    name: String,
    /// `table`, or `partitioned table`.
    kind: &'static str,
    /// Estimated rows, where the store can tell cheaply.
    rows_estimated: Option<u64>,
    /// Estimated bytes, where the store can tell cheaply.
    bytes: Option<u64>,
    /// Whether it has a key that tells its rows apart.
    has_key: bool,
}

/// A table with its columns and keys.
#[derive(Serialize, ToSchema)]
struct TableDetail {
    /// The database or schema it lies in, where there is such a level.
    schema: Option<String>,
    /// Its name.
    name: String,
    /// Estimated rows, where the store can tell cheaply.
    rows_estimated: Option<u64>,
    /// Its columns, in their order.
    columns: Vec<ColumnView>,
    /// Columns of its primary key, in key order.
    primary_key: Vec<String>,
    /// Its other indexes.
    indexes: Vec<IndexView>,
    /// What a person should know before it is copied.
    notes: Vec<String>,
}

/// A column.
#[derive(Serialize, ToSchema)]
struct ColumnView {
    /// Its name.
    name: String,
    /// Its type, by its portable name.
    #[serde(rename = "type")]
    kind: String,
    /// Its type in the store's own words.
    native: Option<String>,
    /// Whether it takes NULL.
    nullable: bool,
    /// Whether it is part of the key.
    key: bool,
    /// Whether the store computes it.
    generated: bool,
    /// Its comment.
    comment: Option<String>,
}

/// An index.
#[derive(Serialize, ToSchema)]
struct IndexView {
    /// Its name.
    name: String,
    /// Its columns.
    columns: Vec<String>,
    /// Whether it forbids duplicates.
    unique: bool,
}

/// A few rows.
#[derive(Serialize, ToSchema)]
pub(crate) struct SampleView {
    /// Their columns.
    columns: Vec<SampleColumnView>,
    /// Their values as texts, exactly; `null` for NULL.
    rows: Vec<Vec<Option<String>>>,
    /// Why rows are missing that cannot be shown.
    rejected: Vec<String>,
}

/// A column of a few rows.
#[derive(Serialize, ToSchema)]
struct SampleColumnView {
    /// Its name.
    name: String,
    /// Its type.
    #[serde(rename = "type")]
    kind: String,
}

impl From<Sample> for SampleView {
    fn from(sample: Sample) -> Self {
        let column = |c: SampleColumn| SampleColumnView { name: c.name, kind: c.kind };
        Self {
            columns: sample.columns.into_iter().map(column).collect(),
            rows: sample.rows,
            rejected: sample.rejected,
        }
    }
}

impl TableView {
    fn of(info: &TableInfo) -> Self {
        let schema = &info.schema;
        Self {
            schema: schema.name.schema.clone(),
            name: schema.name.name.clone(),
            kind: if schema.partitioning.is_some() { "partitioned table" } else { "table" },
            rows_estimated: info.rows,
            bytes: info.bytes,
            has_key: !schema.key().is_empty(),
        }
    }
}

impl TableDetail {
    fn of(info: &TableInfo) -> Self {
        let TableSchema { columns, primary_key, indexes, .. } = &info.schema;
        let key = info.schema.key();
        let types = syncline_engine::column_types(&info.schema);
        let column =
            |(c, (kind, native)): (&syncline_types::Column, (String, Option<String>))| ColumnView {
                name: c.name().to_owned(),
                kind,
                native,
                nullable: c.field.is_nullable(),
                key: key.contains(&c.name()),
                generated: c.generated.is_some(),
                comment: c.comment.clone(),
            };
        let index = |i: &syncline_types::Index| IndexView {
            name: i.name.clone(),
            columns: i.parts.iter().map(|p| p.column.clone()).collect(),
            unique: i.unique,
        };
        Self {
            schema: info.schema.name.schema.clone(),
            name: info.schema.name.name.clone(),
            rows_estimated: info.rows,
            columns: columns.iter().zip(types).map(column).collect(),
            primary_key: primary_key.clone(),
            indexes: indexes.iter().map(index).collect(),
            notes: info.notes.clone(),
        }
    }
}

/// Does work with a store as long as somebody may be expected to wait.
///
/// # Errors
/// [`Code::Unreachable`] when it takes longer.
pub(crate) async fn within_deadline<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| {
        let seconds = DEADLINE.as_secs();
        Err(Error::new(Code::Unreachable, format!("the store has not answered in {seconds} s")))
    })
}

/// Where a stored connection leads, if jobs may go there, for somebody who may go as far as `role`
/// with it.
async fn endpoint(state: &AppState, caller: &Caller, role: Role, name: String) -> Result<Endpoint> {
    // Whoever may not go so far with any hears so, whatever connections there are.
    caller.needs_connection(role, &[])?;
    let (vault, caller) = (std::sync::Arc::clone(&state.vault), caller.clone());
    state
        .blocking(move |store| {
            let found = store.connection(&name)?.ok_or_else(|| no_connection(&name))?;
            let open_to = &found.body.projects;
            if !caller.sees_connection(open_to) {
                return Err(no_connection(&name));
            }
            caller.needs_connection(role, open_to)?;
            let endpoint = endpoint_of(store, &vault, &found)?;
            Bounds::of(store)?.endpoint(&endpoint)?;
            Ok(endpoint)
        })
        .await
}

async fn source(
    state: &AppState,
    caller: &Caller,
    role: Role,
    name: String,
) -> Result<Box<dyn Source>> {
    let endpoint = endpoint(state, caller, role, name).await?;
    state.registry.get(&endpoint.scheme)?.source(&endpoint)
}

/// Connects, and says what there is to know: the version, and notes.
async fn try_it(state: &AppState, endpoint: &Endpoint) -> Result<(Option<String>, Vec<String>)> {
    let connector = state.registry.get(&endpoint.scheme)?;
    let source = match connector.spec().roles.source.is_empty() {
        true => None,
        // A pattern of target files is no source.
        false => connector.source(endpoint).ok(),
    };
    let Some(source) = source else {
        return Ok((None, connector.sink(endpoint)?.check().await?));
    };
    let looked = async {
        let mut notes = source.check().await?;
        let version = source.version().await?;
        // Once is enough.
        notes.retain(|note| Some(note) != version.as_ref());
        Ok::<_, Error>((version, notes))
    };
    let seen = looked.await;
    let ended = source.end().await;
    let seen = seen?;
    ended.map(|()| seen)
}

async fn tested(state: &AppState, endpoint: Result<Endpoint>) -> TestView {
    let tried = match endpoint {
        Ok(endpoint) => within_deadline(try_it(state, &endpoint)).await,
        Err(error) => Err(error),
    };
    match tried {
        Ok((version, notes)) => TestView { ok: true, version, notes, error: None },
        Err(error) => {
            let error = Some(Problem::of(&error));
            TestView { ok: false, version: None, notes: Vec::new(), error }
        }
    }
}

/// Try a connection that is not kept
#[utoipa::path(
    post,
    path = "/connections/test",
    tag = "connections",
    request_body = ConnectionInput,
    responses(
        (status = 200, body = TestView),
        (status = 403, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn test_given(
    State(state): State<AppState>,
    caller: Caller,
    Body(input): Body<ConnectionInput>,
) -> Answer<Json<TestView>> {
    caller.needs(Role::Editor)?;
    let on = state.clone();
    let endpoint = state.blocking(move |_| to_try(&on, input)).await;
    Ok(Json(tested(&state, endpoint).await))
}

/// Try a connection
#[utoipa::path(
    post,
    path = "/connections/{name}/test",
    tag = "connections",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 200, body = TestView),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
    )
)]
async fn test(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<Json<TestView>> {
    let endpoint = endpoint(&state, &caller, Role::Operator, name).await;
    if let Err(error) = endpoint {
        return match error.code() {
            Code::NotFound | Code::Forbidden => Err(error.into()),
            _ => Ok(Json(tested(&state, Err(error)).await)),
        };
    }
    Ok(Json(tested(&state, endpoint).await))
}

/// Which tables are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TablesQuery {
    /// Only those of this database or schema.
    schema: Option<String>,
    /// A part of the name.
    q: Option<String>,
    /// Items at most: 1 to 500; 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Tables that a connection leads to
#[utoipa::path(
    get,
    path = "/connections/{name}/tables",
    tag = "connections",
    params(("name" = String, Path, description = "Its name"), TablesQuery),
    responses(
        (status = 200, body = Page<TableView>),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn tables(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Params(query): Params<TablesQuery>,
) -> Answer<Json<Page<TableView>>> {
    caller.needs_connection(Role::Operator, &[])?;
    let page = PageQuery::new(query.limit, query.after);
    let (limit, after) = (page.limit()?, page.after::<(Option<String>, String)>()?);
    let source = source(&state, &caller, Role::Operator, name).await?;
    let selection = match &query.schema {
        Some(schema) => {
            TableSelection::parse(&[format!("\"{}\".*", schema.replace('"', "\"\""))], &[])?
        }
        None => TableSelection::default(),
    };
    let found = within_deadline(async {
        let found = source.discover(&selection).await;
        let ended = source.end().await;
        let found = found?;
        ended.map(|()| found)
    })
    .await?;
    let part = query.q.unwrap_or_default().to_lowercase();
    let mut views: Vec<TableView> = found
        .iter()
        .filter(|info| info.schema.name.name.to_lowercase().contains(&part))
        .map(TableView::of)
        .collect();
    let key = |view: &TableView| (view.schema.clone(), view.name.clone());
    views.sort_by_key(key);
    views.retain(|view| after.as_ref().is_none_or(|after| key(view) > *after));
    views.truncate(usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1));
    Ok(Json(Page::of(views, limit, key)?))
}

/// The table that a path names: `schema.name`, or a name alone.
async fn named(source: &dyn Source, path: &str) -> Result<TableInfo> {
    if let Some((schema, name)) = path.split_once('.') {
        match syncline_engine::table_of(source, Some(schema), name).await {
            Err(e) if e.code() == Code::TableNotFound || e.code() == Code::DatabaseNotFound => {}
            other => return other,
        }
    }
    syncline_engine::table_of(source, None, path).await
}

/// A table with its columns
#[utoipa::path(
    get,
    path = "/connections/{name}/tables/{table}",
    tag = "connections",
    params(
        ("name" = String, Path, description = "The connection's name"),
        ("table" = String, Path, description = "`schema.name`, or a name alone"),
    ),
    responses(
        (status = 200, body = TableDetail),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 422, body = Problem, description = "There is no such table, or no way to it"),
    )
)]
async fn table(
    State(state): State<AppState>,
    caller: Caller,
    Path((name, table)): Path<(String, String)>,
) -> Answer<Json<TableDetail>> {
    let source = source(&state, &caller, Role::Operator, name).await?;
    let info = within_deadline(async {
        let found = named(source.as_ref(), &table).await;
        let ended = source.end().await;
        let found = found?;
        ended.map(|()| found)
    })
    .await?;
    Ok(Json(TableDetail::of(&info)))
}

/// How many rows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RowsQuery {
    /// Rows at most: 1 to 100; 20 when not given.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// How many rows are looked at.
///
/// # Errors
/// [`Code::BadValue`] when it is out of range.
pub(crate) fn row_limit(given: Option<u32>) -> Result<usize> {
    match given.unwrap_or(20) {
        limit if (1..=MOST_ROWS).contains(&limit) => Ok(usize::try_from(limit).unwrap_or(1)),
        limit => Err(Error::new(Code::BadValue, format!("{limit} rows: 1 to {MOST_ROWS}"))),
    }
}

/// The first rows of a table
#[utoipa::path(
    get,
    path = "/connections/{name}/tables/{table}/rows",
    tag = "connections",
    params(
        ("name" = String, Path, description = "The connection's name"),
        ("table" = String, Path, description = "`schema.name`, or a name alone"),
        RowsQuery,
    ),
    responses(
        (status = 200, body = SampleView),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn rows(
    State(state): State<AppState>,
    caller: Caller,
    Path((name, table)): Path<(String, String)>,
    Params(query): Params<RowsQuery>,
) -> Answer<Json<SampleView>> {
    // Rows are the data itself: not for those who only watch.
    caller.needs_connection(Role::Editor, &[])?;
    let limit = row_limit(query.limit)?;
    let source = source(&state, &caller, Role::Editor, name).await?;
    let sample = within_deadline(async {
        let info = named(source.as_ref(), &table).await?;
        syncline_engine::sample(source.as_ref(), &info, limit).await
    })
    .await?;
    Ok(Json(sample.into()))
}
