//! One change of the ring file: decided under its lock, checked, and written whole or not at all.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use postern_envelope::{KeyId, KeyInfo, KeyState, MasterKey};
use subtle::ConstantTimeEq;

use crate::{
    ChangeError, LoadedRing, RingEditor, RingFileError, Root, RootError,
    files::{self, Lock},
    ring_file::{
        FILE_BYTES,
        document::{RingDocument, StoredKey},
        unlock::{in_ring, unlock, wrapped_bytes},
    },
};

/// A change that is under way. Nobody else changes the file until it is made or dropped, so that what it depends on can
/// be looked at in between.
pub struct RingChange<'a> {
    pub(crate) editor: RingEditor<'a>,
    pub(crate) document: RingDocument,
    pub(crate) ring: LoadedRing,
    pub(crate) _lock: Lock,
}

impl RingChange<'_> {
    /// The ring as the file has it. It stays so until this change is made or dropped.
    pub fn ring(&self) -> &LoadedRing {
        &self.ring
    }

    /// Adds a key that opens, and does not seal yet.
    pub fn stage(self) -> Result<(KeyId, LoadedRing), ChangeError> {
        let editor = self.editor;
        self.make(editor.root, |keys, now| {
            let last = keys.iter().map(|key| key.info().id).max();
            let id = last.map_or(Some(KeyId::FIRST), KeyId::next).ok_or(ChangeError::Full)?;
            let key = MasterKey::generate(editor.entropy).map_err(RingFileError::from)?;
            let info = KeyInfo { id, state: KeyState::Staged, created_at: now, state_since: now };
            keys.push(StoredKey::new(info, Some(editor.wrap(editor.root, id, &key)?)));
            Ok(id)
        })
    }

    /// Makes a staged key the one that seals; the one before it only opens from then on.
    ///
    /// Only once every process that uses the ring has loaded the key: others could not open what is sealed next.
    pub fn promote(self, id: KeyId) -> Result<LoadedRing, ChangeError> {
        self.make_here(|keys, now| {
            let staged = find(keys, id, &[KeyState::Staged], "staged")?;
            staged.enter(KeyState::Primary, now);
            let others = keys.iter_mut().filter(|key| key.info().id != id);
            others
                .filter(|key| key.info().state == KeyState::Primary)
                .for_each(|key| key.enter(KeyState::Active, now));
            Ok(())
        })
    }

    /// Takes a staged or active key out of use. Seals under it do not open any more, and are not lost yet.
    pub fn disable(self, id: KeyId) -> Result<LoadedRing, ChangeError> {
        self.make_here(|keys, now| {
            let wanted = [KeyState::Staged, KeyState::Active];
            find(keys, id, &wanted, "staged or active")?.enter(KeyState::Disabled, now);
            Ok(())
        })
    }

    /// Takes a disabled key back into use: it opens what is sealed under it, and does not seal. The root is asked to
    /// unwrap it.
    pub fn enable(self, id: KeyId) -> Result<LoadedRing, ChangeError> {
        self.make_here(|keys, now| {
            find(keys, id, &[KeyState::Disabled], "disabled")?.enter(KeyState::Active, now);
            Ok(())
        })
    }

    /// Deletes a disabled key for good. Its id stays.
    pub fn destroy(self, id: KeyId) -> Result<LoadedRing, ChangeError> {
        self.make_here(|keys, now| {
            let key = find(keys, id, &[KeyState::Disabled], "disabled")?;
            key.enter(KeyState::Destroyed, now);
            key.wrapped = None;
            Ok(())
        })
    }

    /// Wraps every key with another root, in one change. From then on the old root is of no use for this ring;
    /// processes that are configured with it go on with what they hold, and read no later change.
    pub fn move_root(self, to: &dyn Root) -> Result<LoadedRing, ChangeError> {
        let editor = self.editor;
        let moved = self.make(to, |keys, _| {
            for stored in keys.iter_mut().filter(|key| key.wrapped.is_some()) {
                let id = stored.info().id;
                let key = editor
                    .root
                    .unwrap_key(id, &wrapped_bytes(stored)?)
                    .map_err(|error| in_ring(id, error))?;
                stored.wrapped = Some(editor.wrap(to, id, &key)?);
            }
            Ok(())
        });
        moved.map(|((), ring)| ring)
    }

    /// [`RingChange::make`] under the same root.
    fn make_here(
        self,
        edit: impl FnOnce(&mut Vec<StoredKey>, u64) -> Result<(), ChangeError>,
    ) -> Result<LoadedRing, ChangeError> {
        let root = self.editor.root;
        self.make(root, edit).map(|((), ring)| ring)
    }

    /// Makes the change. `edit` is given the keys and the time; the result is wrapped by `root`.
    fn make<T>(
        self,
        root: &dyn Root,
        edit: impl FnOnce(&mut Vec<StoredKey>, u64) -> Result<T, ChangeError>,
    ) -> Result<(T, LoadedRing), ChangeError> {
        let Self { editor, document, ring: before, _lock } = self;
        let now = editor.time_after(&document.keys);
        let mut keys = document.keys;
        let made = edit(&mut keys, now)?;
        let next = RingDocument::new(document.revision + 1, root.kind(), keys);
        let bytes = next.to_bytes();
        if bytes.len() > FILE_BYTES {
            return Err(ChangeError::Full);
        }
        let ring = unlock(&RingDocument::parse(&bytes)?, root, Some(&before))?;
        files::replace(editor.path, &bytes).map_err(RingFileError::from)?;
        Ok((made, ring))
    }
}

impl RingEditor<'_> {
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
