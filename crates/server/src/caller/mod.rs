//! Who asks, and how far they may go.

mod cookie;
mod extract;
mod origin;
mod role;

use std::net::IpAddr;
use std::sync::Arc;

use syncline_types::{Code, Error, Result};

pub(crate) use cookie::Cookies;
pub(crate) use extract::address_of;
pub(crate) use origin::{Origins, authority_of, same_origin};
pub(crate) use role::Role;

/// Who asks. Taking it as an argument refuses those who are not signed in.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Name of the user; `user/token` for a token of theirs.
    pub(crate) name: String,
    /// How far they may go.
    pub(crate) role: Role,
    /// How they are known.
    pub(crate) by: By,
    /// The jobs they are limited to; none: all.
    jobs: Option<Arc<[String]>>,
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
        let name = user.to_owned();
        Self { name, role: Role::Viewer, by: By::SigningIn, jobs: None, address }
    }

    /// The user behind it, if there is one.
    pub(crate) fn user(&self) -> Option<&str> {
        match &self.by {
            By::Session { user, .. } => Some(user),
            By::Token { owner, .. } => owner.as_deref(),
            By::AdminToken | By::SigningIn => None,
        }
    }

    /// Refuses those who may not go as far as `role` with everything.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub(crate) fn needs(&self, role: Role) -> Result<()> {
        if role > Role::Viewer && self.jobs.is_some() {
            let name = &self.name;
            return Err(Error::new(Code::Forbidden, format!("{name} is limited to some jobs")));
        }
        self.reaches(role)
    }

    /// Refuses those who may not go as far as `role` with this job and its runs.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub(crate) fn needs_job(&self, role: Role, job: &str) -> Result<()> {
        if !self.sees_job(job) {
            let name = &self.name;
            return Err(Error::new(Code::Forbidden, format!("{name} is limited to other jobs")));
        }
        self.reaches(role)
    }

    /// Whether this job and its runs are theirs to see.
    pub(crate) fn sees_job(&self, job: &str) -> bool {
        self.jobs.as_ref().is_none_or(|jobs| jobs.iter().any(|own| own == job))
    }

    /// The jobs they are limited to; none: all.
    pub(crate) fn own_jobs(&self) -> Option<&[String]> {
        self.jobs.as_deref()
    }

    fn reaches(&self, role: Role) -> Result<()> {
        if self.role >= role {
            return Ok(());
        }
        let (name, has, wants) = (&self.name, self.role.name(), role.name());
        Err(Error::new(Code::Forbidden, format!("{name} is {has}; this needs {wants}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_for_one_job_reaches_no_other() {
        let mut caller = Caller::signing_in("test", None);
        caller.role = Role::Admin;
        assert!(caller.needs(Role::Admin).is_ok() && caller.sees_job("b"));
        caller.jobs = Some(["a".to_owned()].into());
        caller.role = Role::Operator;
        assert!(caller.needs(Role::Viewer).is_ok());
        assert_eq!(caller.needs(Role::Operator).unwrap_err().code(), Code::Forbidden);
        assert!(caller.needs_job(Role::Operator, "a").is_ok());
        assert_eq!(caller.needs_job(Role::Viewer, "b").unwrap_err().code(), Code::Forbidden);
        assert_eq!(caller.needs_job(Role::Editor, "a").unwrap_err().code(), Code::Forbidden);
    }
}
