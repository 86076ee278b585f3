//! Bounds that more than one crate must agree on.

/// Connections that one owner may have.
pub const CONNECTIONS_PER_OWNER: i64 = 200;

/// Bytes of one secret.
pub const SECRET_BYTES: usize = 64 * 1024;

/// Bytes of the longest seal: of a secret that is as long as may be.
pub const SEAL_BYTES: usize = 65_680;

/// Bytes of a CA bundle in PEM.
pub const CA_PEM_BYTES: usize = 64 * 1024;

/// Bytes of one SQL statement.
pub const SQL_BYTES: usize = 256 * 1024;

/// Bytes of a user, a database or a host name. Postgres cuts identifiers at 63; DNS names end at 253.
pub const NAME_BYTES: usize = 253;
