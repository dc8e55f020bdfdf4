//! TLS around a connection, as strict as the options ask.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore};
use rustls::{Error as TlsError, SignatureScheme};
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
    let config = config(options).map_err(Fault::Tls)?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Fault::Tls(format!("{host:?} is not a host name TLS can check")))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, io).await.map_err(|e| {
        // rustls reports its own errors inside of an io::Error; a broken stream is another matter.
        let inner = e.get_ref().is_some_and(|inner| inner.is::<TlsError>());
        if inner { Fault::Tls(format!("TLS was not agreed on: {e}")) } else { Fault::Io(e) }
    })?;
    Ok(Box::new(stream))
}

fn config(options: &MysqlOptions) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let verifier: Arc<dyn ServerCertVerifier> = match options.tls {
        Tls::VerifyCa | Tls::VerifyIdentity => Arc::new(Trusted {
            chain: WebPkiServerVerifier::builder_with_provider(Arc::new(roots(options)?), provider)
                .build()
                .map_err(|e| e.to_string())?,
            any_name: options.tls == Tls::VerifyCa,
        }),
        Tls::Disabled | Tls::Preferred | Tls::Required => Arc::new(Anyone(provider)),
    };
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn roots(options: &MysqlOptions) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = &options.ca else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let bad = |e: &dyn std::fmt::Display| format!("certificates in {path}: {e}");
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| bad(&e))? {
        roots.add(certificate.map_err(|e| bad(&e))?).map_err(|e| bad(&e))?;
    }
    if roots.is_empty() {
        return Err(bad(&"there are none"));
    }
    Ok(roots)
}

/// Takes any certificate: the modes that encrypt without knowing who is at the other end.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    // Whoever could forge the signature could as well have shown a certificate of his own.
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes certificates of trusted authorities, for the host or for any.
#[derive(Debug)]
struct Trusted {
    chain: Arc<WebPkiServerVerifier>,
    any_name: bool,
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match self.chain.verify_server_cert(end, between, name, ocsp, now) {
            // The chain is checked before the name.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
