//! TLS around a connection, as strict as the options ask.

use std::sync::Arc;

use rustls::Error as TlsError;
use rustls::pki_types::ServerName;
use syncline_tls::{Authorities, Trust};
use tokio_rustls::TlsConnector;

use super::fault::Fault;
use super::packet::Io;
use crate::options::{MysqlOptions, Tls};

/// Puts TLS around `io`.
pub(super) async fn wrap(
    io: Box<dyn Io>,
    host: &str,
    options: &MysqlOptions,
) -> Result<Box<dyn Io>, Fault> {
    let authorities = options.ca.as_deref().map_or(Authorities::Public, Authorities::File);
    let trust = match options.tls {
        Tls::Disabled | Tls::Preferred | Tls::Required => Trust::Anyone,
        Tls::VerifyCa => Trust::Authority(authorities),
        Tls::VerifyIdentity => Trust::Host(authorities),
    };
    let config = syncline_tls::client(trust, None).map_err(|e| Fault::Tls(e.chain()))?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Fault::Tls(format!("{host:?} is not a host name TLS can check")))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, io).await.map_err(|e| {
        // rustls reports its own errors inside of an io::Error; a broken stream is another matter.
        let inner = e.get_ref().is_some_and(|inner| inner.is::<TlsError>());
        if inner { Fault::Tls(format!("TLS was not agreed on: {e}")) } else { Fault::Io(e) }
    })?;
    Ok(Box::new(stream))
}
