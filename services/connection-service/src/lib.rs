//! Keeps each user's connections; seals what it stores and can open nothing.

mod config;
mod convert;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod rewrap;
mod rpc;

use std::sync::Arc;

use anyhow::{Context, Result};
use postern_chassis::{
    Gate, Lifecycle, Rpcs,
    config::{DatabaseConfig, Pooling},
    cors, mtls, reread_issuers, server,
};
use postern_crypto_client::Sealer;
use postern_domain::SystemClock;
use postern_rpc::connection::connection_service_server::ConnectionServiceServer;
use postern_store::{ConnectionStore, PoolOptions};

pub use config::{Backends, Config};
pub use rewrap::{RewrapConfig, Rewrapping};
pub use rpc::Connections;

/// The longest request: a CA bundle and a secret of 64 KiB each, and room for the rest.
const REQUEST_BYTES: usize = 160 * 1024;

/// Serves until the lifecycle ends.
pub async fn run(config: Config, life: Lifecycle) -> Result<()> {
    let listener = server::bind(config.edge.listen).await?;
    let gate = Gate::new(config.issuers, config.egress, Arc::new(SystemClock))?;
    reread_issuers(gate.clone(), |config: Config| (config.issuers, config.egress))?;
    let router = Rpcs::default().with(service(&config.backends).await?).edge(gate, &life).await;
    if let Some(rewrap) = &config.rewrap {
        tokio::spawn(Rewrapping::connect(rewrap, &config.backends.crypto).await?.run(life.clone()));
    }
    tracing::info!(address = %listener.local_addr()?, "connection-service is ready");
    server::serve_edge(listener, router, cors::layer(&config.edge.cors_origins)?, life).await
}

/// The RPCs, connected to their backends.
pub async fn service(backends: &Backends) -> Result<ConnectionServiceServer<Connections>> {
    let database = &backends.database;
    let store = ConnectionStore::connect(&database.read_url()?, pool_options(database)).await;
    let store = store.with_context(|| database.url_file.display().to_string())?;
    let connections = Connections::new(store, Sealer::new(mtls::crypto_channel(&backends.crypto)?));
    Ok(ConnectionServiceServer::new(connections).max_decoding_message_size(REQUEST_BYTES))
}

fn pool_options(database: &DatabaseConfig) -> PoolOptions {
    PoolOptions {
        max_connections: database.max_connections,
        acquire_timeout: database.acquire_timeout(),
        pooling: match database.pooling {
            Pooling::None => postern_store::Pooling::None,
            Pooling::Transaction => postern_store::Pooling::Transaction,
        },
    }
}
