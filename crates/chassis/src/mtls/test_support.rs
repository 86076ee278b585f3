//! Certificates in folders of their own, and a wire that can be cut.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use postern_devkit::ca::{DevCa, TRUST_DOMAIN};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use crate::config::TlsFiles;

/// An authority.
pub(crate) struct Authority {
    ca: DevCa,
    _folder: TempDir,
}

/// Where one service finds its certificate.
pub(crate) struct Folder {
    folder: TempDir,
    service: &'static str,
}

/// A new authority.
pub(crate) fn authority() -> Authority {
    let folder = tempfile::tempdir().unwrap();
    Authority { ca: DevCa::load_or_create(folder.path()).unwrap(), _folder: folder }
}

impl Authority {
    /// The private key of a service's certificate, in PEM.
    pub(crate) fn key(&self, service: &str) -> String {
        fs::read_to_string(self.ca.service(service).unwrap().key).unwrap()
    }
}

impl Folder {
    /// A folder with a certificate of this authority for the service.
    pub(crate) fn of(authority: &Authority, service: &'static str) -> Self {
        let folder = Self { folder: tempfile::tempdir().unwrap(), service };
        folder.renew(authority);
        folder
    }

    /// Puts a certificate of another authority, and that authority's own, in place of what is there.
    pub(crate) fn renew(&self, authority: &Authority) {
        let (from, to) = (authority.ca.service(self.service).unwrap(), self.files());
        for (from, to) in [(from.certificate, to.certificate), (from.key, to.key), (from.ca, to.ca)] {
            replace(&to, &fs::read(from).unwrap());
        }
    }

    pub(crate) fn files(&self) -> TlsFiles {
        let [certificate, key, ca] =
            ["tls.crt", "tls.key", "ca.crt"].map(|file| self.folder.path().join(file));
        TlsFiles { certificate, key, ca, trust_domain: TRUST_DOMAIN.to_owned(), namespace: None }
    }
}

/// Replaces a file by renaming another over it, as tools that renew certificates do. Written over it, it would have the
/// same stamp if that happens within one tick of the file system's clock.
pub(crate) fn replace(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, path).unwrap();
}

/// A wire to a server, which can be cut without either end being told.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    cut: Arc<Notify>,
}

impl Wire {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Self { address, connections: Arc::default(), cut: Arc::default() };
        let (connections, cut) = (wire.connections.clone(), wire.cut.clone());
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let cut = cut.clone().notified_owned();
                tokio::spawn(async move {
                    #[expect(clippy::disallowed_methods, reason = "a test, on loopback")]
                    let mut server = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        // Keeps both ends open, and carries nothing any more.
                        () = cut => std::future::pending().await,
                    }
                });
            }
        });
        wire
    }

    /// Connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Cuts the connections there are. New ones are carried.
    pub(crate) fn cut(&self) {
        self.cut.notify_waiters();
    }
}
