//! What the lock guards: who has what, and who waits for what. Nothing here waits or does I/O.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use postern_domain::{ConnectionId, OwnerId, Version};
use tokio::{sync::oneshot, time::Instant};

use super::{
    PoolKey, PoolLimits, PoolStats, Pooled, Shared,
    lease::{Grant, Lease},
};
use crate::{PostgresConnection, TenantError};

type Name = (OwnerId, ConnectionId);

/// All pools.
#[derive(Default)]
pub(super) struct State {
    pools: HashMap<Name, Pool>,
    /// Connections of all pools, also of pools that are gone, open or being opened.
    total: usize,
    /// Pools whose callers wait only because of the total, in the order they came to.
    starving: VecDeque<Name>,
    generations: u64,
}

/// The connections of one saved connection in one version.
pub(super) struct Pool {
    version: Version,
    /// Tells this pool from others under the same name, before it and after it.
    generation: u64,
    /// The one used last is at the end.
    idle: Vec<Idle>,
    /// Connections, idle, in use, or being opened.
    open: usize,
    /// Whether one is being opened.
    opening: bool,
    waiting: VecDeque<oneshot::Sender<Grant>>,
}

/// A connection that nobody uses.
pub(super) struct Idle {
    pub connection: PostgresConnection,
    pub opened: Instant,
    pub since: Instant,
}

/// What a caller gets at once.
pub(super) enum Claim {
    /// An idle connection, not yet looked at.
    Idle(Box<Pooled>),
    /// Room to open one.
    Open(Lease),
    /// A place in the queue.
    Wait(oneshot::Receiver<Grant>),
    /// The version asked for has been replaced.
    Superseded,
}

impl State {
    pub(super) fn claim(&mut self, shared: &Arc<Shared>, key: PoolKey) -> Claim {
        let name = (key.owner, key.connection);
        if self.pools.get(&name).is_some_and(|pool| pool.version < key.version) {
            self.retire(name);
        }
        let generations = &mut self.generations;
        let pool = self.pools.entry(name).or_insert_with(|| {
            *generations += 1;
            Pool::new(key.version, *generations)
        });
        if pool.version > key.version {
            return Claim::Superseded;
        }
        let lease = |opening, generation| Lease::new(shared, name, generation, opening);
        if let Some(idle) = pool.idle.pop() {
            return Claim::Idle(Box::new(Pooled::again(
                idle.connection,
                lease(false, pool.generation),
                idle.opened,
            )));
        }
        if self.reserve(&shared.limits, name) {
            return Claim::Open(lease(true, self.pools[&name].generation));
        }
        let (sender, receiver) = oneshot::channel();
        self.enqueue(&shared.limits, name, sender);
        Claim::Wait(receiver)
    }

    /// Reserves room for one more connection of a pool, if it may open one. Where only the total is in the way, an idle
    /// connection of another pool leaves.
    fn reserve(&mut self, limits: &PoolLimits, name: Name) -> bool {
        let may_open = self.pools.get(&name).is_some_and(|pool| !pool.opening && pool.open < limits.per_pool);
        if !may_open || (self.total >= limits.total && !self.drop_longest_idle()) {
            return false;
        }
        let Some(pool) = self.pools.get_mut(&name) else { return false };
        pool.open += 1;
        pool.opening = true;
        self.total += 1;
        true
    }

    fn enqueue(&mut self, limits: &PoolLimits, name: Name, sender: oneshot::Sender<Grant>) {
        let Some(pool) = self.pools.get_mut(&name) else { return };
        pool.waiting.retain(|waiting| !waiting.is_closed());
        pool.waiting.push_back(sender);
        if !pool.opening && pool.open < limits.per_pool && !self.starving.contains(&name) {
            self.starving.push_back(name);
        }
    }

    fn drop_longest_idle(&mut self) -> bool {
        let oldest = |pool: &&mut Pool| pool.idle.first().map(|idle| idle.since);
        let pool = self.pools.values_mut().filter(|pool| !pool.idle.is_empty()).min_by_key(oldest);
        let Some(pool) = pool else { return false };
        pool.idle.remove(0);
        pool.open -= 1;
        self.total -= 1;
        true
    }

    /// Takes note of the end of an opening. After a failure the room is free again; where the pool has no connection at
    /// all then, and the failure is everybody's, those who waited are told it.
    pub(super) fn opening_ended(&mut self, lease: &Lease, failure: Option<&TenantError>) {
        let Some(pool) = self.pool_of(lease) else { return };
        pool.opening = false;
        if let Some(error) = failure.filter(|error| error.is_shared())
            && pool.open == 1
        {
            for waiting in pool.waiting.drain(..) {
                let _ = waiting.send(Grant::Failed(error.clone()));
            }
        }
    }

    /// Gives up the room of a lease. Tells whether its pool has other connections.
    pub(super) fn close(&mut self, lease: &Lease) -> bool {
        self.total -= 1;
        let Some(pool) = self.pool_of(lease) else { return false };
        pool.open -= 1;
        pool.open > 0
    }

    /// Decides what becomes of a connection that comes back: it goes to the first that waits for it, or else to rest. It
    /// is refused when its pool is gone, or when another pool starves for its room.
    pub(super) fn take_back(&mut self, lease: &Lease, idle: Idle) -> Return {
        let starving = !self.starving.is_empty();
        let Some(pool) = self.pool_of(lease) else { return Return::Refused(idle) };
        match pool.next_waiting() {
            Some(waiting) => Return::To(waiting, idle),
            None if starving => Return::Refused(idle),
            None => {
                pool.idle.push(idle);
                Return::Rests
            }
        }
    }

    /// Finds the next caller that should open a connection: one of this pool, or else of one that starves.
    pub(super) fn next_opener(
        &mut self,
        shared: &Arc<Shared>,
        preferred: Option<Name>,
    ) -> Option<(oneshot::Sender<Grant>, Lease)> {
        if let Some(found) = preferred.and_then(|name| self.opener_of(shared, name)) {
            return Some(found);
        }
        while let Some(&name) = self.starving.front() {
            if let Some(found) = self.opener_of(shared, name) {
                return Some(found);
            }
            let hungry = self.pools.get_mut(&name).is_some_and(|pool| pool.waits() && !pool.opening);
            if hungry && self.total >= shared.limits.total {
                return None;
            }
            self.starving.pop_front();
        }
        None
    }

    fn opener_of(&mut self, shared: &Arc<Shared>, name: Name) -> Option<(oneshot::Sender<Grant>, Lease)> {
        if !self.pools.get_mut(&name)?.waits() || !self.reserve(&shared.limits, name) {
            return None;
        }
        let pool = self.pools.get_mut(&name)?;
        let generation = pool.generation;
        let waiting = pool.next_waiting()?;
        Some((waiting, Lease::new(shared, name, generation, true)))
    }

    /// Forgets a pool whose version is old. Its callers wait in vain, and are told so.
    fn retire(&mut self, name: Name) {
        drop(self.remove(name.0, name.1));
    }

    pub(super) fn remove(&mut self, owner: OwnerId, connection: ConnectionId) -> Option<Pool> {
        let pool = self.pools.remove(&(owner, connection))?;
        self.total -= pool.idle.len();
        Some(pool)
    }

    pub(super) fn remove_all(&mut self) -> Vec<Pool> {
        let pools: Vec<_> = self.pools.drain().map(|(_, pool)| pool).collect();
        self.total -= pools.iter().map(|pool| pool.idle.len()).sum::<usize>();
        pools
    }

    /// Takes out what has rested or lived too long, and forgets pools that are empty.
    pub(super) fn expired(&mut self, limits: &PoolLimits, now: Instant) -> Vec<Idle> {
        let mut expired = Vec::new();
        for pool in self.pools.values_mut() {
            let old =
                |idle: &mut Idle| now - idle.since >= limits.idle || now - idle.opened >= limits.lifetime;
            let before = expired.len();
            expired.extend(pool.idle.extract_if(.., old));
            pool.open -= expired.len() - before;
        }
        self.total -= expired.len();
        self.pools.retain(|_, pool| pool.open > 0 || pool.waits());
        expired
    }

    pub(super) fn stats(&self) -> PoolStats {
        let mut stats = PoolStats { pools: self.pools.len(), open: self.total, ..PoolStats::default() };
        for pool in self.pools.values() {
            stats.idle += pool.idle.len();
            stats.waiting += pool.waiting.iter().filter(|waiting| !waiting.is_closed()).count();
        }
        stats
    }

    /// The pool that a lease belongs to, if it is still there.
    fn pool_of(&mut self, lease: &Lease) -> Option<&mut Pool> {
        self.pools.get_mut(&lease.name).filter(|pool| pool.generation == lease.generation)
    }
}

/// What becomes of a connection that comes back.
pub(super) enum Return {
    To(oneshot::Sender<Grant>, Idle),
    /// Its room stays taken, now by the pool.
    Rests,
    /// The connection is dropped, outside the lock.
    #[expect(dead_code, reason = "kept only to be dropped")]
    Refused(Idle),
}

impl Pool {
    fn new(version: Version, generation: u64) -> Self {
        Self { version, generation, idle: Vec::new(), open: 0, opening: false, waiting: VecDeque::new() }
    }

    fn waits(&mut self) -> bool {
        self.waiting.retain(|waiting| !waiting.is_closed());
        !self.waiting.is_empty()
    }

    fn next_waiting(&mut self) -> Option<oneshot::Sender<Grant>> {
        std::iter::from_fn(|| self.waiting.pop_front()).find(|waiting| !waiting.is_closed())
    }
}
