//! From the ring file's JSON to a ring that can be used.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use crate::{
    KeyId, KeyInfo, KeyRing, KeyState, RingFileError, Root, RootError,
    lineage::forked,
    ring_document::{RingDocument, StoredKey},
};

/// Checks what the document says, then unwraps.
/// Takes over from `held` what has not changed since.
pub(crate) fn unlock(
    document: &RingDocument,
    root: &dyn Root,
    held: Option<&KeyRing>,
) -> Result<KeyRing, RingFileError> {
    let keys: Vec<KeyInfo> = document.keys.iter().map(StoredKey::info).collect();
    refuse_duplicates(&keys)?;
    let primary = sole_primary(&keys)?;
    if document.root != root.kind() {
        return Err(RingFileError::RootKind);
    }
    let mut usable = BTreeMap::new();
    for stored in &document.keys {
        let id = stored.info().id;
        let wrapped = wrapped_bytes(stored)?;
        if let (Some(text), true) = (&stored.wrapped, stored.info().state.may_open()) {
            let key = match held.and_then(|held| held.unwrapped(id, text)) {
                Some(key) => key,
                None => Arc::new(root.unwrap_key(id, &wrapped).map_err(|error| in_ring(id, error))?),
            };
            // Wrapped anew it may be; it may not be another key.
            if let Some(held) = held.filter(|held| held.contradicts(id, &key)) {
                return Err(forked(document, held));
            }
            usable.insert(id, key);
        }
    }
    Ok(KeyRing::new(document, primary, usable))
}

fn refuse_duplicates(keys: &[KeyInfo]) -> Result<(), RingFileError> {
    let mut ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(RingFileError::DuplicateId(pair[0])),
        None => Ok(()),
    }
}

fn sole_primary(keys: &[KeyInfo]) -> Result<KeyId, RingFileError> {
    let mut primaries = keys.iter().filter(|key| key.state == KeyState::Primary);
    let primary = primaries.next().ok_or(RingFileError::NoPrimary)?;
    if primaries.next().is_some() { Err(RingFileError::SeveralPrimaries) } else { Ok(primary.id) }
}

/// The wrapped key; empty for a destroyed one, which must have none.
pub(crate) fn wrapped_bytes(key: &StoredKey) -> Result<Vec<u8>, RingFileError> {
    let destroyed = key.info().state == KeyState::Destroyed;
    match &key.wrapped {
        None if destroyed => Ok(Vec::new()),
        Some(text) if !destroyed => BASE64.decode(text).map_err(|_| RingFileError::Malformed),
        _ => Err(RingFileError::Malformed),
    }
}

pub(crate) fn in_ring(id: KeyId, error: RootError) -> RingFileError {
    match error {
        RootError::Foreign => RingFileError::WrongRoot(id),
        RootError::Unavailable => RingFileError::RootUnavailable,
        RootError::Denied => RingFileError::RootDenied,
        RootError::Entropy(error) => RingFileError::Entropy(error),
    }
}
