//! A replica's report to the others: the file `replicas/<name>.json` beside the ring.
//!
//! ```json
//! {
//!   "name": "crypto-service-0",
//!   "revision": 3,
//!   "latest": 3,
//!   "loaded": [1, 2],
//!   "uses": [{ "id": 1, "seals": 10, "opens": 12, "last_use": 1767225600 }],
//!   "reported_at": 1767225601,
//!   "stopped": false
//! }
//! ```
//!
//! Times are seconds since 1970-01-01T00:00:00Z. A starting replica reports revision 0 until it has loaded the ring, so
//! that no key that it lacks is promoted in between. `latest` keeps its value, so that no older ring is loaded. The
//! counts cover all runs under this name. They also include those of replicas that had not reported for a day when this
//! one started; their files are removed then. If the process is killed during that, their uses are counted twice.

use std::collections::BTreeMap;

use postern_envelope::KeyId;
use postern_keyring::ReplicaName;
use serde::{Deserialize, Serialize};

use super::UseCounts;

/// One replica's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The replica's name.
    pub(crate) name: ReplicaName,
    /// Revision of the ring that it uses; 0 while it is starting.
    pub(crate) revision: u64,
    /// The latest revision that it knows any replica to have used.
    #[serde(default)]
    pub(crate) latest: u64,
    /// Keys that it can open seals with.
    pub(crate) loaded: Vec<KeyId>,
    uses: Vec<KeyUse>,
    reported_at: u64,
    stopped: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeyUse {
    id: KeyId,
    #[serde(flatten)]
    counts: UseCounts,
}

impl Report {
    pub(crate) fn new(
        name: ReplicaName,
        revision: u64,
        loaded: Vec<KeyId>,
        uses: &BTreeMap<KeyId, UseCounts>,
        now: u64,
    ) -> Self {
        let uses = uses.iter().map(|(&id, &counts)| KeyUse { id, counts }).collect();
        Self { name, revision, latest: revision, loaded, uses, reported_at: now, stopped: false }
    }

    /// The last report, sent at an orderly shutdown.
    pub(crate) fn stopped(self) -> Self {
        Self { stopped: true, ..self }
    }

    /// The same report with this revision as the latest that is known to have been used.
    pub(crate) fn after(self, latest: u64) -> Self {
        Self { latest: self.latest.max(latest), ..self }
    }

    /// Stands for an unreadable report. The replica counts as having loaded nothing.
    pub(crate) fn unknown(name: ReplicaName) -> Self {
        Self::new(name, 0, Vec::new(), &BTreeMap::new(), 0)
    }

    /// Whether this was read from a file, rather than made by [`Report::unreadable`].
    pub(crate) fn is_known(&self) -> bool {
        self.reported_at > 0
    }

    /// Whether the replica has reported that it stops.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// When the replica reported.
    pub(crate) fn reported_at(&self) -> u64 {
        self.reported_at
    }

    /// The use counts of each key.
    pub(crate) fn uses(&self) -> BTreeMap<KeyId, UseCounts> {
        self.uses.iter().map(|uses| (uses.id, uses.counts)).collect()
    }
}
