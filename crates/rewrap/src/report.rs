//! The report of a job.

use postern_domain::{ConnectionId, OwnerId};
use postern_store::Place;

/// Failures that a report lists; any further ones are only counted.
const NAMED: usize = 100;

/// The results of a job, so far or in total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Seals that were replaced.
    pub rewrapped: u64,
    /// Rows that were saved or deleted while they were being rewrapped. The save or deletion won.
    pub overtaken: u64,
    /// New seals that were under another key than the wanted one, and were not stored. The primary key has changed, or
    /// a replica of crypto-service has not loaded it yet. Run the job again.
    pub elsewhere: u64,
    /// Rows that failed in the last walk. They keep their seals.
    pub failed: u64,
    /// The first 100 of them.
    pub failures: Vec<Failure>,
}

/// A row that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The owner of the row.
    pub owner: OwnerId,
    /// The connection.
    pub connection: ConnectionId,
    /// The secret.
    pub secret: String,
    /// A reason of `postern_rpc::Reason`, for example `SEAL_BROKEN`.
    pub reason: String,
}

impl Failure {
    pub(crate) fn new(place: Place, reason: String) -> Self {
        Self { owner: place.owner, connection: place.connection, secret: place.name, reason }
    }
}

impl Report {
    /// Whether every seal that the job found is under the wanted key now.
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && self.elsewhere == 0
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.failed += 1;
        if self.failures.len() < NAMED {
            self.failures.push(failure);
        }
    }

    /// Resets the counts of rows that are left, because the next walk counts them again.
    pub(crate) fn start_walk(&mut self) {
        self.elsewhere = 0;
        self.failed = 0;
        self.failures.clear();
    }

    /// Number of changed rows, by this job or by others. If there are any, another walk may find more.
    pub(crate) fn changes(&self) -> u64 {
        self.rewrapped + self.overtaken
    }
}
