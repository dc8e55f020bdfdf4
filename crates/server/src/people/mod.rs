//! People: how they prove who they are, and what is written down of what they do.

mod attempts;
mod audit;
mod names;
mod passwords;
mod provider;
pub(crate) mod sessions;
mod setup;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use syncline_types::{Error, Result};

pub(crate) use attempts::Attempts;
pub(crate) use names::check_name;
pub(crate) use passwords::Passwords;
pub(crate) use provider::{Person, Returned, SignIn, Tie};
pub(crate) use setup::Setup;

use crate::caller::{Cookies, Origins};

/// What every API token begins with, so that it is known for one where it does not belong.
pub(crate) const API_TOKEN: &str = "slt_";

/// What signing in needs.
pub(crate) struct People {
    /// The one-time token of the first admin.
    pub(crate) setup: Setup,
    /// Hashes passwords, a few at a time.
    pub(crate) passwords: Passwords,
    /// Counts failed attempts.
    pub(crate) attempts: Attempts,
    /// How cookies are marked.
    pub(crate) cookies: Cookies,
    /// Pages served elsewhere.
    pub(crate) origins: Origins,
    /// The provider that people may sign in with.
    pub(crate) provider: Option<SignIn>,
    /// The node's address as browsers know it.
    pub(crate) base: String,
}

/// 256 bits that nobody can guess, as text for URLs, cookies and headers.
///
/// # Errors
/// When the system gives no random numbers.
pub(crate) fn secret() -> Result<String> {
    use rand::TryRng as _;
    let mut bytes = [0; 32];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|e| Error::bug("the system gives no random numbers").because(e))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// SHA-256 of a secret, in hex: what is kept of it. The secrets are random, so no slow hash is
/// needed.
pub(crate) fn hash_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

/// Whether two secrets are the same, in a time that does not tell how much of them is: what is
/// compared are their hashes.
pub(crate) fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}
