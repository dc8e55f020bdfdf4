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
