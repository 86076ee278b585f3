//! Wrapping of keys by another key, for a root in this process.

use crate::{Entropy, EntropyError, KeyId, MasterKey, cobblestone, context::fields};

impl MasterKey {
    /// Wraps a key of a ring under this one, so that it unwraps only under the same id.
    ///
    /// The result is raw Cobblestone-256, 104 bytes: `salt (24) ‖ commitment (32) ‖ key (32) ‖ tag (16)`. Its context
    /// has two fields, each preceded by its length as four bytes, big-endian: `"PKW1"`, and the key's id as four bytes,
    /// big-endian. The first field keeps it apart from the context of any seal.
    pub fn wrap(&self, id: KeyId, key: &Self, entropy: &dyn Entropy) -> Result<Vec<u8>, EntropyError> {
        let mut wrapped = Vec::new();
        cobblestone::seal(self, &wrapping_context(id), key.expose(), entropy, &mut wrapped)?;
        Ok(wrapped)
    }

    /// The reverse of [`MasterKey::wrap`]; `None` for anything else.
    pub fn unwrap(&self, id: KeyId, wrapped: &[u8]) -> Option<Self> {
        let key = cobblestone::open(self, &wrapping_context(id), wrapped).ok()?;
        Self::from_slice(&key)
    }
}

fn wrapping_context(id: KeyId) -> Vec<u8> {
    fields(&[b"PKW1", &id.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{CountingEntropy, FixedEntropy, NoEntropy, hex};

    fn id(number: u32) -> KeyId {
        KeyId::new(number).unwrap()
    }

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_slice(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_wrapped_key_unwraps_with_the_same_key_and_the_same_id_only() {
        let mut wrapped = key(1).wrap(id(3), &key(5), &CountingEntropy::default()).unwrap();
        assert!(key(1).unwrap(id(3), &wrapped).unwrap().expose() == key(5).expose());
        assert!(key(1).unwrap(id(4), &wrapped).is_none());
        assert!(key(2).unwrap(id(3), &wrapped).is_none());
        wrapped[60] ^= 1;
        assert!(key(1).unwrap(id(3), &wrapped).is_none());
    }

    #[test]
    fn a_wrapped_key_of_another_length_is_refused() {
        let (context, entropy) = (wrapping_context(id(3)), CountingEntropy::default());
        let mut wrapped = Vec::new();
        cobblestone::seal(&key(1), &context, &[5; 31], &entropy, &mut wrapped).unwrap();
        assert!(key(1).unwrap(id(3), &wrapped).is_none());
    }

    /// The expectation was computed by another implementation. Ring files depend on it: when this test fails, the
    /// change needs a new tag instead of a new expectation.
    #[test]
    fn the_wrapped_form_does_not_drift() {
        assert_eq!(hex(&wrapping_context(id(3))), "00000004504b57310000000400000003");
        let wrapped = key(1).wrap(id(3), &key(5), &FixedEntropy(&[9; 24])).unwrap();
        let expected = [
            "090909090909090909090909090909090909090909090909",
            "4f14caf46911dd944963191da1ff4af1b2560cd88647c4a6d070b9ac5afd2345", // commitment
            "69815c31685319c44a9d48481dc4d3bfdf18a415626bbcd58f8039dd036fe843", // key
            "0f6dd36bfe96fffc0f5c34b6ef240c34",                                 // tag
        ];
        assert_eq!(hex(&wrapped), expected.concat());
    }

    #[test]
    fn without_randomness_nothing_is_wrapped() {
        assert_eq!(key(1).wrap(id(1), &key(5), &NoEntropy), Err(EntropyError));
    }
}
