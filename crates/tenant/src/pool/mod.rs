//! Pools of tenant connections, one for each saved connection in each of its versions.
//!
//! A pool opens one connection at a time, on behalf of the caller that found none; the others wait for that one, or for
//! any that comes back, in the order they came. Growth to the pool's limit follows only while callers still wait. Room
//! is bounded for each pool, for each owner, and in total; owners that wait for room come to turns.

mod lease;
mod owner;
mod reaper;
mod state;

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use postern_domain::{ConnectionId, OwnerId, Version};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use crate::{PostgresConnection, TenantError};
use lease::{Grant, Lease};
use state::{Claim, State};

/// Which pool a connection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolKey {
    /// Whose it is.
    pub owner: OwnerId,
    /// The saved connection.
    pub connection: ConnectionId,
    /// Its version. A newer one replaces the pool of an older one.
    pub version: Version,
}

/// Bounds of all pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Connections of one pool.
    pub per_pool: usize,
    /// Connections of one owner's pools together.
    pub per_owner: usize,
    /// Connections of all pools together.
    pub total: usize,
    /// Callers that may wait for one pool.
    pub waiting: usize,
    /// Time after which an unused connection is closed.
    pub idle: Duration,
    /// Age after which a connection is not used again.
    pub lifetime: Duration,
}

impl Default for PoolLimits {
    fn default() -> Self {
        let (idle, lifetime) = (Duration::from_mins(1), Duration::from_mins(30));
        Self { per_pool: 4, per_owner: 32, total: 512, waiting: 64, idle, lifetime }
    }
}

/// A count of what there is at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Pools.
    pub pools: usize,
    /// Connections, open or being opened.
    pub open: usize,
    /// Connections that nobody uses.
    pub idle: usize,
    /// Callers that wait for a connection.
    pub waiting: usize,
}

/// All pools. Dropping it closes the connections that nobody uses.
pub struct Pools {
    shared: Arc<Shared>,
    reaper: JoinHandle<()>,
}

pub(crate) struct Shared {
    limits: PoolLimits,
    state: Mutex<State>,
}

impl Shared {
    /// The state is consistent between any two statements that change it, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pools {
    /// Pools without connections. Must be called within a runtime, which then runs the reaper.
    pub fn new(limits: PoolLimits) -> Self {
        let shared = Arc::new(Shared { limits, state: Mutex::new(State::default()) });
        let reaper = tokio::spawn(reaper::run(Arc::downgrade(&shared), limits.idle));
        Self { shared, reaper }
    }

    /// Takes a connection: the one used last, or a new one that `connect` opens, or the next that comes back. Waits
    /// until the deadline, and then fails with [`TenantError::PoolBusy`]; at once where too many wait already.
    ///
    /// Where callers wait for one that opens the pool's first connection, they share its failure, so that a wrong
    /// password is tried once and not by each of them.
    pub async fn acquire(
        &self,
        key: PoolKey,
        deadline: Instant,
        connect: impl AsyncFnOnce() -> Result<PostgresConnection, TenantError>,
    ) -> Result<Pooled, TenantError> {
        loop {
            let claim = self.shared.lock().claim(&self.shared, key);
            return match claim {
                Claim::Idle(mut pooled) => {
                    if !pooled.is_fresh(&self.shared.limits) {
                        pooled.close();
                        continue;
                    }
                    Ok(*pooled)
                }
                Claim::Open(lease) => open(lease, deadline, connect).await,
                Claim::Wait(waiting) => match wait(waiting, deadline).await? {
                    Grant::Ready(pooled) => Ok(*pooled),
                    Grant::Open(lease) => open(lease, deadline, connect).await,
                    Grant::Failed(error) => Err(error),
                },
                Claim::Busy => Err(TenantError::PoolBusy),
                Claim::Superseded => Err(TenantError::Superseded),
            };
        }
    }

    /// A count of what there is now.
    pub fn stats(&self) -> PoolStats {
        self.shared.lock().stats()
    }
}

impl Drop for Pools {
    fn drop(&mut self) {
        self.reaper.abort();
        // Connections say goodbye when dropped, which need not happen under the lock.
        let removed = self.shared.lock().remove_all();
        drop(removed);
    }
}

async fn wait(waiting: oneshot::Receiver<Grant>, deadline: Instant) -> Result<Grant, TenantError> {
    match timeout_at(deadline, waiting).await {
        Ok(Ok(grant)) => Ok(grant),
        Ok(Err(_)) => Err(TenantError::Superseded),
        Err(_) => Err(TenantError::PoolBusy),
    }
}

/// Opens a connection in the room that the lease holds. If the caller goes away midway, the lease hands the room to the
/// next one.
async fn open(
    lease: Lease,
    deadline: Instant,
    connect: impl AsyncFnOnce() -> Result<PostgresConnection, TenantError>,
) -> Result<Pooled, TenantError> {
    match timeout_at(deadline, connect()).await.unwrap_or(Err(TenantError::Timeout)) {
        Ok(connection) => Ok(lease.opened(connection)),
        Err(error) => {
            // What the caller's own deadline brought about says nothing to those who have more time.
            let in_time = Instant::now() < deadline;
            lease.failed(Some(&error).filter(|error| in_time && error.is_shared()));
            Err(error)
        }
    }
}

/// A connection taken from a pool. Dropping it gives it back; if its statement is not over, the statement is cancelled
/// on the server first, in the background.
pub struct Pooled {
    /// Present until dropped.
    connection: Option<PostgresConnection>,
    lease: Option<Lease>,
    opened: Instant,
}

impl Pooled {
    /// Closes the connection instead of giving it back.
    fn close(mut self) {
        self.connection = None;
    }

    fn is_fresh(&mut self, limits: &PoolLimits) -> bool {
        self.opened.elapsed() < limits.lifetime && self.is_quiet()
    }
}

impl Deref for Pooled {
    type Target = PostgresConnection;

    fn deref(&self) -> &PostgresConnection {
        self.connection.as_ref().expect("present until dropped")
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut PostgresConnection {
        self.connection.as_mut().expect("present until dropped")
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let (Some(connection), Some(lease)) = (self.connection.take(), self.lease.take()) else { return };
        lease::give_back(connection, lease, self.opened);
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
