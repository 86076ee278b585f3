//! What the log says when crypto-service cannot be used, over real mutual TLS.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use postern_chassis::{
    Lifecycle,
    config::{CryptoClientConfig, TlsFiles},
    mtls::{self, ServerTls},
    server,
};
use postern_devkit::ca::{DevCa, TRUST_DOMAIN};
use postern_rpc::crypto::{DecryptRequest, crypto_service_client::CryptoServiceClient};
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, SanType, date_time_ymd};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tonic::{Status, service::Routes};

use super::*;

/// Two authorities, of which each side may trust the wrong one.
struct Stage {
    ours: TempDir,
    other: TempDir,
}

impl Stage {
    fn new() -> Self {
        Self { ours: tempfile::tempdir().unwrap(), other: tempfile::tempdir().unwrap() }
    }

    fn files(&self, service: &str) -> TlsFiles {
        files(self.ours.path(), service)
    }
}

fn files(folder: &Path, service: &str) -> TlsFiles {
    let files = DevCa::load_or_create(folder).unwrap().service(service).unwrap();
    let (certificate, key, ca) = (files.certificate, files.key, files.ca);
    TlsFiles { certificate, key, ca, trust_domain: TRUST_DOMAIN.to_owned(), namespace: None }
}

/// Replaces a certificate with one that expired long ago.
fn expire(folder: &Path, service: &str) -> TlsFiles {
    let tls = files(folder, service);
    let pem = |path: &Path| KeyPair::from_pem(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, "Postern development authority");
    let mut leaf = CertificateParams::new(vec![service.to_owned()]).unwrap();
    leaf.subject_alt_names.push(SanType::URI(format!("spiffe://postern/{service}").try_into().unwrap()));
    leaf.not_after = date_time_ymd(2001, 1, 1);
    leaf.not_before = date_time_ymd(2000, 1, 1);
    let issuer = Issuer::new(authority, pem(&folder.join("ca.key")));
    std::fs::write(&tls.certificate, leaf.signed_by(&pem(&tls.key), &issuer).unwrap().pem()).unwrap();
    tls
}

/// A server over mutual TLS without any RPC.
async fn serve(tls: TlsFiles) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = ServerTls::load(&tls).unwrap();
    tokio::spawn(server::serve_internal(listener, Routes::default(), tls, Lifecycle::default()));
    address
}

async fn call(address: SocketAddr, tls: TlsFiles) -> Status {
    let config = CryptoClientConfig { url: format!("https://{address}"), tls };
    let client = CryptoServiceClient::new(mtls::crypto_channel(&config).unwrap());
    client.clone().decrypt(DecryptRequest::default()).await.unwrap_err()
}

/// The log line of a failed call. The user sees only that it is not their fault.
async fn logged(address: SocketAddr, tls: TlsFiles) -> String {
    let status = call(address, tls).await;
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_writer({
        let lines = lines.clone();
        move || lines.clone()
    });
    let told = tracing::subscriber::with_default(subscriber.with_ansi(false).finish(), || {
        problem(&status, Purpose::Open)
    });
    assert_eq!(told.reason(), Reason::DependencyUnavailable, "{status:?}");
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_closed_port_a_plaintext_port_and_wrong_certificates_are_told_apart() {
    let stage = Stage::new();
    let client = || stage.files("proxy-service");

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = logged(closed, client()).await;
    assert!(text.contains("cannot be used") && text.contains("Connection refused"), "{text}");

    let text = logged(plaintext().await, client()).await;
    assert!(text.contains("cannot be used") && text.contains("corrupt message"), "{text}");

    let stranger = serve(files(stage.other.path(), "crypto-service")).await;
    let text = logged(stranger, client()).await;
    assert!(text.contains("cannot be used") && text.contains("invalid peer certificate"), "{text}");

    let trusts_another =
        TlsFiles { ca: files(stage.other.path(), "crypto-service").ca, ..stage.files("crypto-service") };
    let text = logged(serve(trusts_another).await, client()).await;
    assert!(text.contains("refused our certificate"), "{text}");
}

/// The reason arrives after the client's side of the handshake, and is lost if the client has written something by
/// then.
#[tokio::test]
async fn a_refused_certificate_is_never_mistaken_for_a_lost_connection() {
    let stage = Stage::new();
    let trusts_another =
        TlsFiles { ca: files(stage.other.path(), "crypto-service").ca, ..stage.files("crypto-service") };
    let server = serve(trusts_another).await;
    for _ in 0..30 {
        let text = logged(server, stage.files("proxy-service")).await;
        assert!(text.contains("crypto-service refused our certificate: received fatal alert"), "{text}");
    }
}

/// The server closes the connection without an alert: the certificate is fine, its name is not.
#[tokio::test]
async fn a_certificate_of_another_trust_domain_points_to_the_log_of_crypto_service() {
    let stage = Stage::new();
    let elsewhere = TlsFiles { trust_domain: "elsewhere".to_owned(), ..stage.files("crypto-service") };
    let server = serve(elsewhere).await;
    for _ in 0..30 {
        let text = logged(server, stage.files("proxy-service")).await;
        assert!(text.contains("closed the connection after the handshake; see its log"), "{text}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_named_on_either_side() {
    let stage = Stage::new();
    let server = serve(stage.files("crypto-service")).await;
    let text = logged(server, expire(stage.ours.path(), "proxy-service")).await;
    assert!(text.contains("refused our certificate") && text.contains("CertificateExpired"), "{text}");

    let server = serve(expire(stage.ours.path(), "crypto-service")).await;
    let text = logged(server, stage.files("connection-service")).await;
    assert!(text.contains("cannot be used") && text.contains("xpired"), "{text}");
}

/// A server that answers in the clear.
async fn plaintext() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    address
}
