//! How the connection to a tenant database is secured.

use crate::limits;

/// How the connection to a tenant database is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsMode {
    /// TLS with the chain and the host name verified.
    #[default]
    VerifyFull,
    /// No TLS. Passwords still travel as SCRAM proofs only.
    Disable,
}

impl TlsMode {
    /// The name used in the database and in the endpoint digest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyFull => "verify-full",
            Self::Disable => "disable",
        }
    }

    /// The reverse of [`TlsMode::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::VerifyFull, Self::Disable].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// CA certificates in PEM that replace the public roots; empty to use the public roots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CaBundle(String);

/// The CA bundle is too long or holds no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a CA is one or more certificates in PEM (-----BEGIN CERTIFICATE-----), at most 64 KiB")]
pub struct InvalidCa;

impl CaBundle {
    /// Takes PEM text, or nothing. The certificates themselves are parsed where TLS is set up.
    pub fn parse(pem: &str) -> Result<Self, InvalidCa> {
        let pem = pem.trim();
        let plausible =
            pem.is_empty() || (pem.contains("-----BEGIN CERTIFICATE-----") && !pem.contains('\0'));
        if pem.len() <= limits::CA_PEM_BYTES && plausible { Ok(Self(pem.to_owned())) } else { Err(InvalidCa) }
    }

    /// The PEM text; empty for the public roots.
    pub fn as_pem(&self) -> &str {
        &self.0
    }
}
