use proptest::prelude::*;

use super::*;

fn endpoint() -> PostgresEndpoint {
    PostgresEndpoint {
        host: Host::parse("db.example.com").unwrap(),
        port: 5432,
        database: "shop".into(),
        user: "reader".into(),
        tls_mode: TlsMode::VerifyFull,
        ca: CaBundle::default(),
        access_mode: AccessMode::ReadOnly,
    }
}

#[test]
fn hosts_are_parsed_to_one_form() {
    assert_eq!(Host::parse("DB.Example.com.").unwrap(), Host::Name("db.example.com".into()));
    assert_eq!(Host::parse("[::1]").unwrap().to_string(), "::1");
    assert_eq!(Host::parse("192.0.2.7").unwrap(), Host::Ip("192.0.2.7".parse().unwrap()));
}

#[test]
fn text_that_resolvers_read_as_an_address_is_no_name() {
    for text in
        ["", ".", "127.1", "2130706433", "0x7f000001", "a..b", "-a.com", "a b", "/tmp", "a.com:1", "[db]"]
    {
        assert_eq!(Host::parse(text), Err(InvalidHost), "{text:?}");
    }
}

#[test]
fn every_part_that_decides_who_receives_the_secret_changes_the_digest() {
    let base = endpoint();
    let changed = [
        PostgresEndpoint { host: Host::parse("evil.example.com").unwrap(), ..base.clone() },
        PostgresEndpoint { port: 6543, ..base.clone() },
        PostgresEndpoint { database: "other".into(), ..base.clone() },
        PostgresEndpoint { tls_mode: TlsMode::Disable, ..base.clone() },
        PostgresEndpoint { ca: CaBundle::parse("-----BEGIN CERTIFICATE-----").unwrap(), ..base.clone() },
    ];
    for other in changed {
        assert_ne!(other.digest(), base.digest(), "{other:?}");
    }
    let same = PostgresEndpoint { user: "other".into(), access_mode: AccessMode::ReadWrite, ..base.clone() };
    assert_eq!(same.digest(), base.digest());
}

/// Seals in existing databases are bound to these bytes.
#[test]
fn a_digest_stays_what_it_was() {
    let hex = |endpoint: PostgresEndpoint| -> String {
        Endpoint::from(endpoint).digest().0.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    };
    assert_eq!(hex(endpoint()), "e5090c15783f7b4333130acfcc9d7116723cf707ab0de9c8173e3263705a83f9");
    let other = PostgresEndpoint {
        host: Host::parse("2001:DB8::7").unwrap(),
        port: 6543,
        database: "läden".into(),
        tls_mode: TlsMode::Disable,
        ca: CaBundle::parse("-----BEGIN CERTIFICATE-----\n").unwrap(),
        ..endpoint()
    };
    assert_eq!(hex(other), "0d82fbc00acec56eb694e27091a4cd50924f3af0bf51b68f82e2417c1d9984ba");
}

#[test]
fn a_kind_is_read_back_by_its_name_and_nothing_else_is() {
    for kind in TenantKind::ALL {
        assert_eq!(TenantKind::parse(kind.as_str()), Some(*kind));
    }
    assert_eq!(TenantKind::parse("Postgres"), None);
}

proptest! {
    #[test]
    fn parsing_a_host_never_panics_and_is_idempotent(text in ".{0,80}") {
        if let Ok(host) = Host::parse(&text) {
            prop_assert_eq!(Host::parse(&host.to_string()).unwrap(), host);
        }
    }

    #[test]
    fn moving_a_byte_between_fields_changes_the_digest(host in "[a-z]{2,9}", database in "[a-z]{2,9}") {
        let one = PostgresEndpoint { host: Host::Name(host.clone()), database: database.clone(), ..endpoint() };
        let moved = PostgresEndpoint {
            host: Host::Name(host[..host.len() - 1].to_owned()),
            database: format!("{}{database}", &host[host.len() - 1..]),
            ..endpoint()
        };
        prop_assert_ne!(one.digest(), moved.digest());
    }
}
