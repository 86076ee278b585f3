//! Follows the ring file, and reports.

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, oneshot},
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use super::{Reporter, RingHolder};

/// Time between two looks at the ring file.
const LOOK: Duration = Duration::from_millis(250);

/// Time between two reports.
const REPORT: Duration = Duration::from_secs(2);

/// Loads what is new and reports it, until `stop` is sent; then reports for the last time. `now` asks for a look at once.
/// If the sender is dropped instead, nobody knows how the service ended, and no end is reported.
pub(crate) async fn follow(
    holder: Arc<RingHolder>,
    reporter: Arc<Reporter>,
    now: Arc<Notify>,
    mut stop: oneshot::Receiver<()>,
) {
    let mut follower = Follower { holder, reporter, seen: None, trouble: [None, None] };
    let (mut look, mut report) = (interval(LOOK), interval(REPORT));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    report.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stopped = loop {
        let task = tokio::select! {
            stopped = &mut stop => break stopped,
            () = now.notified() => Task::LookAgain,
            _ = look.tick() => Task::Look,
            _ = report.tick() => Task::Report,
        };
        follower = follower.blocking(move |follower| follower.run(task)).await;
    };
    if stopped.is_ok() {
        follower.blocking(Follower::report_the_end).await;
    }
}

#[derive(Clone, Copy)]
enum Task {
    /// Read the file if it seems to have changed.
    Look,
    /// Read the file.
    LookAgain,
    Report,
}

struct Follower {
    holder: Arc<RingHolder>,
    reporter: Arc<Reporter>,
    /// The file that was read last.
    seen: Option<Seen>,
    /// What was logged last about the ring and about the report: it is not logged again every second.
    trouble: [Option<String>; 2],
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
    async fn blocking(mut self, work: impl FnOnce(&mut Self) + Send + 'static) -> Self {
        let done = spawn_blocking(move || {
            work(&mut self);
            self
        });
        done.await.expect("nothing that follows the ring panics")
    }

    fn run(&mut self, task: Task) {
        match task {
            Task::Look => self.look(false),
            Task::LookAgain => self.look(true),
            Task::Report => self.report(),
        }
    }

    fn look(&mut self, again: bool) {
        let seen = Seen::at(self.holder.file());
        if !again && seen.is_some() && seen == self.seen {
            return;
        }
        match self.holder.reload() {
            Ok(newer) => {
                self.seen = seen;
                self.tell(0, None);
                if newer || again {
                    self.report();
                }
            }
            // Looked at again in a moment: the root may answer then.
            Err(error) => {
                self.tell(
                    0,
                    Some(format!("the key ring in use stays, for the file cannot be used: {error}")),
                );
            }
        }
    }

    fn report(&mut self) {
        let report = self.holder.report(self.reporter.name());
        self.published(self.reporter.publish(&report));
    }

    fn report_the_end(&mut self) {
        let report = self.holder.report(self.reporter.name()).stopped();
        self.published(self.reporter.publish(&report));
    }

    fn published(&mut self, outcome: std::io::Result<()>) {
        let trouble = outcome.err().map(|error| {
            format!(
                "what this replica has loaded cannot be reported, so that promotions do not wait for it: {}",
                error.kind()
            )
        });
        self.tell(1, trouble);
    }

    fn tell(&mut self, about: usize, trouble: Option<String>) {
        if let Some(trouble) = trouble.as_deref().filter(|_| trouble != self.trouble[about]) {
            tracing::error!("{trouble}");
        }
        self.trouble[about] = trouble;
    }
}
