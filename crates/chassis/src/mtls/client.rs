//! The client's side: the way to crypto-service.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use http::{Uri, uri::Scheme};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::{ClientConfig, client::Resumption, crypto::aws_lc_rs, pki_types::ServerName};
use tokio::{io::AsyncBufReadExt, net::TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::Endpoint;
use tower::{BoxError, Service, service_fn};

use super::{
    HANDSHAKE,
    coalesce::Coalescing,
    files::{self, FromFiles},
    identity::Names,
    replicas::{CryptoChannel, serves},
    server_name::ServiceVerifier,
};
use crate::{
    Process,
    config::{CryptoClientConfig, TlsFiles},
};

/// The service that the server's certificate must name, at whatever address it was found.
const SERVER: &str = "crypto-service";

/// Time for a whole call of a service.
const CALL: Duration = Duration::from_secs(10);

/// Time for a change of the key ring: it waits ten seconds for another change, and then for the root, more than once.
const CHANGE: Duration = Duration::from_mins(1);

/// How often a connection is asked whether its peer is alive, and how long that may take to answer. Together less than
/// [`CALL`]: a call that waits for a dead peer fails before its time is up, and the next one has a new connection.
const PING: Duration = Duration::from_secs(1);
const PONG: Duration = Duration::from_secs(2);

/// A channel to the replicas of crypto-service. Connects when it is first used, so that services may start in any
/// order. The server must have a certificate of the authority for the SPIFFE name of crypto-service; DNS names are
/// ignored. Each connection uses the certificates that the files hold at that time.
pub fn crypto_channel(config: &CryptoClientConfig) -> Result<CryptoChannel> {
    channel(config, CALL)
}

/// [`crypto_channel`] for changes of the key ring, which take longer than calls of services do.
pub fn operator_channel(config: &CryptoClientConfig) -> Result<CryptoChannel> {
    channel(config, CHANGE)
}

/// Keeps the state of crypto-service for probes: whether it answers, and says that it serves.
pub fn watch_crypto(channel: CryptoChannel, process: &Process) {
    let probe = move || serves(channel.clone());
    tokio::spawn(process.health.dependency("crypto-service").watch(process.life.clone(), probe));
}

fn channel(config: &CryptoClientConfig, within: Duration) -> Result<CryptoChannel> {
    let tls = ClientTls::load(&config.tls).context("the certificate for crypto-service cannot be used")?;
    let connector = service_fn(move |address| connect(tls.clone(), address));
    let connect = move |url: &Uri, address| {
        endpoint(url.clone(), address).timeout(within).connect_with_connector_lazy(connector.clone())
    };
    Ok(CryptoChannel::new(urls(&config.url)?, Box::new(connect)))
}

/// Whether crypto-service can be called at these URLs.
pub(crate) fn check_url(text: &str) -> Result<()> {
    urls(text).map(drop)
}

/// The hosts by which crypto-service's replicas are found.
pub fn crypto_hosts(config: &CryptoClientConfig) -> Result<Vec<String>> {
    let urls = urls(&config.url)?.into_iter();
    Ok(urls.filter_map(|url| url.host().map(str::to_owned)).collect())
}

fn urls(text: &str) -> Result<Vec<Uri>> {
    text.split(',').map(|url| parse_url(url.trim())).collect()
}

fn parse_url(text: &str) -> Result<Uri> {
    let url = text.parse::<Uri>().context("crypto.url is not a URL")?;
    ensure!(url.scheme() == Some(&Scheme::HTTPS), "crypto.url does not begin with https://");
    ensure!(url.host().is_some_and(|host| !host.is_empty()), "crypto.url names no host");
    Ok(url)
}

/// A replica at this address, which was found by the URL `origin`.
fn endpoint(origin: Uri, address: SocketAddr) -> Endpoint {
    // tonic would add TLS of its own to an address with https; the connector brings ours.
    let address = Uri::builder().scheme(Scheme::HTTP).authority(address.to_string()).path_and_query("/");
    let address = address.build().expect("an address and a port are an authority");
    let endpoint = Endpoint::from(address).origin(origin).connect_timeout(HANDSHAKE);
    endpoint.http2_keep_alive_interval(PING).keep_alive_timeout(PONG).keep_alive_while_idle(true)
}

/// A connection on which both sides have shown their certificates.
async fn connect(
    tls: ClientTls,
    address: Uri,
) -> Result<TokioIo<Coalescing<TlsStream<TcpStream>>>, BoxError> {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    let stream = tcp.call(address).await?.into_inner();
    Ok(TokioIo::new(Coalescing::new(tls.handshake(stream).await?)))
}

/// The client's certificate, and whom it trusts.
#[derive(Clone)]
pub(super) struct ClientTls(Arc<FromFiles<ClientConfig>>);

impl ClientTls {
    /// Reads the PEM files.
    pub(super) fn load(files: &TlsFiles) -> Result<Self> {
        Ok(Self(Arc::new(FromFiles::load(files, make)?)))
    }

    /// Looks at the files first: connections are rare, and this leaves no time in which an old certificate is shown.
    pub(super) async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.0.look();
        let server = ServerName::try_from(SERVER).expect("a plain word is a DNS name");
        let mut stream = TlsConnector::from(self.0.current()).connect(server, stream).await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::other("crypto-service does not speak HTTP/2"));
        }
        // In TLS 1.3 the server judges our certificate after our side of the handshake has ended. If we wrote to a
        // connection that it is closing, the alert that says why would be lost. So the server speaks first: an HTTP/2
        // server that has accepted us sends its SETTINGS without waiting for ours (RFC 9113, section 3.4).
        let closed = match stream.fill_buf().await {
            Ok(received) => received.is_empty(),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => true,
            Err(error) => return Err(error),
        };
        if closed {
            let message = "crypto-service closed the connection after the handshake; see its log";
            return Err(io::Error::other(message));
        }
        Ok(stream)
    }
}

fn make(files: &TlsFiles) -> Result<ClientConfig> {
    let (certificates, key) = files::own(files)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let (names, authority) = (Names::of(files), files::authority(files)?);
    let verifier = ServiceVerifier { service: SERVER, names, authority, provider: provider.clone() };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .context("TLS 1.3 is not available")?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(certificates, key)
        .context("the certificate and the key do not belong together")?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed session is not verified again: neither side would notice that the other's certificate has expired.
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_https_url_is_taken() {
        for url in ["http://crypto-service:8443", "crypto-service:8443", "https://", "", "/run/crypto.sock"] {
            assert!(check_url(url).is_err(), "{url}");
            assert!(check_url(&format!("https://crypto-service:8443,{url}")).is_err(), "{url}");
        }
        assert_eq!(urls("https://crypto-service:8443").unwrap().len(), 1);
        assert_eq!(urls("https://10.0.0.1:8443, https://[::1]:8443").unwrap().len(), 2);
    }
}
