//! Finds out who asks: by token, or by session.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::{Method, header, request::Parts};
use syncline_store::{Store, TokenUse};
use syncline_types::{Code, Error, Result};

use super::{By, Caller, Reach, Role, same_origin};
use crate::people::{API_TOKEN, hash_of, same, sessions};
use crate::places::Places;
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
    /// Whether what they are known by is still good: the session or token has not ended, the user
    /// behind it is not shut out, and sees what they saw.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) async fn stands(&self, state: &AppState) -> Result<Stands> {
        let (by, places) = (self.by.clone(), Arc::clone(&state.places));
        let now = state.blocking(move |store| match by {
            By::AdminToken | By::SigningIn => Ok(None),
            By::Session { hash, .. } => {
                let found = store.session(&hash, &sessions::idle_since())?;
                let of = |found| of_session(store, places, found);
                Ok(Some(found.map(|f| of((f.user, f.role))).transpose()?.flatten()))
            }
            By::Token { hash, .. } => {
                let found = store.token_use(&hash)?;
                let of = |found: TokenUse| of_token(store, places, &found);
                Ok(Some(found.map(of).transpose()?.flatten()))
            }
        });
        Ok(match now.await? {
            None => Stands::Good,
            Some(None) => Stands::Ended,
            Some(Some(now)) if now.projects() == self.reach.projects() => Stands::Good,
            Some(Some(_)) => Stands::Sees,
        })
    }
}

/// Whether what somebody is known by is still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    /// As it was.
    Good,
    /// They see other projects by now.
    Sees,
    /// It has ended.
    Ended,
}

/// Roles that somebody has in projects, as far as these go further than the one that counts
/// everywhere, and no further than `most`.
///
/// # Errors
/// When the state cannot be read.
pub(crate) fn grants(
    store: &Store,
    user: Option<&str>,
    role: Role,
    most: Role,
) -> Result<Arc<BTreeMap<String, Role>>> {
    // No project gives more than an editor may.
    let Some(user) = user.filter(|_| role < Role::Editor) else { return Ok(Arc::default()) };
    let granted = store.memberships(user)?.into_iter().filter_map(|member| {
        let role = Role::parse(&member.role)?.min(most);
        (role >= Role::Viewer).then_some((member.project, role))
    });
    Ok(Arc::new(granted.collect()))
}

/// How far a session reaches; `None` for a role that is not known.
fn of_session(
    store: &Store,
    places: Arc<Places>,
    (user, role): (String, String),
) -> Result<Option<Reach>> {
    let Some(role) = Role::parse(&role) else { return Ok(None) };
    let grants = grants(store, Some(&user), role, Role::Admin)?;
    Ok(Some(Reach { role, grants, jobs: None, within: None, places }))
}

/// How far a token reaches: no further than its owner does now. `None` for a role that is not known.
fn of_token(store: &Store, places: Arc<Places>, found: &TokenUse) -> Result<Option<Reach>> {
    let Some(own) = Role::parse(&found.token.role) else { return Ok(None) };
    let role = match found.owner_role.as_deref().map(Role::parse) {
        None => own,
        Some(Some(owner)) => own.min(owner),
        Some(None) => return Ok(None),
    };
    let grants = grants(store, found.token.owner.as_deref(), role, own)?;
    let list = |names: &Option<Vec<String>>| names.clone().map(Arc::from);
    let (jobs, within) = (list(&found.token.jobs), list(&found.token.projects));
    Ok(Some(Reach { role, grants, jobs, within, places }))
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
        let (name, by, role) = ("admin token".to_owned(), By::AdminToken, Role::Admin);
        let (grants, places) = (Arc::default(), Arc::clone(&state.places));
        let reach = Reach { role, grants, jobs: None, within: None, places };
        return Ok(Caller { name, by, reach, address });
    }
    let wrong = || unknown("the token is not known, or has expired");
    if !token.starts_with(API_TOKEN) {
        return Err(wrong());
    }
    let hash = hash_of(&token);
    let (asked, places) = (hash.clone(), Arc::clone(&state.places));
    let found = state.blocking(move |store| {
        let Some(used) = store.token_use(&asked)? else { return Ok(None) };
        if sessions::is_a_while_ago(used.token.last_used_at.as_deref()) {
            store.touch_token(&used.token.id)?;
        }
        let reach = of_token(store, places, &used)?;
        Ok(reach.map(|reach| (used.token, reach)))
    });
    let (token, reach) = found.await?.ok_or_else(wrong)?;
    let owner = token.owner;
    let name = format!("{}/{}", owner.as_deref().unwrap_or("admin token"), token.name);
    Ok(Caller { name, by: By::Token { owner, hash }, reach, address })
}

async fn by_session(parts: &Parts, address: Option<IpAddr>, state: &AppState) -> Result<Caller> {
    let cookies = state.people.cookies;
    let Some(secret) = cookies.get(&parts.headers, cookies.session()) else {
        return Err(unknown("this needs a session or a token"));
    };
    let hash = hash_of(secret);
    let found = state.blocking({
        let (hash, places) = (hash.clone(), Arc::clone(&state.places));
        move |store| {
            fail::fail_point!("session-read");
            let Some(found) = store.session(&hash, &sessions::idle_since())? else {
                return Ok(None);
            };
            if sessions::is_a_while_ago(Some(&found.seen_at)) {
                store.touch_session(&hash)?;
            }
            let reach = of_session(store, places, (found.user.clone(), found.role))?;
            Ok(reach.map(|reach| (found.user, reach)))
        }
    });
    let ended = || unknown("the session has ended");
    let (user, reach) = found.await?.ok_or_else(ended)?;
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
    Ok(Caller { name: user.clone(), by: By::Session { user, hash }, reach, address })
}
