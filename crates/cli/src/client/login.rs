//! Who is signed in where: a file in the user's configuration folder that nobody else can read.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::{Deserialize, Serialize};
use syncline_connector::Secret;
use syncline_types::{Code, Error, Result};

use crate::output;

/// The servers that somebody here has logged in to.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Logins {
    /// The one that commands speak to when none is named.
    last: Option<String>,
    /// Tokens by URL.
    servers: BTreeMap<String, Login>,
}

#[derive(Serialize, Deserialize)]
struct Login {
    token: String,
    /// The token's id at the server, where this login made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

impl Logins {
    /// What is kept; nothing when nobody has logged in.
    pub(crate) fn read() -> Result<Self> {
        let Some(path) = file() else { return Ok(Self::default()) };
        match std::fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json).map_err(|e| unusable(&path, e)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(unusable(&path, e)),
        }
    }

    /// The server of the last login.
    pub(crate) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// The token for a server.
    pub(crate) fn token(&self, server: &Url) -> Option<String> {
        self.servers.get(server.as_str()).map(|login| login.token.clone())
    }

    /// Keeps a token, and makes its server the one that is spoken to.
    pub(crate) fn add(&mut self, server: &Url, token: &Secret, id: Option<String>) -> Result<()> {
        let login = Login { token: token.expose().to_owned(), id };
        self.servers.insert(server.to_string(), login);
        self.last = Some(server.to_string());
        self.write()
    }

    /// Forgets a server. Returns whether it was known, and the id of the token this login made.
    pub(crate) fn remove(&mut self, server: &Url) -> Result<(bool, Option<String>)> {
        let gone = self.servers.remove(server.as_str());
        if self.last.as_deref() == Some(server.as_str()) {
            self.last = None;
        }
        self.write()?;
        Ok((gone.is_some(), gone.and_then(|login| login.id)))
    }

    /// In the place of the old file as a whole, and never readable by others.
    fn write(&self) -> Result<()> {
        let Some(path) = file() else {
            return Err(Error::new(Code::StateUnusable, "there is no home folder to log in from")
                .hint("set SYNCLINE_SERVER and SYNCLINE_TOKEN instead"));
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let write = || {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let _ = std::fs::remove_file(&new);
            let mut options = std::fs::OpenOptions::new();
            let mut out = options.write(true).create_new(true).mode(0o600).open(&new)?;
            out.write_all(&serde_json::to_vec_pretty(self)?)?;
            out.sync_all()?;
            std::fs::rename(&new, &path)
        };
        write().map_err(|e| unusable(&path, e))
    }
}

fn unusable(path: &Path, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Code::StateUnusable, format!("logins in {}", path.display()))
        .because(cause.into())
        .hint("SYNCLINE_SERVER and SYNCLINE_TOKEN do without it")
}

fn file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|h| h.join(".config")))?;
    Some(base.join("syncline/logins.json"))
}

/// Asks for a line; takes one of standard input where nobody sits at a terminal.
pub(crate) fn ask(what: &str) -> Result<String> {
    if std::io::stdin().is_terminal() {
        output::prompt(what);
    }
    line(what)
}

/// Asks for a secret, which the terminal does not show.
pub(crate) fn ask_secret(what: &str) -> Result<Secret> {
    if !std::io::stdin().is_terminal() {
        return line(what).map(Secret::new);
    }
    output::prompt(what);
    let typed = console::Term::stderr().read_secure_line();
    typed.map(Secret::new).map_err(|e| Error::new(Code::Usage, format!("no {what}")).because(e))
}

fn line(what: &str) -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_line(&mut text);
    match read {
        Ok(_) if !text.trim().is_empty() => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Ok(_) => Err(Error::new(Code::Usage, format!("no {what}"))),
        Err(e) => Err(Error::new(Code::Usage, format!("no {what}")).because(e)),
    }
}
