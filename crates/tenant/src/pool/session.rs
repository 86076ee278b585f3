//! What the pool needs to know of the sessions that it holds.

/// A session with a tenant, whatever the kind: a signed-in Postgres connection, or an HTTP connection to a project.
pub trait Session: Send + 'static {
    /// Whether another caller can use it as if it were new.
    fn is_reusable(&self) -> bool;

    /// Whether it is in the middle of something that [`Session::recover`] can bring to an end.
    fn is_recoverable(&self) -> bool;

    /// Whether the tenant has left it alone while nobody used it. An idle session that has something to say is closed:
    /// usually it says that it is closing.
    fn is_quiet(&mut self) -> bool;

    /// Releases memory before an idle time.
    fn shrink(&mut self);

    /// Ends what its last user has left running, within a few seconds. Returns whether it is reusable now.
    fn recover(&mut self) -> impl Future<Output = bool> + Send;
}
