//! The cost of verifying a user's token, compared with an empty RPC with one caller. Measures a cached token, which is
//! what all but the first of a user's requests within a minute carry, and a new token. ES256, as Supabase recommends.

use std::{iter::Cycle, sync::Arc, vec::IntoIter};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use postern_devkit::issuer::{AUDIENCE, DevIssuer};
use postern_domain::SystemClock;
use postern_egress::HttpUrl;
use postern_identity::{FetchKeys, Fetching, IssuerConfig, Verifier};
use serde_json::json;

use super::{Bench, Figures, Row, Target, crypto};
use crate::client::{Caller, Sample};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "crypto.token.cached",
        what: "verifying a cached token, 1 owner, p50, vs. an empty RPC",
        unit: "µs",
        target: Target::AtMost(0.02),
        measure: |bench| Box::pin(over_empty(bench, 1)),
    },
    Row {
        id: "crypto.token.cold",
        what: "verifying a new token, 20,000 owners, p50, vs. an empty RPC",
        unit: "µs",
        target: Target::AtMost(1.0),
        measure: |bench| Box::pin(over_empty(bench, NEVER_CACHED)),
    },
];

const ISSUER: &str = "https://issuer.example.com";

/// Twice as many tokens as the cache holds, so that each is evicted before it is used again.
const NEVER_CACHED: usize = 20_000;

async fn over_empty(bench: &Bench, tokens: usize) -> Result<Figures> {
    let ours = vec![Verify::new(tokens)?];
    let other = crypto::empty(bench, 1).await?;
    bench.pace.compare(ours, Ok(other), Sample::p50_micros).await
}

struct Verify {
    verifier: Verifier,
    tokens: Cycle<IntoIter<Arc<str>>>,
}

impl Verify {
    fn new(tokens: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let issuer = DevIssuer::load_or_create(ISSUER, &folder.path().join("issuer.pem"))?;
        let minted: Result<Vec<_>> =
            (0..tokens).map(|user| Ok(issuer.mint(&format!("user-{user}"), &SystemClock)?.into())).collect();
        let config = json!({ "issuer": ISSUER, "audience": AUDIENCE, "jwks_url": format!("{ISSUER}/jwks") });
        let issuers: Vec<IssuerConfig> = serde_json::from_value(json!([config]))?;
        let keys = Keys(issuer.jwks().to_string().into());
        let verifier = Verifier::new(issuers, keys, Arc::new(SystemClock)).context("issuers")?;
        Ok(Self { verifier, tokens: minted?.into_iter().cycle() })
    }
}

impl Caller for Verify {
    async fn call(&mut self) -> Result<()> {
        let token = self.tokens.next().context("no tokens")?;
        let principal = self.verifier.verify(&token).await?;
        ensure!(principal.issuer() == ISSUER, "the token has a different issuer");
        Ok(())
    }
}

/// Returns the issuer's key set without network access.
struct Keys(Bytes);

impl FetchKeys for Keys {
    fn fetch<'a>(&'a self, _: &str, _: &'a HttpUrl) -> Fetching<'a> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}
