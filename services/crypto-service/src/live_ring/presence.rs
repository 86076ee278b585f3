//! Decides which replicas are running, from when their reports change.
//!
//! A wrong clock, on another machine or on this one, must not make a running replica look as if it had exited: a key
//! that it lacks could be promoted. So the times in the reports are not used. The file system stamps all reports with
//! one clock, and this process measures how long a report stays unchanged.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime},
};

use postern_keyring::ReplicaName;

/// How long a replica counts as running after a report. Replicas report every two seconds.
pub(crate) const LIVE: Duration = Duration::from_secs(10);

/// Identifies one report of a replica: its modification time, by the clock of the file system, and its inode.
pub(crate) type Version = (SystemTime, u64);

/// The reports seen so far.
#[derive(Default)]
pub(crate) struct Presence {
    sightings: BTreeMap<ReplicaName, Sighting>,
    looked: Option<Instant>,
    /// A time of the file system's clock, and the moment at which this process saw it.
    clock: Option<(SystemTime, Instant)>,
}

/// A version of a report, and its age when it was first seen.
struct Sighting {
    version: Version,
    age: Duration,
    seen: Instant,
}

impl Presence {
    /// Records that a file written now has this time.
    pub(crate) fn written(&mut self, modified: SystemTime, now: Instant) {
        self.clock = Some((modified, now));
    }

    /// Takes all current reports, and returns which replicas count as running.
    pub(crate) fn look(
        &mut self,
        reports: impl Iterator<Item = (ReplicaName, Version)>,
        now: Instant,
    ) -> Vec<ReplicaName> {
        let before = std::mem::take(&mut self.sightings);
        for (name, version) in reports {
            let known = before.get(&name).filter(|known| known.version == version);
            let (age, seen) =
                known.map_or_else(|| (self.age(version, now), now), |known| (known.age, known.seen));
            self.sightings.insert(name, Sighting { version, age, seen });
        }
        self.looked = Some(now);
        let live = self.sightings.iter().filter(|(_, sighting)| sighting.age + (now - sighting.seen) <= LIVE);
        live.map(|(name, _)| name.clone()).collect()
    }

    /// Age of a report that did not exist at the last look: at most the time since then, even if the file system's
    /// clock was changed. A report from the future counts as new: waiting for an exited replica for a while does less
    /// harm than not waiting for a running one.
    fn age(&self, (modified, _): Version, now: Instant) -> Duration {
        let Some((clock, then)) = self.clock else { return Duration::ZERO };
        let age = (clock + (now - then)).duration_since(modified).unwrap_or_default();
        self.looked.map_or(age, |looked| age.min(now - looked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live_ring::test_support::replica;

    const EPOCH: SystemTime = SystemTime::UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    /// Whether the replica with a report of this time is live.
    fn live(presence: &mut Presence, modified: SystemTime, now: Instant) -> bool {
        !presence.look([(replica("one"), (modified, 1))].into_iter(), now).is_empty()
    }

    #[test]
    fn a_replica_is_live_for_ten_seconds_after_its_report() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut presence = Presence::default();
        presence.written(at(100), start);
        assert!(live(&mut presence, at(95), start));
        assert!(live(&mut presence, at(95), after(5)));
        assert!(!live(&mut presence, at(95), after(6)));
        assert!(live(&mut presence, at(106), after(6)));

        let mut another = Presence::default();
        another.written(at(100), start);
        assert!(!live(&mut another, at(89), start), "it was gone before this one came");
    }

    #[test]
    fn a_report_from_the_future_counts_for_as_long_as_any() {
        let start = Instant::now();
        let mut presence = Presence::default();
        presence.written(at(0), start);
        assert!(live(&mut presence, at(3600), start));
        assert!(live(&mut presence, at(3600), start + LIVE));
        assert!(!live(&mut presence, at(3600), start + LIVE + Duration::from_secs(1)), "nobody renews it");
    }

    #[test]
    fn a_clock_that_steps_does_not_make_a_replica_look_exited() {
        let start = Instant::now();
        let mut presence = Presence::default();
        presence.written(at(0), start);
        assert!(live(&mut presence, at(0), start));
        // Forward by an hour: this replica has reported since, and the other one just before.
        presence.written(at(3602), start + Duration::from_secs(2));
        assert!(live(&mut presence, at(1), start + Duration::from_secs(2)));
        // And back.
        presence.written(at(4), start + Duration::from_secs(4));
        assert!(live(&mut presence, at(3603), start + Duration::from_secs(4)));
    }

    #[test]
    fn before_this_replica_has_written_anything_all_are_live() {
        assert!(live(&mut Presence::default(), EPOCH, Instant::now()));
    }
}
