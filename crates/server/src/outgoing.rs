//! Clients for what is asked of others over HTTP.

use reqwest::{Client, ClientBuilder, Result};
use syncline_tls::{Authorities, Trust};

/// A client as `builder` makes it. It trusts the authorities that the machine knows; where it knows
/// none, as in minimal containers, the public ones that are built in.
///
/// # Errors
/// When none can be made.
pub fn http_client(builder: impl Fn() -> ClientBuilder) -> Result<Client> {
    builder().build().or_else(|unknown| {
        match syncline_tls::client(Trust::Host(Authorities::Public), None) {
            Ok(built_in) => builder().tls_backend_preconfigured(built_in).build(),
            Err(_) => Err(unknown),
        }
    })
}
