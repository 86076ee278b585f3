//! Issuers, key sets, and turning a bearer token into a [`Principal`].
//!
//! A [`Verifier`] is built from the operator's [`IssuerConfig`]s. It does not trust the contents of an
//! unverified token: `iss` only selects a configured issuer, that issuer's key set comes from a configured URL or file,
//! and each key has exactly one algorithm. Only [`Verifier::verify`] makes a [`Principal`].
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use postern_domain::SystemClock;
//! # use postern_egress::{Dialer, Policy, SystemResolver, http::HttpClient, tls};
//! # use postern_identity::{BearerToken, IssuerConfig, Verifier};
//! # async fn example(issuers: Vec<IssuerConfig>, headers: http::HeaderMap) -> Result<(), Box<dyn std::error::Error>> {
//! let dialer = Dialer::new(Policy::default(), Arc::new(SystemResolver::default()));
//! let fetcher = HttpClient::new(dialer, tls::client_config(None)?);
//! let verifier = Verifier::new(issuers, fetcher, Arc::new(SystemClock))?;
//! let principal = verifier.verify(BearerToken::from_headers(&headers)?.as_str()).await?;
//! # Ok(()) }
//! ```

mod bearer;
mod cache;
mod claim_rules;
mod claims;
mod config;
mod error;
mod failures;
mod issuer;
mod key_set;
mod key_source;
mod key_store;
mod principal;
mod verifier;

#[cfg(test)]
mod test_support;

pub use bearer::BearerToken;
pub use config::{ClaimValue, ConfigError, IssuerConfig, SubjectMapping};
pub use error::{AuthError, Refused};
pub use issuer::try_key_set;
pub use key_source::{FetchKeys, Fetching};
pub use principal::{Principal, owner_of};
pub use verifier::{KeySetState, MAX_TOKEN_BYTES, Verifier};
