//! Mutual TLS between services, with a SPIFFE name for each.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use anyhow::{Context, Result};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, server::Connected};
use x509_parser::{extensions::GeneralName, parse_x509_certificate};

use crate::config::{CryptoClientConfig, TlsFiles};

/// Time that a peer has for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// The service at the other end of a connection, as its certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity(Arc<str>);

impl PeerIdentity {
    /// The last part of `spiffe://<trust domain>/<service>`.
    pub fn service(&self) -> &str {
        &self.0
    }

    /// Reads the name out of a certificate that has been verified. `None` unless its URI names are exactly one, of the
    /// trust domain, with one path segment.
    fn of(certificate: &CertificateDer<'_>, trust_domain: &str) -> Option<Self> {
        let (_, parsed) = parse_x509_certificate(certificate).ok()?;
        let names = &parsed.subject_alternative_name().ok()??.value.general_names;
        let mut uris = names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        let (uri, None) = (uris.next()?, uris.next()) else { return None };
        let service = uri.strip_prefix("spiffe://")?.strip_prefix(trust_domain)?.strip_prefix('/')?;
        let one_segment = !service.is_empty() && !service.contains('/');
        one_segment.then(|| Self(service.into()))
    }
}

/// The server's side: its own certificate, and whom it talks to.
#[derive(Clone)]
pub struct ServerTls {
    acceptor: TlsAcceptor,
    trust_domain: Arc<str>,
}

impl ServerTls {
    /// Reads the PEM files.
    pub fn load(files: &TlsFiles) -> Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in read_certificates(&files.ca)? {
            roots.add(certificate).with_context(|| format!("{} holds no usable CA", files.ca.display()))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
            .build()
            .context("the CA cannot verify clients")?;
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .with_context(|| format!("{} holds no private key", files.key.display()))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .context("TLS 1.3 is not available")?
            .with_client_cert_verifier(verifier)
            .with_single_cert(read_certificates(&files.certificate)?, key)
            .context("the certificate and the key do not belong together")?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        let trust_domain = files.trust_domain.as_str().into();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), trust_domain })
    }

    async fn accept(&self, stream: TcpStream) -> io::Result<PeerStream> {
        stream.set_nodelay(true)?;
        let stream = self.acceptor.accept(stream).await?;
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let peer = leaf.and_then(|leaf| PeerIdentity::of(leaf, &self.trust_domain));
        let peer = peer
            .ok_or_else(|| io::Error::other("the peer's certificate names no service of the trust domain"))?;
        Ok(PeerStream { stream, peer })
    }
}

fn read_certificates(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    certificates.with_context(|| format!("{} holds no certificates in PEM", path.display()))
}

/// A connection whose peer has shown its certificate. [`PeerIdentity`] is in the extensions of its requests.
pub struct PeerStream {
    stream: TlsStream<TcpStream>,
    peer: PeerIdentity,
}

/// Accepts connections; each handshake runs in a task of its own, so that a slow peer holds up nobody.
pub(crate) fn incoming(listener: TcpListener, tls: ServerTls) -> impl Stream<Item = io::Result<PeerStream>> {
    let (ready, accepted) = mpsc::channel(16);
    tokio::spawn(async move {
        loop {
            let stream = tokio::select! {
                () = ready.closed() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = stream else {
                // Out of file descriptors: give the process a moment to close some.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let (tls, ready) = (tls.clone(), ready.clone());
            tokio::spawn(async move {
                match timeout(HANDSHAKE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => drop(ready.send(Ok(stream)).await),
                    Ok(Err(error)) => tracing::info!(%error, "a peer was refused"),
                    Err(_) => tracing::info!("a peer did not finish its handshake"),
                }
            });
        }
    });
    ReceiverStream::new(accepted)
}

impl Connected for PeerStream {
    type ConnectInfo = PeerIdentity;

    fn connect_info(&self) -> PeerIdentity {
        self.peer.clone()
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A channel to crypto-service. Connects when it is first used, so that services may start in any order; the server
/// must show a certificate of the authority for the name `crypto-service`.
pub fn crypto_channel(config: &CryptoClientConfig) -> Result<Channel> {
    let read = |path: &std::path::Path| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&config.tls.ca)?))
        .identity(Identity::from_pem(read(&config.tls.certificate)?, read(&config.tls.key)?))
        .domain_name("crypto-service");
    let endpoint = Endpoint::from_shared(config.url.clone()).context("crypto.url is not a URL")?;
    let endpoint = endpoint.tls_config(tls).context("the certificate for crypto-service cannot be used")?;
    Ok(endpoint.tcp_nodelay(true).connect_timeout(HANDSHAKE).timeout(Duration::from_secs(10)).connect_lazy())
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
