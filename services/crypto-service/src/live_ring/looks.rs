//! Checks of the ring file: one at a time, shared by all callers, and not repeated needlessly.

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::Arc, time::Duration};

use postern_keyring::RingFileError;
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::spawn_blocking,
    time::{Instant, sleep_until},
};

use super::RingHolder;

/// Minimum interval between checks that are caused by seals under unknown keys.
const CATCH_UP: Duration = Duration::from_millis(100);

/// Pause before an unusable file is tried again unchanged. It doubles each time, up to a maximum.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The results of the checks so far. Locked during a check.
pub(crate) type Looks = Arc<Mutex<Looked>>;

#[derive(Default)]
pub(crate) struct Looked {
    /// When the last check started.
    began: Option<Instant>,
    /// The file whose ring is in use.
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

/// When to read the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// If it seems to have changed.
    IfChanged,
    /// Unless it has just failed.
    Now,
    /// Always.
    Anyway,
}

/// Identifies a version of the file without reading it. The ring is never written in place.
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
    /// The current version of the file.
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
    /// [`RingHolder::reload`], one at a time. An unusable file is retried less and less often until it changes: after a
    /// move to another root, this process would otherwise call its own root in vain until it exits.
    pub(crate) async fn look(self: &Arc<Self>, look: Look) -> Result<bool, RingFileError> {
        let looked = Arc::clone(self.looks()).lock_owned().await;
        self.look_alone(look, looked).await
    }

    /// Another replica may have loaded a new key a moment earlier and sealed with it. So before a seal under an unknown
    /// key is refused, the file is checked. Forged seals must not keep the disk busy or delay genuine ones, so all
    /// calls that arrived before a check share it, and checks have a minimum interval.
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
                    // Errors are logged where the file is followed.
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
