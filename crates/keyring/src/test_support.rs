//! Fixtures shared by the tests of several modules.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use postern_domain::Clock;
pub(crate) use postern_envelope::test_support::{
    CountingEntropy, FixedEntropy, NEW_YEAR, NewYear, NoEntropy, context,
};
use postern_envelope::{KeyId, SystemEntropy};

use crate::{Base, FileRoot, LoadedRing, RingEditor, ring_file};

/// A clock that tests set.
pub(crate) struct SetClock(pub(crate) AtomicU64);

impl Clock for SetClock {
    fn now(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// A ring file with one key, beside the file of its root.
pub(crate) struct RingFixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) root: FileRoot,
    pub(crate) path: PathBuf,
    pub(crate) clock: SetClock,
}

impl RingFixture {
    pub(crate) fn new() -> Self {
        let (folder, root) = root(1);
        let path = folder.path().join("keyring.json");
        ring_file::create(&path, &root, &SystemEntropy, &NewYear).unwrap();
        Self { folder, root, path, clock: SetClock(AtomicU64::new(NEW_YEAR)) }
    }

    pub(crate) fn editor(&self) -> RingEditor<'_> {
        RingEditor { path: &self.path, root: &self.root, entropy: &SystemEntropy, clock: &self.clock }
    }

    pub(crate) fn load(&self) -> LoadedRing {
        ring_file::load(&self.path, &self.root).unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    /// Stages a key and promotes it.
    pub(crate) fn rotate(&self) -> KeyId {
        let (id, _) = self.editor().stage(Base::default()).unwrap();
        self.editor().promote(id, Base::default()).unwrap();
        id
    }
}

pub(crate) fn id(number: u32) -> KeyId {
    KeyId::new(number).unwrap()
}

/// A root whose key repeats one byte, and the folder of its file.
pub(crate) fn root(byte: u8) -> (tempfile::TempDir, FileRoot) {
    let folder = tempfile::tempdir().unwrap();
    let root = FileRoot::create(&folder.path().join("root.key"), &FixedEntropy(&[byte; 32])).unwrap();
    (folder, root)
}
