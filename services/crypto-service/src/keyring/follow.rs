//! Follows the ring file.

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::{Reporter, RingHolder};

/// Time between two looks at the ring file.
const LOOK: Duration = Duration::from_millis(250);

/// Loads what is new, and has it reported, for as long as it is polled. `now` asks for a look at once.
pub(crate) async fn follow(holder: Arc<RingHolder>, reporter: Arc<Reporter>, now: Arc<Notify>) {
    let mut follower = Follower { holder, reporter, seen: None, trouble: None };
    let mut due = interval(LOOK);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let again = tokio::select! {
            () = now.notified() => true,
            _ = due.tick() => false,
        };
        let looked = spawn_blocking(move || {
            follower.look(again);
            follower
        });
        follower = looked.await.expect("nothing that follows the ring panics");
    }
}

struct Follower {
    holder: Arc<RingHolder>,
    reporter: Arc<Reporter>,
    /// The file that was read last.
    seen: Option<Seen>,
    /// What was logged last: it is not logged again with every look.
    trouble: Option<String>,
}

/// Tells one file from another without reading it. The ring is never written in place.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Seen {
    fn at(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        Some(Self { inode: metadata.ino(), length: metadata.len(), changed })
    }
}

impl Follower {
    /// Reads the file if it seems to have changed; or `again` in any case.
    fn look(&mut self, again: bool) {
        let seen = Seen::at(self.holder.file());
        if !again && seen.is_some() && seen == self.seen {
            return;
        }
        match self.holder.reload() {
            Ok(newer) => {
                self.seen = seen;
                self.trouble = None;
                if newer || again {
                    self.reporter.report_soon();
                }
            }
            // Looked at again in a moment: the root may answer then.
            Err(error) => {
                self.tell(format!("the key ring in use stays, for the file cannot be used: {error}"));
            }
        }
    }

    fn tell(&mut self, trouble: String) {
        if self.trouble.as_ref() != Some(&trouble) {
            tracing::error!("{trouble}");
        }
        self.trouble = Some(trouble);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::keyring::test_support::{HangingRoot, RingFolder, eventually, rotate};

    /// Were it taken for gone, a key could be promoted that it lacks.
    #[tokio::test]
    async fn a_replica_that_waits_for_its_root_goes_on_reporting() {
        let folder = RingFolder::new();
        let (root, hold) = HangingRoot::new(folder.root());
        let ring = folder.holder_with(Box::new(root));
        let reporter = folder.reporter("one");
        reporter.started(ring.clone());
        let (_stop, stopped) = oneshot::channel();
        let reporting = tokio::spawn(reporter.clone().run(stopped));
        let following = tokio::spawn(follow(ring.clone(), reporter, Arc::default()));

        rotate(&folder.holder());
        eventually("it asks its root", || hold.is_waited_for()).await;
        for _ in 0..3 {
            let report = folder.report_of("one");
            eventually("it reports", || report.exists()).await;
            fs::remove_file(&report).unwrap();
        }
        assert_eq!(ring.with_ring(postern_envelope::KeyRing::revision), 1, "it still waits");

        drop(hold);
        eventually("it has the ring", || ring.with_ring(postern_envelope::KeyRing::revision) == 3).await;
        following.abort();
        reporting.abort();
    }
}
