//! The server's side: its certificate, read again when it changes, and the handshakes.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use anyhow::{Context, Result};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Instant, sleep, timeout_at},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::transport::server::Connected;

use super::{
    HANDSHAKE, PeerIdentity,
    coalesce::Coalescing,
    files::{self, FromFiles},
    identity::Names,
    refusal::{self, Refusal},
    verifier,
};
use crate::{Lifecycle, accept, bounded_log::BoundedLog, config::TlsFiles};

/// Time between two looks at the files of certificates.
const LOOK: Duration = Duration::from_secs(2);

/// A server's certificate, and the authority of its peers.
#[derive(Clone)]
pub struct ServerTls {
    configuration: Arc<FromFiles<ServerConfig>>,
    names: Names,
    /// Strangers decide how many refusals there are.
    refusals: Arc<BoundedLog>,
}

impl ServerTls {
    /// Reads the PEM files.
    pub fn load(files: &TlsFiles) -> Result<Self> {
        let configuration = Arc::new(FromFiles::load(files, make)?);
        let refusals = Arc::new(BoundedLog::new(Duration::from_secs(1)));
        Ok(Self { configuration, names: Names::of(files), refusals })
    }

    /// Reads the files again whenever one of them changes, until the lifecycle ends. Connections that are open stay as
    /// they are until they are too old.
    pub(crate) async fn follow(self, life: Lifecycle) {
        let look = async {
            loop {
                self.configuration.look();
                sleep(LOOK).await;
            }
        };
        tokio::select! { () = look => {} () = life.stopping() => {} }
    }

    async fn accept(&self, stream: TcpStream) -> Result<PeerStream, Refusal> {
        stream.set_nodelay(true).map_err(Refusal::Handshake)?;
        let accepting = TlsAcceptor::from(self.configuration.current()).accept(stream);
        let stream = accepting.await.map_err(Refusal::Handshake)?;
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let peer = leaf.and_then(|leaf| PeerIdentity::of(leaf, &self.names)).ok_or(Refusal::NoService)?;
        Ok(PeerStream { stream: Coalescing::new(stream), peer })
    }

    /// Lets a peer in, or logs why not.
    async fn let_in(&self, stream: TcpStream, from: SocketAddr) -> Option<PeerStream> {
        let deadline = Instant::now() + HANDSHAKE;
        let (outcome, certificate) = verifier::noting(async {
            // Waits for the first byte: a probe sends none, a peer does.
            let Ok(Ok(1..)) = timeout_at(deadline, stream.peek(&mut [0])).await else {
                return Err(Refusal::Silent);
            };
            timeout_at(deadline, self.accept(stream)).await.unwrap_or(Err(Refusal::Timeout))
        })
        .await;
        let log = |refusal: &Refusal| refusal::log(&self.refusals, refusal, from, certificate.as_deref());
        outcome.inspect_err(log).ok()
    }
}

fn make(files: &TlsFiles) -> Result<ServerConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let authority = files::authority(files)?.into();
    let verifier = WebPkiClientVerifier::builder_with_provider(authority, provider.clone())
        .build()
        .context("the CA cannot verify clients")?;
    let verifier = Arc::new(verifier::Noting(verifier));
    let (certificates, key) = files::own(files)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .context("TLS 1.3 is not available")?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates, key)
        .context("the certificate and the key do not belong together")?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed session is not verified again: neither side would notice that the other's certificate has expired.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// A connection whose peer has shown its certificate. [`PeerIdentity`] is in the extensions of its requests.
pub struct PeerStream {
    stream: Coalescing<TlsStream<TcpStream>>,
    peer: PeerIdentity,
}

/// Accepts connections; each handshake runs in a task of its own, so that a slow peer delays no other.
pub(crate) fn incoming(listener: TcpListener, tls: ServerTls) -> impl Stream<Item = io::Result<PeerStream>> {
    let (ready, peers) = mpsc::channel(16);
    tokio::spawn(async move {
        let mut connections = pin!(accept::accepted(|| listener.accept()));
        loop {
            let next = tokio::select! {
                () = ready.closed() => return,
                next = connections.next() => next,
            };
            let Some(Ok((stream, from))) = next else { return };
            let (tls, ready) = (tls.clone(), ready.clone());
            tokio::spawn(async move {
                if let Some(peer) = tls.let_in(stream, from).await {
                    drop(ready.send(Ok(peer)).await);
                }
            });
        }
    });
    ReceiverStream::new(peers)
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

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
