//! The key ring on disk: a JSON file of mode 0600, whose keys are wrapped by a [`Root`].
//!
//! ```json
//! {
//!   "version": 1,
//!   "revision": 1,
//!   "root": "file",
//!   "keys": [
//!     {
//!       "id": 1,
//!       "state": "primary",
//!       "created_at": 1767225600,
//!       "state_since": 1767225600,
//!       "wrapped": "base64 of what the root made of the key, or null once the key is destroyed"
//!     }
//!   ],
//!   "checksum": "64 hex digits"
//! }
//! ```
//!
//! * All members are required, and no others are allowed. `revision` counts the changes of the file, from 1.
//! * `root` is the [`Root::kind`] that wrapped the keys. Times are seconds since 1970-01-01T00:00:00Z.
//! * Ids are unique and not zero; exactly one key is `primary`. A destroyed key stays, without `wrapped`, so that its
//!   id is never reused.
//! * Changes are made by [`RingEditor`](crate::RingEditor): under the lock of `<file>.lock`, and written to a temporary
//!   file that then takes this one's name.
//! * `checksum` is the SHA-256 of the other members as compact JSON in the order above: `jq -cj 'del(.checksum)' FILE |
//!   sha256sum`. It detects accidents, not attacks: someone who can write this file can change a key's state or restore
//!   an old file, but cannot read or create a key without the root.

pub(crate) mod document;
pub(crate) mod lineage;
mod loaded;
pub(crate) mod unlock;

use std::{io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use postern_domain::Clock;
use postern_envelope::{Entropy, EntropyError, KeyId, KeyInfo, KeyState, MasterKey};

use crate::{
    Root,
    files::{self, Lock, WriteError},
    ring_file::{
        document::{RingDocument, StoredKey},
        lineage::refuse_foreign,
        unlock::{in_ring, unlock},
    },
};

pub use loaded::LoadedRing;

/// Maximum size of the file in bytes, enough for some thousand keys.
pub(crate) const FILE_BYTES: usize = 1024 * 1024;

/// Why a ring file was not created or loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingFileError {
    /// There is no file.
    #[error("the key ring is missing; restore it from its backup, or create one if nothing was sealed yet")]
    Missing,
    /// There is a file already.
    #[error("the key ring exists already, and is never overwritten by a new one")]
    Exists,
    /// Not the JSON that this module describes.
    #[error("the key ring is not the expected JSON, or has unknown members; restore it from its backup")]
    Malformed,
    /// Written by another release.
    #[error("the key ring has version {0}, and this release reads version 1; use the release that wrote it")]
    Version(u64),
    /// Edited by hand, or damaged.
    #[error("the key ring does not match its checksum: it was edited or damaged; restore it from its backup")]
    Checksum,
    /// Wrapped by another kind of root than the one given.
    #[error("the key ring was wrapped by another kind of root; configure the root that it names")]
    RootKind,
    /// Wrapped by another root of the same kind.
    #[error("key {0} does not unwrap with this root; configure the root that the key ring was made with")]
    WrongRoot(KeyId),
    /// A remote root is unavailable; see [`RootError::Unavailable`].
    #[error("the root is unavailable; check that its service is running, unsealed and reachable from here")]
    RootUnavailable,
    /// A remote root refuses; see [`RootError::Denied`].
    #[error("the root refused access; check the credential, its permissions, and the key's name")]
    RootDenied,
    /// No key is primary.
    #[error("the key ring has no primary key; restore it from its backup")]
    NoPrimary,
    /// More than one key is primary.
    #[error("the key ring has more than one primary key; restore it from its backup")]
    SeveralPrimaries,
    /// Two keys have the same id.
    #[error("the key ring has key {0} twice; restore it from its backup")]
    DuplicateId(KeyId),
    /// An older file, for example from a backup, although a later one was in use.
    #[error(
        "the key ring has revision {found}, and {held} was in use; put the later one back; or, to accept this one, stop every \
         crypto-service and remove the folder replicas beside it"
    )]
    Older {
        /// Revision of the file.
        found: u64,
        /// The later revision.
        held: u64,
    },
    /// The file was not made from the ring in use.
    #[error(
        "the key ring, revision {found}, does not follow from the one in use, revision {held}: it was put back and changed, or \
         is another; find out who wrote it, and put back the right one"
    )]
    Forked {
        /// Revision of the file.
        found: u64,
        /// Revision in memory.
        held: u64,
    },
    /// Another process holds the lock.
    #[error("another change of the key ring is in progress; try again")]
    Busy,
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The file system returned an error.
    #[error("the key ring cannot be read or written: {0}")]
    Io(io::ErrorKind),
    /// The file was written, but syncing the folder failed.
    #[error(
        "the key ring was written, but a loss of power may undo that ({0}); see to the file system, then look at the key \
         ring again before you go on"
    )]
    NotDurable(io::ErrorKind),
}

/// Creates a ring with one primary key. An existing file is left alone.
pub fn create(
    path: &Path,
    root: &dyn Root,
    entropy: &dyn Entropy,
    clock: &dyn Clock,
) -> Result<LoadedRing, RingFileError> {
    let _lock = Lock::acquire(path).map_err(not_written)?;
    let now = clock.now().as_secs();
    let info = KeyInfo { id: KeyId::FIRST, state: KeyState::Primary, created_at: now, state_since: now };
    let key = MasterKey::generate(entropy)?;
    let wrapped = root.wrap_key(info.id, &key, entropy).map_err(|error| in_ring(info.id, error))?;
    let document =
        RingDocument::new(1, root.kind(), vec![StoredKey::new(info, Some(BASE64.encode(wrapped)))]);
    // Unwrapped before it is published, so that no unusable ring is left behind.
    let ring = unlock(&document, root, None)?;
    files::publish_new(path, &document.to_bytes())?;
    Ok(ring)
}

/// Loads a ring, and unwraps the keys whose state allows opening.
pub fn load(path: &Path, root: &dyn Root) -> Result<LoadedRing, RingFileError> {
    unlock(&read(path)?, root, None)
}

/// Loads the ring if it is newer than the one in use, `held`; `None` if it is the same. Keys that have not changed are
/// reused, so that the root only has to unwrap new ones. A ring that is older, or a different one, is refused: it may
/// lack a key that seals are under.
pub fn reload(path: &Path, root: &dyn Root, held: &LoadedRing) -> Result<Option<LoadedRing>, RingFileError> {
    let document = read(path)?;
    if document.stamp() == *held.stamp() {
        return Ok(None);
    }
    refuse_foreign(&document, held)?;
    unlock(&document, root, Some(held)).map(Some)
}

/// Reads and parses the file without unwrapping anything.
pub(crate) fn read(path: &Path) -> Result<RingDocument, RingFileError> {
    RingDocument::parse(&files::read_bounded(path, FILE_BYTES)?)
}

/// Loads the ring, or creates it if there is none. If two processes race, one creates it and the other loads it.
pub fn load_or_create(
    path: &Path,
    root: &dyn Root,
    entropy: &dyn Entropy,
    clock: &dyn Clock,
) -> Result<LoadedRing, RingFileError> {
    match load(path, root) {
        Err(RingFileError::Missing) => {}
        loaded => return loaded,
    }
    match create(path, root, entropy, clock) {
        Err(RingFileError::Exists) => load(path, root),
        created => created,
    }
}

/// Maps errors of reading the file.
impl From<io::Error> for RingFileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::FileTooLarge => Self::Malformed,
            kind => Self::Io(kind),
        }
    }
}

impl From<WriteError> for RingFileError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Unchanged(error) => not_written(error),
            WriteError::NotDurable(error) => Self::NotDurable(error.kind()),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(crate) fn not_written(error: io::Error) -> RingFileError {
    match error.kind() {
        io::ErrorKind::WouldBlock => RingFileError::Busy,
        io::ErrorKind::AlreadyExists => RingFileError::Exists,
        kind => RingFileError::Io(kind),
    }
}

#[cfg(test)]
mod tests;
