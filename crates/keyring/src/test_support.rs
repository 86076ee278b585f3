//! What the tests of several modules share.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU8, AtomicU64, Ordering},
    time::Duration,
};

use postern_domain::{Clock, EndpointDigest, OwnerId, SecretId, TenantKind};
use postern_envelope::{Entropy, EntropyError, KeyId, SealContext, SystemEntropy};
use uuid::Uuid;

use crate::{Base, FileRoot, LoadedRing, RingEditor, ring_file};

/// Gives 1, 2, 3, …: the same in every run, and never the same salt or key twice.
#[derive(Default)]
pub(crate) struct CountingEntropy(AtomicU8);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1));
        Ok(())
    }
}

/// Gives the same bytes each time.
pub(crate) struct FixedEntropy<'a>(pub(crate) &'a [u8]);

impl Entropy for FixedEntropy<'_> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.copy_from_slice(self.0);
        Ok(())
    }
}

/// Gives nothing.
pub(crate) struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

/// 2026-01-01T00:00:00Z, in seconds.
pub(crate) const NEW_YEAR: u64 = 1_767_225_600;

/// Stands still at [`NEW_YEAR`].
pub(crate) struct NewYear;

impl Clock for NewYear {
    fn now(&self) -> Duration {
        Duration::from_secs(NEW_YEAR)
    }
}

/// Stands where it is put.
pub(crate) struct SetClock(pub(crate) AtomicU64);

impl Clock for SetClock {
    fn now(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// A ring file with one key, in a folder with its root.
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

pub(crate) fn context() -> SealContext {
    SealContext {
        owner: OwnerId(Uuid::from_bytes([0x11; 16])),
        secret: SecretId(Uuid::from_bytes([0x22; 16])),
        kind: TenantKind::Postgres,
        endpoint: EndpointDigest([0x33; 32]),
    }
}

/// A root made of one byte, and the folder that its file lies in.
pub(crate) fn root(byte: u8) -> (tempfile::TempDir, FileRoot) {
    let folder = tempfile::tempdir().unwrap();
    let root = FileRoot::create(&folder.path().join("root.key"), &FixedEntropy(&[byte; 32])).unwrap();
    (folder, root)
}
