//! One owner's pools, one for each saved connection in use.

use std::collections::{HashMap, VecDeque};

use postern_domain::{ConnectionId, Version};
use tokio::time::Instant;

use super::{PoolLimits, state::Line};

/// The pools of one owner.
pub(super) struct Owner<S, W> {
    pub pools: HashMap<ConnectionId, Pool<S, W>>,
    /// Sessions of all its pools, including removed ones: idle, in use, or being opened.
    pub open: usize,
    /// Idle sessions.
    pub idle: usize,
    /// Pools whose callers wait for room, longest wait first.
    pub waiting_for_room: VecDeque<ConnectionId>,
    /// The owner's place in a line for room.
    pub ticket: Option<(Line, u64)>,
}

/// The sessions of one saved connection in one version.
pub(super) struct Pool<S, W> {
    pub version: Version,
    /// Distinguishes this pool from earlier and later ones with the same name.
    pub generation: u64,
    /// The most recently used one is last.
    pub idle: Vec<Idle<S>>,
    /// Sessions: idle, in use, or being opened.
    pub open: usize,
    /// Whether one is being opened.
    pub opening: bool,
    /// In order of arrival.
    pub waiting: VecDeque<Waiting<W>>,
    /// Whether it is among the owner's `waiting_for_room`.
    pub is_waiting_for_room: bool,
}

/// An idle session.
pub(super) struct Idle<S> {
    pub session: S,
    pub opened: Instant,
    pub since: Instant,
}

/// A caller that waits for a session.
pub(super) struct Waiting<W> {
    pub waiter: W,
    /// Whether it may open one itself. False after it has tried and failed.
    pub may_open: bool,
}

/// How to reach a waiting caller.
pub(super) trait Waiter {
    /// Whether the caller has stopped waiting.
    fn is_gone(&self) -> bool;
}

impl<S, W> Default for Owner<S, W> {
    fn default() -> Self {
        let (pools, waiting_for_room) = (HashMap::new(), VecDeque::new());
        Self { pools, open: 0, idle: 0, waiting_for_room, ticket: None }
    }
}

impl<S, W: Waiter> Owner<S, W> {
    /// Removes the pool that has waited longest for room from the line.
    pub(super) fn next_waiting_for_room(&mut self) -> Option<ConnectionId> {
        let connection = self.waiting_for_room.pop_front()?;
        if let Some(pool) = self.pools.get_mut(&connection) {
            pool.is_waiting_for_room = false;
        }
        Some(connection)
    }

    /// When the longest-idle session became idle.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.pools.values().filter_map(Pool::idle_since).min()
    }

    pub(super) fn take_longest_idle(&mut self) -> Option<Idle<S>> {
        let with_idle = self.pools.values_mut().filter(|pool| !pool.idle.is_empty());
        let pool = with_idle.min_by_key(|pool| pool.idle_since())?;
        pool.open -= 1;
        self.open -= 1;
        self.idle -= 1;
        Some(pool.idle.remove(0))
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) -> Option<Pool<S, W>> {
        let pool = self.pools.remove(&connection)?;
        self.open -= pool.idle.len();
        self.idle -= pool.idle.len();
        self.waiting_for_room.retain(|other| *other != connection);
        Some(pool)
    }

    /// Removes the sessions that are over their idle time or lifetime, and pools that are empty.
    pub(super) fn take_expired(&mut self, limits: &PoolLimits, now: Instant) -> Vec<Idle<S>> {
        let is_old =
            |idle: &mut Idle<S>| now - idle.since >= limits.idle || now - idle.opened >= limits.lifetime;
        let mut expired = Vec::new();
        for pool in self.pools.values_mut() {
            let before = expired.len();
            expired.extend(pool.idle.extract_if(.., is_old));
            pool.open -= expired.len() - before;
        }
        self.open -= expired.len();
        self.idle -= expired.len();
        self.pools.retain(|_, pool| pool.open > 0 || pool.count_waiting() > 0);
        self.waiting_for_room.retain(|connection| self.pools.contains_key(connection));
        expired
    }
}

impl<S, W: Waiter> Pool<S, W> {
    pub(super) fn new(version: Version, generation: u64) -> Self {
        let (idle, waiting) = (Vec::new(), VecDeque::new());
        Self { version, generation, idle, open: 0, opening: false, waiting, is_waiting_for_room: false }
    }

    /// Whether its own bound allows it to open a session. It opens one at a time.
    pub(super) fn may_open(&self, limits: &PoolLimits) -> bool {
        !self.opening && self.open < limits.per_pool
    }

    /// Counts the waiting callers, after removing those that have gone.
    pub(super) fn count_waiting(&mut self) -> usize {
        self.waiting.retain(|waiting| !waiting.waiter.is_gone());
        self.waiting.len()
    }

    /// The caller that gets the next session.
    pub(super) fn next_waiting(&mut self) -> Option<W> {
        let waiting = std::iter::from_fn(|| self.waiting.pop_front()).find(|next| !next.waiter.is_gone())?;
        Some(waiting.waiter)
    }

    /// Whether one of the waiting callers can open a session.
    pub(super) fn has_opener(&self) -> bool {
        self.waiting.iter().any(Waiting::can_open)
    }

    /// The caller that opens the next session.
    pub(super) fn next_opener(&mut self) -> Option<W> {
        let position = self.waiting.iter().position(Waiting::can_open)?;
        self.waiting.remove(position).map(|waiting| waiting.waiter)
    }

    fn idle_since(&self) -> Option<Instant> {
        self.idle.first().map(|idle| idle.since)
    }
}

impl<W: Waiter> Waiting<W> {
    fn can_open(&self) -> bool {
        self.may_open && !self.waiter.is_gone()
    }
}
