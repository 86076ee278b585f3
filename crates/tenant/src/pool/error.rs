//! Why a caller got no session.

/// Why a session could not be opened, as reported by the function that opens one.
pub trait OpenError: Clone + Send + 'static {
    /// Whether all callers that wait for the same pool would fail the same way, so that they can share the error: a
    /// wrong password is shared, a caller's own deadline is not.
    fn is_shared(&self) -> bool;
}

/// Why a caller got no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcquireError<E> {
    /// Opening one failed.
    #[error(transparent)]
    Open(E),
    /// The caller's deadline passed while its session was being opened.
    #[error("the session was not open in time")]
    Timeout,
    /// No session became free in time, or too many callers were already waiting.
    #[error(transparent)]
    Busy(Busy),
    /// The connection was saved again, or its pool was evicted, before the caller got a session.
    #[error("the connection was changed meanwhile; try again")]
    Superseded,
}

/// Which bound was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// `per_pool`, or `waiting`.
    #[error(
        "all sessions of this connection are in use; wait for running queries to end, or run fewer at once"
    )]
    Pool,
    /// `per_owner`.
    #[error("all of your sessions are in use; wait for your running queries to end, or run fewer at once")]
    Owner,
    /// `total`, less what is reserved.
    #[error("all sessions of this server are in use by other users; try again in a moment")]
    Total,
}
