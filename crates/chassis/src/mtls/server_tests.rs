use std::{net::Ipv4Addr, sync::Mutex};

use rustls::{ClientConfig, HandshakeKind, pki_types::ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::*;
use crate::mtls::test_support::{Folder, authority};

#[tokio::test(start_paused = true)]
async fn files_that_change_before_they_are_followed_are_taken_up() {
    let folder = Folder::of(&authority(), "crypto-service");
    let tls = ServerTls::load(&folder.files()).unwrap();
    let first = tls.configuration.current();
    folder.renew(&authority());
    let following = tokio::spawn(tls.clone().follow(Lifecycle::default()));
    sleep(LOOK * 2).await;
    assert!(!Arc::ptr_eq(&first, &tls.configuration.current()), "the change was missed");

    let second = tls.configuration.current();
    folder.renew(&authority());
    sleep(LOOK * 2).await;
    assert!(!Arc::ptr_eq(&second, &tls.configuration.current()), "changed files were not taken up");
    following.abort();
}

/// A client that would resume its session, were it offered one.
#[tokio::test]
async fn no_session_is_resumed_so_that_every_connection_shows_its_certificate() {
    let authority = authority();
    let (server, client) =
        (Folder::of(&authority, "crypto-service"), Folder::of(&authority, "connection-service"));
    let tls = ServerTls::load(&server.files()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let mut peer = tls.accept(listener.accept().await.unwrap().0).await.unwrap();
            peer.write_all(b"hello").await.unwrap();
            peer.shutdown().await.unwrap();
        }
    });

    let (certificates, key) = files::own(&client.files()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(files::authority(&client.files()).unwrap())
        .with_client_auth_cert(certificates, key)
        .unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    for _ in 0..2 {
        #[expect(clippy::disallowed_methods, reason = "a test, on loopback")]
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("crypto-service").unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        let mut hello = Vec::new();
        stream.read_to_end(&mut hello).await.unwrap();
        assert_eq!(hello, b"hello");
    }
}

/// What was logged on this thread while it lives.
struct Log {
    lines: Arc<Mutex<Vec<u8>>>,
    _collecting: tracing::subscriber::DefaultGuard,
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn collect() -> Self {
        let lines = Arc::<Mutex<Vec<u8>>>::default();
        let to = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || Writer(to.clone()))
            .finish();
        Self { lines, _collecting: tracing::subscriber::set_default(subscriber) }
    }

    /// The lines of this crate.
    fn lines(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.lines.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter(|line| line["target"].as_str().unwrap().starts_with("postern")).collect()
    }
}

/// A connection to a server, and that server's end of it.
async fn pair() -> (TcpStream, TcpStream, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test, on loopback")]
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, from) = listener.accept().await.unwrap();
    (near, far, from)
}

/// Connects, and shows this certificate.
fn shake_hands(
    stream: TcpStream,
    authority: &Folder,
    identity: Option<&Folder>,
) -> tokio::task::JoinHandle<()> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(files::authority(&authority.files()).unwrap());
    let config = match identity.map(|folder| files::own(&folder.files()).unwrap()) {
        Some((certificates, key)) => builder.with_client_auth_cert(certificates, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    tokio::spawn(async move {
        let name = ServerName::try_from("crypto-service").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
}

#[tokio::test]
async fn a_refused_peer_is_logged_with_its_address_the_cause_and_its_certificate() {
    let (ours, theirs) = (authority(), authority());
    let (server, own) = (Folder::of(&ours, "crypto-service"), Folder::of(&ours, "proxy-service"));
    let foreign = Folder::of(&theirs, "proxy-service");
    let named = "spiffe://postern/proxy-service";
    let cases = [
        ("postern", None, "it showed no certificate", ""),
        ("postern", Some(&foreign), "its certificate was not issued by our authority", named),
        (
            "postern/prod",
            Some(&own),
            "its certificate names no service of the trust domain and namespace",
            named,
        ),
        ("other", Some(&own), "its certificate names no service of the trust domain and namespace", named),
    ];
    for (names, identity, cause, certificate) in cases {
        let (trust_domain, namespace) = match names.split_once('/') {
            None => (names.to_owned(), None),
            Some((domain, namespace)) => (domain.to_owned(), Some(namespace.to_owned())),
        };
        let files = TlsFiles { trust_domain, namespace, ..server.files() };
        let (near, far, from) = pair().await;
        let connecting = shake_hands(near, &server, identity);
        let log = Log::collect();
        assert!(ServerTls::load(&files).unwrap().let_in(far, from).await.is_none());
        let line = log.lines().pop().unwrap();
        assert_eq!((&line["message"], &line["cause"]), (&"a peer was refused".into(), &cause.into()));
        assert_eq!(line["from"], from.to_string());
        assert!(line["certificate"].as_str().unwrap_or_default().contains(certificate), "{line}");
        connecting.await.unwrap();
    }
}

#[tokio::test]
async fn plaintext_is_refused_in_words_and_only_one_line_a_second_is_written() {
    let tls = ServerTls::load(&Folder::of(&authority(), "crypto-service").files()).unwrap();
    let log = Log::collect();
    for _ in 0..3 {
        let (mut near, far, from) = pair().await;
        near.write_all(b"PRI * HTTP/2.0\r\n\r\n").await.unwrap();
        assert!(tls.let_in(far, from).await.is_none());
    }
    let lines = log.lines();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&line["cause"], &line["level"]), (&"it does not speak TLS".into(), &"INFO".into()));
}

#[tokio::test]
async fn a_probe_that_sends_nothing_is_no_refused_peer() {
    let tls = ServerTls::load(&Folder::of(&authority(), "crypto-service").files()).unwrap();
    let log = Log::collect();
    let (near, far, from) = pair().await;
    drop(near);
    assert!(tls.let_in(far, from).await.is_none());
    let levels: Vec<_> = log.lines().iter().map(|line| line["level"].clone()).collect();
    assert_eq!(levels, ["DEBUG"]);
}
