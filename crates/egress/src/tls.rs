//! TLS over a dialer's connection: aws-lc-rs, TLS 1.2 or later, chain and name always verified.

use std::{
    io,
    sync::{Arc, LazyLock},
};

use postern_domain::Host;
use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    client::Resumption,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Why TLS could not be set up. The messages are safe to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The CA is not PEM, or contains no certificate that can be a root.
    #[error("the CA contains no usable certificate; use the PEM file from the provider")]
    CaInvalid,
    /// The chain does not end at a trusted root.
    #[error("the server's certificate is signed by an unknown authority; add the provider's CA certificate")]
    UnknownIssuer,
    /// The certificate is for other names.
    #[error("the server's certificate is for another name; use the host name in the certificate")]
    NameMismatch,
    /// The certificate has expired.
    #[error("the server's certificate has expired; renew it on the server")]
    Expired,
    /// The certificate is not valid yet.
    #[error("the server's certificate is not valid yet; check the server's clock")]
    NotValidYet,
    /// The certificate is invalid for another reason.
    #[error("the server's certificate is malformed or not a server certificate; issue a new one")]
    CertificateInvalid,
    /// Versions, ciphers or the protocol do not match.
    #[error("the TLS handshake failed; check that this port speaks TLS 1.2 or later")]
    Handshake,
    /// The server closed the connection during the handshake.
    #[error("the server closed the connection during the TLS handshake; check that TLS is enabled on it")]
    Closed,
}

impl TlsError {
    /// A stable word for programs, metrics and tests.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::CaInvalid => "TLS_CA_INVALID",
            Self::UnknownIssuer => "TLS_UNKNOWN_ISSUER",
            Self::NameMismatch => "TLS_NAME_MISMATCH",
            Self::Expired => "TLS_EXPIRED",
            Self::NotValidYet => "TLS_NOT_VALID_YET",
            Self::CertificateInvalid => "TLS_CERTIFICATE_INVALID",
            Self::Handshake => "TLS_HANDSHAKE",
            Self::Closed => "TLS_CLOSED",
        }
    }
}

/// A client configuration that trusts the given certificates, or the public roots if the text is empty, as in
/// [`postern_domain::CaBundle`]. The configuration for the public roots is shared.
pub fn client_config(ca_pem: Option<&str>) -> Result<Arc<ClientConfig>, TlsError> {
    static PUBLIC: LazyLock<Arc<ClientConfig>> =
        LazyLock::new(|| trusting(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }));
    match ca_pem {
        None | Some("") => Ok(Arc::clone(&PUBLIC)),
        Some(pem) => Ok(trusting(roots_of(pem)?)),
    }
}

/// Performs the handshake, and verifies the server's certificate against the host, which is a name or an address. Has
/// no timeout of its own: the caller's deadline applies.
pub async fn connect_tls<S>(
    stream: S,
    config: Arc<ClientConfig>,
    host: &Host,
) -> Result<TlsStream<S>, TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = server_name(host)?;
    TlsConnector::from(config).connect(name, stream).await.map_err(|e| failure_of(&e))
}

fn trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A resumed session would skip the verification of the certificate.
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

fn roots_of(pem: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| TlsError::CaInvalid)?;
        roots.add(certificate).map_err(|_| TlsError::CaInvalid)?;
    }
    if roots.is_empty() { Err(TlsError::CaInvalid) } else { Ok(roots) }
}

fn server_name(host: &Host) -> Result<ServerName<'static>, TlsError> {
    match host {
        Host::Ip(ip) => Ok(ServerName::from(*ip)),
        // Some host names are not valid in certificates, such as those with a label that ends with `_`.
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| TlsError::NameMismatch),
    }
}

fn failure_of(error: &io::Error) -> TlsError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(certificate)) => certificate_failure(certificate),
        Some(_) => TlsError::Handshake,
        None => TlsError::Closed,
    }
}

fn certificate_failure(error: &CertificateError) -> TlsError {
    match error {
        // An untrusted root with the same name as a trusted one is reported as a bad signature.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsError::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsError::NameMismatch
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsError::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsError::NotValidYet,
        _ => TlsError::CertificateInvalid,
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
