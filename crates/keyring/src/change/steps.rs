//! One change of the ring file: made under its lock, checked, and written atomically.

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

/// A change in progress. It holds the file's lock until it is made or dropped, so that its preconditions can be checked
/// in between.
pub struct RingChange<'a> {
    pub(crate) editor: RingEditor<'a>,
    pub(crate) document: RingDocument,
    pub(crate) ring: LoadedRing,
    pub(crate) _lock: Lock,
}

impl RingChange<'_> {
    /// The ring in the file. It does not change until this change is made or dropped.
    pub fn ring(&self) -> &LoadedRing {
        &self.ring
    }

    /// Adds a key that can open seals but is not used to seal yet.
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

    /// Makes a staged key the primary key. The previous primary key becomes active: it only opens seals from then on.
    ///
    /// Every process that uses the ring must have loaded the key before this is called; the others could not open the
    /// next seals.
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

    /// Disables a staged or active key. Seals under it cannot be opened until it is enabled again.
    pub fn disable(self, id: KeyId) -> Result<LoadedRing, ChangeError> {
        self.make_here(|keys, now| {
            let wanted = [KeyState::Staged, KeyState::Active];
            find(keys, id, &wanted, "staged or active")?.enter(KeyState::Disabled, now);
            Ok(())
        })
    }

    /// Makes a disabled key active: seals under it can be opened again. The root has to unwrap it.
    pub fn enable(self, id: KeyId) -> Result<LoadedRing, ChangeError> {
        self.make_here(|keys, now| {
            find(keys, id, &[KeyState::Disabled], "disabled")?.enter(KeyState::Active, now);
            Ok(())
        })
    }

    /// Permanently deletes a disabled key. Its id stays in the ring.
    pub fn destroy(self, id: KeyId) -> Result<LoadedRing, ChangeError> {
        self.make_here(|keys, now| {
            let key = find(keys, id, &[KeyState::Disabled], "disabled")?;
            key.enter(KeyState::Destroyed, now);
            key.wrapped = None;
            Ok(())
        })
    }

    /// Wraps every key with another root, in one change. The old root can't unwrap the ring from then on. Processes
    /// that are configured with it keep using the ring they have loaded, and load no later revision.
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

    /// Makes the change. `edit` gets the keys and the current time; `root` wraps the keys of the result.
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
    /// Wraps a key, and verifies that it unwraps: if it did not, every seal under the key would be lost.
    fn wrap(&self, root: &dyn Root, id: KeyId, key: &MasterKey) -> Result<String, RingFileError> {
        let checked = || {
            let wrapped = root.wrap_key(id, key, self.entropy)?;
            let same: bool = root.unwrap_key(id, &wrapped)?.expose().ct_eq(key.expose()).into();
            if same { Ok(BASE64.encode(wrapped)) } else { Err(RootError::Foreign) }
        };
        checked().map_err(|error| in_ring(id, error))
    }

    /// The current time, or the latest time in the ring if that is later.
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
