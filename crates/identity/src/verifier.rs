//! Turns tokens into principals.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use postern_domain::Clock;

use crate::{
    AuthError, ConfigError, FetchKeys, IssuerConfig, Principal, Refused,
    cache::TokenCache,
    claims::Unverified,
    failures::Failures,
    issuer::{self, Issuer},
    key_set::algorithm_of,
    key_store::KeyStore,
};

/// Maximum length of a token in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The keys of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetState {
    /// The issuer's name.
    pub issuer: Arc<str>,
    /// Time since its key set was fetched; zero for a secret from a file, `None` while no key set was fetched yet.
    pub age: Option<Duration>,
}

/// Verifies tokens of the configured issuers.
pub struct Verifier {
    issuers: HashMap<Arc<str>, Issuer>,
    cache: TokenCache,
    failures: Arc<Failures>,
    clock: Arc<dyn Clock>,
}

impl Verifier {
    /// Checks the configuration and reads the secret files. Key sets are fetched by [`Verifier::load_key_sets`] or when
    /// the first token asks for them, so that a service starts while an issuer is down.
    pub fn new(
        configs: Vec<IssuerConfig>,
        fetcher: impl FetchKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let epoch = Arc::new(AtomicU64::new(0));
        let fetcher: Arc<dyn FetchKeys> = Arc::new(fetcher);
        let issuers = issuer::configure(configs, &fetcher, &epoch)?;
        Ok(Self { issuers, cache: TokenCache::new(epoch), failures: Arc::default(), clock })
    }

    /// A verifier with another configuration and an empty cache. Key sets of issuers with the same name and URL are
    /// kept, so that nobody is signed out while an issuer is down; they are fetched again on first use.
    pub fn reconfigured(
        &self,
        configs: Vec<IssuerConfig>,
        fetcher: impl FetchKeys,
    ) -> Result<Self, ConfigError> {
        let mut next = Self::new(configs, fetcher, Arc::clone(&self.clock))?;
        next.failures = Arc::clone(&self.failures);
        for (name, issuer) in &next.issuers {
            if let Some(before) = self.issuers.get(name) {
                issuer.take_over(before);
            }
        }
        Ok(next)
    }

    /// The state of each issuer's keys, in no particular order.
    pub fn key_sets(&self) -> Vec<KeySetState> {
        let state = |issuer: &Issuer| KeySetState {
            issuer: issuer.name(),
            age: issuer.published().map_or(Some(Duration::ZERO), |store| store.age()),
        };
        self.issuers.values().map(state).collect()
    }

    /// Fetches the key sets that were never fetched, all at once, and waits for the attempts. Tried at most every two
    /// seconds; calls in between wait for nothing.
    pub async fn load_key_sets(&self) {
        let stores = self.issuers.values().filter_map(Issuer::published);
        let attempts: Vec<_> = stores.filter_map(KeyStore::load_first).collect();
        for mut ended in attempts {
            // Nothing is ever sent: the wait ends when the sender is dropped.
            let _ = ended.changed().await;
        }
    }

    /// How often a token was found among those verified a moment ago, and how often not.
    pub fn cache_counts(&self) -> (u64, u64) {
        self.cache.counts()
    }

    /// Who a token speaks for. Waits only when an issuer's key set has to be fetched, at most 5 s.
    pub async fn verify(&self, token: &str) -> Result<Principal, AuthError> {
        self.identify(token, None).await.map_err(|refused| refused.error)
    }

    /// [`Verifier::verify`]; a refusal also names the issuer, if the token is its own. With the address of the caller,
    /// the wrong signatures that it may send are bounded.
    pub async fn identify(&self, token: &str, from: Option<IpAddr>) -> Result<Principal, Refused> {
        if token.is_empty() {
            return Err(AuthError::TokenMissing.into());
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::TokenTooLarge.into());
        }
        let now = self.clock.now();
        let digest = TokenCache::digest(token);
        if let Some(principal) = self.cache.get(&digest, now) {
            return Ok(principal);
        }
        let epoch = self.cache.epoch();
        let principal = self.verify_bounded(token, now, from).await?;
        self.cache.insert(digest, &principal, now, epoch);
        Ok(principal)
    }

    async fn verify_bounded(
        &self,
        token: &str,
        now: Duration,
        from: Option<IpAddr>,
    ) -> Result<Principal, Refused> {
        if from.is_some_and(|from| !self.failures.may_try(from)) {
            return Err(AuthError::TooManyFailures.into());
        }
        let verified = self.verify_anew(token, now).await;
        if let (Err(Refused { error: AuthError::SignatureInvalid, .. }), Some(from)) = (&verified, from) {
            self.failures.count(from);
        }
        verified
    }

    async fn verify_anew(&self, token: &str, now: Duration) -> Result<Principal, Refused> {
        let unverified = Unverified::parse(token)?;
        let issuer = unverified.issuer.as_deref().and_then(|name| self.issuers.get(name));
        let issuer = issuer.ok_or(AuthError::IssuerUnknown)?;
        // Judged again afterwards; here it spares the verification of tokens that a client sends on and on.
        issuer.refuse_expired(unverified.expires_at, now)?;
        let algorithm = algorithm_of(&unverified.algorithm).ok_or(AuthError::AlgorithmRefused)?;
        let key = issuer.key(unverified.key_id.as_deref()).await?;
        if algorithm != key.algorithm {
            return Err(AuthError::AlgorithmRefused.into());
        }
        let claims = unverified.verify(&key)?;
        let admitted = issuer.admit(&claims, now);
        admitted.map_err(|error| Refused { error, issuer: Some(issuer.name()) })
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "forgery_tests.rs"]
mod forgery_tests;
