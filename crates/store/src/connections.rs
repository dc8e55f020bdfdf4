//! Connections: stores by name, for jobs to refer to.

use syncline_types::{Code, Error, Result};

use crate::conditions::containing;
use crate::database::{Done, Failed, Failure, Row, Session, params};
use crate::secrets::{self, Sealed};
use crate::{Store, now};

/// What people say of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionBody {
    /// Id of its connector.
    pub connector: String,
    /// Where it is, as the server wrote it (JSON, without secrets).
    pub endpoint: String,
    /// What it is, for people.
    pub description: String,
    /// How many runs may use it at the same time.
    pub limit: Option<u32>,
    /// The projects whose jobs may use it; none: all.
    pub projects: Vec<String>,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its name.
    pub name: String,
    /// What people say of it.
    pub body: ConnectionBody,
    /// Whether a secret is kept for it.
    pub has_secret: bool,
    /// How often it has been changed; 1 at first.
    pub version: u64,
    /// When it was made (UTC, ISO 8601).
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Who changed it last.
    pub updated_by: String,
}

/// What becomes of a connection's secret when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretChange {
    /// It stays.
    Keep,
    /// There is none any more.
    Remove,
    /// This one takes its place.
    Set(Sealed),
}

/// Where a connection's password is kept among the secrets.
pub fn connection_secret(name: &str) -> String {
    format!("connections/{name}/password")
}

const SELECT: &str = "SELECT c.name, c.connector, c.endpoint, c.description, c.run_limit, \
                      c.projects, c.version, c.created_at, c.updated_at, c.updated_by, s.key_id \
                      FROM connections c LEFT JOIN secrets s \
                      ON s.place = 'connections/' || c.name || '/password'";

fn connection(row: &Row) -> Done<Connection> {
    Ok(Connection {
        name: row.get("name")?,
        body: ConnectionBody {
            connector: row.get("connector")?,
            endpoint: row.get("endpoint")?,
            description: row.get("description")?,
            limit: row.get("run_limit")?,
            projects: projects_of(row)?,
        },
        has_secret: row.get::<Option<String>>("key_id")?.is_some(),
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        updated_by: row.get("updated_by")?,
    })
}

/// The projects that a connection is open to, as they are kept. What cannot be read must not become
/// a connection for all.
pub(crate) fn projects_of(row: &Row) -> Done<Vec<String>> {
    let json: String = row.get("projects")?;
    serde_json::from_str(&json).map_err(|e| Failed::new(Failure::Other, e))
}

/// The same, to be kept; projects that are not there are refused.
fn kept_projects(session: &mut Session, projects: &[String], doing: &str) -> Result<String> {
    for project in projects {
        crate::projects::hold(session, project, doing)?;
    }
    serde_json::to_string(projects)
        .map_err(|e| Error::bug("names of projects cannot be written").because(e))
}

/// That there is nothing of this name.
pub(crate) fn missing(what: &str, name: &str) -> Error {
    Error::new(Code::NotFound, format!("there is no {what} {name:?}"))
}

/// That another was quicker.
pub(crate) fn mismatch(what: &str, name: &str, found: u64) -> Error {
    Error::new(Code::VersionMismatch, format!("{what} {name:?} is of version {found} by now"))
        .hint("read it again, and make the change on what is there")
}

/// That the name is taken, where that is why writing failed.
pub(crate) fn taken(failed: Failed, doing: &str, what: &str, name: &str) -> Error {
    match failed.kind {
        Failure::Exists => {
            Error::new(Code::NameTaken, format!("there is a {what} {name:?} already"))
        }
        _ => failed.while_(doing),
    }
}

impl Store {
    /// The connection of that name.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn connection(&self, name: &str) -> Result<Option<Connection>> {
        let sql = format!("{SELECT} WHERE c.name = $1");
        Ok(self.database().read("reading a connection", &sql, params![name], connection)?.pop())
    }

    /// Connections by name, those behind `after`, at most so many; only those with `text` in their
    /// name or description, when it is given.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn connections(
        &self,
        text: Option<&str>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Connection>> {
        let doing = "listing connections";
        let Some(text) = text else {
            let sql = format!("{SELECT} WHERE c.name > $1 ORDER BY c.name LIMIT $2");
            return self.database().read(doing, &sql, params![after, limit], connection);
        };
        let like = containing(text);
        let sql = format!(
            "{SELECT} WHERE c.name > $1 AND (lower(c.name) LIKE $2 ESCAPE '!'
                 OR lower(c.description) LIKE $2 ESCAPE '!') ORDER BY c.name LIMIT $3"
        );
        self.database().read(doing, &sql, params![after, like, limit], connection)
    }

    /// Makes a connection.
    ///
    /// # Errors
    /// [`Code::NameTaken`].
    pub fn create_connection(
        &self,
        name: &str,
        body: &ConnectionBody,
        secret: Option<&Sealed>,
        by: &str,
    ) -> Result<Connection> {
        let doing = "making a connection";
        self.database().transaction(doing, |session| {
            insert(session, name, body, secret, by)?;
            read(session, name, doing)
        })
    }

    /// Changes the connection of `version`; any version when none is given.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::VersionMismatch`] when another was quicker.
    pub fn change_connection(
        &self,
        name: &str,
        version: Option<u64>,
        body: &ConnectionBody,
        secret: &SecretChange,
        by: &str,
    ) -> Result<Connection> {
        let doing = "changing a connection";
        self.database().transaction(doing, |session| {
            expect(session, "connections", "connection", name, version, doing)?;
            let projects = kept_projects(session, &body.projects, doing)?;
            let mut write = || {
                session.execute(
                    "UPDATE connections SET connector = $1, endpoint = $2, description = $3,
                         run_limit = $4, version = version + 1, updated_at = $5, updated_by = $6,
                         projects = $7
                     WHERE name = $8",
                    params![
                        &body.connector,
                        &body.endpoint,
                        &body.description,
                        body.limit,
                        now(),
                        by,
                        &projects,
                        name
                    ],
                )?;
                match secret {
                    SecretChange::Keep => Ok(()),
                    SecretChange::Remove => secrets::remove(session, &connection_secret(name)),
                    SecretChange::Set(new) => secrets::put(session, &connection_secret(name), new),
                }
            };
            write().map_err(|e: Failed| e.while_(doing))?;
            read(session, name, doing)
        })
    }

    /// Removes the connection of `version`, with its secret; any version when none is given.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::VersionMismatch`]; [`Code::StillUsed`], naming the jobs.
    pub fn remove_connection(&self, name: &str, version: Option<u64>) -> Result<()> {
        let doing = "removing a connection";
        self.database().transaction(doing, |session| {
            expect(session, "connections", "connection", name, version, doing)?;
            let sql = "SELECT DISTINCT job FROM job_connections WHERE connection = $1 ORDER BY job";
            let rows = session.query(sql, params![name]).map_err(|e| e.while_(doing))?;
            let jobs: Done<Vec<String>> = rows.iter().map(|row| row.get("job")).collect();
            let jobs = jobs.map_err(|e| e.while_(doing))?;
            if !jobs.is_empty() {
                let message = format!("connection {name:?} is used by {}", listed("job", &jobs));
                return Err(Error::new(Code::StillUsed, message)
                    .hint("remove those jobs, or let them use another connection"));
            }
            let mut write = || {
                secrets::remove(session, &connection_secret(name))?;
                session.execute("DELETE FROM connections WHERE name = $1", params![name])
            };
            write().map(drop).map_err(|e| e.while_(doing))
        })
    }

    /// The jobs that use a connection, by name.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn connection_users(&self, name: &str) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT job FROM job_connections WHERE connection = $1 ORDER BY job";
        let doing = "looking for a connection's jobs";
        self.database().read(doing, sql, params![name], |row| row.get("job"))
    }

    /// Which jobs use which connections: pairs of connection and job, for the connections from
    /// `first` to `last` by name.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn users_between(&self, first: &str, last: &str) -> Result<Vec<(String, String)>> {
        let sql = "SELECT DISTINCT connection, job FROM job_connections \
                   WHERE connection >= $1 AND connection <= $2 ORDER BY connection, job";
        let doing = "looking for the jobs of connections";
        self.database().read(doing, sql, params![first, last], |row| {
            Ok((row.get("connection")?, row.get("job")?))
        })
    }
}

/// A few names, and how many more there are.
pub(crate) fn listed(what: &str, names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|n| format!("{what} {n:?}")).collect();
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

pub(crate) fn insert(
    session: &mut Session,
    name: &str,
    body: &ConnectionBody,
    secret: Option<&Sealed>,
    by: &str,
) -> Result<()> {
    let doing = "making a connection";
    let projects = kept_projects(session, &body.projects, doing)?;
    let mut write = || {
        session.execute(
            "INSERT INTO connections (name, connector, endpoint, description, run_limit, version,
                 created_at, updated_at, updated_by, projects)
             VALUES ($1, $2, $3, $4, $5, 1, $6, $6, $7, $8)",
            params![
                name,
                &body.connector,
                &body.endpoint,
                &body.description,
                body.limit,
                now(),
                by,
                &projects
            ],
        )?;
        match secret {
            Some(secret) => secrets::put(session, &connection_secret(name), secret),
            None => Ok(()),
        }
    };
    write().map_err(|e: Failed| taken(e, doing, "connection", name))
}

fn read(session: &mut Session, name: &str, doing: &str) -> Result<Connection> {
    session
        .row(&format!("{SELECT} WHERE c.name = $1"), params![name])
        .and_then(|row| row.as_ref().map(connection).transpose())
        .map_err(|e| e.while_(doing))?
        .ok_or_else(|| missing("connection", name))
}

/// Holds a row of a versioned table until the transaction ends, and gives its version.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::VersionMismatch`] when it is not of `version`.
pub(crate) fn expect(
    session: &mut Session,
    table: &str,
    what: &str,
    name: &str,
    version: Option<u64>,
    doing: &str,
) -> Result<u64> {
    let sql = format!("SELECT version FROM {table} WHERE name = $1{}", session.for_update());
    let found: Option<u64> = session
        .row(&sql, params![name])
        .and_then(|row| row.map(|row| row.get("version")).transpose())
        .map_err(|e| e.while_(doing))?;
    let found = found.ok_or_else(|| missing(what, name))?;
    match version {
        Some(wanted) if wanted != found => Err(mismatch(what, name, found)),
        _ => Ok(found),
    }
}
