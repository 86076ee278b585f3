//! Keys in memory.

use std::convert::Infallible;

use hkdf::Hkdf;
use region::LockGuard;
use sha2::Sha512;
use zeroize::Zeroize;

use crate::{Entropy, EntropyError};

/// 32 uniformly random bytes: a key that seals secrets, or a root that wraps such keys.
///
/// It has its own memory pages, which are locked if the system allows it, so that they are not swapped to disk
/// ([`MasterKey::is_locked`]). It is created in its final place, so that moving it leaves no copy behind, and wiped
/// when dropped. It has no `Debug`, `Clone` and `Serialize`. HKDF's state is computed from it once, on the stack, which
/// may retain traces of it.
pub struct MasterKey {
    /// Fields are dropped in order, so the pages are wiped, unlocked, and then freed.
    lock: Option<LockGuard>,
    pages: Box<Pages>,
}

/// Whole pages, so that unlocking them unlocks nothing else: memory locks do not nest. Machines other than x86-64 have
/// pages of up to 64 KiB.
#[cfg_attr(target_arch = "x86_64", repr(align(4096)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(align(65536)))]
struct Pages {
    key: [u8; MasterKey::BYTES],
    /// The key in HKDF's form, computed once because every message derives from it. As secret as the key.
    hkdf: Option<Hkdf<Sha512>>,
}

impl MasterKey {
    /// Length of a key.
    pub const BYTES: usize = 32;

    /// Generates a new key.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Self::fill_with(|bytes| entropy.fill(bytes))
    }

    /// Copies a key; `None` unless it has 32 bytes. The caller must wipe the original.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let copy = |target: &mut [u8; Self::BYTES]| {
            target.copy_from_slice(bytes);
            Ok::<(), Infallible>(())
        };
        Self::fill_with(copy).ok()
    }

    /// Makes a key that `fill` writes to its final place, so that no copy is left behind.
    pub fn fill_with<E>(fill: impl FnOnce(&mut [u8; Self::BYTES]) -> Result<(), E>) -> Result<Self, E> {
        let pages = Box::new(Pages { key: [0; Self::BYTES], hkdf: None });
        // Locked before the key is written. If the system refuses, a warning is logged at startup; the service still
        // runs.
        let lock = region::lock(&raw const *pages, size_of::<Pages>()).ok();
        let mut key = Self { lock, pages };
        fill(&mut key.pages.key)?;
        key.pages.hkdf = Some(prepare(&key.pages.key));
        Ok(key)
    }

    /// The key, for code that must use it. Review every call.
    pub fn expose(&self) -> &[u8; Self::BYTES] {
        &self.pages.key
    }

    /// The key, ready for HKDF-Expand.
    pub(crate) fn hkdf(&self) -> &Hkdf<Sha512> {
        self.pages.hkdf.as_ref().expect("prepared as soon as there is a key")
    }

    /// Whether the key is locked in memory, so that it is not swapped to disk.
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.pages.key.zeroize();
        self.pages.hkdf = None;
    }
}

/// The scheme uses the 32-byte key directly for HKDF-Expand, but `from_prk` requires at least 64 bytes, the hash's
/// output size. HMAC pads short keys with zeros to the hash's block size of 128 bytes (RFC 2104, section 2), so padding
/// to 64 bytes here changes nothing.
fn prepare(key: &[u8; MasterKey::BYTES]) -> Hkdf<Sha512> {
    let mut prk = zeroize::Zeroizing::new([0; 64]);
    prk[..MasterKey::BYTES].copy_from_slice(key);
    Hkdf::from_prk(prk.as_slice()).expect("64 bytes are as long as a SHA-512 hash")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_has_32_bytes() {
        assert!(MasterKey::from_slice(&[1; 31]).is_none());
        assert!(MasterKey::from_slice(&[1; 33]).is_none());
        assert_eq!(MasterKey::from_slice(&[1; 32]).unwrap().expose(), &[1; 32]);
    }

    /// What the kernel says of the pages, so that a lock of the wrong range would show.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_key_is_locked_in_memory_and_dropping_one_leaves_the_others_locked() {
        let keys: Vec<MasterKey> = (1..=3).map(|byte| MasterKey::from_slice(&[byte; 32]).unwrap()).collect();
        if !keys.iter().all(MasterKey::is_locked) {
            return; // This system allows no locks; the start would say so.
        }
        let mut keys = keys.into_iter();
        drop(keys.next());
        assert!(keys.all(|key| is_locked_for_the_kernel(key.expose().as_ptr().addr())));
    }

    /// Looks for the flag `lo` of the mapping in `/proc/self/smaps`.
    #[cfg(target_os = "linux")]
    fn is_locked_for_the_kernel(address: usize) -> bool {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in smaps.lines() {
            let range = line.split(' ').next().unwrap().split_once('-');
            let bounds = range.and_then(|(start, end)| {
                Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
            });
            if let Some(bounds) = bounds {
                inside = bounds.contains(&address);
            } else if inside && line.starts_with("VmFlags:") {
                return line.split(' ').any(|flag| flag == "lo");
            }
        }
        panic!("no mapping holds the key");
    }
}
