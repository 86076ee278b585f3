//! What a replica tells the others, in a file of its own: `replicas/<name>.json` beside the ring.
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
//! Times are seconds since 1970-01-01T00:00:00Z. A replica that starts reports revision 0 until it has loaded the ring,
//! so that no key is promoted in between that it lacks; `latest` stays what it was: no older ring is loaded. The counts
//! are those of all runs under this name, and of replicas that were gone for a day when this one started: their files
//! are removed then. A kill in the middle of that counts their uses twice.

use std::collections::BTreeMap;

use postern_envelope::KeyId;
use postern_keyring::ReplicaName;
use serde::{Deserialize, Serialize};

use super::UseCounts;

/// What one replica has loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Which replica.
    pub(crate) name: ReplicaName,
    /// Revision of the ring that it uses; 0 while it starts.
    pub(crate) revision: u64,
    /// The latest revision that it knows to have been in use.
    #[serde(default)]
    pub(crate) latest: u64,
    /// Keys that it opens with.
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

    /// The last one of a replica that stops in good order.
    pub(crate) fn stopped(self) -> Self {
        Self { stopped: true, ..self }
    }

    /// That of a replica which knows that this revision was in use.
    pub(crate) fn after(self, latest: u64) -> Self {
        Self { latest: self.latest.max(latest), ..self }
    }

    /// What stands for a report that cannot be read: as far as is known, the replica has loaded nothing.
    pub(crate) fn unknown(name: ReplicaName) -> Self {
        Self::new(name, 0, Vec::new(), &BTreeMap::new(), 0)
    }

    /// Whether this is a report, and no stand-in for one.
    pub(crate) fn is_known(&self) -> bool {
        self.reported_at > 0
    }

    /// Whether the replica has said that it stops.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// When the replica reported.
    pub(crate) fn reported_at(&self) -> u64 {
        self.reported_at
    }

    /// How often it used each key.
    pub(crate) fn uses(&self) -> BTreeMap<KeyId, UseCounts> {
        self.uses.iter().map(|uses| (uses.id, uses.counts)).collect()
    }
}
