//! Roles: each may all that the ones before it may.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far somebody may go; each role may all that the ones before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// May nothing but what projects give them.
    Member,
    /// Sees everything but secrets.
    Viewer,
    /// Starts, pauses, resumes, stops, replays.
    Operator,
    /// Makes and changes connections and jobs.
    Editor,
    /// Manages people, tokens, settings; reads the audit log.
    Admin,
}

impl Role {
    /// Its name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let all = [Self::Member, Self::Viewer, Self::Operator, Self::Editor, Self::Admin];
        all.into_iter().find(|role| role.name() == name)
    }
}
