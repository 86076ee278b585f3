//! Ports in URLs and DSNs.

/// A port from 1 to 65535 in up to five digits. An empty port means the default (RFC 3986, section 3.2.3, and libpq).
pub(crate) fn parse(digits: &str, default: u16) -> Option<u16> {
    if digits.is_empty() {
        return Some(default);
    }
    let plain = digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok().filter(|port| *port != 0) } else { None }
}
