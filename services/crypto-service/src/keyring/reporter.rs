//! What this replica says of itself.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use postern_domain::Clock;
use postern_envelope::KeyId;
use tokio::{
    sync::{Notify, oneshot},
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::{ReplicaName, Report, Reports, RingHolder, UseCounts};

/// Time between two reports.
const REPORT: Duration = Duration::from_secs(2);

/// This replica's voice among the reports.
pub(crate) struct Reporter {
    name: ReplicaName,
    reports: Reports,
    clock: Arc<dyn Clock>,
    /// Counts of this replica's earlier runs.
    before: BTreeMap<KeyId, UseCounts>,
    /// Empty while the replica starts.
    ring: OnceLock<Arc<RingHolder>>,
    soon: Notify,
}

impl Reporter {
    /// The replica of this name, which starts now. Its counts go on from its last report.
    pub(crate) fn new(ring: &Path, name: ReplicaName, clock: Arc<dyn Clock>) -> Self {
        let reports = Reports::beside(ring);
        let last = reports.of(&name).unwrap_or_else(|error| {
            tracing::warn!(kind = %error.kind(), "the last report of this replica cannot be read; its counts start anew");
            None
        });
        let before = last.map(|report| report.uses()).unwrap_or_default();
        Self { name, reports, clock, before, ring: OnceLock::new(), soon: Notify::new() }
    }

    /// This replica's name.
    pub(crate) fn name(&self) -> &ReplicaName {
        &self.name
    }

    /// Counts of this replica's earlier runs.
    pub(crate) fn before(&self) -> &BTreeMap<KeyId, UseCounts> {
        &self.before
    }

    /// The ring is loaded: from now on, what it holds is reported.
    pub(crate) fn started(&self, ring: Arc<RingHolder>) {
        // It starts once.
        let _ = self.ring.set(ring);
        self.report_soon();
    }

    /// This replica's report as of now. Never waits for the root.
    pub(crate) fn report(&self) -> Report {
        match self.ring.get() {
            Some(ring) => ring.report(&self.name),
            None => Report::new(self.name.clone(), 0, Vec::new(), &self.before, self.clock.now().as_secs()),
        }
    }

    /// Reports. Blocks.
    pub(crate) fn publish(&self) -> io::Result<()> {
        self.reports.put(&self.report())
    }

    /// Has a report made before the next one is due.
    pub(crate) fn report_soon(&self) {
        self.soon.notify_one();
    }

    /// The reports of all replicas; see [`Reports::all`].
    pub(crate) fn all(&self) -> io::Result<Vec<Report>> {
        self.reports.all()
    }

    /// Reports again and again, until `stop` is sent; then for the last time. If the sender is dropped instead, nobody
    /// knows how the service ended, and no end is reported.
    ///
    /// On its own, beside whatever else this replica does: one that waits for its root, or for a lock, runs all the same,
    /// and must be waited for.
    pub(crate) async fn run(self: Arc<Self>, mut stop: oneshot::Receiver<()>) {
        let mut trouble = None;
        let mut due = interval(REPORT);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopped = loop {
            tokio::select! {
                stopped = &mut stop => break stopped,
                () = self.soon.notified() => {}
                _ = due.tick() => {}
            }
            let outcome = self.write(Self::report).await;
            tell(outcome, &mut trouble);
        };
        if stopped.is_ok() {
            tell(self.write(|own| own.report().stopped()).await, &mut trouble);
        }
    }

    async fn write(
        self: &Arc<Self>,
        report: impl FnOnce(&Self) -> Report + Send + 'static,
    ) -> io::Result<()> {
        let own = Arc::clone(self);
        spawn_blocking(move || own.reports.put(&report(&own))).await?
    }
}

/// Logs what is new about it, and not again with every report.
fn tell(outcome: io::Result<()>, last: &mut Option<io::ErrorKind>) {
    let trouble = outcome.err().map(|error| error.kind());
    if let Some(kind) = trouble.filter(|_| trouble != *last) {
        tracing::error!(%kind, "what this replica has loaded cannot be reported, so that promotions do not wait for it");
    }
    *last = trouble;
}
