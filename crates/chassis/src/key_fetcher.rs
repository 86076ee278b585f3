//! Fetching issuers' key sets, each verified by the CA that its issuer's configuration names.

use std::{collections::HashMap, fs, sync::Arc};

use anyhow::{Context, Result};
use postern_egress::{Dialer, HttpUrl, Policy, SystemResolver, http::HttpClient, tls};
use postern_identity::{FetchKeys, Fetching, IssuerConfig};

/// Fetches through the guarded way out.
pub(crate) struct KeyFetcher {
    public: HttpClient,
    /// Clients for issuers with a CA of their own, by the issuer's name.
    private: HashMap<String, HttpClient>,
}

impl KeyFetcher {
    /// Reads the CA files.
    pub(crate) fn new(issuers: &[IssuerConfig], egress: Policy) -> Result<Self> {
        let dialer = Dialer::new(egress, Arc::new(SystemResolver::default()));
        let client = |ca: Option<&str>| Ok(HttpClient::new(dialer.clone(), tls::client_config(ca)?));
        let mut private = HashMap::new();
        for issuer in issuers {
            let Some(ca) = &issuer.ca else { continue };
            let broken = || format!("issuer '{}': its ca {} cannot be used", issuer.issuer, ca.display());
            let pem = fs::read_to_string(ca).with_context(broken)?;
            anyhow::ensure!(!pem.trim().is_empty(), "{}: the file is empty", broken());
            let made: Result<_> = client(Some(&pem));
            private.insert(issuer.issuer.clone(), made.with_context(broken)?);
        }
        Ok(Self { public: client(None)?, private })
    }
}

impl FetchKeys for KeyFetcher {
    fn fetch<'a>(&'a self, issuer: &str, url: &'a HttpUrl) -> Fetching<'a> {
        self.private.get(issuer).unwrap_or(&self.public).fetch(issuer, url)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use postern_egress::{http::HttpError, tls::TlsError};
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
    use tokio::{io::AsyncWriteExt, net::TcpListener};
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// An https server of a private CA; returns its port and the CA in PEM.
    async fn private_server() -> (u16, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf =
            CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"keys\":[]}";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
        (port, ca.pem())
    }

    fn issuer(port: u16, ca: Option<&std::path::Path>) -> IssuerConfig {
        let url = format!("https://127.0.0.1:{port}/jwks");
        let config = serde_json::json!({ "issuer": url, "audience": "postern", "jwks_url": url, "ca": ca });
        serde_json::from_value(config).unwrap()
    }

    #[tokio::test]
    async fn an_issuer_with_a_private_ca_is_verified_by_it_and_another_is_not() {
        let (port, pem) = private_server().await;
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.crt");
        fs::write(&ca, pem).unwrap();
        let fetch = async |ca: Option<&std::path::Path>| {
            let issuer = issuer(port, ca);
            let fetcher = KeyFetcher::new(std::slice::from_ref(&issuer), Policy::development()).unwrap();
            fetcher.fetch(&issuer.issuer, issuer.jwks_url.as_ref().unwrap()).await
        };
        assert_eq!(&*fetch(Some(&ca)).await.unwrap(), br#"{"keys":[]}"#);
        assert_eq!(fetch(None).await, Err(HttpError::Tls(TlsError::UnknownIssuer)));
    }

    #[test]
    fn a_ca_file_that_cannot_be_used_is_named() {
        let missing = std::path::Path::new("/no/such/ca.crt");
        let error = KeyFetcher::new(&[issuer(1, Some(missing))], Policy::default()).err().unwrap();
        assert!(format!("{error:#}").contains("/no/such/ca.crt"), "{error:#}");
    }
}
