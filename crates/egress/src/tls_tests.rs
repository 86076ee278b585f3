use rcgen::CertificateParams;

use super::*;
use crate::test_support::{Ca, host};

fn params(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

/// One handshake in memory: what the client says of a server with this certificate.
async fn shake(
    ca: &Ca,
    params: &CertificateParams,
    trusted: Option<&str>,
    name: &str,
) -> Result<(), TlsError> {
    let (ours, theirs) = tokio::io::duplex(16 * 1024);
    let acceptor = ca.acceptor(params);
    let server = tokio::spawn(async move { acceptor.accept(theirs).await.map(drop) });
    let result = connect_tls(ours, client_config(trusted)?, &host(name)).await.map(drop);
    let _ = server.await;
    result
}

#[tokio::test]
async fn the_chain_and_the_name_are_verified_against_the_given_ca() {
    let ca = Ca::new("one");
    let pem = Some(ca.pem());
    let trusted = pem.as_deref();
    assert_eq!(shake(&ca, &params("db.example.com"), trusted, "db.example.com").await, Ok(()));
    assert_eq!(shake(&ca, &params("192.0.2.7"), trusted, "192.0.2.7").await, Ok(()));
    let wrong =
        [("db.example.com", "evil.example.com"), ("db.example.com", "192.0.2.7"), ("192.0.2.8", "192.0.2.7")];
    for (certified, dialled) in wrong {
        let result = shake(&ca, &params(certified), trusted, dialled).await;
        assert_eq!(result, Err(TlsError::NameMismatch), "{certified} {dialled}");
    }
}

#[tokio::test]
async fn another_ca_and_the_public_roots_do_not_count() {
    let ca = Ca::new("one");
    let name = "db.example.com";
    for other in [Ca::new("one"), Ca::new("two")] {
        let pem = other.pem();
        assert_eq!(shake(&ca, &params(name), Some(&pem), name).await, Err(TlsError::UnknownIssuer));
    }
    assert_eq!(shake(&ca, &params(name), None, name).await, Err(TlsError::UnknownIssuer));
    assert_eq!(shake(&ca, &params(name), Some(""), name).await, Err(TlsError::UnknownIssuer));
}

#[tokio::test]
async fn time_is_checked() {
    let ca = Ca::new("one");
    let pem = ca.pem();
    let mut expired = params("db.example.com");
    expired.not_before = rcgen::date_time_ymd(2001, 1, 1);
    expired.not_after = rcgen::date_time_ymd(2002, 1, 1);
    assert_eq!(shake(&ca, &expired, Some(&pem), "db.example.com").await, Err(TlsError::Expired));
    let mut early = params("db.example.com");
    early.not_before = rcgen::date_time_ymd(4000, 1, 1);
    early.not_after = rcgen::date_time_ymd(4001, 1, 1);
    assert_eq!(shake(&ca, &early, Some(&pem), "db.example.com").await, Err(TlsError::NotValidYet));
}

#[tokio::test]
async fn a_server_without_tls_is_told_apart_from_one_that_hangs_up() {
    use tokio::io::AsyncWriteExt;
    let config = client_config(None).unwrap();
    let (ours, mut theirs) = tokio::io::duplex(16 * 1024);
    theirs.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let plain = connect_tls(ours, Arc::clone(&config), &host("db.example.com")).await;
    assert_eq!(plain.err(), Some(TlsError::Handshake));
    let (ours, theirs) = tokio::io::duplex(16 * 1024);
    drop(theirs);
    assert_eq!(connect_tls(ours, config, &host("db.example.com")).await.err(), Some(TlsError::Closed));
}

#[test]
fn a_ca_that_is_none_is_refused() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["nonsense", "-----BEGIN CERTIFICATE-----\n", broken] {
        assert_eq!(client_config(Some(pem)).err(), Some(TlsError::CaInvalid), "{pem}");
    }
}

#[test]
fn the_configuration_for_the_public_roots_is_made_once() {
    assert!(Arc::ptr_eq(&client_config(None).unwrap(), &client_config(Some("")).unwrap()));
}
