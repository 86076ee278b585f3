//! The context that a seal is bound to, and its encoding.

use postern_domain::{EndpointDigest, OwnerId, SecretId, TenantKind};

use crate::KeyId;

/// First bytes of every sealed value, and first field of every context. A new format gets a new tag.
pub(crate) const FORMAT: &[u8; 4] = b"PSL1";

/// What a seal is bound to. A sealed value can only be opened with the context it was sealed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealContext {
    /// The owner of the secret, from a verified token.
    pub owner: OwnerId,
    /// Generated for every sealing, so that an older seal of the same secret cannot replace a newer one.
    pub secret: SecretId,
    /// Kind of tenant the secret belongs to.
    pub kind: TenantKind,
    /// Digest of who receives the secret.
    pub endpoint: EndpointDigest,
}

impl SealContext {
    /// Encodes the context under one key. Six fields, each preceded by its length as four bytes, big-endian:
    ///
    /// | field | bytes |
    /// |---|---|
    /// | format | `"PSL1"` |
    /// | key id | 4, big-endian |
    /// | owner | 16, the UUID |
    /// | secret id | 16, the UUID |
    /// | kind | text, such as `postgres` |
    /// | endpoint digest | 32 |
    ///
    /// The first two are also the unencrypted header of the sealed value. Binding them here means that the header
    /// cannot be changed.
    pub fn encode(&self, key: KeyId) -> Vec<u8> {
        fields(&[
            FORMAT,
            &key.to_be_bytes(),
            self.owner.0.as_bytes(),
            self.secret.0.as_bytes(),
            self.kind.as_str().as_bytes(),
            &self.endpoint.0,
        ])
    }
}

/// Each field, preceded by its length as four bytes, big-endian: no two lists of fields give the same bytes.
pub(crate) fn fields(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(fields.iter().map(|field| 4 + field.len()).sum());
    for field in fields {
        let length = u32::try_from(field.len()).expect("the fields of a context are a few bytes each");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{context, hex};

    /// The encoding, written out by hand. Sealed values in databases depend on it: when this test fails, the
    /// change needs a new format tag instead of a new expectation.
    #[test]
    fn the_encoding_does_not_drift() {
        let expected = [
            "00000004",
            "50534c31", // "PSL1"
            "00000004",
            "01020304",
            "00000010",
            "11111111111111111111111111111111",
            "00000010",
            "22222222222222222222222222222222",
            "00000008",
            "706f737467726573", // "postgres"
            "00000020",
            "3333333333333333333333333333333333333333333333333333333333333333",
        ];
        assert_eq!(hex(&context().encode(KeyId::new(0x0102_0304).unwrap())), expected.concat());
    }

    #[test]
    fn moving_a_byte_between_fields_changes_the_encoding() {
        assert_ne!(fields(&[b"ab", b"c"]), fields(&[b"a", b"bc"]));
        assert_ne!(fields(&[b"", b"a"]), fields(&[b"a", b""]));
        assert_ne!(fields(&[b"a"]), fields(&[b"a", b""]));
    }
}
