//! Pools of sessions with tenants, one for each saved connection in each of its versions.
//!
//! A pool opens one session at a time, on behalf of the caller that found none; the others wait for that one, or for
//! any that is released, in the order they came. A pool grows to its limit only while callers still wait. Room is
//! bounded for each pool, for each owner, and in total; some of the total is reserved for owners that have no session,
//! and owners that wait for room take turns.
//!
//! `state` decides who gets what and is plain data; `lease` is what callers hold, and gives it back; `shared` connects
//! the two. The pools do not know what a session is: [`Session`] is all they need of one.

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
    /// Whose it is.
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

/// A count of what there is at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Pools.
    pub pools: usize,
    /// Sessions: idle, in use, or being opened.
    pub open: usize,
    /// Sessions that nobody uses.
    pub idle: usize,
    /// Callers that wait for a session.
    pub waiting: usize,
}

/// All pools of one kind of session. Dropping it closes the idle sessions.
pub struct Pools<S: Session, E: OpenError> {
    shared: Arc<Shared<S, E>>,
    reaper: JoinHandle<()>,
}

/// What a caller finds, at once or after a wait.
enum Found<S: Session> {
    Session(Pooled<S>),
    Room(Lease<S>),
    /// The caller may not open a session, and no other is left to wait for.
    Nothing,
}

impl<S: Session, E: OpenError> Pools<S, E> {
    /// Pools without sessions. Must be called within a runtime, which then runs the reaper.
    pub fn new(limits: PoolLimits) -> Self {
        let shared = Shared::new(limits);
        let reaper = tokio::spawn(reaper::run(Arc::downgrade(&shared), limits.idle));
        Self { shared, reaper }
    }

    /// Acquires a session: the one used last, or a new one that `open` opens, or the next that is released. Waits until
    /// the deadline, and then fails with [`AcquireError::Busy`]; at once where too many wait already.
    ///
    /// Callers that wait for a pool's first session share the failure to open it, so that a wrong password is tried
    /// once and not by each of them. A caller that fails to open a further one goes on waiting for one of the others.
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

    /// Forgets a connection's pool: idle sessions are closed at once, those in use when they are released, and callers
    /// that wait get [`AcquireError::Superseded`].
    pub fn evict(&self, owner: OwnerId, connection: ConnectionId) {
        self.shared.with(|state| state.remove((owner, connection)));
        self.shared.serve();
    }

    /// A count of what there is now.
    pub fn stats(&self) -> PoolStats {
        self.shared.with(|state| state.stats())
    }

    /// After a failure to open a session, waits for one that the pool already has. Without one, or without any time
    /// left, the failure is the caller's.
    async fn wait_for_another(
        &self,
        key: PoolKey,
        deadline: Instant,
        lease: Lease<S>,
        error: E,
    ) -> Result<Pooled<S>, AcquireError<E>> {
        // What the caller's own deadline brought about says nothing to callers that have more time.
        let in_time = Instant::now() < deadline;
        let has_others =
            self.shared.open_failed(lease, Some(&error).filter(|error| in_time && error.is_shared()));
        if !has_others || !in_time {
            return Err(AcquireError::Open(error));
        }
        match self.find(key, deadline, false).await {
            Ok(Found::Session(pooled)) => Ok(pooled),
            Err(AcquireError::Superseded) => Err(AcquireError::Superseded),
            // Which bound is in the way says less than why there is no further session.
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
                    // Superseded, or alone: the next look tells.
                    None => {}
                },
                Acquired::NoSession => return Ok(Found::Nothing),
                Acquired::Busy(bound) => return Err(AcquireError::Busy(bound)),
                Acquired::Superseded => return Err(AcquireError::Superseded),
            }
        }
    }

    /// Waits for a grant. `None`: the state has dropped this caller.
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
