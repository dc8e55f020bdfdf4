//! Errors as `application/problem+json` (RFC 9457), with the same codes as on the command line.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use syncline_types::{Code, Error, ErrorKind, in_terms_of_jobs};
use utoipa::ToSchema;

/// An error, as the API answers it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Where the code is explained.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#E0207")]
    kind: String,
    /// A few words that name the code.
    title: String,
    /// The HTTP status, again.
    status: u16,
    /// What happened and where.
    detail: String,
    /// The error's code, the same as on the command line.
    #[schema(example = "E0207")]
    code: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Which part of what was sent it is about: `source`, `connections.shop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// Line in the text that was sent, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Column in that line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
}

impl Problem {
    /// The same, with the place in the text that was sent.
    #[must_use]
    pub(crate) fn placed(self, at: Option<String>, place: Option<(u64, u64)>) -> Self {
        let (line, column) = place.unzip();
        Self { at, line, column, ..self }
    }

    /// The same, in other words.
    #[must_use]
    pub(crate) fn said(self, detail: String) -> Self {
        Self { detail, ..self }
    }

    /// The error as it is answered.
    pub(crate) fn of(error: &Error) -> Self {
        let code = error.code();
        Self {
            kind: format!("/docs/errors#{code}"),
            title: code.title().to_owned(),
            status: status(code).as_u16(),
            detail: error.chain(),
            code: code.to_string(),
            hint: error.hint_text().map(in_terms_of_jobs),
            at: None,
            line: None,
            column: None,
        }
    }
}

/// Seconds until another try is worth it, where nothing is known of it.
const LATER: u128 = 5;

/// An error of a handler.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) Error);

/// What handlers return.
pub(crate) type Answer<T> = std::result::Result<T, Failed>;

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status = status(self.0.code());
        self.with_status(status)
    }
}

impl Failed {
    /// The answer, under a status that says more than the code's.
    pub(crate) fn with_status(self, status: StatusCode) -> Response {
        let problem = Problem { status: status.as_u16(), ..Problem::of(&self.0) };
        // Rounded up: who comes back a moment too early is turned away once more.
        let wait =
            self.0.retry_after().map_or(LATER, |wait| wait.as_millis().div_ceil(1000).max(1));
        if status.is_server_error() {
            tracing::error!(code = %self.0.code(), error = self.0.chain(), "a request failed");
        }
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        match status {
            StatusCode::UNAUTHORIZED => {
                let scheme = HeaderValue::from_static("Bearer");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                if let Ok(wait) = HeaderValue::from_str(&wait.to_string()) {
                    headers.entry(header::RETRY_AFTER).or_insert(wait);
                }
            }
            _ => {}
        }
        response
    }
}

/// The HTTP status of a code.
fn status(code: Code) -> StatusCode {
    use StatusCode as S;
    match code {
        Code::NotSignedIn => S::UNAUTHORIZED,
        Code::Forbidden => S::FORBIDDEN,
        Code::NotFound => S::NOT_FOUND,
        Code::AlreadySetUp => S::GONE,
        Code::NameTaken | Code::BadTransition | Code::StillUsed | Code::InUse => S::CONFLICT,
        Code::StaleEpoch => S::CONFLICT,
        Code::VersionMismatch => S::PRECONDITION_FAILED,
        Code::VersionNeeded => S::PRECONDITION_REQUIRED,
        Code::TooManyRequests => S::TOO_MANY_REQUESTS,
        Code::TooLarge => S::PAYLOAD_TOO_LARGE,
        Code::KeyReused => S::UNPROCESSABLE_ENTITY,
        Code::DiskFull => S::INSUFFICIENT_STORAGE,
        Code::StateUnusable | Code::WrongKey => S::INTERNAL_SERVER_ERROR,
        code => match code.kind() {
            // What was sent could be read, and makes no sense.
            ErrorKind::Config | ErrorKind::Data | ErrorKind::Permanent => S::UNPROCESSABLE_ENTITY,
            ErrorKind::Transient => S::SERVICE_UNAVAILABLE,
            ErrorKind::Bug => S::INTERNAL_SERVER_ERROR,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_is_to_come_back_is_told_when() {
        let wait = |error: Error| {
            let response = Failed(error).into_response();
            let header = response.headers().get(header::RETRY_AFTER);
            header.map(|value| value.to_str().unwrap().to_owned())
        };
        let busy = |code| Error::new(code, "busy");
        let waits = [
            busy(Code::TooManyRequests).retry_in(Duration::from_millis(29_001)),
            busy(Code::Busy).retry_in(Duration::ZERO),
            busy(Code::Busy),
        ];
        assert_eq!(waits.map(wait), ["30", "1", "5"].map(|s| Some(s.to_owned())));
        assert_eq!(wait(busy(Code::NotFound).retry_in(Duration::from_secs(1))), None);
    }

    #[test]
    fn hints_name_what_a_job_says() {
        let error =
            Error::new(Code::CannotResume, "it has changed").hint("start over with --fresh");
        let hint = Problem::of(&error).hint.unwrap();
        assert!(!hint.contains("--") && hint.contains("fresh: true"), "{hint}");
    }
}
