//! Publishes this replica's report.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use postern_domain::Clock;
use postern_envelope::KeyId;
use postern_keyring::ReplicaName;
use tokio::{
    sync::{Notify, oneshot, watch},
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};

use super::{Peer, Report, Reports, RingHolder, UseCounts, presence::LIVE};

/// Interval between reports.
const REPORT: Duration = Duration::from_secs(2);

/// The state of the reports when this replica started.
#[derive(Clone, Default)]
pub(crate) struct Before {
    /// Use counts of this replica's earlier runs.
    pub(crate) uses: BTreeMap<KeyId, UseCounts>,
    /// The latest revision that any replica has used; 0 without reports.
    pub(crate) revision: u64,
}

impl Before {
    fn add(&mut self, other: &Report) {
        for (id, counts) in other.uses() {
            let sum = self.uses.entry(id).or_default();
            *sum = sum.plus(counts);
        }
        self.revision = self.revision.max(other.latest);
    }
}

/// Writes this replica's report at intervals.
pub(crate) struct Reporter {
    name: ReplicaName,
    reports: Reports,
    clock: Arc<dyn Clock>,
    before: Before,
    /// Empty until the ring is loaded.
    ring: OnceLock<Arc<RingHolder>>,
    soon: Notify,
    /// Whether this replica's reports can be written, so that the others know what it has loaded.
    reporting: watch::Sender<bool>,
}

impl Reporter {
    /// For a replica that is starting. Its counts continue from the last report under its name.
    pub(crate) fn new(ring: &Path, name: ReplicaName, clock: Arc<dyn Clock>) -> Self {
        let reports = Reports::beside(ring);
        let last = reports.of(&name).unwrap_or_else(|error| {
            tracing::warn!(kind = %error.kind(), "the last report of this replica cannot be read; its counts restart from 0");
            None
        });
        let others = reports.all().unwrap_or_else(|error| {
            tracing::warn!(kind = %error.kind(), "the replicas' reports cannot be read, so an older key ring would not be detected");
            Vec::new()
        });
        let known = others.iter().map(|peer| &peer.report).chain(&last);
        let revision = known.map(|report| report.latest).max().unwrap_or_default();
        let before = Before { uses: last.map(|report| report.uses()).unwrap_or_default(), revision };
        Self {
            name,
            reports,
            clock,
            before,
            ring: OnceLock::new(),
            soon: Notify::new(),
            reporting: watch::Sender::new(false),
        }
    }

    /// Takes over the counts of replicas that have exited, and removes their reports. Otherwise, where each pod has a
    /// new name, the reports that every replica reads every two seconds would accumulate. Called after this replica's
    /// first report. Blocks.
    pub(crate) fn inherit(&mut self) -> io::Result<()> {
        for name in self.reports.gone(&self.name)? {
            let Some(gone) = self.reports.remains(&self.name, &name)? else { continue };
            let before = self.before.clone();
            self.before.add(&gone.report);
            // Written before the other report is removed, which is the only one with its counts and latest revision.
            if let Err(error) = self.publish() {
                self.before = before;
                return Err(error);
            }
            gone.remove()?;
        }
        Ok(())
    }

    /// This replica's name.
    pub(crate) fn name(&self) -> &ReplicaName {
        &self.name
    }

    /// The state of the reports when this replica started.
    pub(crate) fn before(&self) -> &Before {
        &self.before
    }

    /// Sets the loaded ring, which is reported from now on.
    pub(crate) fn started(&self, ring: Arc<RingHolder>) {
        // Called once.
        let _ = self.ring.set(ring);
        self.report_soon();
    }

    /// This replica's current report. Never waits for the root.
    pub(crate) fn report(&self) -> Report {
        if let Some(ring) = self.ring.get() {
            return ring.report(&self.name);
        }
        let Before { uses, revision } = &self.before;
        Report::new(self.name.clone(), 0, Vec::new(), uses, self.clock.now().as_secs()).after(*revision)
    }

    /// Writes a report. Blocks.
    pub(crate) fn publish(&self) -> io::Result<()> {
        self.put(&self.report())
    }

    /// Whether this replica's reports can be written. While they cannot, the other replicas do not wait for it. So it
    /// must not seal, and its health fails, so that it gets no calls.
    pub(crate) fn reporting(&self) -> watch::Receiver<bool> {
        self.reporting.subscribe()
    }

    /// Triggers a report before the next one is due.
    pub(crate) fn report_soon(&self) {
        self.soon.notify_one();
    }

    /// All replicas; see [`Reports::all`].
    pub(crate) fn all(&self) -> io::Result<Vec<Peer>> {
        self.reports.all()
    }

    /// Reports at intervals until `stop` is sent, and then a last time. If the sender is dropped instead, the service
    /// did not shut down properly, and no last report is written.
    ///
    /// Runs as a task of its own: a replica that is waiting for its root or for a lock is still running, and the others
    /// must wait for it.
    pub(crate) async fn run(self: Arc<Self>, mut stop: oneshot::Receiver<()>) {
        let mut trouble = None;
        let mut due = interval(REPORT);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = Instant::now();
        let stopped = loop {
            tokio::select! {
                stopped = &mut stop => break stopped,
                () = self.soon.notified() => {}
                _ = due.tick() => {}
            }
            let began = Instant::now();
            let mut writing = pin!(self.write(Self::report));
            let outcome = if let Ok(outcome) = timeout_at(last + LIVE, &mut writing).await {
                outcome
            } else {
                self.reporting.send_replace(false);
                writing.await
            };
            if outcome.is_ok() {
                // The other replicas measure from when the file was written.
                last = began;
                self.reporting.send_replace(true);
            } else if last.elapsed() >= LIVE {
                self.reporting.send_replace(false);
            }
            tell(outcome, &mut trouble);
        };
        if stopped.is_ok() {
            tell(self.write(|own| own.report().stopped()).await, &mut trouble);
        }
    }

    /// Writes a report. Also reads the other replicas' reports, so that stale replicas are detected in time.
    async fn write(
        self: &Arc<Self>,
        report: impl FnOnce(&Self) -> Report + Send + 'static,
    ) -> io::Result<()> {
        let own = Arc::clone(self);
        let write = move || {
            own.put(&report(&own))?;
            // Errors are reported where the result matters: before a change of the ring.
            let _ = own.all();
            Ok(())
        };
        spawn_blocking(write).await?
    }

    fn put(&self, report: &Report) -> io::Result<()> {
        self.reports.put(report)?;
        self.reporting.send_replace(true);
        Ok(())
    }
}

/// Logs changes between success and failure, and not every report.
fn tell(outcome: io::Result<()>, last: &mut Option<io::ErrorKind>) {
    let trouble = outcome.err().map(|error| error.kind());
    if let Some(kind) = trouble.filter(|_| trouble != *last) {
        tracing::error!(%kind, "this replica's report cannot be written: after ten seconds the other replicas do not wait for it, it stops sealing, and its health check fails");
    }
    *last = trouble;
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::timeout;

    use super::*;
    use crate::live_ring::{
        NameClaim,
        test_support::{RingFolder, id, replica},
    };

    #[test]
    fn the_counts_of_exited_replicas_are_taken_over() {
        let folder = RingFolder::new();
        let left = |name: &str, hours: u64| {
            let uses = BTreeMap::from([(id(1), UseCounts { seals: 2, opens: 3, last_use: 4 })]);
            let latest = if name == "gone" { 9 } else { 7 };
            let report = Report::new(replica(name), 7, Vec::new(), &uses, 5).after(latest);
            folder.reports().put(&report.stopped()).unwrap();
            drop(NameClaim::take(&folder.ring(), &replica(name)).unwrap());
            make_older(&folder.report_of(name), hours);
        };
        for (name, hours) in [("one", 48), ("gone", 25), ("old", 9999), ("running", 25), ("recent", 23)] {
            left(name, hours);
        }
        let _running = NameClaim::take(&folder.ring(), &replica("running")).unwrap();
        fs::write(folder.report_of("later"), "{}").unwrap();
        make_older(&folder.report_of("later"), 9999);

        let clock = Arc::new(folder.clock.clone());
        let mut reporter = Reporter::new(&folder.ring(), replica("one"), clock);
        reporter.publish().unwrap();
        reporter.inherit().unwrap();
        let expected = UseCounts { seals: 6, opens: 9, last_use: 4 };
        assert_eq!((reporter.before.uses[&id(1)], reporter.before.revision), (expected, 9));
        let own = folder.reports().of(&replica("one")).unwrap().unwrap();
        assert_eq!((own.uses()[&id(1)], own.latest), (expected, 9));
        let mut files: Vec<_> = fs::read_dir(folder.report_of("one").parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let expected = [
            "later.json",
            "one.json",
            "one.lock",
            "recent.json",
            "recent.lock",
            "running.json",
            "running.lock",
        ];
        assert_eq!(files, expected);
    }

    fn make_older(path: &Path, hours: u64) {
        let file = fs::File::options().append(true).open(path).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        file.set_modified(written - Duration::from_hours(hours)).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_replica_that_cannot_report_is_unhealthy_until_it_can() {
        let folder = RingFolder::new();
        let reporter = folder.reporter("one");
        let mut reports = reporter.reporting();
        assert!(!*reports.borrow());
        let (_stop, stopped) = oneshot::channel();
        let reporting = tokio::spawn(reporter.run(stopped));
        reports.wait_for(|written| *written).await.unwrap();

        let replicas = folder.report_of("one").parent().unwrap().to_owned();
        fs::remove_dir_all(&replicas).unwrap();
        fs::write(&replicas, "in the way").unwrap();
        let since = Instant::now();
        timeout(2 * LIVE, reports.wait_for(|written| !*written)).await.unwrap().unwrap();
        assert!(since.elapsed() + REPORT > LIVE, "a short outage does not count");

        fs::remove_file(&replicas).unwrap();
        reports.wait_for(|written| *written).await.unwrap();
        reporting.abort();
    }
}
