//! Channel binding of type `tls-server-end-point` (RFC 5929): a hash of the server's certificate.

use postgres_protocol::authentication::sasl::ChannelBinding;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

/// What a sign-in can be bound to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// No TLS, or a certificate whose signature names no hash (Ed25519).
    None,
    /// The hash of the server's certificate.
    EndPoint(Vec<u8>),
}

impl Binding {
    /// The binding to a server's certificate, in DER.
    pub(crate) fn to_certificate(der: &[u8]) -> Self {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Self::None };
        let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
        match algorithm.as_str() {
            // MD5 and SHA-1, with RSA and ECDSA, count as SHA-256 (RFC 5929, section 4.1).
            "1.2.840.113549.1.1.4"
            | "1.2.840.113549.1.1.5"
            | "1.2.840.10045.4.1"
            | "1.2.840.113549.1.1.11"
            | "1.2.840.10045.4.3.2" => Self::EndPoint(Sha256::digest(der).to_vec()),
            "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Self::EndPoint(Sha384::digest(der).to_vec()),
            "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Self::EndPoint(Sha512::digest(der).to_vec()),
            _ => Self::None,
        }
    }

    pub(crate) fn is_available(&self) -> bool {
        *self != Self::None
    }

    /// Its form in SCRAM. If we could bind but the server did not offer it, we say so ("y"); a server that did offer it
    /// then knows that an attacker has removed its offer.
    pub(crate) fn into_scram(self, used: bool) -> ChannelBinding {
        match self {
            Self::EndPoint(hash) if used => ChannelBinding::tls_server_end_point(hash),
            Self::EndPoint(_) => ChannelBinding::unrequested(),
            Self::None => ChannelBinding::unsupported(),
        }
    }
}
