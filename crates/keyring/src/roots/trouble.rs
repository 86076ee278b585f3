//! What can go wrong between here and a remote root.

use std::io;

use postern_egress::tls::TlsError;

use crate::RootError;

/// What a remote root did instead of its work. Fixed words of ours: an answer's own text might repeat what was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No connection.
    #[error("it cannot be reached; check its address, and that it is up")]
    Unreachable,
    /// No TLS.
    #[error("TLS with it failed: {0}")]
    Tls(#[from] TlsError),
    /// Silence.
    #[error("it did not answer in time; check that it is up")]
    Timeout,
    /// An answer that it would not give.
    #[error("its answer is not that of such a service; check the address")]
    Protocol,
    /// A redirect.
    #[error("it answers with a redirect, which is not followed; configure the address that serves")]
    Redirect,
    /// A vault that has not been unsealed.
    #[error("it is sealed; unseal it")]
    Sealed,
    /// An error of its own.
    #[error("it answers with an error of its own, status {0}; see its log")]
    Status(u16),
    /// An error of its own, of AWS.
    #[error("it answers with an error of its own, {0}")]
    Service(String),
    /// The file with the credential.
    #[error("the file with its credential cannot be read: {0}")]
    CredentialFile(io::ErrorKind),
    /// Nothing that gives a credential.
    #[error("no credential for it was found where AWS' tools look for one")]
    NoCredential,
    /// No region of AWS.
    #[error("no region is configured; set `region`, or AWS_REGION")]
    NoRegion,
    /// An address without TLS.
    #[error("its address is plain http, and not on this machine; use https")]
    PlainHttp,
    /// A credential that is not one, not valid, or not enough.
    #[error(
        "it refuses the credential, or does not let it do this; check both the credential and its policy"
    )]
    Refused,
    /// Not there, or of the wrong kind.
    #[error("it has no such key that is enabled and encrypts; check the key's name, and its state")]
    NoKey,
    /// Wrapped elsewhere.
    #[error("the key was not wrapped by it under this id")]
    Foreign,
    /// A defect of ours.
    #[error("Postern failed to ask it; this is a defect, please report it with the log")]
    Defect,
}

impl Trouble {
    /// What a caller of the root is told.
    pub(super) fn as_root_error(&self) -> RootError {
        match self {
            Self::Foreign => RootError::Foreign,
            Self::Refused | Self::NoKey | Self::NoRegion | Self::PlainHttp => RootError::Denied,
            _ => RootError::Unavailable,
        }
    }

    /// Whether asking again, with nothing changed here, may help.
    pub(super) fn may_pass(&self) -> bool {
        self.as_root_error() == RootError::Unavailable
    }
}
