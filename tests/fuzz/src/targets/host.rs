//! A host is an address or a name, and never a name that a resolver takes for an address.

use std::net::{IpAddr, Ipv4Addr};

use postern_domain::{Host, limits::NAME_BYTES};
use postern_egress::Policy;

use crate::Verdict;

/// Reads, and looks at what came of it.
pub fn check(input: &[u8]) -> Verdict {
    let Ok(text) = str::from_utf8(input) else { return Verdict::Refused };
    let Ok(host) = Host::parse(text) else { return Verdict::Refused };
    assert_eq!(Host::parse(&host.to_string()), Ok(host.clone()), "{text:?}");
    if let Host::Name(name) = &host {
        is_a_name(name);
        assert_eq!(inet_aton(name), None, "{text:?} is taken for an address");
    }
    let admitted = Policy::default().admit(&host, 5432);
    if admitted.is_ok() {
        means_something_outside(&host);
    }
    Verdict::of(&admitted)
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "db.example.com", "DB.Example.com.", "192.0.2.1", "8.8.8.8", "[2001:db8::7]", "::ffff:10.0.0.1", "127.1", "0x7f.1",
        "0177.0.0.1", "2130706433", "db.svc.cluster.local", "localhost", "metadata.google.internal", "fe80::1%eth0",
        "a_b.c-d.io", "1.2.3.4.in-addr.arpa", "xn--80ak6aa92e.com",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn is_a_name(name: &str) {
    assert!(name.len() <= NAME_BYTES && !name.ends_with('.'), "{name:?}");
    for label in name.split('.') {
        assert!((1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-'), "{name:?}");
        assert!(label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_')), "{name:?}");
    }
}

fn means_something_outside(host: &Host) {
    match host {
        Host::Name(name) => {
            let labels: Vec<&str> = name.split('.').collect();
            assert!(labels.len() > 1, "{name}");
            let last = labels[labels.len() - 1];
            assert!(!["svc", "internal", "localhost"].contains(&last), "{name}");
            assert!(!labels.ends_with(&["cluster", "local"]), "{name}");
        }
        Host::Ip(IpAddr::V4(v4)) => {
            assert!(!v4.is_private() && !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(), "{v4}");
        }
        Host::Ip(IpAddr::V6(v6)) => assert!(v6.to_ipv4_mapped().is_some() || v6.segments()[0] >> 13 == 1, "{v6}"),
    }
}

/// What the C library's function of this name reads: one to four numbers, decimal, octal or hexadecimal, the last of
/// which fills what is left of the address.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    let room = 8 * (4_u32.checked_sub(u32::try_from(first.len()).ok()?)?);
    if room == 0 || *last >= 1 << room || first.iter().any(|part| *part > 255) {
        return None;
    }
    let head = first.iter().fold(0, |bits, part| bits << 8 | part);
    u32::try_from(head << room | last).ok().map(Ipv4Addr::from_bits)
}

fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    if digits.starts_with(['+', '-']) { None } else { u64::from_str_radix(digits, radix).ok() }
}
