//! Requests that are done only once, however often they come: `Idempotency-Key` on POST.
//!
//! The first answer is kept for a day, sealed like a secret, and given again to the same caller for
//! the same key. One layer does it for all; handlers need not know.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use syncline_store::{KeptAnswer, Sealed};
use syncline_types::{Code, Error, Result};

use crate::caller::Caller;
use crate::input::{LONGEST, too_large};
use crate::problem::Failed;
use crate::state::{AppState, ended_early};

/// The header.
const KEY: &str = "idempotency-key";
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Headers of an answer that are kept with it.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];
/// Longer answers are not kept.
const LONGEST_ANSWER: usize = 1 << 20;
/// Hours that an answer is kept.
const HOURS: i64 = 24;
/// Minutes after which a request that never ended counts as lost: its node is gone.
const LOST: i64 = 10;

/// An answer, as it is kept.
#[derive(Serialize, Deserialize)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Where an answer is sealed for.
fn place(caller: &str, key: &str) -> String {
    format!("answers/{caller}/{key}")
}

/// The layer.
pub(crate) async fn once(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let wanted = request.method() == Method::POST && request.headers().contains_key(KEY);
    // What hands out cookies or tokens is told once.
    let path = request.uri().path();
    let telling =
        ["/session", "/setup", "/tokens", "/live-tickets"].iter().any(|end| path.ends_with(end));
    if !wanted || telling {
        return next.run(request).await;
    }
    match keyed(state, request, next).await {
        Ok(response) => response,
        Err(error) => Failed(error).into_response(),
    }
}

async fn keyed(state: AppState, request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let key = key_of(&parts.headers)?;
    let caller = match Caller::from_request_parts(&mut parts, &state).await {
        Ok(caller) => caller.name,
        // The handler refuses it in its own words, or lets everybody in.
        Err(_) => return Ok(next.run(Request::from_parts(parts, body)).await),
    };
    let bytes = to_bytes(body, LONGEST).await.map_err(|_| too_large())?;
    let what = [parts.uri.to_string().as_bytes(), b"\0", &bytes].concat();
    let digest = state.vault.digest(&what)?;
    let known = {
        let (caller, key, digest) = (caller.clone(), key.clone(), digest.clone());
        let oldest = text(Utc::now() - Duration::hours(HOURS));
        let lost = text(Utc::now() - Duration::minutes(LOST));
        state.blocking(move |s| s.begin_request(&caller, &key, &digest, &oldest, &lost)).await?
    };
    match known {
        KeptAnswer::UnderWay { digest: first } | KeptAnswer::Answered { digest: first, .. }
            if first != digest =>
        {
            let message = format!("Idempotency-Key {key:?} came with another request before");
            Err(Error::new(Code::KeyReused, message).hint("take a new key for a new request"))
        }
        KeptAnswer::UnderWay { .. } => {
            let message = format!("the request with Idempotency-Key {key:?} is still being done");
            Err(Error::new(Code::Busy, message).hint("ask again in a moment"))
        }
        KeptAnswer::Answered { kept, .. } => again(&state, &caller, &key, &kept),
        KeptAnswer::New => {
            let request = Request::from_parts(parts, Body::from(bytes));
            // Done to its end also when the client goes away meanwhile: its answer is kept.
            let work = tokio::spawn(first(state, caller, key, request, next));
            work.await.map_err(|e| ended_early("a request", &e))?
        }
    }
}

/// Does the request, and keeps its answer.
async fn first(
    state: AppState,
    caller: String,
    key: String,
    request: Request,
    next: Next,
) -> Result<Response> {
    let response = next.run(request).await;
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX)
        .await
        .map_err(|e| Error::bug("an answer cannot be read").because(e))?;
    // What may be answered otherwise next time is not kept.
    let passing = parts.status.is_server_error()
        || parts.headers.contains_key(header::SET_COOKIE)
        || matches!(parts.status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS);
    let kept =
        (!passing).then(|| keep(&state, &caller, &key, parts.status, &parts.headers, &bytes));
    let kept = kept.transpose()?.flatten();
    state
        .blocking(move |store| match kept {
            Some(kept) => store.keep_answer(&caller, &key, &kept),
            None => store.forget_request(&caller, &key),
        })
        .await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn keep(
    state: &AppState,
    caller: &str,
    key: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Option<Vec<u8>>> {
    let Ok(body) = std::str::from_utf8(body) else { return Ok(None) };
    if body.len() > LONGEST_ANSWER {
        return Ok(None);
    }
    let header = |name: &HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    let answer = Answer {
        status: status.as_u16(),
        headers: KEPT.iter().filter_map(header).collect(),
        body: body.to_owned(),
    };
    let written = |e| Error::bug("an answer cannot be written").because(e);
    let json = serde_json::to_vec(&answer).map_err(written)?;
    let sealed = state.vault.seal_bytes(&place(caller, key), &json)?;
    // The key's name travels with what it sealed.
    Ok(Some([sealed.key_id.as_bytes(), b"\0", &sealed.bytes].concat()))
}

/// The answer that was kept.
fn again(state: &AppState, caller: &str, key: &str, kept: &[u8]) -> Result<Response> {
    let opened = || {
        let end = kept.iter().position(|b| *b == 0)?;
        let key_id = String::from_utf8(kept[..end].to_vec()).ok()?;
        let sealed = Sealed { key_id, bytes: kept[end + 1..].to_vec() };
        let json = state.vault.open_bytes(&place(caller, key), &sealed).ok()?;
        serde_json::from_slice::<Answer>(&json).ok()
    };
    let answer = opened().ok_or_else(|| {
        let message = format!("the answer to Idempotency-Key {key:?} is there, but cannot be read");
        Error::new(Code::KeyReused, message)
            .hint("the keys of the secrets have changed since: look whether it was done")
    })?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn key_of(headers: &HeaderMap) -> Result<String> {
    let mut all = headers.get_all(KEY).iter();
    let key = all.next().and_then(|v| v.to_str().ok()).unwrap_or_default().trim();
    if key.is_empty() || key.len() > 255 || all.next().is_some() {
        return Err(Error::new(
            Code::BadValue,
            "Idempotency-Key: one, of 1 to 255 plain characters",
        )
        .hint("a UUID will do"));
    }
    Ok(key.to_owned())
}

/// A moment, as the state keeps it.
fn text(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
