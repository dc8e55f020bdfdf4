//! One form for every error under `/api`, also for those that no handler has made.

use std::any::Any;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use syncline_types::{Code, Error};

use crate::problem::Failed;

/// Characters of a foreign error that are passed on.
const LONGEST: usize = 4096;

/// What a request is answered whose handler has panicked: that it has, and nothing of why.
pub(super) fn of_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let why = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(why, "a request met a defect");
    Failed(Error::bug("the server has met a defect; its log says more")).into_response()
}

/// Puts errors of the framework (no such route, no such method, a body too long) into the form of
/// every other.
pub(super) async fn in_one_form(request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let response = next.run(request).await;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let plain = kind.is_none_or(|kind| kind.starts_with("text/plain"));
    if !api || !plain || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let said = to_bytes(body, LONGEST).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let error = match status {
        StatusCode::NOT_FOUND => Error::new(Code::NotFound, "there is nothing at this path"),
        StatusCode::METHOD_NOT_ALLOWED => Error::new(Code::Usage, "not a method of this path"),
        StatusCode::PAYLOAD_TOO_LARGE => Error::new(Code::TooLarge, "the body is too long"),
        StatusCode::REQUEST_TIMEOUT => Error::new(Code::ConnectionLost, "the body came too slowly"),
        _ if said.is_empty() => Error::new(Code::BadValue, status.to_string()),
        _ => Error::new(Code::BadValue, said.into_owned()),
    };
    let mut answer = Failed(error).with_status(status);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_TYPE);
    answer.headers_mut().extend(parts.headers);
    answer
}
