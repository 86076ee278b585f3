//! Recently verified tokens.
//!
//! Not a cache crate, because entries expire by the injected clock and by the epoch of the key sets. The rest, a limit
//! on the number of entries, takes two maps.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::Principal;

/// SHA-256 of a token. The cache does not contain tokens.
pub(crate) type TokenDigest = [u8; 32];

/// Principals by the digest of their token, for at most [`MAX_AGE`] and [`CAPACITY`] of them.
pub(crate) struct TokenCache {
    shards: [Mutex<Shard>; SHARDS],
    epoch: Arc<AtomicU64>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Maximum time for which a token counts as verified.
pub(crate) const MAX_AGE: Duration = Duration::from_mins(1);

/// Maximum number of entries in all shards.
const CAPACITY: usize = 10_000;
const SHARDS: usize = 16;
const GENERATION: usize = CAPACITY / SHARDS / 2;

/// New entries go to `young`. When it is full, it replaces `old`, whose entries are dropped.
#[derive(Default)]
struct Shard {
    young: HashMap<TokenDigest, Entry>,
    old: HashMap<TokenDigest, Entry>,
}

struct Entry {
    principal: Principal,
    /// Expiry by the wall clock, as in the token.
    until: Duration,
    /// Expiry by the monotonic clock, so that setting the wall clock back does not extend an entry.
    ends: Instant,
    epoch: u64,
}

impl TokenCache {
    /// An empty cache. Its entries become invalid when the epoch changes.
    pub(crate) fn new(epoch: Arc<AtomicU64>) -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self { shards, epoch, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    pub(crate) fn digest(token: &str) -> TokenDigest {
        Sha256::digest(token).into()
    }

    /// The current epoch. Must be read before the keys for verifying a token are looked up.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Hits and misses so far.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    pub(crate) fn get(&self, digest: &TokenDigest, now: Duration) -> Option<Principal> {
        let found = self.find(digest, now);
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    fn find(&self, digest: &TokenDigest, now: Duration) -> Option<Principal> {
        let shard = self.shard(digest).lock().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.young.get(digest).or_else(|| shard.old.get(digest))?;
        let holds = entry.epoch == self.epoch() && now < entry.until && Instant::now() < entry.ends;
        holds.then(|| entry.principal.clone())
    }

    /// Keeps a principal until its token expires, at most [`MAX_AGE`].
    pub(crate) fn insert(&self, digest: TokenDigest, principal: &Principal, now: Duration, epoch: u64) {
        let life = principal.expires_at().saturating_sub(now).min(MAX_AGE);
        let (until, ends) = (now.saturating_add(life), Instant::now() + life);
        let mut shard = self.shard(&digest).lock().unwrap_or_else(PoisonError::into_inner);
        if shard.young.len() >= GENERATION {
            shard.old = std::mem::take(&mut shard.young);
        }
        shard.young.insert(digest, Entry { principal: principal.clone(), until, ends, epoch });
    }

    fn shard(&self, digest: &TokenDigest) -> &Mutex<Shard> {
        &self.shards[usize::from(digest[0]) % SHARDS]
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
