//! What can go wrong with the control database.

/// Why the control database did not do what was asked. Messages hold no row, no SQL and no address.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The row has changed since the version the caller started from, or exists when it should not.
    #[error("the connection has changed since it was read")]
    VersionStale,
    /// The owner has as many connections as allowed.
    #[error("the owner has reached the limit of connections")]
    TooMany,
    /// There is no such row, or it needs a secret that was not given.
    #[error("there is no stored secret that fits this connection")]
    SecretRequired,
    /// The role could bypass row level security, or the schema is not the one this build needs.
    #[error("the control database cannot be used: {0}")]
    Unfit(String),
    /// A stored row does not have the form that this build writes.
    #[error("a stored connection is malformed")]
    Malformed,
    /// The database does not answer, or answers with an error. Its text is for the log.
    #[error("the control database failed: {0}")]
    Database(#[from] sqlx::Error),
}
