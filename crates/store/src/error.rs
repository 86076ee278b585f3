//! What can go wrong with the control database.

use std::sync::Arc;

/// Why the control database did not do what was asked. The texts are for operators and the log; they hold no row, no
/// SQL and no password.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The row has changed since the version the caller started from, or exists when it should not.
    #[error("the connection has changed since it was read")]
    VersionStale,
    /// The owner has as many connections as allowed.
    #[error("the owner has reached the limit of connections")]
    TooMany,
    /// A secret is required: the connection is new, or its endpoint has changed and the stored seals do not fit it.
    #[error("the connection needs a secret that was not given")]
    SecretRequired,
    /// An operator has withdrawn the caller's access: the user's, the issuer's users', or the token's.
    #[error("an operator has withdrawn the caller's access")]
    AccessWithdrawn,
    /// An operator has withdrawn the connection, or the host where it leads.
    #[error("an operator has withdrawn the connection")]
    ConnectionWithdrawn,
    /// The URL is malformed, or what it says about TLS is not what the server offers.
    #[error("the control database's URL cannot be used: {0}")]
    Url(String),
    /// The role cannot be used, or the schema is not the one this release needs.
    #[error("the control database cannot be used: {0}")]
    Unfit(String),
    /// No connection to the server can be opened.
    #[error("the control database cannot be reached: {0}")]
    Unreachable(String),
    /// The server did not answer a statement in time. What the statement did is unknown.
    #[error("the control database did not answer in time")]
    Silent,
    /// All connections were in use until the caller's patience ended.
    #[error("all connections to the control database are in use")]
    Busy,
    /// An owner's data cannot be shown to be erased, so that nothing was erased.
    #[error("nothing was erased: {0}")]
    Erasure(String),
    /// A stored row does not have the form that this release writes.
    #[error("a stored connection is malformed")]
    Malformed,
    /// The database does not answer, or answers with an error. It is not a source: anyhow would repeat its text.
    #[error("the control database failed: {}", describe(.0))]
    Database(Arc<sqlx::Error>),
}

impl StoreError {
    /// Whether it may be that the server is gone or does not answer, so that other calls would fail, too.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Silent => true,
            Self::Database(error) => match &**error {
                sqlx::Error::Database(error) => error.code().is_some_and(|code| is_shutdown(&code)),
                sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether the server gave up waiting for a lock or for the statement's end, and rolled back what it had begun. The
    /// connection is as it was before.
    pub(crate) fn is_wait_that_ended(&self) -> bool {
        let Self::Database(error) = self else { return false };
        error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| WAIT_ENDED.contains(&&*code))
    }
}

/// SQLSTATEs of `lock_timeout` and of `statement_timeout`.
const WAIT_ENDED: [&str; 2] = ["55P03", "57014"];

/// Class 08: the connection failed. 57P01 to 57P05: the server shuts down, starts, or ended the session.
fn is_shutdown(sqlstate: &str) -> bool {
    sqlstate.starts_with("08") || sqlstate.starts_with("57P")
}

/// Classes and codes of SQLSTATEs that only an operator can mend: a refused sign-in, a missing database, a missing
/// privilege.
const PERMANENT: [&str; 3] = ["28", "3D000", "42501"];

/// What can be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Correct the configuration.
    Configure,
    /// Try again later: the server starts, stops, is out of connections, or does not answer.
    Retry,
    /// Change something in the database first, such as the role or the schema.
    Prepare,
    /// Nothing that is known to help.
    Unknown,
}

impl StoreError {
    /// Whether the server does not answer, or not for now, so that trying again may help.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Database(error) => match &**error {
                sqlx::Error::Database(error) => {
                    let code = error.code().unwrap_or_default();
                    !PERMANENT.iter().any(|permanent| code.starts_with(permanent))
                }
                _ => true,
            },
            Self::Unreachable(_) | Self::Silent | Self::Busy => true,
            _ => false,
        }
    }

    /// What an operator can do about this error.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Url(_) => Remedy::Configure,
            Self::Unreachable(_) | Self::Silent | Self::Busy => Remedy::Retry,
            Self::Unfit(_) | Self::Erasure(_) => Remedy::Prepare,
            Self::Database(error) => remedy(error),
            _ => Remedy::Unknown,
        }
    }
}

fn remedy(error: &sqlx::Error) -> Remedy {
    match error {
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => Remedy::Configure,
        sqlx::Error::Database(error) => remedy_by_code(&error.code().unwrap_or_default()),
        _ => Remedy::Retry,
    }
}

/// By SQLSTATE: too many connections; shut down by an administrator, after a crash, or still starting; a refused
/// sign-in or a missing database.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn remedy_by_code(code: &str) -> Remedy {
    match code {
        "53300" | "57P01" | "57P02" | "57P03" => Remedy::Retry,
        "28000" | "28P01" | "3D000" => Remedy::Prepare,
        _ => Remedy::Unknown,
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

/// SQLSTATEs of a prepared statement that is not there, or is there already.
const OTHER_SESSION: [&str; 2] = ["26000", "42P05"];

/// The server's own message, without the line of its source code.
fn describe(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) if error.code().is_some_and(|code| OTHER_SESSION.contains(&&*code)) => {
            format!(
                "{}; a pooler is on the way that hands sessions out by transaction: set pooling = \"transaction\"",
                error.message()
            )
        }
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_not_repeated_by_its_source() {
        let error = StoreError::from(sqlx::Error::Protocol("a reply that nobody expects".into()));
        assert!(error.to_string().contains("a reply that nobody expects"), "{error}");
        assert!(std::error::Error::source(&error).is_none());
    }

    #[test]
    fn a_server_that_starts_stops_or_is_full_is_worth_another_try() {
        for code in ["53300", "57P01", "57P02", "57P03"] {
            assert_eq!(remedy_by_code(code), Remedy::Retry, "{code}");
        }
        assert_eq!(remedy_by_code("XX000"), Remedy::Unknown);
    }

    #[test]
    fn a_refused_sign_in_or_a_missing_database_is_prepared_first() {
        for code in ["28000", "28P01", "3D000"] {
            assert_eq!(remedy_by_code(code), Remedy::Prepare, "{code}");
        }
    }

    #[test]
    fn a_failure_that_passes_is_told_from_a_wrong_configuration() {
        let remedy = |error| StoreError::from(error).remedy();
        assert_eq!(remedy(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())), Remedy::Retry);
        assert_eq!(remedy(sqlx::Error::Configuration("x".into())), Remedy::Configure);
        assert_eq!(remedy(sqlx::Error::Tls("x".into())), Remedy::Configure);
    }
}
