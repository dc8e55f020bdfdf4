//! The audit log: what was done, by whom, when. Entries are added and never change; the database
//! itself refuses to change one, or to remove one of the last 30 days.

use serde::Serialize;
use syncline_types::Result;

use crate::database::{Done, Row, Value, params};
use crate::{Store, now};

/// Something that was done.
#[derive(Debug, Clone)]
pub struct NewAudit {
    /// Who did it: a user, `user/token`, or a part of the server.
    pub actor: String,
    /// What they did: `job.update`.
    pub action: String,
    /// To what: its name or id; empty when to nothing in particular.
    pub target: String,
    /// What else there is to know, as JSON; never a secret.
    pub detail: String,
    /// Where they did it from.
    pub address: Option<String>,
}

/// Something that was done, as it was recorded.
#[derive(Debug, Clone, Serialize)]
pub struct AuditEntry {
    /// Its number.
    pub id: i64,
    /// When (UTC, ISO 8601).
    pub at: String,
    /// Who did it.
    pub actor: String,
    /// What they did.
    pub action: String,
    /// To what.
    pub target: String,
    /// What else there is to know, as JSON.
    pub detail: String,
    /// Where they did it from.
    pub address: Option<String>,
}

/// Which entries are wanted; what is `None` matters not.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// By this user, or with a token of theirs.
    pub actor: Option<String>,
    /// This action, or all of a kind: `job` finds `job.update`.
    pub action: Option<String>,
    /// To this.
    pub target: Option<String>,
    /// From this moment on.
    pub since: Option<String>,
    /// Before this moment.
    pub until: Option<String>,
}

fn entry(row: &Row) -> Done<AuditEntry> {
    Ok(AuditEntry {
        id: row.get("id")?,
        at: row.get("at")?,
        actor: row.get("actor")?,
        action: row.get("action")?,
        target: row.get("target")?,
        detail: row.get("detail")?,
        address: row.get("address")?,
    })
}

impl AuditFilter {
    /// The condition, its parameters behind those that are there.
    fn condition(&self, values: &mut Vec<Value>) -> String {
        let mut parts = Vec::new();
        let mut add = |sql: &str, value: String| {
            values.push(value.into());
            parts.push(sql.replace('?', &format!("${}", values.len())));
        };
        // What belongs to a name stands behind `name/` or `name.`, and before the next character.
        if let Some(actor) = &self.actor {
            add("(actor = ?", actor.clone());
            add("OR actor >= ?", format!("{actor}/"));
            add("AND actor < ?)", format!("{actor}0"));
        }
        if let Some(action) = &self.action {
            add("(action = ?", action.clone());
            add("OR action >= ?", format!("{action}."));
            add("AND action < ?)", format!("{action}/"));
        }
        let plain =
            [("target = ?", &self.target), ("at >= ?", &self.since), ("at < ?", &self.until)];
        for (sql, value) in plain {
            if let Some(value) = value {
                add(sql, value.clone());
            }
        }
        parts.iter().fold(String::new(), |all, part| {
            let joined = part.starts_with("OR ") || part.starts_with("AND ");
            all + if joined { " " } else { " AND " } + part
        })
    }
}

impl Store {
    /// Adds an entry.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn add_audit(&self, new: &NewAudit) -> Result<()> {
        let sql = "INSERT INTO audit (at, actor, action, target, detail, address)
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let values =
            params![now(), &new.actor, &new.action, &new.target, &new.detail, new.address.clone()];
        self.database().execute("writing the audit log", sql, values).map(drop)
    }

    /// Entries, the latest first; those before entry `before`, at most so many.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>> {
        let mut values = vec![Value::from(before.unwrap_or(i64::MAX)), Value::from(limit)];
        let condition = filter.condition(&mut values);
        let sql = format!("SELECT * FROM audit WHERE id < $1{condition} ORDER BY id DESC LIMIT $2");
        self.database().read("reading the audit log", &sql, &values, entry)
    }

    /// Entries, the oldest first; those behind entry `after`, at most so many.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn audit_onwards(
        &self,
        filter: &AuditFilter,
        after: i64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>> {
        let mut values = vec![Value::from(after), Value::from(limit)];
        let condition = filter.condition(&mut values);
        let sql = format!("SELECT * FROM audit WHERE id > $1{condition} ORDER BY id LIMIT $2");
        self.database().read("reading the audit log", &sql, &values, entry)
    }

    /// Forgets entries from before a moment, which has to be more than 30 days ago; returns how
    /// many.
    ///
    /// # Errors
    /// When the state cannot be written, or the moment is later.
    pub fn forget_audit(&self, before: &str) -> Result<u64> {
        let sql = "DELETE FROM audit WHERE at < $1";
        self.database().execute("tidying the audit log", sql, params![before])
    }
}
