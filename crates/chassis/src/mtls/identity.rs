//! The identity in a peer's certificate.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use x509_parser::parse_x509_certificate;

use super::certificate::{describe, uris};
use crate::config::TlsFiles;

/// The service at the other end of a connection, as named by its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    service: Arc<str>,
    certificate: Arc<str>,
}

/// The form of the URI names that count as identities: everything before the service's name.
#[derive(Clone, Debug)]
pub(super) struct Names(Arc<str>);

impl Names {
    /// `spiffe://<trust domain>/`, or `spiffe://<trust domain>/ns/<namespace>/sa/` if a namespace is configured. Only
    /// one of the two forms is accepted, so that nobody who may issue names of one form can impersonate the other.
    pub(super) fn of(files: &TlsFiles) -> Self {
        let domain = &files.trust_domain;
        Self(match &files.namespace {
            None => format!("spiffe://{domain}/").into(),
            Some(namespace) => format!("spiffe://{domain}/ns/{namespace}/sa/").into(),
        })
    }

    /// The name that a service's certificate must have.
    pub(super) fn uri(&self, service: &str) -> String {
        format!("{}{service}", self.0)
    }
}

impl PeerIdentity {
    /// The last part of the URI: the service, or `operator`.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Identifies the certificate in a log: its serial number in hex, its subject's common name if it has one, and its
    /// URI.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Reads the identity from a certificate that has been verified. `None` unless the certificate has exactly one URI
    /// name, of the given form, and the rest of it is a single path segment.
    pub(super) fn of(certificate: &CertificateDer<'_>, names: &Names) -> Option<Self> {
        let (_, parsed) = parse_x509_certificate(certificate).ok()?;
        let found = uris(&parsed);
        let &[uri] = found.as_slice() else { return None };
        let service = uri.strip_prefix(&*names.0)?;
        let one_segment = !service.is_empty() && !service.contains('/');
        one_segment.then(|| Self { service: service.into(), certificate: describe(certificate).into() })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn names(namespace: Option<&str>) -> Names {
        let (trust_domain, namespace) = ("postern".to_owned(), namespace.map(str::to_owned));
        let [certificate, key, ca] = ["tls.crt", "tls.key", "ca.crt"].map(Into::into);
        Names::of(&TlsFiles { certificate, key, ca, trust_domain, namespace })
    }

    /// The service named by a certificate with these URI names.
    fn identity(uris: &[&str], names: &Names) -> Option<String> {
        let mut params = CertificateParams::new(vec!["crypto-service".to_owned()]).unwrap();
        let uris = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap()));
        params.subject_alt_names.extend(uris);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        PeerIdentity::of(certificate.der(), names).map(|peer| peer.service().to_owned())
    }

    #[test]
    fn one_name_of_the_trust_domain_is_an_identity() {
        let service = identity(&["spiffe://postern/proxy-service"], &names(None));
        assert_eq!(service.as_deref(), Some("proxy-service"));
    }

    #[test]
    fn a_service_account_of_the_namespace_is_an_identity() {
        let service = identity(&["spiffe://postern/ns/prod/sa/proxy-service"], &names(Some("prod")));
        assert_eq!(service.as_deref(), Some("proxy-service"));
    }

    #[test]
    fn any_other_name_is_no_identity() {
        let cases: [&[&str]; 9] = [
            &[],
            &["spiffe://other/proxy-service"],
            &["spiffe://postern.evil/proxy-service"],
            &["spiffe://postern/proxy-service/extra"],
            &["spiffe://postern/ns/prod/sa/proxy-service"],
            &["spiffe://postern/"],
            &["spiffe://postern"],
            &["https://postern/proxy-service"],
            &["spiffe://postern/proxy-service", "spiffe://postern/connection-service"],
        ];
        for uris in cases {
            assert_eq!(identity(uris, &names(None)), None, "{uris:?}");
        }
    }

    #[test]
    fn a_service_account_of_another_namespace_is_no_identity() {
        let cases: [&[&str]; 6] = [
            &["spiffe://postern/ns/staging/sa/proxy-service"],
            &["spiffe://other/ns/prod/sa/proxy-service"],
            &["spiffe://postern/ns/prod/sa/"],
            &["spiffe://postern/ns/prod/sa/proxy-service/extra"],
            &["spiffe://postern/ns/prod/ns/prod/sa/proxy-service"],
            &["spiffe://postern/proxy-service"],
        ];
        for uris in cases {
            assert_eq!(identity(uris, &names(Some("prod"))), None, "{uris:?}");
        }
    }
}
