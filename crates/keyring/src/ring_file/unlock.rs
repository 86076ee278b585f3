//! Turns a parsed ring file into a ring that can be used.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use postern_envelope::{KeyId, KeyInfo, KeyRing, KeyState, MasterKey, RingError};

use crate::{
    LoadedRing, RingFileError, Root, RootError,
    ring_file::{
        document::{RingDocument, StoredKey},
        lineage::forked,
    },
};

/// Checks the document, then unwraps the keys whose state allows opening. Keys that `held` has already unwrapped from
/// the same text are reused.
pub(crate) fn unlock(
    document: &RingDocument,
    root: &dyn Root,
    held: Option<&LoadedRing>,
) -> Result<LoadedRing, RingFileError> {
    if document.root != root.kind() {
        return Err(RingFileError::RootKind);
    }
    let mut wrapped = BTreeMap::new();
    for stored in &document.keys {
        wrapped.insert(stored.info().id, (stored.wrapped.as_deref(), wrapped_bytes(stored)?));
    }
    let infos: Vec<KeyInfo> = document.keys.iter().map(StoredKey::info).collect();
    let ring = KeyRing::assemble(infos, |id| {
        let (text, bytes) = &wrapped[&id];
        let known = held.and_then(|held| held.unwrapped(id, (*text)?));
        let key = known.map_or_else(|| unwrap(root, id, bytes), Ok)?;
        // Wrapped again is fine; another key under the same id is not.
        match held.filter(|held| held.contradicts(id, &key)) {
            Some(held) => Err(forked(document, held)),
            None => Ok(key),
        }
    })?;
    Ok(LoadedRing::new(document, ring))
}

fn unwrap(root: &dyn Root, id: KeyId, wrapped: &[u8]) -> Result<Arc<MasterKey>, RingFileError> {
    root.unwrap_key(id, wrapped).map(Arc::new).map_err(|error| in_ring(id, error))
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

impl From<RingError> for RingFileError {
    fn from(error: RingError) -> Self {
        match error {
            RingError::NoPrimary => Self::NoPrimary,
            RingError::SeveralPrimaries => Self::SeveralPrimaries,
            RingError::DuplicateId(id) => Self::DuplicateId(id),
        }
    }
}
