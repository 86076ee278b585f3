use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
    date_time_ymd,
};
use rustls::crypto::aws_lc_rs;

use super::*;
use crate::config::TlsFiles;

/// 2026-06-01T00:00:00Z; the certificates are for that year.
const NOW: u64 = 1_780_272_000;
const DAY: u64 = 86_400;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate with one URI and these DNS names, as csi-driver-spiffe issues them if there are none.
fn certificate(authority: &Authority, uri: &str, dns: &[&str]) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(dns.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    params.signed_by(&KeyPair::generate().unwrap(), authority).unwrap().der().clone()
}

fn verifier(authority: &Authority) -> ServiceVerifier {
    let [certificate, key, ca] = ["tls.crt", "tls.key", "ca.crt"].map(Into::into);
    let (trust_domain, namespace) = ("postern".to_owned(), Some("prod".to_owned()));
    let names = Names::of(&TlsFiles { certificate, key, ca, trust_domain, namespace });
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    ServiceVerifier { service: "crypto-service", names, authority: roots, provider }
}

fn verify(verifier: &ServiceVerifier, leaf: &CertificateDer<'_>, now: u64) -> Result<(), Error> {
    let (name, now) = (
        ServerName::try_from("crypto-service").unwrap(),
        UnixTime::since_unix_epoch(Duration::from_secs(now)),
    );
    verifier.verify_server_cert(leaf, &[], &name, &[], now).map(drop)
}

#[test]
fn the_service_account_is_the_server_without_any_dns_name() {
    let authority = authority();
    let leaf = certificate(&authority, "spiffe://postern/ns/prod/sa/crypto-service", &[]);
    verify(&verifier(&authority), &leaf, NOW).unwrap();
}

#[test]
fn another_namespace_domain_or_account_is_refused_even_with_the_dns_name() {
    let authority = authority();
    for uri in [
        "spiffe://postern/ns/staging/sa/crypto-service",
        "spiffe://other/ns/prod/sa/crypto-service",
        "spiffe://postern/ns/prod/sa/proxy-service",
        "spiffe://postern/crypto-service",
    ] {
        let leaf = certificate(&authority, uri, &["crypto-service"]);
        let refused = verify(&verifier(&authority), &leaf, NOW).unwrap_err().to_string();
        assert!(
            refused.contains("WrongService") && refused.contains("ns/prod/sa/crypto-service"),
            "{uri}: {refused}"
        );
    }
}

#[test]
fn a_foreign_authority_and_an_expired_certificate_are_refused() {
    let (ours, theirs) = (authority(), authority());
    let uri = "spiffe://postern/ns/prod/sa/crypto-service";
    let foreign = verify(&verifier(&ours), &certificate(&theirs, uri, &[]), NOW).unwrap_err();
    assert!(matches!(foreign, Error::InvalidCertificate(_)), "{foreign}");
    let late = verify(&verifier(&ours), &certificate(&ours, uri, &[]), NOW + 366 * DAY).unwrap_err();
    assert!(late.to_string().contains("xpired"), "{late}");
}
