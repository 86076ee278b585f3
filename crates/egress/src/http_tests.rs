use std::{net::SocketAddr, sync::atomic::Ordering};

use tokio::{io::AsyncWriteExt, time::Instant};

use super::*;
use crate::{
    AddressClass, Policy,
    test_support::{Ca, Scripted, listen, read_head, serve},
};

const SECOND: Duration = Duration::from_secs(1);

fn client(policy: Policy, answers: &[&str]) -> HttpClient {
    HttpClient::new(Dialer::new(policy, Scripted::new(&[answers])), tls::client_config(None).unwrap())
}

fn url(address: SocketAddr, path: &str) -> HttpUrl {
    HttpUrl::parse(&format!("http://{address}{path}")).unwrap()
}

async fn get(answer: &'static [u8]) -> Result<Bytes, HttpError> {
    let (address, _) = serve(answer).await;
    client(Policy::development(), &[]).get(&url(address, "/jwks"), 10, 5 * SECOND).await
}

#[tokio::test]
async fn a_body_arrives_whole_by_length_by_chunks_and_by_close() {
    assert_eq!(get(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await.unwrap(), "hello");
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    assert_eq!(get(chunked).await.unwrap(), "hello");
    assert_eq!(get(b"HTTP/1.1 200 OK\r\n\r\nhello").await.unwrap(), "hello");
}

#[tokio::test]
async fn the_request_names_the_host_and_the_path() {
    let (listener, address) = listen("127.0.0.1:0").await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        head
    });
    let url = url(address, "/a/jwks?x=1");
    client(Policy::development(), &[]).get(&url, 10, 5 * SECOND).await.unwrap();
    let head = server.await.unwrap();
    assert!(head.starts_with("GET /a/jwks?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {address}\r\n")), "{head}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (target, visits) = serve(b"HTTP/1.1 200 OK\r\n\r\nsecret").await;
    let answer = format!("HTTP/1.1 302 Found\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(get(answer.leak().as_bytes()).await, Err(HttpError::Status(302)));
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn only_200_counts() {
    assert_eq!(
        get(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await,
        Err(HttpError::Status(404))
    );
    assert_eq!(get(b"HTTP/1.1 204 No Content\r\n\r\n").await, Err(HttpError::Status(204)));
    assert_eq!(get(b"nonsense\r\n\r\n").await, Err(HttpError::Protocol));
    assert_eq!(get(b"").await, Err(HttpError::Protocol));
}

#[tokio::test]
async fn a_body_beyond_the_cap_or_cut_short_is_refused() {
    assert_eq!(get(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789").await.unwrap(), "0123456789");
    assert_eq!(
        get(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n0123456789a").await,
        Err(HttpError::TooLarge)
    );
    assert_eq!(get(b"HTTP/1.1 200 OK\r\n\r\n0123456789a").await, Err(HttpError::TooLarge));
    let chunks =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n6789ab\r\n0\r\n\r\n";
    assert_eq!(get(chunks).await, Err(HttpError::TooLarge));
    assert_eq!(get(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort").await, Err(HttpError::Protocol));
}

#[tokio::test]
async fn a_head_beyond_its_bound_is_refused() {
    let mut answer = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
    answer.resize(2 * HEAD_BYTES, b'a');
    answer.extend_from_slice(b"\r\ncontent-length: 2\r\n\r\nok");
    assert_eq!(get(answer.leak()).await, Err(HttpError::Protocol));
}

#[tokio::test]
async fn a_dripping_server_ends_with_the_deadline() {
    let (listener, address) = listen("127.0.0.1:0").await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(b".").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let url = url(address, "/");
    let start = Instant::now();
    let result = client(Policy::development(), &[]).get(&url, 1_000_000, Duration::from_millis(100)).await;
    assert_eq!(result, Err(HttpError::Timeout));
    assert!(start.elapsed() < 5 * SECOND);
}

#[tokio::test]
async fn plain_http_leaves_this_machine_never() {
    let public = HttpUrl::parse("http://issuer.example.com/jwks").unwrap();
    for policy in [Policy::development(), Policy { any_port: true, ..Policy::default() }] {
        let result = client(policy, &["8.8.8.8"]).get(&public, 10, SECOND).await;
        assert_eq!(result, Err(HttpError::PlainHttp));
    }
    let inside = client(Policy { any_port: true, ..Policy::default() }, &["127.0.0.1"]);
    let refused = Err(HttpError::Egress(EgressError::AddressRefused(AddressClass::Loopback)));
    assert_eq!(inside.get(&public, 10, SECOND).await, refused);
}

#[tokio::test]
async fn a_server_without_tls_does_not_answer_an_https_url() {
    let (listener, address) = listen("127.0.0.1:0").await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        read_head(&mut stream).await;
    });
    let url = HttpUrl::parse(&format!("https://{address}/")).unwrap();
    let result = client(Policy::development(), &[]).get(&url, 10, 5 * SECOND).await;
    assert!(matches!(result, Err(HttpError::Tls(_))), "{result:?}");
}

#[tokio::test]
async fn https_verifies_the_name_of_the_url() {
    let ca = Ca::new("one");
    let acceptor = ca.acceptor(&rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap());
    let (listener, address) = listen("127.0.0.1:0").await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let dialer = Dialer::new(Policy::development(), Scripted::new(&[&["127.0.0.1"]]));
    let client = HttpClient::new(dialer, tls::client_config(Some(&ca.pem())).unwrap());
    let get = async |host: &str| {
        let url = HttpUrl::parse(&format!("https://{host}:{}/", address.port())).unwrap();
        client.get(&url, 10, 5 * SECOND).await
    };
    assert_eq!(get("localhost").await.unwrap(), "hello");
    assert_eq!(get("127.0.0.1").await, Err(HttpError::Tls(TlsError::NameMismatch)));
    assert_eq!(get("db.example.com").await, Err(HttpError::Tls(TlsError::NameMismatch)));
}

/// The variables must be set before the process starts: the test runs itself again, with them, and has
/// the inner run do one GET.
#[test]
fn proxy_variables_are_ignored() {
    const INNER: &str = "POSTERN_TEST_PROXY_INNER";
    if std::env::var_os(INNER).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let body = runtime.block_on(get(b"HTTP/1.1 200 OK\r\n\r\ndirect"));
        assert_eq!(body.unwrap(), "direct");
        return;
    }
    let nowhere = "http://127.0.0.1:1";
    let mut inner = std::process::Command::new(std::env::current_exe().unwrap());
    inner.args(["--exact", "http::tests::proxy_variables_are_ignored"]).env(INNER, "1");
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        inner.env(name, nowhere);
    }
    let output = inner.env_remove("no_proxy").env_remove("NO_PROXY").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
