//! Sessions: who is signed in with a browser.

use syncline_types::Result;

use super::User;
use crate::database::{Done, Row, params};
use crate::{Store, now};

/// A session that is alive.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Whose it is.
    pub user: String,
    /// Their role now.
    pub role: String,
    /// When it was last used.
    pub seen_at: String,
}

fn signed_in(row: &Row) -> Done<SignedIn> {
    Ok(SignedIn { user: row.get("owner")?, role: row.get("role")?, seen_at: row.get("seen_at")? })
}

impl Store {
    /// Signs a user in: keeps the session until `ends_at`, and forgets those that have ended.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn begin_session(&self, hash: &str, user: &User, ends_at: &str) -> Result<()> {
        let doing = "signing in";
        self.database().transaction(doing, |session| {
            let mut execute =
                |sql: &str, values: &[_]| session.execute(sql, values).map_err(|e| e.while_(doing));
            execute("DELETE FROM sessions WHERE ends_at < $1", params![now()])?;
            execute(
                "INSERT INTO sessions (hash, owner, created_at, seen_at, ends_at)
                 VALUES ($1, $2, $3, $3, $4)",
                params![hash, &user.name, now(), ends_at],
            )?;
            let sql = "UPDATE users SET signed_in_at = $1 WHERE name = $2";
            execute(sql, params![now(), &user.name]).map(drop)
        })
    }

    /// The session of that hash, if it has not ended, was used since `idle_since`, and its user
    /// may sign in.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn session(&self, hash: &str, idle_since: &str) -> Result<Option<SignedIn>> {
        let sql = "SELECT s.owner AS owner, u.role AS role, s.seen_at AS seen_at
                   FROM sessions s JOIN users u ON u.name = s.owner
                   WHERE s.hash = $1 AND s.ends_at > $2 AND s.seen_at > $3 AND u.disabled = 0";
        let values = params![hash, now(), idle_since];
        Ok(self.database().read("reading a session", sql, values, signed_in)?.pop())
    }

    /// Notes that a session is in use.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn touch_session(&self, hash: &str) -> Result<()> {
        let sql = "UPDATE sessions SET seen_at = $1 WHERE hash = $2";
        self.database().execute("noting a session", sql, params![now(), hash]).map(drop)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn end_session(&self, hash: &str) -> Result<()> {
        let sql = "DELETE FROM sessions WHERE hash = $1";
        self.database().execute("signing out", sql, params![hash]).map(drop)
    }
}
