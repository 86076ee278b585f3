//! Holds the master keys; seals and opens.
//!
//! Reachable over mutual TLS only. Touches no database, and dials nothing but the issuers' key sets and the root of its
//! keys, where that is `OpenBao`, Vault or AWS KMS. The owner that a seal is bound to comes from the user's token, which
//! this service verifies itself: a service that passes on a foreign row gets nothing opened. To rewrap takes no token, and
//! opens nothing for the caller.

mod config;
mod context;
pub mod key_files;
mod keyring;
pub mod roots;
mod rpc;
mod sizes;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::{Context, Result};
use postern_chassis::{Gate, Lifecycle, Rpcs, mtls::ServerTls, on_hangup, reread_issuers, server};
use postern_domain::{Clock, SystemClock};
use postern_envelope::KeyId;
use postern_rpc::crypto::keyring_service_server::KeyringServiceServer;
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
    task::spawn_blocking,
};

use keyring::{ClaimError, NameClaim, Report, Reporter, RingHolder};

pub use config::{Config, KeyringConfig, RootConfig};
pub use keyring::{InvalidReplicaName, ReplicaName};

/// Reads the key ring and serves until the lifecycle ends. SIGHUP has the ring and the issuers looked at, at once.
pub async fn run(config: Config, life: Lifecycle) -> Result<()> {
    let listener = server::bind(config.listen).await?;
    let look = Arc::new(Notify::new());
    let told = Arc::clone(&look);
    on_hangup(move || told.notify_one())?;
    let gate = gate(&config)?;
    reread_issuers(gate.clone(), |config: Config| (config.issuers, config.egress))?;
    start(config, gate, listener, life, look).await
}

/// [`run`] on a listener that is bound already, and without an ear for signals.
pub async fn serve(config: Config, listener: TcpListener, life: Lifecycle) -> Result<()> {
    let gate = gate(&config)?;
    start(config, gate, listener, life, Arc::default()).await
}

fn gate(config: &Config) -> Result<Gate> {
    Gate::new(config.issuers.clone(), config.egress.clone(), Arc::new(SystemClock))
}

async fn start(
    config: Config,
    gate: Gate,
    listener: TcpListener,
    life: Lifecycle,
    look: Arc<Notify>,
) -> Result<()> {
    let tls = ServerTls::load(&config.tls)?;
    let Opened { ring, reporter, name: _held } =
        spawn_blocking(move || open_keyring(config.keyring)).await??;
    let rpcs = rpcs(ring.clone(), reporter.clone()).inside(gate, &life).await;

    let (stop, stopped) = oneshot::channel();
    let following = tokio::spawn(keyring::follow(ring, reporter, look, stopped));
    tracing::info!(address = %listener.local_addr()?, "crypto-service is ready");
    let served = server::serve_internal(listener, rpcs, tls, life).await;
    let _ = stop.send(());
    following.await.context("the key ring is not followed any more")?;
    served
}

fn rpcs(ring: Arc<RingHolder>, reporter: Arc<Reporter>) -> Rpcs {
    let crypto = sizes::Bounded::new(rpc::Crypto::new(ring.clone()));
    let keyring = KeyringServiceServer::new(rpc::Keyring::new(ring, reporter));
    Rpcs::default().with(crypto).with(keyring)
}

/// The ring and the reports of a replica, whose name is its own for as long as it keeps the claim.
struct Opened {
    ring: Arc<RingHolder>,
    reporter: Arc<Reporter>,
    name: Option<NameClaim>,
}

/// Says that this replica starts, and then loads the ring: the other way round, a key could be promoted in between that
/// it does not have.
fn open_keyring(config: KeyringConfig) -> Result<Opened> {
    let name = match config.replica {
        Some(name) => name,
        None => ReplicaName::of_this_host().context("the host's name")?,
    };
    let claim = claim(&config.file, &name)?;
    let reporter = Reporter::new(&config.file, name);
    let root = roots::open(&config.root)?;
    let before = announce(&reporter);
    let broken = || format!("the key ring {} cannot be used", config.file.display());
    let ring =
        RingHolder::load(config.file.clone(), root, Arc::new(SystemClock), &before).with_context(broken)?;
    Ok(Opened { ring: Arc::new(ring), reporter: Arc::new(reporter), name: claim })
}

/// Takes the name, unless another replica has it. In a folder that cannot be written there are no reports either, and
/// nothing to protect.
fn claim(ring: &Path, name: &ReplicaName) -> Result<Option<NameClaim>> {
    match NameClaim::take(ring, name) {
        Ok(claim) => Ok(Some(claim)),
        Err(ClaimError::Io(error)) => {
            tracing::warn!(kind = %error.kind(), "whether another replica has this one's name cannot be told");
            Ok(None)
        }
        Err(taken @ ClaimError::Taken(_)) => Err(taken.into()),
    }
}

/// Reports that the replica starts, and returns the counts of its last run. Neither is worth not to serve.
fn announce(reporter: &Reporter) -> BTreeMap<KeyId, keyring::UseCounts> {
    let before = reporter.own().unwrap_or_else(|error| {
        tracing::warn!(kind = %error.kind(), "the last report of this replica cannot be read; its counts start anew");
        None
    });
    let uses = before.map(|report| report.uses()).unwrap_or_default();
    let starting = Report::new(reporter.name().clone(), 0, Vec::new(), &uses, SystemClock.now().as_secs());
    if let Err(error) = reporter.publish(&starting) {
        tracing::warn!(kind = %error.kind(), "this replica cannot report that it starts");
    }
    uses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_says_that_it_starts_before_it_has_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = KeyringConfig::embedded(folder.path()).unwrap();
        config.replica = Some("one".to_owned().try_into().unwrap());
        std::fs::write(&config.file, "{").unwrap();
        let file = config.file.clone();
        assert!(open_keyring(config).is_err());
        let told = Reporter::new(&file, "one".to_owned().try_into().unwrap()).own().unwrap().unwrap();
        assert_eq!((told.revision, told.loaded.len()), (0, 0));
        assert!(told.is_live(SystemClock.now().as_secs()));
    }
}
