//! Arguments of `syncline server`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::StateArgs;

#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// The node's name; this machine's when not given
    #[arg(long, value_name = "NODE")]
    pub(crate) name: Option<String>,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7171")]
    pub(crate) listen: SocketAddr,
    /// Where the state is kept: sqlite:FOLDER, or postgres://user@host/db
    ///
    /// The state folder when not given.
    #[arg(long, value_name = "URL", env = "SYNCLINE_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Certificate (PEM) to speak TLS with
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Listen beyond this machine without TLS: something in front of it encrypts
    #[arg(long)]
    pub(crate) allow_plaintext: bool,
    /// Address that people reach it at, where something stands in front of it:
    /// `https://sync.example.com`
    #[arg(long, value_name = "URL", env = "SYNCLINE_PUBLIC_URL")]
    pub(crate) public_url: Option<String>,
    /// Origin of a console that is served by another server and uses this one's API; repeatable
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) console_origin: Vec<String>,
    /// Provider that people may sign in with (OpenID Connect): its issuer
    ///
    /// Its client's secret comes from SYNCLINE_OIDC_CLIENT_SECRET.
    #[arg(long, value_name = "URL", env = "SYNCLINE_OIDC_ISSUER", requires = "oidc_client_id")]
    pub(crate) oidc_issuer: Option<String>,
    /// What this node is called at the provider
    #[arg(long, value_name = "ID", env = "SYNCLINE_OIDC_CLIENT_ID")]
    pub(crate) oidc_client_id: Option<String>,
    /// What is asked of the provider
    #[arg(long, value_name = "SCOPES", default_value = "openid profile email")]
    pub(crate) oidc_scope: String,
    /// Claim that a person's name is in
    #[arg(long, value_name = "CLAIM", default_value = "preferred_username")]
    pub(crate) oidc_name_claim: String,
    /// Claim that a person's roles are in
    #[arg(long, value_name = "CLAIM", default_value = "roles")]
    pub(crate) oidc_role_claim: String,
    /// Which value of that claim gives which role: 'data-team=editor'; repeatable
    #[arg(long, value_name = "VALUE=ROLE", value_parser = value_and_role)]
    pub(crate) oidc_role: Vec<(String, String)>,
    /// File with the key that the secrets of connections are kept under
    ///
    /// One in the state folder when not given; it is made when it is missing.
    #[arg(long, value_name = "FILE", env = "SYNCLINE_KEY_FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Make a new key, encrypt all secrets anew with it, and take the old ones out of the key file.
    /// Other nodes on the same state need the new file.
    #[arg(long)]
    pub(crate) rotate_key: bool,
}

fn value_and_role(text: &str) -> Result<(String, String), String> {
    let split = text.rsplit_once('=').ok_or("a value and a role with = between")?;
    Ok((split.0.to_owned(), split.1.to_owned()))
}
