//! Pools of sessions with tenants, one for each saved connection in each of its versions.
//!
//! A pool opens one session at a time, for the first caller that finds none. Other callers wait, in order of arrival,
//! for that session or for any that is released. A pool grows only while callers are waiting. The number of sessions is
//! bounded for each pool, for each owner and in total; part of the total is reserved for owners without a session, and
//! owners that wait for room take turns.
//!
//! `state` decides who gets what and is plain data. A `lease` is what a caller holds; dropping it releases what it
//! stands for. `shared` connects the two. All that the pools know about a session is the trait [`Session`].

mod error;
mod lease;
mod limits;
mod owner;
mod reaper;
mod session;
mod shared;
mod state;

use std::sync::Arc;

use postern_domain::{ConnectionId, OwnerId, Version};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

pub use error::{AcquireError, Busy, OpenError};
use lease::Lease;
pub use lease::Pooled;
pub use limits::PoolLimits;
pub use session::Session;
use shared::{Grant, Shared};
use state::{Acquired, Name, State};

/// Which pool a session belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolKey {
    /// The owner of the connection.
    pub owner: OwnerId,
    /// The saved connection.
    pub connection: ConnectionId,
    /// Its version. A newer one replaces the pool of an older one.
    pub version: Version,
}

impl PoolKey {
    fn name(&self) -> Name {
        (self.owner, self.connection)
    }
}

/// The number of pools, sessions and callers at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Pools.
    pub pools: usize,
    /// Sessions: idle, in use, or being opened.
    pub open: usize,
    /// Idle sessions.
    pub idle: usize,
    /// Callers that wait for a session.
    pub waiting: usize,
}

/// All pools of one kind of session. Dropping it closes the idle sessions.
pub struct Pools<S: Session, E: OpenError> {
    shared: Arc<Shared<S, E>>,
    reaper: JoinHandle<()>,
}

/// What a caller gets, at once or after a wait.
enum Found<S: Session> {
    Session(Pooled<S>),
    Room(Lease<S>),
    /// The caller may not open a session, and the pool has none to wait for.
    Nothing,
}

impl<S: Session, E: OpenError> Pools<S, E> {
    /// Pools without sessions. Must be called within a runtime, which then runs the reaper.
    pub fn new(limits: PoolLimits) -> Self {
        let shared = Shared::new(limits);
        let reaper = tokio::spawn(reaper::run(Arc::downgrade(&shared), limits.idle));
        Self { shared, reaper }
    }

    /// Acquires a session: the most recently used idle one, a new one from `open`, or the next one that is released.
    /// Fails with [`AcquireError::Busy`] at the deadline, or at once if too many callers are already waiting.
    ///
    /// If opening a pool's first session fails, all callers that wait for it get that error, so that a wrong password
    /// is tried only once. If opening a further session fails, its caller waits for one of the others.
    pub async fn acquire(
        &self,
        key: PoolKey,
        deadline: Instant,
        open: impl AsyncFnOnce() -> Result<S, E>,
    ) -> Result<Pooled<S>, AcquireError<E>> {
        let lease = match self.find(key, deadline, true).await? {
            Found::Session(pooled) => return Ok(pooled),
            Found::Room(lease) => lease,
            Found::Nothing => return Err(AcquireError::Superseded),
        };
        let opened = timeout_at(deadline, open()).await;
        let Ok(opened) = opened else {
            self.shared.open_failed(lease, None);
            return Err(AcquireError::Timeout);
        };
        match opened {
            Ok(session) => Ok(self.shared.opened(session, lease)),
            Err(error) => self.wait_for_another(key, deadline, lease, error).await,
        }
    }

    /// Removes a connection's pool. Its idle sessions are closed at once, the others when they are released, and
    /// waiting callers get [`AcquireError::Superseded`].
    pub fn evict(&self, owner: OwnerId, connection: ConnectionId) {
        self.shared.with(|state| state.remove((owner, connection)));
        self.shared.serve();
    }

    /// The current numbers.
    pub fn stats(&self) -> PoolStats {
        self.shared.with(|state| state.stats())
    }

    /// After a failure to open a session, waits for one that the pool already has. Returns the failure if there is
    /// none, or no time left.
    async fn wait_for_another(
        &self,
        key: PoolKey,
        deadline: Instant,
        lease: Lease<S>,
        error: E,
    ) -> Result<Pooled<S>, AcquireError<E>> {
        // A failure after the caller's own deadline means nothing to callers that have more time.
        let in_time = Instant::now() < deadline;
        let has_others =
            self.shared.open_failed(lease, Some(&error).filter(|error| in_time && error.is_shared()));
        if !has_others || !in_time {
            return Err(AcquireError::Open(error));
        }
        match self.find(key, deadline, false).await {
            Ok(Found::Session(pooled)) => Ok(pooled),
            Err(AcquireError::Superseded) => Err(AcquireError::Superseded),
            // Why there is no further session says more than which bound was reached.
            Ok(Found::Room(_) | Found::Nothing) | Err(_) => Err(AcquireError::Open(error)),
        }
    }

    /// Finds a session, or room to open one where the caller may.
    async fn find(
        &self,
        key: PoolKey,
        deadline: Instant,
        may_open: bool,
    ) -> Result<Found<S>, AcquireError<E>> {
        loop {
            let (sender, waiting) = oneshot::channel();
            let acquired = self.shared.with(|state| state.acquire(key, may_open, || sender));
            match acquired {
                Acquired::Idle(idle, reservation) => {
                    let lease = self.shared.lease(reservation);
                    let mut pooled = Pooled::new(idle.session, lease, idle.opened);
                    if pooled.is_fresh(&self.shared.limits) {
                        return Ok(Found::Session(pooled));
                    }
                    pooled.close();
                }
                Acquired::Room(reservation) => return Ok(Found::Room(self.shared.lease(reservation))),
                Acquired::Waiting => match self.wait(key, waiting, deadline).await? {
                    Some(Grant::Session(pooled)) => return Ok(Found::Session(pooled)),
                    Some(Grant::Room(lease)) => return Ok(Found::Room(lease)),
                    Some(Grant::Failed(error)) => return Err(AcquireError::Open(error)),
                    None if may_open => return Err(AcquireError::Superseded),
                    // The pool was replaced, or has no other session: the next iteration shows which.
                    None => {}
                },
                Acquired::NoSession => return Ok(Found::Nothing),
                Acquired::Busy(bound) => return Err(AcquireError::Busy(bound)),
                Acquired::Superseded => return Err(AcquireError::Superseded),
            }
        }
    }

    /// Waits for a grant; `None` if the state has dropped this caller.
    async fn wait(
        &self,
        key: PoolKey,
        waiting: oneshot::Receiver<Grant<S, E>>,
        deadline: Instant,
    ) -> Result<Option<Grant<S, E>>, AcquireError<E>> {
        if let Ok(grant) = timeout_at(deadline, waiting).await {
            return Ok(grant.ok());
        }
        let bound = self.shared.with(|state| state.bound_in_the_way(key.name()));
        Err(AcquireError::Busy(bound))
    }
}

impl<S: Session, E: OpenError> Drop for Pools<S, E> {
    fn drop(&mut self) {
        self.reaper.abort();
        self.shared.with(State::remove_all);
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
