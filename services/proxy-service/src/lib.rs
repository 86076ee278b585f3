//! Opens the caller's own connection and talks to its database.
//!
//! [`execution`] is what every call goes through, whatever kind of tenant it is for: admission, the lookup under row
//! level security, a session from the pool of exactly that version, the result in bounded parts, and the outcome.
//! [`rpc`] translates between messages and that core; further doors would stand beside it. [`problem`] maps failures to
//! the errors that users see.

mod config;
mod execution;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod own_addresses;
mod problem;
mod rpc;

use std::sync::Arc;

use anyhow::{Context, Result};
use postern_chassis::{
    Gate, Lifecycle, Process, Rpcs, TrustedProxies,
    config::DatabaseConfig,
    cors,
    lifecycle::ENDING,
    mtls,
    server::{self, Reserved},
};
use postern_crypto_client::{CryptoChannel, Opener};
use postern_domain::SystemClock;
use postern_egress::{Dialer, SystemResolver};
use postern_rpc::proxy::proxy_service_server::ProxyServiceServer;
use postern_store::ProxyStore;
use tokio::time::timeout;

pub use config::{Backends, Config};
pub use execution::AdmissionLimits;
use execution::{Core, Parameters};
use own_addresses::OwnHosts;
pub use postern_tenant::PoolLimits;
pub use rpc::Proxy;

/// The longest request: a statement of 256 KiB and its parameters.
const REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// Serves until the lifecycle ends. Waits for the control database first.
pub async fn run(config: Config, process: Process) -> Result<()> {
    let Config { edge, issuers, egress, backends, .. } = config;
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
    let execution = core_of(&backends, store, crypto, &process.life).await?;
    execution.show(&process.metrics);
    let rpcs = Rpcs::default().with(server_of(execution));
    let router = rpcs.healthy_while(process.health.ready()).edge(gate, &process.life).await;
    let listener = address.listen()?;
    process.health.serving(listener.local_addr()?);
    let served = server::serve_edge(listener, router, cors, proxies, process.life).await;
    settle().await;
    served
}

/// Waits, for a few seconds, until the statements of callers that are gone have been cancelled. To be called before the
/// process exits.
pub async fn settle() {
    if timeout(ENDING, postern_tenant::statements_cancelled()).await.is_err() {
        tracing::warn!("some statements on tenants' servers could not be cancelled in time");
    }
}

/// The control database, once it answers, and probed from then on. `None` if the stop comes first.
async fn reach_store(database: &DatabaseConfig, process: &Process) -> Result<Option<ProxyStore>> {
    let url = database.read_url()?;
    let dependency = process.health.dependency("control database");
    let connect = || ProxyStore::connect(&url, database.pool_options());
    let ping = |store: ProxyStore| async move { store.ping().await };
    let reached = dependency.reach_and_watch(&process.life, connect, |error| !error.may_pass(), ping).await;
    reached.with_context(|| database.url_file.display().to_string())
}

/// The RPCs, connected to backends that answer already.
pub async fn service(backends: &Backends, life: &Lifecycle) -> Result<ProxyServiceServer<Proxy>> {
    let database = &backends.database;
    let store = ProxyStore::connect(&database.read_url()?, database.pool_options()).await;
    let store = store.with_context(|| database.url_file.display().to_string())?;
    Ok(server_of(core_of(backends, store, mtls::crypto_channel(&backends.crypto)?, life).await?))
}

/// Waits until it is known which addresses tenants' hosts must not lead to.
async fn core_of(
    backends: &Backends,
    store: ProxyStore,
    crypto: CryptoChannel,
    life: &Lifecycle,
) -> Result<Arc<Core>> {
    let egress = backends.egress.clone();
    if backends.egress.allow_loopback {
        tracing::warn!("this machine's own addresses may be dialled: for development only");
    }
    if !egress.allow_own_addresses {
        OwnHosts::new(backends, &store)?.follow(egress.own.clone(), life).await;
    }
    Ok(Core::new(Parameters {
        store,
        opener: Opener::new(crypto),
        dialer: Dialer::new(egress, Arc::new(SystemResolver::default())),
        pools: backends.pools,
        admission: backends.admission,
        life: life.clone(),
        cancel_on_change: backends.cancel_on_change,
    }))
}

fn server_of(core: Arc<Core>) -> ProxyServiceServer<Proxy> {
    ProxyServiceServer::new(Proxy::new(core)).max_decoding_message_size(REQUEST_BYTES)
}
