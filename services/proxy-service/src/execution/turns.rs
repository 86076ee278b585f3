//! Turns at something scarce, owner by owner.
//!
//! First come, first served would let an owner with a thousand waiting calls delay everybody else by a thousand turns.
//! Here an owner that waits gets every n-th turn, where n is the number of owners that wait.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use postern_domain::OwnerId;
use tokio::sync::oneshot::{self, Sender};

/// Hands out a bounded number of turns.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<Queues>>);

struct Queues {
    free: usize,
    /// Owners that wait, in the order of their turns.
    order: VecDeque<OwnerId>,
    /// Their waiters, first come, first served.
    waiters: HashMap<OwnerId, VecDeque<Sender<Turn>>>,
}

/// A turn; it ends when it is dropped.
pub(crate) struct Turn(Option<Turns>);

impl Turns {
    /// Turns that this many may have at once.
    pub(crate) fn new(at_once: usize) -> Self {
        let queues = Queues { free: at_once, order: VecDeque::new(), waiters: HashMap::new() };
        Self(Arc::new(Mutex::new(queues)))
    }

    /// Waits for a turn. Dropping the future gives the place in the queue up.
    pub(crate) async fn take(&self, owner: OwnerId) -> Turn {
        let granted = {
            let mut queues = self.lock();
            if queues.free > 0 {
                queues.free -= 1;
                return Turn(Some(self.clone()));
            }
            queues.enqueue(owner)
        };
        granted.await.expect("a waiter leaves the queue with its turn")
    }

    fn pass_on(self) {
        let next = self.lock().next();
        // A waiter that has just gone drops its turn, which passes it on again.
        if let Some(waiter) = next {
            drop(waiter.send(Turn(Some(self))));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn enqueue(&mut self, owner: OwnerId) -> oneshot::Receiver<Turn> {
        let (waiter, granted) = oneshot::channel();
        let waiters = self.waiters.entry(owner).or_default();
        if waiters.is_empty() {
            self.order.push_back(owner);
        }
        waiters.push_back(waiter);
        granted
    }

    /// The next waiter; without one, the turn becomes free.
    fn next(&mut self) -> Option<Sender<Turn>> {
        while let Some(owner) = self.order.pop_front() {
            let Some(waiters) = self.waiters.get_mut(&owner) else { continue };
            let next = std::iter::from_fn(|| waiters.pop_front()).find(|waiter| !waiter.is_closed());
            if waiters.is_empty() {
                self.waiters.remove(&owner);
            } else {
                self.order.push_back(owner);
            }
            if next.is_some() {
                return next;
            }
        }
        self.free += 1;
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Poll};

    use futures_util::{FutureExt, poll};
    use uuid::Uuid;

    use super::*;

    fn owner(number: u128) -> OwnerId {
        OwnerId(Uuid::from_u128(number))
    }

    async fn is_pending(future: impl Future<Output = Turn> + Unpin) -> bool {
        matches!(poll!(future), Poll::Pending)
    }

    #[tokio::test]
    async fn an_owner_with_many_waiters_does_not_delay_the_others() {
        let turns = Turns::new(1);
        let held = turns.take(owner(1)).await;
        let mut many: Vec<_> = (0..100).map(|_| Box::pin(turns.take(owner(1)))).collect();
        for waiting in &mut many {
            assert!(is_pending(waiting).await);
        }
        let mut late = pin!(turns.take(owner(2)));
        assert!(is_pending(&mut late).await);
        drop(held);
        let first = many[0].as_mut().now_or_never().expect("the owner that waited first comes first");
        drop(first);
        assert!(late.now_or_never().is_some(), "the other owner is next");
    }

    #[tokio::test]
    async fn a_turn_is_not_lost_with_a_waiter_that_goes_away() {
        let turns = Turns::new(1);
        let held = turns.take(owner(1)).await;
        let mut gone = Box::pin(turns.take(owner(1)));
        let mut next = pin!(turns.take(owner(2)));
        assert!(is_pending(&mut gone).await && is_pending(&mut next).await);
        drop(gone);
        drop(held);
        let turn = next.now_or_never().expect("passed over the one that is gone");
        drop(turn);
        assert_eq!(turns.lock().free, 1);
        assert!(turns.lock().waiters.is_empty() && turns.lock().order.is_empty());
    }

    #[tokio::test]
    async fn a_waiter_that_goes_away_with_its_turn_passes_it_on() {
        let turns = Turns::new(1);
        let held = turns.take(owner(1)).await;
        let mut gone = Box::pin(turns.take(owner(1)));
        assert!(is_pending(&mut gone).await);
        drop(held);
        drop(gone);
        assert!(turns.take(owner(2)).now_or_never().is_some());
    }
}
