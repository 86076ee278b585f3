//! The key set behind a URL: fetched when first needed, kept, refreshed with care.

use std::{
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
    tls::TlsError,
};
use sha2::{Digest, Sha256};
use tokio::{sync::watch, time::Instant};

use crate::{
    AuthError,
    key_set::{KeySet, VerifyingKey},
};

/// What a [`FetchKeys`] gives back.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Bytes, HttpError>> + Send + 'a>>;

/// A source of key sets.
pub trait FetchKeys: Send + Sync + 'static {
    /// Fetches the document behind a configured URL, within bounds of its own.
    fn fetch<'a>(&'a self, url: &'a HttpUrl) -> Fetching<'a>;
}

/// Bounds of one fetch.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
const FETCH_DEADLINE: Duration = Duration::from_secs(5);

/// Time between two fetches of one set, whatever tokens ask for.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);

/// The same before the first set has arrived, while nobody can sign in.
const FIRST_LOAD_INTERVAL: Duration = Duration::from_secs(2);

/// Age at which a set is refreshed, while it goes on being used.
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
    issuer: Arc<str>,
    url: HttpUrl,
    fetcher: Arc<dyn FetchKeys>,
    loaded: ArcSwapOption<Loaded>,
    flight: Mutex<Option<Flight>>,
    /// Shared with the token cache; moves on when the set changes.
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

/// The latest fetch: when it began, and a channel that is closed when it ends.
struct Flight {
    began: Instant,
    ended: watch::Receiver<()>,
}

impl KeyStore {
    pub(crate) fn new(
        issuer: Arc<str>,
        url: HttpUrl,
        fetcher: Arc<dyn FetchKeys>,
        epoch: Arc<AtomicU64>,
    ) -> Self {
        Self { issuer, url, fetcher, loaded: ArcSwapOption::empty(), flight: Mutex::new(None), epoch }
    }

    /// Time since the set in use was fetched; `None` before the first one.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.loaded.load().as_ref().map(|loaded| loaded.fetched_at.elapsed())
    }

    /// Begins to fetch the set if there is none yet. The channel is closed when the attempt ends.
    pub(crate) fn load_first(self: &Arc<Self>) -> Option<watch::Receiver<()>> {
        if self.loaded.load().is_some() { None } else { self.refresh() }
    }

    /// Goes on with the set of another store, if that is for the same URL, until it has been fetched anew: with the
    /// first token that asks for a key of it.
    pub(crate) fn take_over(&self, other: &Self) {
        let loaded = other.loaded.load_full().filter(|_| self.url == other.url);
        let due = |loaded: Arc<Loaded>| Arc::new(Loaded { due: Instant::now(), ..(*loaded).clone() });
        self.loaded.store(loaded.map(due));
    }

    /// The key for a token with this `kid`. An unknown one may be new: the set is refreshed once, by one
    /// caller for all, unless that was done a short while ago.
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
            // Nothing is ever sent: the wait ends when the sender is dropped.
            let _ = ended.changed().await;
        }
        let loaded = self.loaded.load_full().ok_or(AuthError::KeysUnavailable)?;
        loaded.keys.find(id).ok_or(AuthError::KeyUnknown)
    }

    /// Joins the fetch under way or begins one. Nothing when the last one is too recent.
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
        // A task of its own: callers that go away must not take the refresh, and its turn, with them.
        tokio::spawn(async move {
            store.load().await;
            drop(end);
        });
        Some(ended)
    }

    /// Fetches the set. A failure leaves the old one in use.
    async fn load(&self) {
        let document = match self.fetcher.fetch(&self.url).await {
            Ok(document) => document,
            Err(error) => return self.tell(&for_operator(&error)),
        };
        let Ok(keys) = KeySet::parse(&document) else {
            return self.tell("the answer is not a JWK set");
        };
        let digest = Sha256::digest(&document).into();
        let old = self.loaded.swap(Some(Arc::new(Loaded {
            keys: Arc::new(keys),
            digest,
            fetched_at: Instant::now(),
            due: Instant::now() + STALE_AFTER,
        })));
        if old.is_some_and(|old| old.digest != digest) {
            // After the swap: who verified with the old set has read an epoch that is over now.
            self.epoch.fetch_add(1, Ordering::AcqRel);
            tracing::info!(url = %self.url, "a key set has changed; tokens are verified anew");
        }
    }

    /// Logs why a fetch failed, and what follows from it.
    fn tell(&self, cause: &str) {
        let (issuer, url) = (&*self.issuer, &self.url);
        if self.loaded.load().is_some() {
            tracing::warn!(issuer, %url, cause, "a key set could not be fetched; the one in use stays");
        } else {
            tracing::warn!(
                issuer,
                %url,
                cause,
                "a key set could not be fetched; tokens of this issuer are refused until it can be"
            );
        }
    }
}

/// The texts of the library are for users who save connections; an operator has other means.
fn for_operator(error: &HttpError) -> String {
    match error {
        HttpError::Egress(EgressError::PortRefused { port, allowed }) => {
            format!("port {port} may not be dialled; add it to [egress] ports, which allows {allowed}")
        }
        HttpError::Egress(refused @ (EgressError::AddressRefused(_) | EgressError::NameRefused)) => {
            format!("{refused}, or allow it in [egress]")
        }
        HttpError::Tls(TlsError::UnknownIssuer | TlsError::CaInvalid) => {
            "the server's certificate is signed by an unknown authority; name its CA file in the issuer's `ca`"
                .to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
#[path = "key_store_tests.rs"]
mod tests;
