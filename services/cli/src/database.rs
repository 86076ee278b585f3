//! The control database, for counting and replacing seals. Nothing else is read.

use postern_store::{PoolOptions, RewrapStore, SealCount};

use crate::{
    config::{Config, Login},
    failure::Failure,
};

/// Signs in as `postern_rewrap`.
pub(crate) async fn seals(config: &Config) -> Result<RewrapStore, Failure> {
    let store = RewrapStore::connect(&config.require_url(Login::Rewrap)?, PoolOptions::default()).await;
    store.map_err(|error| config.locate(Login::Rewrap, error.into()))
}

/// The number of seals under each key; `None` if no database is configured.
pub(crate) async fn counts(config: &Config) -> Result<Option<Vec<SealCount>>, Failure> {
    if config.url(Login::Rewrap)?.is_none() {
        return Ok(None);
    }
    Ok(Some(seals(config).await?.counts().await?))
}

/// The number of seals under one key.
pub(crate) fn under(counts: &[SealCount], key_id: u32) -> SealCount {
    let found = counts.iter().find(|count| count.key_id == key_id).copied();
    found.unwrap_or(SealCount { key_id, seals: 0, owners: 0 })
}
