//! TLS as libpq's `sslmode` means it.

use rustls::ClientConfig;
use syncline_tls::{Authorities, Identity, Trust};
use syncline_types::{Code, Error, Result};

use crate::{Options, SslMode};

/// The TLS side of a connection; used or not as `sslmode` and the server say.
pub(crate) fn config(options: &Options) -> Result<ClientConfig> {
    let trust = match options.sslmode {
        SslMode::Disable | SslMode::Prefer | SslMode::Require => Trust::Anyone,
        SslMode::VerifyCa => Trust::Authority(authorities(options)?),
        SslMode::VerifyFull => Trust::Host(authorities(options)?),
    };
    let identity = match (&options.sslcert, &options.sslkey) {
        (None, None) => None,
        (Some(certificates), Some(key)) => Some(Identity { certificates, key }),
        _ => return Err(Error::new(Code::BadValue, "sslcert and sslkey go together")),
    };
    syncline_tls::client(trust, identity)
}

fn authorities(options: &Options) -> Result<Authorities<'_>> {
    options.sslrootcert.as_deref().map(Authorities::File).ok_or_else(|| {
        Error::new(Code::BadValue, "sslmode=verify-… needs sslrootcert")
            .hint("give the file of the authority's certificate: &sslrootcert=ca.pem")
    })
}
