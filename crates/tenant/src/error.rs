//! What can go wrong between us and a tenant's server.

use std::sync::Arc;

use postern_egress::{EgressError, tls::TlsError};

use crate::OpenError;

/// Why a tenant's database gave no result. All but [`TenantError::Sql`] and [`TenantError::SignIn`] have fixed
/// messages that are safe to show.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TenantError {
    /// The host was not dialled, or did not answer.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// TLS could not be set up, or the server's certificate is not valid.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server does not support TLS.
    #[error(
        "the server does not offer TLS; turn on ssl there, or save the connection with TLS mode 'disable'"
    )]
    TlsNotOffered,
    /// Signing in failed, or the server asked for a method that we refuse.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The server, or the pooler in front of it, accepts no more connections.
    #[error(
        "the server has no connection left; close unused ones, raise its limit, or use the provider's pooler"
    )]
    TooManyConnections,
    /// The server refused the sign-in for a reason other than the password, for example because the database does not
    /// exist.
    #[error("the server refused the sign-in: {0}")]
    SignIn(Arc<SqlError>),
    /// The server rejected the statement.
    #[error("{0}")]
    Sql(Arc<SqlError>),
    /// COPY, or a statement that leaves a transaction open.
    #[error("COPY, and BEGIN without its end, are not supported here; use SELECT, INSERT, UPDATE or DELETE")]
    UnsupportedStatement,
    /// The statement or its parameters cannot be sent.
    #[error("{0}")]
    InvalidStatement(&'static str),
    /// The server broke the protocol or a bound. The connection is not used again.
    #[error("the server does not speak Postgres' protocol as it should: {0}")]
    Protocol(&'static str),
    /// TLS or the sign-in took too long.
    #[error(
        "the server accepted the connection but did not finish TLS and the sign-in in time; check that it is a \
         Postgres server, and not overloaded"
    )]
    Unanswered,
    /// A deadline passed. If a statement was running, it is cancelled on the server.
    #[error("the server did not answer in time; make the query cheaper, or allow it more time")]
    Timeout,
    /// A write returned far more rows than a result may have, and was stopped. The server rolls it back, unless it had
    /// just committed.
    #[error(
        "the statement returned far more rows than a result may have and was stopped; the server most likely undid \
         it, so check before you run it again, and leave out RETURNING"
    )]
    ResultTooLarge,
    /// The server closed the connection.
    #[error("the server closed the connection; try again")]
    Closed,
    /// The operating system provides no random bytes, which the names of prepared statements need.
    #[error("the operating system gives no random bytes; check that getrandom(2) is allowed in this sandbox")]
    NoRandomness,
}

/// Why signing in to a tenant's server failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// `AuthenticationCleartextPassword`.
    #[error(
        "the server asks for the password itself (method 'password'); set scram-sha-256 in its pg_hba.conf"
    )]
    Cleartext,
    /// `AuthenticationMD5Password`.
    #[error(
        "the server asks for an MD5 password; set password_encryption = 'scram-sha-256' there and set the \
         role's password again"
    )]
    Md5,
    /// Kerberos, GSSAPI, SSPI, SCM, or a SASL mechanism other than SCRAM-SHA-256.
    #[error(
        "the server asks for a kind of sign-in other than SCRAM-SHA-256; set scram-sha-256 in its pg_hba.conf"
    )]
    Unsupported,
    /// `AuthenticationOk` without a finished SCRAM exchange.
    #[error(
        "the server lets anyone in without a password (method 'trust'); set scram-sha-256 in its pg_hba.conf"
    )]
    NotAsked,
    /// More than 100,000 SCRAM iterations.
    #[error(
        "the server asks for more than 100000 SCRAM iterations; lower scram_iterations there and set the password again"
    )]
    Iterations,
    /// The server's final signature is wrong or missing: it does not know the password.
    #[error("the server could not prove that it knows the password; check that this is the right server")]
    Unproven,
    /// The server refused the user or the password (SQLSTATE class 28).
    #[error("the server refused the user name or the password; check both, and save the connection again")]
    Refused,
}

/// An `ErrorResponse` from the tenant's server, with the server's own texts. Each is valid UTF-8 and at most 1 KiB; a
/// longer one is cut and ends in "…".
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{message} (SQLSTATE {sqlstate})")]
pub struct SqlError {
    /// Five characters, for example "42P01".
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// The detail; empty if none.
    pub detail: String,
    /// Postgres' hint; empty if none.
    pub hint: String,
    /// Position of the error in the statement, in characters from 1; 0 if unknown.
    pub position: u32,
}

impl OpenError for TenantError {
    /// Each caller has a deadline of its own.
    fn is_shared(&self) -> bool {
        !matches!(self, Self::Timeout)
    }
}
