//! Raw Cobblestone-256: the C2SP scheme "chunked encryption" with SHA-512 and AES-256-GCM.
//!
//! Source: <https://c2sp.org/chunked-encryption>. Only the key ring and the file root call this.
//!
//! ```text
//! key(32) ‖ base nonce(12) ‖ commitment(32) = HKDF-Expand-SHA-512(
//!     prk  = input key(32),
//!     info = "c2sp.org/chunked-encryption@v1+" ‖ "AEAD_AES_256_GCM" ‖ 0x00 ‖ salt(24) ‖ context)
//!
//! ciphertext = salt(24) ‖ commitment(32) ‖ chunk 0 ‖ … ‖ chunk n
//! chunk i    = AES-256-GCM(key, nonce = base nonce XOR i, no associated data), its tag(16) at the end
//! ```
//!
//! The plaintext is cut into chunks of 16 KiB; the last one is always shorter, and empty when the length is a
//! multiple of 16 KiB. A short chunk thereby marks the end. The scheme's bound of 2³⁸ chunks (4 PiB) is out
//! of reach for a slice in memory.

use std::iter;

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Nonce, aead::consts::U12};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Entropy, EntropyError, MasterKey};

const SALT: usize = 24;
const COMMITMENT: usize = 32;
const TAG: usize = 16;
const CHUNK: usize = 16 * 1024;
const SEALED_CHUNK: usize = CHUNK + TAG;

/// Why a ciphertext was refused. Only tests distinguish the causes; outside this crate there is one error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The length is not that of any ciphertext: it was cut off, or something was appended.
    Length,
    /// Wrong key, wrong context, or a changed salt or commitment. Nothing was decrypted.
    Commitment,
    /// A chunk was changed or moved.
    Chunk,
}

/// Length of the ciphertext of a plaintext of `length` bytes.
pub(crate) const fn sealed_len(length: usize) -> usize {
    SALT + COMMITMENT + length + (length / CHUNK + 1) * TAG
}

/// Appends the ciphertext of `plaintext` to `out`. The salt is generated here, so that no caller can reuse one.
pub(crate) fn seal(
    key: &MasterKey,
    context: &[u8],
    plaintext: &[u8],
    entropy: &dyn Entropy,
    out: &mut Vec<u8>,
) -> Result<(), EntropyError> {
    let mut salt = [0; SALT];
    entropy.fill(&mut salt)?;
    let once = SingleUse::derive(key, &salt, context);

    out.reserve(sealed_len(plaintext.len()));
    out.extend_from_slice(&salt);
    out.extend_from_slice(once.commitment());
    let cipher = once.cipher();
    let (full, last) = plaintext.as_chunks::<CHUNK>();
    for (number, chunk) in (0..).zip(full.iter().map(<[u8; CHUNK]>::as_slice).chain(iter::once(last))) {
        let start = out.len();
        out.extend_from_slice(chunk);
        let tag = cipher
            .encrypt_inout_detached(&once.nonce(number), &[], (&mut out[start..]).into())
            .expect("AES-GCM refuses nothing shorter than 64 GiB");
        out.extend_from_slice(&tag);
    }
    Ok(())
}

/// Decrypts a ciphertext made by [`seal`]. Fails unless it is complete and was made with this key and this context.
pub(crate) fn open(
    key: &MasterKey,
    context: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let (salt, rest) = ciphertext.split_first_chunk::<SALT>().ok_or(Refused::Length)?;
    let (commitment, body) = rest.split_first_chunk::<COMMITMENT>().ok_or(Refused::Length)?;
    // `last` is shorter than a full chunk by construction. If it is even shorter than a tag, the end of the message is
    // missing.
    let (full, last) = body.as_chunks::<SEALED_CHUNK>();
    if last.len() < TAG {
        return Err(Refused::Length);
    }

    let once = SingleUse::derive(key, salt, context);
    if !bool::from(once.commitment().ct_eq(commitment)) {
        return Err(Refused::Commitment);
    }

    let cipher = once.cipher();
    // Allocated in full: growing would leave copies of the plaintext behind.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(body.len()));
    for (number, chunk) in (0..).zip(full.iter().map(<[u8; SEALED_CHUNK]>::as_slice).chain(iter::once(last)))
    {
        let (encrypted, tag) = chunk.split_last_chunk::<TAG>().ok_or(Refused::Length)?;
        let start = plaintext.len();
        plaintext.extend_from_slice(encrypted);
        cipher
            .decrypt_inout_detached(&once.nonce(number), &[], (&mut plaintext[start..]).into(), tag.into())
            .map_err(|_| Refused::Chunk)?;
    }
    Ok(plaintext)
}

/// Key, base nonce and commitment of one message, in this order.
struct SingleUse(Zeroizing<[u8; Self::BYTES]>);

impl SingleUse {
    const KEY: usize = 32;
    const NONCE: usize = 12;
    const BYTES: usize = Self::KEY + Self::NONCE + COMMITMENT;

    fn derive(key: &MasterKey, salt: &[u8; SALT], context: &[u8]) -> Self {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        let info: [&[u8]; 3] = [b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0", salt, context];
        key.hkdf()
            .expand_multi_info(&info, bytes.as_mut_slice())
            .expect("76 bytes are far below HKDF's 16320");
        Self(bytes)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new_from_slice(&self.0[..Self::KEY]).expect("AES-256 takes 32 bytes")
    }

    /// The base nonce XOR the chunk's number as a big-endian integer of 12 bytes.
    fn nonce(&self, chunk: u64) -> Nonce<U12> {
        let mut nonce = Nonce::default();
        nonce[4..].copy_from_slice(&chunk.to_be_bytes());
        let base = &self.0[Self::KEY..Self::KEY + Self::NONCE];
        nonce.iter_mut().zip(base).for_each(|(byte, base)| *byte ^= base);
        nonce
    }

    fn commitment(&self) -> &[u8] {
        &self.0[Self::KEY + Self::NONCE..]
    }
}

#[cfg(test)]
#[path = "cobblestone_tests.rs"]
mod tests;
