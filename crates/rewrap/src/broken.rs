//! Seals that do not open, so that no later walk of the same job sends them again.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use postern_store::{Place, StoredSeal};

/// Seals that are remembered: some megabytes. More than these are sent with each walk.
const REMEMBERED: usize = 100_000;

/// Remembers the seals themselves and not only their rows: what was saved since may well open.
#[derive(Default)]
pub(crate) struct BrokenSeals {
    hasher: RandomState,
    seen: HashSet<u64>,
}

impl BrokenSeals {
    pub(crate) fn remember(&mut self, place: Place, seal: &StoredSeal) {
        if self.seen.len() < REMEMBERED {
            self.seen.insert(self.digest(place, seal));
        }
    }

    pub(crate) fn has(&self, place: Place, seal: &StoredSeal) -> bool {
        self.seen.contains(&self.digest(place, seal))
    }

    /// Of all that decides whether a seal opens.
    fn digest(&self, (owner, connection): Place, seal: &StoredSeal) -> u64 {
        let StoredSeal { kind, endpoint, secret, .. } = seal;
        let row = (owner.0, connection.0);
        self.hasher.hash_one((row, kind.as_str(), endpoint.0, secret.id.0, &secret.sealed))
    }
}
