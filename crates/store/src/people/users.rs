//! Users: their roles, passwords, and the rule that there is always an admin.

use syncline_types::{Code, Error, Result};

use crate::connections::{missing, taken};
use crate::database::{Done, Row, Session, Value, params};
use crate::{Store, now};

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: String,
    /// Their password, hashed; none where they sign in with a provider.
    pub password: Option<String>,
    /// Who they are to the provider.
    pub subject: Option<String>,
}

/// A user.
#[derive(Debug, Clone)]
pub struct User {
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: String,
    /// Their password, hashed.
    pub password: Option<String>,
    /// Who they are to the provider.
    pub subject: Option<String>,
    /// They may not sign in, and their tokens do nothing.
    pub disabled: bool,
    /// When they were made.
    pub created_at: String,
    /// When they were last changed.
    pub updated_at: String,
    /// When they last signed in.
    pub signed_in_at: Option<String>,
}

/// What is to change in a user; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// The role.
    pub role: Option<String>,
    /// Whether they are shut out.
    pub disabled: Option<bool>,
}

/// The role that there must always be somebody of.
const ADMIN: &str = "admin";
const COLUMNS: &str =
    "name, role, password, subject, disabled, created_at, updated_at, signed_in_at";

fn user(row: &Row) -> Done<User> {
    Ok(User {
        name: row.get("name")?,
        role: row.get("role")?,
        password: row.get("password")?,
        subject: row.get("subject")?,
        disabled: row.get("disabled")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        signed_in_at: row.get("signed_in_at")?,
    })
}

impl Store {
    /// The user of that name.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn user(&self, name: &str) -> Result<Option<User>> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE name = $1");
        Ok(self.database().read("reading a user", &sql, params![name], user)?.pop())
    }

    /// The user that a provider knows as `subject`.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn user_of(&self, subject: &str) -> Result<Option<User>> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE subject = $1");
        Ok(self.database().read("reading a user", &sql, params![subject], user)?.pop())
    }

    /// Users by name, those behind `after`, at most so many.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn users(&self, after: &str, limit: u32) -> Result<Vec<User>> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE name > $1 ORDER BY name LIMIT $2");
        self.database().read("listing users", &sql, params![after, limit], user)
    }

    /// Whether there is an admin who may sign in.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn has_admin(&self) -> Result<bool> {
        let sql = "SELECT name FROM users WHERE role = $1 AND disabled = 0 LIMIT 1";
        Ok(!self.database().query("looking for an admin", sql, params![ADMIN])?.is_empty())
    }

    /// Makes the first admin. Of several who try at once, one succeeds.
    ///
    /// # Errors
    /// [`Code::AlreadySetUp`] when there is one already.
    pub fn set_up(&self, admin: &NewUser) -> Result<User> {
        let doing = "making the first admin";
        self.database().transaction(doing, |session| {
            let sql = "INSERT INTO set_up (one, at) VALUES (1, $1) ON CONFLICT (one) DO NOTHING";
            let first = session.execute(sql, params![now()]).map_err(|e| e.while_(doing))?;
            if first == 0 || admins(session, doing)? > 0 {
                return Err(Error::new(Code::AlreadySetUp, "there is an admin already"));
            }
            insert(session, doing, admin)
        })
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`Code::NameTaken`].
    pub fn create_user(&self, new: &NewUser) -> Result<User> {
        let doing = "making a user";
        self.database().transaction(doing, |session| insert(session, doing, new))
    }

    /// Changes a user. One who is shut out is signed out everywhere.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::StillUsed`] for the last admin.
    pub fn change_user(&self, name: &str, change: &UserChange) -> Result<User> {
        let doing = "changing a user";
        self.database().transaction(doing, |session| {
            let before = admins(session, doing)?;
            let mut sets = vec!["updated_at = $1".to_owned()];
            let mut values = vec![Value::from(now())];
            if let Some(role) = &change.role {
                values.push(role.into());
                sets.push(format!("role = ${}", values.len()));
            }
            if let Some(disabled) = change.disabled {
                values.push(disabled.into());
                sets.push(format!("disabled = ${}", values.len()));
            }
            values.push(name.into());
            let sql = format!(
                "UPDATE users SET {} WHERE name = ${} RETURNING {COLUMNS}",
                sets.join(", "),
                values.len()
            );
            let found = session.row(&sql, &values).map_err(|e| e.while_(doing))?;
            let row = found.ok_or_else(|| missing("user", name))?;
            if before > 0 && admins(session, doing)? == 0 {
                return Err(last(name));
            }
            let changed = user(&row).map_err(|e| e.while_(doing))?;
            if changed.disabled {
                sign_out(session, doing, name, None)?;
            }
            Ok(changed)
        })
    }

    /// Gives a user another password, and signs them out everywhere but in the session whose hash
    /// is `keep`.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub fn set_password(&self, name: &str, hashed: &str, keep: Option<&str>) -> Result<()> {
        let doing = "changing a password";
        self.database().transaction(doing, |session| {
            let sql = "UPDATE users SET password = $1, updated_at = $2 WHERE name = $3";
            let changed = session.execute(sql, params![hashed, now(), name]);
            if changed.map_err(|e| e.while_(doing))? == 0 {
                return Err(missing("user", name));
            }
            sign_out(session, doing, name, keep)
        })
    }

    /// Removes a user, with their sessions and tokens.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::StillUsed`] for the last admin.
    pub fn remove_user(&self, name: &str) -> Result<()> {
        let doing = "removing a user";
        self.database().transaction(doing, |session| {
            let before = admins(session, doing)?;
            let removed = session.execute("DELETE FROM users WHERE name = $1", params![name]);
            if removed.map_err(|e| e.while_(doing))? == 0 {
                return Err(missing("user", name));
            }
            if before > 0 && admins(session, doing)? == 0 {
                return Err(last(name));
            }
            Ok(())
        })
    }
}

fn insert(session: &mut Session, doing: &str, new: &NewUser) -> Result<User> {
    let sql = format!(
        "INSERT INTO users (name, role, password, subject, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $5) RETURNING {COLUMNS}"
    );
    let values = params![&new.name, &new.role, new.password.clone(), new.subject.clone(), now()];
    let row = session.row(&sql, values).map_err(|e| taken(e, doing, "user", &new.name))?;
    let row = row.ok_or_else(|| Error::bug("a user that was made is not there"))?;
    user(&row).map_err(|e| e.while_(doing))
}

/// How many admins may sign in. They stay as they are until the transaction ends: of two who remove
/// each other at once, one is refused.
fn admins(session: &mut Session, doing: &str) -> Result<usize> {
    let sql = format!(
        "SELECT name FROM users WHERE role = $1 AND disabled = 0 ORDER BY name{}",
        session.for_update()
    );
    Ok(session.query(&sql, params![ADMIN]).map_err(|e| e.while_(doing))?.len())
}

fn last(name: &str) -> Error {
    Error::new(Code::StillUsed, format!("{name} is the last admin"))
        .hint("make somebody else an admin first")
}

fn sign_out(session: &mut Session, doing: &str, name: &str, keep: Option<&str>) -> Result<()> {
    let sql = "DELETE FROM sessions WHERE owner = $1 AND hash <> $2";
    let ended = session.execute(sql, params![name, keep.unwrap_or_default()]);
    ended.map(drop).map_err(|e| e.while_(doing))
}
