//! What a node is started with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use syncline_connector::{Registry, Secret};

/// What a node is started with.
pub struct Config {
    /// The node's name.
    pub name: String,
    /// Where it listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// It may listen beyond this machine without TLS: something in front of it encrypts.
    pub plain_public: bool,
    /// Certificate and key, where it speaks TLS itself.
    pub tls: Option<Tls>,
    /// Where the state is.
    pub store: Place,
    /// What belongs to this machine alone: locks, the key of secrets.
    pub folder: PathBuf,
    /// The keys under which secrets are kept.
    pub keys: KeySource,
    /// The first admin's token, for automation.
    pub admin_token: Option<Secret>,
    /// How browsers reach it.
    pub web: Web,
    /// Connectors there are.
    pub registry: Arc<Registry>,
}

/// How browsers reach a node.
#[derive(Default)]
pub struct Web {
    /// Its address as people type it (`https://sync.example.com`), where that is not the one it
    /// listens on: something stands in front of it.
    pub public_url: Option<String>,
    /// Origins of consoles that are served by others and use this node's API.
    pub console_origins: Vec<String>,
    /// Who people may sign in with besides.
    pub provider: Option<Provider>,
}

/// A provider of sign-ins (OpenID Connect).
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its issuer, exactly as it calls itself.
    pub issuer: String,
    /// What this node is called there.
    pub client_id: String,
    /// The secret that goes with it; none for a public client.
    pub client_secret: Option<Secret>,
    /// What is asked for, with spaces between.
    pub scope: String,
    /// The claim that a person's roles are in: a text, or a list of texts.
    pub role_claim: String,
    /// The claim that a person's name is in.
    pub name_claim: String,
    /// Which value of that claim gives which role; of several, the highest counts.
    pub roles: Vec<(String, String)>,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            scope: "openid profile email".to_owned(),
            role_claim: "roles".to_owned(),
            name_claim: "preferred_username".to_owned(),
            roles: Vec::new(),
        }
    }
}

/// Where the keys are under which secrets are kept: a file `secrets.key` in the node's folder, made
/// when it is missing, unless something else is said.
#[derive(Default)]
pub struct KeySource {
    /// Another file.
    pub file: Option<PathBuf>,
    /// The keys themselves (`SYNCLINE_KEY`).
    pub given: Option<Secret>,
    /// A new key is made, everything sealed anew with it, and the old ones forgotten.
    pub rotate: bool,
}

/// Files of a certificate and its key (PEM).
pub struct Tls {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Where the state is.
pub enum Place {
    /// An SQLite file in this folder.
    Folder(PathBuf),
    /// A PostgreSQL database, by its URL.
    Postgres(Secret),
}
