use proptest::prelude::*;

use super::*;

fn refused(dsn: &str) -> InvalidDsn {
    parse(dsn).err().unwrap_or_else(|| panic!("{dsn} was accepted"))
}

#[test]
fn a_whole_dsn_is_split_into_its_parts() {
    let dsn =
        parse("postgresql://postgres.ref:p%40ss%2Fw@db.example.com:6543/my%20db?sslmode=require").unwrap();
    assert_eq!(dsn.endpoint.host, Host::Name("db.example.com".into()));
    assert_eq!(dsn.endpoint.port, 6543);
    assert_eq!(dsn.endpoint.user, "postgres.ref");
    assert_eq!(dsn.endpoint.database, "my db");
    assert_eq!(dsn.endpoint.tls_mode, TlsMode::VerifyFull);
    assert_eq!(dsn.password.unwrap().expose(), b"p@ss/w");
}

#[test]
fn what_is_left_out_takes_the_safe_default() {
    let dsn = parse("postgres://ada@[2001:db8::7]").unwrap();
    assert_eq!(dsn.endpoint.port, 5432);
    assert_eq!(dsn.endpoint.database, "ada");
    assert_eq!(dsn.endpoint.tls_mode, TlsMode::VerifyFull);
    assert_eq!(dsn.endpoint.access_mode, AccessMode::ReadOnly);
    assert!(dsn.password.is_none());
}

#[test]
fn an_at_sign_in_the_password_belongs_to_the_password() {
    let dsn = parse("postgres://ada:a@b@db.example.com").unwrap();
    assert_eq!(dsn.password.unwrap().expose(), b"a@b");
}

#[test]
fn what_reaches_into_the_server_is_refused() {
    assert_eq!(refused("postgres://u:p@/db?host=/var/run"), InvalidDsn::Host);
    assert_eq!(refused("postgres://u:p@h.io/db?host=/var/run"), InvalidDsn::Parameter("host"));
    assert_eq!(refused("postgres://u:p@h.io/db?sslcert=/etc/x"), InvalidDsn::Parameter("sslcert"));
    assert_eq!(refused("postgres://u:p@h.io/db?options=-c%20x"), InvalidDsn::Parameter("options"));
    assert_eq!(refused("postgres://u:p@h.io,g.io/db"), InvalidDsn::Host);
    assert_eq!(refused("postgres://u:p@%2Ftmp/db"), InvalidDsn::Host);
}

#[test]
fn weak_and_malformed_parts_are_named() {
    assert_eq!(refused("mysql://u:p@h.io/db"), InvalidDsn::Scheme);
    assert_eq!(refused("postgres://h.io/db"), InvalidDsn::User);
    assert_eq!(refused("postgres://u@h.io:0/db"), InvalidDsn::Port);
    assert_eq!(refused("postgres://u@h.io:99999/db"), InvalidDsn::Port);
    assert_eq!(refused("postgres://u@h.io:+1/db"), InvalidDsn::Port);
    assert_eq!(refused("postgres://u%00@h.io/db"), InvalidDsn::Part("user"));
    assert_eq!(refused("postgres://u:%FF@h.io/db"), InvalidDsn::Part("password"));
    assert_eq!(refused("postgres://u@h.io/db?sslmode=prefer"), InvalidDsn::SslMode);
}

#[test]
fn a_password_of_more_than_1024_bytes_is_refused() {
    let with = |password: &str| parse(&format!("postgres://u:{password}@h.io/db"));
    assert_eq!(with(&"%C3%A9".repeat(512)).unwrap().password.unwrap().len(), 1024);
    assert_eq!(with(&format!("{}a", "%C3%A9".repeat(512))).err(), Some(InvalidDsn::PasswordTooLong));
    assert_eq!(refused(&format!("postgres://{}@h.io/db", "u".repeat(254))), InvalidDsn::Part("user"));
}

proptest! {
    #[test]
    fn never_panics(text in "(postgres://)?[ -~\\[\\]%@:/?&=é]{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn a_refusal_never_repeats_the_password(
        start in "[a-zA-Z]{8}[@?/&=:#]{0,2}",
        end in "[A-Z]{9}",
        tail in "(:0|,x|/d\\?host=1|/%00|)",
    ) {
        if let Err(refusal) = parse(&format!("postgres://u:{start}{end}@h.io{tail}")) {
            prop_assert!(!refusal.to_string().contains(&end), "{refusal}");
        }
    }
}
