//! `postern rewrap` in the background, at intervals.
//!
//! Off unless configured, for it gives this service a second database role, which reads and replaces the seals of all
//! owners. The service still opens none.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use anyhow::{Context, Result};
use postern_chassis::{
    Lifecycle,
    config::{CryptoClientConfig, DatabaseConfig},
    mtls::{self, CryptoChannel},
};
use postern_rewrap::{Job, Report, RewrapError};
use postern_store::RewrapStore;
use schemars::JsonSchema;
use serde::Deserialize;

/// How to rewrap.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RewrapConfig {
    /// The control database, with the role `postern_rewrap`.
    pub database: DatabaseConfig,
    /// Seconds from the end of one run to the next. A run that finds nothing to do costs one scan of the seals.
    #[serde(default = "hour")]
    pub interval_seconds: NonZeroU64,
    /// Limit of seals per second, for all replicas of this service together. Too low: old keys stay in use for long.
    /// Too high: the job competes with saves and queries for crypto-service.
    #[serde(default = "hundred")]
    pub rows_per_second: NonZeroU32,
}

fn hour() -> NonZeroU64 {
    NonZeroU64::new(3600).expect("3600 is not 0")
}

fn hundred() -> NonZeroU32 {
    NonZeroU32::new(100).expect("100 is not 0")
}

/// The job, ready to run.
pub struct Rewrapping {
    store: RewrapStore,
    crypto: CryptoChannel,
    interval: Duration,
    rate: NonZeroU32,
}

impl Rewrapping {
    /// Signs in as `postern_rewrap`.
    pub async fn connect(config: &RewrapConfig, crypto: &CryptoClientConfig) -> Result<Self> {
        let database = &config.database;
        let store = RewrapStore::connect(&database.read_url()?, database.pool_options()).await;
        Ok(Self {
            store: store.with_context(|| database.url_file.display().to_string())?,
            crypto: mtls::crypto_channel(crypto)?,
            interval: Duration::from_secs(config.interval_seconds.get()),
            rate: config.rows_per_second,
        })
    }

    /// Runs the job at intervals until the lifecycle ends. May be cut off at any point.
    pub async fn run(self, life: Lifecycle) {
        let again_and_again = async {
            loop {
                log(&self.once().await);
                tokio::time::sleep(self.interval).await;
            }
        };
        tokio::select! {
            () = again_and_again => {}
            () = life.stopping() => {}
        }
    }

    /// Does nothing while another replica of this service runs the job: the rate is for all of them together.
    async fn once(&self) -> Result<Report, RewrapError> {
        let Some(lock) = self.store.try_lock().await? else { return Ok(Report::default()) };
        let job = Job::new(self.store.clone(), self.crypto.clone()).at_most(Some(self.rate));
        let report = job.run(|_| {}).await?;
        if let Err(error) = lock.end().await {
            tracing::warn!(%error, "another replica may have moved seals at the same time");
        }
        Ok(report)
    }
}

/// Logs numbers only. `postern rewrap` names the connections that fail.
fn log(outcome: &Result<Report, RewrapError>) {
    match outcome {
        Ok(report) if !report.is_complete() => {
            let Report { rewrapped, failed, elsewhere, .. } = report;
            tracing::warn!(
                rewrapped,
                failed,
                elsewhere,
                "seals remain under old keys; run `postern rewrap` to see which"
            );
        }
        Ok(report) if report.rewrapped > 0 => {
            tracing::info!(rewrapped = report.rewrapped, "all seals are under the primary key");
        }
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%error, "seals could not be moved to the primary key; this is tried again");
        }
    }
}
