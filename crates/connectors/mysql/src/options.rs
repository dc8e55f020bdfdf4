//! What a URL may say beyond host, user, password and database.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of the MySQL connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MysqlOptions {
    /// How the connection is encrypted.
    pub tls: Tls,
    /// File with the certificates (PEM) to trust with verify-ca and verify-identity. Without it,
    /// the public authorities are trusted.
    pub ca: Option<String>,
    /// Path of a unix socket to connect through, instead of host and port.
    pub socket: Option<String>,
    /// Seconds to wait for a connection.
    #[schemars(range(min = 1))]
    pub connect_timeout: u32,
    /// Load by LOAD DATA LOCAL INFILE (fed from memory) where the server allows it; false loads by
    /// INSERT of many rows.
    pub load_data: bool,
    /// Statements that every new connection runs first, one a line (%0A between them in a URL).
    /// Settings that could change a value are set by Syncline after them.
    pub session: Option<String>,
}

impl Default for MysqlOptions {
    fn default() -> Self {
        Self {
            tls: Tls::Preferred,
            ca: None,
            socket: None,
            connect_timeout: 15,
            load_data: true,
            session: None,
        }
    }
}

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Not at all.
    Disabled,
    /// When the server offers it, without a look at its certificate; not to this very machine.
    #[default]
    Preferred,
    /// Always, without a look at the certificate.
    Required,
    /// Always, and the certificate must come from a trusted authority.
    VerifyCa,
    /// As verify-ca, and the certificate must be for the host.
    VerifyIdentity,
}
