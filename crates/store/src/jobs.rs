//! Jobs: what is to be moved, by name, with every version they had.

use syncline_types::{Code, Error, Result, RunState};

use crate::conditions::{Conditions, containing};
use crate::connections::{expect, insert, missing, taken};
use crate::database::{Done, Failed, Failure, Row, Session, Value, params};
use crate::projects::{self, DEFAULT_PROJECT};
use crate::queue::at_rest;
use crate::{ConnectionBody, Sealed, Store, now};

/// What people say of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobBody {
    /// The job itself (JSON of a job file, without secrets).
    pub spec: String,
    /// The same as it was written, with its comments, where it was written as YAML.
    pub yaml: Option<String>,
    /// What it is, for people.
    pub description: String,
    /// Which goes first when several wait: the higher one.
    pub priority: i32,
    /// Whether it is started by its schedule.
    pub enabled: bool,
}

/// What a job's spec says, for lists and references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOutline {
    /// What it moves: `full`, `batch`, `changes`, `full+changes`.
    pub mode: String,
    /// Its source: the name of a connection, or an address without secrets.
    pub source: String,
    /// Its target.
    pub sink: String,
    /// When it is started by itself (JSON).
    pub schedule: Option<String>,
    /// Stored connections it uses.
    pub connections: Vec<JobConnection>,
}

/// A stored connection that a job uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobConnection {
    /// `source` or `sink`.
    pub side: String,
    /// Its name.
    pub connection: String,
}

/// A job as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    /// Its name.
    pub name: String,
    /// The project it is in.
    pub project: String,
    /// What people say of it.
    pub body: JobBody,
    /// What it moves.
    pub mode: String,
    /// Its source: the name of a connection, or an address without secrets.
    pub source: String,
    /// Its target.
    pub sink: String,
    /// When it is started by itself (JSON).
    pub schedule: Option<String>,
    /// How often it has been changed; 1 at first.
    pub version: u64,
    /// When it was made (UTC, ISO 8601).
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Who changed it last.
    pub updated_by: String,
}

/// A job as it was once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobVersion {
    /// Its number.
    pub version: u64,
    /// What people said of it.
    pub body: JobBody,
    /// Who wrote it.
    pub author: String,
    /// What it was about, where there is something to say.
    pub note: String,
    /// When (UTC, ISO 8601).
    pub at: String,
}

/// Which jobs are listed.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// A part of the name, the description, the source or the target.
    pub text: Option<String>,
    /// Only those whose newest run is in one of these states; all when there are none.
    pub states: Vec<RunState>,
    /// Only those that are enabled, or that are not.
    pub enabled: Option<bool>,
    /// Only those that use this connection.
    pub connection: Option<String>,
    /// Only those of this project.
    pub project: Option<String>,
    /// Only those of one of these projects; of any where there is no such list.
    pub projects: Option<Vec<String>>,
    /// Only those with a schedule.
    pub scheduled: bool,
}

/// A connection that is made together with a job.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// Its name.
    pub name: String,
    /// What is said of it.
    pub body: ConnectionBody,
    /// Its password.
    pub secret: Option<Sealed>,
}

/// A job that is to be made.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its name.
    pub name: String,
    /// What is said of it.
    pub body: JobBody,
    /// What its spec says.
    pub outline: JobOutline,
}

/// Who changes a job, and what about.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// Who.
    pub author: &'a str,
    /// What about, where there is something to say.
    pub note: &'a str,
    /// The project it is put into. It stays where it is when none is said, and a new one is put into
    /// the default one.
    pub project: Option<&'a str>,
}

const SELECT: &str = "SELECT j.name, j.project, j.version, j.mode, j.source, j.sink, j.schedule, \
                      j.created_at, j.updated_at, v.spec, v.yaml, v.description, v.priority, \
                      v.enabled, v.author \
                      FROM jobs j JOIN job_versions v ON v.job = j.name AND v.version = j.version";

fn body(row: &Row) -> Done<JobBody> {
    Ok(JobBody {
        spec: row.get("spec")?,
        yaml: row.get("yaml")?,
        description: row.get("description")?,
        priority: row.get("priority")?,
        enabled: row.get("enabled")?,
    })
}

fn record(row: &Row) -> Done<JobRecord> {
    Ok(JobRecord {
        name: row.get("name")?,
        project: row.get("project")?,
        body: body(row)?,
        mode: row.get("mode")?,
        source: row.get("source")?,
        sink: row.get("sink")?,
        schedule: row.get("schedule")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        updated_by: row.get("author")?,
    })
}

fn version(row: &Row) -> Done<JobVersion> {
    Ok(JobVersion {
        version: row.get("version")?,
        body: body(row)?,
        author: row.get("author")?,
        note: row.get("note")?,
        at: row.get("at")?,
    })
}

const VERSIONS: &str = "SELECT version, spec, yaml, description, priority, enabled, author, note, \
                        at FROM job_versions";

impl Store {
    /// The job of that name.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn job(&self, name: &str) -> Result<Option<JobRecord>> {
        let sql = format!("{SELECT} WHERE j.name = $1");
        Ok(self.database().read("reading a job", &sql, params![name], record)?.pop())
    }

    /// Jobs by name, those behind `after`, at most so many.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn jobs(&self, filter: &JobFilter, after: &str, limit: u32) -> Result<Vec<JobRecord>> {
        let mut only = Conditions::default();
        only.add("j.name > ?", after);
        if let Some(text) = &filter.text {
            let texts = "(lower(j.name) LIKE ? ESCAPE '!' OR lower(v.description) LIKE ? ESCAPE '!' \
                         OR lower(j.source) LIKE ? ESCAPE '!' OR lower(j.sink) LIKE ? ESCAPE '!')";
            only.add(texts, containing(text));
        }
        if let Some(enabled) = filter.enabled {
            only.add("j.enabled = ?", enabled);
        }
        if let Some(connection) = &filter.connection {
            let uses = "EXISTS (SELECT 1 FROM job_connections c \
                        WHERE c.job = j.name AND c.connection = ?)";
            only.add(uses, connection);
        }
        if let Some(project) = &filter.project {
            only.add("j.project = ?", project);
        }
        if let Some(projects) = &filter.projects {
            only.among("j.project", projects);
        }
        let newest =
            "(SELECT r.state FROM runs r WHERE r.job_name = j.name ORDER BY r.id DESC LIMIT 1)";
        only.in_states(newest, &filter.states);
        if filter.scheduled {
            only.sql.push("j.schedule IS NOT NULL".to_owned());
        }
        only.values.push(Value::from(limit));
        let (all, last) = (only.all(), only.values.len());
        let sql = format!("{SELECT} WHERE {all} ORDER BY j.name LIMIT ${last}");
        self.database().read("listing jobs", &sql, &only.values, record)
    }

    /// Makes a job.
    ///
    /// # Errors
    /// [`Code::NameTaken`]; [`Code::NotFound`] for a connection that is not there;
    /// [`Code::BadValue`] for a project that is not.
    pub fn create_job(
        &self,
        name: &str,
        body: &JobBody,
        outline: &JobOutline,
        edit: Edit<'_>,
    ) -> Result<JobRecord> {
        let (name, body, outline) = (name.to_owned(), body.clone(), outline.clone());
        let made = self.create_jobs(&[NewJob { name, body, outline }], &[], edit)?;
        made.into_iter().next().ok_or_else(|| Error::bug("a job that was made is not there"))
    }

    /// Makes jobs, and the connections that come with them: all of them, or nothing.
    ///
    /// # Errors
    /// As [`Store::create_job`]; [`Code::NameTaken`] also for a connection.
    pub fn create_jobs(
        &self,
        jobs: &[NewJob],
        connections: &[NewConnection],
        edit: Edit<'_>,
    ) -> Result<Vec<JobRecord>> {
        let doing = "making a job";
        self.database().transaction(doing, |session| {
            for new in connections {
                insert(session, &new.name, &new.body, new.secret.as_ref(), edit.author)?;
            }
            jobs.iter().map(|job| add(session, job, edit, doing)).collect()
        })
    }

    /// Changes the job of `version`; any version when none is given. What it was stays among its
    /// versions.
    ///
    /// # Errors
    /// [`Code::NotFound`], also for a connection; [`Code::VersionMismatch`]; [`Code::BadValue`] for a
    /// project that is not there; [`Code::BadTransition`] when it is to go into another project
    /// while a run of it is under way.
    pub fn change_job(
        &self,
        name: &str,
        version: Option<u64>,
        body: &JobBody,
        outline: &JobOutline,
        edit: Edit<'_>,
    ) -> Result<JobRecord> {
        let doing = "changing a job";
        self.database().transaction(doing, |session| {
            let next = expect(session, "jobs", "job", name, version, doing)? + 1;
            let before = read(session, name, doing)?.project;
            let project = edit.project.unwrap_or(&before);
            if project != before {
                projects::hold(session, project, doing)?;
                at_rest(session, name)?;
                take_along(session, name, project).map_err(|e| e.while_(doing))?;
            }
            let mut write = || {
                session.execute(
                    "UPDATE jobs SET version = $1, mode = $2, source = $3, sink = $4,
                         schedule = $5, priority = $6, enabled = $7, updated_at = $8, project = $9
                     WHERE name = $10",
                    params![
                        next,
                        &outline.mode,
                        &outline.source,
                        &outline.sink,
                        outline.schedule.as_deref(),
                        body.priority,
                        body.enabled,
                        now(),
                        project,
                        name
                    ],
                )?;
                session.execute("DELETE FROM job_connections WHERE job = $1", params![name])?;
                add_version(session, name, (next, project), body, edit)
            };
            write().map_err(|e: Failed| e.while_(doing))?;
            refer(session, name, &outline.connections, doing)?;
            read(session, name, doing)
        })
    }

    /// Removes the job of `version`; any version when none is given. Its runs and versions stay.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::VersionMismatch`].
    pub fn remove_job(&self, name: &str, version: Option<u64>) -> Result<()> {
        let doing = "removing a job";
        self.database().transaction(doing, |session| {
            expect(session, "jobs", "job", name, version, doing)?;
            session
                .execute("DELETE FROM jobs WHERE name = $1", params![name])
                .map(drop)
                .map_err(|e| e.while_(doing))
        })
    }

    /// Versions of a job, newest first: those before `before`, at most so many.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn job_versions(&self, name: &str, before: u64, limit: u32) -> Result<Vec<JobVersion>> {
        let sql =
            format!("{VERSIONS} WHERE job = $1 AND version < $2 ORDER BY version DESC LIMIT $3");
        let doing = "listing the versions of a job";
        self.database().read(doing, &sql, params![name, before, limit], version)
    }

    /// A version of a job, also of one that was removed.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn job_version(&self, name: &str, number: u64) -> Result<Option<JobVersion>> {
        let sql = format!("{VERSIONS} WHERE job = $1 AND version = $2");
        let doing = "reading a version of a job";
        Ok(self.database().read(doing, &sql, params![name, number], version)?.pop())
    }

    /// The stored connections a job uses.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn job_connections(&self, name: &str) -> Result<Vec<JobConnection>> {
        let sql = "SELECT side, connection FROM job_connections WHERE job = $1 ORDER BY side DESC";
        let doing = "looking for a job's connections";
        self.database().read(doing, sql, params![name], |row| {
            Ok(JobConnection { side: row.get("side")?, connection: row.get("connection")? })
        })
    }
}

fn add(session: &mut Session, job: &NewJob, edit: Edit<'_>, doing: &str) -> Result<JobRecord> {
    let NewJob { name, body, outline } = job;
    let project = edit.project.unwrap_or(DEFAULT_PROJECT);
    projects::hold(session, project, doing)?;
    let version = first_version(session, name, project, doing)?;
    let written = session.execute(
        "INSERT INTO jobs (name, version, mode, source, sink, schedule, priority, enabled,
             created_at, updated_at, project) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)",
        params![
            name,
            version,
            &outline.mode,
            &outline.source,
            &outline.sink,
            outline.schedule.as_deref(),
            body.priority,
            body.enabled,
            now(),
            project
        ],
    );
    written.map_err(|e| taken(e, doing, "job", name))?;
    let mut write = || {
        if version > 1 {
            take_along(session, name, project)?;
        }
        add_version(session, name, (version, project), body, edit)
    };
    write().map_err(|e: Failed| e.while_(doing))?;
    refer(session, name, &outline.connections, doing)?;
    read(session, name, doing)
}

/// A job that is made again under an old name goes on counting where the old one stopped. What the
/// old one has left is for those of its project alone.
fn first_version(session: &mut Session, name: &str, project: &str, doing: &str) -> Result<u64> {
    let sql = "SELECT v.version, p.name AS there FROM job_versions v
               LEFT JOIN projects p ON p.name = v.project
               WHERE v.job = $1 AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.name = v.job)
               ORDER BY v.version DESC LIMIT 1";
    let last = session.row(sql, params![name]).map_err(|e| e.while_(doing))?;
    let Some(last) = last else { return Ok(1) };
    let read = || -> Done<(u64, Option<String>)> { Ok((last.get("version")?, last.get("there")?)) };
    let (version, there) = read().map_err(|e| e.while_(doing))?;
    match there.filter(|old| old != project) {
        Some(old) => {
            let message =
                format!("there was a job {name:?} in project {old:?}, whose history is kept");
            Err(Error::new(Code::NameTaken, message)
                .hint("give it another name; or make it in that project, and move it from there"))
        }
        None => Ok(version + 1),
    }
}

/// The runs of a job are in its project.
fn take_along(session: &mut Session, name: &str, project: &str) -> Done<()> {
    let sql = "UPDATE runs SET project = $1 WHERE job_name = $2 AND project <> $1";
    session.execute(sql, params![project, name]).map(drop)
}

fn add_version(
    session: &mut Session,
    name: &str,
    (version, project): (u64, &str),
    body: &JobBody,
    edit: Edit<'_>,
) -> Done<()> {
    session
        .execute(
            "INSERT INTO job_versions (job, version, spec, yaml, description, priority, enabled,
                 author, note, at, project)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            params![
                name,
                version,
                &body.spec,
                body.yaml.as_deref(),
                &body.description,
                body.priority,
                body.enabled,
                edit.author,
                edit.note,
                now(),
                project
            ],
        )
        .map(drop)
}

fn refer(
    session: &mut Session,
    name: &str,
    connections: &[JobConnection],
    doing: &str,
) -> Result<()> {
    let sql = "INSERT INTO job_connections (job, side, connection) VALUES ($1, $2, $3)";
    for used in connections {
        let written = session.execute(sql, params![name, &used.side, &used.connection]);
        written.map_err(|e| match e.kind {
            Failure::Referred => missing("connection", &used.connection),
            _ => e.while_(doing),
        })?;
    }
    Ok(())
}

fn read(session: &mut Session, name: &str, doing: &str) -> Result<JobRecord> {
    session
        .row(&format!("{SELECT} WHERE j.name = $1"), params![name])
        .and_then(|row| row.as_ref().map(record).transpose())
        .map_err(|e| e.while_(doing))?
        .ok_or_else(|| Error::new(Code::NotFound, format!("there is no job {name:?}")))
}
