//! TLS towards a server, as strict as a connection's options ask: encrypted without a look at who
//! is at the other end, with the certificate's chain checked, or with chain and host name checked.
//!
//! It makes the settings of a client; how and when a protocol changes to TLS is the connector's.

mod trust;

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use syncline_types::{Code, Error, Result};

/// Whose certificate is taken for the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust<'a> {
    /// Anyone's: the line is encrypted, and who is at its other end is not known.
    Anyone,
    /// One that an authority gave out, for whatever host.
    Authority(Authorities<'a>),
    /// One that an authority gave out for this very host.
    Host(Authorities<'a>),
}

/// Who may vouch for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorities<'a> {
    /// Those that browsers trust.
    Public,
    /// Those whose certificates (PEM) stand in a file.
    File(&'a str),
}

/// What the client shows of itself: files of its certificates and its key (PEM).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Its certificate, and those between it and its authority.
    pub certificates: &'a str,
    /// The key of its certificate.
    pub key: &'a str,
}

/// The settings of a client that trusts as far as `trust`, and shows `identity`.
///
/// # Errors
/// [`Code::Tls`] when a file cannot be read or holds nothing that fits; the error names it.
pub fn client(trust: Trust<'_>, identity: Option<Identity<'_>>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(Code::Tls, "TLS cannot be set up").because(e))?;
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Anyone => Arc::new(trust::AnyCertificate(provider)),
        Trust::Authority(who) => Arc::new(trust::AnyName(chain(who, provider)?)),
        Trust::Host(who) => chain(who, provider)?,
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let Some(Identity { certificates: file, key }) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let key_of_it = PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable(key).because(e))?;
    builder.with_client_auth_cert(certificates(file)?, key_of_it).map_err(|e| {
        Error::new(Code::Tls, format!("{file} cannot be used with the key of {key}")).because(e)
    })
}

fn chain(who: Authorities<'_>, provider: Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    match who {
        Authorities::Public => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Authorities::File(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|e| unreadable(path).because(e))?;
            }
        }
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|e| Error::new(Code::Tls, "the authorities cannot be used").because(e))
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(Path::new(path))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| unreadable(path).because(e))?;
    if found.is_empty() {
        return Err(unreadable(path));
    }
    Ok(found)
}

fn unreadable(path: &str) -> Error {
    Error::new(Code::Tls, format!("{path}: no certificate or key in PEM form can be read from it"))
}
