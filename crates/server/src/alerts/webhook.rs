//! By an HTTP POST of JSON.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Client, header};
use syncline_connector::Secret;
use syncline_store::Webhook;
use syncline_types::{Code, Error, Result};

use super::Message;
use crate::outgoing::http_client;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends it. Any answer of success will do.
pub(super) async fn send(
    webhook: &Webhook,
    authorization: Option<Secret>,
    message: &Message,
) -> Result<()> {
    let mut request = client()?.post(&webhook.url).json(message);
    if let Some(secret) = authorization {
        let mut value = header::HeaderValue::from_str(secret.expose())
            .map_err(|_| Error::new(Code::BadValue, "the authorization is no header"))?;
        value.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, value);
    }
    let name = &webhook.name;
    // The address may hold a secret of its own: errors go without it.
    let response = request.send().await.map_err(|e| {
        Error::new(Code::Unreachable, format!("webhook {name}")).because(e.without_url())
    })?;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(Error::new(Code::StoreFailed, format!("webhook {name} answered {status}"))),
    }
}

fn client() -> Result<&'static Client> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    let builder = || {
        Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("syncline/", env!("CARGO_PKG_VERSION")))
    };
    let made = http_client(builder)
        .map_err(|e| Error::bug("the HTTP client does not start").because(e))?;
    Ok(CLIENT.get_or_init(|| made))
}
