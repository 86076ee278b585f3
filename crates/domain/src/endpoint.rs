//! Where a tenant's server is, and how it is reached.

use std::{fmt, net::IpAddr, str::FromStr};

use sha2::{Digest, Sha256};

use crate::limits;

/// Kinds of tenant. A new kind is a new variant here and a new module in the tenant crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TenantKind {
    /// A Postgres server, reached over its own protocol.
    Postgres,
}

impl TenantKind {
    /// The name used in the database, on the wire and in the seal's context.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
        }
    }

    /// The reverse of [`TenantKind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        (text == Self::Postgres.as_str()).then_some(Self::Postgres)
    }
}

/// A host as a user wrote it: an IP address, or a DNS name in lower case.
///
/// Well formed, but not judged: only `egress` decides whether it may be dialled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A literal address.
    Ip(IpAddr),
    /// A DNS name in lower case, without a trailing dot.
    Name(String),
}

/// The text is neither an IP address nor a DNS name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host is an IP address or a DNS name such as db.example.com")]
pub struct InvalidHost;

impl Host {
    /// Parses an IPv4 address, an IPv6 address (with or without brackets) or a DNS name.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        if let Some(v6) = bare {
            return v6.parse().map(|ip| Self::Ip(IpAddr::V6(ip))).map_err(|_| InvalidHost);
        }
        if let Ok(ip) = IpAddr::from_str(text) {
            return Ok(Self::Ip(ip));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if is_dns_name(&name) { Ok(Self::Name(name)) } else { Err(InvalidHost) }
    }
}

/// Labels of letters, digits, `-` and `_`, of 1 to 63 bytes; the last label is not a number, so that
/// `127.1` and `0x7f.1`, which some resolvers take for addresses, are not names.
fn is_dns_name(name: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last_is_word =
        name.rsplit('.').next().is_some_and(|l| l.starts_with(|c: char| c.is_ascii_alphabetic()));
    name.len() <= limits::NAME_BYTES && last_is_word && name.split('.').all(label)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// How the transport to a tenant's server is secured.
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

/// Whether queries may write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AccessMode {
    /// Every query runs in a READ ONLY transaction.
    #[default]
    ReadOnly,
    /// Queries may write.
    ReadWrite,
}

/// Certificates, as PEM, that a user trusts instead of the public roots. Empty: the public roots.
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

    /// The PEM text; empty when the public roots are meant.
    pub fn as_pem(&self) -> &str {
        &self.0
    }
}

/// Where a Postgres server is, and how it is reached. All but the secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PostgresEndpoint {
    /// Host, not yet judged.
    pub host: Host,
    /// TCP port, never 0.
    pub port: u16,
    /// Database name, 1 to 253 bytes without NUL.
    pub database: String,
    /// Role to sign in as, 1 to 253 bytes without NUL.
    pub user: String,
    /// Transport security.
    pub tls_mode: TlsMode,
    /// Certificates trusted instead of the public roots.
    pub ca: CaBundle,
    /// Whether queries may write. Not part of the digest: it does not change who receives the secret.
    pub access_mode: AccessMode,
}

impl PostgresEndpoint {
    /// Port that Postgres listens on by default.
    pub const DEFAULT_PORT: u16 = 5432;

    /// Digest of everything that decides who receives the secret: kind, host, port, database, TLS mode and CA.
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
