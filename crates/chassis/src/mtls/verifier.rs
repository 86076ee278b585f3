//! Remembers which certificate a client has shown, for the log line about one that is refused.

use std::{cell::RefCell, sync::Arc};

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::certificate::describe;

tokio::task_local! {
    /// rustls verifies within the poll of the handshake's task, and keeps nothing of a certificate that it refuses.
    static SHOWN: RefCell<Option<String>>;
}

/// Runs a handshake. The second value describes the certificate that the client has shown, if it has shown one.
pub(super) async fn noting<T>(handshake: impl Future<Output = T>) -> (T, Option<String>) {
    SHOWN
        .scope(RefCell::default(), async {
            let outcome = handshake.await;
            (outcome, SHOWN.with(RefCell::take))
        })
        .await
}

/// Judges exactly as the verifier that it contains.
#[derive(Debug)]
pub(super) struct Noting(pub(super) Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Noting {
    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // Outside of `noting` there is nowhere to note it.
        let _ = SHOWN.try_with(|shown| shown.replace(Some(describe(leaf))));
        self.0.verify_client_cert(leaf, intermediates, now)
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
