//! Looks at the ring file, for all who want to know what is new: one at a time, and not in vain.

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::Arc, time::Duration};

use postern_keyring::RingFileError;
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::spawn_blocking,
    time::{Instant, sleep_until},
};

use super::RingHolder;

/// Time between two looks that seals under unknown keys may cause.
const CATCH_UP: Duration = Duration::from_millis(100);

/// Pause after a file could not be used, until it is tried again as it is; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is known from the looks so far. Held during a look.
pub(crate) type Looks = Arc<Mutex<Looked>>;

#[derive(Default)]
pub(crate) struct Looked {
    /// When the last look began.
    began: Option<Instant>,
    /// The file that was read last, and is in use.
    used: Option<Seen>,
    failed: Option<Failed>,
}

/// A file that could not be used.
struct Failed {
    seen: Option<Seen>,
    error: RingFileError,
    again: Instant,
    pause: Duration,
}

/// How to look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Read the file if it seems to have changed.
    IfChanged,
    /// Read the file, unless it has just failed.
    Now,
    /// Read the file in any case.
    Anyway,
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

impl Looked {
    /// What a look would find, without one.
    fn known(&self, look: Look, seen: Option<Seen>) -> Option<Result<bool, RingFileError>> {
        let failed = self.failed.as_ref();
        match failed.filter(|failed| failed.seen == seen && Instant::now() < failed.again) {
            Some(failed) if look != Look::Anyway => Some(Err(failed.error)),
            None if look == Look::IfChanged && failed.is_none() && seen.is_some() && seen == self.used => {
                Some(Ok(false))
            }
            _ => None,
        }
    }

    fn found(&mut self, seen: Option<Seen>, outcome: Result<bool, RingFileError>) {
        let before = self.failed.take();
        match outcome {
            Ok(_) => self.used = seen,
            Err(error) => {
                let same = before.filter(|before| before.seen == seen);
                let pause = same.map_or(FIRST_PAUSE, |before| LONGEST_PAUSE.min(2 * before.pause));
                self.failed = Some(Failed { seen, error, again: Instant::now() + pause, pause });
            }
        }
    }
}

impl RingHolder {
    /// [`RingHolder::reload`], after whoever else looks. A file that cannot be used has its root asked ever more
    /// seldom, until it is another one: after a move to another root, this process would ask its own in vain until it
    /// ends.
    pub(crate) async fn look(self: &Arc<Self>, look: Look) -> Result<bool, RingFileError> {
        let looked = Arc::clone(self.looks()).lock_owned().await;
        self.look_alone(look, looked).await
    }

    /// A seal under a key that this replica lacks may be of another one, which was a moment earlier to load it: looks
    /// at the file before the seal is refused. Made-up seals must not keep the disk busy, and hold up no genuine one:
    /// all that came before a look share it, and looks have a pause between them.
    pub(crate) async fn know_key_of(self: &Arc<Self>, sealed: &[u8]) {
        let came = Instant::now();
        while !self.with_ring(|ring| ring.has_key_of(sealed)) {
            let looked = Arc::clone(self.looks()).lock_owned().await;
            match looked.began {
                Some(began) if began > came => return,
                Some(began) if began.elapsed() < CATCH_UP => {
                    drop(looked);
                    sleep_until(began + CATCH_UP).await;
                }
                _ => {
                    // Why it cannot be read is told where the file is followed.
                    let _ = self.look_alone(Look::Now, looked).await;
                    return;
                }
            }
        }
    }

    async fn look_alone(
        self: &Arc<Self>,
        look: Look,
        mut looked: OwnedMutexGuard<Looked>,
    ) -> Result<bool, RingFileError> {
        let holder = Arc::clone(self);
        let done = spawn_blocking(move || {
            let seen = Seen::at(holder.file());
            looked.began = Some(Instant::now());
            if let Some(known) = looked.known(look, seen) {
                return known;
            }
            let outcome = holder.reload();
            looked.found(seen, outcome);
            outcome
        });
        done.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

#[cfg(test)]
#[path = "looks_tests.rs"]
mod tests;
