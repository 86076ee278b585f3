//! Holds the master keys; seals and opens.
//!
//! Reachable over mutual TLS only. Touches no database and dials nothing but the issuers' key sets. The owner that a
//! seal is bound to comes from the user's token, which this service verifies itself: a service that passes on a
//! foreign row gets nothing opened.

mod config;
mod context;
mod rpc;

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use postern_chassis::{Gate, Lifecycle, Rpcs, mtls::ServerTls, server};
use postern_domain::SystemClock;
use postern_envelope::{FileRoot, KeyRing, ring_file};
use postern_rpc::crypto::crypto_service_server::CryptoServiceServer;
use tokio::net::TcpListener;

pub use config::{Config, KeyringConfig, RootConfig};

/// The longest request: a secret of 64 KiB, its context, and room for the encoding.
const REQUEST_BYTES: usize = 80 * 1024;

/// Reads the key ring and serves until the lifecycle ends.
pub async fn run(config: Config, life: Lifecycle) -> Result<()> {
    let listener = server::bind(config.listen).await?;
    serve(config, listener, life).await
}

/// [`run`] on a listener that is bound already.
pub async fn serve(config: Config, listener: TcpListener, life: Lifecycle) -> Result<()> {
    let tls = ServerTls::load(&config.tls)?;
    let router = router(&config, &life).await?;
    tracing::info!(address = %listener.local_addr()?, "crypto-service is ready");
    server::serve_internal(listener, router, tls, life).await
}

async fn router(config: &Config, life: &Lifecycle) -> Result<Router> {
    let ring = Arc::new(load_ring(&config.keyring)?);
    let gate = Gate::new(config.issuers.clone(), config.egress.clone(), Arc::new(SystemClock))?;
    let service = CryptoServiceServer::new(rpc::Crypto::new(ring)).max_decoding_message_size(REQUEST_BYTES);
    Ok(Rpcs::default().with(service).into_router(gate, life).await)
}

fn load_ring(config: &KeyringConfig) -> Result<KeyRing> {
    let RootConfig::File { path } = &config.root;
    let root =
        FileRoot::load(path).with_context(|| format!("the root key {} cannot be used", path.display()))?;
    let ring = ring_file::load(&config.file, &root);
    ring.with_context(|| format!("the key ring {} cannot be used", config.file.display()))
}
