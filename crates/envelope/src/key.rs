//! Information about a key of the ring, without the key itself.

use std::{fmt, num::NonZeroU32};

use serde::{Deserialize, Serialize};

/// Id of a key in its ring: counted up from 1, and never reused, not even after the key is destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(NonZeroU32);

impl KeyId {
    /// The first key of a ring.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Takes a number; `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The id in sealed values and contexts: four bytes, big-endian.
    pub fn to_be_bytes(self) -> [u8; 4] {
        self.get().to_be_bytes()
    }

    /// The number after this one; `None` after the last.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// The reverse of [`KeyId::to_be_bytes`]; `None` for zero.
    pub fn from_be_bytes(bytes: [u8; 4]) -> Option<Self> {
        Self::new(u32::from_be_bytes(bytes))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a key is used for. A key's state only moves downwards in this list, except that a disabled key can be enabled
/// again. A ring always has exactly one primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Being loaded by all replicas. It can open seals: while this replica still has the earlier revision, another may
    /// already use the key as the primary one.
    Staged,
    /// Seals and opens.
    Primary,
    /// Was primary, or was enabled again. Opens seals, but does not seal.
    Active,
    /// Neither seals nor opens, and is not unwrapped. The last step before it is destroyed: if seals remain under it,
    /// that shows now, while the key can still be enabled.
    Disabled,
    /// The key is gone. Its id stays in the ring, so that it is not used again.
    Destroyed,
}

impl KeyState {
    /// The name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Primary => "primary",
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Destroyed => "destroyed",
        }
    }

    /// Whether seals under a key in this state are opened.
    pub const fn may_open(self) -> bool {
        matches!(self, Self::Staged | Self::Primary | Self::Active)
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything about a key except the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Number in the ring.
    pub id: KeyId,
    /// What it is used for.
    pub state: KeyState,
    /// When it was generated, in seconds since 1970-01-01T00:00:00Z.
    pub created_at: u64,
    /// When it entered its state, in seconds since 1970-01-01T00:00:00Z.
    pub state_since: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_key_id() {
        assert_eq!(KeyId::new(0), None);
        assert_eq!(KeyId::from_be_bytes([0; 4]), None);
        assert_eq!(KeyId::from_be_bytes([0, 0, 1, 2]).unwrap().get(), 258);
    }
}
