//! Who is at the other end, as its certificate says.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use x509_parser::parse_x509_certificate;

use super::certificate::{describe, uris};

/// The service at the other end of a connection, as its certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    service: Arc<str>,
    certificate: Arc<str>,
}

impl PeerIdentity {
    /// The last part of `spiffe://<trust domain>/<service>`.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Tells the certificate from others of the same service in a log: its serial number in hex, its subject's common
    /// name if it has one, and its URI.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Reads the name out of a certificate that has been verified. `None` unless its URI names are exactly one, of the
    /// trust domain, with one path segment.
    pub(super) fn of(certificate: &CertificateDer<'_>, trust_domain: &str) -> Option<Self> {
        let (_, parsed) = parse_x509_certificate(certificate).ok()?;
        let names = uris(&parsed);
        let &[uri] = names.as_slice() else { return None };
        let service = uri.strip_prefix("spiffe://")?.strip_prefix(trust_domain)?.strip_prefix('/')?;
        let one_segment = !service.is_empty() && !service.contains('/');
        one_segment.then(|| Self { service: service.into(), certificate: describe(certificate).into() })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    /// Who a certificate with these URI names says its holder is.
    fn identity(uris: &[&str]) -> Option<String> {
        let mut params = CertificateParams::new(vec!["crypto-service".to_owned()]).unwrap();
        let names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap()));
        params.subject_alt_names.extend(names);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        PeerIdentity::of(certificate.der(), "postern").map(|peer| peer.service().to_owned())
    }

    #[test]
    fn one_name_of_the_trust_domain_is_an_identity() {
        assert_eq!(identity(&["spiffe://postern/proxy-service"]).as_deref(), Some("proxy-service"));
    }

    #[test]
    fn anything_else_is_nobody() {
        let cases: [&[&str]; 8] = [
            &[],
            &["spiffe://other/proxy-service"],
            &["spiffe://postern.evil/proxy-service"],
            &["spiffe://postern/proxy-service/extra"],
            &["spiffe://postern/"],
            &["spiffe://postern"],
            &["https://postern/proxy-service"],
            &["spiffe://postern/proxy-service", "spiffe://postern/connection-service"],
        ];
        for uris in cases {
            assert_eq!(identity(uris), None, "{uris:?}");
        }
    }
}
