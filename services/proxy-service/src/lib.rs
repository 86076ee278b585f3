//! Opens the caller's own connection and talks to its database.
//!
//! [`execution`] is what every call goes through, whatever kind of tenant it is for: admission, the lookup under row
//! level security, a session from the pool of exactly that version, the result in bounded parts, and the outcome.
//! [`rpc`] translates between messages and that core; further doors would stand beside it. [`problem`] is what users
//! are told when a call fails.

mod config;
mod execution;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod problem;
mod rpc;

use std::sync::Arc;

use anyhow::{Context, Result};
use postern_chassis::{Gate, Lifecycle, Rpcs, config::Pooling, cors, mtls, reread_issuers, server};
use postern_crypto_client::Opener;
use postern_domain::SystemClock;
use postern_egress::{Dialer, SystemResolver};
use postern_rpc::proxy::proxy_service_server::ProxyServiceServer;
use postern_store::{PoolOptions, ProxyStore};

pub use config::{Backends, Config};
pub use execution::AdmissionLimits;
use execution::{Core, Parameters};
pub use postern_tenant::PoolLimits;
pub use rpc::Proxy;

/// The longest request: a statement of 256 KiB and its parameters.
const REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// Serves until the lifecycle ends.
pub async fn run(config: Config, life: Lifecycle) -> Result<()> {
    let listener = server::bind(config.edge.listen).await?;
    let cors = cors::layer(&config.edge.cors_origins)?;
    let gate = Gate::new(config.issuers, config.egress, Arc::new(SystemClock))?;
    reread_issuers(gate.clone(), |config: Config| (config.issuers, config.egress))?;
    let router = Rpcs::default().with(service(&config.backends).await?).edge(gate, &life).await;
    tracing::info!(address = %listener.local_addr()?, "proxy-service is ready");
    server::serve_edge(listener, router, cors, life).await
}

/// The RPCs, for any server to serve.
pub async fn service(backends: &Backends) -> Result<ProxyServiceServer<Proxy>> {
    if backends.egress.allow_loopback {
        tracing::warn!("this machine's own addresses may be dialled: for development only");
    }
    let database = &backends.database;
    let pool = PoolOptions {
        max_connections: database.max_connections,
        acquire_timeout: database.acquire_timeout(),
        pooling: match database.pooling {
            Pooling::None => postern_store::Pooling::None,
            Pooling::Transaction => postern_store::Pooling::Transaction,
        },
    };
    let store = ProxyStore::connect(&database.read_url()?, pool)
        .await
        .with_context(|| database.url_file.display().to_string())?;
    let core = Core::new(Parameters {
        store,
        opener: Opener::new(mtls::crypto_channel(&backends.crypto)?),
        dialer: Dialer::new(backends.egress.clone(), Arc::new(SystemResolver::default())),
        pools: backends.pools,
        admission: backends.admission,
    });
    Ok(ProxyServiceServer::new(Proxy::new(core)).max_decoding_message_size(REQUEST_BYTES))
}
