//! Connections that have been read before, by owner, id and version. Endpoint and settings of a version never change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use postern_domain::{ConnectionId, OwnerId, Version};
use tokio::time::Instant;

use crate::{SavedConnection, connections::size};

/// Time after which an entry that is not used is forgotten; at most twice this long.
const IDLE: Duration = Duration::from_mins(10);

/// Entries, and bytes that they take, in both generations together.
const ENTRIES: usize = 20_000;
const BYTES: usize = 64 * 1024 * 1024;

/// The owner is part of the key: one owner's entry never serves another.
pub(crate) type Key = (OwnerId, ConnectionId, Version);

/// A bounded cache. What is used moves to the younger generation; when that is full or old, it becomes the older one,
/// and the older one is forgotten.
#[derive(Default)]
pub(crate) struct Known(Mutex<Generations>);

struct Generations {
    young: HashMap<Key, Arc<SavedConnection>>,
    young_bytes: usize,
    since: Instant,
    old: HashMap<Key, Arc<SavedConnection>>,
}

impl Default for Generations {
    fn default() -> Self {
        Self { young: HashMap::new(), young_bytes: 0, since: Instant::now(), old: HashMap::new() }
    }
}

impl Known {
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<SavedConnection>> {
        let mut generations = self.lock();
        generations.age();
        if let Some(found) = generations.young.get(key) {
            return Some(Arc::clone(found));
        }
        let found = generations.old.remove(key)?;
        generations.insert(*key, Arc::clone(&found));
        Some(found)
    }

    pub(crate) fn insert(&self, key: Key, connection: Arc<SavedConnection>) {
        let mut generations = self.lock();
        generations.age();
        generations.insert(key, connection);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn insert(&mut self, key: Key, connection: Arc<SavedConnection>) {
        let bytes = size(&connection);
        if self.young.len() >= ENTRIES / 2 || self.young_bytes + bytes > BYTES / 2 {
            self.turn_over();
        }
        if self.young.insert(key, connection).is_none() {
            self.young_bytes += bytes;
        }
    }

    fn age(&mut self) {
        let age = self.since.elapsed();
        if age >= IDLE {
            self.turn_over();
        }
        if age >= 2 * IDLE {
            self.turn_over();
        }
    }

    fn turn_over(&mut self) {
        self.old = std::mem::take(&mut self.young);
        self.young_bytes = 0;
        self.since = Instant::now();
    }
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
