//! What the lock guards: who has what, and who waits for what. Nothing here waits or does I/O, and no caller's turn
//! takes longer because others wait.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use postern_domain::OwnerId;
use tokio::{
    sync::oneshot::{self, Receiver, Sender},
    time::Instant,
};

use super::{
    PoolKey, PoolLimits, PoolStats, Pooled, Shared,
    lease::{Grant, Lease},
    owner::{Idle, Name, Owner, Pool},
};
use crate::TenantError;

/// All pools.
///
/// Room that somebody starves for is never left to a connection at rest: who finds no room takes that of a resting
/// one, and what comes back while somebody starves does not go to rest.
#[derive(Default)]
pub(super) struct State {
    owners: HashMap<OwnerId, Owner>,
    /// Connections of all owners, also of pools that are gone, open or being opened.
    open: usize,
    /// Connections at rest.
    idle: usize,
    /// Owners that starve for room, in the order of their turns. Those at their own bound get their turn later.
    turns: VecDeque<OwnerId>,
    generations: u64,
}

/// What a caller gets at once.
pub(super) enum Claim {
    /// An idle connection, not yet looked at.
    Idle(Box<Pooled>),
    /// Room to open one.
    Open(Lease),
    /// A place in the queue.
    Wait(Receiver<Grant>),
    /// Nothing: the queue is full.
    Busy,
    /// The version asked for has been replaced.
    Superseded,
}

/// What becomes of a connection that comes back.
pub(super) enum Return {
    To(Sender<Grant>, Idle),
    /// Its room stays taken, now by the pool.
    Rests,
    /// The connection is dropped, outside the lock.
    #[expect(dead_code, reason = "kept only to be dropped")]
    Refused(Idle),
}

impl State {
    pub(super) fn claim(&mut self, shared: &Arc<Shared>, key: PoolKey) -> Claim {
        let name = (key.owner, key.connection);
        if self.pool(name).is_some_and(|pool| pool.version < key.version) {
            // Its callers wait in vain, and are told so.
            drop(self.remove(name));
        }
        let generations = &mut self.generations;
        let owner = self.owners.entry(key.owner).or_default();
        let pool = owner.pools.entry(key.connection).or_insert_with(|| {
            *generations += 1;
            Pool::new(key.version, *generations)
        });
        if pool.version > key.version {
            return Claim::Superseded;
        }
        let generation = pool.generation;
        if let Some(idle) = pool.idle.pop() {
            owner.idle -= 1;
            self.idle -= 1;
            let lease = Lease::new(shared, name, generation, false);
            return Claim::Idle(Box::new(Pooled::again(idle.connection, lease, idle.opened)));
        }
        if self.reserve(&shared.limits, name) {
            return Claim::Open(Lease::new(shared, name, generation, true));
        }
        self.enqueue(&shared.limits, name)
    }

    /// Reserves room for one more connection of a pool, if it may open one. Where the owner's bound is in the way, one
    /// that rests in another pool of the owner leaves; where the total is, one of any owner.
    fn reserve(&mut self, limits: &PoolLimits, name: Name) -> bool {
        if !self.pool(name).is_some_and(|pool| pool.may_open(limits)) {
            return false;
        }
        let owner_is_full = self.owners.get(&name.0).is_some_and(|owner| owner.open >= limits.per_owner);
        let has_room = if owner_is_full {
            self.drop_longest_idle_of(name.0)
        } else {
            self.open < limits.total || self.drop_longest_idle()
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
        true
    }

    fn enqueue(&mut self, limits: &PoolLimits, name: Name) -> Claim {
        let Some(pool) = self.pool(name) else { return Claim::Superseded };
        if pool.count_waiting() >= limits.waiting {
            return Claim::Busy;
        }
        let (sender, receiver) = oneshot::channel();
        pool.waiting.push_back(sender);
        self.starve(limits, name);
        Claim::Wait(receiver)
    }

    /// Puts a pool in line for room, unless it waits for nothing but its own connections.
    fn starve(&mut self, limits: &PoolLimits, name: Name) {
        let Some(owner) = self.owners.get_mut(&name.0) else { return };
        owner.starve(limits, name.1);
        self.give_turn(limits, name.0);
    }

    fn give_turn(&mut self, limits: &PoolLimits, id: OwnerId) {
        let Some(owner) = self.owners.get_mut(&id) else { return };
        if !owner.has_turn && !owner.starving.is_empty() && owner.open < limits.per_owner {
            owner.has_turn = true;
            self.turns.push_back(id);
        }
    }

    fn drop_longest_idle(&mut self) -> bool {
        if self.idle == 0 {
            return false;
        }
        let resting = self.owners.iter().filter_map(|(id, owner)| Some((owner.idle_since()?, *id)));
        let Some((_, id)) = resting.min_by_key(|(since, _)| *since) else { return false };
        self.drop_longest_idle_of(id)
    }

    fn drop_longest_idle_of(&mut self, id: OwnerId) -> bool {
        let dropped = self.owners.get_mut(&id).is_some_and(Owner::drop_longest_idle);
        self.open -= usize::from(dropped);
        self.idle -= usize::from(dropped);
        dropped
    }

    /// Takes note of the end of an opening. A failure that is everybody's is told to all who wait, where the pool has
    /// no connection at all.
    pub(super) fn opening_ended(&mut self, lease: &Lease, failure: Option<&TenantError>) {
        let Some(pool) = self.pool_of(lease) else { return };
        pool.opening = false;
        if let Some(error) = failure
            && pool.open == 1
        {
            for waiting in pool.waiting.drain(..) {
                let _ = waiting.send(Grant::Failed(error.clone()));
            }
        }
    }

    /// Gives up the room of a lease. Tells whether its pool has other connections.
    pub(super) fn close(&mut self, lease: &Lease) -> bool {
        self.open -= 1;
        if let Some(owner) = self.owners.get_mut(&lease.name.0) {
            owner.open -= 1;
        }
        self.give_turn(lease.limits(), lease.name.0);
        let Some(pool) = self.pool_of(lease) else { return false };
        pool.open -= 1;
        pool.open > 0
    }

    /// Decides what becomes of a connection that comes back: it goes to the first that waits for it, or else to rest.
    /// It is refused when its pool is gone, or when another pool starves for its room.
    pub(super) fn take_back(&mut self, lease: &Lease, idle: Idle) -> Return {
        let others_starve = !self.turns.is_empty();
        if let Some(pool) = self.pool_of(lease)
            && let Some(waiting) = pool.next_waiting()
        {
            return Return::To(waiting, idle);
        }
        let Some(owner) = self.owners.get_mut(&lease.name.0) else { return Return::Refused(idle) };
        let own_starve = !owner.starving.is_empty();
        match owner.pools.get_mut(&lease.name.1) {
            Some(pool) if pool.generation == lease.generation && !others_starve && !own_starve => {
                pool.idle.push(idle);
                owner.idle += 1;
                self.idle += 1;
                Return::Rests
            }
            _ => Return::Refused(idle),
        }
    }

    /// Finds the next caller that should open a connection: one of this pool, or else of the owner whose turn it is.
    pub(super) fn next_opener(
        &mut self,
        shared: &Arc<Shared>,
        preferred: Option<Name>,
    ) -> Option<(Sender<Grant>, Lease)> {
        if let Some(found) = preferred.and_then(|name| self.opener_of(shared, name)) {
            return Some(found);
        }
        while self.open < shared.limits.total || self.idle > 0 {
            let id = self.turns.pop_front()?;
            if let Some(found) = self.take_turn(shared, id) {
                return Some(found);
            }
        }
        None
    }

    /// Finds the next caller among an owner's starving pools. Others come before its next turn.
    fn take_turn(&mut self, shared: &Arc<Shared>, id: OwnerId) -> Option<(Sender<Grant>, Lease)> {
        self.owners.get_mut(&id)?.has_turn = false;
        loop {
            let connection = self.owners.get_mut(&id)?.next_starving(&shared.limits)?;
            if let Some(found) = self.opener_of(shared, (id, connection)) {
                self.give_turn(&shared.limits, id);
                return Some(found);
            }
        }
    }

    fn opener_of(&mut self, shared: &Arc<Shared>, name: Name) -> Option<(Sender<Grant>, Lease)> {
        let pool = self.pool(name)?;
        let generation = pool.generation;
        let waiting = pool.next_waiting()?;
        if self.reserve(&shared.limits, name) {
            return Some((waiting, Lease::new(shared, name, generation, true)));
        }
        self.pool(name)?.waiting.push_front(waiting);
        self.starve(&shared.limits, name);
        None
    }

    fn remove(&mut self, name: Name) -> Option<Pool> {
        let pool = self.owners.get_mut(&name.0)?.remove(name.1)?;
        self.open -= pool.idle.len();
        self.idle -= pool.idle.len();
        Some(pool)
    }

    pub(super) fn remove_all(&mut self) -> Vec<Pool> {
        let of_owner =
            |(id, owner): (&OwnerId, &Owner)| owner.pools.keys().map(|c| (*id, *c)).collect::<Vec<_>>();
        let names: Vec<Name> = self.owners.iter().flat_map(of_owner).collect();
        names.into_iter().filter_map(|name| self.remove(name)).collect()
    }

    /// Takes out what has rested or lived too long, and forgets pools and owners that have nothing.
    pub(super) fn expired(&mut self, limits: &PoolLimits, now: Instant) -> Vec<Idle> {
        let expired: Vec<_> = self.owners.values_mut().flat_map(|owner| owner.expired(limits, now)).collect();
        self.open -= expired.len();
        self.idle -= expired.len();
        self.owners.retain(|_, owner| owner.open > 0 || !owner.pools.is_empty());
        self.turns.retain(|id| self.owners.contains_key(id));
        expired
    }

    pub(super) fn stats(&self) -> PoolStats {
        let pools = self.owners.values().flat_map(|owner| owner.pools.values());
        let is_there = |waiting: &&Sender<Grant>| !waiting.is_closed();
        let waiting = pools.clone().map(|pool| pool.waiting.iter().filter(is_there).count()).sum();
        PoolStats { pools: pools.count(), open: self.open, idle: self.idle, waiting }
    }

    fn pool(&mut self, name: Name) -> Option<&mut Pool> {
        self.owners.get_mut(&name.0)?.pools.get_mut(&name.1)
    }

    /// The pool that a lease belongs to, if it is still there.
    fn pool_of(&mut self, lease: &Lease) -> Option<&mut Pool> {
        self.pool(lease.name).filter(|pool| pool.generation == lease.generation)
    }
}
