//! Host names and addresses, parsed to one form.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::limits;

/// A host as a user wrote it: an IP address, or a DNS name in lower case.
///
/// Well formed, but not yet checked against the egress policy: only `egress` decides whether Postern may connect to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A literal address.
    Ip(IpAddr),
    /// A DNS name in lower case, without a trailing dot.
    Name(String),
}

/// The text is neither an IP address nor a DNS name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host is an IP address or a DNS name such as db.example.com")]
pub struct InvalidHost;

impl Host {
    /// Parses an IPv4 address, an IPv6 address (with or without brackets) or a DNS name.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        if let Some(v6) = bare {
            return v6.parse().map(|ip| Self::Ip(IpAddr::V6(ip))).map_err(|_| InvalidHost);
        }
        if let Ok(ip) = IpAddr::from_str(text) {
            return Ok(Self::Ip(ip));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if is_dns_name(&name) { Ok(Self::Name(name)) } else { Err(InvalidHost) }
    }
}

/// Labels have 1 to 63 letters, digits, `-` or `_`. The last label starts with a letter, so that `127.1` and `0x7f.1`,
/// which some resolvers read as addresses, are not names.
fn is_dns_name(name: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last_is_word =
        name.rsplit('.').next().is_some_and(|l| l.starts_with(|c: char| c.is_ascii_alphabetic()));
    name.len() <= limits::NAME_BYTES && last_is_word && name.split('.').all(label)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}
