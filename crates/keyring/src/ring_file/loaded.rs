//! A ring loaded from its file.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use postern_envelope::{KeyId, KeyRing, MasterKey};
use subtle::ConstantTimeEq;

use crate::ring_file::document::{RingDocument, Stamp};

/// One revision of the ring file, with its keys unwrapped. Immutable: a reload makes a new one.
///
/// Seals and opens like the [`KeyRing`] it contains. It also keeps the wrapped form of the keys, so that a later
/// revision can be compared with it and can share the keys that have not changed.
pub struct LoadedRing {
    ring: KeyRing,
    stamp: Stamp,
    root: String,
    /// The wrapped form of each key that is not destroyed, as in the file.
    wrapped: BTreeMap<KeyId, String>,
}

impl LoadedRing {
    pub(crate) fn new(document: &RingDocument, ring: KeyRing) -> Self {
        let wrapped = document.keys.iter().filter_map(|key| Some((key.info().id, key.wrapped.clone()?)));
        Self { ring, stamp: document.stamp(), root: document.root.clone(), wrapped: wrapped.collect() }
    }

    /// Revision of the file. Every change increases it by one.
    pub fn revision(&self) -> u64 {
        self.stamp.revision
    }

    /// [`Root::kind`](crate::Root::kind) of the root that wraps the keys.
    pub fn root(&self) -> &str {
        &self.root
    }

    pub(crate) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The key that was unwrapped from exactly this text, if there is one.
    pub(crate) fn unwrapped(&self, id: KeyId, wrapped: &str) -> Option<Arc<MasterKey>> {
        if self.wrapped(id) == Some(wrapped) { self.ring.master_key(id).cloned() } else { None }
    }

    /// The wrapped form of a key in the file.
    pub(crate) fn wrapped(&self, id: KeyId) -> Option<&str> {
        self.wrapped.get(&id).map(String::as_str)
    }

    /// Whether this ring has another key under the same id.
    pub(crate) fn contradicts(&self, id: KeyId, key: &MasterKey) -> bool {
        self.ring.master_key(id).is_some_and(|known| bool::from(known.expose().ct_ne(key.expose())))
    }
}

impl Deref for LoadedRing {
    type Target = KeyRing;

    fn deref(&self) -> &KeyRing {
        &self.ring
    }
}
