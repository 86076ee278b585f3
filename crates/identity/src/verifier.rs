//! Turns tokens into principals.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use jsonwebtoken::{Algorithm, errors::ErrorKind};
use postern_domain::Clock;

use crate::{
    AuthError, ConfigError, FetchKeys, IssuerConfig, Principal, Refused,
    cache::TokenCache,
    claims::{Claims, Unverified},
    issuer::{self, Issuer},
};

/// Maximum length of a token in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Verifies tokens of the configured issuers.
pub struct Verifier {
    issuers: HashMap<Arc<str>, Issuer>,
    cache: TokenCache,
    clock: Arc<dyn Clock>,
}

impl Verifier {
    /// Checks the configuration and reads the secret files. Key sets are fetched on first use, so that a service can
    /// start while an issuer is down.
    pub fn new(
        configs: Vec<IssuerConfig>,
        fetcher: impl FetchKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let epoch = Arc::new(AtomicU64::new(0));
        let fetcher: Arc<dyn FetchKeys> = Arc::new(fetcher);
        let issuers = issuer::configure(configs, &fetcher, &epoch)?;
        Ok(Self { issuers, cache: TokenCache::new(epoch), clock })
    }

    /// A verifier with another configuration and an empty cache. Key sets of issuers with the same name and URL are
    /// kept, so that nobody is signed out while an issuer is down; they are fetched again on first use.
    pub fn reconfigured(
        &self,
        configs: Vec<IssuerConfig>,
        fetcher: impl FetchKeys,
    ) -> Result<Self, ConfigError> {
        let next = Self::new(configs, fetcher, Arc::clone(&self.clock))?;
        for (name, issuer) in &next.issuers {
            if let Some(before) = self.issuers.get(name) {
                issuer.take_over(before);
            }
        }
        Ok(next)
    }

    /// The user of a token. Waits only if the issuer's key set has to be fetched, at most 5 s.
    pub async fn verify(&self, token: &str) -> Result<Principal, AuthError> {
        self.identify(token).await.map_err(|refused| refused.error)
    }

    /// [`Verifier::verify`], but a refusal also names the issuer if the token's signature is valid.
    pub async fn identify(&self, token: &str) -> Result<Principal, Refused> {
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
        let principal = self.verify_anew(token, now).await?;
        self.cache.insert(digest, &principal, now, epoch);
        Ok(principal)
    }

    async fn verify_anew(&self, token: &str, now: Duration) -> Result<Principal, Refused> {
        let unverified = Unverified::parse(token)?;
        let issuer = unverified.issuer.as_deref().and_then(|name| self.issuers.get(name));
        let issuer = issuer.ok_or(AuthError::IssuerUnknown)?;
        let algorithm: Algorithm = unverified.algorithm.parse().map_err(|_| AuthError::AlgorithmRefused)?;
        let key = issuer.key(unverified.key_id.as_deref()).await?;
        if algorithm != key.algorithm {
            return Err(AuthError::AlgorithmRefused.into());
        }
        let verified = jsonwebtoken::decode::<Claims>(token, &key.key, &issuer.validation(key.algorithm));
        let verified = verified.map_err(|error| refusal_of(error.kind()))?;
        let admitted = issuer.admit(&verified.claims, now);
        admitted.map_err(|error| Refused { error, issuer: Some(issuer.name()) })
    }
}

/// Maps the library's errors, whose texts may contain parts of the token.
fn refusal_of(kind: &ErrorKind) -> AuthError {
    match kind {
        ErrorKind::InvalidSignature => AuthError::SignatureInvalid,
        ErrorKind::InvalidAlgorithm => AuthError::AlgorithmRefused,
        ErrorKind::InvalidIssuer => AuthError::IssuerUnknown,
        ErrorKind::InvalidAudience => AuthError::AudienceWrong,
        ErrorKind::MissingRequiredClaim(claim) => match claim.as_str() {
            "exp" => AuthError::ExpiryMissing,
            "aud" => AuthError::AudienceWrong,
            "sub" => AuthError::SubjectInvalid,
            _ => AuthError::IssuerUnknown,
        },
        _ => AuthError::TokenMalformed,
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "forgery_tests.rs"]
mod forgery_tests;
