//! What one owner has: a pool for each saved connection in use.

use std::collections::{HashMap, VecDeque};

use postern_domain::{ConnectionId, OwnerId, Version};
use tokio::{sync::oneshot::Sender, time::Instant};

use super::{PoolLimits, lease::Grant};
use crate::PostgresConnection;

/// Whose a pool is, and for which saved connection.
pub(super) type Name = (OwnerId, ConnectionId);

/// The pools of one owner.
#[derive(Default)]
pub(super) struct Owner {
    pub pools: HashMap<ConnectionId, Pool>,
    /// Connections of all its pools, also of those that are gone, open or being opened.
    pub open: usize,
    /// Connections at rest.
    pub idle: usize,
    /// Pools whose callers wait because of the owner's bound or the total, in the order they came to.
    pub starving: VecDeque<ConnectionId>,
    /// Whether the owner is in line for room.
    pub has_turn: bool,
}

/// The connections of one saved connection in one version.
pub(super) struct Pool {
    pub version: Version,
    /// Tells this pool from others under the same name, before it and after it.
    pub generation: u64,
    /// The one used last is at the end.
    pub idle: Vec<Idle>,
    /// Connections, idle, in use, or being opened.
    pub open: usize,
    /// Whether one is being opened.
    pub opening: bool,
    pub waiting: VecDeque<Sender<Grant>>,
    /// Whether it is among the owner's starving.
    starving: bool,
}

/// A connection that nobody uses.
pub(super) struct Idle {
    pub connection: PostgresConnection,
    pub opened: Instant,
    pub since: Instant,
}

impl Owner {
    /// Puts a pool in line, if it may open a connection and only lacks the room.
    pub(super) fn starve(&mut self, limits: &PoolLimits, connection: ConnectionId) {
        let Some(pool) = self.pools.get_mut(&connection) else { return };
        if pool.may_open(limits) && !pool.starving {
            pool.starving = true;
            self.starving.push_back(connection);
        }
    }

    /// Takes the first pool out of the line, if the owner may have another connection.
    pub(super) fn next_starving(&mut self, limits: &PoolLimits) -> Option<ConnectionId> {
        if self.open >= limits.per_owner {
            return None;
        }
        let connection = self.starving.pop_front()?;
        if let Some(pool) = self.pools.get_mut(&connection) {
            pool.starving = false;
        }
        Some(connection)
    }

    /// Since when the connection rests that has rested for longest.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.pools.values().filter_map(Pool::idle_since).min()
    }

    pub(super) fn drop_longest_idle(&mut self) -> bool {
        let resting = self.pools.values_mut().filter(|pool| !pool.idle.is_empty());
        let Some(pool) = resting.min_by_key(|pool| pool.idle_since()) else { return false };
        pool.idle.remove(0);
        pool.open -= 1;
        self.open -= 1;
        self.idle -= 1;
        true
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) -> Option<Pool> {
        let pool = self.pools.remove(&connection)?;
        self.open -= pool.idle.len();
        self.idle -= pool.idle.len();
        self.starving.retain(|other| *other != connection);
        Some(pool)
    }

    /// Takes out what has rested or lived too long, and forgets pools that are empty.
    pub(super) fn expired(&mut self, limits: &PoolLimits, now: Instant) -> Vec<Idle> {
        let old = |idle: &mut Idle| now - idle.since >= limits.idle || now - idle.opened >= limits.lifetime;
        let mut expired = Vec::new();
        for pool in self.pools.values_mut() {
            let before = expired.len();
            expired.extend(pool.idle.extract_if(.., old));
            pool.open -= expired.len() - before;
        }
        self.open -= expired.len();
        self.idle -= expired.len();
        self.pools.retain(|_, pool| pool.open > 0 || pool.count_waiting() > 0);
        self.starving.retain(|connection| self.pools.contains_key(connection));
        expired
    }
}

impl Pool {
    pub(super) fn new(version: Version, generation: u64) -> Self {
        let (idle, waiting) = (Vec::new(), VecDeque::new());
        Self { version, generation, idle, open: 0, opening: false, waiting, starving: false }
    }

    /// Whether it may open a connection as far as its own bound goes: one at a time.
    pub(super) fn may_open(&self, limits: &PoolLimits) -> bool {
        !self.opening && self.open < limits.per_pool
    }

    /// Callers that wait, without those that have gone.
    pub(super) fn count_waiting(&mut self) -> usize {
        self.waiting.retain(|waiting| !waiting.is_closed());
        self.waiting.len()
    }

    pub(super) fn next_waiting(&mut self) -> Option<Sender<Grant>> {
        std::iter::from_fn(|| self.waiting.pop_front()).find(|waiting| !waiting.is_closed())
    }

    fn idle_since(&self) -> Option<Instant> {
        self.idle.first().map(|idle| idle.since)
    }
}
