//! Holds the master keys; seals and opens secrets.
//!
//! It is reachable only over mutual TLS. It uses no database, and connects only to the issuers' key sets and to a
//! remote root of its keys (`OpenBao`, Vault or AWS KMS). The owner in a seal's context comes from the user's token,
//! which this service verifies itself, so a service that sends another user's row cannot get it opened. Rewrapping
//! needs no token and returns no secret.

mod config;
mod context;
mod live_ring;
mod rpc;
mod sizes;

use std::{path::Path, pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use postern_chassis::{
    Gate, Lifecycle, Process, Rpcs,
    mtls::{self, ServerTls},
    on_hangup, server,
};
use postern_domain::SystemClock;
use postern_keyring::roots;
use postern_rpc::crypto::keyring_service_server::KeyringServiceServer;
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use live_ring::{ClaimError, NameClaim, Reporter, RingHolder};

pub use config::Config;
pub use postern_keyring::{KeyringConfig, ReplicaName, RootConfig};

/// Time for the last report at shutdown.
const LAST_REPORT: Duration = Duration::from_secs(5);

/// Loads the key ring and serves until the lifecycle ends. SIGHUP makes it check the ring and the issuers at once.
pub async fn run(config: Config, process: Process) -> Result<()> {
    let listener = server::bind(config.listen).await.context("listen")?;
    let look = Arc::new(Notify::new());
    let hangup = Arc::clone(&look);
    on_hangup(move || hangup.notify_one())?;
    let gate = gate(&config)?;
    process.reread_issuers(gate.clone(), |config: Config| (config.issuers, config.egress))?;
    start(config, gate, listener, process, look).await
}

/// [`run`] on a listener that is already bound, and without handling signals.
pub async fn serve(config: Config, listener: TcpListener, life: Lifecycle) -> Result<()> {
    let (gate, process) = (gate(&config)?, Process::shared("crypto-service", &life));
    process.answer_probes(&config.ops).await?;
    start(config, gate, listener, process, Arc::default()).await
}

fn gate(config: &Config) -> Result<Gate> {
    Gate::new(config.issuers.clone(), config.egress.clone(), Arc::new(SystemClock))
}

async fn start(
    config: Config,
    gate: Gate,
    listener: TcpListener,
    process: Process,
    look: Arc<Notify>,
) -> Result<()> {
    let life = process.life.clone();
    let tls = ServerTls::load(&config.tls)?;
    mtls::watch_certificate(&config.tls, &process)?;
    gate.watch_issuers(&process);
    let keyring = Arc::new(config.keyring);
    let own = keyring.clone();
    let entering = spawn_blocking(move || enter(&own));
    let (reporter, _name) = tokio::select! {
        // The file system of the folder may hang.
        entered = entering => entered??,
        () = life.stopping() => return Ok(()),
    };
    let mut tasks = JoinSet::new();
    let (stop, stopped) = oneshot::channel();
    tasks.spawn(reporter.clone().run(stopped));

    let own = reporter.clone();
    let loading = spawn_blocking(move || load(&keyring, &own));
    let served = tokio::select! {
        // Loading may wait for a remote root, up to its `start_seconds`.
        loaded = loading => {
            let ring = loaded??;
            reporter.started(ring.clone());
            ring.show(&process.metrics);
            watch_reports(&reporter, &process);
            let unreadable = process.health.fault("key ring unreadable");
            tasks.spawn(live_ring::follow(ring.clone(), reporter.clone(), look, unreadable));
            let rpcs = rpcs(ring, reporter).healthy_while(process.health.ready());
            let rpcs = rpcs.inside(gate, &life).await;
            process.health.serving(listener.local_addr()?);
            let serving = Box::pin(server::serve_internal(listener, rpcs, tls, life.clone()));
            with_all(serving, &mut tasks, &life).await
        }
        () = life.stopping() => Ok(()),
    };
    let _ = stop.send(());
    // With a limit, because the file system of the reports may hang.
    let _ = timeout(LAST_REPORT, tasks.join_next()).await;
    served
}

/// Serves for as long as the tasks run. A replica that no longer follows the ring or reports must stop, so that it is
/// restarted.
async fn with_all(
    mut serving: Pin<Box<impl Future<Output = Result<()>>>>,
    tasks: &mut JoinSet<()>,
    life: &Lifecycle,
) -> Result<()> {
    tokio::select! {
        served = &mut serving => served,
        ended = tasks.join_next() => {
            tracing::error!("a task that follows the key ring has ended; stopping");
            life.stop();
            serving.await?;
            let panicked = ended.and_then(Result::err).map_or_else(|| anyhow!("a task ended"), Into::into);
            Err(panicked).context("a task that follows the key ring has ended")
        }
    }
}

fn rpcs(ring: Arc<RingHolder>, reporter: Arc<Reporter>) -> Rpcs {
    let reporting = reporter.reporting();
    let crypto = sizes::Bounded::new(rpc::Crypto::new(ring.clone(), reporting.clone()));
    let keyring = KeyringServiceServer::new(rpc::Keyring::new(ring, reporter));
    Rpcs::default().with(crypto).with(keyring)
}

/// A replica whose reports don't arrive seals nothing: the others could promote a key that it lacks.
fn watch_reports(reporter: &Reporter, process: &Process) {
    let fault = process.health.fault("cannot report to the other replicas");
    let (mut reporting, life) = (reporter.reporting(), process.life.clone());
    let following = async move {
        loop {
            fault.set(!*reporting.borrow_and_update());
            if reporting.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::spawn(async move {
        tokio::select! { () = following => {} () = life.stopping() => {} }
    });
}

/// Claims this replica's name, and reports that it is starting. This happens before the ring is loaded; otherwise a key
/// that this replica lacks could be promoted in between.
fn enter(config: &KeyringConfig) -> Result<(Arc<Reporter>, Option<NameClaim>)> {
    let name = match config.replica.clone() {
        Some(name) => name,
        None => ReplicaName::of_this_host().context("the host name cannot be used as the replica's name")?,
    };
    let claim = claim(&config.file, &name)?;
    let mut reporter = Reporter::new(&config.file, name, Arc::new(SystemClock));
    match reporter.publish() {
        Ok(()) => {
            if let Err(error) = reporter.inherit() {
                tracing::warn!(kind = %error.kind(), "the use counts of replicas that have exited could not be taken over");
            }
        }
        Err(error) => {
            tracing::warn!(kind = %error.kind(), "this replica could not report that it is starting");
        }
    }
    Ok((Arc::new(reporter), claim))
}

fn load(config: &KeyringConfig, reporter: &Reporter) -> Result<Arc<RingHolder>> {
    let root = roots::open(&config.root)?;
    let broken = || format!("the key ring {} cannot be used", config.file.display());
    let ring = RingHolder::load(config.file.clone(), root, Arc::new(SystemClock), reporter.before());
    Ok(Arc::new(ring.with_context(broken)?))
}

/// Claims the name, unless another replica has it. If the folder is not writable, no replica can report, so there is
/// nothing to protect.
fn claim(ring: &Path, name: &ReplicaName) -> Result<Option<NameClaim>> {
    match NameClaim::take(ring, name) {
        Ok(claim) => Ok(Some(claim)),
        Err(ClaimError::Io(error)) => {
            tracing::warn!(kind = %error.kind(), "could not check whether another replica uses the same name");
            Ok(None)
        }
        Err(taken @ ClaimError::Taken(_)) => Err(taken.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{live_ring::Reports, *};

    #[tokio::test]
    async fn a_service_whose_tasks_end_stops_with_an_error() {
        let life = Lifecycle::default();
        let serving = life.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async { panic!("as a test") });
        let serving = Box::pin(async move {
            serving.stopping().await;
            Ok(())
        });
        let ended = timeout(Duration::from_secs(10), with_all(serving, &mut tasks, &life)).await.unwrap();
        assert!(format!("{:#}", ended.unwrap_err()).contains("follows the key ring has ended"));

        let mut tasks = JoinSet::new();
        tasks.spawn(std::future::pending());
        with_all(Box::pin(async { Ok(()) }), &mut tasks, &Lifecycle::default()).await.unwrap();
    }

    #[test]
    fn a_replica_reports_before_it_has_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = KeyringConfig::embedded(folder.path()).unwrap();
        let name: ReplicaName = "one".to_owned().try_into().unwrap();
        config.replica = Some(name.clone());
        std::fs::write(&config.file, "{").unwrap();
        let (reporter, _claim) = enter(&config).unwrap();
        assert!(load(&config, &reporter).is_err());
        let first = Reports::beside(&config.file).all().unwrap().remove(0);
        assert_eq!((&first.report.name, first.report.revision, first.report.loaded.len()), (&name, 0, 0));
        assert!(first.live);
    }
}
