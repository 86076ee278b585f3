//! What this replica says of itself.

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

/// Time between two reports.
const REPORT: Duration = Duration::from_secs(2);

/// What the reports said when this replica came.
#[derive(Clone, Default)]
pub(crate) struct Before {
    /// Counts of this replica's earlier runs.
    pub(crate) uses: BTreeMap<KeyId, UseCounts>,
    /// The latest revision that any replica has ever used; 0 without reports.
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

/// This replica's voice among the reports.
pub(crate) struct Reporter {
    name: ReplicaName,
    reports: Reports,
    clock: Arc<dyn Clock>,
    before: Before,
    /// Empty while the replica starts.
    ring: OnceLock<Arc<RingHolder>>,
    soon: Notify,
    /// Whether the others know what this replica has loaded.
    heard: watch::Sender<bool>,
}

impl Reporter {
    /// The replica of this name, which starts now. Its counts go on from its last report.
    pub(crate) fn new(ring: &Path, name: ReplicaName, clock: Arc<dyn Clock>) -> Self {
        let reports = Reports::beside(ring);
        let last = reports.of(&name).unwrap_or_else(|error| {
            tracing::warn!(kind = %error.kind(), "the last report of this replica cannot be read; its counts start anew");
            None
        });
        let others = reports.all().unwrap_or_else(|error| {
            tracing::warn!(kind = %error.kind(), "the replicas' reports cannot be read: whether the key ring is older than theirs is not known");
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
            heard: watch::Sender::new(false),
        }
    }

    /// Takes over the counts of replicas that are gone, and removes what they left: where each pod has a name of its
    /// own, the reports that all read every two seconds would grow for ever. To be called once this one has reported.
    /// Blocks.
    pub(crate) fn inherit(&mut self) -> io::Result<()> {
        for name in self.reports.gone(&self.name)? {
            let Some(gone) = self.reports.remains(&self.name, &name)? else { continue };
            let before = self.before.clone();
            self.before.add(&gone.report);
            // Before its own is removed, for nothing else has its counts, and the latest revision.
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

    /// What the reports said when this replica came.
    pub(crate) fn before(&self) -> &Before {
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
        if let Some(ring) = self.ring.get() {
            return ring.report(&self.name);
        }
        let Before { uses, revision } = &self.before;
        Report::new(self.name.clone(), 0, Vec::new(), uses, self.clock.now().as_secs()).after(*revision)
    }

    /// Reports. Blocks.
    pub(crate) fn publish(&self) -> io::Result<()> {
        self.put(&self.report())
    }

    /// Whether this replica's reports arrive. One whose do not is waited for by nobody, so that it must not be asked to
    /// open anything, as its health says, and seals nothing.
    pub(crate) fn heard(&self) -> watch::Receiver<bool> {
        self.heard.subscribe()
    }

    /// Has a report made before the next one is due.
    pub(crate) fn report_soon(&self) {
        self.soon.notify_one();
    }

    /// All replicas; see [`Reports::all`].
    pub(crate) fn all(&self) -> io::Result<Vec<Peer>> {
        self.reports.all()
    }

    /// Reports again and again, until `stop` is sent; then for the last time. If the sender is dropped instead, nobody
    /// knows how the service ended, and no end is reported.
    ///
    /// On its own, beside whatever else this replica does: one that waits for its root, or for a lock, runs all the
    /// same, and must be waited for.
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
                self.heard.send_replace(false);
                writing.await
            };
            if outcome.is_ok() {
                // The others count from when it was written.
                last = began;
                self.heard.send_replace(true);
            } else if last.elapsed() >= LIVE {
                self.heard.send_replace(false);
            }
            tell(outcome, &mut trouble);
        };
        if stopped.is_ok() {
            tell(self.write(|own| own.report().stopped()).await, &mut trouble);
        }
    }

    /// Writes a report; and looks who else does, so that who has ceased to is known when it matters.
    async fn write(
        self: &Arc<Self>,
        report: impl FnOnce(&Self) -> Report + Send + 'static,
    ) -> io::Result<()> {
        let own = Arc::clone(self);
        let write = move || {
            own.put(&report(&own))?;
            // Who cannot look says so where it matters: before a change of the ring.
            let _ = own.all();
            Ok(())
        };
        spawn_blocking(write).await?
    }

    fn put(&self, report: &Report) -> io::Result<()> {
        self.reports.put(report)?;
        self.heard.send_replace(true);
        Ok(())
    }
}

/// Logs what is new about it, and not again with every report.
fn tell(outcome: io::Result<()>, last: &mut Option<io::ErrorKind>) {
    let trouble = outcome.err().map(|error| error.kind());
    if let Some(kind) = trouble.filter(|_| trouble != *last) {
        tracing::error!(%kind, "what this replica has loaded cannot be reported: after ten seconds nothing waits for it, it seals nothing, and its health fails");
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
    fn what_replicas_left_that_are_gone_is_taken_over() {
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
    async fn a_replica_that_cannot_report_says_so_until_it_can() {
        let folder = RingFolder::new();
        let reporter = folder.reporter("one");
        let mut heard = reporter.heard();
        assert!(!*heard.borrow());
        let (_stop, stopped) = oneshot::channel();
        let reporting = tokio::spawn(reporter.run(stopped));
        heard.wait_for(|heard| *heard).await.unwrap();

        let replicas = folder.report_of("one").parent().unwrap().to_owned();
        fs::remove_dir_all(&replicas).unwrap();
        fs::write(&replicas, "in the way").unwrap();
        let since = Instant::now();
        timeout(2 * LIVE, heard.wait_for(|heard| !*heard)).await.unwrap().unwrap();
        assert!(since.elapsed() + REPORT > LIVE, "an outage that passes is none");

        fs::remove_file(&replicas).unwrap();
        heard.wait_for(|heard| *heard).await.unwrap();
        reporting.abort();
    }
}
