//! The endpoint of a Postgres server.

use sha2::{Digest, Sha256};

use super::{AccessMode, CaBundle, EndpointDigest, Host, TenantKind, TlsMode};
use crate::SecretName;

/// A Postgres database and the role that signs in to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PostgresEndpoint {
    /// Host, not yet checked against the egress policy.
    pub host: Host,
    /// TCP port, never 0.
    pub port: u16,
    /// Database name, 1 to 253 bytes without NUL.
    pub database: String,
    /// Role to sign in as, 1 to 253 bytes without NUL. Not part of the digest: it does not change who receives the
    /// password.
    pub user: String,
    /// Transport security.
    pub tls_mode: TlsMode,
    /// CA certificates that replace the public roots.
    pub ca: CaBundle,
    /// Whether queries may write. Not part of the digest, for the same reason.
    pub access_mode: AccessMode,
}

impl PostgresEndpoint {
    /// Port that Postgres listens on by default.
    pub const DEFAULT_PORT: u16 = 5432;

    /// Secrets of a connection to Postgres.
    pub(super) const SECRETS: &[SecretName] = &[SecretName::Password];

    /// Digest of everything that determines who receives the password: kind, host, port, database, TLS mode and CA.
    pub fn digest(&self) -> EndpointDigest {
        let ca = Sha256::digest(self.ca.as_pem());
        EndpointDigest::over(&[
            TenantKind::Postgres.as_str().as_bytes(),
            self.host.to_string().as_bytes(),
            &self.port.to_be_bytes(),
            self.database.as_bytes(),
            self.tls_mode.as_str().as_bytes(),
            ca.as_slice(),
        ])
    }
}
