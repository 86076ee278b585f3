//! One configured issuer: its keys, and its rules for claims.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use postern_domain::Secret;

use crate::{
    AuthError, ConfigError, FetchKeys, IssuerConfig, Principal, SubjectMapping,
    claim_rules::ClaimRules,
    claims::{Claims, Registered},
    config::{MAX_LEEWAY_SECONDS, MIN_KEY_SET_AGE_SECONDS, MIN_TOKEN_LIFETIME_SECONDS},
    key_set::{KeySet, VerifyingKey},
    key_source::KeySource,
    key_store::KeyStore,
};

/// One issuer with a valid configuration.
pub(crate) struct Issuer {
    name: Arc<str>,
    audiences: Vec<String>,
    keys: Keys,
    subject: SubjectMapping,
    rules: ClaimRules,
    max_token_lifetime: Duration,
    leeway: Duration,
}

enum Keys {
    Fixed(KeySet),
    Published(Arc<KeyStore>),
}

/// Minimum length of an HS256 secret in bytes (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// Checks the configuration as a whole, and returns the issuers by name.
pub(crate) fn configure(
    configs: Vec<IssuerConfig>,
    fetcher: &Arc<dyn FetchKeys>,
    epoch: &Arc<AtomicU64>,
) -> Result<HashMap<Arc<str>, Issuer>, ConfigError> {
    if configs.iter().filter(|c| c.subject == SubjectMapping::Uuid).count() > 1 {
        return Err(ConfigError::SeveralUuidIssuers);
    }
    let mut issuers = HashMap::new();
    for config in configs {
        let issuer = Issuer::new(config, fetcher, epoch)?;
        let name = Arc::clone(&issuer.name);
        if issuers.insert(Arc::clone(&name), issuer).is_some() {
            return Err(ConfigError::Duplicate(name.to_string()));
        }
    }
    if issuers.is_empty() { Err(ConfigError::NoIssuer) } else { Ok(issuers) }
}

impl Issuer {
    fn new(
        config: IssuerConfig,
        fetcher: &Arc<dyn FetchKeys>,
        epoch: &Arc<AtomicU64>,
    ) -> Result<Self, ConfigError> {
        check(&config)?;
        let keys = keys_of(&config, fetcher, epoch)?;
        let rules = ClaimRules::new(&config.issuer, config.required_claims, config.forbidden_claims)?;
        Ok(Self {
            name: config.issuer.into(),
            audiences: config.audience,
            keys,
            subject: config.subject,
            rules,
            max_token_lifetime: Duration::from_secs(config.max_token_lifetime_seconds),
            leeway: Duration::from_secs(config.leeway_seconds),
        })
    }

    /// Keeps the key set of the issuer that had this name in the previous configuration.
    pub(crate) fn take_over(&self, before: &Self) {
        if let (Keys::Published(store), Keys::Published(before)) = (&self.keys, &before.keys) {
            store.take_over(before);
        }
    }

    /// The key for a token with this `kid`.
    pub(crate) async fn key(&self, id: Option<&str>) -> Result<Arc<VerifyingKey>, AuthError> {
        match &self.keys {
            Keys::Fixed(set) => set.find(id).ok_or(AuthError::KeyUnknown),
            Keys::Published(store) => store.find(id).await,
        }
    }

    /// Its published key set, if it has one.
    pub(crate) fn published(&self) -> Option<&Arc<KeyStore>> {
        match &self.keys {
            Keys::Fixed(_) => None,
            Keys::Published(store) => Some(store),
        }
    }

    /// The `iss` of its tokens.
    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Refuses a token that expired at this time.
    pub(crate) fn refuse_expired(&self, at: Option<Duration>, now: Duration) -> Result<(), AuthError> {
        let expired = at.is_some_and(|at| now >= at.saturating_add(self.leeway));
        if expired { Err(AuthError::TokenExpired) } else { Ok(()) }
    }

    /// The rules on claims.
    pub(crate) fn admit(&self, claims: &Claims, now: Duration) -> Result<Principal, AuthError> {
        let Registered { iss, aud, sub, exp, nbf, iat, jti } = &claims.registered;
        if iss.as_deref() != Some(&*self.name) {
            return Err(AuthError::IssuerUnknown);
        }
        if !self.audiences.iter().any(|ours| aud.as_ref().is_some_and(|aud| aud.contains(ours))) {
            return Err(AuthError::AudienceWrong);
        }
        let expires_at = exp.as_ref().ok_or(AuthError::ExpiryMissing)?.0;
        self.refuse_expired(Some(expires_at), now)?;
        if nbf.as_ref().is_some_and(|nbf| now.saturating_add(self.leeway) < nbf.0) {
            return Err(AuthError::TokenNotYetValid);
        }
        // An issuer whose clock is ahead must not make a token look older than it is, nor its lifetime shorter.
        let issued_at = iat.as_ref().map_or(now, |iat| iat.0.min(now));
        if expires_at.saturating_sub(issued_at) > self.max_token_lifetime {
            return Err(AuthError::LifetimeTooLong);
        }
        self.rules.check(&claims.all)?;
        let subject = sub.as_deref().ok_or(AuthError::SubjectInvalid)?;
        let token_id = jti.as_ref().map(|id| Arc::clone(&id.0));
        Principal::new(&self.name, self.subject, subject, token_id, expires_at)
    }
}

/// The rules on single fields.
fn check(config: &IssuerConfig) -> Result<(), ConfigError> {
    let issuer = || config.issuer.clone();
    let no_audience = config.audience.is_empty() || config.audience.iter().any(String::is_empty);
    let fields = [("issuer", config.issuer.is_empty()), ("audience", no_audience)];
    if let Some((field, _)) = fields.into_iter().find(|(_, empty)| *empty) {
        return Err(ConfigError::Empty { issuer: issuer(), field });
    }
    if config.leeway_seconds > MAX_LEEWAY_SECONDS {
        return Err(ConfigError::Leeway(issuer()));
    }
    if config.max_token_lifetime_seconds < MIN_TOKEN_LIFETIME_SECONDS {
        return Err(ConfigError::TokenLifetime(issuer()));
    }
    if config.ca.is_some() && config.jwks_url.is_none() && !config.discovery {
        return Err(ConfigError::UnusedCa(issuer()));
    }
    if config.max_key_set_age_seconds < MIN_KEY_SET_AGE_SECONDS {
        return Err(ConfigError::KeySetAge(issuer()));
    }
    Ok(())
}

fn keys_of(
    config: &IssuerConfig,
    fetcher: &Arc<dyn FetchKeys>,
    epoch: &Arc<AtomicU64>,
) -> Result<Keys, ConfigError> {
    let issuer = &config.issuer;
    let Some(source) = source_of(config)? else {
        let file =
            config.hs256_secret_file.as_deref().ok_or_else(|| ConfigError::KeySource(issuer.clone()))?;
        return Ok(Keys::Fixed(secret_of(issuer, file)?));
    };
    let max_age = Duration::from_secs(config.max_key_set_age_seconds);
    let store = KeyStore::new(issuer, source, max_age, Arc::clone(fetcher), Arc::clone(epoch));
    Ok(Keys::Published(Arc::new(store)))
}

/// Where the key set is fetched from; `None` if the key is a secret in a file.
fn source_of(config: &IssuerConfig) -> Result<Option<KeySource>, ConfigError> {
    let issuer = &config.issuer;
    match (&config.jwks_url, config.discovery, &config.hs256_secret_file) {
        (Some(url), false, None) => Ok(Some(KeySource::Url(url.clone()))),
        (None, true, None) => {
            KeySource::discovery(issuer).map(Some).ok_or_else(|| ConfigError::Discovery(issuer.clone()))
        }
        (None, false, Some(_)) => Ok(None),
        _ => Err(ConfigError::KeySource(issuer.clone())),
    }
}

/// Fetches an issuer's key set once. The inner error is for an operator, and says what to change.
pub async fn try_key_set(
    config: &IssuerConfig,
    fetcher: &dyn FetchKeys,
) -> Result<Result<(), String>, ConfigError> {
    check(config)?;
    Ok(match source_of(config)? {
        None => Ok(()),
        Some(source) => {
            source.load(fetcher, &config.issuer).await.map(drop).map_err(|error| error.to_string())
        }
    })
}

/// The secret of a file: its bytes without trailing line ends.
fn secret_of(issuer: &str, file: &Path) -> Result<KeySet, ConfigError> {
    let bytes = std::fs::read(file).map_err(|_| ConfigError::SecretUnreadable(issuer.to_owned()))?;
    let secret = Secret::new(bytes);
    let end = secret.expose().iter().rposition(|b| !b"\r\n".contains(b)).map_or(0, |last| last + 1);
    if end < MIN_SECRET_BYTES {
        return Err(ConfigError::SecretTooShort(issuer.to_owned()));
    }
    Ok(KeySet::of_secret(&secret.expose()[..end]))
}

#[cfg(test)]
#[path = "issuer_tests.rs"]
mod tests;
