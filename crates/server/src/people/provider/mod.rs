//! Signing in with a provider (OpenID Connect): authorization code with PKCE and a nonce; what the
//! provider says of a person is believed once its signature fits a key of its own.
//!
//! The flow and the few checks it needs are written here on `reqwest` and `ring`, which are in the
//! binary anyway; a library of its own would bring a second set of cryptography along.

mod claims;
mod fetch;
mod signature;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Result};
use tokio::sync::Mutex;

use crate::caller::Role;
use crate::config::Provider;

pub(crate) use claims::Person;

/// How long what a provider says of itself is believed.
const FRESH: Duration = Duration::from_secs(3600);
/// Its keys are asked for again for an unknown one no more often than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A provider that people sign in with.
pub(crate) struct SignIn {
    provider: Provider,
    roles: Vec<(String, Role)>,
    http: reqwest::Client,
    known: Mutex<Option<Known>>,
}

/// What a provider has said of itself.
#[derive(Clone)]
struct Known {
    described: Described,
    keys: Vec<signature::Key>,
    at: Instant,
}

/// What a provider says of itself at `/.well-known/openid-configuration`.
#[derive(Clone, Deserialize)]
struct Described {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// What ties the provider's answer to the browser that went there. It is kept in a cookie.
#[derive(Serialize, Deserialize)]
pub(crate) struct Tie {
    state: String,
    nonce: String,
    verifier: String,
}

/// What the provider sends the browser back with.
#[derive(Deserialize)]
pub(crate) struct Returned {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

impl SignIn {
    /// Ready to ask that provider.
    ///
    /// # Errors
    /// [`Code::Usage`] for an issuer that is neither encrypted nor on this machine, and for roles
    /// that there are not.
    pub(crate) fn new(provider: Provider) -> Result<Self> {
        fetch::check_url("--oidc-issuer", &provider.issuer)
            .map_err(|e| Error::new(Code::Usage, e.message().to_owned()))?;
        let role = |(value, role): &(String, String)| {
            let known = Role::parse(role).ok_or_else(|| {
                Error::new(Code::Usage, format!("--oidc-role: there is no role {role:?}"))
                    .hint("one of member, viewer, operator, editor, admin")
            });
            Ok((value.clone(), known?))
        };
        let roles = provider.roles.iter().map(role).collect::<Result<_>>()?;
        Ok(Self { http: fetch::client()?, known: Mutex::default(), provider, roles })
    }

    /// Where to send a browser that is to come back to `back`, and what ties its return to it.
    ///
    /// # Errors
    /// [`Code::Unreachable`] and others when the provider cannot be asked.
    pub(crate) async fn begin(&self, back: &str) -> Result<(String, Tie)> {
        let known = self.known(None).await?;
        let tie =
            Tie { state: super::secret()?, nonce: super::secret()?, verifier: super::secret()? };
        let mut url = reqwest::Url::parse(&known.described.authorization_endpoint)
            .map_err(|e| bad("its authorization endpoint").because(e))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.provider.client_id)
            .append_pair("redirect_uri", back)
            .append_pair("scope", &self.provider.scope)
            .append_pair("state", &tie.state)
            .append_pair("nonce", &tie.nonce)
            .append_pair("code_challenge", &signature::challenge(&tie.verifier))
            .append_pair("code_challenge_method", "S256");
        Ok((url.into(), tie))
    }

    /// Who the browser was at the provider.
    ///
    /// # Errors
    /// [`Code::NotSignedIn`] when the answer does not hold; [`Code::Forbidden`] for somebody who
    /// has no role here.
    pub(crate) async fn end(&self, back: &str, tie: &Tie, returned: Returned) -> Result<Person> {
        if !returned.state.as_deref().is_some_and(|state| super::same(state, &tie.state)) {
            return Err(refused("the answer belongs to another sign-in"));
        }
        if let Some(error) = returned.error {
            return Err(refused(&format!("the provider says {error:?}")));
        }
        if returned.iss.is_some_and(|iss| iss != self.provider.issuer) {
            return Err(refused("the answer is another provider's"));
        }
        let code = returned.code.ok_or_else(|| refused("the answer has no code"))?;
        let known = self.known(None).await?;
        let tokens = self.redeem(&known.described, back, tie, &code).await?;
        let signed = signature::Signed::parse(&tokens.id_token)?;
        let known = self.known(Some(&signed)).await?;
        signed.verify(&known.keys)?;
        let mut claims = claims::Claims::read(signed.payload())?;
        claims.check(&self.provider, &tie.nonce, chrono::Utc::now().timestamp())?;
        if !claims.has(&self.provider)
            && let (Some(url), Some(token)) =
                (&known.described.userinfo_endpoint, &tokens.access_token)
        {
            let more = fetch::json(self.http.get(url).bearer_auth(token)).await?;
            claims.add(more)?;
        }
        claims.person(&self.provider, &self.roles)
    }

    async fn redeem(
        &self,
        described: &Described,
        back: &str,
        tie: &Tie,
        code: &str,
    ) -> Result<Tokens> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back),
            ("code_verifier", &tie.verifier),
        ];
        let id = self.provider.client_id.as_str();
        let mut request = self.http.post(&described.token_endpoint);
        let ways = &described.token_endpoint_auth_methods_supported;
        let posts = !ways.is_empty()
            && !ways.iter().any(|way| way == "client_secret_basic")
            && ways.iter().any(|way| way == "client_secret_post");
        match &self.provider.client_secret {
            None => form.push(("client_id", id)),
            Some(secret) if posts => {
                form.extend([("client_id", id), ("client_secret", secret.expose())]);
            }
            // Both are encoded as in a form first (RFC 6749, 2.3.1).
            Some(secret) => {
                request =
                    request.basic_auth(fetch::encoded(id), Some(fetch::encoded(secret.expose())));
            }
        }
        let body = fetch::form(&form);
        let kind = "application/x-www-form-urlencoded";
        let request = request.header(reqwest::header::CONTENT_TYPE, kind).body(body);
        serde_json::from_value(fetch::json(request).await?)
            .map_err(|e| refused("the provider's answer to the code").because(e))
    }

    /// What the provider says of itself: what is known, unless it is old, or has no key that could
    /// have signed `signed`.
    async fn known(&self, signed: Option<&signature::Signed>) -> Result<Known> {
        let mut slot = self.known.lock().await;
        if let Some(known) = &*slot {
            let age = known.at.elapsed();
            let fits = signed.is_none_or(|signed| signed.names_one_of(&known.keys));
            if age < FRESH && (fits || age < PATIENCE) {
                return Ok(known.clone());
            }
        }
        let base = self.provider.issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let described: Described = serde_json::from_value(fetch::json(self.http.get(url)).await?)
            .map_err(|e| bad("what it says of itself").because(e))?;
        if described.issuer != self.provider.issuer {
            return Err(bad("what it says of itself: it is another issuer"));
        }
        let endpoints = [&described.authorization_endpoint, &described.token_endpoint];
        for url in
            endpoints.into_iter().chain([&described.jwks_uri]).chain(&described.userinfo_endpoint)
        {
            fetch::check_url("an endpoint of the provider", url)?;
        }
        let keys = signature::keys(fetch::json(self.http.get(&described.jwks_uri)).await?)?;
        Ok(slot.insert(Known { described, keys, at: Instant::now() }).clone())
    }
}

/// A sign-in that is refused.
fn refused(why: &str) -> Error {
    Error::new(Code::NotSignedIn, format!("sign-in with the provider: {why}"))
}

/// A provider that does not keep to the protocol.
fn bad(what: &str) -> Error {
    Error::new(Code::StoreFailed, format!("the provider of sign-ins: {what}"))
}
