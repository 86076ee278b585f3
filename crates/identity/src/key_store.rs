//! An issuer's published key set: fetched at start, kept, and refreshed without being flooded.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use sha2::{Digest, Sha256};
use tokio::{sync::watch, time::Instant};

use crate::{
    AuthError, FetchKeys,
    key_set::{KeySet, VerifyingKey},
    key_source::{KeySource, SourceError},
};

/// Time between two fetches of one set, whatever tokens ask for.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);

/// The same until the first set has been fetched, while nobody can sign in.
const FIRST_LOAD_INTERVAL: Duration = Duration::from_secs(2);

/// Age at which a set is refreshed. It stays in use meanwhile.
const STALE_AFTER: Duration = Duration::from_mins(10);

/// One issuer's published key set.
pub(crate) struct KeyStore {
    issuer: Arc<str>,
    source: KeySource,
    /// Age from which a set is not used any more.
    max_age: Duration,
    fetcher: Arc<dyn FetchKeys>,
    loaded: ArcSwapOption<Loaded>,
    flight: Mutex<Option<Flight>>,
    /// Shared with the token cache. Increases when the set changes.
    epoch: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Loaded {
    keys: Arc<KeySet>,
    digest: [u8; 32],
    fetched_at: Instant,
    /// When it is to be refreshed.
    due: Instant,
}

/// The latest fetch: when it started, and a channel that is closed when it ends.
struct Flight {
    began: Instant,
    ended: watch::Receiver<()>,
}

impl KeyStore {
    pub(crate) fn new(
        issuer: &str,
        source: KeySource,
        max_age: Duration,
        fetcher: Arc<dyn FetchKeys>,
        epoch: Arc<AtomicU64>,
    ) -> Self {
        let (loaded, flight) = (ArcSwapOption::empty(), Mutex::new(None));
        Self { issuer: issuer.into(), source, max_age, fetcher, loaded, flight, epoch }
    }

    /// Time since the set in use was fetched; `None` before the first one.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.loaded.load().as_ref().map(|loaded| loaded.fetched_at.elapsed())
    }

    /// Begins to fetch the set if there is none yet. The channel is closed when the attempt ends.
    pub(crate) fn load_first(self: &Arc<Self>) -> Option<watch::Receiver<()>> {
        if self.loaded.load().is_some() { None } else { self.refresh() }
    }

    /// Goes on with the set of another store from the same source, until it has been fetched anew.
    pub(crate) fn take_over(&self, other: &Self) {
        let loaded = other.loaded.load_full().filter(|_| self.source == other.source);
        let due = |loaded: Arc<Loaded>| Arc::new(Loaded { due: Instant::now(), ..(*loaded).clone() });
        self.loaded.store(loaded.map(due));
    }

    /// The key for a token with this `kid`. An unknown `kid` may be new, so the set is refreshed, once for
    /// all waiting callers, and not if it was fetched a short while ago.
    pub(crate) async fn find(self: &Arc<Self>, id: Option<&str>) -> Result<Arc<VerifyingKey>, AuthError> {
        if let Some(loaded) = self.usable() {
            if Instant::now() >= loaded.due {
                drop(self.refresh());
            }
            if let Some(key) = loaded.keys.find(id) {
                return Ok(key);
            }
        }
        if let Some(mut ended) = self.refresh() {
            // Nothing is ever sent. The wait ends when the sender is dropped.
            let _ = ended.changed().await;
        }
        let loaded = self.usable().ok_or(AuthError::KeysUnavailable)?;
        loaded.keys.find(id).ok_or(AuthError::KeyUnknown)
    }

    /// The set, unless it is so old that its keys may have been withdrawn long ago.
    fn usable(&self) -> Option<Arc<Loaded>> {
        self.loaded.load_full().filter(|loaded| loaded.fetched_at.elapsed() < self.max_age)
    }

    /// Joins the fetch under way or begins one. Nothing when the last one is too recent.
    fn refresh(self: &Arc<Self>) -> Option<watch::Receiver<()>> {
        let interval = if self.usable().is_some() { REFRESH_INTERVAL } else { FIRST_LOAD_INTERVAL };
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = &*flight {
            if last.ended.has_changed().is_ok() {
                return Some(last.ended.clone());
            }
            if last.began.elapsed() < interval {
                return None;
            }
        }
        let (end, ended) = watch::channel(());
        *flight = Some(Flight { began: Instant::now(), ended: ended.clone() });
        let store = Arc::clone(self);
        // A separate task, so that a cancelled caller does not cancel the refresh.
        tokio::spawn(async move {
            store.load().await;
            drop(end);
        });
        Some(ended)
    }

    /// Fetches the set. If that fails, the old one stays in use.
    async fn load(&self) {
        let (keys, document) = match self.source.load(&*self.fetcher, &self.issuer).await {
            Ok(loaded) => loaded,
            Err(error) => return self.log_failure(&error),
        };
        let digest = Sha256::digest(&document).into();
        let fetched_at = Instant::now();
        let loaded = Loaded { keys: Arc::new(keys), digest, fetched_at, due: fetched_at + STALE_AFTER };
        let old = self.loaded.swap(Some(Arc::new(loaded)));
        if old.is_some_and(|old| old.digest != digest) {
            // After the swap: a token verified with the old set was cached under the previous epoch.
            self.epoch.fetch_add(1, Ordering::AcqRel);
            tracing::info!(issuer = &*self.issuer, "a key set has changed; tokens are verified anew");
        }
    }

    /// Logs why a fetch failed, and what follows from it.
    fn log_failure(&self, cause: &SourceError) {
        let issuer = &*self.issuer;
        if self.usable().is_some() {
            tracing::warn!(issuer, %cause, "a key set could not be fetched; the one in use stays");
        } else {
            tracing::warn!(
                issuer, %cause,
                "a key set could not be fetched; tokens of this issuer are refused until it can be"
            );
        }
    }
}

#[cfg(test)]
#[path = "key_store_tests.rs"]
mod tests;
