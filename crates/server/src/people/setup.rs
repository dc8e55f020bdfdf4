//! The first start: whoever reads the server's standard output becomes its admin.

use syncline_connector::Secret;

use super::same;

/// The one-time token of the first admin. It lives as long as the process, and is of no use once
/// there is an admin.
pub(crate) struct Setup(Option<Secret>);

impl Setup {
    /// One of this token; without one, nobody becomes the first admin this way.
    pub(crate) fn new(token: Option<String>) -> Self {
        Self(token.map(Secret::new))
    }

    /// The token, to be shown once.
    pub(crate) fn token(&self) -> Option<&str> {
        self.0.as_ref().map(Secret::expose)
    }

    /// Whether this is the token.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        self.token().is_some_and(|own| same(own, token))
    }
}
