//! The key ring in memory: seals and opens.

use std::collections::BTreeMap;

use postern_domain::{Clock, Secret, limits};

use crate::{
    Entropy, EntropyError, KeyId, KeyInfo, KeyState, MasterKey, SealContext, cobblestone, context::FORMAT,
};

/// The keys of one revision of the ring. Immutable: a reload makes a new one.
pub struct KeyRing {
    revision: u64,
    primary: KeyId,
    /// Keys that may open, the primary among them.
    usable: BTreeMap<KeyId, MasterKey>,
    /// All keys, in the order of the file.
    keys: Vec<KeyInfo>,
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
        let usable = BTreeMap::from([(info.id, MasterKey::generate(entropy)?)]);
        Ok(Self { revision: 1, primary: info.id, usable, keys: vec![info] })
    }

    /// Takes the parts of a ring. `primary` must be among the `usable` keys.
    pub(crate) fn new(
        revision: u64,
        primary: KeyId,
        usable: BTreeMap<KeyId, MasterKey>,
        keys: Vec<KeyInfo>,
    ) -> Self {
        debug_assert!(usable.contains_key(&primary));
        Self { revision, primary, usable, keys }
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
    pub fn open(&self, context: &SealContext, sealed: &[u8]) -> Result<Secret, OpenError> {
        if sealed.len() > Self::SEALED_BYTES {
            return Err(OpenError);
        }
        let rest = sealed.strip_prefix(FORMAT).ok_or(OpenError)?;
        let (id, ciphertext) = rest.split_first_chunk().ok_or(OpenError)?;
        let id = KeyId::from_be_bytes(*id).ok_or(OpenError)?;
        let key = self.usable.get(&id).ok_or(OpenError)?;
        let mut plaintext = cobblestone::open(key, &context.encode(id), ciphertext).map_err(|_| OpenError)?;
        let secret = Secret::new(std::mem::take(&mut *plaintext));
        if secret.is_empty() { Err(OpenError) } else { Ok(secret) }
    }

    /// Revision of the ring, counted up with every change of the file.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The key that seals.
    pub fn primary(&self) -> KeyId {
        self.primary
    }

    /// All keys of the ring, those that no longer open included.
    pub fn keys(&self) -> &[KeyInfo] {
        &self.keys
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
