//! No address that leads inside passes the judge, by a list of ranges that is written down here once more.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arbitrary::Arbitrary;
use ipnet::IpNet;
use postern_domain::Host;
use postern_egress::Policy;

use crate::{Verdict, random};

#[derive(Arbitrary)]
struct Case {
    address: Address,
    port: u16,
    allow_loopback: bool,
    allow: Vec<(Address, u8)>,
    deny: Vec<(Address, u8)>,
}

#[derive(Arbitrary)]
enum Address {
    V4([u8; 4]),
    V6([u16; 8]),
    /// An IPv4 address at the end of another prefix than `::ffff:0:0/96`, too.
    Carried(u16, u16, [u8; 4]),
}

/// Judges, and judges again by other means.
pub fn check(input: &[u8]) -> Verdict {
    let Some(case) = random::structure::<Case>(input) else { return Verdict::Refused };
    let ip = case.address.ip();
    let public = Policy::default().judge(ip, case.port);
    assert_eq!(public.is_ok(), !leads_inside(ip), "{ip}");
    assert!(public.is_ok_and(|judged| !judged.is_loopback()) || public.is_err(), "{ip}");
    let admitted = Policy { any_port: true, ..Policy::default() }.admit(&Host::Ip(ip), case.port);
    assert_eq!(admitted.is_ok(), public.is_ok() && case.port != 0, "{ip}");
    obeys_the_operator(&case, ip, public.is_ok());
    Verdict::of(&public)
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    random::seeds()
}

fn obeys_the_operator(case: &Case, ip: IpAddr, is_public: bool) {
    let policy = Policy {
        allow_loopback: case.allow_loopback,
        allow: nets(&case.allow),
        deny: nets(&case.deny),
        ..Policy::default()
    };
    let carried = match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        v4 @ IpAddr::V4(_) => v4,
    };
    let listed = |nets: &[IpNet]| nets.iter().any(|net| is_in(*net, carried));
    let is_near = matches!(carried, IpAddr::V4(v4) if v4.octets()[0] == 127) || carried == IpAddr::V6(Ipv6Addr::LOCALHOST);
    let expected =
        !listed(&policy.deny) && (listed(&policy.allow) || is_public || (is_near && policy.allow_loopback));
    assert_eq!(policy.judge(ip, case.port).is_ok(), expected, "{ip} by {policy:?}");
}

/// IANA's special-purpose registries as first and last address of each range, and for IPv6 the other way round: what is
/// in `2000::/3` and not taken out of it.
fn leads_inside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => INSIDE.iter().any(|(first, last)| (bits(*first)..=bits(*last)).contains(&u32::from(v4))),
        IpAddr::V6(v6) => match v6.octets() {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, v4 @ ..] => leads_inside(Ipv4Addr::from(v4).into()),
            [0x20, 0x01, 0..=1, ..] | [0x20, 0x01, 0x0d, 0xb8, ..] | [0x20, 0x02, ..] => true,
            [0x3f, 0xff, third, ..] => third < 0x10,
            [first, ..] => !(0x20..=0x3f).contains(&first),
        },
    }
}

const INSIDE: [([u8; 4], [u8; 4]); 16] = [
    ([0, 0, 0, 0], [0, 255, 255, 255]),
    ([10, 0, 0, 0], [10, 255, 255, 255]),
    ([100, 64, 0, 0], [100, 127, 255, 255]),
    ([127, 0, 0, 0], [127, 255, 255, 255]),
    ([168, 63, 129, 16], [168, 63, 129, 16]),
    ([169, 254, 0, 0], [169, 254, 255, 255]),
    ([172, 16, 0, 0], [172, 31, 255, 255]),
    ([192, 0, 0, 0], [192, 0, 0, 255]),
    ([192, 0, 2, 0], [192, 0, 2, 255]),
    ([192, 88, 99, 0], [192, 88, 99, 255]),
    ([192, 168, 0, 0], [192, 168, 255, 255]),
    ([198, 18, 0, 0], [198, 19, 255, 255]),
    ([198, 51, 100, 0], [198, 51, 100, 255]),
    ([203, 0, 113, 0], [203, 0, 113, 255]),
    ([224, 0, 0, 0], [239, 255, 255, 255]),
    ([240, 0, 0, 0], [255, 255, 255, 255]),
];

const fn bits(octets: [u8; 4]) -> u32 {
    u32::from_be_bytes(octets)
}

impl Address {
    fn ip(&self) -> IpAddr {
        match *self {
            Self::V4(octets) => Ipv4Addr::from(octets).into(),
            Self::V6(segments) => Ipv6Addr::from(segments).into(),
            Self::Carried(fifth, sixth, [a, b, c, d]) => {
                let v4 = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
                Ipv6Addr::from([0, 0, 0, 0, fifth, sixth, v4[0], v4[1]]).into()
            }
        }
    }
}

fn nets(nets: &[(Address, u8)]) -> Vec<IpNet> {
    let net = |(address, prefix): &(Address, u8)| {
        let ip = address.ip();
        let longest = if ip.is_ipv4() { 32 } else { 128 };
        IpNet::new(ip, prefix % (longest + 1)).expect("no longer than the address")
    };
    nets.iter().map(net).collect()
}

/// Whether the first bits of both are the same.
fn is_in(net: IpNet, ip: IpAddr) -> bool {
    let cut = u32::from(net.max_prefix_len() - net.prefix_len());
    match (net.addr(), ip) {
        (IpAddr::V4(net), IpAddr::V4(ip)) => (u32::from(net) ^ u32::from(ip)).checked_shr(cut).unwrap_or(0) == 0,
        (IpAddr::V6(net), IpAddr::V6(ip)) => (u128::from(net) ^ u128::from(ip)).checked_shr(cut).unwrap_or(0) == 0,
        _ => false,
    }
}
