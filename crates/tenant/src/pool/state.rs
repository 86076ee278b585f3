//! Which owner has how many sessions, and who waits for one. Plain data behind the lock: nothing here waits or does
//! I/O, dropping it has no side effects, and no operation takes longer because many callers wait.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
};

use postern_domain::{ConnectionId, OwnerId};
use tokio::time::Instant;

use super::{
    Busy, PoolKey, PoolLimits, PoolStats,
    owner::{Idle, Owner, Pool, Waiter, Waiting},
};

/// A pool's owner and saved connection.
pub(super) type Name = (OwnerId, ConnectionId);

/// All pools. `S` is a session, `W` reaches a waiting caller.
///
/// Idle sessions never keep room that a caller waits for: a caller that finds no room takes that of an idle session,
/// and a session that is released while a caller waits for room does not become idle.
pub(super) struct State<S, W> {
    limits: PoolLimits,
    owners: HashMap<OwnerId, Owner<S, W>>,
    /// Sessions of all owners, including those of removed pools: idle, in use, or being opened.
    open: usize,
    /// Idle sessions.
    idle: usize,
    /// Owners that wait for their first session, by ticket. They may use the whole total.
    newcomers: BTreeMap<u64, OwnerId>,
    /// Owners that wait for another one, by ticket. They may use what is not reserved.
    others: BTreeMap<u64, OwnerId>,
    tickets: u64,
    generations: u64,
    /// Sessions to be dropped outside the lock.
    discarded: Vec<Idle<S>>,
}

/// In which line an owner waits for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// For a first session.
    Newcomers,
    /// For another one.
    Others,
}

/// Room for one session, counted until it is closed or its session becomes idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reservation {
    pub name: Name,
    /// Which pool of that name it belongs to.
    pub generation: u64,
    /// Whether its session is still being opened.
    pub opening: bool,
}

/// What a caller gets at once.
pub(super) enum Acquired<S> {
    /// An idle session, not checked yet.
    Idle(Idle<S>, Reservation),
    /// Room to open one.
    Room(Reservation),
    /// A place among the waiting callers.
    Waiting,
    /// Nothing: too many callers are waiting already.
    Busy(Busy),
    /// Nothing: the caller may not open one, and the pool has none that could be released.
    NoSession,
    /// Nothing: this version was replaced or evicted.
    Superseded,
}

/// What happens to a released session.
pub(super) enum Released<S, W> {
    /// The first waiting caller gets it.
    To(W, Idle<S>),
    /// It is idle; its room now belongs to the pool.
    Idle,
    /// It is discarded, because its pool was removed or another caller waits for its room. The room is still reserved.
    Discarded,
}

/// The consequences of a failure to open a session.
pub(super) struct Failure<W> {
    /// Callers that get the same error.
    pub shared_by: Vec<W>,
    /// Whether the pool has other sessions.
    pub has_others: bool,
}

impl<S, W: Waiter> State<S, W> {
    pub(super) fn new(limits: PoolLimits) -> Self {
        let (owners, newcomers, others) = (HashMap::new(), BTreeMap::new(), BTreeMap::new());
        let discarded = Vec::new();
        Self { limits, owners, open: 0, idle: 0, newcomers, others, tickets: 0, generations: 0, discarded }
    }

    /// Returns an idle session, room to open one (unless the caller has already failed to), or a place in the queue.
    pub(super) fn acquire(
        &mut self,
        key: PoolKey,
        may_open: bool,
        waiter: impl FnOnce() -> W,
    ) -> Acquired<S> {
        let name = key.name();
        if self.pool(name).is_some_and(|pool| pool.version < key.version) {
            self.remove(name);
        }
        if !may_open && self.pool(name).is_none() {
            return Acquired::Superseded;
        }
        let pool = self.pool_for(key);
        if pool.version > key.version {
            return Acquired::Superseded;
        }
        let generation = pool.generation;
        if let Some(idle) = self.take_idle(name) {
            return Acquired::Idle(idle, Reservation { name, generation, opening: false });
        }
        if may_open && self.reserve(name) {
            return Acquired::Room(Reservation { name, generation, opening: true });
        }
        if !may_open && self.pool(name).is_none_or(|pool| pool.open == 0) {
            return Acquired::NoSession;
        }
        self.enqueue(name, may_open, waiter)
    }

    /// Which bound keeps a pool from growing.
    pub(super) fn bound_in_the_way(&self, name: Name) -> Busy {
        let owner = self.owners.get(&name.0);
        let (in_pool, of_owner) =
            owner.map_or((0, 0), |owner| (owner.pools.get(&name.1).map_or(0, |pool| pool.open), owner.open));
        if in_pool >= self.limits.per_pool {
            Busy::Pool
        } else if of_owner >= self.limits.per_owner {
            Busy::Owner
        } else if self.has_room_for(of_owner) {
            // It grows by one session at a time, and that one is being opened.
            Busy::Pool
        } else {
            Busy::Total
        }
    }

    /// Notes that a session is open. Waiting callers may open the next one.
    pub(super) fn opened(&mut self, reservation: Reservation) -> Reservation {
        if let Some(pool) = self.pool_of(reservation) {
            pool.opening = false;
            self.wait_for_room(reservation.name);
        }
        Reservation { opening: false, ..reservation }
    }

    /// Frees the room of a session that could not be opened.
    ///
    /// If the pool has other sessions, its callers wait for those instead of failing one by one. If it has none, they
    /// get the same error if it applies to them too; otherwise the next one tries.
    pub(super) fn open_failed(&mut self, reservation: Reservation, is_shared: bool) -> Failure<W> {
        let shared_by = match self.pool_of(reservation) {
            Some(pool) if is_shared && pool.open == 1 => pool.waiting.drain(..).map(|w| w.waiter).collect(),
            _ => Vec::new(),
        };
        let has_others = self.give_up_room(reservation);
        if !has_others {
            self.wait_for_room(reservation.name);
        }
        Failure { shared_by, has_others }
    }

    /// Frees the room of a closed session. The next caller of its pool may ask for it.
    pub(super) fn close(&mut self, reservation: Reservation) {
        self.give_up_room(reservation);
        if self.pool_of(reservation).is_some() {
            self.wait_for_room(reservation.name);
        }
    }

    /// Decides what happens to a released session.
    pub(super) fn release(&mut self, reservation: Reservation, idle: Idle<S>) -> Released<S, W> {
        let (newcomers_wait, others_wait) = (!self.newcomers.is_empty(), !self.others.is_empty());
        let Some(owner) = self.owners.get_mut(&reservation.name.0) else { return self.discard(idle) };
        if newcomers_wait && owner.open > 1 {
            return self.discard(idle);
        }
        let is_room_wanted = newcomers_wait || others_wait || !owner.waiting_for_room.is_empty();
        let Some(pool) = self.pool_of(reservation) else { return self.discard(idle) };
        if let Some(waiter) = pool.next_waiting() {
            return Released::To(waiter, idle);
        }
        if is_room_wanted {
            return self.discard(idle);
        }
        self.put_idle(reservation.name, idle);
        Released::Idle
    }

    /// Finds the next caller that should open a session, and reserves the room for it.
    pub(super) fn next_opener(&mut self) -> Option<(W, Reservation)> {
        while let Some(id) = self.next_in_line() {
            while self.may_grow(id)
                && let Some(connection) = self.owners.get_mut(&id).and_then(Owner::next_waiting_for_room)
            {
                if let Some(found) = self.opener_of((id, connection)) {
                    self.line_up(id);
                    return Some(found);
                }
            }
        }
        None
    }

    /// Removes a pool: its idle sessions are discarded, the others will be when released, and its callers stop waiting.
    pub(super) fn remove(&mut self, name: Name) {
        let Some(pool) = self.owners.get_mut(&name.0).and_then(|owner| owner.remove(name.1)) else { return };
        self.open -= pool.idle.len();
        self.idle -= pool.idle.len();
        self.discarded.extend(pool.idle);
        self.update_line(name.0);
    }

    pub(super) fn remove_all(&mut self) {
        let of_owner = |(id, owner): (&OwnerId, &Owner<S, W>)| -> Vec<Name> {
            owner.pools.keys().map(|connection| (*id, *connection)).collect()
        };
        let names: Vec<Name> = self.owners.iter().flat_map(of_owner).collect();
        for name in names {
            self.remove(name);
        }
    }

    /// Discards the sessions that are over their idle time or lifetime, and removes pools and owners without sessions.
    pub(super) fn expire(&mut self, now: Instant) {
        for owner in self.owners.values_mut() {
            let expired = owner.take_expired(&self.limits, now);
            self.open -= expired.len();
            self.idle -= expired.len();
            self.discarded.extend(expired);
        }
        self.owners.retain(|_, owner| owner.open > 0 || !owner.pools.is_empty());
        self.newcomers.retain(|_, id| self.owners.contains_key(id));
        self.others.retain(|_, id| self.owners.contains_key(id));
    }

    /// Sessions to drop once the lock is released: dropping one writes to its socket.
    pub(super) fn take_discarded(&mut self) -> Vec<Idle<S>> {
        mem::take(&mut self.discarded)
    }

    pub(super) fn stats(&self) -> PoolStats {
        let pools = self.owners.values().flat_map(|owner| owner.pools.values());
        let is_there = |waiting: &&Waiting<W>| !waiting.waiter.is_gone();
        let waiting = pools.clone().map(|pool| pool.waiting.iter().filter(is_there).count()).sum();
        PoolStats { pools: pools.count(), open: self.open, idle: self.idle, waiting }
    }

    fn take_idle(&mut self, name: Name) -> Option<Idle<S>> {
        let owner = self.owners.get_mut(&name.0)?;
        let idle = owner.pools.get_mut(&name.1)?.idle.pop()?;
        owner.idle -= 1;
        self.idle -= 1;
        Some(idle)
    }

    fn put_idle(&mut self, name: Name, idle: Idle<S>) {
        let Some(owner) = self.owners.get_mut(&name.0) else { return };
        let Some(pool) = owner.pools.get_mut(&name.1) else { return };
        pool.idle.push(idle);
        owner.idle += 1;
        self.idle += 1;
    }

    fn discard(&mut self, idle: Idle<S>) -> Released<S, W> {
        self.discarded.push(idle);
        Released::Discarded
    }

    /// Reserves room for one more session of a pool, if it may open one. At the owner's bound, the owner's longest-idle
    /// session is closed to make room; at the total, that of any owner.
    fn reserve(&mut self, name: Name) -> bool {
        let limits = self.limits;
        if !self.pool(name).is_some_and(|pool| pool.may_open(&limits)) {
            return false;
        }
        let of_owner = self.owners.get(&name.0).map_or(0, |owner| owner.open);
        let has_room = if of_owner >= limits.per_owner {
            self.discard_longest_idle_of(name.0)
        } else {
            self.has_room_for(of_owner) || self.discard_longest_idle()
        };
        if !has_room {
            return false;
        }
        let Some(owner) = self.owners.get_mut(&name.0) else { return false };
        let Some(pool) = owner.pools.get_mut(&name.1) else { return false };
        pool.opening = true;
        pool.open += 1;
        owner.open += 1;
        self.open += 1;
        self.update_line(name.0);
        true
    }

    /// Whether an owner with this many sessions gets another one without closing an idle one. Owners without sessions
    /// may use the reserve.
    fn has_room_for(&self, of_owner: usize) -> bool {
        let kept = if of_owner == 0 { 0 } else { self.limits.reserved };
        self.open < self.limits.total.saturating_sub(kept)
    }

    fn may_grow(&self, id: OwnerId) -> bool {
        let owner = self.owners.get(&id);
        owner.is_some_and(|owner| owner.open < self.limits.per_owner && self.has_room_for(owner.open))
    }

    fn enqueue(&mut self, name: Name, may_open: bool, waiter: impl FnOnce() -> W) -> Acquired<S> {
        let most = self.limits.waiting;
        let Some(pool) = self.pool(name) else { return Acquired::Superseded };
        if pool.count_waiting() >= most {
            return Acquired::Busy(self.bound_in_the_way(name));
        }
        pool.waiting.push_back(Waiting { waiter: waiter(), may_open });
        self.wait_for_room(name);
        Acquired::Waiting
    }

    /// Puts a pool in line for room, unless it waits only for its own sessions.
    fn wait_for_room(&mut self, name: Name) {
        let Some(owner) = self.owners.get_mut(&name.0) else { return };
        let Some(pool) = owner.pools.get_mut(&name.1) else { return };
        if pool.may_open(&self.limits) && pool.has_opener() && !pool.is_waiting_for_room {
            pool.is_waiting_for_room = true;
            owner.waiting_for_room.push_back(name.1);
        }
        self.line_up(name.0);
    }

    /// Puts an owner in line, unless it is at its own bound; it then joins when one of its sessions closes.
    fn line_up(&mut self, id: OwnerId) {
        let Some(owner) = self.owners.get_mut(&id) else { return };
        if owner.ticket.is_some() || owner.waiting_for_room.is_empty() || owner.open >= self.limits.per_owner
        {
            return;
        }
        self.tickets += 1;
        let (line, ticket) = (Line::of(owner.open), self.tickets);
        owner.ticket = Some((line, ticket));
        self.line(line).insert(ticket, id);
    }

    /// Moves an owner to the line where it belongs now. It keeps its ticket.
    fn update_line(&mut self, id: OwnerId) {
        let Some(owner) = self.owners.get_mut(&id) else { return };
        let Some((line, ticket)) = owner.ticket else { return };
        let now = Line::of(owner.open);
        owner.ticket = Some((now, ticket));
        self.line(line).remove(&ticket);
        self.line(now).insert(ticket, id);
    }

    /// Takes the next owner out of the line, if there is room for it.
    fn next_in_line(&mut self) -> Option<OwnerId> {
        let line = if !self.newcomers.is_empty() && self.has_room_for(0) {
            Line::Newcomers
        } else if self.has_room_for(1) {
            Line::Others
        } else {
            return None;
        };
        let (_, id) = self.line(line).pop_first()?;
        self.owners.get_mut(&id)?.ticket = None;
        Some(id)
    }

    fn line(&mut self, line: Line) -> &mut BTreeMap<u64, OwnerId> {
        match line {
            Line::Newcomers => &mut self.newcomers,
            Line::Others => &mut self.others,
        }
    }

    fn opener_of(&mut self, name: Name) -> Option<(W, Reservation)> {
        let generation = self.pool(name).filter(|pool| pool.has_opener())?.generation;
        if !self.reserve(name) {
            return None;
        }
        let waiter = self.pool(name)?.next_opener()?;
        Some((waiter, Reservation { name, generation, opening: true }))
    }

    /// Returns whether the pool has other sessions.
    fn give_up_room(&mut self, reservation: Reservation) -> bool {
        let id = reservation.name.0;
        self.open -= 1;
        if let Some(owner) = self.owners.get_mut(&id) {
            owner.open -= 1;
        }
        self.update_line(id);
        self.line_up(id);
        let Some(pool) = self.pool_of(reservation) else { return false };
        pool.opening &= !reservation.opening;
        pool.open -= 1;
        if pool.open == 0 {
            // Callers that cannot open a session would wait forever. Dropping their waiter ends their wait.
            pool.waiting.retain(|waiting| waiting.may_open);
        }
        pool.open > 0
    }

    fn discard_longest_idle(&mut self) -> bool {
        if self.idle == 0 {
            return false;
        }
        let idle = self.owners.iter().filter_map(|(id, owner)| Some((owner.idle_since()?, *id)));
        let Some((_, id)) = idle.min_by_key(|(since, _)| *since) else { return false };
        self.discard_longest_idle_of(id)
    }

    fn discard_longest_idle_of(&mut self, id: OwnerId) -> bool {
        let Some(idle) = self.owners.get_mut(&id).and_then(Owner::take_longest_idle) else { return false };
        self.open -= 1;
        self.idle -= 1;
        self.discarded.push(idle);
        self.update_line(id);
        true
    }

    fn pool(&mut self, name: Name) -> Option<&mut Pool<S, W>> {
        self.owners.get_mut(&name.0)?.pools.get_mut(&name.1)
    }

    fn pool_for(&mut self, key: PoolKey) -> &mut Pool<S, W> {
        let generations = &mut self.generations;
        let pools = &mut self.owners.entry(key.owner).or_default().pools;
        pools.entry(key.connection).or_insert_with(|| {
            *generations += 1;
            Pool::new(key.version, *generations)
        })
    }

    /// The pool that a reservation belongs to, if it still exists.
    fn pool_of(&mut self, reservation: Reservation) -> Option<&mut Pool<S, W>> {
        self.pool(reservation.name).filter(|pool| pool.generation == reservation.generation)
    }
}

impl Line {
    /// The line for an owner with this many sessions.
    fn of(sessions: usize) -> Self {
        if sessions == 0 { Self::Newcomers } else { Self::Others }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
