//! Errors of a remote root.

use std::io;

use postern_egress::tls::TlsError;

use crate::RootError;

/// Why a request to a remote root failed. The texts are fixed, because a response might repeat what was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No connection.
    #[error("it cannot be reached; check its address, and that it is running")]
    Unreachable,
    /// TLS failed.
    #[error("TLS with it failed: {0}")]
    Tls(#[from] TlsError),
    /// No response in time.
    #[error("it did not respond in time; check that it is running")]
    Timeout,
    /// A response that such a service would not send.
    #[error("its response is not that of such a service; check the address")]
    Protocol,
    /// A redirect.
    #[error("it responded with a redirect, which is not followed; configure the final address")]
    Redirect,
    /// A vault that has not been unsealed.
    #[error("it is sealed; unseal it")]
    Sealed,
    /// An internal error of the service.
    #[error("it reported an internal error, status {0}; see its log")]
    Status(u16),
    /// An internal error of AWS.
    #[error("it reported an internal error, {0}")]
    Service(String),
    /// The file with the credential is unreadable.
    #[error("the file with its credential cannot be read: {0}")]
    CredentialFile(io::ErrorKind),
    /// No credential.
    #[error("no credential was found in the usual sources of AWS tools")]
    NoCredential,
    /// No AWS region.
    #[error("no region is configured; set `region`, or AWS_REGION")]
    NoRegion,
    /// An address without TLS.
    #[error("its address is plain http, and not on this machine; use https")]
    PlainHttp,
    /// The credential is malformed, invalid, or lacks permissions.
    #[error("it refused the credential or the operation; check the credential and its permissions")]
    Refused,
    /// The key does not exist, or cannot be used.
    #[error("it has no enabled encryption key of this name; check the key's name and state")]
    NoKey,
    /// The key was wrapped by another root, or under another id.
    #[error("the key was not wrapped by it under this id")]
    Foreign,
    /// A bug in Postern.
    #[error("Postern failed to send the request; this is a bug, please report it with the log")]
    Defect,
}

impl Trouble {
    /// The error for callers of the root.
    pub(super) fn as_root_error(&self) -> RootError {
        match self {
            Self::Foreign => RootError::Foreign,
            Self::Refused | Self::NoKey | Self::NoRegion | Self::PlainHttp => RootError::Denied,
            _ => RootError::Unavailable,
        }
    }

    /// Whether the same request may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        self.as_root_error() == RootError::Unavailable
    }
}
