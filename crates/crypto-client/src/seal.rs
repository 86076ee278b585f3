//! The header of a seal, which is not secret: `"PSL1" ‖ key id (4 bytes, big-endian)`. Salt, commitment and chunks
//! follow it.

/// Format of the seal: Postern seal, version 1.
pub const PREFIX: [u8; 4] = *b"PSL1";

/// The id of the key that a seal is under; `None` for a value that is not a seal.
pub fn key_id(sealed: &[u8]) -> Option<u32> {
    let (id, _) = sealed.strip_prefix(&PREFIX)?.split_first_chunk()?;
    Some(u32::from_be_bytes(*id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_named_by_bytes_5_to_8() {
        assert_eq!(key_id(b"PSL1\0\0\x01\x02and the rest"), Some(0x102));
        for other in [&b""[..], b"PSL1", b"PSL1\0\0\0", b"PSL2\0\0\0\x01and the rest"] {
            assert_eq!(key_id(other), None, "{other:?}");
        }
    }
}
