//! Limits that more than one crate must agree on.

/// Connections that one owner may have.
pub const CONNECTIONS_PER_OWNER: i64 = 200;

/// Maximum length of a database password in bytes. SCRAM hashes the password in every round, so the cost of signing in
/// grows with its length.
pub const PASSWORD_BYTES: usize = 1024;

/// Bytes of one secret, of whatever kind.
pub const SECRET_BYTES: usize = 64 * 1024;

/// Maximum size of a seal in bytes, for a secret of [`SECRET_BYTES`].
pub const SEAL_BYTES: usize = 65_680;

/// Bytes of a CA bundle in PEM.
pub const CA_PEM_BYTES: usize = 64 * 1024;

/// Bytes of one SQL statement.
pub const SQL_BYTES: usize = 256 * 1024;

/// Bytes of a user, a database or a host name. Postgres cuts identifiers at 63; DNS names end at 253.
pub const NAME_BYTES: usize = 253;
