//! A key set from a URL: fetched on first use, cached, and refreshed at a limited rate.

use std::{
    fmt::Display,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use postern_egress::{
    EgressError, HttpUrl,
    http::{HttpClient, HttpError},
};
use sha2::{Digest, Sha256};
use tokio::{sync::watch, time::Instant};

use crate::{
    AuthError,
    key_set::{KeySet, VerifyingKey},
};

/// The future of [`FetchKeys`].
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Bytes, HttpError>> + Send + 'a>>;

/// A source of key sets.
pub trait FetchKeys: Send + Sync + 'static {
    /// Fetches the document at a configured URL, with limits of its own.
    fn fetch<'a>(&'a self, url: &'a HttpUrl) -> Fetching<'a>;
}

/// Limits of one fetch.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
const FETCH_DEADLINE: Duration = Duration::from_secs(5);

/// Minimum interval between fetches of one set, whatever key ids tokens contain.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);

/// The same until the first set has been fetched, while nobody can sign in.
const FIRST_LOAD_INTERVAL: Duration = Duration::from_secs(2);

/// Age at which a set is refreshed. It stays in use meanwhile.
const STALE_AFTER: Duration = Duration::from_mins(10);

impl FetchKeys for HttpClient {
    fn fetch<'a>(&'a self, url: &'a HttpUrl) -> Fetching<'a> {
        Box::pin(self.get(url, MAX_DOCUMENT_BYTES, FETCH_DEADLINE))
    }
}

impl<F: FetchKeys + ?Sized> FetchKeys for Arc<F> {
    fn fetch<'a>(&'a self, url: &'a HttpUrl) -> Fetching<'a> {
        (**self).fetch(url)
    }
}

/// One issuer's published key set.
pub(crate) struct KeyStore {
    url: HttpUrl,
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
    /// When to refresh it.
    due: Instant,
}

/// The latest fetch: when it started, and a channel that is closed when it ends.
struct Flight {
    began: Instant,
    ended: watch::Receiver<()>,
}

impl KeyStore {
    pub(crate) fn new(url: HttpUrl, fetcher: Arc<dyn FetchKeys>, epoch: Arc<AtomicU64>) -> Self {
        Self { url, fetcher, loaded: ArcSwapOption::empty(), flight: Mutex::new(None), epoch }
    }

    /// Keeps the set of another store for the same URL until it has been fetched again, which the first use triggers.
    pub(crate) fn take_over(&self, other: &Self) {
        let loaded = other.loaded.load_full().filter(|_| self.url == other.url);
        let due = |loaded: Arc<Loaded>| Arc::new(Loaded { due: Instant::now(), ..(*loaded).clone() });
        self.loaded.store(loaded.map(due));
    }

    /// The key for a token with this `kid`. An unknown `kid` may be new, so the set is refreshed, once for
    /// all waiting callers, and not if it was fetched a short while ago.
    pub(crate) async fn find(self: &Arc<Self>, id: Option<&str>) -> Result<Arc<VerifyingKey>, AuthError> {
        if let Some(loaded) = self.loaded.load_full() {
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
        let loaded = self.loaded.load_full().ok_or(AuthError::KeysUnavailable)?;
        loaded.keys.find(id).ok_or(AuthError::KeyUnknown)
    }

    /// Joins the fetch in progress or starts one; `None` if the last one is too recent.
    fn refresh(self: &Arc<Self>) -> Option<watch::Receiver<()>> {
        let interval = if self.loaded.load().is_some() { REFRESH_INTERVAL } else { FIRST_LOAD_INTERVAL };
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
        let document = match self.fetcher.fetch(&self.url).await {
            Ok(document) => document,
            Err(error) => return self.log_failure(&error, advice(&error)),
        };
        let Ok(keys) = KeySet::parse(&document) else {
            return self.log_failure("the response is not a JWK set", "Check the URL.");
        };
        let digest = Sha256::digest(&document).into();
        let old = self.loaded.swap(Some(Arc::new(Loaded {
            keys: Arc::new(keys),
            digest,
            due: Instant::now() + STALE_AFTER,
        })));
        if old.is_some_and(|old| old.digest != digest) {
            // Increased after the swap: results of the old set were cached with the previous epoch.
            self.epoch.fetch_add(1, Ordering::AcqRel);
            tracing::info!(url = %self.url, "a key set has changed; cached tokens will be verified again");
        }
    }

    fn log_failure(&self, error: impl Display, advice: &str) {
        let url = &self.url;
        if self.loaded.load().is_some() {
            tracing::warn!(%url, %error, advice, "a key set could not be fetched; the previous one stays in use");
        } else {
            tracing::error!(%url, %error, advice, "a key set could not be fetched; its issuer's tokens are refused");
        }
    }
}

/// What an operator can do. The texts of the errors are for users who enter the host of a tenant.
fn advice(error: &HttpError) -> &'static str {
    match error {
        HttpError::Egress(EgressError::PortRefused { .. }) => "Add the port to ports in [egress].",
        HttpError::Egress(EgressError::NameRefused) => "Add the host's name to allow_names in [egress].",
        HttpError::Egress(EgressError::AddressRefused(_)) => "Add the host's network to allow in [egress].",
        HttpError::Tls(_) => "Check the server's certificate.",
        _ => "Check that the issuer is running and reachable from here.",
    }
}

#[cfg(test)]
#[path = "key_store_tests.rs"]
mod tests;
