use proptest::prelude::*;

use super::*;

fn verdict(text: &str) -> Option<AddressClass> {
    Policy::default().judge(text.parse().unwrap(), 5432).err()
}

#[test]
fn each_special_range_is_refused_from_its_first_to_its_last_address() {
    use AddressClass::*;
    let refused = [
        ("0.0.0.0", Reserved),
        ("0.255.255.255", Reserved),
        ("10.0.0.0", Private),
        ("10.255.255.255", Private),
        ("100.64.0.0", CarrierNat),
        ("100.100.100.200", CarrierNat),
        ("100.127.255.255", CarrierNat),
        ("127.0.0.0", Loopback),
        ("127.255.255.255", Loopback),
        ("168.63.129.16", LinkLocal),
        ("169.254.0.0", LinkLocal),
        ("169.254.169.254", LinkLocal),
        ("169.254.255.255", LinkLocal),
        ("172.16.0.0", Private),
        ("172.31.255.255", Private),
        ("192.0.0.0", Reserved),
        ("192.0.0.255", Reserved),
        ("192.0.2.0", Documentation),
        ("192.0.2.255", Documentation),
        ("192.88.99.1", Translated),
        ("192.168.0.0", Private),
        ("192.168.255.255", Private),
        ("198.18.0.0", Documentation),
        ("198.19.255.255", Documentation),
        ("198.51.100.0", Documentation),
        ("203.0.113.255", Documentation),
        ("224.0.0.0", Multicast),
        ("239.255.255.255", Multicast),
        ("240.0.0.0", Reserved),
        ("255.255.255.255", Multicast),
        ("::", Reserved),
        ("::1", Loopback),
        ("::7f00:1", Translated),
        ("::8.8.8.8", Translated),
        ("::ffff:127.0.0.1", Loopback),
        ("::ffff:10.0.0.1", Private),
        ("::ffff:0:8.8.8.8", Reserved),
        ("64:ff9b::", Translated),
        ("64:ff9b::8.8.8.8", Translated),
        ("64:ff9b:1::1", Translated),
        ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Translated),
        ("100::1", Reserved),
        ("1fff:ffff::", Reserved),
        ("2001::1", Translated),
        ("2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Translated),
        ("2001:2::1", Reserved),
        ("2001:1ff:ffff::", Reserved),
        ("2001:db8::", Documentation),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Documentation),
        ("2002:7f00:1::", Translated),
        ("2002:ffff:ffff::", Translated),
        ("3fff:fff::1", Documentation),
        ("4000::", Reserved),
        ("5f00::1", Reserved),
        ("fc00::", Private),
        ("fd00:ec2::254", Private),
        ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private),
        ("fe00::", Reserved),
        ("fe80::", LinkLocal),
        ("febf:ffff::", LinkLocal),
        ("fec0::", LinkLocal),
        ("feff:ffff::", LinkLocal),
        ("ff00::", Multicast),
        ("ff02::1", Multicast),
    ];
    for (text, class) in refused {
        assert_eq!(verdict(text), Some(class), "{text}");
    }
}

#[test]
fn the_public_neighbours_of_special_ranges_pass() {
    let public = [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "2000::",
        "2001:200::",
        "2001:db7:ffff::",
        "2001:db9::",
        "2003::",
        "2600:1f18::1",
        "2a05:d018::1",
        "3ffe::1",
        "3fff:1000::",
    ];
    for text in public {
        assert_eq!(verdict(text), None, "{text}");
    }
}

#[test]
fn development_may_allow_loopback_and_nothing_else() {
    let policy = Policy { allow_loopback: true, ..Policy::default() };
    for text in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        assert!(policy.judge(text.parse().unwrap(), 1).unwrap().is_loopback(), "{text}");
    }
    for text in ["0.0.0.0", "::", "::7f00:1", "10.0.0.1", "169.254.169.254", "64:ff9b::7f00:1"] {
        assert!(policy.judge(text.parse().unwrap(), 1).is_err(), "{text}");
    }
}

#[test]
fn the_operators_lists_count_before_the_ranges_and_deny_before_allow() {
    let policy = Policy {
        allow: vec!["10.1.0.0/16".parse().unwrap()],
        deny: vec!["10.1.9.0/24".parse().unwrap(), "8.8.8.0/24".parse().unwrap()],
        ..Policy::default()
    };
    let judge = |text: &str| policy.judge(text.parse().unwrap(), 5432).err();
    assert_eq!(judge("10.1.2.3"), None);
    assert_eq!(judge("10.2.2.3"), Some(AddressClass::Private));
    assert_eq!(judge("10.1.9.3"), Some(AddressClass::Denied));
    assert_eq!(judge("::ffff:8.8.8.8"), Some(AddressClass::Denied));
}

#[test]
fn posterns_own_addresses_are_refused_in_every_spelling_at_every_port_unless_allowed() {
    let policy = Policy { allow: vec!["10.0.0.0/8".parse().unwrap()], any_port: true, ..Policy::default() };
    let judge = |policy: &Policy, text: &str, port| policy.judge(text.parse().unwrap(), port).err();
    assert_eq!(judge(&policy, "8.8.8.8", 5432), None);
    policy.own.saw(["8.8.8.8", "10.1.2.3", "::ffff:8.8.4.4"].map(|text| text.parse().unwrap()));
    for text in ["8.8.8.8", "::ffff:8.8.8.8", "10.1.2.3", "::ffff:10.1.2.3", "8.8.4.4", "::ffff:8.8.4.4"] {
        for port in [5432, 6543, 1] {
            assert_eq!(judge(&policy, text, port), Some(AddressClass::Own), "{text}");
        }
    }
    assert_eq!(judge(&policy, "8.8.8.9", 5432), None);
    let told = crate::EgressError::AddressRefused(AddressClass::Own).to_string();
    assert_eq!(
        told,
        "this host resolves to Postern itself, which is not allowed; use the host of your own database or project"
    );
    let allowed = Policy { allow_own_addresses: true, ..policy };
    assert_eq!(judge(&allowed, "8.8.8.8", 5432), None);
}

proptest! {
    #[test]
    fn a_mapped_address_gets_the_verdict_of_the_address_it_carries(bits: u32, loopback: bool) {
        let policy = Policy { allow_loopback: loopback, ..Policy::default() };
        let inner = Ipv4Addr::from_bits(bits);
        let mapped = policy.judge(IpAddr::V6(inner.to_ipv6_mapped()), 5432);
        prop_assert_eq!(mapped, policy.judge(IpAddr::V4(inner), 5432));
    }

    #[test]
    fn whatever_the_standard_library_calls_special_is_refused(bits: u32) {
        let ip = Ipv4Addr::from_bits(bits);
        let special = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast()
            || ip.is_broadcast() || ip.is_documentation() || ip.is_unspecified();
        prop_assert!(!special || Policy::default().judge(IpAddr::V4(ip), 5432).is_err());
    }

    #[test]
    fn no_address_outside_global_unicast_passes(bits: u128) {
        let ip = Ipv6Addr::from_bits(bits);
        let passes = Policy::default().judge(IpAddr::V6(ip), 5432).is_ok();
        prop_assert!(!passes || ip.segments()[0] >> 13 == 1);
    }
}
