//! Remembers seals that cannot be opened, so that later walks of the same job do not send them again.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use postern_store::{Place, StoredSeal};

/// Maximum number of remembered seals, a few megabytes. Further ones are sent again with each walk.
const REMEMBERED: usize = 100_000;

/// Identified by the seal and not only by the row, because a row may have been saved again since.
#[derive(Default)]
pub(crate) struct BrokenSeals {
    hasher: RandomState,
    seen: HashSet<u64>,
}

impl BrokenSeals {
    pub(crate) fn remember(&mut self, place: &Place, seal: &StoredSeal) {
        if self.seen.len() < REMEMBERED {
            self.seen.insert(self.digest(place, seal));
        }
    }

    pub(crate) fn has(&self, place: &Place, seal: &StoredSeal) -> bool {
        self.seen.contains(&self.digest(place, seal))
    }

    /// Covers everything that decides whether a seal can be opened.
    fn digest(&self, place: &Place, seal: &StoredSeal) -> u64 {
        let StoredSeal { kind, endpoint, secret } = seal;
        self.hasher.hash_one((place, kind.as_str(), endpoint.0, secret.id.0, &secret.sealed))
    }
}
