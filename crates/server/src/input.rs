//! What requests bring: bodies, paths and queries, refused in the form of every other error.

use axum::body::Bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{StatusCode, header, request::Parts};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use syncline_types::{Code, Error, Result};

use crate::problem::Failed;

/// Bytes of a body at most.
pub(crate) const LONGEST: usize = 2 << 20;

/// A body as JSON.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failed> {
        let given = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let kind = given.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") && !kind.ends_with("+json") {
            let message = format!("the body is {kind:?}, not application/json");
            return Err(Error::new(Code::BadValue, message)
                .hint("send JSON, and Content-Type: application/json")
                .into());
        }
        let Text(text) = Text::from_request(request, state).await?;
        read(&text).map(Body).map_err(Failed)
    }
}

/// Reads JSON; what is wrong with it is said with its place.
fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    // A list would be taken for an object whose keys are all left out.
    if text.trim_start().starts_with('[') {
        return Err(Error::new(Code::BadValue, "the body: a list, where an object is expected"));
    }
    serde_json::from_str(text).map_err(|e| {
        let unknown = e.to_string().starts_with("unknown field");
        let code = if unknown { Code::UnknownKey } else { Code::BadValue };
        Error::new(code, format!("the body: {e}"))
    })
}

/// A body as text.
pub(crate) struct Text(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failed> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                too_large()
            } else {
                Error::new(Code::BadValue, "the body cannot be read").because(rejection)
            }
        })?;
        if bytes.len() > LONGEST {
            return Err(too_large().into());
        }
        let text = String::from_utf8(bytes.into())
            .map_err(|_| Error::new(Code::BadEncoding, "the body is not UTF-8"))?;
        Ok(Self(text))
    }
}

pub(crate) fn too_large() -> Error {
    Error::new(Code::TooLarge, format!("the body is longer than {LONGEST} bytes"))
}

/// The parts of the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failed> {
        no_nul("path", parts.uri.path())?;
        let taken = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        taken.map(|axum::extract::Path(value)| Self(value)).map_err(|rejection: PathRejection| {
            Error::new(Code::BadValue, "the path").because(rejection.body_text()).into()
        })
    }
}

/// What follows `?`.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failed> {
        no_nul("query", parts.uri.query().unwrap_or_default())?;
        let taken = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        taken.map(|axum::extract::Query(value)| Self(value)).map_err(|rejection: QueryRejection| {
            Error::new(Code::BadValue, "the query").because(rejection.body_text()).into()
        })
    }
}

/// Refuses U+0000, which not every state can be asked for.
fn no_nul(part: &str, text: &str) -> Result<()> {
    match text.contains("%00") {
        true => Err(Error::new(Code::BadValue, format!("U+0000 in the {part}"))),
        false => Ok(()),
    }
}

/// The name of a connection or a job, as people may choose it.
///
/// # Errors
/// [`Code::BadValue`] for what is no name, or is a word of the API.
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    const RESERVED: &[&str] = &["test", "validate", "plan", "preview", "import"];
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins || name.len() > 128 || !name.chars().all(plain) {
        return Err(Error::new(Code::BadValue, format!("{name:?} is no name of a {what}")).hint(
            "1 to 128 of a-z, A-Z, 0-9, dot, underscore and hyphen, a letter or digit first",
        ));
    }
    if RESERVED.contains(&name) {
        let message = format!("no {what} can have the name {name:?}");
        return Err(Error::new(Code::BadValue, message)
            .hint(format!("these are words of the API: {}", RESERVED.join(", "))));
    }
    Ok(())
}

/// What people say of something, under the name that it has in a body.
///
/// # Errors
/// [`Code::BadValue`] for what is too long, or no text.
pub(crate) fn check_text(what: &str, text: &str) -> Result<()> {
    const LONGEST: usize = 2_000;
    if text.chars().count() > LONGEST || text.contains('\0') {
        let message = format!("{what}: a text of {LONGEST} characters at most");
        return Err(Error::new(Code::BadValue, message));
    }
    Ok(())
}

/// A key that may be left out, or be `null`, which means something else: not given, or taken away.
pub(crate) fn given<'de, D, T>(deserializer: D) -> std::result::Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_plain() {
        for name in ["a", "0", "shop-1.prod_x", &"x".repeat(128)] {
            assert!(check_name("job", name).is_ok(), "{name}");
        }
        let long = "x".repeat(129);
        for name in ["", ".", "..", "-a", "_", "a/b", "a b", "ä", "a\0", "test", "import", &long] {
            assert_eq!(check_name("job", name).unwrap_err().code(), Code::BadValue, "{name:?}");
        }
    }

    proptest! {
        /// A name is the same in a path, a query and a file.
        #[test]
        fn a_name_needs_no_escape(name in ".*") {
            if check_name("job", &name).is_ok() {
                prop_assert!(name.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b'%'));
                prop_assert!(name != "." && name != "..");
            }
        }
    }
}
