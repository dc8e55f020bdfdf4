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
    /// File with the key under which secrets are kept; one in `folder`, made when missing, when
    /// not given.
    pub key_file: Option<PathBuf>,
    /// The first admin's token, for automation.
    pub admin_token: Option<Secret>,
    /// Connectors there are.
    pub registry: Arc<Registry>,
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
