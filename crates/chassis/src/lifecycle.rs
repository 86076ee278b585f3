//! From `main` to the end of the process.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

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
        runtime.block_on(async { service(config, Lifecycle::until_signalled()?).await })
    })();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(service = name, "cannot go on: {error:#}");
            ExitCode::FAILURE
        }
    }
}
