use std::{future::pending, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// A server that responds to each connection with these bytes. The receiver gets the requests.
async fn server(answer: Vec<u8>) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let _ = tell.send(String::from_utf8_lossy(&request[..length]).into_owned());
            // Whoever has read enough hangs up.
            let _ = stream.write_all(&answer).await;
        }
    });
    (address, told)
}

async fn send(url: &str) -> Result<Answer, Trouble> {
    let (method, headers, body) = (Method::POST, HeaderMap::new(), wiped(Zeroizing::new(b"{}".to_vec())));
    let call = Call { method, url: HttpUrl::parse(url).unwrap(), headers, body };
    Client::trusting(None).unwrap().send(call).await
}

#[tokio::test]
async fn responses_of_any_status_are_returned() {
    let (address, mut told) =
        server(b"HTTP/1.1 503 Busy\r\nX-A: b\r\nContent-Length: 2\r\n\r\nno".to_vec()).await;
    let answer = send(&format!("http://{address}/v1/a?b=c")).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (503, &b"no"[..]));
    assert_eq!(answer.headers["x-a"], "b");
    let request = told.recv().await.unwrap().to_lowercase();
    assert!(request.starts_with("post /v1/a?b=c http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {address}\r\n")), "{request}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, mut told) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()).await;
    let (address, _) = server(
        format!("HTTP/1.1 307 Go\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n").into_bytes(),
    )
    .await;
    assert_eq!(send(&format!("http://{address}/")).await.err(), Some(Trouble::Redirect));
    assert!(told.try_recv().is_err(), "the redirect was followed");
}

#[tokio::test]
async fn an_answer_may_be_as_long_as_the_cap_and_no_longer() {
    let answer = |length| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
        [head, vec![b'a'; length]].concat()
    };
    let (fits, _) = server(answer(BODY_BYTES)).await;
    assert_eq!(send(&format!("http://{fits}/")).await.unwrap().body.len(), BODY_BYTES);
    let (longer, _) = server(answer(BODY_BYTES + 1)).await;
    assert_eq!(send(&format!("http://{longer}/")).await.err(), Some(Trouble::Protocol));
}

#[tokio::test]
async fn what_is_not_http_or_ends_early_is_no_answer() {
    for bytes in [&b"SSH-2.0-OpenSSH\r\n"[..], b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", b""] {
        let (address, _) = server(bytes.to_vec()).await;
        assert_eq!(send(&format!("http://{address}/")).await.err(), Some(Trouble::Protocol), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(send(&format!("http://{gone}/")).await.err(), Some(Trouble::Unreachable));
}

#[tokio::test]
async fn silence_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let _held = listener.accept().await.unwrap();
        pending::<()>().await;
    });
    // With paused time, the deadline is the next event.
    tokio::time::pause();
    assert_eq!(send(&format!("http://{address}/")).await.err(), Some(Trouble::Timeout));
}
