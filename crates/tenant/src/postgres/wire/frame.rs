//! The header of a backend message, and the longest body of each kind.
//!
//! A message is a tag (one byte), a length (four bytes, big-endian, that counts itself but not the tag), and a body.

use crate::TenantError;

/// Bytes before the body.
pub(crate) const HEADER: usize = 5;

/// Longest row. Postgres allows cells of up to 1 GiB, but no browser can show that.
const ROW: usize = 16 * 1024 * 1024;
/// Longest description of a result's columns.
const DESCRIPTION: usize = 1024 * 1024;
/// Longest description of parameters: 65,535 numbers of four bytes, and their count.
const PARAMETERS: usize = 65_535 * 4 + 2;
/// Longest message during authentication.
const AUTHENTICATION: usize = 8 * 1024;
/// Longest other message.
const OTHER: usize = 64 * 1024;

/// A header that has passed the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Kind of the message.
    pub tag: u8,
    /// Bytes of header and body together.
    pub total: usize,
}

impl Head {
    /// Reads a header; `None` while it is incomplete. Refuses unknown kinds and lengths over the kind's maximum, so
    /// that no byte of such a body is ever buffered.
    pub(crate) fn parse(input: &[u8]) -> Result<Option<Self>, TenantError> {
        let Some(&[tag, a, b, c, d]) = input.first_chunk::<HEADER>() else { return Ok(None) };
        let cap = cap(tag).ok_or(TenantError::Protocol("a message of an unknown kind"))?;
        let length = u32::from_be_bytes([a, b, c, d]);
        let body = length.checked_sub(4).and_then(|body| usize::try_from(body).ok());
        match body {
            None => Err(TenantError::Protocol("a message with an impossible length")),
            Some(body) if body > cap => Err(TenantError::Protocol("a message longer than its kind may be")),
            Some(body) => Ok(Some(Self { tag, total: HEADER + body })),
        }
    }

    /// Whether the server may send this at any time, unasked: notice, parameter status, notification.
    pub(crate) fn is_aside(self) -> bool {
        matches!(self.tag, b'N' | b'S' | b'A')
    }
}

/// Longest body, in bytes; `None` for kinds that no server sends.
fn cap(tag: u8) -> Option<usize> {
    match tag {
        b'D' => Some(ROW),
        b'T' => Some(DESCRIPTION),
        b't' => Some(PARAMETERS),
        b'R' => Some(AUTHENTICATION),
        b'1' | b'2' | b'3' | b'A' | b'C' | b'E' | b'G' | b'H' | b'I' | b'K' | b'N' | b'S' | b'W' | b'Z'
        | b'c' | b'd' | b'n' | b's' | b'v' => Some(OTHER),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(tag: u8, length: u32) -> Result<Option<Head>, TenantError> {
        let mut bytes = vec![tag];
        bytes.extend(length.to_be_bytes());
        Head::parse(&bytes)
    }

    #[test]
    fn a_header_is_read_once_it_is_whole() {
        assert_eq!(head(b'Z', 5).unwrap(), Some(Head { tag: b'Z', total: 6 }));
        assert_eq!(Head::parse(b"Z\0\0\0").unwrap(), None);
    }

    #[test]
    fn lengths_that_lie_are_refused_before_any_byte_of_the_body() {
        for (tag, length) in
            [(b'D', u32::MAX), (b'D', 3), (b'Z', 0), (b'D', 16 * 1024 * 1024 + 5), (b'R', 8 * 1024 + 5)]
        {
            assert!(matches!(head(tag, length), Err(TenantError::Protocol(_))), "{tag} {length}");
        }
        assert!(head(b'D', 16 * 1024 * 1024 + 4).unwrap().is_some());
    }

    #[test]
    fn kinds_that_only_clients_send_are_refused() {
        assert!(matches!(head(b'Q', 5), Err(TenantError::Protocol(_))));
    }
}
