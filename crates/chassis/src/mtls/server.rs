//! The server's side: its certificate, taken up anew when it changes, and the handshakes.

use std::{
    io::{self, IoSlice},
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
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
use tonic::transport::server::Connected;

use super::{HANDSHAKE, PeerIdentity};
use crate::{Lifecycle, config::TlsFiles};

/// How often the files of certificates are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// The server's side: its own certificate, and whom it talks to.
#[derive(Clone)]
pub struct ServerTls {
    files: Arc<TlsFiles>,
    current: Arc<ArcSwap<ServerConfig>>,
}

impl ServerTls {
    /// Reads the PEM files.
    pub fn load(files: &TlsFiles) -> Result<Self> {
        let current = Arc::new(ArcSwap::from_pointee(Self::read(files)?));
        Ok(Self { files: Arc::new(files.clone()), current })
    }

    /// Reads the files again whenever one of them changes, until the lifecycle ends. Connections that are open stay as they
    /// are. Files that cannot be used, a certificate without its key for a moment, say, change nothing.
    pub(crate) async fn follow(self, life: Lifecycle) {
        let mut seen = self.changed_at();
        let look = async {
            loop {
                tokio::time::sleep(LOOK).await;
                let now = self.changed_at();
                if now != seen && self.reload() {
                    seen = now;
                }
            }
        };
        tokio::select! { () = look => {} () = life.stopping() => {} }
    }

    fn reload(&self) -> bool {
        match Self::read(&self.files) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                tracing::info!("the certificates were read again");
                true
            }
            Err(error) => {
                tracing::warn!(
                    "the certificates have changed and cannot be used; keeping those in memory: {error:#}"
                );
                false
            }
        }
    }

    /// When each of the files was last changed; `None` for one that is not there.
    fn changed_at(&self) -> [Option<SystemTime>; 3] {
        [&self.files.certificate, &self.files.key, &self.files.ca]
            .map(|path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok())
    }

    fn read(files: &TlsFiles) -> Result<ServerConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = read_roots(&files.ca)?;
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
        Ok(config)
    }

    async fn accept(&self, stream: TcpStream) -> io::Result<PeerStream> {
        stream.set_nodelay(true)?;
        let stream = TlsAcceptor::from(self.current.load_full()).accept(stream).await?;
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let peer = leaf.and_then(|leaf| PeerIdentity::of(leaf, &self.files.trust_domain));
        let peer = peer
            .ok_or_else(|| io::Error::other("the peer's certificate names no service of the trust domain"))?;
        Ok(PeerStream { stream, peer })
    }
}

pub(super) fn read_roots(path: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(path)? {
        roots.add(certificate).with_context(|| format!("{} holds no usable CA", path.display()))?;
    }
    Ok(roots)
}

pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
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

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    /// A frame's head and its payload then share a record, and a system call.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// Files of a self-signed certificate, which is its own authority.
    fn write(folder: &Path, name: &str) -> TlsFiles {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let [certificate, key_file, ca] = ["tls.crt", "tls.key", "ca.crt"].map(|file| folder.join(file));
        std::fs::write(&certificate, &pem).unwrap();
        std::fs::write(&ca, &pem).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        TlsFiles { certificate, key: key_file, ca, trust_domain: "postern".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn changed_certificates_are_taken_up_and_broken_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let tls = ServerTls::load(&write(folder.path(), "first")).unwrap();
        let following = tokio::spawn(tls.clone().follow(Lifecycle::default()));
        let (first, looked) = (tls.current.load_full(), LOOK * 2);

        std::fs::write(folder.path().join("tls.key"), "not a key").unwrap();
        tokio::time::sleep(looked).await;
        assert!(Arc::ptr_eq(&first, &tls.current.load_full()), "broken files were taken up");

        write(folder.path(), "second");
        tokio::time::sleep(looked).await;
        assert!(!Arc::ptr_eq(&first, &tls.current.load_full()), "changed files were not taken up");
        following.abort();
    }
}
