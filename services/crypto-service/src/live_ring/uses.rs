//! Use counts of keys.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

/// Counts the uses of one key. Shared by all revisions of the ring.
#[derive(Default)]
pub(crate) struct KeyUses {
    seals: AtomicU64,
    opens: AtomicU64,
    /// Last use in seconds since 1970-01-01T00:00:00Z; 0 if never.
    last_use: AtomicU64,
}

/// The counts of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UseCounts {
    /// Seals made.
    pub(crate) seals: u64,
    /// Seals opened.
    pub(crate) opens: u64,
    /// Last use, in seconds since 1970-01-01T00:00:00Z; 0 if never.
    pub(crate) last_use: u64,
}

impl KeyUses {
    /// Continues from these counts.
    pub(crate) fn starting_at(counts: UseCounts) -> Self {
        let UseCounts { seals, opens, last_use } = counts;
        Self { seals: seals.into(), opens: opens.into(), last_use: last_use.into() }
    }

    pub(crate) fn sealed(&self, now: u64) {
        self.seals.fetch_add(1, Relaxed);
        self.used(now);
    }

    pub(crate) fn opened(&self, now: u64) {
        self.opens.fetch_add(1, Relaxed);
        self.used(now);
    }

    pub(crate) fn counts(&self) -> UseCounts {
        UseCounts {
            seals: self.seals.load(Relaxed),
            opens: self.opens.load(Relaxed),
            last_use: self.last_use.load(Relaxed),
        }
    }

    /// Updates the last use, at most once a second, and never to an earlier time.
    fn used(&self, now: u64) {
        if self.last_use.load(Relaxed) < now {
            self.last_use.fetch_max(now, Relaxed);
        }
    }
}

impl UseCounts {
    /// The sum of two counts.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            seals: self.seals.saturating_add(other.seals),
            opens: self.opens.saturating_add(other.opens),
            last_use: self.last_use.max(other.last_use),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_and_the_last_use_does_not_go_back() {
        let uses = KeyUses::starting_at(UseCounts { seals: 5, opens: 7, last_use: 100 });
        uses.sealed(90);
        uses.opened(80);
        assert_eq!(uses.counts(), UseCounts { seals: 6, opens: 8, last_use: 100 });
        uses.opened(101);
        assert_eq!(uses.counts(), UseCounts { seals: 6, opens: 9, last_use: 101 });
    }

    #[test]
    fn hostile_counts_do_not_overflow() {
        let most = UseCounts { seals: u64::MAX, opens: u64::MAX, last_use: u64::MAX };
        assert_eq!(most.plus(most), most);
    }
}
