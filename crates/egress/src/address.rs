//! Which addresses Postern may connect to.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::Policy;

/// An address that [`Policy::judge`] allowed. A [`crate::Dialer`] connects to nothing else. An IPv4-mapped address is
/// stored as the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedAddr(SocketAddr);

impl JudgedAddr {
    /// Whether the address is a loopback address, which only a development policy allows.
    pub fn is_loopback(self) -> bool {
        self.0.ip().is_loopback()
    }

    /// Whether the address is an IPv6 address.
    pub fn is_ipv6(self) -> bool {
        self.0.is_ipv6()
    }

    /// The address to connect to.
    pub(crate) fn socket(self) -> SocketAddr {
        self.0
    }
}

/// Why an address was refused. Its text describes the kind of address, without the address itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressClass {
    /// 127.0.0.0/8 and `::1`.
    Loopback,
    /// RFC 1918 and unique local IPv6.
    Private,
    /// 169.254.0.0/16, `fe80::/10`, `fec0::/10`, and cloud metadata addresses.
    LinkLocal,
    /// 100.64.0.0/10, carrier-grade NAT.
    CarrierNat,
    /// Addresses that carry an IPv4 address: NAT64, 6to4, Teredo, v4-compatible.
    Translated,
    /// Reserved for examples and benchmarks.
    Documentation,
    /// Multicast and broadcast.
    Multicast,
    /// Unspecified, reserved or unassigned.
    Reserved,
    /// On the operator's deny list.
    Denied,
    /// Where Postern's own database or another of its services is.
    Own,
}

impl AddressClass {
    /// What a user can do about it.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::Own => "use the host of your own database or project",
            _ => "use a host with a public address",
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "this machine itself (loopback)",
            Self::Private => "a private network",
            Self::LinkLocal => "a link-local or cloud metadata address",
            Self::CarrierNat => "a carrier's shared address space (100.64.0.0/10)",
            Self::Translated => "an IPv6 address that carries an IPv4 address (NAT64, 6to4 or Teredo)",
            Self::Documentation => "an address reserved for examples and benchmarks",
            Self::Multicast => "a multicast or broadcast address",
            Self::Reserved => "a reserved address",
            Self::Denied => "a network that the operator does not allow",
            Self::Own => "Postern itself",
        })
    }
}

impl Policy {
    /// Allows or refuses an address. The checks, in order: the operator's deny list, Postern's own addresses, the
    /// operator's exceptions, loopback in development, and the special ranges.
    pub fn judge(&self, ip: IpAddr, port: u16) -> Result<JudgedAddr, AddressClass> {
        let ip = ip.to_canonical();
        let pass = Ok(JudgedAddr(SocketAddr::new(ip, port)));
        if listed(&self.deny, ip) {
            return Err(AddressClass::Denied);
        }
        if !self.allow_own_addresses && self.own.contains(ip) {
            return Err(AddressClass::Own);
        }
        if listed(&self.allow, ip) {
            return pass;
        }
        match class_of(ip) {
            None => pass,
            Some(AddressClass::Loopback) if self.allow_loopback => pass,
            Some(class) => Err(class),
        }
    }
}

fn listed(nets: &[IpNet], ip: IpAddr) -> bool {
    nets.iter().any(|net| net.contains(&ip))
}

/// The special range of an address, or `None` if it is public. The address must not be IPv4-mapped.
fn class_of(ip: IpAddr) -> Option<AddressClass> {
    match ip {
        IpAddr::V4(v4) => SPECIAL_V4.iter().find(|(net, _)| net.contains(&v4)).map(|(_, class)| *class),
        IpAddr::V6(v6) => match SPECIAL_V6.iter().find(|(net, _)| net.contains(&v6)) {
            Some((_, class)) => Some(*class),
            // Only 2000::/3 is global unicast; everything else is refused.
            None if !GLOBAL_UNICAST_V6.contains(&v6) => Some(AddressClass::Reserved),
            None => None,
        },
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// IANA's IPv4 special-purpose registry, and the public address of Azure's `WireServer`.
const SPECIAL_V4: &[(Ipv4Net, AddressClass)] = &[
    (v4(0, 0, 0, 0, 8), AddressClass::Reserved),
    (v4(10, 0, 0, 0, 8), AddressClass::Private),
    (v4(100, 64, 0, 0, 10), AddressClass::CarrierNat),
    (v4(127, 0, 0, 0, 8), AddressClass::Loopback),
    // Azure's WireServer, which every Azure virtual machine can reach.
    (v4(168, 63, 129, 16, 32), AddressClass::LinkLocal),
    (v4(169, 254, 0, 0, 16), AddressClass::LinkLocal),
    (v4(172, 16, 0, 0, 12), AddressClass::Private),
    (v4(192, 0, 0, 0, 24), AddressClass::Reserved),
    (v4(192, 0, 2, 0, 24), AddressClass::Documentation),
    // 6to4 relay anycast, deprecated by RFC 7526.
    (v4(192, 88, 99, 0, 24), AddressClass::Translated),
    (v4(192, 168, 0, 0, 16), AddressClass::Private),
    (v4(198, 18, 0, 0, 15), AddressClass::Documentation),
    (v4(198, 51, 100, 0, 24), AddressClass::Documentation),
    (v4(203, 0, 113, 0, 24), AddressClass::Documentation),
    (v4(224, 0, 0, 0, 4), AddressClass::Multicast),
    (v4(255, 255, 255, 255, 32), AddressClass::Multicast),
    (v4(240, 0, 0, 0, 4), AddressClass::Reserved),
];

const GLOBAL_UNICAST_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// IANA's IPv6 special-purpose registry. The first match counts, so narrow ranges come before wide ones.
const SPECIAL_V6: &[(Ipv6Net, AddressClass)] = &[
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), AddressClass::Reserved),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), AddressClass::Loopback),
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 96), AddressClass::Translated),
    // NAT64: the well-known prefix, and the prefix for local use.
    (v6(0x64, 0xff9b, 0, 96), AddressClass::Translated),
    (v6(0x64, 0xff9b, 1, 48), AddressClass::Translated),
    // Teredo, inside the IETF's block.
    (v6(0x2001, 0, 0, 32), AddressClass::Translated),
    (v6(0x2001, 0, 0, 23), AddressClass::Reserved),
    (v6(0x2001, 0xdb8, 0, 32), AddressClass::Documentation),
    (v6(0x2002, 0, 0, 16), AddressClass::Translated),
    (v6(0x3fff, 0, 0, 20), AddressClass::Documentation),
    (v6(0xfc00, 0, 0, 7), AddressClass::Private),
    (v6(0xfe80, 0, 0, 10), AddressClass::LinkLocal),
    // Site-local, replaced by unique local.
    (v6(0xfec0, 0, 0, 10), AddressClass::LinkLocal),
    (v6(0xff00, 0, 0, 8), AddressClass::Multicast),
];

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
