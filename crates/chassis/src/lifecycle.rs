//! From `main` to the end of the process.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use postern_egress::Policy;
use postern_identity::IssuerConfig;
use serde::de::DeserializeOwned;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Gate;

/// Time that calls in progress get once the process is asked to stop.
pub const DRAIN: Duration = Duration::from_secs(25);

/// Tells a service when to stop taking new calls.
#[derive(Clone, Default)]
pub struct Lifecycle(CancellationToken);

impl Lifecycle {
    /// A lifecycle that ends at SIGINT or SIGTERM.
    pub fn until_signalled() -> Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let life = Self::default();
        let token = life.0.clone();
        tokio::spawn(async move {
            tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
            tracing::info!("stopping");
            token.cancel();
        });
        Ok(life)
    }

    /// Resolves when the service is to stop.
    pub async fn stopping(&self) {
        self.0.cancelled().await;
    }

    /// [`Lifecycle::stopping`] as a future that borrows nothing.
    pub async fn into_stopping(self) {
        self.0.cancelled_owned().await;
    }

    /// Asks the service to stop.
    pub fn stop(&self) {
        self.0.cancel();
    }
}

/// Calls `act` at each SIGHUP: the sign that configuration has changed.
pub fn on_hangup(act: impl Fn() + Send + 'static) -> Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            act();
        }
    });
    Ok(())
}

/// At each SIGHUP, reads the configuration again and trusts the issuers that it names then. What else has changed in it
/// waits for a restart; a configuration that cannot be used changes nothing.
pub fn reread_issuers<C: DeserializeOwned>(
    gate: Gate,
    issuers: impl Fn(C) -> (Vec<IssuerConfig>, Policy) + Send + 'static,
) -> Result<()> {
    on_hangup(move || {
        let reread = crate::config::load().map(&issuers);
        match reread.and_then(|(issuers, egress)| gate.replace(issuers, egress)) {
            Ok(()) => tracing::info!("SIGHUP: the issuers were read again"),
            Err(error) => {
                tracing::warn!("SIGHUP: the configuration cannot be used; nothing changed: {error:#}");
            }
        }
    })
}

/// The whole of a service's `main`: hardens the process, reads the configuration, and runs `service` until it ends.
/// An error ends the process with status 1 and one JSON line that says why.
pub fn run<C, F>(name: &'static str, service: impl FnOnce(C, Lifecycle) -> F) -> ExitCode
where
    C: DeserializeOwned,
    F: Future<Output = Result<()>>,
{
    crate::telemetry::init();
    let outcome = (|| {
        crate::harden::harden()?;
        let config = crate::config::load()?;
        let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
        let outcome = runtime.block_on(async { service(config, Lifecycle::until_signalled()?).await });
        // What still waits for a file or for a service elsewhere has nobody left to answer.
        runtime.shutdown_background();
        outcome
    })();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(service = name, "cannot go on: {error:#}");
            ExitCode::FAILURE
        }
    }
}
