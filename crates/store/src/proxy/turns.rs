//! Turns at something scarce, owner by owner.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postern_domain::OwnerId;
use tokio::sync::oneshot::{self, Sender};

use crate::fair::FairQueue;

/// Hands out a bounded number of turns.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    waiters: FairQueue<Sender<Turn>>,
}

/// A turn; it ends when it is dropped.
pub(crate) struct Turn(Option<Turns>);

impl Turns {
    /// Turns that this many may have at once.
    pub(crate) fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: at_once, waiters: FairQueue::default() })))
    }

    /// Waits for a turn. Dropping the future gives the place in the queue up.
    pub(crate) async fn take(&self, owner: OwnerId) -> Turn {
        let granted = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return Turn(Some(self.clone()));
            }
            let (waiter, granted) = oneshot::channel();
            state.waiters.push(owner, waiter);
            granted
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next waiter; without one, the turn becomes free.
    fn next(&mut self) -> Option<Sender<Turn>> {
        while let Some((_, waiter)) = self.waiters.pop() {
            if !waiter.is_closed() {
                return Some(waiter);
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
        let turns = Turns::new(1);
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
        let turns = Turns::new(1);
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
        let turns = Turns::new(1);
        let held = turns.take(owner(1)).await;
        let mut gone = Box::pin(turns.take(owner(1)));
        assert!(is_pending(&mut gone));
        drop(held);
        drop(gone);
        assert!(turns.take(owner(2)).now_or_never().is_some());
    }
}
