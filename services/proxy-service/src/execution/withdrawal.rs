//! What runs ends when its caller may no longer run it, and sessions that nobody may use are closed.
//!
//! * A call that takes longer looks its connection up again, once a second, like any other lookup: under row level
//!   security, and in a round trip that it shares. If access was withdrawn, or the connection is gone or another
//!   version, the call ends: its statement is cancelled on the tenant's server, and the pool is dropped.
//! * Each replica asks every other second what was denied since it last asked, and drops the pools that nobody may use
//!   any more.
//! * If the control database does not answer, what runs goes on. New calls fail meanwhile.

use std::{sync::Arc, time::Duration};

use postern_store::{Denied, SavedConnection};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Core, Failure, Job};

/// How long a lookup holds for a call in progress. Less would multiply the lookups; with more, a withdrawal would take
/// longer.
const LOOKUP_HOLDS: Duration = Duration::from_secs(1);

/// Time between two questions for new denials.
const PAUSE: Duration = Duration::from_secs(2);

impl Core {
    /// Does `work` on a connection that was looked up at `since`, for as long as its caller may use it. Otherwise the
    /// work is dropped, which cancels its statement.
    pub(super) async fn while_allowed<T>(
        &self,
        job: &Job,
        used: &SavedConnection,
        since: Instant,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            done = work => done,
            failure = self.withdrawn(job, used, since) => {
                self.evict(job.owner(), used.id);
                Err(failure)
            }
        }
    }

    /// Returns when the caller may no longer use this version of the connection.
    async fn withdrawn(&self, job: &Job, used: &SavedConnection, since: Instant) -> Failure {
        let mut next = since + LOOKUP_HOLDS;
        loop {
            sleep_until(next).await;
            match self.look_up(job).await {
                Err(failure @ (Failure::AccessWithdrawn | Failure::ConnectionWithdrawn)) => return failure,
                Err(Failure::NotFound(_)) if self.cancel_on_change => return Failure::Deleted,
                Ok(found)
                    if self.cancel_on_change && (found.id, found.version) != (used.id, used.version) =>
                {
                    return Failure::Changed;
                }
                Ok(_) | Err(_) => {}
            }
            next = Instant::now() + LOOKUP_HOLDS;
        }
    }

    /// Drops the pools that nobody may use any more, until the core is gone.
    pub(super) fn follow_denials(self: &Arc<Self>) {
        let core = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut revision = 0;
            loop {
                sleep(PAUSE).await;
                let Some(core) = core.upgrade() else { return };
                revision = core.apply_denials(revision).await;
            }
        });
    }

    /// Applies the denials after this revision; returns the last one's.
    async fn apply_denials(&self, mut revision: i64) -> i64 {
        // An error is seen by the calls, too, and logged there.
        while let Ok(denials) = self.lookups.denials_after(revision).await
            && let Some((last, _)) = denials.last()
        {
            revision = *last;
            for (_, denied) in &denials {
                self.evict_denied(denied);
            }
        }
        revision
    }

    fn evict_denied(&self, denied: &Denied) {
        for (owner, connection) in self.lookups.denied(denied) {
            self.evict(owner, connection);
        }
    }
}
