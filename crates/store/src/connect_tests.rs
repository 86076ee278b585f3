use std::net::TcpListener;

use super::*;

#[test]
fn the_tls_mode_must_be_explicit() {
    assert!(parse("postgres://u:p@db.example.com/d").is_err());
    assert!(parse("postgres://u:p@db.example.com/d?sslmode=prefer").is_err());
    assert!(parse("postgres://u:p@db.example.com/d?sslmode=verify-full").is_ok());
    assert!(parse("postgres://u:p@127.0.0.1/d").is_ok());
}

#[test]
fn only_a_verified_name_or_no_network_is_safe() {
    let at = |rest: &str| transport(&format!("postgres://u:p@{rest}")).unwrap();
    assert_eq!(at("db.example.com/d?sslmode=verify-full"), Transport::Safe);
    assert_eq!(at("127.0.0.1/d?sslmode=disable"), Transport::Safe);
    assert_eq!(at("db.example.com/d?sslmode=require"), Transport::Unverified);
    assert_eq!(at("db.example.com/d?sslmode=disable"), Transport::Clear);
    assert!(transport("postgres://u:p@db.example.com/d").is_err());
}

#[test]
fn a_malformed_url_is_explained_and_not_repeated() {
    for (url, reason) in [
        ("", "it is empty"),
        ("canary", "it does not start with postgresql://"),
        ("mysql://u:canary@h/d", "it does not start with postgresql://"),
        ("postgres://u:canary@h:99999/d", "invalid port number"),
        ("postgres://u:p@h/d?sslmode=canary", "unknown sslmode; use verify-full"),
        (
            "postgres://u:p@h/d?sslmode=disable&statement-cache-capacity=canary",
            "one of its parts or parameters",
        ),
    ] {
        let error = transport(url).unwrap_err().to_string();
        assert!(error.contains(&format!("not a PostgreSQL URL: {reason}")), "{url}: {error}");
        assert!(!error.contains("canary"), "{error}");
    }
}

#[test]
fn a_root_certificate_that_is_missing_is_named() {
    let error = transport("postgres://u:p@h/d?sslmode=verify-full&sslrootcert=/no/such.pem").unwrap_err();
    assert!(error.to_string().contains("cannot read its sslrootcert '/no/such.pem'"), "{error}");
}

#[tokio::test]
async fn a_host_that_does_not_resolve_is_named_and_the_failure_told_once() {
    let error = operator("postgres://u:canary@no-such-host.invalid/d?sslmode=disable").await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
    let error = error.to_string();
    assert!(
        error.starts_with("the control database cannot be reached: no-such-host.invalid:5432: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = operator(&format!("postgres://u:canary@{address}/d")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
    assert!(error.to_string().contains(&format!("{address} refused the connection")), "{error}");
}
