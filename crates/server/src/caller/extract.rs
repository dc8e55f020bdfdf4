//! Finds out who asks: by token, or by session.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::{Method, header, request::Parts};
use syncline_types::{Code, Error, Result};

use super::{By, Caller, Role, same_origin};
use crate::people::{API_TOKEN, hash_of, same, sessions};
use crate::problem::Failed;
use crate::state::AppState;

/// The header with the token that proves that a page of this node sends a request.
const CSRF: &str = "x-csrf-token";

impl FromRequestParts<AppState> for Caller {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failed> {
        // Whoever asked before on the way of the same request has paid for the answer.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let address = address_of(parts);
        let caller = match parts.headers.get(header::AUTHORIZATION) {
            Some(given) => {
                let text = given.to_str().unwrap_or_default();
                let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
                if !scheme.eq_ignore_ascii_case("bearer") {
                    return Err(unknown("the header Authorization holds no Bearer token").into());
                }
                by_token(token.trim().to_owned(), address, state).await?
            }
            None => by_session(parts, address, state).await?,
        };
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

impl Caller {
    /// Whether what they are known by is still good: the session or token has not ended, and the
    /// user behind it is not shut out.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) async fn stands(&self, state: &AppState) -> Result<bool> {
        match self.by.clone() {
            By::AdminToken | By::SigningIn => Ok(true),
            By::Session { hash, .. } => {
                let idle_since = sessions::idle_since();
                let found = state.blocking(move |store| store.session(&hash, &idle_since));
                Ok(found.await?.is_some())
            }
            By::Token { hash, .. } => {
                let found = state.blocking(move |store| store.token_use(&hash));
                Ok(found.await?.is_some())
            }
        }
    }
}

/// Where a request comes from.
pub(crate) fn address_of(parts: &Parts) -> Option<IpAddr> {
    let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    info.map(|ConnectInfo(address)| address.ip().to_canonical())
}

fn unknown(why: &str) -> Error {
    Error::new(Code::NotSignedIn, why).hint("sign in, or give a token")
}

async fn by_token(token: String, address: Option<IpAddr>, state: &AppState) -> Result<Caller> {
    if state.admin_token.as_ref().is_some_and(|admin| same(&token, admin.expose())) {
        let (name, by) = ("admin token".to_owned(), By::AdminToken);
        return Ok(Caller { name, role: Role::Admin, by, jobs: None, address });
    }
    let wrong = || unknown("the token is not known, or has expired");
    if !token.starts_with(API_TOKEN) {
        return Err(wrong());
    }
    let hash = hash_of(&token);
    let asked = hash.clone();
    let found = state.blocking(move |store| {
        let found = store.token_use(&asked)?;
        if let Some(used) = &found
            && sessions::is_a_while_ago(used.token.last_used_at.as_deref())
        {
            store.touch_token(&used.token.id)?;
        }
        Ok(found)
    });
    let used = found.await?.ok_or_else(wrong)?;
    // A token goes no further than its owner does now.
    let own = Role::parse(&used.token.role).ok_or_else(wrong)?;
    let role = match &used.owner_role {
        None => own,
        Some(owner) => own.min(Role::parse(owner).ok_or_else(wrong)?),
    };
    let owner = used.token.owner;
    let name = format!("{}/{}", owner.as_deref().unwrap_or("admin token"), used.token.name);
    let jobs = used.token.jobs.map(Arc::from);
    Ok(Caller { name, role, by: By::Token { owner, hash }, jobs, address })
}

async fn by_session(parts: &Parts, address: Option<IpAddr>, state: &AppState) -> Result<Caller> {
    let cookies = state.people.cookies;
    let Some(secret) = cookies.get(&parts.headers, cookies.session()) else {
        return Err(unknown("this needs a session or a token"));
    };
    let hash = hash_of(secret);
    let found = state.blocking({
        let hash = hash.clone();
        move |store| {
            fail::fail_point!("session-read");
            let found = store.session(&hash, &sessions::idle_since())?;
            if let Some(found) = &found
                && sessions::is_a_while_ago(Some(&found.seen_at))
            {
                store.touch_session(&hash)?;
            }
            Ok(found)
        }
    });
    let ended = || unknown("the session has ended");
    let found = found.await?.ok_or_else(ended)?;
    // Browsers send the cookie with whatever a page asks for: what changes something, or goes on
    // being heard, has to come from a page of this node.
    let changes = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if changes || parts.headers.contains_key(header::UPGRADE) {
        same_origin(parts, &state.people.origins)?;
    }
    if changes {
        let given = parts.headers.get(CSRF).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !same(given, &sessions::csrf(secret)) {
            return Err(Error::new(Code::Forbidden, "the header X-CSRF-Token is missing or wrong")
                .hint("it is in the answer to signing in, and in GET /api/v1/session"));
        }
    }
    let role = Role::parse(&found.role).ok_or_else(ended)?;
    let name = found.user.clone();
    Ok(Caller { name, role, by: By::Session { user: found.user, hash }, jobs: None, address })
}
