//! Who may start a call now: bounds that hold before anything else is done for it.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use postern_chassis::{Call, call::WeakCall};
use postern_domain::OwnerId;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use super::budget::{Budget, OwnerBudget};

/// Bounds of the calls in progress.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdmissionLimits {
    /// Calls of one user that may be in progress, each until its response has been read to the end. One user with more
    /// would wait for the same few tenant sessions and only take memory from others; too low a number fails pages that
    /// run many queries side by side.
    pub calls_per_owner: NonZeroU32,
    /// Calls of all users. Each takes up to 256 KiB for its result: too high a number runs out of memory, too low a
    /// number refuses users while there is room.
    pub calls: NonZeroU32,
    /// Megabytes for the parts of all results that are longer than 128 KiB, such as rows with large values; one user
    /// has at most a quarter of them. Results wait for their turn when it is too low.
    pub large_result_megabytes: NonZeroU32,
}

impl Default for AdmissionLimits {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).expect("not zero");
        Self { calls_per_owner: number(128), calls: number(2048), large_result_megabytes: number(256) }
    }
}

/// Counts the calls in progress.
pub(crate) struct Admission(Arc<Counts>);

struct Counts {
    limits: AdmissionLimits,
    budget: Budget,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    total: u32,
    /// Owners with at least one call in progress.
    owners: HashMap<OwnerId, Owner>,
    /// All calls by the time when they must be over.
    ends: BTreeMap<End, WeakCall>,
    /// Numbers the calls.
    next: u64,
}

/// When a call must be over, and its number.
type End = (Instant, u64);

struct Owner {
    calls: u32,
    budget: OwnerBudget,
}

/// Leave for one call. To be held until its response body is dropped.
pub(crate) struct Permit {
    counts: Arc<Counts>,
    owner: OwnerId,
    end: End,
    budget: OwnerBudget,
}

/// Why a call was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The owner has as many calls in progress as one may have.
    Owner,
    /// All owners together have.
    Total,
}

impl Admission {
    pub(crate) fn new(limits: AdmissionLimits) -> Self {
        let megabytes = usize::try_from(limits.large_result_megabytes.get()).unwrap_or(usize::MAX);
        let budget = Budget::new(megabytes.saturating_mul(1024 * 1024));
        Self(Arc::new(Counts { limits, budget, calls: Mutex::default() }))
    }

    /// Calls in progress.
    pub(crate) fn in_progress(&self) -> u32 {
        self.0.lock().total
    }

    /// Admits a call that is over at `until`, or refuses it at once. A refused caller can wait by itself,
    /// without taking memory here.
    pub(crate) fn admit(&self, owner: OwnerId, until: Instant, call: &Call) -> Result<Permit, Refusal> {
        self.try_admit(owner, until, call).or_else(|_| {
            self.cut_overdue();
            self.try_admit(owner, until, call)
        })
    }

    /// Ends calls whose time is up and whose callers do not read the response. Nothing else would: a body whose reader
    /// has stalled is not polled.
    fn cut_overdue(&self) {
        let overdue = {
            let mut calls = self.0.lock();
            let later = calls.ends.split_off(&(Instant::now(), 0));
            std::mem::replace(&mut calls.ends, later)
        };
        // Outside the lock, which their permits take.
        overdue.into_values().filter_map(|call| call.upgrade()).for_each(|call| call.cut());
    }

    fn try_admit(&self, owner: OwnerId, until: Instant, call: &Call) -> Result<Permit, Refusal> {
        let counts = &self.0;
        let mut calls = counts.lock();
        let Calls { total, owners, ends, next } = &mut *calls;
        let in_progress = owners.get(&owner).map_or(0, |owner| owner.calls);
        if in_progress >= counts.limits.calls_per_owner.get() {
            return Err(Refusal::Owner);
        }
        if *total >= counts.limits.calls.get() {
            return Err(Refusal::Total);
        }
        let entry =
            owners.entry(owner).or_insert_with(|| Owner { calls: 0, budget: counts.budget.for_owner() });
        entry.calls += 1;
        *total += 1;
        *next += 1;
        let end = (until, *next);
        ends.insert(end, call.downgrade());
        Ok(Permit { counts: Arc::clone(counts), owner, end, budget: entry.budget.clone() })
    }
}

impl Permit {
    /// The owner's share of the memory for large parts.
    pub(crate) fn budget(&self) -> OwnerBudget {
        self.budget.clone()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut calls = self.counts.lock();
        calls.total -= 1;
        calls.ends.remove(&self.end);
        if let Some(owner) = calls.owners.get_mut(&self.owner) {
            owner.calls -= 1;
            if owner.calls == 0 {
                calls.owners.remove(&self.owner);
            }
        }
    }
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    fn admission(per_owner: u32, total: u32) -> Admission {
        let number = |number| NonZeroU32::new(number).unwrap();
        Admission::new(AdmissionLimits {
            calls_per_owner: number(per_owner),
            calls: number(total),
            ..AdmissionLimits::default()
        })
    }

    fn owner(number: u128) -> OwnerId {
        OwnerId(Uuid::from_u128(number))
    }

    fn admit(admission: &Admission, owner: OwnerId) -> Result<Permit, Refusal> {
        admission.admit(owner, Instant::now() + Duration::from_secs(30), &Call::detached())
    }

    /// A client that opens no window keeps its responses, and with them its permits, for as long as it likes.
    #[tokio::test(start_paused = true)]
    async fn calls_that_are_overdue_make_room() {
        let admission = admission(2, 10);
        let calls = [Call::detached(), Call::detached()];
        for call in &calls {
            call.hold(
                admission.admit(owner(1), Instant::now() + Duration::from_secs(30), call).ok().unwrap(),
            );
        }
        tokio::time::advance(Duration::from_secs(29)).await;
        assert_eq!(admit(&admission, owner(1)).err(), Some(Refusal::Owner));
        tokio::time::advance(Duration::from_secs(2)).await;
        let late = admit(&admission, owner(1));
        assert!(late.is_ok());
        assert_eq!(admission.0.lock().total, 1);
        assert_eq!(admission.0.lock().ends.len(), 1);
    }

    #[test]
    fn an_owner_at_the_bound_is_refused_and_others_are_not() {
        let admission = admission(2, 10);
        let first = admit(&admission, owner(1)).ok().unwrap();
        let _second = admit(&admission, owner(1)).ok().unwrap();
        assert_eq!(admit(&admission, owner(1)).err(), Some(Refusal::Owner));
        assert!(admit(&admission, owner(2)).is_ok());
        drop(first);
        assert!(admit(&admission, owner(1)).is_ok());
    }

    #[test]
    fn the_total_bounds_all_owners_together() {
        let admission = admission(2, 3);
        let held: Vec<_> = (1..=3).map(|n| admit(&admission, owner(n)).ok().unwrap()).collect();
        assert_eq!(admit(&admission, owner(4)).err(), Some(Refusal::Total));
        drop(held);
        assert!(admit(&admission, owner(4)).is_ok());
        assert!(admission.0.lock().owners.is_empty(), "nothing is kept of owners without calls");
    }
}
