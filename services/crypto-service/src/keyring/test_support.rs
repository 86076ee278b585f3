//! A ring file for the tests of several modules, and holders of it.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use postern_domain::{Clock, EndpointDigest, OwnerId, SecretId, TenantKind};
use postern_envelope::{
    Base, ChangeError, FileRoot, KeyId, KeyRing, RingEditor, SealContext, SystemEntropy, embedded,
};
use uuid::Uuid;

use super::{ReplicaName, Reporter, RingHolder};

/// 2026-01-01T00:00:00Z, in seconds.
pub(crate) const NEW_YEAR: u64 = 1_767_225_600;

/// A clock that stands where it is put.
#[derive(Clone)]
pub(crate) struct SetClock(Arc<AtomicU64>);

impl SetClock {
    pub(crate) fn set(&self, now: u64) {
        self.0.store(now, Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// A folder with a root and a ring of one key.
pub(crate) struct RingFolder {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: SetClock,
}

impl RingFolder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = SetClock(Arc::new(NEW_YEAR.into()));
        embedded::load_or_create(folder.path(), &SystemEntropy, &clock).unwrap();
        Self { folder, clock }
    }

    pub(crate) fn ring(&self) -> PathBuf {
        self.folder.path().join(embedded::RING_FILE)
    }

    pub(crate) fn root(&self) -> FileRoot {
        FileRoot::load(&self.folder.path().join(embedded::ROOT_FILE)).unwrap()
    }

    pub(crate) fn holder(&self) -> Arc<RingHolder> {
        let clock = Arc::new(self.clock.clone());
        Arc::new(RingHolder::load(self.ring(), Box::new(self.root()), clock, &BTreeMap::new()).unwrap())
    }

    pub(crate) fn reporter(&self, name: &str) -> Arc<Reporter> {
        Arc::new(Reporter::new(&self.ring(), replica(name)))
    }
}

pub(crate) fn replica(name: &str) -> ReplicaName {
    name.to_owned().try_into().unwrap()
}

pub(crate) fn id(number: u32) -> KeyId {
    KeyId::new(number).unwrap()
}

pub(crate) fn owner() -> OwnerId {
    OwnerId(Uuid::from_bytes([0x11; 16]))
}

pub(crate) fn context() -> SealContext {
    SealContext {
        owner: owner(),
        secret: SecretId(Uuid::from_bytes([0x22; 16])),
        kind: TenantKind::Postgres,
        endpoint: EndpointDigest([0x33; 32]),
    }
}

/// Stages a key.
pub(crate) fn stage(editor: &RingEditor<'_>, base: Base<'_>) -> Result<(KeyId, KeyRing), ChangeError> {
    editor.stage(base)
}

/// Stages a key and promotes it.
pub(crate) fn rotate(holder: &RingHolder) -> KeyId {
    let staged = holder.change(None, stage).unwrap();
    holder.change(None, |editor, base| editor.promote(staged, base).map(|ring| ((), ring))).unwrap();
    staged
}
