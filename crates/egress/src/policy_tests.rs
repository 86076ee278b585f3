use super::*;
use crate::AddressClass;

fn admits(policy: &Policy, host: &str, port: u16) -> Result<(), EgressError> {
    policy.admit(&Host::parse(host).unwrap(), port)
}

#[test]
fn only_the_listed_ports_pass() {
    let policy = Policy::default();
    for port in [5432, 6543, 443] {
        assert_eq!(admits(&policy, "db.example.com", port), Ok(()));
    }
    for port in [0, 22, 80, 5431, 5433, 6379, 65535] {
        assert!(
            matches!(admits(&policy, "db.example.com", port), Err(EgressError::PortRefused { .. })),
            "{port}"
        );
    }
    let own = Policy { ports: vec![5433], ..Policy::default() };
    assert_eq!(admits(&own, "db.example.com", 5433), Ok(()));
    assert!(admits(&own, "db.example.com", 5432).is_err());
    let any = Policy { any_port: true, ..Policy::default() };
    assert_eq!(admits(&any, "db.example.com", 9), Ok(()));
    assert!(admits(&any, "db.example.com", 0).is_err());
}

#[test]
fn names_that_only_mean_something_inside_are_refused() {
    let policy = Policy::default();
    let inside = [
        "localhost",
        "a.localhost",
        "redis",
        "db.default.svc",
        "DB.x.SVC.cluster.local",
        "metadata.google.internal",
    ];
    for name in inside {
        assert_eq!(admits(&policy, name, 5432), Err(EgressError::NameRefused), "{name}");
        assert_eq!(admits(&policy, &format!("{name}."), 5432), Err(EgressError::NameRefused), "{name}.");
    }
    for name in ["db.example.com", "mysvc.example.com", "db.notinternal", "svc.example.com", "x.local"] {
        assert_eq!(admits(&policy, name, 5432), Ok(()), "{name}");
    }
}

#[test]
fn development_may_name_this_machine_and_nothing_else_inside() {
    let policy = Policy::development();
    assert_eq!(admits(&policy, "localhost", 5432), Ok(()));
    assert_eq!(admits(&policy, "redis", 5432), Err(EgressError::NameRefused));
    assert_eq!(admits(&policy, "db.x.svc", 5432), Err(EgressError::NameRefused));
}

#[test]
fn the_operators_suffixes_match_whole_labels() {
    let policy = Policy {
        deny_names: vec![".Corp.".into(), "é".into(), String::new()],
        allow_names: vec!["tenants.svc".into()],
        ..Policy::default()
    };
    assert_eq!(admits(&policy, "db.corp", 5432), Err(EgressError::NameRefused));
    assert_eq!(admits(&policy, "db.mycorp", 5432), Ok(()));
    assert_eq!(admits(&policy, "db.tenants.svc", 5432), Ok(()));
    assert_eq!(admits(&policy, "db.other.svc", 5432), Err(EgressError::NameRefused));
}

#[test]
fn a_literal_address_is_judged_at_once() {
    let refused = admits(&Policy::default(), "[::ffff:192.168.1.1]", 5432);
    assert_eq!(refused, Err(EgressError::AddressRefused(AddressClass::Private)));
}

#[test]
fn a_config_with_an_unknown_key_is_refused() {
    assert!(toml::from_str::<Policy>("allow_loopbak = true").is_err());
    assert!(toml::from_str::<Policy>("deny = ['10.0.0.0/33']").is_err());
    let policy: Policy = toml::from_str("deny = ['10.0.0.0/8', 'fd00::/8']\nports = [5432]").unwrap();
    assert!(!policy.allow_loopback && !policy.any_port && policy.deny.len() == 2);
}
