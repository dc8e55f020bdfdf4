//! Resources with a version: `ETag` on what is answered, `If-Match` on what changes it.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::{HeaderValue, header, request::Parts};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use syncline_types::{Code, Error};

use crate::problem::Failed;

/// A resource as JSON, with its version as `ETag`.
pub(crate) struct Versioned<T>(pub(crate) u64, pub(crate) T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.0)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// The version that a change is meant for. Taking it as an argument refuses requests that do not
/// say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// This one, and no other.
    Version(u64),
    /// Whichever there is: `*`.
    Any,
}

impl IfMatch {
    /// The version; `None` for whichever there is.
    pub(crate) fn version(self) -> Option<u64> {
        match self {
            Self::Version(version) => Some(version),
            Self::Any => None,
        }
    }

    /// Refuses a change that is not meant for `current`.
    ///
    /// # Errors
    /// [`Code::VersionMismatch`].
    pub(crate) fn check(self, current: u64) -> Result<(), Error> {
        match self {
            Self::Any => Ok(()),
            Self::Version(version) if version == current => Ok(()),
            Self::Version(version) => Err(Error::new(
                Code::VersionMismatch,
                format!("it is of version {current} by now, the change was meant for {version}"),
            )
            .hint("read it again, and make the change on that")),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "*" {
            return Some(Self::Any);
        }
        let text = text.strip_prefix("W/").unwrap_or(text);
        let number = text.strip_prefix('"')?.strip_suffix('"')?;
        number.parse().ok().map(Self::Version)
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failed> {
        let Some(given) = parts.headers.get(header::IF_MATCH) else {
            return Err(Error::new(Code::VersionNeeded, "the request has no If-Match")
                .hint("send the ETag of what you have read, or * to change whatever is there")
                .into());
        };
        given.to_str().ok().and_then(Self::parse).ok_or_else(|| {
            Error::new(Code::BadValue, "If-Match is no ETag that this server gave out").into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_it_is_written() {
        let tag = Versioned(7, ()).into_response().headers()[header::ETAG].clone();
        assert_eq!(IfMatch::parse(tag.to_str().unwrap()), Some(IfMatch::Version(7)));
        assert_eq!(IfMatch::parse("W/\"7\""), Some(IfMatch::Version(7)));
        assert_eq!(IfMatch::parse(" * "), Some(IfMatch::Any));
        for other in ["7", "\"x\"", "", "\"7", "\"-1\""] {
            assert_eq!(IfMatch::parse(other), None, "{other}");
        }
        let late = IfMatch::Version(6).check(7).unwrap_err();
        assert_eq!(late.code(), Code::VersionMismatch);
        assert!(IfMatch::Any.check(7).is_ok());
    }
}
