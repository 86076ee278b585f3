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
    Gate, Process, Rpcs, TrustedProxies,
    config::DatabaseConfig,
    cors, mtls,
    server::{self, Reserved},
};
use postern_crypto_client::{CryptoChannel, Sealer};
use postern_domain::SystemClock;
use postern_rpc::connection::connection_service_server::ConnectionServiceServer;
use postern_store::ConnectionStore;

pub use config::{Backends, Config};
pub use rewrap::{RewrapConfig, Rewrapping};
pub use rpc::Connections;

/// The longest request: a CA bundle and a secret of 64 KiB each, and room for the rest.
const REQUEST_BYTES: usize = 160 * 1024;

/// Serves until the lifecycle ends. Waits for the control database first.
pub async fn run(config: Config, process: Process) -> Result<()> {
    let Config { edge, issuers, egress, backends, rewrap, .. } = config;
    let address = Reserved::take(edge.listen).context("edge.listen")?;
    let cors = cors::layer(&edge.cors_origins)?;
    let proxies = TrustedProxies::new(edge.trusted_proxies);
    let gate = Gate::new(issuers, egress, Arc::new(SystemClock))?;
    process.reread_issuers(gate.clone(), |config: Config| (config.issuers, config.egress))?;
    gate.watch_issuers(&process);
    let crypto = mtls::crypto_channel(&backends.crypto)?;
    mtls::watch_certificate(&backends.crypto.tls, &process)?;
    mtls::watch_crypto(crypto.clone(), &process);
    let Some(store) = reach_store(&backends.database, &process).await? else { return Ok(()) };
    let pool = store.clone();
    process.metrics.control_database(move || pool.pool());
    if let Some(rewrap) = &rewrap {
        tokio::spawn(Rewrapping::connect(rewrap, &backends.crypto).await?.run(process.life.clone()));
    }
    let rpcs = Rpcs::default().with(server_of(store, crypto)).healthy_while(process.health.ready());
    let router = rpcs.edge(gate, &process.life).await;
    let listener = address.listen()?;
    process.health.serving(listener.local_addr()?);
    server::serve_edge(listener, router, cors, proxies, process.life).await
}

/// The control database, once it answers, and probed from then on. `None` if the stop comes first.
async fn reach_store(database: &DatabaseConfig, process: &Process) -> Result<Option<ConnectionStore>> {
    let url = database.read_url()?;
    let dependency = process.health.dependency("control database");
    let connect = || ConnectionStore::connect(&url, database.pool_options());
    let ping = |store: ConnectionStore| async move { store.ping().await };
    let reached = dependency.reach_and_watch(&process.life, connect, |error| !error.may_pass(), ping).await;
    reached.with_context(|| database.url_file.display().to_string())
}

/// The RPCs, connected to backends that answer already.
pub async fn service(backends: &Backends) -> Result<ConnectionServiceServer<Connections>> {
    let database = &backends.database;
    let store = ConnectionStore::connect(&database.read_url()?, database.pool_options()).await;
    let store = store.with_context(|| database.url_file.display().to_string())?;
    Ok(server_of(store, mtls::crypto_channel(&backends.crypto)?))
}

fn server_of(store: ConnectionStore, crypto: CryptoChannel) -> ConnectionServiceServer<Connections> {
    let connections = Connections::new(store, Sealer::new(crypto));
    ConnectionServiceServer::new(connections).max_decoding_message_size(REQUEST_BYTES)
}
