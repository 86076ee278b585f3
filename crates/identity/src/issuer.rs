//! One configured issuer: its keys, and its rules for claims.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use jsonwebtoken::{Algorithm, Validation};
use postern_domain::Secret;

use crate::{
    AuthError, ConfigError, FetchKeys, IssuerConfig, Principal, SubjectMapping,
    claims::Claims,
    config::MAX_LEEWAY_SECONDS,
    key_set::{KeySet, VerifyingKey},
    key_store::KeyStore,
};

/// One issuer with a valid configuration.
pub(crate) struct Issuer {
    name: Arc<str>,
    audience: String,
    keys: Keys,
    subject: SubjectMapping,
    require_role: Option<String>,
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
        let IssuerConfig {
            issuer,
            audience,
            jwks_url,
            hs256_secret_file,
            subject,
            require_role,
            leeway_seconds,
        } = config;
        let texts = [
            ("issuer", Some(&issuer)),
            ("audience", Some(&audience)),
            ("require_role", require_role.as_ref()),
        ];
        let empty = texts.into_iter().find(|(_, text)| text.is_some_and(String::is_empty));
        if let Some(field) = empty.map(|(field, _)| field) {
            return Err(ConfigError::Empty { issuer, field });
        }
        if leeway_seconds > MAX_LEEWAY_SECONDS {
            return Err(ConfigError::Leeway(issuer));
        }
        let keys = match (jwks_url, hs256_secret_file) {
            (Some(url), None) => {
                Keys::Published(Arc::new(KeyStore::new(url, Arc::clone(fetcher), Arc::clone(epoch))))
            }
            (None, Some(file)) => Keys::Fixed(secret_of(&issuer, &file)?),
            _ => return Err(ConfigError::KeySource(issuer)),
        };
        let leeway = Duration::from_secs(leeway_seconds);
        Ok(Self { name: issuer.into(), audience, keys, subject, require_role, leeway })
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

    /// What `jsonwebtoken` checks: everything except the times, which [`Issuer::admit`] checks with the injected clock.
    pub(crate) fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.name]);
        validation.set_audience(&[&self.audience]);
        validation.validate_exp = false;
        validation
    }

    /// The `iss` of its tokens.
    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The rules for claims. All are checked here, including those that the library has checked.
    pub(crate) fn admit(&self, claims: &Claims, now: Duration) -> Result<Principal, AuthError> {
        if claims.iss.as_deref() != Some(&*self.name) {
            return Err(AuthError::IssuerUnknown);
        }
        if !claims.aud.as_ref().is_some_and(|aud| aud.contains(&self.audience)) {
            return Err(AuthError::AudienceWrong);
        }
        let expires_at = claims.exp.as_ref().ok_or(AuthError::ExpiryMissing)?.0;
        if now >= expires_at.saturating_add(self.leeway) {
            return Err(AuthError::TokenExpired);
        }
        if claims.nbf.as_ref().is_some_and(|nbf| now.saturating_add(self.leeway) < nbf.0) {
            return Err(AuthError::TokenNotYetValid);
        }
        if self
            .require_role
            .as_ref()
            .is_some_and(|role| claims.role.as_ref().and_then(|r| r.as_str()) != Some(role))
        {
            return Err(AuthError::RoleWrong);
        }
        let subject = claims.sub.as_deref().ok_or(AuthError::SubjectInvalid)?;
        Principal::new(&self.name, self.subject, subject, expires_at)
    }
}

/// The secret in a file, without trailing line ends.
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
