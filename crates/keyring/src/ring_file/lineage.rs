//! Whether one state of the ring follows from another: the same ring, changed since, and not another one in its place.
//!
//! A ring that was put back from a backup and changed then grows to any revision; under the ids that were given since
//! the backup, it has other keys. What is sealed under those of the one would not open under those of the other.

use postern_envelope::{KeyInfo, KeyState};

use crate::{LoadedRing, RingFileError, ring_file::document::RingDocument};

/// Refuses a document that does not follow from the ring that is held. Of a key that was wrapped anew, [`unlock`] sees
/// whether it is the same.
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

/// The refusal of another ring.
pub(crate) fn forked(document: &RingDocument, held: &LoadedRing) -> RingFileError {
    RingFileError::Forked { found: document.revision, held: held.revision() }
}

/// All keys are there still, and each has come to its state in an allowed way.
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

/// A ring moves to another root with all its keys, or stays under the one it has.
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
