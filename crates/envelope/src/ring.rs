//! The key ring in memory: seals and opens.

use std::{collections::BTreeMap, sync::Arc};

use postern_domain::{Clock, Secret, limits};

use crate::{
    Entropy, EntropyError, KeyId, KeyInfo, KeyState, MasterKey, SealContext, cobblestone, context::FORMAT,
};

/// The keys of a ring, ready to seal and open. Immutable. Ids are unique, and exactly one key is primary.
pub struct KeyRing {
    primary: KeyId,
    /// Exactly the keys whose state allows opening; the primary key is one of them.
    usable: BTreeMap<KeyId, Arc<MasterKey>>,
    /// All keys, in the order given.
    keys: Vec<KeyInfo>,
}

/// Why keys do not form a valid ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// No key is primary.
    #[error("no key is primary")]
    NoPrimary,
    /// More than one key is primary.
    #[error("more than one key is primary")]
    SeveralPrimaries,
    /// Two keys have the same id.
    #[error("key {0} occurs twice")]
    DuplicateId(KeyId),
}

/// A secret, and the key that its seal was under.
pub struct Opened {
    /// The secret.
    pub secret: Secret,
    /// The key.
    pub key: KeyId,
}

/// The result of rewrapping a seal under the primary key.
#[derive(Debug, PartialEq, Eq)]
pub enum Rewrapped {
    /// It is already under the primary key. It was opened to check it.
    Unchanged,
    /// It was under another key.
    Replaced {
        /// The seal to store in its place.
        sealed: Vec<u8>,
        /// The key that the old one was under.
        from: KeyId,
    },
}

/// Why a seal was not rewrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewrapError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No random salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Why a secret was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The secret is empty.
    #[error("a secret has at least one byte")]
    Empty,
    /// More than [`limits::SECRET_BYTES`].
    #[error("a secret has at most {} bytes", limits::SECRET_BYTES)]
    TooLong,
    /// No random salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// The sealed value cannot be opened. Deliberately without a cause: callers must not be able to distinguish a changed
/// byte, an unknown or disabled key, and a foreign context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value does not open in this context; save the secret again")]
pub struct OpenError;

/// Bytes of format and key id.
const HEAD: usize = FORMAT.len() + 4;

impl KeyRing {
    /// Maximum size of a sealed value in bytes.
    pub const SEALED_BYTES: usize = HEAD + cobblestone::sealed_len(limits::SECRET_BYTES);

    /// Makes a ring with one new primary key, only in memory: its seals cannot be opened once it is dropped.
    pub fn generate(entropy: &dyn Entropy, clock: &dyn Clock) -> Result<Self, EntropyError> {
        let now = clock.now().as_secs();
        let info = KeyInfo { id: KeyId::FIRST, state: KeyState::Primary, created_at: now, state_since: now };
        let usable = BTreeMap::from([(info.id, Arc::new(MasterKey::generate(entropy)?))]);
        Ok(Self { primary: info.id, usable, keys: vec![info] })
    }

    /// Makes a ring of these keys. `unlock` is called for each key whose state allows opening, after the keys have been
    /// checked, because it may call a remote service.
    pub fn assemble<E: From<RingError>>(
        keys: Vec<KeyInfo>,
        mut unlock: impl FnMut(KeyId) -> Result<Arc<MasterKey>, E>,
    ) -> Result<Self, E> {
        refuse_duplicates(&keys)?;
        let primary = sole_primary(&keys)?;
        let mut usable = BTreeMap::new();
        for key in keys.iter().filter(|key| key.state.may_open()) {
            usable.insert(key.id, unlock(key.id)?);
        }
        Ok(Self { primary, usable, keys })
    }

    /// The id of the key that a sealed value names. `None` if the value does not have the form of a seal.
    pub fn key_of(sealed: &[u8]) -> Option<KeyId> {
        split_head(sealed).map(|(id, _)| id)
    }

    /// Seals 1 to [`limits::SECRET_BYTES`] bytes under the primary key. The sealed value is
    ///
    /// ```text
    /// "PSL1" ‖ key id (4, big-endian) ‖ salt (24) ‖ commitment (32) ‖ chunks
    /// ```
    ///
    /// where everything from the salt on is Cobblestone-256 with [`SealContext::encode`] as its context.
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

    /// Opens a value made by [`KeyRing::seal`] with the same context, under any key whose state allows opening.
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

    /// Rewraps a seal under the primary key, for the same context. The secret does not leave this function. A seal that
    /// is already under the primary key is opened too, so that a broken seal is always detected.
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
            // No valid value has this length.
            Err(SealError::Empty | SealError::TooLong) => Err(OpenError.into()),
        }
    }

    /// Whether the ring can open seals under the key that this value names.
    pub fn has_key_of(&self, sealed: &[u8]) -> bool {
        split_head(sealed).is_some_and(|(id, _)| self.may_open(id))
    }

    /// Whether seals under this key can be opened.
    pub fn may_open(&self, id: KeyId) -> bool {
        self.usable.contains_key(&id)
    }

    /// Keys whose seals can be opened, ordered by id.
    pub fn usable(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.usable.keys().copied()
    }

    /// Whether all keys are locked in memory, so that they are not swapped to disk.
    pub fn is_locked(&self) -> bool {
        self.usable.values().all(|key| key.is_locked())
    }

    /// A key that can open seals. Review every call.
    pub fn master_key(&self, id: KeyId) -> Option<&Arc<MasterKey>> {
        self.usable.get(&id)
    }

    /// The primary key.
    pub fn primary(&self) -> KeyId {
        self.primary
    }

    /// The state of a key; `None` if the ring has no such key.
    pub fn state(&self, id: KeyId) -> Option<KeyState> {
        self.keys.iter().find(|key| key.id == id).map(|key| key.state)
    }

    /// All keys of the ring, including those that can no longer open seals.
    pub fn keys(&self) -> &[KeyInfo] {
        &self.keys
    }
}

fn refuse_duplicates(keys: &[KeyInfo]) -> Result<(), RingError> {
    let mut ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(RingError::DuplicateId(pair[0])),
        None => Ok(()),
    }
}

fn sole_primary(keys: &[KeyInfo]) -> Result<KeyId, RingError> {
    let mut primaries = keys.iter().filter(|key| key.state == KeyState::Primary);
    let primary = primaries.next().ok_or(RingError::NoPrimary)?;
    if primaries.next().is_some() { Err(RingError::SeveralPrimaries) } else { Ok(primary.id) }
}

/// Key id and ciphertext of a sealed value; `None` if the value does not have the form of a seal.
fn split_head(sealed: &[u8]) -> Option<(KeyId, &[u8])> {
    let (id, ciphertext) = sealed.strip_prefix(FORMAT)?.split_first_chunk()?;
    Some((KeyId::from_be_bytes(*id)?, ciphertext))
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
