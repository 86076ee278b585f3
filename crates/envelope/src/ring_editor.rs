//! Changes of the ring file: one at a time, checked, and whole or not at all.
//!
//! ```text
//! stage → (staged) → promote → (primary) → another is promoted → (active) → disable → (disabled) → destroy
//!                                                                  ↑        enable ←──┘
//! ```
//!
//! A staged key may be disabled too; once enabled, it is active. Each change is made under the file's lock, to what the file says then, and counts
//! its revision up by one. It must open with its root before it is written, so that no change locks a ring up.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use postern_domain::Clock;
use subtle::ConstantTimeEq;

use crate::{
    Entropy, KeyId, KeyInfo, KeyRing, KeyState, MasterKey, RingFileError, Root, RootError,
    files::{self, Lock},
    ring_document::{RingDocument, StoredKey},
    ring_file::{self, FILE_BYTES, not_written},
    unlock::{in_ring, unlock, wrapped_bytes},
};

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
    pub held: Option<&'a KeyRing>,
}

/// Why a ring was not changed. It is as it was.
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

impl RingEditor<'_> {
    /// Adds a key that opens, and does not seal yet.
    pub fn stage(&self, base: Base<'_>) -> Result<(KeyId, KeyRing), ChangeError> {
        self.change(base, self.root, |keys, now| {
            let last = keys.iter().map(|key| key.info().id).max();
            let id = last.map_or(Some(KeyId::FIRST), KeyId::next).ok_or(ChangeError::Full)?;
            let key = MasterKey::generate(self.entropy).map_err(RingFileError::from)?;
            let info = KeyInfo { id, state: KeyState::Staged, created_at: now, state_since: now };
            keys.push(StoredKey::new(info, Some(self.wrap(self.root, id, &key)?)));
            Ok(id)
        })
    }

    /// Makes a staged key the one that seals; the one before it only opens from then on.
    ///
    /// Only once every process that uses the ring has loaded the key: others could not open what is sealed next.
    pub fn promote(&self, id: KeyId, base: Base<'_>) -> Result<KeyRing, ChangeError> {
        let promoted = self.change(base, self.root, |keys, now| {
            let staged = find(keys, id, &[KeyState::Staged], "staged")?;
            staged.enter(KeyState::Primary, now);
            let others = keys.iter_mut().filter(|key| key.info().id != id);
            others
                .filter(|key| key.info().state == KeyState::Primary)
                .for_each(|key| key.enter(KeyState::Active, now));
            Ok(())
        });
        promoted.map(|((), ring)| ring)
    }

    /// Takes a staged or active key out of use. Seals under it do not open any more, and are not lost yet.
    pub fn disable(&self, id: KeyId, base: Base<'_>) -> Result<KeyRing, ChangeError> {
        let disabled = self.change(base, self.root, |keys, now| {
            let wanted = [KeyState::Staged, KeyState::Active];
            find(keys, id, &wanted, "staged or active")?.enter(KeyState::Disabled, now);
            Ok(())
        });
        disabled.map(|((), ring)| ring)
    }

    /// Takes a disabled key back into use: it opens what is sealed under it, and does not seal. The root is asked to unwrap
    /// it.
    pub fn enable(&self, id: KeyId, base: Base<'_>) -> Result<KeyRing, ChangeError> {
        let enabled = self.change(base, self.root, |keys, now| {
            find(keys, id, &[KeyState::Disabled], "disabled")?.enter(KeyState::Active, now);
            Ok(())
        });
        enabled.map(|((), ring)| ring)
    }

    /// Deletes a disabled key for good. Its id stays.
    pub fn destroy(&self, id: KeyId, base: Base<'_>) -> Result<KeyRing, ChangeError> {
        let destroyed = self.change(base, self.root, |keys, now| {
            let key = find(keys, id, &[KeyState::Disabled], "disabled")?;
            key.enter(KeyState::Destroyed, now);
            key.wrapped = None;
            Ok(())
        });
        destroyed.map(|((), ring)| ring)
    }

    /// Wraps every key with another root, in one change. From then on the old root is of no use for this ring; processes
    /// that are configured with it go on with what they hold, and read no later change.
    pub fn move_root(&self, to: &dyn Root, base: Base<'_>) -> Result<KeyRing, ChangeError> {
        let moved = self.change(base, to, |keys, _| {
            for stored in keys.iter_mut().filter(|key| key.wrapped.is_some()) {
                let id = stored.info().id;
                let key =
                    self.root.unwrap_key(id, &wrapped_bytes(stored)?).map_err(|error| in_ring(id, error))?;
                stored.wrapped = Some(self.wrap(to, id, &key)?);
            }
            Ok(())
        });
        moved.map(|((), ring)| ring)
    }

    /// One change. `edit` is given the keys and the time; the result is wrapped by `root`.
    fn change<T>(
        &self,
        base: Base<'_>,
        root: &dyn Root,
        edit: impl FnOnce(&mut Vec<StoredKey>, u64) -> Result<T, ChangeError>,
    ) -> Result<(T, KeyRing), ChangeError> {
        let _lock = Lock::acquire(self.path).map_err(not_written)?;
        // They may hold a key, wrapped, that is destroyed by now.
        files::remove_leftovers(self.path).map_err(not_written)?;
        let document = ring_file::read(self.path)?;
        base.admits(&document)?;
        let before = unlock(&document, self.root, base.held)?;

        let now = self.time_after(&document.keys);
        let mut keys = document.keys;
        let made = edit(&mut keys, now)?;
        let next = RingDocument::new(document.revision + 1, root.kind(), keys);
        let bytes = next.to_bytes();
        if bytes.len() > FILE_BYTES {
            return Err(ChangeError::Full);
        }
        let ring = unlock(&RingDocument::parse(&bytes)?, root, Some(&before))?;
        files::replace(self.path, &bytes).map_err(not_written)?;
        Ok((made, ring))
    }

    /// Wraps a key, and sees that it unwraps: a root that gives garbage would cost every seal under the key.
    fn wrap(&self, root: &dyn Root, id: KeyId, key: &MasterKey) -> Result<String, RingFileError> {
        let checked = || {
            let wrapped = root.wrap_key(id, key, self.entropy)?;
            let same: bool = root.unwrap_key(id, &wrapped)?.expose().ct_eq(key.expose()).into();
            if same { Ok(BASE64.encode(wrapped)) } else { Err(RootError::Foreign) }
        };
        checked().map_err(|error| in_ring(id, error))
    }

    /// The time, but no earlier than any in the ring.
    fn time_after(&self, keys: &[StoredKey]) -> u64 {
        let latest = keys.iter().map(|key| key.info().created_at.max(key.info().state_since)).max();
        self.clock.now().as_secs().max(latest.unwrap_or_default())
    }
}

impl Base<'_> {
    fn admits(&self, document: &RingDocument) -> Result<(), ChangeError> {
        if let Some(held) = self.held {
            ring_file::refuse_older(document, held)?;
        }
        match self.expected {
            Some(expected) if expected != document.revision => {
                Err(ChangeError::Stale { expected, found: document.revision })
            }
            _ => Ok(()),
        }
    }
}

fn find<'k>(
    keys: &'k mut [StoredKey],
    id: KeyId,
    states: &[KeyState],
    wanted: &'static str,
) -> Result<&'k mut StoredKey, ChangeError> {
    let key = keys.iter_mut().find(|key| key.info().id == id).ok_or(ChangeError::UnknownKey(id))?;
    let found = key.info().state;
    if states.contains(&found) { Ok(key) } else { Err(ChangeError::WrongState { id, found, wanted }) }
}

#[cfg(test)]
#[path = "ring_editor_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "ring_kill_tests.rs"]
mod kill_tests;

#[cfg(test)]
#[path = "ring_history_tests.rs"]
mod history_tests;
