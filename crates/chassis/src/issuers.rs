//! Trying issuers without a service, for the command line.

use anyhow::{Context, Result};
use postern_identity::try_key_set;

use crate::{config::Issuers, key_fetcher::KeyFetcher};

/// Fetches each issuer's key set once, through the guarded way out that a service with this configuration has. Names
/// the issuers, each with why its key set cannot be used. Those whose secret is in a file are not fetched.
pub async fn fetch_key_sets(
    Issuers { issuers, egress }: Issuers,
) -> Result<Vec<(String, Result<(), String>)>> {
    let fetcher = KeyFetcher::new(&issuers, egress)?;
    let mut outcomes = Vec::with_capacity(issuers.len());
    for issuer in issuers {
        let outcome = try_key_set(&issuer, &fetcher).await.context("issuers")?;
        outcomes.push((issuer.issuer, outcome));
    }
    Ok(outcomes)
}
