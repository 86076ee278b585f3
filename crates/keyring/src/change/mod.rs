//! Changes of the ring file: serialized, checked, and atomic.
//!
//! ```text
//! stage → (staged) → promote → (primary) → another is promoted → (active) → disable → (disabled) → destroy
//!                                                                  ↑        enable ←──┘
//! ```
//!
//! A staged key can be disabled too; once enabled again, it is active. Each change is made under the file's lock, to
//! the file's current contents, and increases the revision by one. The new ring must unwrap with its root before it is
//! written, so that no change makes a ring unusable.

mod steps;

use std::path::Path;

use postern_domain::Clock;
use postern_envelope::{Entropy, KeyId, KeyState};

use crate::{
    LoadedRing, RingFileError, Root,
    files::{self, Lock},
    ring_file::{self, document::RingDocument, lineage::refuse_foreign, not_written, unlock::unlock},
};

pub use steps::RingChange;

/// Changes one ring file.
#[derive(Clone, Copy)]
pub struct RingEditor<'a> {
    /// The file.
    pub path: &'a Path,
    /// The root that wraps its keys.
    pub root: &'a dyn Root,
    /// The source of new keys.
    pub entropy: &'a dyn Entropy,
    /// The clock. If it steps back, the times in the file do not.
    pub clock: &'a dyn Clock,
}

/// The ring that a change is based on.
#[derive(Clone, Copy, Default)]
pub struct Base<'a> {
    /// The revision that the file must have; `None` for any.
    pub expected: Option<u64>,
    /// The ring that this process uses. An older file is refused. Unchanged keys are not unwrapped again, so that a key
    /// can be disabled while the root is unavailable.
    pub held: Option<&'a LoadedRing>,
}

/// Why a change failed. The ring is unchanged, except after [`RingFileError::NotDurable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The ring was changed in the meantime.
    #[error("the key ring has revision {found}, not {expected}; check its new state and try again")]
    Stale {
        /// The revision that the change was decided on.
        expected: u64,
        /// The revision of the file.
        found: u64,
    },
    /// No such key.
    #[error("the key ring has no key {0}")]
    UnknownKey(KeyId),
    /// The key is in another state.
    #[error("key {id} is {found}, but must be {wanted}")]
    WrongState {
        /// The key.
        id: KeyId,
        /// Its state.
        found: KeyState,
        /// The states that the change starts from, in words.
        wanted: &'static str,
    },
    /// No room for another key.
    #[error("the key ring is full; start a new one")]
    Full,
    /// The file or the root failed.
    #[error(transparent)]
    Ring(#[from] RingFileError),
}

impl<'a> RingEditor<'a> {
    /// Begins a change: takes the file's lock and reads the file.
    pub fn begin(&self, base: Base<'_>) -> Result<RingChange<'a>, ChangeError> {
        let lock = Lock::acquire(self.path).map_err(not_written)?;
        // A leftover file may contain a wrapped key that has been destroyed since.
        files::remove_leftovers(self.path).map_err(not_written)?;
        let document = ring_file::read(self.path)?;
        base.admits(&document)?;
        let ring = unlock(&document, self.root, base.held)?;
        Ok(RingChange { editor: *self, document, ring, _lock: lock })
    }

    /// [`RingChange::stage`].
    pub fn stage(&self, base: Base<'_>) -> Result<(KeyId, LoadedRing), ChangeError> {
        self.begin(base)?.stage()
    }

    /// [`RingChange::promote`].
    pub fn promote(&self, id: KeyId, base: Base<'_>) -> Result<LoadedRing, ChangeError> {
        self.begin(base)?.promote(id)
    }

    /// [`RingChange::disable`].
    pub fn disable(&self, id: KeyId, base: Base<'_>) -> Result<LoadedRing, ChangeError> {
        self.begin(base)?.disable(id)
    }

    /// [`RingChange::enable`].
    pub fn enable(&self, id: KeyId, base: Base<'_>) -> Result<LoadedRing, ChangeError> {
        self.begin(base)?.enable(id)
    }

    /// [`RingChange::destroy`].
    pub fn destroy(&self, id: KeyId, base: Base<'_>) -> Result<LoadedRing, ChangeError> {
        self.begin(base)?.destroy(id)
    }

    /// [`RingChange::move_root`].
    pub fn move_root(&self, to: &dyn Root, base: Base<'_>) -> Result<LoadedRing, ChangeError> {
        self.begin(base)?.move_root(to)
    }
}

impl Base<'_> {
    fn admits(&self, document: &RingDocument) -> Result<(), ChangeError> {
        if let Some(held) = self.held {
            refuse_foreign(document, held)?;
        }
        match self.expected {
            Some(expected) if expected != document.revision => {
                Err(ChangeError::Stale { expected, found: document.revision })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod kill_tests;

#[cfg(test)]
mod history_tests;
