//! Opens the caller's own connection and talks to its database.
//!
//! Each request resolves the caller's connection anew, under row level security, so that a changed or deleted one is
//! dead for the very next query. Its seal is opened, by crypto-service and for the caller's token, only when a
//! connection to the tenant is opened; after that the pool holds a signed-in session and no secret.

mod config;
mod convert;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod problem;
mod rpc;
mod tenants;

use std::sync::Arc;

use anyhow::{Context, Result};
use postern_chassis::{Gate, Lifecycle, Rpcs, cors, mtls, reread_issuers, server};
use postern_crypto_client::Opener;
use postern_domain::SystemClock;
use postern_egress::{Dialer, SystemResolver};
use postern_rpc::proxy::proxy_service_server::ProxyServiceServer;
use postern_store::{PoolOptions, ProxyStore};
use postern_tenant::{PoolLimits, Pools};

pub use config::{Backends, Config};
pub use rpc::Proxy;
use tenants::Tenants;

/// The longest request: a statement of 256 KiB and its parameters.
const REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// Serves until the lifecycle ends.
pub async fn run(config: Config, life: Lifecycle) -> Result<()> {
    let listener = server::bind(config.edge.listen).await?;
    let gate = Gate::new(config.issuers, config.egress, Arc::new(SystemClock))?;
    reread_issuers(gate.clone(), |config: Config| (config.issuers, config.egress))?;
    let router = Rpcs::default().with(service(&config.backends).await?).edge(gate, &life).await;
    tracing::info!(address = %listener.local_addr()?, "proxy-service is ready");
    server::serve_edge(listener, router, cors::layer(&config.edge.cors_origins)?, life).await
}

/// The RPCs, for whoever serves them.
pub async fn service(backends: &Backends) -> Result<ProxyServiceServer<Proxy>> {
    let database = &backends.database;
    let pool = PoolOptions {
        max_connections: database.max_connections,
        acquire_timeout: database.acquire_timeout(),
    };
    let store = ProxyStore::connect(&database.read_url()?, pool)
        .await
        .with_context(|| database.url_file.display().to_string())?;
    if backends.egress.allow_loopback {
        tracing::warn!("this machine's own addresses may be dialled: for development only");
    }
    let tenants = Tenants {
        store,
        opener: Opener::new(mtls::crypto_channel(&backends.crypto)?),
        dialer: Dialer::new(backends.egress.clone(), Arc::new(SystemResolver::default())),
        pools: Pools::new(PoolLimits::default()),
    };
    Ok(ProxyServiceServer::new(Proxy::new(tenants)).max_decoding_message_size(REQUEST_BYTES))
}
