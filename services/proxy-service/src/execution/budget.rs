//! Memory for the parts of results that are longer than an ordinary batch.
//!
//! Ordinary batches need no reservation: each call has room for two of them, and the number of calls is bounded. A row
//! can have 16 MiB, though, and every call could have one. All such parts share one budget, of which one owner may have
//! a quarter, so that results of others go on.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Parts up to this size need no reservation.
const ORDINARY: usize = 128 * 1024;

/// The unit that budgets are counted in.
const UNIT: usize = 1024;

/// The share of the budget that one owner may have: one part in this many.
const SHARE: usize = 4;

/// The budget of the process.
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    per_owner: usize,
}

/// One owner's share of it.
#[derive(Clone)]
pub(crate) struct OwnerBudget {
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
    most: usize,
}

/// Bytes that are reserved until this is dropped.
pub(crate) struct Reservation {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let units = (bytes / UNIT).max(SHARE);
        Self { units: Arc::new(Semaphore::new(units)), per_owner: units / SHARE }
    }

    /// A share for an owner that has no call in progress yet.
    pub(crate) fn for_owner(&self) -> OwnerBudget {
        OwnerBudget {
            own: Arc::new(Semaphore::new(self.per_owner)),
            all: Arc::clone(&self.units),
            most: self.per_owner,
        }
    }
}

impl OwnerBudget {
    /// Waits until a part of this many bytes fits; at once for an ordinary one. A part that is longer than the owner's
    /// share has the whole share.
    pub(crate) async fn reserve(&self, bytes: usize) -> Option<Reservation> {
        if bytes <= ORDINARY {
            return None;
        }
        let units = u32::try_from(bytes.div_ceil(UNIT).min(self.most)).unwrap_or(u32::MAX);
        // The owner's share comes first: who waits for it holds nothing that others wait for.
        let own = Arc::clone(&self.own).acquire_many_owned(units).await.ok()?;
        let all = Arc::clone(&self.all).acquire_many_owned(units).await.ok()?;
        Some(Reservation { _own: own, _all: all })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const MIB: usize = 1024 * 1024;
    const NEVER: Duration = Duration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn one_owner_has_a_quarter_and_leaves_the_rest_to_others() {
        let budget = Budget::new(64 * MIB);
        let (greedy, other) = (budget.for_owner(), budget.for_owner());
        let held = greedy.reserve(16 * MIB).await;
        assert!(held.is_some());
        assert!(timeout(NEVER, greedy.reserve(MIB)).await.is_err(), "the share is used up");
        assert!(timeout(NEVER, other.reserve(16 * MIB)).await.is_ok());
        drop(held);
        assert!(timeout(NEVER, greedy.reserve(MIB)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn ordinary_parts_never_wait_and_the_longest_always_fits() {
        let budget = Budget::new(8 * MIB);
        let owner = budget.for_owner();
        let held = owner.reserve(100 * MIB).await;
        assert!(held.is_some(), "longer than the whole budget");
        assert!(timeout(NEVER, owner.reserve(ORDINARY)).await.unwrap().is_none());
    }
}
