//! Members of projects: what somebody may do there beyond what they may everywhere.

use syncline_types::Result;

use crate::Store;
use crate::connections::missing;
use crate::database::{Done, Failure, Row, params};

/// What somebody may do in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The project.
    pub project: String,
    /// Who.
    pub user: String,
    /// Their role there.
    pub role: String,
}

fn member(row: &Row) -> Done<Member> {
    Ok(Member { project: row.get("project")?, user: row.get("member")?, role: row.get("role")? })
}

impl Store {
    /// The members of a project, by name.
    ///
    /// # Errors
    /// [`syncline_types::Code::NotFound`] when there is no such project.
    pub fn members(&self, project: &str) -> Result<Vec<Member>> {
        if self.project(project)?.is_none() {
            return Err(missing("project", project));
        }
        let sql =
            "SELECT project, member, role FROM project_members WHERE project = $1 ORDER BY member";
        self.database().read("listing members", sql, params![project], member)
    }

    /// The projects somebody is a member of, by name.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn memberships(&self, user: &str) -> Result<Vec<Member>> {
        let sql =
            "SELECT project, member, role FROM project_members WHERE member = $1 ORDER BY project";
        self.database().read("looking for somebody's projects", sql, params![user], member)
    }

    /// Makes somebody a member of a project, or gives them another role there.
    ///
    /// # Errors
    /// [`syncline_types::Code::NotFound`] for a project or user that is not there.
    pub fn set_member(&self, given: &Member) -> Result<()> {
        let doing = "changing a member";
        let Member { project, user, role } = given;
        self.database().transaction(doing, |session| {
            let sql = "SELECT name FROM projects WHERE name = $1";
            let found = session.row(sql, params![project]).map_err(|e| e.while_(doing))?;
            found.ok_or_else(|| missing("project", project))?;
            let sql = "INSERT INTO project_members (project, member, role) VALUES ($1, $2, $3)
                       ON CONFLICT (project, member) DO UPDATE SET role = excluded.role";
            let written = session.execute(sql, params![project, user, role]);
            written.map(drop).map_err(|e| match e.kind {
                Failure::Referred => missing("user", user),
                _ => e.while_(doing),
            })
        })
    }

    /// Takes somebody out of a project.
    ///
    /// # Errors
    /// [`syncline_types::Code::NotFound`] when they are no member of it.
    pub fn remove_member(&self, project: &str, user: &str) -> Result<()> {
        let sql = "DELETE FROM project_members WHERE project = $1 AND member = $2";
        let removed = self.database().execute("removing a member", sql, params![project, user])?;
        if removed == 0 { Err(missing("member", user)) } else { Ok(()) }
    }
}
