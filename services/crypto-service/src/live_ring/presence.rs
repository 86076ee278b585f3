//! Which replicas run, told from when their reports change.
//!
//! A clock that is wrong, on another machine or on this one, must not make a replica look gone: a key could be promoted
//! that it lacks. So the times that replicas write are not asked. The system that keeps the files stamps all of them
//! with one clock, and how long a report stays as it is, is measured here.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime},
};

use postern_keyring::ReplicaName;

/// How long a replica is taken for running after its report. It reports every two seconds.
pub(crate) const LIVE: Duration = Duration::from_secs(10);

/// Tells one report of a replica from the next: when its file was written, by the clock of the files, and its inode.
pub(crate) type Version = (SystemTime, u64);

/// What was seen of the reports so far.
#[derive(Default)]
pub(crate) struct Presence {
    sightings: BTreeMap<ReplicaName, Sighting>,
    looked: Option<Instant>,
    /// The clock of the files, at a moment of this process.
    clock: Option<(SystemTime, Instant)>,
}

/// A version of a report, and its age when it was first seen.
struct Sighting {
    version: Version,
    age: Duration,
    seen: Instant,
}

impl Presence {
    /// A file was written now, and has this time.
    pub(crate) fn written(&mut self, modified: SystemTime, now: Instant) {
        self.clock = Some((modified, now));
    }

    /// Takes in all reports that there are now, and tells which of the replicas are taken for running.
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

    /// Age of a report that was not there at the last look: no older than that, whatever the clock of the files does.
    /// One from the future is new: to wait for its replica in vain, for a while, does less harm than not to wait for
    /// it.
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

    /// Whether the replica is live, of whose report this is the time.
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
    fn a_clock_that_steps_makes_nobody_look_gone() {
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
