//! How far somebody may go, and where: the one place that says so, for jobs, runs, and everything
//! that belongs to them.
//!
//! Everybody has a role that counts everywhere, and may have others in projects; in a project the
//! larger of the two counts. A token may be limited to some jobs or projects: outside of them it has
//! no role at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Role;
use crate::places::Places;

/// How far somebody may go, and where.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// How far they may go everywhere.
    pub(crate) role: Role,
    /// How far they may go in some projects, where that is further.
    pub(super) grants: Arc<BTreeMap<String, Role>>,
    /// The jobs they are limited to; none: all.
    pub(super) jobs: Option<Arc<[String]>>,
    /// The projects they are limited to; none: all.
    pub(super) within: Option<Arc<[String]>>,
    /// Which project each job is in.
    pub(super) places: Arc<Places>,
}

impl Reach {
    /// That of somebody with a role and nothing else.
    pub(super) fn of(role: Role) -> Self {
        let (grants, places) = (Arc::default(), Arc::default());
        Self { role, grants, jobs: None, within: None, places }
    }

    /// The roles they have in projects beside the one that counts everywhere.
    pub(crate) fn grants(&self) -> BTreeMap<String, Role> {
        let inside = self.grants.iter().filter(|(project, _)| self.inside(project));
        inside.map(|(project, role)| (project.clone(), *role)).collect()
    }

    /// Whether they are kept from some of it whatever their role is.
    pub(super) fn limited(&self) -> bool {
        self.jobs.is_some() || self.within.is_some()
    }

    /// What they are limited to.
    pub(super) fn limit(&self) -> &'static str {
        if self.jobs.is_some() { "jobs" } else { "projects" }
    }

    fn inside(&self, project: &str) -> bool {
        self.within.as_ref().is_none_or(|names| names.iter().any(|name| name == project))
    }

    /// Their role in a project.
    pub(super) fn in_project(&self, project: &str) -> Role {
        if !self.inside(project) {
            return Role::Member;
        }
        self.role.max(self.grants.get(project).copied().unwrap_or(Role::Member))
    }

    /// Their role with a job and all that belongs to it.
    pub(super) fn with_job(&self, job: &str) -> Role {
        if self.jobs.as_ref().is_some_and(|jobs| !jobs.iter().any(|own| own == job)) {
            return Role::Member;
        }
        self.places.look(job, |project| self.in_project(project))
    }

    /// Their role with a connection that is open to these projects; to all, when none is named.
    pub(super) fn with_connection(&self, open_to: &[String]) -> Role {
        if open_to.is_empty() {
            return self.most();
        }
        open_to.iter().map(|project| self.in_project(project)).max().unwrap_or(Role::Member)
    }

    /// The largest role they have anywhere.
    pub(super) fn most(&self) -> Role {
        let granted = self.grants.iter().filter(|(project, _)| self.inside(project));
        granted.map(|(_, role)| *role).max().unwrap_or(Role::Member).max(self.role)
    }

    /// The projects of which they see anything; none: all.
    pub(super) fn projects(&self) -> Option<Vec<String>> {
        if self.role >= Role::Viewer {
            return self.within.as_ref().map(|names| names.to_vec());
        }
        Some(self.grants().into_keys().collect())
    }
}

#[cfg(test)]
mod tests {
    use syncline_types::Code;

    use super::super::{By, Caller};
    use super::*;

    fn caller(role: Role) -> Caller {
        let reach = Reach::of(role);
        reach.places.put("deal", "sales");
        reach.places.put("pay", "money");
        Caller { name: "test".into(), by: By::AdminToken, reach, address: None }
    }

    #[test]
    fn a_token_for_one_job_reaches_no_other() {
        let mut caller = caller(Role::Admin);
        assert!(caller.needs(Role::Admin).is_ok() && caller.sees_job("b"));
        caller.reach.jobs = Some(["a".to_owned()].into());
        caller.reach.role = Role::Operator;
        assert!(caller.needs_somewhere(Role::Viewer).is_ok());
        assert_eq!(caller.needs(Role::Operator).unwrap_err().code(), Code::Forbidden);
        assert!(caller.needs_job(Role::Operator, "a").is_ok());
        assert_eq!(caller.needs_job(Role::Viewer, "b").unwrap_err().code(), Code::Forbidden);
        assert_eq!(caller.needs_job(Role::Editor, "a").unwrap_err().code(), Code::Forbidden);
        assert!(caller.needs_project(Role::Operator, "default").is_err());
    }

    #[test]
    fn a_member_reaches_what_the_project_gives_and_nothing_else() {
        let mut caller = caller(Role::Member);
        assert!(!caller.sees_job("deal") && !caller.sees_job("other"));
        assert_eq!(caller.own_projects(), Some(Vec::new()));
        let grants = BTreeMap::from([("sales".to_owned(), Role::Operator)]);
        caller.reach.grants = Arc::new(grants);
        assert!(caller.needs_job(Role::Operator, "deal").is_ok());
        assert!(caller.needs_job(Role::Editor, "deal").is_err());
        assert!(!caller.sees_job("pay") && !caller.sees_job("other"));
        assert!(
            caller.needs(Role::Viewer).is_err() && caller.needs_somewhere(Role::Editor).is_err()
        );
        let (sales, money) = (["sales".to_owned()], ["money".to_owned()]);
        assert!(caller.sees_connection(&sales) && caller.sees_connection(&[]));
        assert!(!caller.sees_connection(&money));
        // A job that moves is theirs no longer.
        caller.reach.places.put("deal", "money");
        assert!(!caller.sees_job("deal"));
    }

    #[test]
    fn the_larger_of_two_roles_counts_and_a_limit_counts_before_both() {
        let mut caller = caller(Role::Viewer);
        caller.reach.grants = Arc::new(BTreeMap::from([
            ("sales".to_owned(), Role::Editor),
            ("money".to_owned(), Role::Operator),
        ]));
        assert!(caller.needs_job(Role::Editor, "deal").is_ok() && caller.sees_job("other"));
        assert_eq!(caller.own_projects(), None);
        caller.reach.within = Some(["money".to_owned()].into());
        assert!(!caller.sees_job("deal") && !caller.sees_job("other"));
        assert!(caller.needs_job(Role::Operator, "pay").is_ok());
        assert!(caller.needs_somewhere(Role::Editor).is_err());
        assert_eq!(caller.own_projects(), Some(vec!["money".to_owned()]));
        assert_eq!(caller.needs(Role::Viewer).unwrap_err().code(), Code::Forbidden);
        assert_eq!(caller.reach.grants().into_keys().collect::<Vec<_>>(), ["money"]);
    }
}
