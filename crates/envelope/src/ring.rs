//! The key ring in memory: seals and opens.

use std::{collections::BTreeMap, sync::Arc};

use postern_domain::{Clock, Secret, limits};

use subtle::ConstantTimeEq;

use crate::{
    Entropy, EntropyError, KeyId, KeyInfo, KeyState, MasterKey, SealContext, cobblestone,
    context::FORMAT,
    ring_document::{RingDocument, StoredKey},
};

/// The keys of one revision of the ring. Immutable: a reload makes a new one.
pub struct KeyRing {
    stamp: Stamp,
    root: String,
    primary: KeyId,
    /// Keys that may open, the primary among them.
    usable: BTreeMap<KeyId, Arc<MasterKey>>,
    /// What the file has of each key that is not destroyed. As long as that stays, later revisions share the key.
    wrapped: BTreeMap<KeyId, String>,
    /// All keys, in the order of the file.
    keys: Vec<KeyInfo>,
}

/// Tells one state of the file from another.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) revision: u64,
    pub(crate) checksum: String,
}

/// A secret, and the key that its seal was under.
pub struct Opened {
    /// The secret.
    pub secret: Secret,
    /// The key.
    pub key: KeyId,
}

/// What became of a seal that was to be put under the primary key.
#[derive(Debug, PartialEq, Eq)]
pub enum Rewrapped {
    /// It opens, and is under the primary key already.
    Unchanged,
    /// It was under another key.
    Replaced {
        /// The seal to store in its place.
        sealed: Vec<u8>,
        /// The key that the old one was under.
        from: KeyId,
    },
}

/// Why a seal was not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewrapError {
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No random salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Why a secret was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Nothing to seal.
    #[error("a secret has at least one byte")]
    Empty,
    /// More than [`limits::SECRET_BYTES`].
    #[error("a secret has at most {} bytes", limits::SECRET_BYTES)]
    TooLong,
    /// No random salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// The sealed value does not open. On purpose this does not say why: a changed byte, an unknown or disabled
/// key and a foreign context must look alike to whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value does not open in this context; save the secret again")]
pub struct OpenError;

/// Bytes of format and key id.
const HEAD: usize = FORMAT.len() + 4;

impl KeyRing {
    /// Bytes of the longest sealed value.
    pub const SEALED_BYTES: usize = HEAD + cobblestone::sealed_len(limits::SECRET_BYTES);

    /// Makes a ring with one new primary key, in memory only: what it sealed is lost with it.
    pub fn generate(entropy: &dyn Entropy, clock: &dyn Clock) -> Result<Self, EntropyError> {
        let now = clock.now().as_secs();
        let info = KeyInfo { id: KeyId::FIRST, state: KeyState::Primary, created_at: now, state_since: now };
        let usable = BTreeMap::from([(info.id, Arc::new(MasterKey::generate(entropy)?))]);
        let stamp = Stamp { revision: 1, checksum: String::new() };
        let root = "memory".to_owned();
        Ok(Self { stamp, root, primary: info.id, usable, wrapped: BTreeMap::new(), keys: vec![info] })
    }

    /// The ring of a document. `primary` must be among the `usable` keys.
    pub(crate) fn new(
        document: &RingDocument,
        primary: KeyId,
        usable: BTreeMap<KeyId, Arc<MasterKey>>,
    ) -> Self {
        debug_assert!(usable.contains_key(&primary));
        let wrapped = document.keys.iter().filter_map(|key| Some((key.info().id, key.wrapped.clone()?)));
        Self {
            stamp: document.stamp(),
            root: document.root.clone(),
            primary,
            usable,
            wrapped: wrapped.collect(),
            keys: document.keys.iter().map(StoredKey::info).collect(),
        }
    }

    /// The key that a sealed value names, whether a ring has it or not. `None` for what has not the form of one.
    pub fn key_of(sealed: &[u8]) -> Option<KeyId> {
        split_head(sealed).map(|(id, _)| id)
    }

    /// Seals 1 to [`limits::SECRET_BYTES`] bytes under the primary key. The sealed value is
    ///
    /// ```text
    /// "PSL1" ‖ key id (4, big-endian) ‖ salt (24) ‖ commitment (32) ‖ chunks
    /// ```
    ///
    /// where all from the salt on is Cobblestone-256 with [`SealContext::encode`] as its context.
    pub fn seal(
        &self,
        context: &SealContext,
        secret: &Secret,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, SealError> {
        match secret.len() {
            0 => return Err(SealError::Empty),
            1..=limits::SECRET_BYTES => {}
            _ => return Err(SealError::TooLong),
        }
        let key = self.usable.get(&self.primary).expect("no ring is made without its primary key");
        let mut sealed = Vec::with_capacity(HEAD + cobblestone::sealed_len(secret.len()));
        sealed.extend_from_slice(FORMAT);
        sealed.extend_from_slice(&self.primary.to_be_bytes());
        cobblestone::seal(key, &context.encode(self.primary), secret.expose(), entropy, &mut sealed)?;
        Ok(sealed)
    }

    /// Opens what [`KeyRing::seal`] made, with the same context, under any key that may open.
    pub fn open(&self, context: &SealContext, sealed: &[u8]) -> Result<Opened, OpenError> {
        if sealed.len() > Self::SEALED_BYTES {
            return Err(OpenError);
        }
        let (id, ciphertext) = split_head(sealed).ok_or(OpenError)?;
        let key = self.usable.get(&id).ok_or(OpenError)?;
        let mut plaintext = cobblestone::open(key, &context.encode(id), ciphertext).map_err(|_| OpenError)?;
        let secret = Secret::new(std::mem::take(&mut *plaintext));
        if secret.is_empty() { Err(OpenError) } else { Ok(Opened { secret, key: id }) }
    }

    /// Puts a seal under the primary key, for the same context. The secret does not leave this function. A seal that
    /// is under the primary key already is opened all the same: what does not open is told in any case.
    pub fn rewrap(
        &self,
        context: &SealContext,
        sealed: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Rewrapped, RewrapError> {
        let Opened { secret, key: from } = self.open(context, sealed)?;
        if from == self.primary {
            return Ok(Rewrapped::Unchanged);
        }
        match self.seal(context, &secret, entropy) {
            Ok(sealed) => Ok(Rewrapped::Replaced { sealed, from }),
            Err(SealError::Entropy(error)) => Err(error.into()),
            // No value of such a length opens.
            Err(SealError::Empty | SealError::TooLong) => Err(OpenError.into()),
        }
    }

    /// Whether the ring has the key that this value claims to be sealed under, and may open with it.
    pub fn has_key_of(&self, sealed: &[u8]) -> bool {
        split_head(sealed).is_some_and(|(id, _)| self.may_open(id))
    }

    /// Whether seals under this key open.
    pub fn may_open(&self, id: KeyId) -> bool {
        self.usable.contains_key(&id)
    }

    /// Keys whose seals open, in the order of their ids.
    pub fn usable(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.usable.keys().copied()
    }

    /// Whether the system keeps all of these keys from being swapped to disk.
    pub fn is_locked(&self) -> bool {
        self.usable.values().all(|key| key.is_locked())
    }

    /// Revision of the ring, counted up with every change of the file.
    pub fn revision(&self) -> u64 {
        self.stamp.revision
    }

    /// [`Root::kind`](crate::Root::kind) of the root that wraps the keys.
    pub fn root(&self) -> &str {
        &self.root
    }

    pub(crate) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The key that was unwrapped from this, if it is still known.
    pub(crate) fn unwrapped(&self, id: KeyId, wrapped: &str) -> Option<Arc<MasterKey>> {
        if self.wrapped(id) == Some(wrapped) { self.usable.get(&id).cloned() } else { None }
    }

    /// What the file has of a key.
    pub(crate) fn wrapped(&self, id: KeyId) -> Option<&str> {
        self.wrapped.get(&id).map(String::as_str)
    }

    /// Whether the key of this id is known, and another one.
    pub(crate) fn contradicts(&self, id: KeyId, key: &MasterKey) -> bool {
        self.usable.get(&id).is_some_and(|known| bool::from(known.expose().ct_ne(key.expose())))
    }

    /// The key that seals.
    pub fn primary(&self) -> KeyId {
        self.primary
    }

    /// Where a key is in its life; `None` if the ring has no such key.
    pub fn state(&self, id: KeyId) -> Option<KeyState> {
        self.keys.iter().find(|key| key.id == id).map(|key| key.state)
    }

    /// All keys of the ring, those that no longer open included.
    pub fn keys(&self) -> &[KeyInfo] {
        &self.keys
    }
}

/// Key id and ciphertext of a sealed value; `None` for what is none.
fn split_head(sealed: &[u8]) -> Option<(KeyId, &[u8])> {
    let (id, ciphertext) = sealed.strip_prefix(FORMAT)?.split_first_chunk()?;
    Some((KeyId::from_be_bytes(*id)?, ciphertext))
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
