//! The key ring in memory.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use postern_domain::{Clock, Secret};
use postern_envelope::{
    KeyId, OpenError, Opened, RewrapError, Rewrapped, SealContext, SealError, SystemEntropy,
};
use postern_keyring::{
    Base, ChangeError, LoadedRing, ReplicaName, RingChange, RingEditor, RingFileError, Root, ring_file,
};

use super::{Before, Report, looks::Looks, uses::KeyUses};

/// The ring that this replica uses, its file, and the use counts of its keys.
///
/// A newer file replaces the ring; calls in progress keep the ring they started with. An older or unusable file does
/// not replace it.
pub(crate) struct RingHolder {
    file: PathBuf,
    root: Box<dyn Root>,
    clock: Arc<dyn Clock>,
    current: ArcSwap<Loaded>,
    /// Held while the ring is replaced; never during calls to the root, which may be slow.
    exchange: Mutex<()>,
    looks: Looks,
}

/// One revision, with the use counts of its keys.
struct Loaded {
    ring: LoadedRing,
    uses: BTreeMap<KeyId, Arc<KeyUses>>,
}

impl RingHolder {
    /// Loads the ring. The counts continue from this replica's last report. A ring that is older than one that any
    /// replica has used is refused: it may lack keys that seals are under, and the next key would get the id of
    /// another.
    pub(crate) fn load(
        file: PathBuf,
        root: Box<dyn Root>,
        clock: Arc<dyn Clock>,
        before: &Before,
    ) -> Result<Self, RingFileError> {
        let ring = ring_file::load(&file, &*root)?;
        if ring.revision() < before.revision {
            return Err(RingFileError::Older { found: ring.revision(), held: before.revision });
        }
        let uses =
            before.uses.iter().map(|(&id, &counts)| (id, Arc::new(KeyUses::starting_at(counts)))).collect();
        let loaded = Loaded::new(ring, uses);
        loaded.warn_unless_locked();
        Ok(Self {
            file,
            root,
            clock,
            current: ArcSwap::from_pointee(loaded),
            exchange: Mutex::default(),
            looks: Looks::default(),
        })
    }

    /// See [`KeyRing::seal`](postern_envelope::KeyRing::seal).
    pub(crate) fn seal(&self, context: &SealContext, secret: &Secret) -> Result<Vec<u8>, SealError> {
        let loaded = self.current.load();
        let sealed = loaded.ring.seal(context, secret, &SystemEntropy)?;
        loaded.uses[&loaded.ring.primary()].sealed(self.now());
        Ok(sealed)
    }

    /// See [`KeyRing::open`](postern_envelope::KeyRing::open).
    pub(crate) async fn open(
        self: &Arc<Self>,
        context: &SealContext,
        sealed: &[u8],
    ) -> Result<Secret, OpenError> {
        self.know_key_of(sealed).await;
        let loaded = self.current.load();
        let Opened { secret, key } = loaded.ring.open(context, sealed)?;
        loaded.uses[&key].opened(self.now());
        Ok(secret)
    }

    /// See [`KeyRing::rewrap`](postern_envelope::KeyRing::rewrap). A seal under the primary key is returned as it is.
    pub(crate) async fn rewrap(
        self: &Arc<Self>,
        context: &SealContext,
        sealed: Vec<u8>,
    ) -> Result<Vec<u8>, RewrapError> {
        self.know_key_of(&sealed).await;
        let (loaded, now) = (self.current.load(), self.now());
        let primary = loaded.ring.primary();
        match loaded.ring.rewrap(context, &sealed, &SystemEntropy)? {
            Rewrapped::Unchanged => {
                loaded.uses[&primary].opened(now);
                Ok(sealed)
            }
            Rewrapped::Replaced { sealed, from } => {
                loaded.uses[&from].opened(now);
                loaded.uses[&primary].sealed(now);
                Ok(sealed)
            }
        }
    }

    /// Reads the ring file, and uses it if it is newer. Returns whether it was. Blocks.
    pub(crate) fn reload(&self) -> Result<bool, RingFileError> {
        loop {
            let held = self.current.load_full();
            let Some(newer) = ring_file::reload(&self.file, &*self.root, &held.ring)? else {
                return Ok(false);
            };
            let _alone = self.alone();
            // This replica may have changed the file during the calls to the root. Then the file is read again.
            if Arc::ptr_eq(&held, &self.current.load()) {
                self.put(&held, newer);
                return Ok(true);
            }
        }
    }

    /// Changes the ring file, and uses the result. `change` runs under the lock of the file. Blocks.
    pub(crate) fn change<T, E: From<ChangeError>>(
        &self,
        expected: Option<u64>,
        change: impl FnOnce(RingChange<'_>) -> Result<(T, LoadedRing), E>,
    ) -> Result<T, E> {
        let held = self.current.load_full();
        let editor =
            RingEditor { path: &self.file, root: &*self.root, entropy: &SystemEntropy, clock: &*self.clock };
        let (made, ring) = change(editor.begin(Base { expected, held: Some(&held.ring) })?)?;
        let _alone = self.alone();
        // A check may have loaded this or a later revision in the meantime.
        let held = self.current.load_full();
        if held.ring.revision() < ring.revision() {
            self.put(&held, ring);
        }
        Ok(made)
    }

    /// This replica's report.
    pub(crate) fn report(&self, name: &ReplicaName) -> Report {
        let loaded = self.current.load();
        let uses = self.use_counts();
        let usable = loaded.ring.usable().collect();
        Report::new(name.clone(), loaded.ring.revision(), usable, &uses, self.now())
    }

    /// How often each key was used.
    pub(super) fn use_counts(&self) -> BTreeMap<KeyId, super::UseCounts> {
        self.current.load().uses.iter().map(|(&id, uses)| (id, uses.counts())).collect()
    }

    /// Calls `show` with the ring.
    pub(crate) fn with_ring<T>(&self, show: impl FnOnce(&LoadedRing) -> T) -> T {
        show(&self.current.load().ring)
    }

    /// The ring's file.
    pub(crate) fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// The state of the checks of the file.
    pub(super) fn looks(&self) -> &Looks {
        &self.looks
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now().as_secs()
    }

    fn put(&self, held: &Loaded, ring: LoadedRing) {
        let loaded = Loaded::new(ring, held.uses.clone());
        if held.ring.is_locked() {
            loaded.warn_unless_locked();
        }
        let (revision, root) = (loaded.ring.revision(), loaded.ring.root());
        tracing::info!(revision, root, primary = %loaded.ring.primary(), "the key ring was loaded");
        self.current.store(Arc::new(loaded));
    }

    fn alone(&self) -> std::sync::MutexGuard<'_, ()> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loaded {
    /// Keeps the counts of keys that are no longer in the ring, because they are still reported.
    fn new(ring: LoadedRing, mut uses: BTreeMap<KeyId, Arc<KeyUses>>) -> Self {
        for key in ring.keys() {
            uses.entry(key.id).or_default();
        }
        Self { ring, uses }
    }

    fn warn_unless_locked(&self) {
        if !self.ring.is_locked() {
            tracing::warn!(
                "the system does not allow locking the keys in memory, so they may be swapped to disk; raise \
                 RLIMIT_MEMLOCK (ulimit -l, LimitMEMLOCK=) to 8 MiB, or run without swap"
            );
        }
    }
}

#[cfg(test)]
#[path = "holder_tests.rs"]
mod tests;
