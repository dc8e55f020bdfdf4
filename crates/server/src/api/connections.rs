//! Connections: stores by name. Their passwords go in and never come out.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use syncline_connector::{Endpoint, Registry, Secret};
use syncline_store::{Connection, ConnectionBody, SecretChange, connection_secret};
use syncline_types::{Code, Error, Result};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Caller, Role};
use crate::etag::{IfMatch, Versioned};
use crate::guard::Bounds;
use crate::input::{Body, Params, Path, check_name, check_text, given};
use crate::page::{Page, PageQuery};
use crate::problem::{Answer, Problem};
use crate::resolving::{address_of, endpoint_of, has_nul, url_of};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove))
}

/// A connection, as it is given.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionInput {
    /// Its name. On a change it may be left out.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    pub(crate) name: Option<String>,
    /// Its URL: one node, or several hosts of a cluster separated by commas.
    #[schema(example = "mysql://sync@db1:3306,db2:3306/shop")]
    pub(crate) url: String,
    /// Its password. On a change: left out, the one that is there stays; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, write_only)]
    pub(crate) password: Option<Option<String>>,
    /// Options of its connector, beside those in the URL.
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
    /// What it is, for people.
    #[serde(default)]
    pub(crate) description: String,
    /// How many runs may use it at the same time; as the settings say when not given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1024)]
    pub(crate) limit: Option<u32>,
    /// The projects whose jobs may use it; all when none is named. On a change: left out, they stay.
    #[serde(default)]
    pub(crate) projects: Option<Vec<String>>,
}

/// A connection.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectionView {
    /// Its name.
    name: String,
    /// Id of its connector.
    connector: String,
    /// Its URL, without password and options.
    url: String,
    /// Its options.
    options: BTreeMap<String, String>,
    /// Whether a password is kept for it.
    has_password: bool,
    /// What it is, for people.
    description: String,
    /// How many runs may use it at the same time.
    limit: Option<u32>,
    /// The projects whose jobs may use it; all when none is named.
    projects: Vec<String>,
    /// How often it has been changed; the same as the `ETag`.
    version: u64,
    /// When it was made.
    created_at: String,
    /// When it last changed.
    updated_at: String,
    /// Who changed it last.
    updated_by: String,
    /// Jobs that use it.
    used_by: Vec<String>,
}

impl ConnectionView {
    fn of(connection: Connection, used_by: Vec<String>) -> Result<Self> {
        let endpoint = address_of(&connection)?;
        Ok(Self {
            url: url_of(&endpoint, false),
            options: endpoint.options,
            name: connection.name,
            connector: connection.body.connector,
            has_password: connection.has_secret,
            description: connection.body.description,
            limit: connection.body.limit,
            projects: connection.body.projects,
            version: connection.version,
            created_at: connection.created_at,
            updated_at: connection.updated_at,
            updated_by: connection.updated_by,
            used_by,
        })
    }
}

/// A connection that was given, looked through.
pub(crate) struct Given {
    /// Where it leads; its password is apart.
    pub(crate) endpoint: Endpoint,
    /// What is said of its password.
    pub(crate) password: Option<Option<Secret>>,
    /// What is kept of it.
    pub(crate) body: ConnectionBody,
}

/// Looks through what was given for a connection.
///
/// # Errors
/// [`Code::BadUrl`], [`Code::BadValue`], [`Code::UnknownKey`], [`Code::UnknownConnector`],
/// [`Code::OutOfBounds`].
pub(crate) fn look_through(
    input: ConnectionInput,
    registry: &Registry,
    bounds: &Bounds,
) -> Result<Given> {
    const PROJECTS: usize = 100;
    let variable = std::cell::RefCell::new(None);
    let parsed = Endpoint::parse_with(&input.url, |name| {
        *variable.borrow_mut() = Some(name.to_owned());
        Some(String::new())
    });
    let mut endpoint = parsed?;
    if let Some(name) = variable.into_inner() {
        let message = format!("the password is to come from ${name}");
        return Err(Error::new(Code::BadValue, message).hint(
            "a connection keeps its own password, encrypted: give it as password; write a $ in a \
             URL's password as %24",
        ));
    }
    check_text("description", &input.description)?;
    if input.limit.is_some_and(|limit| !(1..=1024).contains(&limit)) {
        return Err(Error::new(Code::BadValue, "limit: 1 to 1024 runs"));
    }
    let mut projects = input.projects.unwrap_or_default();
    projects.sort();
    projects.dedup();
    projects.iter().try_for_each(|project| check_name("project", project))?;
    if projects.len() > PROJECTS {
        return Err(Error::new(Code::BadValue, format!("projects: {PROJECTS} of them at most")));
    }
    for (key, value) in input.options {
        let before = endpoint.options.insert(key.clone(), value.clone());
        if before.is_some_and(|before| before != value) {
            let message = format!("option {key:?} has one value in the URL, and another beside it");
            return Err(Error::new(Code::BadValue, message));
        }
    }
    let inside = endpoint.password.take();
    let outside = input.password.map(|p| p.filter(|p| !p.is_empty()).map(Secret::new));
    let password = match (inside, outside) {
        (Some(inside), Some(Some(outside))) if inside != outside => {
            return Err(Error::new(
                Code::BadValue,
                "one password in the URL, and another beside it",
            ));
        }
        (Some(inside), _) => Some(Some(inside)),
        (None, outside) => outside,
    };
    if has_nul(&endpoint) {
        return Err(Error::new(Code::BadValue, "U+0000 in a text"));
    }
    let connector = registry.get(&endpoint.scheme)?;
    bounds.endpoint(&endpoint)?;
    let spec = connector.spec();
    // Building is pure: it looks at the options, and connects to nothing.
    if spec.roles.source.is_empty() {
        connector.sink(&endpoint)?;
    } else if let Err(error) = connector.source(&endpoint) {
        // A pattern of target files is no source.
        if !spec.roles.sink || connector.sink(&endpoint).is_err() {
            return Err(error);
        }
    }
    let json = serde_json::to_string(&endpoint)
        .map_err(|e| Error::bug("an address cannot be written").because(e))?;
    Ok(Given {
        endpoint,
        password,
        body: ConnectionBody {
            connector: spec.id.to_owned(),
            endpoint: json,
            description: input.description,
            limit: input.limit,
            projects,
        },
    })
}

/// Whether a password that is kept for one address may be sent to another: the same account of the
/// same hosts, at least as well protected. Else somebody who may not read it could have it sent to
/// himself.
pub(crate) fn same_account(one: &Endpoint, other: &Endpoint) -> bool {
    const GUARDING: &[&str] = &["socket", "tls", "ca", "sslmode", "sslrootcert"];
    let guarding = |e: &Endpoint| -> Vec<Option<String>> {
        GUARDING.iter().map(|key| e.options.get(*key).cloned()).collect()
    };
    one.scheme == other.scheme
        && one.hosts == other.hosts
        && one.user == other.user
        && guarding(one) == guarding(other)
}

/// Which connections are listed.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// A part of the name or the description.
    q: Option<String>,
    /// Items at most: 1 to 500; 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Connections, by name
#[utoipa::path(
    get,
    path = "/connections",
    tag = "connections",
    params(ListQuery),
    responses((status = 200, body = Page<ConnectionView>), (status = 401, body = Problem))
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<ListQuery>,
) -> Answer<Json<Page<ConnectionView>>> {
    caller.needs_somewhere(Role::Viewer)?;
    let page = PageQuery::new(query.limit, query.after);
    let (limit, after) = (page.limit()?, page.after::<String>()?.unwrap_or_default());
    let text = query.q;
    let (found, users) = state
        .blocking(move |store| {
            let found = store.connections(text.as_deref(), &after, limit + 1)?;
            let users = match (found.first(), found.last()) {
                (Some(first), Some(last)) => store.users_between(&first.name, &last.name)?,
                _ => Vec::new(),
            };
            Ok((found, users))
        })
        .await?;
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (connection, job) in users.into_iter().filter(|(_, job)| caller.sees_job(job)) {
        by_name.entry(connection).or_default().push(job);
    }
    let view = |mut connection: Connection| {
        let used_by = by_name.remove(&connection.name).unwrap_or_default();
        let seen = caller.sees_connection(&connection.body.projects);
        connection.body.projects.retain(|project| caller.sees_project(project));
        Ok((seen, ConnectionView::of(connection, used_by)?))
    };
    let views = found.into_iter().map(view).collect::<Result<Vec<(bool, ConnectionView)>>>()?;
    let page = Page::of(views, limit, |(_, view)| view.name.clone())?;
    Ok(Json(page.map(|(seen, view)| seen.then_some(view))))
}

/// Make a connection
#[utoipa::path(
    post,
    path = "/connections",
    tag = "connections",
    request_body = ConnectionInput,
    responses(
        (status = 201, body = ConnectionView),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Body(input): Body<ConnectionInput>,
) -> Answer<(StatusCode, Versioned<ConnectionView>)> {
    caller.needs(Role::Editor)?;
    let name = input.name.clone().ok_or_else(|| Error::new(Code::BadValue, "name is missing"))?;
    check_name("connection", &name)?;
    let (registry, vault) = (Arc::clone(&state.registry), Arc::clone(&state.vault));
    let (by, of) = (caller.name.clone(), name.clone());
    let made = state
        .blocking(move |store| {
            let given = look_through(input, &registry, &Bounds::of(store)?)?;
            let password = given.password.flatten();
            let secret = password.map(|p| vault.seal(&connection_secret(&of), &p)).transpose()?;
            store.create_connection(&of, &given.body, secret.as_ref(), &by)
        })
        .await?;
    let detail = json!({ "connector": made.body.connector });
    state.audit(&caller, "connection.create", &name, detail).await?;
    let version = made.version;
    let view = ConnectionView::of(made, Vec::new())?;
    Ok((StatusCode::CREATED, Versioned(version, view)))
}

/// A connection
#[utoipa::path(
    get,
    path = "/connections/{name}",
    tag = "connections",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = ConnectionView), (status = 404, body = Problem))
)]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer<Versioned<ConnectionView>> {
    caller.needs_somewhere(Role::Viewer)?;
    let (mut found, mut users) = state
        .blocking(move |store| {
            let found = store.connection(&name)?.ok_or_else(|| no_connection(&name))?;
            Ok((found, store.connection_users(&name)?))
        })
        .await?;
    if !caller.sees_connection(&found.body.projects) {
        return Err(no_connection(&found.name).into());
    }
    found.body.projects.retain(|project| caller.sees_project(project));
    users.retain(|job| caller.sees_job(job));
    Ok(Versioned(found.version, ConnectionView::of(found, users)?))
}

/// Change a connection
#[utoipa::path(
    put,
    path = "/connections/{name}",
    tag = "connections",
    params(
        ("name" = String, Path, description = "Its name"),
        ("If-Match" = String, Header, description = "The ETag of what is changed"),
    ),
    request_body = ConnectionInput,
    responses(
        (status = 200, body = ConnectionView),
        (status = 404, body = Problem),
        (status = 412, body = Problem),
        (status = 422, body = Problem),
        (status = 428, body = Problem),
    )
)]
async fn change(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    version: IfMatch,
    Body(input): Body<ConnectionInput>,
) -> Answer<Versioned<ConnectionView>> {
    caller.needs(Role::Editor)?;
    if input.name.as_ref().is_some_and(|given| *given != name) {
        let message = format!("{name:?} keeps its name: jobs refer to it");
        return Err(Error::new(Code::BadValue, message).into());
    }
    let (registry, vault) = (Arc::clone(&state.registry), Arc::clone(&state.vault));
    let (by, of) = (caller.name.clone(), name.clone());
    let (changed, mut users) = state
        .blocking(move |store| {
            let before = store.connection(&of)?.ok_or_else(|| no_connection(&of))?;
            // Another's change between here and the writing would be overwritten unseen.
            let expected = version.version().unwrap_or(before.version);
            let stays = input.projects.is_none();
            let mut given = look_through(input, &registry, &Bounds::of(store)?)?;
            if stays {
                given.body.projects.clone_from(&before.body.projects);
            }
            let secret = match given.password {
                Some(Some(new)) => SecretChange::Set(vault.seal(&connection_secret(&of), &new)?),
                Some(None) => SecretChange::Remove,
                None if before.has_secret => {
                    if !same_account(&address_of(&before)?, &given.endpoint) {
                        return Err(another_account());
                    }
                    SecretChange::Keep
                }
                None => SecretChange::Keep,
            };
            let changed =
                store.change_connection(&of, Some(expected), &given.body, &secret, &by)?;
            Ok((changed, store.connection_users(&of)?))
        })
        .await?;
    users.retain(|job| caller.sees_job(job));
    let detail = json!({ "version": changed.version });
    state.audit(&caller, "connection.update", &name, detail).await?;
    Ok(Versioned(changed.version, ConnectionView::of(changed, users)?))
}

/// Remove a connection
#[utoipa::path(
    delete,
    path = "/connections/{name}",
    tag = "connections",
    params(
        ("name" = String, Path, description = "Its name"),
        ("If-Match" = String, Header, description = "The ETag of what is removed"),
    ),
    responses(
        (status = 204),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Jobs use it"),
        (status = 412, body = Problem),
        (status = 428, body = Problem),
    )
)]
async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    version: IfMatch,
) -> Answer<StatusCode> {
    caller.needs(Role::Editor)?;
    let of = name.clone();
    state.blocking(move |store| store.remove_connection(&of, version.version())).await?;
    state.audit(&caller, "connection.delete", &name, json!({})).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// That there is no such connection.
pub(crate) fn no_connection(name: &str) -> Error {
    Error::new(Code::NotFound, format!("there is no connection {name:?}"))
}

/// That a kept password is not sent elsewhere.
pub(crate) fn another_account() -> Error {
    Error::new(Code::BadValue, "the kept password is of another account or host")
        .hint("give the password again with the new address, or password: null for none")
}

/// Where a connection leads that was given to be tried: with the password given, or the one that is
/// kept under its name when it is of the same account. Blocks.
///
/// # Errors
/// As [`look_through`].
pub(crate) fn to_try(state: &AppState, input: ConnectionInput) -> Result<Endpoint> {
    let store = &state.store;
    let name = input.name.clone();
    let given = look_through(input, &state.registry, &Bounds::of(store)?)?;
    let mut endpoint = given.endpoint;
    let kept = match (&given.password, name) {
        (None, Some(name)) => store.connection(&name)?.filter(|found| found.has_secret),
        _ => None,
    };
    endpoint.password = match kept {
        Some(found) if same_account(&address_of(&found)?, &endpoint) => {
            endpoint_of(store, &state.vault, &found)?.password
        }
        Some(_) => return Err(another_account()),
        None => given.password.flatten(),
    };
    Ok(endpoint)
}
