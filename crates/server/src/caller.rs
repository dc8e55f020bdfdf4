//! Who asks, and how far they may go.

use axum::extract::FromRequestParts;
use axum::http::{header, request::Parts};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use syncline_types::{Code, Error, Result};
use utoipa::ToSchema;

use crate::problem::Failed;
use crate::state::AppState;

/// How far somebody may go; each role may all that the ones before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
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
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }
}

/// Who asks. Taking it as an argument refuses those who are not signed in.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Name of the user, or of the token.
    pub(crate) name: String,
    /// How far they may go.
    pub(crate) role: Role,
}

impl Caller {
    /// Refuses those who may not go as far as `role`.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub(crate) fn needs(&self, role: Role) -> Result<()> {
        if self.role >= role {
            return Ok(());
        }
        let (name, has, wants) = (&self.name, self.role.name(), role.name());
        Err(Error::new(Code::Forbidden, format!("{name} is {has}; this needs {wants}")))
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failed> {
        let given = parts.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let token = given.and_then(|v| v.strip_prefix("Bearer ")).map(str::trim);
        match (token, &state.admin_token) {
            (Some(token), Some(admin)) if same(token, admin.expose()) => {
                Ok(Self { name: "admin token".into(), role: Role::Admin })
            }
            _ => Err(Error::new(Code::NotSignedIn, "this needs a session or a token").into()),
        }
    }
}

/// Whether two secrets are the same, in a time that does not tell how much of them is: what is
/// compared are their hashes.
fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}
