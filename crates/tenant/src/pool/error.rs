//! Why a caller got no session.

/// Why a session could not be opened, as the caller's own code reports it.
pub trait OpenError: Clone + Send + 'static {
    /// Whether every caller that waits for the same pool would fail the same way, so that one failure answers them all:
    /// a wrong password does, one caller's deadline does not.
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
    /// No session became free in time, or too many callers wait already.
    #[error(transparent)]
    Busy(Busy),
    /// The connection was saved anew, or evicted, while the caller waited or before it came.
    #[error("the connection was changed meanwhile; try again")]
    Superseded,
}

/// Which bound kept a caller from getting a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// The one pool's.
    #[error(
        "all sessions of this connection are in use; wait for running queries to end, or run fewer at once"
    )]
    Pool,
    /// The owner's.
    #[error("all of your sessions are in use; wait for your running queries to end, or run fewer at once")]
    Owner,
    /// The total.
    #[error("all sessions of this server are in use by other users; try again in a moment")]
    Total,
}
