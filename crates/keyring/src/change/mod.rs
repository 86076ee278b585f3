//! Changes of the ring file: one at a time, checked, and whole or not at all.
//!
//! ```text
//! stage → (staged) → promote → (primary) → another is promoted → (active) → disable → (disabled) → destroy
//!                                                                  ↑        enable ←──┘
//! ```
//!
//! A staged key may be disabled too; once enabled, it is active. Each change is made under the file's lock, to what the
//! file says then, and counts its revision up by one. It must open with its root before it is written, so that no
//! change locks a ring up.

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
    /// What wraps its keys.
    pub root: &'a dyn Root,
    /// Where new keys come from.
    pub entropy: &'a dyn Entropy,
    /// What time it is. Should the clock step back, the times in the file do not.
    pub clock: &'a dyn Clock,
}

/// What a change starts from.
#[derive(Clone, Copy, Default)]
pub struct Base<'a> {
    /// The revision that the change was decided on; `None`: whatever it is.
    pub expected: Option<u64>,
    /// The ring that this process uses. An older file is refused, and unchanged keys need not be unwrapped again: with
    /// it, a key can be disabled although the root does not answer.
    pub held: Option<&'a LoadedRing>,
}

/// Why a ring was not changed. It is as it was, unless it is [`RingFileError::NotDurable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Changed by somebody else in the meantime.
    #[error("the key ring has revision {found}, not {expected}; look at it again, then decide again")]
    Stale {
        /// The revision that the change was decided on.
        expected: u64,
        /// The revision of the file.
        found: u64,
    },
    /// No such key.
    #[error("the key ring has no key {0}")]
    UnknownKey(KeyId),
    /// The key is elsewhere in its life.
    #[error("key {id} is {found}, and must be {wanted} for this")]
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
    /// The file or the root.
    #[error(transparent)]
    Ring(#[from] RingFileError),
}

impl<'a> RingEditor<'a> {
    /// Begins a change: takes the file's lock, and reads what the file says.
    pub fn begin(&self, base: Base<'_>) -> Result<RingChange<'a>, ChangeError> {
        let lock = Lock::acquire(self.path).map_err(not_written)?;
        // They may hold a key, wrapped, that is destroyed by now.
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
