//! When a service stops: the phases between SIGTERM and the end of the process.
//!
//! ```text
//! stop()            lame duck                drain                    the rest
//!   │ not ready, still takes calls │ no new calls, old ones go on │ calls are ended │ exit
//!   └ leaving()                    └ stopping()                   └ overdue()
//! ```

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// Time after [`Lifecycle::overdue`] in which calls are ended: statements cancelled, statuses sent.
pub const ENDING: Duration = Duration::from_secs(3);

/// How long the phases of a stop last.
#[derive(Clone, Copy, Debug)]
pub struct StopTimes {
    /// From the stop until new calls are no longer taken: time for load balancers to notice.
    pub lame_duck: Duration,
    /// From then until calls that still run are ended.
    pub drain: Duration,
}

impl Default for StopTimes {
    /// For a process that no load balancer knows.
    fn default() -> Self {
        Self { lame_duck: Duration::ZERO, drain: Duration::from_secs(20) }
    }
}

/// Tells the parts of a service in which phase it is. Clones are one lifecycle.
#[derive(Clone, Default)]
pub struct Lifecycle(Arc<Shared>);

#[derive(Default)]
struct Shared {
    times: StopTimes,
    leaving: CancellationToken,
    /// When the stop was asked for; set before `leaving` is cancelled.
    asked_at: OnceLock<Instant>,
}

impl Lifecycle {
    /// A lifecycle that ends when [`Lifecycle::stop`] is called.
    pub fn new(times: StopTimes) -> Self {
        Self(Arc::new(Shared { times, ..Shared::default() }))
    }

    /// A lifecycle that ends at SIGINT or SIGTERM.
    pub fn until_signalled(times: StopTimes) -> Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let life = Self::new(times);
        let stopped = life.clone();
        tokio::spawn(async move {
            tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
            tracing::info!("stopping");
            stopped.stop();
        });
        Ok(life)
    }

    /// Asks the service to stop. Asking again changes nothing.
    pub fn stop(&self) {
        self.0.asked_at.get_or_init(Instant::now);
        self.0.leaving.cancel();
    }

    /// Resolves when the stop is asked for: the service says that it is not ready, and still takes calls.
    pub async fn leaving(&self) {
        self.0.leaving.cancelled().await;
    }

    /// Resolves when no new calls are to be taken.
    pub async fn stopping(&self) {
        self.after_stop(self.0.times.lame_duck).await;
    }

    /// [`Lifecycle::stopping`] as a future that borrows nothing.
    pub async fn into_stopping(self) {
        self.stopping().await;
    }

    /// Resolves when calls that still run are to be ended.
    pub async fn overdue(&self) {
        self.after_stop(self.0.times.lame_duck + self.0.times.drain).await;
    }

    async fn after_stop(&self, delay: Duration) {
        self.leaving().await;
        let asked_at = *self.0.asked_at.get_or_init(Instant::now);
        sleep_until(asked_at + delay).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stop_passes_through_its_phases() {
        let (lame_duck, drain) = (Duration::from_secs(5), Duration::from_secs(20));
        let life = Lifecycle::new(StopTimes { lame_duck, drain });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let asked_at = Instant::now();
        life.stop();
        life.leaving().await;
        assert_eq!(asked_at.elapsed(), Duration::ZERO);
        life.stopping().await;
        assert_eq!(asked_at.elapsed(), lame_duck);
        life.stop();
        life.overdue().await;
        assert_eq!(asked_at.elapsed(), lame_duck + drain, "a second stop prolongs nothing");
    }
}
