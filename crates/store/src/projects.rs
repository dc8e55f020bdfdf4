//! Projects: named groups of jobs, with what belongs to them. Every job is in one.

use syncline_types::{Code, Error, Result};

use crate::connections::{expect, listed, missing, taken};
use crate::database::{Done, Row, Session, params};
use crate::{Store, now};

/// The project that jobs are in until somebody says otherwise. It is always there.
pub const DEFAULT_PROJECT: &str = "default";

/// What people say of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectBody {
    /// What it is, for people.
    pub description: String,
    /// How many runs of its jobs may be at work at the same time; none: no limit.
    pub max_running: Option<u32>,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// What people say of it.
    pub body: ProjectBody,
    /// How many jobs are in it.
    pub jobs: u64,
    /// How often it has been changed; 1 at first.
    pub version: u64,
    /// When it was made (UTC, ISO 8601).
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Who changed it last; nobody for one that came with the state.
    pub updated_by: String,
}

const SELECT: &str = "SELECT p.name, p.description, p.max_running, p.version, p.created_at, \
                      p.updated_at, p.updated_by, \
                      (SELECT count(*) FROM jobs j WHERE j.project = p.name) AS jobs \
                      FROM projects p";

fn project(row: &Row) -> Done<Project> {
    Ok(Project {
        name: row.get("name")?,
        body: ProjectBody {
            description: row.get("description")?,
            max_running: row.get("max_running")?,
        },
        jobs: row.get("jobs")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        updated_by: row.get("updated_by")?,
    })
}

impl Store {
    /// The project of that name.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn project(&self, name: &str) -> Result<Option<Project>> {
        let sql = format!("{SELECT} WHERE p.name = $1");
        Ok(self.database().read("reading a project", &sql, params![name], project)?.pop())
    }

    /// Projects by name, those behind `after`, at most so many.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn projects(&self, after: &str, limit: u32) -> Result<Vec<Project>> {
        let sql = format!("{SELECT} WHERE p.name > $1 ORDER BY p.name LIMIT $2");
        self.database().read("listing projects", &sql, params![after, limit], project)
    }

    /// The limits of the projects that have one.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn project_limits(&self) -> Result<Vec<(String, u32)>> {
        let sql = "SELECT name, max_running FROM projects WHERE max_running IS NOT NULL";
        self.database().read("reading limits of projects", sql, &[], |row| {
            Ok((row.get("name")?, row.get("max_running")?))
        })
    }

    /// Makes a project.
    ///
    /// # Errors
    /// [`Code::NameTaken`].
    pub fn create_project(&self, name: &str, body: &ProjectBody, by: &str) -> Result<Project> {
        let doing = "making a project";
        self.database().transaction(doing, |session| {
            let made = session.execute(
                "INSERT INTO projects (name, description, max_running, version, created_at,
                     updated_at, updated_by) VALUES ($1, $2, $3, 1, $4, $4, $5)",
                params![name, &body.description, body.max_running, now(), by],
            );
            made.map_err(|e| taken(e, doing, "project", name))?;
            read(session, name, doing)
        })
    }

    /// Changes the project of `version`; any version when none is given.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::VersionMismatch`] when another was quicker.
    pub fn change_project(
        &self,
        name: &str,
        version: Option<u64>,
        body: &ProjectBody,
        by: &str,
    ) -> Result<Project> {
        let doing = "changing a project";
        self.database().transaction(doing, |session| {
            expect(session, "projects", "project", name, version, doing)?;
            let changed = session.execute(
                "UPDATE projects SET description = $1, max_running = $2, version = version + 1,
                     updated_at = $3, updated_by = $4 WHERE name = $5",
                params![&body.description, body.max_running, now(), by, name],
            );
            changed.map_err(|e| e.while_(doing))?;
            read(session, name, doing)
        })
    }

    /// Removes the project of `version` with its members; any version when none is given. What
    /// jobs that were removed before have left keeps its name.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::VersionMismatch`]; [`Code::StillUsed`] for the default one, and
    /// when jobs are in it or connections are limited to it.
    pub fn remove_project(&self, name: &str, version: Option<u64>) -> Result<()> {
        let doing = "removing a project";
        self.database().transaction(doing, |session| {
            expect(session, "projects", "project", name, version, doing)?;
            if name == DEFAULT_PROJECT {
                let message = format!("jobs are in the project {name:?} until another is said");
                return Err(Error::new(Code::StillUsed, message));
            }
            let sql = "SELECT name FROM jobs WHERE project = $1 ORDER BY name";
            let rows = session.query(sql, params![name]).map_err(|e| e.while_(doing))?;
            let jobs: Done<Vec<String>> = rows.iter().map(|row| row.get("name")).collect();
            let jobs = jobs.map_err(|e| e.while_(doing))?;
            if !jobs.is_empty() {
                let message = format!("project {name:?} has {}", listed("job", &jobs));
                return Err(Error::new(Code::StillUsed, message)
                    .hint("remove those jobs, or put them into another project"));
            }
            let connections = limited_to(session, name).map_err(|e| e.while_(doing))?;
            if !connections.is_empty() {
                let these = listed("connection", &connections);
                let message = format!("project {name:?} is named by {these}");
                return Err(Error::new(Code::StillUsed, message)
                    .hint("open those connections to other projects first"));
            }
            let sql = "DELETE FROM projects WHERE name = $1";
            session.execute(sql, params![name]).map(drop).map_err(|e| e.while_(doing))
        })
    }

    /// Which jobs are in another project than the default one, or were when they were removed:
    /// pairs of job and project.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn job_projects(&self) -> Result<Vec<(String, String)>> {
        let sql = "SELECT name, project FROM jobs WHERE project <> $1
                   UNION ALL
                   SELECT v.job, v.project FROM job_versions v WHERE v.project <> $1
                   AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.name = v.job)
                   AND NOT EXISTS (SELECT 1 FROM job_versions w
                                   WHERE w.job = v.job AND w.version > v.version)";
        let doing = "looking for the projects of jobs";
        self.database().read(doing, sql, params![DEFAULT_PROJECT], |row| {
            Ok((row.get("name")?, row.get("project")?))
        })
    }
}

/// Keeps a project from being removed until the transaction ends.
///
/// # Errors
/// [`Code::BadValue`] when there is none of that name.
pub(crate) fn hold(session: &mut Session, name: &str, doing: &str) -> Result<()> {
    let sql = format!("SELECT name FROM projects WHERE name = $1{}", session.for_update());
    match session.row(&sql, params![name]).map_err(|e| e.while_(doing))? {
        Some(_) => Ok(()),
        None => Err(Error::new(Code::BadValue, format!("project: there is none named {name:?}"))
            .hint("make it first, or name another one")),
    }
}

/// The connections that are open to some projects, this one among them.
fn limited_to(session: &mut Session, project: &str) -> Done<Vec<String>> {
    let sql = "SELECT name, projects FROM connections WHERE projects <> '[]' ORDER BY name";
    let mut found = Vec::new();
    for row in session.query(sql, &[])? {
        if crate::connections::projects_of(&row)?.iter().any(|open| open == project) {
            found.push(row.get("name")?);
        }
    }
    Ok(found)
}

fn read(session: &mut Session, name: &str, doing: &str) -> Result<Project> {
    session
        .row(&format!("{SELECT} WHERE p.name = $1"), params![name])
        .and_then(|row| row.as_ref().map(project).transpose())
        .map_err(|e| e.while_(doing))?
        .ok_or_else(|| missing("project", name))
}
