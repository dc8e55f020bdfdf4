//! Settings as the API shows and takes them: secrets go in and never come out.

use serde::{Deserialize, Serialize};
use syncline_connector::Secret;
use syncline_store::{AlertSettings, Email, MailSecurity, SavedSettings, Settings, Webhook};
use syncline_types::{Code, Error, Result};
use utoipa::ToSchema;

/// Where the mail server's password is kept.
pub(crate) const MAIL_PASSWORD: &str = "settings/smtp.password";

/// Where what a webhook is sent as `Authorization` is kept.
pub(crate) fn webhook_place(name: &str) -> String {
    format!("settings/webhook.{name}")
}

/// How the whole is run.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Settings)]
pub(crate) struct SettingsView {
    /// Runs at the same time on a node.
    #[schema(minimum = 1, maximum = 1024)]
    pub(crate) slots: u32,
    /// Runs at the same time that read from or write to one connection, unless it says otherwise.
    #[schema(minimum = 1, maximum = 1024)]
    pub(crate) per_connection_limit: u32,
    /// Days that ended runs, with their events, logs and dead letters, are kept.
    #[schema(minimum = 1, maximum = 36500)]
    pub(crate) history_days: u32,
    /// Days that entries of the audit log are kept; for ever when `null`.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 36500)]
    pub(crate) audit_days: Option<u32>,
    /// Folders of the server's machine that jobs may read and write.
    #[serde(default)]
    pub(crate) file_roots: Vec<String>,
    /// Whether jobs may reach stores by HTTP in private networks and on this machine.
    #[serde(default)]
    pub(crate) allow_private_networks: bool,
    /// Environment variables of the server that jobs may take passwords from.
    #[serde(default)]
    pub(crate) environment: Vec<String>,
    /// When people are told that something is wrong, and how.
    #[serde(default)]
    pub(crate) alerts: AlertsView,
    /// How often the settings have been changed; the same as the `ETag`.
    #[serde(default, skip_deserializing)]
    #[schema(read_only)]
    pub(crate) version: u64,
    /// When they last were.
    #[serde(default, skip_deserializing)]
    #[schema(read_only)]
    pub(crate) updated_at: Option<String>,
    /// Who did.
    #[serde(default, skip_deserializing)]
    #[schema(read_only)]
    pub(crate) updated_by: Option<String>,
}

/// When people are told that something is wrong, and how.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Alerts)]
pub(crate) struct AlertsView {
    /// A run has failed.
    on_failed: bool,
    /// A run waits for a store, or a slot, for so many seconds.
    #[schema(minimum = 1)]
    waiting_seconds: Option<u32>,
    /// A run that follows changes is so many seconds behind.
    #[schema(minimum = 1)]
    lag_seconds: Option<u32>,
    /// A run has kept so many rows as dead letters.
    #[schema(minimum = 1)]
    dead_letters: Option<u64>,
    /// Address at which people reach this server, for the links in what they are told.
    #[schema(example = "https://syncline.example.org")]
    link: Option<String>,
    /// Addresses that are told by an HTTP POST of JSON.
    webhooks: Vec<WebhookView>,
    /// Mail.
    email: Option<EmailView>,
}

/// An address that is told by an HTTP POST of JSON.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Webhook)]
struct WebhookView {
    /// Its name, among the others.
    name: String,
    /// The address.
    #[schema(example = "https://hooks.example.org/syncline")]
    url: String,
    /// What is sent as `Authorization`. Left out: as before; empty: nothing.
    #[serde(default, skip_serializing)]
    #[schema(write_only)]
    authorization: Option<String>,
    /// Something is sent as `Authorization`.
    #[serde(default, skip_deserializing)]
    #[schema(read_only)]
    has_authorization: bool,
}

/// How mail is sent, and to whom.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Email)]
struct EmailView {
    /// Host of the mail server.
    host: String,
    /// Its port.
    #[schema(minimum = 1)]
    port: u16,
    /// How the line is encrypted: `tls` from the first byte, `start_tls`, or `none`.
    security: SecurityView,
    /// Who signs in; nobody when `null`.
    #[serde(default)]
    user: Option<String>,
    /// Their password. Left out: as before; empty: none.
    #[serde(default, skip_serializing)]
    #[schema(write_only)]
    password: Option<String>,
    /// They have a password.
    #[serde(default, skip_deserializing)]
    #[schema(read_only)]
    has_password: bool,
    /// Who it is from.
    #[schema(example = "Syncline <syncline@example.org>")]
    from: String,
    /// Who it goes to.
    to: Vec<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MailSecurity)]
enum SecurityView {
    Tls,
    StartTls,
    None,
}

impl SettingsView {
    /// What is kept, as it is shown.
    pub(crate) fn of(saved: SavedSettings) -> Self {
        let SavedSettings { settings, version, updated_at, updated_by } = saved;
        Self {
            slots: settings.slots,
            per_connection_limit: settings.per_connection_limit,
            history_days: settings.history_days,
            audit_days: settings.audit_days,
            file_roots: settings.file_roots,
            allow_private_networks: settings.allow_private_networks,
            environment: settings.environment,
            alerts: AlertsView::of(settings.alerts),
            version,
            updated_at,
            updated_by,
        }
    }

    /// What is to be kept, and the secrets that came with it, by their places: an empty one is to
    /// be forgotten. `old` says which secrets there are.
    ///
    /// # Errors
    /// [`Code::BadValue`] for what makes no sense.
    pub(crate) fn take(self, old: &Settings) -> Result<(Settings, Vec<(String, Secret)>)> {
        within("slots", self.slots, 1024)?;
        within("per_connection_limit", self.per_connection_limit, 1024)?;
        within("history_days", self.history_days, 36_500)?;
        self.audit_days.map_or(Ok(()), |days| within("audit_days", days, 36_500))?;
        for root in &self.file_roots {
            let path = std::path::Path::new(root);
            let plain = path.components().all(|c| c != std::path::Component::ParentDir);
            if !path.is_absolute() || !plain {
                return Err(bad(format!("file_roots: {root:?} is no absolute path without ..")));
            }
        }
        let mut secrets = Vec::new();
        let alerts = self.alerts.take(&old.alerts, &mut secrets)?;
        let settings = Settings {
            slots: self.slots,
            per_connection_limit: self.per_connection_limit,
            history_days: self.history_days,
            audit_days: self.audit_days,
            file_roots: self.file_roots,
            allow_private_networks: self.allow_private_networks,
            environment: self.environment,
            alerts,
        };
        Ok((settings, secrets))
    }
}

impl AlertsView {
    fn of(alerts: AlertSettings) -> Self {
        let webhook = |w: Webhook| WebhookView {
            name: w.name,
            url: w.url,
            authorization: None,
            has_authorization: w.has_authorization,
        };
        let email = |e: Email| EmailView {
            host: e.host,
            port: e.port,
            security: match e.security {
                MailSecurity::Tls => SecurityView::Tls,
                MailSecurity::StartTls => SecurityView::StartTls,
                MailSecurity::None => SecurityView::None,
            },
            user: e.user,
            password: None,
            has_password: e.has_password,
            from: e.from,
            to: e.to,
        };
        Self {
            on_failed: alerts.on_failed,
            waiting_seconds: alerts.waiting_seconds,
            lag_seconds: alerts.lag_seconds,
            dead_letters: alerts.dead_letters,
            link: alerts.link,
            webhooks: alerts.webhooks.into_iter().map(webhook).collect(),
            email: alerts.email.map(email),
        }
    }

    fn take(
        self,
        old: &AlertSettings,
        secrets: &mut Vec<(String, Secret)>,
    ) -> Result<AlertSettings> {
        let most = u32::MAX;
        self.waiting_seconds.map_or(Ok(()), |n| within("alerts.waiting_seconds", n, most))?;
        self.lag_seconds.map_or(Ok(()), |n| within("alerts.lag_seconds", n, most))?;
        if self.dead_letters == Some(0) {
            return Err(bad("alerts.dead_letters: 1 at least, or null".into()));
        }
        if let Some(link) = &self.link {
            web_address("alerts.link", link)?;
        }
        let mut webhooks: Vec<Webhook> = Vec::new();
        for one in self.webhooks {
            if webhooks.iter().any(|other| other.name == one.name) {
                return Err(bad(format!("alerts.webhooks: two are named {:?}", one.name)));
            }
            let before = old.webhooks.iter().find(|w| w.name == one.name && w.has_authorization);
            webhooks.push(one.take(before, secrets)?);
        }
        // What is no more takes its secret along.
        for gone in old.webhooks.iter().filter(|w| w.has_authorization) {
            if !webhooks.iter().any(|w| w.name == gone.name) {
                secrets.push((webhook_place(&gone.name), Secret::new("")));
            }
        }
        let before = old.email.as_ref().filter(|e| e.has_password);
        if self.email.is_none() && before.is_some() {
            secrets.push((MAIL_PASSWORD.into(), Secret::new("")));
        }
        Ok(AlertSettings {
            on_failed: self.on_failed,
            waiting_seconds: self.waiting_seconds,
            lag_seconds: self.lag_seconds,
            dead_letters: self.dead_letters,
            link: self.link.map(|link| link.trim_end_matches('/').to_owned()),
            webhooks,
            email: self.email.map(|email| email.take(before, secrets)).transpose()?,
        })
    }
}

impl WebhookView {
    /// `before` is the one of that name, where that has a secret.
    fn take(
        self,
        before: Option<&Webhook>,
        secrets: &mut Vec<(String, Secret)>,
    ) -> Result<Webhook> {
        if self.name.is_empty() || self.name.len() > 128 {
            return Err(bad("alerts.webhooks: a name has 1 to 128 letters".into()));
        }
        web_address(&format!("alerts.webhooks {:?}", self.name), &self.url)?;
        let has_authorization = match self.authorization {
            None if before.is_some_and(|before| before.url != self.url) => {
                let place = format!("alerts.webhooks {:?}: authorization", self.name);
                return Err(elsewhere(&place));
            }
            None => before.is_some(),
            Some(text) => {
                if axum::http::HeaderValue::from_str(&text).is_err() {
                    let place = format!("alerts.webhooks {:?}: authorization", self.name);
                    return Err(bad(format!("{place} cannot be sent as a header")));
                }
                let any = !text.is_empty();
                secrets.push((webhook_place(&self.name), Secret::new(text)));
                any
            }
        };
        Ok(Webhook { name: self.name, url: self.url, has_authorization })
    }
}

impl EmailView {
    /// `before` is what was set, where that has a password.
    fn take(self, before: Option<&Email>, secrets: &mut Vec<(String, Secret)>) -> Result<Email> {
        if self.host.is_empty() || self.port == 0 {
            return Err(bad("alerts.email: a mail server has a host and a port".into()));
        }
        if self.to.is_empty() {
            return Err(bad("alerts.email.to: nobody to tell".into()));
        }
        for one in self.to.iter().chain([&self.from]) {
            one.parse::<lettre::message::Mailbox>()
                .map_err(|e| bad(format!("alerts.email: {one:?} is no address")).because(e))?;
        }
        let security = match self.security {
            SecurityView::Tls => MailSecurity::Tls,
            SecurityView::StartTls => MailSecurity::StartTls,
            SecurityView::None => MailSecurity::None,
        };
        let same = |b: &Email| b.host == self.host && b.port == self.port && b.security == security;
        let has_password = match self.password {
            None if before.is_some_and(|before| !same(before)) => {
                return Err(elsewhere("alerts.email.password"));
            }
            None => before.is_some(),
            Some(text) => {
                let any = !text.is_empty();
                secrets.push((MAIL_PASSWORD.into(), Secret::new(text)));
                any
            }
        };
        Ok(Email {
            host: self.host,
            port: self.port,
            security,
            user: self.user.filter(|user| !user.is_empty()),
            has_password,
            from: self.from,
            to: self.to,
        })
    }
}

fn within(what: &str, number: u32, most: u32) -> Result<()> {
    if (1..=most).contains(&number) {
        return Ok(());
    }
    Err(bad(format!("{what}: {number} is not within 1 and {most}")))
}

/// A secret goes to nobody but the one it was given for.
fn elsewhere(place: &str) -> Error {
    bad(format!("{place}: it was given for another address"))
        .hint("give it again; empty: none is sent")
}

fn web_address(what: &str, text: &str) -> Result<()> {
    match reqwest::Url::parse(text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err(bad(format!("{what}: an address holds neither name nor password"))
                .hint("a webhook's secret is its authorization, which is kept sealed"))
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        _ => Err(bad(format!("{what}: {text:?} is no address of the web"))
            .hint("it begins with http:// or https://")),
    }
}

fn bad(message: String) -> Error {
    Error::new(Code::BadValue, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn take(view: serde_json::Value, old: &Settings) -> Result<(Settings, Vec<(String, Secret)>)> {
        serde_json::from_value::<SettingsView>(view).unwrap().take(old)
    }

    fn with_alerts(alerts: serde_json::Value) -> serde_json::Value {
        json!({"slots": 1, "per_connection_limit": 1, "history_days": 1, "alerts": alerts})
    }

    #[test]
    fn secrets_go_in_stay_and_leave_and_never_come_out() {
        let hook = |more: serde_json::Value| {
            let mut hook = json!({"name": "ops", "url": "https://example.org/h"});
            hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            with_alerts(json!({"webhooks": [hook]}))
        };
        let (kept, secrets) =
            take(hook(json!({"authorization": "Bearer s3cret"})), &Settings::default()).unwrap();
        assert_eq!(secrets[0].0, "settings/webhook.ops");
        assert_eq!(secrets[0].1.expose(), "Bearer s3cret");
        assert!(!serde_json::to_string(&kept).unwrap().contains("s3cret"));
        // What is read can be written back: nothing changes.
        let saved = SavedSettings {
            settings: kept.clone(),
            version: 1,
            updated_at: None,
            updated_by: None,
        };
        let shown = serde_json::to_value(SettingsView::of(saved)).unwrap();
        let (again, secrets) = take(shown, &kept).unwrap();
        assert_eq!(again, kept);
        assert!(secrets.is_empty());
        // An empty one is forgotten, and so is that of a webhook that is gone.
        let (bare, secrets) = take(hook(json!({"authorization": ""})), &kept).unwrap();
        assert!(!bare.alerts.webhooks[0].has_authorization);
        assert_eq!(secrets[0].1.expose(), "");
        let (_, secrets) = take(with_alerts(json!({})), &kept).unwrap();
        assert_eq!((secrets[0].0.as_str(), secrets[0].1.expose()), ("settings/webhook.ops", ""));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            json!({"slots": 0, "per_connection_limit": 1, "history_days": 1}),
            json!({"slots": 1, "per_connection_limit": 1, "history_days": 1, "file_roots": ["a"]}),
            json!({"slots": 1, "per_connection_limit": 1, "history_days": 1,
                "file_roots": ["/srv/../etc"]}),
            with_alerts(json!({"link": "file:///etc/passwd"})),
            with_alerts(json!({"webhooks": [{"name": "a", "url": "gopher://x"}]})),
            with_alerts(json!({"webhooks": [{"name": "a", "url": "http://x"},
                {"name": "a", "url": "http://y"}]})),
            with_alerts(json!({"webhooks": [{"name": "a", "url": "http://x",
                "authorization": "a\nb"}]})),
            with_alerts(json!({"email": {"host": "h", "port": 25, "security": "none",
                "from": "nobody", "to": ["a@b.org"]}})),
            with_alerts(json!({"dead_letters": 0})),
        ] {
            let error = take(bad.clone(), &Settings::default()).unwrap_err();
            assert_eq!(error.code(), Code::BadValue, "{bad}");
        }
    }
}
