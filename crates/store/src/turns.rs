//! Turns at something scarce, owner by owner.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use postern_domain::OwnerId;
use tokio::sync::oneshot::{self, Sender};

use crate::fair::FairQueue;

/// Hands out a bounded number of turns.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    /// How many one owner may have at once.
    per_owner: usize,
    /// Turns that owners have now.
    held: HashMap<OwnerId, usize>,
    waiters: FairQueue<Sender<Turn>>,
}

/// A turn; it ends when it is dropped.
pub(crate) struct Turn(Option<(Turns, OwnerId)>);

impl Turns {
    /// Turns that this many may have at once, and that one owner may have.
    pub(crate) fn new(at_once: usize, per_owner: usize) -> Self {
        let (held, waiters) = (HashMap::new(), FairQueue::default());
        Self(Arc::new(Mutex::new(State { free: at_once, per_owner, held, waiters })))
    }

    /// Waits for a turn. Dropping the future gives the place in the queue up.
    pub(crate) async fn take(&self, owner: OwnerId) -> Turn {
        let granted = {
            let mut state = self.lock();
            if state.free > 0 && state.may(owner) {
                state.grant(owner);
                return self.turn(owner);
            }
            let (waiter, granted) = oneshot::channel();
            state.waiters.push(owner, waiter);
            granted
        };
        granted.await.expect("a waiter leaves the queue with its turn")
    }

    /// Callers that wait for a turn.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiters.len()
    }

    fn turn(&self, owner: OwnerId) -> Turn {
        Turn(Some((self.clone(), owner)))
    }

    fn pass_on(self, from: OwnerId) {
        let next = self.lock().next(from);
        // A waiter that has just gone drops its turn, which passes it on again.
        if let Some((owner, waiter)) = next {
            drop(waiter.send(self.turn(owner)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may(&self, owner: OwnerId) -> bool {
        self.held.get(&owner).is_none_or(|held| *held < self.per_owner)
    }

    fn grant(&mut self, owner: OwnerId) {
        self.free -= 1;
        *self.held.entry(owner).or_default() += 1;
    }

    /// The next waiter whose owner may have a turn.
    fn pop(&mut self) -> Option<(OwnerId, Sender<Turn>)> {
        let Self { per_owner, held, waiters, .. } = self;
        waiters.pop_of(|owner| held.get(&owner).is_none_or(|held| held < per_owner))
    }

    /// Ends the turn of an owner. The next waiter, which has a turn now; without one, the turn becomes free.
    fn next(&mut self, from: OwnerId) -> Option<(OwnerId, Sender<Turn>)> {
        self.free += 1;
        if let Entry::Occupied(mut held) = self.held.entry(from) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
        while let Some((owner, waiter)) = self.pop() {
            if !waiter.is_closed() {
                self.grant(owner);
                return Some((owner, waiter));
            }
        }
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some((turns, owner)) = self.0.take() {
            turns.pass_on(owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn owner(number: u128) -> OwnerId {
        OwnerId(Uuid::from_u128(number))
    }

    fn is_pending(future: impl Future<Output = Turn> + Unpin) -> bool {
        future.now_or_never().is_none()
    }

    #[tokio::test]
    async fn an_owner_with_many_waiters_does_not_delay_the_others() {
        let turns = Turns::new(1, 1);
        let held = turns.take(owner(1)).await;
        let mut many: Vec<_> = (0..100).map(|_| Box::pin(turns.take(owner(1)))).collect();
        for waiting in &mut many {
            assert!(is_pending(waiting));
        }
        let mut late = pin!(turns.take(owner(2)));
        assert!(is_pending(&mut late));
        drop(held);
        let first = many[0].as_mut().now_or_never().expect("the owner that waited first comes first");
        drop(first);
        assert!(late.now_or_never().is_some(), "the other owner is next");
    }

    #[tokio::test]
    async fn a_turn_is_not_lost_with_a_waiter_that_goes_away() {
        let turns = Turns::new(1, 1);
        let held = turns.take(owner(1)).await;
        let mut gone = Box::pin(turns.take(owner(1)));
        let mut next = pin!(turns.take(owner(2)));
        assert!(is_pending(&mut gone) && is_pending(&mut next));
        drop(gone);
        drop(held);
        let turn = next.now_or_never().expect("passed over the one that is gone");
        drop(turn);
        assert_eq!(turns.lock().free, 1);
        assert!(turns.lock().waiters.is_empty());
    }

    #[tokio::test]
    async fn a_waiter_that_goes_away_with_its_turn_passes_it_on() {
        let turns = Turns::new(1, 1);
        let held = turns.take(owner(1)).await;
        let mut gone = Box::pin(turns.take(owner(1)));
        assert!(is_pending(&mut gone));
        drop(held);
        drop(gone);
        assert!(turns.take(owner(2)).now_or_never().is_some());
    }

    #[tokio::test]
    async fn an_owner_has_at_most_its_share_and_leaves_the_rest_to_others() {
        let turns = Turns::new(3, 2);
        let first = turns.take(owner(1)).await;
        let _second = turns.take(owner(1)).await;
        let mut third = pin!(turns.take(owner(1)));
        assert!(is_pending(&mut third), "one is free, and not for this owner");
        let other = turns.take(owner(2)).now_or_never().expect("it is free for another");
        let mut waits = pin!(turns.take(owner(2)));
        assert!(is_pending(&mut waits));
        drop(other);
        let other = waits.now_or_never().expect("the owner that has its share is passed over");
        drop(first);
        assert!(third.now_or_never().is_some(), "the owner has room again");
        drop(other);
        let state = turns.lock();
        assert_eq!(state.held.values().sum::<usize>() + state.free, 3);
    }
}
