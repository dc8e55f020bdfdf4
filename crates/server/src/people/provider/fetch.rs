//! Asking a provider, with limits on how long it may take and how much it may say.

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::RequestBuilder;
use serde_json::Value;
use syncline_types::{Code, Error, Result};

use super::bad;
use crate::outgoing::http_client;

const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer at most.
const LONGEST: usize = 1 << 20;

/// A client that goes nowhere but where it is sent.
pub(super) fn client() -> Result<reqwest::Client> {
    let builder =
        || reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    http_client(builder).map_err(|e| Error::bug("no HTTP client can be made").because(e))
}

/// Refuses an address that is neither encrypted nor of this machine.
pub(super) fn check_url(what: &str, url: &str) -> Result<()> {
    let parsed = reqwest::Url::parse(url)
        .map_err(|e| Error::new(Code::BadUrl, format!("{what}: not a URL")).because(e))?;
    let local = match parsed.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if parsed.scheme() == "https" || (parsed.scheme() == "http" && local) {
        return Ok(());
    }
    Err(Error::new(Code::BadUrl, format!("{what}: {url} is not encrypted"))
        .hint("https is needed for whatever is not on this machine"))
}

/// Sends a request whose answer must be a JSON document.
pub(super) async fn json(request: RequestBuilder) -> Result<Value> {
    let unreachable = |e: reqwest::Error| {
        // The address is the provider's and may carry a code: it is not repeated.
        Error::new(Code::Unreachable, "the provider of sign-ins").because(e.without_url())
    };
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let mut pieces = response.bytes_stream();
    let mut body = Vec::new();
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(unreachable)?);
        if body.len() > LONGEST {
            return Err(bad("its answer is too long"));
        }
    }
    let value: Value = serde_json::from_slice(&body)
        .map_err(|e| bad(&format!("its answer ({status}) is no JSON")).because(e))?;
    if status.is_success() {
        return Ok(value);
    }
    let said = value["error"].as_str().unwrap_or_default();
    Err(super::refused(&format!("the provider answers {status} {said:?}")))
}

/// A form, as it is sent.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A text, as it stands in a form.
pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
