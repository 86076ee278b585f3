//! Verifies that a server is the service that its client means, by its SPIFFE name.
//!
//! Certificates of service accounts have no DNS names (SPIFFE X.509-SVID, section 4.1: the URI is the identity), and a
//! DNS name would prove less: anyone who may issue for it could be the server.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::{PeerIdentity, identity::Names};

/// Accepts servers whose certificate was issued by the authority, is valid now, and names one particular service.
#[derive(Debug)]
pub(super) struct ServiceVerifier {
    pub(super) service: &'static str,
    pub(super) names: Names,
    pub(super) authority: RootCertStore,
    pub(super) provider: Arc<CryptoProvider>,
}

/// The server has a certificate of the authority, for something else.
#[derive(Debug, thiserror::Error)]
#[error("the server's certificate is not for {expected}")]
pub(super) struct WrongService {
    expected: String,
}

impl ServerCertVerifier for ServiceVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        let parsed = ParsedCertificate::try_from(leaf)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.authority, intermediates, now, algorithms)?;
        match PeerIdentity::of(leaf, &self.names) {
            Some(peer) if peer.service() == self.service => Ok(ServerCertVerified::assertion()),
            _ => Err(self.wrong_service()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ServiceVerifier {
    fn wrong_service(&self) -> Error {
        let wrong = WrongService { expected: self.names.uri(self.service) };
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(wrong))))
    }
}

#[cfg(test)]
#[path = "server_name_tests.rs"]
mod tests;
