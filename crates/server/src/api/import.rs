//! Jobs from files: our own, as YAML or JSON, and DataX's. Passwords in them become connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use syncline_connector::{Endpoint, Registry, Secret};
use syncline_engine::{JobFile, Schedule};
use syncline_store::{
    ConnectionBody, DEFAULT_PROJECT, Edit, JobBody, NewConnection, NewJob, Store, connection_secret,
};
use syncline_types::{Code, Error, Result};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::jobs::JobView;
use crate::caller::{Caller, Role};
use crate::input::{Params, Text, check_name};
use crate::problem::{Answer, Problem};
use crate::resolving::{Place, has_nul, job_of, outline};
use crate::secrets::Vault;
use crate::state::AppState;
use crate::step_keys;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(import))
}

/// How a file is imported.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// The job's name; that of the file when not given. Several are numbered.
    name: Option<String>,
    /// The project the jobs are put into; `default` when not given.
    project: Option<String>,
}

/// What was imported.
#[derive(Serialize, ToSchema)]
struct Imported {
    /// The jobs. Their schedules start none of those that come from DataX.
    jobs: Vec<JobView>,
    /// Connections that were made for them.
    connections: Vec<String>,
    /// What a person should know.
    notes: Vec<String>,
}

/// Make jobs of a file: our own as YAML or JSON, or a DataX job
#[utoipa::path(
    post,
    path = "/jobs/import",
    tag = "jobs",
    params(ImportQuery),
    request_body(content = String, content_type = "text/plain"),
    responses(
        (status = 201, body = Imported),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem),
    )
)]
async fn import(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<ImportQuery>,
    Text(text): Text,
) -> Answer<(StatusCode, Json<Imported>)> {
    let project = query.project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned());
    check_name("project", &project)?;
    caller.needs_project(Role::Editor, &project)?;
    // What somebody makes who may do so in a project alone is for that project alone.
    let everywhere = caller.needs(Role::Editor).is_ok();
    let open_to = if everywhere { Vec::new() } else { vec![project.clone()] };
    if text.contains('\0') {
        return Err(Error::new(Code::BadValue, "U+0000 in the file").into());
    }
    let (vault, registry) = (Arc::clone(&state.vault), Arc::clone(&state.registry));
    let (by, places) = (caller.name.clone(), Arc::clone(&state.places));
    let (made, connections, notes) = state
        .blocking(move |store| {
            let mut files = Files::read(&text, query.name.as_deref())?;
            let mut into = Into {
                store,
                vault: &vault,
                registry: &registry,
                project: &project,
                open_to,
                made: Vec::new(),
            };
            let jobs: Vec<NewJob> = files
                .all
                .iter_mut()
                .map(|file| into.job(file, &mut files.notes))
                .collect::<Result<_>>()?;
            let edit = Edit { author: &by, note: "imported", project: Some(&project) };
            let made = store.create_jobs(&jobs, &into.made, edit)?;
            made.iter().for_each(|job| places.put(&job.name, &job.project));
            let connections: Vec<String> = into.made.into_iter().map(|c| c.name).collect();
            Ok((made, connections, files.notes))
        })
        .await?;
    for name in &connections {
        state.audit(&caller, "connection.create", name, json!({ "by": "import" })).await?;
    }
    for job in &made {
        state.audit(&caller, "job.create", &job.name, json!({ "by": "import" })).await?;
    }
    let view = |job| JobView::of(job, None, &state);
    let jobs = made.into_iter().map(view).collect::<Result<_>>()?;
    Ok((StatusCode::CREATED, Json(Imported { jobs, connections, notes })))
}

/// One job that was read.
struct File {
    name: String,
    job: JobFile,
    /// The text it was read from, where that was YAML of ours.
    yaml: Option<String>,
    /// Passwords that stood in the file, by the alias of their connection.
    passwords: BTreeMap<String, Secret>,
    enabled: bool,
}

/// The jobs of a file.
struct Files {
    all: Vec<File>,
    notes: Vec<String>,
}

impl Files {
    fn read(text: &str, name: Option<&str>) -> Result<Self> {
        if syncline_datax::is_datax(text) {
            Self::datax(text, name)
        } else {
            Self::ours(text, name)
        }
    }

    fn ours(text: &str, name: Option<&str>) -> Result<Self> {
        let mut job = JobFile::parse(text, "job")?;
        let inside = job.name.take();
        let name = match (name, inside) {
            (Some(name), _) => name.to_owned(),
            (None, Some(name)) => name,
            (None, None) => {
                return Err(Error::new(Code::BadValue, "the job has no name").hint("give ?name="));
            }
        };
        check_name("job", &name)?;
        let passwords = take_passwords(&mut job)?;
        let mut notes = Vec::new();
        // Its own text, with its comments, unless a password stands in it; JSON has no comments.
        let json = text.trim_start().starts_with('{');
        let named = text.lines().any(|line| line.starts_with("name:"));
        let yaml = (passwords.is_empty() && !json && !named).then(|| text.to_owned());
        let yaml = match yaml {
            None if passwords.is_empty() && !json => Some(super::versions::renamed(text, &name)),
            yaml => yaml,
        };
        if !passwords.is_empty() {
            notes.push(format!(
                "{name}: passwords in it have become connections; the text of the job was written \
                 anew, without comments"
            ));
        }
        if yaml.is_some() && named {
            job.name = Some(name.clone());
        }
        let file = File { name, job, yaml, passwords, enabled: true };
        Ok(Self { all: vec![file], notes })
    }

    fn datax(text: &str, name: Option<&str>) -> Result<Self> {
        let name = name.unwrap_or("datax");
        check_name("job", name)?;
        let converted = syncline_datax::convert(text, name, &BTreeMap::new())?;
        let mut notes = converted.notes;
        let several = converted.parts.len() > 1;
        let mut all: Vec<File> = Vec::new();
        for (at, part) in converted.parts.into_iter().enumerate() {
            let mut job = part.job;
            let name = if several { format!("{name}-{}", at + 1) } else { name.to_owned() };
            check_name("job", &name)?;
            job.name = None;
            for connection in job.connections.values_mut() {
                connection.password = None;
            }
            if let Some(clear) = part.clear {
                notes.push(format!("{name}: a server does not do it: {clear}"));
            }
            if let Some(before) = all.last() {
                // DataX does them one after the other.
                job.schedule = Some(Schedule::following(&before.name));
                notes.push(format!("{name} starts whenever {} has finished", before.name));
            }
            let given = [("reader", part.source_password), ("writer", part.sink_password)];
            let passwords = given.into_iter().filter_map(|(a, p)| Some((a.to_owned(), p?)));
            let passwords = passwords.collect();
            all.push(File { name, job, yaml: None, passwords, enabled: several && at > 0 });
        }
        Ok(Self { all, notes })
    }
}

/// Takes the passwords out of a job's addresses; an address of a side that has one becomes a
/// connection of the job.
fn take_passwords(job: &mut JobFile) -> Result<BTreeMap<String, Secret>> {
    let mut found = BTreeMap::new();
    let literal = |url: &str| -> Result<Option<(String, Secret)>> {
        let mut endpoint = Endpoint::parse_with(url, |_| Some(String::new()))?;
        let password = endpoint.password.take().filter(|p| !p.expose().is_empty());
        Ok(password.map(|p| (crate::resolving::url_of(&endpoint, true), p)))
    };
    for (alias, connection) in &mut job.connections {
        if let Some((url, password)) =
            literal(&connection.url).map_err(|e| e.at(format!("connections.{alias}")))?
        {
            connection.url = url;
            found.insert(alias.clone(), password);
        }
    }
    for (side, url, connection) in [
        ("source", &mut job.source.url, &mut job.source.connection),
        ("sink", &mut job.sink.url, &mut job.sink.connection),
    ] {
        let Some(text) = url.as_ref() else { continue };
        if let Some((clean, password)) = literal(text).map_err(|e| e.at(side))? {
            job.connections.insert(side.to_owned(), syncline_engine::ConnectionConfig::new(clean));
            found.insert(side.to_owned(), password);
            *url = None;
            *connection = Some(side.to_owned());
        }
    }
    Ok(found)
}

/// Makes what is kept of what was read.
struct Into<'a> {
    store: &'a Store,
    vault: &'a Vault,
    registry: &'a Registry,
    /// The project the jobs are put into.
    project: &'a str,
    /// The projects that connections made with them are open to; none: all.
    open_to: Vec<String>,
    /// Connections that are made together with the jobs.
    made: Vec<NewConnection>,
}

impl Into<'_> {
    fn job(&mut self, file: &mut File, notes: &mut Vec<String>) -> Result<NewJob> {
        // As it stands, it is looked through; what it refers to becomes stored after that.
        let place = Place { name: &file.name, project: self.project };
        let job = job_of(self.store, self.vault, file.job.clone(), place)?;
        for endpoint in [&job.source, &job.sink] {
            self.registry.get(&endpoint.scheme)?;
            if has_nul(endpoint) {
                return Err(Error::new(Code::BadUrl, "U+0000 in an address"));
            }
        }
        syncline_engine::check_steps(&job)?;
        let passwords = std::mem::take(&mut file.passwords);
        for (alias, password) in passwords {
            let Some(own) = file.job.connections.remove(&alias) else { continue };
            let endpoint = Endpoint::parse_with(&own.url, |_| None)?;
            let name = self.connection(&file.name, &alias, &endpoint, &password)?;
            for side in [&mut file.job.source.connection, &mut file.job.sink.connection] {
                if side.as_ref() == Some(&alias) {
                    *side = Some(name.clone());
                }
            }
            notes.push(format!("{}: {alias} is the connection {name} now", file.name));
        }
        let spec = file.job.to_value()?;
        let outline = outline(&file.job, &job)?;
        let mut body = JobBody {
            spec: spec.to_string(),
            yaml: file.yaml.take(),
            description: String::new(),
            priority: 0,
            enabled: file.enabled,
        };
        step_keys::seal(self.store, self.vault, &mut body)?;
        Ok(NewJob { name: file.name.clone(), body, outline })
    }

    /// A connection for an address and its password: one that this import makes already, or
    /// another, under a name that is free.
    fn connection(
        &mut self,
        job: &str,
        alias: &str,
        endpoint: &Endpoint,
        password: &Secret,
    ) -> Result<String> {
        let json = serde_json::to_string(endpoint)
            .map_err(|e| Error::bug("an address cannot be written").because(e))?;
        for made in self.made.iter().filter(|made| made.body.endpoint == json) {
            let Some(sealed) = &made.secret else { continue };
            if self.vault.open_secret(&connection_secret(&made.name), sealed)? == *password {
                return Ok(made.name.clone());
            }
        }
        let name = self.free_name(job, alias)?;
        let secret = self.vault.seal(&connection_secret(&name), password)?;
        let connector = self.registry.get(&endpoint.scheme)?.spec().id.to_owned();
        let description = format!("imported with the job {job}");
        let projects = self.open_to.clone();
        let body = ConnectionBody { connector, endpoint: json, description, limit: None, projects };
        self.made.push(NewConnection { name: name.clone(), body, secret: Some(secret) });
        Ok(name)
    }

    fn free_name(&self, job: &str, alias: &str) -> Result<String> {
        const TRIES: usize = 100;
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let short = |text: &str| text.chars().take(50).map(plain).collect::<String>();
        let base = format!("{}-{}", short(job), short(alias));
        for number in 1..=TRIES {
            let name = if number == 1 { base.clone() } else { format!("{base}-{number}") };
            let made = self.made.iter().any(|made| made.name == name);
            if !made && self.store.connection(&name)?.is_none() {
                check_name("connection", &name)?;
                return Ok(name);
            }
        }
        let message = format!("no name is free for the connection {base:?}");
        Err(Error::new(Code::NameTaken, message).hint("import the job under another name: ?name="))
    }
}
