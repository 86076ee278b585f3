//! Endpoints of tenants: one variant and one module per tenant kind.

mod host;
mod postgres;
mod tls;

use sha2::{Digest, Sha256};

pub use host::{Host, InvalidHost};
pub use postgres::PostgresEndpoint;
pub use tls::{CaBundle, InvalidCa, TlsMode};

use crate::{SecretName, supabase::SupabaseEndpoint};

/// Kinds of tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantKind {
    /// A Postgres server, reached over its own protocol.
    Postgres,
    /// A Supabase project, reached over HTTPS.
    Supabase,
}

impl TenantKind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::Postgres, Self::Supabase];

    /// The name used in the database, on the wire and in the seal's context.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Supabase => "supabase",
        }
    }

    /// The reverse of [`TenantKind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// The secrets that a connection of this kind may hold.
    pub const fn secrets(self) -> &'static [SecretName] {
        match self {
            Self::Postgres => PostgresEndpoint::SECRETS,
            Self::Supabase => SupabaseEndpoint::SECRETS,
        }
    }

    /// Whether a connection of this kind may hold a secret of this name.
    pub fn may_hold(self, name: SecretName) -> bool {
        self.secrets().contains(&name)
    }
}

/// The endpoint of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A Postgres database.
    Postgres(PostgresEndpoint),
    /// A Supabase project.
    Supabase(SupabaseEndpoint),
}

impl Endpoint {
    /// The kind of tenant.
    pub fn kind(&self) -> TenantKind {
        match self {
            Self::Postgres(_) => TenantKind::Postgres,
            Self::Supabase(_) => TenantKind::Supabase,
        }
    }

    /// The host where it leads, not yet checked.
    pub fn host(&self) -> &Host {
        match self {
            Self::Postgres(endpoint) => &endpoint.host,
            Self::Supabase(endpoint) => endpoint.url.host(),
        }
    }

    /// Digest of everything that determines who receives the secrets. Every seal is bound to it, so that a secret saved
    /// for one server is never sent to another.
    pub fn digest(&self) -> EndpointDigest {
        match self {
            Self::Postgres(endpoint) => endpoint.digest(),
            Self::Supabase(endpoint) => endpoint.digest(),
        }
    }

    /// What the seal of one of the connection's secrets is bound to: the digest and, if connections of this kind can
    /// have several secrets, the secret's name, so that one cannot be swapped for another.
    pub fn seal_digest(&self, name: SecretName) -> EndpointDigest {
        match self {
            Self::Postgres(endpoint) => endpoint.digest(),
            Self::Supabase(endpoint) => {
                EndpointDigest::over(&[&endpoint.digest().0, name.as_str().as_bytes()])
            }
        }
    }

    /// Whether a connection requires this secret.
    pub fn requires(&self, name: SecretName) -> bool {
        match self {
            Self::Postgres(_) => name == SecretName::Password,
            Self::Supabase(endpoint) => name == endpoint.serving.secret_name(),
        }
    }

    /// Whether queries may write.
    pub fn access_mode(&self) -> AccessMode {
        match self {
            Self::Postgres(endpoint) => endpoint.access_mode,
            Self::Supabase(endpoint) => endpoint.access_mode,
        }
    }
}

impl From<PostgresEndpoint> for Endpoint {
    fn from(endpoint: PostgresEndpoint) -> Self {
        Self::Postgres(endpoint)
    }
}

impl From<SupabaseEndpoint> for Endpoint {
    fn from(endpoint: SupabaseEndpoint) -> Self {
        Self::Supabase(endpoint)
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
    pub(crate) fn over(fields: &[&[u8]]) -> Self {
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
