//! A ring file for the tests of several modules, and holders of it.

use std::{
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use postern_domain::{Clock, EndpointDigest, OwnerId, SecretId, TenantKind};
use postern_envelope::{Entropy, KeyId, MasterKey, SealContext, SystemEntropy};
use postern_keyring::{
    ChangeError, FileRoot, LoadedRing, ReplicaName, RingChange, Root, RootError, embedded,
};
use uuid::Uuid;

use super::{Before, Reporter, Reports, RingHolder};

/// 2026-01-01T00:00:00Z, in seconds.
pub(crate) const NEW_YEAR: u64 = 1_767_225_600;

/// A clock that tests set.
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
        self.holder_with(Box::new(self.root()))
    }

    pub(crate) fn holder_with(&self, root: Box<dyn Root>) -> Arc<RingHolder> {
        let clock = Arc::new(self.clock.clone());
        Arc::new(RingHolder::load(self.ring(), root, clock, &Before::default()).unwrap())
    }

    pub(crate) fn reporter(&self, name: &str) -> Arc<Reporter> {
        Arc::new(Reporter::new(&self.ring(), replica(name), Arc::new(self.clock.clone())))
    }

    pub(crate) fn reports(&self) -> Reports {
        Reports::beside(&self.ring())
    }

    pub(crate) fn report_of(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("replicas/{name}.json"))
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
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method's lifetime is not general enough")]
pub(crate) fn stage(holder: &RingHolder) -> Result<KeyId, ChangeError> {
    holder.change(None, |change| change.stage())
}

/// Stages a key and promotes it.
pub(crate) fn rotate(holder: &RingHolder) -> KeyId {
    let staged = stage(holder).unwrap();
    change(holder, |change| change.promote(staged));
    staged
}

/// Makes a change without checking the replicas.
pub(crate) fn change(
    holder: &RingHolder,
    make: impl FnOnce(RingChange<'_>) -> Result<LoadedRing, ChangeError>,
) {
    holder.change(None, |change| make(change).map(|ring| ((), ring))).unwrap();
}

/// A root that does not answer any more once some keys are unwrapped, until its [`Hold`] is dropped.
pub(crate) struct HangingRoot {
    inner: FileRoot,
    answers: u64,
    asked: AtomicU64,
    gate: Arc<Gate>,
}

/// Keeps a [`HangingRoot`] from answering.
pub(crate) struct Hold(Arc<Gate>);

#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicU64,
}

impl HangingRoot {
    /// One that unwraps a first key.
    pub(crate) fn new(inner: FileRoot) -> (Self, Hold) {
        Self::after(1, inner)
    }

    /// One that unwraps so many keys.
    pub(crate) fn after(answers: u64, inner: FileRoot) -> (Self, Hold) {
        let gate = Arc::<Gate>::default();
        (Self { inner, answers, asked: AtomicU64::new(0), gate: gate.clone() }, Hold(gate))
    }

    fn hang(&self) {
        self.gate.waiting.fetch_add(1, Ordering::Relaxed);
        let open = self.gate.open.lock().unwrap();
        drop(self.gate.opened.wait_while(open, |open| !*open).unwrap());
    }
}

impl Hold {
    /// Whether somebody has asked the root.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        *self.0.open.lock().unwrap() = true;
        self.0.opened.notify_all();
    }
}

impl Root for HangingRoot {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn wrap_key(&self, id: KeyId, key: &MasterKey, entropy: &dyn Entropy) -> Result<Vec<u8>, RootError> {
        self.hang();
        self.inner.wrap_key(id, key, entropy)
    }

    fn unwrap_key(&self, id: KeyId, wrapped: &[u8]) -> Result<MasterKey, RootError> {
        if self.asked.fetch_add(1, Ordering::Relaxed) >= self.answers {
            self.hang();
        }
        self.inner.unwrap_key(id, wrapped)
    }
}

/// A root that counts how often it is asked to unwrap.
pub(crate) struct CountingRoot {
    inner: FileRoot,
    asked: Asked,
}

/// How often a [`CountingRoot`] was asked.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<AtomicU64>);

impl Asked {
    /// How often since this was asked last.
    pub(crate) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl CountingRoot {
    pub(crate) fn new(inner: FileRoot) -> (Self, Asked) {
        let asked = Asked::default();
        (Self { inner, asked: asked.clone() }, asked)
    }
}

impl Root for CountingRoot {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn wrap_key(&self, id: KeyId, key: &MasterKey, entropy: &dyn Entropy) -> Result<Vec<u8>, RootError> {
        self.inner.wrap_key(id, key, entropy)
    }

    fn unwrap_key(&self, id: KeyId, wrapped: &[u8]) -> Result<MasterKey, RootError> {
        self.asked.0.fetch_add(1, Ordering::Relaxed);
        self.inner.unwrap_key(id, wrapped)
    }
}

/// Looks again until it is so, for at most ten seconds.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within ten seconds: {what}");
}
