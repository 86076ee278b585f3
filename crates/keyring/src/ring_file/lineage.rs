//! Checks that a newer ring was made from the one in use, by changes, and is not another ring in its place.
//!
//! The revision alone does not show that. A ring that was restored from a backup and then changed can reach any
//! revision, with other keys under the ids that were assigned after the backup. Seals made with one of them could not
//! be opened with the other.

use postern_envelope::{KeyInfo, KeyState};

use crate::{LoadedRing, RingFileError, ring_file::document::RingDocument};

/// Refuses a document that does not follow from the ring in use. For keys that were wrapped again, [`unlock`] checks
/// that they are the same.
///
/// [`unlock`]: crate::ring_file::unlock::unlock
pub(crate) fn refuse_foreign(document: &RingDocument, held: &LoadedRing) -> Result<(), RingFileError> {
    let (found, at) = (document.stamp(), held.stamp());
    if found.revision < at.revision {
        return Err(RingFileError::Older { found: found.revision, held: at.revision });
    }
    let same = found == *at;
    let later =
        found.revision > at.revision && keys_follow(document, held) && is_wrapped_alike(document, held);
    if same || later { Ok(()) } else { Err(forked(document, held)) }
}

/// The error for another ring.
pub(crate) fn forked(document: &RingDocument, held: &LoadedRing) -> RingFileError {
    RingFileError::Forked { found: document.revision, held: held.revision() }
}

/// No key is missing, and each key's state can follow from its state in the ring in use.
fn keys_follow(document: &RingDocument, held: &LoadedRing) -> bool {
    held.keys().iter().all(|before| {
        let now = document
            .keys
            .iter()
            .map(crate::ring_file::document::StoredKey::info)
            .find(|now| now.id == before.id);
        now.is_some_and(|now| follows(now, *before))
    })
}

fn follows(now: KeyInfo, before: KeyInfo) -> bool {
    use KeyState::{Active, Destroyed, Disabled, Primary, Staged};
    let states: &[KeyState] = match before.state {
        Staged => &[Staged, Primary, Active, Disabled, Destroyed],
        Primary => &[Primary, Active, Disabled, Destroyed],
        Active | Disabled => &[Active, Disabled, Destroyed],
        Destroyed => &[Destroyed],
    };
    now.created_at == before.created_at && states.contains(&now.state)
}

/// Either all keys were wrapped again, by another root, or the root is the same.
fn is_wrapped_alike(document: &RingDocument, held: &LoadedRing) -> bool {
    let mut kept = document
        .keys
        .iter()
        .filter_map(|stored| Some(held.wrapped(stored.info().id)? == stored.wrapped.as_deref()?));
    kept.next().is_none_or(|first| kept.all(|other| other == first))
}

#[cfg(test)]
#[path = "lineage_tests.rs"]
mod tests;
