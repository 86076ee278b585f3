use std::net::Ipv4Addr;

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
    tokio::time::sleep(LOOK * 2).await;
    assert!(!Arc::ptr_eq(&first, &tls.configuration.current()), "the change was missed");

    let second = tls.configuration.current();
    folder.renew(&authority());
    tokio::time::sleep(LOOK * 2).await;
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
