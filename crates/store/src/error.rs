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
    /// The URL or the role cannot be used, or the schema is not the one this release needs.
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
}

/// Class 08: the connection failed. 57P01 to 57P05: the server shuts down, starts, or ended the session.
fn is_shutdown(sqlstate: &str) -> bool {
    sqlstate.starts_with("08") || sqlstate.starts_with("57P")
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
        sqlx::Error::PoolTimedOut => {
            "no connection became available in time: all are in use, or the server does not accept new ones"
                .to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_not_repeated_by_its_source() {
        let error = StoreError::from(sqlx::Error::PoolTimedOut);
        assert!(error.to_string().contains("no connection became available in time"), "{error}");
        assert!(std::error::Error::source(&error).is_none());
    }
}
