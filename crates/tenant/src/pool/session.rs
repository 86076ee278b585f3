//! What the pool needs to know about a session.

/// A session with a tenant, whatever the kind: a signed-in Postgres connection, or an HTTP connection to a project.
pub trait Session: Send + 'static {
    /// Whether another caller can use it as if it were new.
    fn is_reusable(&self) -> bool;

    /// Whether something is under way that [`Session::recover`] can end.
    fn is_recoverable(&self) -> bool;

    /// Whether the tenant has sent nothing while the session was idle. If it has, the session is closed: what it sent
    /// is usually that it is closing.
    fn is_quiet(&mut self) -> bool;

    /// Releases memory before an idle time.
    fn shrink(&mut self);

    /// Ends what its last user left running, within a few seconds. Returns whether it is reusable now.
    fn recover(&mut self) -> impl Future<Output = bool> + Send;
}
