//! Settings of the whole: one document, versioned, so that two who change it at once notice.

use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Result};

use crate::database::{Done, Row, params};
use crate::{Store, now};

/// How the whole is run. What was never set is as `Default` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Runs at the same time on a node.
    pub slots: u32,
    /// Runs at the same time that read from or write to one connection, unless it says otherwise.
    pub per_connection_limit: u32,
    /// Days that ended runs, with their events, logs and dead letters, are kept.
    pub history_days: u32,
    /// Days that entries of the audit log are kept; for ever when `None`.
    pub audit_days: Option<u32>,
    /// Folders of the server's machine that jobs may read and write; none at first.
    pub file_roots: Vec<String>,
    /// Whether jobs may reach stores by HTTP in private networks and on this machine.
    pub allow_private_networks: bool,
    /// Environment variables of the server that jobs may take passwords from; none at first.
    pub environment: Vec<String>,
    /// When people are told, and how.
    pub alerts: AlertSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slots: 4,
            per_connection_limit: 8,
            history_days: 90,
            audit_days: None,
            file_roots: Vec::new(),
            allow_private_networks: false,
            environment: Vec::new(),
            alerts: AlertSettings::default(),
        }
    }
}

/// When people are told that something is wrong, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertSettings {
    /// A run has failed.
    pub on_failed: bool,
    /// A run waits for a store, or a slot, for so many seconds.
    pub waiting_seconds: Option<u32>,
    /// A run that follows changes is so many seconds behind.
    pub lag_seconds: Option<u32>,
    /// A run has kept so many rows as dead letters.
    pub dead_letters: Option<u64>,
    /// Address at which people reach this server, for the links in what they are told.
    pub link: Option<String>,
    /// Addresses that are told by an HTTP POST of JSON.
    pub webhooks: Vec<Webhook>,
    /// Mail.
    pub email: Option<Email>,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            on_failed: true,
            waiting_seconds: Some(600),
            lag_seconds: None,
            dead_letters: None,
            link: None,
            webhooks: Vec::new(),
            email: None,
        }
    }
}

/// An address that is told by an HTTP POST of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its name, among the others.
    pub name: String,
    /// The address.
    pub url: String,
    /// Something is sent as `Authorization`; it is kept among the secrets.
    #[serde(default)]
    pub has_authorization: bool,
}

/// How mail is sent, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// Host of the mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the line is encrypted.
    pub security: MailSecurity,
    /// Who signs in; nobody when `None`.
    #[serde(default)]
    pub user: Option<String>,
    /// They have a password; it is kept among the secrets.
    #[serde(default)]
    pub has_password: bool,
    /// Who it is from.
    pub from: String,
    /// Who it goes to.
    pub to: Vec<String>,
}

/// How the line to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// From the first byte.
    Tls,
    /// From STARTTLS on, which the server has to offer.
    StartTls,
    /// Not at all.
    None,
}

/// Settings as they are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedSettings {
    /// What they say.
    pub settings: Settings,
    /// How often they have been changed; 0 when never.
    pub version: u64,
    /// When they last were (UTC, ISO 8601).
    pub updated_at: Option<String>,
    /// Who did.
    pub updated_by: Option<String>,
}

fn saved(row: &Row) -> Done<(String, u64, String, String)> {
    Ok((row.get("body")?, row.get("version")?, row.get("updated_at")?, row.get("updated_by")?))
}

impl Store {
    /// The settings as they are now; the defaults when nobody has set any.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn settings(&self) -> Result<SavedSettings> {
        let doing = "reading settings";
        let sql = "SELECT body, version, updated_at, updated_by FROM settings WHERE id = 1";
        let Some((body, version, at, by)) = self.database().read(doing, sql, &[], saved)?.pop()
        else {
            let settings = Settings::default();
            return Ok(SavedSettings { settings, version: 0, updated_at: None, updated_by: None });
        };
        let settings = serde_json::from_str(&body).map_err(|e| {
            Error::new(Code::StateUnusable, "the settings cannot be understood").because(e)
        })?;
        Ok(SavedSettings { settings, version, updated_at: Some(at), updated_by: Some(by) })
    }

    /// Keeps settings in the place of those of `version`, and gives the version they have now.
    ///
    /// # Errors
    /// [`Code::VersionMismatch`] when another was quicker.
    pub fn save_settings(&self, settings: &Settings, version: u64, by: &str) -> Result<u64> {
        let doing = "keeping settings";
        let body = serde_json::to_string(settings)
            .map_err(|e| Error::bug("settings cannot be written").because(e))?;
        // The first ones are inserted; of two who do so at once, one finds the other's.
        let sql = if version == 0 {
            "INSERT INTO settings (id, version, body, updated_at, updated_by)
             VALUES (1, 1, $1, $2, $3) ON CONFLICT (id) DO NOTHING"
        } else {
            "UPDATE settings SET version = version + 1, body = $1, updated_at = $2, updated_by = $3
             WHERE id = 1 AND version = $4"
        };
        let mut values = params![body, now(), by].to_vec();
        if version != 0 {
            values.push(version.into());
        }
        match self.database().execute(doing, sql, &values)? {
            0 => Err(Error::new(
                Code::VersionMismatch,
                format!("the settings are no longer those of version {version}"),
            )
            .hint("read them again, and make the change on them")),
            _ => Ok(version + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_who_change_settings_at_once_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let first = store.settings().unwrap();
        assert_eq!((first.version, &first.settings), (0, &Settings::default()));
        let mine = Settings { slots: 9, ..Settings::default() };
        assert_eq!(store.save_settings(&mine, 0, "ann").unwrap(), 1);
        let late = store.save_settings(&Settings::default(), 0, "bob").unwrap_err();
        assert_eq!(late.code(), Code::VersionMismatch);
        assert_eq!(store.save_settings(&mine, 1, "bob").unwrap(), 2);
        let late = store.save_settings(&mine, 1, "ann").unwrap_err();
        assert_eq!(late.code(), Code::VersionMismatch);
        let now = store.settings().unwrap();
        assert_eq!((now.settings, now.version), (mine, 2));
        assert_eq!(now.updated_by.as_deref(), Some("bob"));
    }

    #[test]
    fn settings_of_an_older_version_get_the_defaults_of_what_they_lack() {
        let old: Settings = serde_json::from_str(r#"{"slots": 2, "gone": 1}"#).unwrap();
        assert_eq!(old, Settings { slots: 2, ..Settings::default() });
    }
}
