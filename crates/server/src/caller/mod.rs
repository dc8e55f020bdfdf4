//! Who asks, and how far they may go.

mod cookie;
mod extract;
mod origin;
mod reach;
mod role;

use std::net::IpAddr;

use syncline_types::{Code, Error, Result};

pub(crate) use cookie::Cookies;
pub(crate) use extract::{Stands, address_of, grants};
pub(crate) use origin::{Origins, authority_of, same_origin};
pub(crate) use reach::Reach;
pub(crate) use role::Role;

/// Who asks. Taking it as an argument refuses those who are not signed in.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Name of the user; `user/token` for a token of theirs.
    pub(crate) name: String,
    /// How they are known.
    pub(crate) by: By,
    /// How far they may go, and where.
    pub(crate) reach: Reach,
    /// Where they ask from.
    pub(crate) address: Option<IpAddr>,
}

/// How somebody is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// The admin token of the environment.
    AdminToken,
    /// A session of this user; its hash.
    Session {
        /// Whose it is.
        user: String,
        /// SHA-256 of its secret.
        hash: String,
    },
    /// A token; the user whose it is, if it is anybody's.
    Token {
        /// Whose it is.
        owner: Option<String>,
        /// SHA-256 of it.
        hash: String,
    },
    /// What they are just giving: a password, or the provider's word.
    SigningIn,
}

impl Caller {
    /// A user who has just proved who they are and has no session yet.
    pub(crate) fn signing_in(user: &str, address: Option<IpAddr>) -> Self {
        let reach = Reach::of(Role::Member);
        Self { name: user.to_owned(), by: By::SigningIn, reach, address }
    }

    /// The user behind it, if there is one.
    pub(crate) fn user(&self) -> Option<&str> {
        match &self.by {
            By::Session { user, .. } => Some(user),
            By::Token { owner, .. } => owner.as_deref(),
            By::AdminToken | By::SigningIn => None,
        }
    }

    /// Refuses those who may not go as far as `role` everywhere.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub(crate) fn needs(&self, role: Role) -> Result<()> {
        if self.reach.limited() {
            let what = self.reach.limit();
            return Err(self.refused(format!("is limited to some {what}")));
        }
        self.reaches(self.reach.role, role)
    }

    /// Refuses those who may not go as far as `role` anywhere. Whoever asks for this shows them
    /// nothing but what is theirs to see.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub(crate) fn needs_somewhere(&self, role: Role) -> Result<()> {
        if role == Role::Viewer {
            // There may be nothing that they see.
            return Ok(());
        }
        self.reaches(self.reach.most(), role)
    }

    /// Refuses those who may not go as far as `role` in a project, with jobs that it does not have
    /// yet, too.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub(crate) fn needs_project(&self, role: Role, project: &str) -> Result<()> {
        if role > Role::Viewer && self.reach.jobs.is_some() {
            return Err(self.refused("is limited to some jobs".to_owned()));
        }
        self.reaches(self.reach.in_project(project), role)
    }

    /// Refuses those who may not go as far as `role` with a connection that is open to these
    /// projects (all, when none is named).
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub(crate) fn needs_connection(&self, role: Role, open_to: &[String]) -> Result<()> {
        if role > Role::Viewer && self.reach.jobs.is_some() {
            return Err(self.refused("is limited to some jobs".to_owned()));
        }
        self.reaches(self.reach.with_connection(open_to), role)
    }

    /// Refuses those who may not go as far as `role` with this job and its runs.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub(crate) fn needs_job(&self, role: Role, job: &str) -> Result<()> {
        if !self.sees_job(job) {
            return Err(self.refused("is limited to other jobs".to_owned()));
        }
        self.reaches(self.reach.with_job(job), role)
    }

    /// Whether this job and its runs are theirs to see.
    pub(crate) fn sees_job(&self, job: &str) -> bool {
        self.reach.with_job(job) >= Role::Viewer
    }

    /// Whether a connection is theirs to see that is open to these projects.
    pub(crate) fn sees_connection(&self, open_to: &[String]) -> bool {
        self.reach.with_connection(open_to) >= Role::Viewer
    }

    /// Whether a project is theirs to see.
    pub(crate) fn sees_project(&self, project: &str) -> bool {
        self.reach.in_project(project) >= Role::Viewer
    }

    /// The jobs they are limited to; none: all.
    pub(crate) fn own_jobs(&self) -> Option<&[String]> {
        self.reach.jobs.as_deref()
    }

    /// The projects they are limited to; none: all.
    pub(crate) fn own_projects(&self) -> Option<Vec<String>> {
        self.reach.projects()
    }

    fn reaches(&self, has: Role, wants: Role) -> Result<()> {
        if has >= wants {
            return Ok(());
        }
        Err(self.refused(format!("is {}; this needs {}", has.name(), wants.name())))
    }

    fn refused(&self, why: String) -> Error {
        Error::new(Code::Forbidden, format!("{} {why}", self.name))
    }
}
