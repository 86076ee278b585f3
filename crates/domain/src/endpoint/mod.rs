//! Where a tenant database is and how it is reached: one variant and one module per kind of tenant.

mod host;
mod postgres;
mod tls;

use sha2::{Digest, Sha256};

pub use host::{Host, InvalidHost};
pub use postgres::PostgresEndpoint;
pub use tls::{CaBundle, InvalidCa, TlsMode};

use crate::{SecretName, SecretRule};

/// Kinds of tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantKind {
    /// A Postgres server, reached over its own protocol.
    Postgres,
}

impl TenantKind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::Postgres];

    /// The name used in the database, on the wire and in the seal's context.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
        }
    }

    /// The reverse of [`TenantKind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// The secrets that a connection of this kind may hold, and which of them it must.
    pub const fn secrets(self) -> &'static [SecretRule] {
        match self {
            Self::Postgres => PostgresEndpoint::SECRETS,
        }
    }

    /// Whether a connection of this kind may hold a secret of this name.
    pub fn may_hold(self, name: SecretName) -> bool {
        self.secrets().iter().any(|rule| rule.name == name)
    }
}

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A Postgres database.
    Postgres(PostgresEndpoint),
}

impl Endpoint {
    /// The kind of tenant.
    pub fn kind(&self) -> TenantKind {
        match self {
            Self::Postgres(_) => TenantKind::Postgres,
        }
    }

    /// Digest of everything that decides who receives the secrets. Every seal is bound to it, so that a secret saved
    /// for one server is never sent to another.
    pub fn digest(&self) -> EndpointDigest {
        match self {
            Self::Postgres(endpoint) => endpoint.digest(),
        }
    }

    /// Whether queries may write.
    pub fn access_mode(&self) -> AccessMode {
        match self {
            Self::Postgres(endpoint) => endpoint.access_mode,
        }
    }
}

impl From<PostgresEndpoint> for Endpoint {
    fn from(endpoint: PostgresEndpoint) -> Self {
        Self::Postgres(endpoint)
    }
}

/// Whether queries may write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AccessMode {
    /// Every query runs in a READ ONLY transaction.
    #[default]
    ReadOnly,
    /// Queries may write.
    ReadWrite,
}

/// SHA-256 over the fields of an endpoint, each preceded by its length as four bytes, big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointDigest(pub [u8; 32]);

impl EndpointDigest {
    fn over(fields: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for field in fields {
            let length = u32::try_from(field.len()).expect("fields are bounded far below 4 GiB");
            hash.update(length.to_be_bytes());
            hash.update(field);
        }
        Self(hash.finalize().into())
    }
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
