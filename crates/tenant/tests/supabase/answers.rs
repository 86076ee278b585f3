//! What projects answer, and what is made of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use postern_domain::supabase::SchemaName;
use postern_tenant::{
    Session,
    supabase::{Bounds, Method, Request, Service, SupabaseError},
};
use tokio::io::AsyncWriteExt;

use crate::support::{PUBLISHABLE, Peer, Project, bounds, exchange, short, text};

fn get() -> Request {
    Request::new(Method::Get, Service::Rest, ["orders"])
}

/// What comes of this answer. After an error, the connection must be closed.
async fn answered(answer: impl AsRef<[u8]>) -> Result<(u16, String), SupabaseError> {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let outcome = exchange(&mut connection, &mut peer, &get(), answer).await;
    if outcome.is_err() {
        assert!(!connection.is_reusable());
        peer.closed().await;
    }
    outcome.map(|(status, _, body)| (status, body))
}

/// Sends without an end, until the other end closes.
async fn flood(peer: &mut Peer, bytes: &[u8]) {
    while peer.0.write_all(bytes).await.is_ok() {}
}

#[tokio::test]
async fn status_listed_headers_and_body_are_passed_on() {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let answer = "HTTP/1.1 206 Partial Content\r\ncontent-type: application/json\r\nContent-Range: 0-1/2\r\n\
                  set-cookie: a=b\r\nx-other: y\r\ncontent-length: 4\r\n\r\n[{}]";
    let (status, headers, body) = exchange(&mut connection, &mut peer, &get(), answer).await.unwrap();
    let expected = [("content-range", "0-1/2".to_owned()), ("content-type", "application/json".to_owned())];
    assert_eq!((status, headers.as_slice(), body.as_str()), (206, &expected[..], "[{}]"));
}

#[tokio::test]
async fn errors_of_the_project_are_answers() {
    for status in [400, 401, 404, 406, 416, 500, 540] {
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\n{{}}");
        assert_eq!(answered(answer).await, Ok((status, "{}".into())));
    }
}

#[tokio::test]
async fn a_body_arrives_by_length_by_chunks_and_by_close() {
    let ok = Ok((200, "hello".to_owned()));
    assert_eq!(answered("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await, ok);
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nx: y\r\n\r\n";
    assert_eq!(answered(chunked).await, ok);
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let bounds = bounds();
    let server = async move {
        peer.answer("HTTP/1.1 200 OK\r\n\r\nhello").await;
        peer.0.shutdown().await.unwrap();
    };
    let request = get();
    let (response, ()) = tokio::join!(connection.send(&request, &bounds), server);
    assert_eq!(text(&mut response.unwrap()).await.unwrap(), "hello");
    assert!(!connection.is_reusable());
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Project::start().await;
    for status in [300, 301, 302, 303, 307, 308] {
        let location = elsewhere.endpoint.url.to_string();
        let answer = format!("HTTP/1.1 {status} x\r\nlocation: {location}/\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(answered(answer).await, Err(SupabaseError::Redirected), "{status}");
    }
    assert_eq!(answered("HTTP/1.1 304 Not Modified\r\n\r\n").await, Ok((304, String::new())));
}

#[tokio::test]
async fn compressed_answers_are_refused_and_not_unpacked() {
    for encoding in ["gzip", "br", "deflate", "identity, gzip", "gzip\r\ncontent-encoding: identity"] {
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: 2\r\n\r\n\x1f\x0b");
        assert_eq!(answered(answer).await, Err(SupabaseError::Encoded), "{encoding}");
    }
    let plain = "HTTP/1.1 200 OK\r\ncontent-encoding: identity\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(answered(plain).await, Ok((200, String::new())));
}

#[tokio::test]
async fn heads_are_bounded_in_size_and_in_number() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(40_000));
    assert_eq!(answered(long).await, Err(SupabaseError::HeadTooLarge));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(101));
    assert_eq!(answered(many).await, Err(SupabaseError::HeadTooLarge));
}

#[tokio::test]
async fn an_endless_head_and_endless_interim_answers_have_an_end() {
    for endless in ["x: y\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"] {
        let project = Project::start().await;
        let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
        let server = tokio::spawn(async move {
            peer.answer(if endless.starts_with('x') { "HTTP/1.1 200 OK\r\n" } else { "" }).await;
            flood(&mut peer, endless.as_bytes()).await;
        });
        let bounds = short();
        let failure = connection.send(&get(), &bounds).await.map(drop).unwrap_err();
        assert!(matches!(failure, SupabaseError::HeadTooLarge | SupabaseError::Timeout), "{failure}");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_answer_is_refused() {
    for answer in [
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 600 x\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    ] {
        assert_eq!(answered(answer).await, Err(SupabaseError::Protocol), "{answer}");
    }
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    assert!(answered(chunked).await.is_err());
}

#[tokio::test]
async fn a_body_over_the_limit_ends_the_answer() {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let server = tokio::spawn(async move {
        peer.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        flood(&mut peer, format!("1000\r\n{}\r\n", "a".repeat(0x1000)).as_bytes()).await;
    });
    let bounds = Bounds { body_bytes: 300_000, ..bounds() };
    let mut response = connection.send(&get(), &bounds).await.unwrap();
    let mut received = 0;
    let failure = loop {
        match response.next_chunk().await {
            Ok(chunk) => received += chunk.unwrap().len(),
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure, SupabaseError::BodyTooLarge);
    assert!(received <= 300_000);
    drop(response);
    assert!(!connection.is_reusable());
    server.await.unwrap();
}

#[tokio::test]
async fn an_announced_length_over_the_limit_is_refused_before_the_body() {
    let over = "HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n";
    assert_eq!(answered(over).await, Err(SupabaseError::BodyTooLarge));
}

#[tokio::test]
async fn a_head_request_may_announce_what_does_not_come() {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let head = Request::new(Method::Head, Service::Rest, ["orders"]);
    let answer = "HTTP/1.1 200 OK\r\ncontent-range: 0-9/10\r\ncontent-length: 99999999\r\n\r\n";
    let (status, headers, body) = exchange(&mut connection, &mut peer, &head, answer).await.unwrap();
    assert_eq!((status, body.as_str()), (200, ""));
    assert_eq!(headers, [("content-range", "0-9/10".to_owned())]);
    assert!(connection.is_reusable());
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_no_whole_answer() {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let bounds = bounds();
    let server = async move {
        peer.answer("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").await;
        peer.0.shutdown().await.unwrap();
    };
    let request = get();
    let (response, ()) = tokio::join!(connection.send(&request, &bounds), server);
    assert_eq!(text(&mut response.unwrap()).await, Err(SupabaseError::Closed));
    assert!(!connection.is_reusable());
}

#[tokio::test]
async fn silence_and_drips_end_at_the_deadline() {
    let project = Project::start().await;
    let (mut connection, _silent) = project.open(PUBLISHABLE).await;
    let bounds = short();
    assert_eq!(connection.send(&get(), &bounds).await.map(drop), Err(SupabaseError::Timeout));

    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let server = tokio::spawn(async move {
        peer.answer("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
        while peer.0.write_all(b"x").await.is_ok() && peer.0.flush().await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    let bounds = short();
    let mut response = connection.send(&get(), &bounds).await.unwrap();
    assert_eq!(text(&mut response).await, Err(SupabaseError::Timeout));
    server.await.unwrap();
}

#[tokio::test]
async fn a_long_body_waits_at_the_project_until_it_is_asked_for() {
    const LENGTH: usize = 50 << 20;
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let server = tokio::spawn(async move {
        peer.answer(format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n")).await;
        let piece = vec![b'x'; 1 << 16];
        while count.load(Ordering::SeqCst) < LENGTH {
            peer.0.write_all(&piece).await.unwrap();
            count.fetch_add(piece.len(), Ordering::SeqCst);
        }
        peer.0.flush().await.unwrap();
        peer
    });
    let bounds = Bounds { body_bytes: LENGTH as u64, ..bounds() };
    let mut response = connection.send(&get(), &bounds).await.unwrap();
    // Lets the project write for as long as anything takes it: that is what the system buffers for a socket.
    let mut before = usize::MAX;
    while before != written.load(Ordering::SeqCst) {
        before = written.load(Ordering::SeqCst);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(before < LENGTH / 2, "{before} bytes were taken without being asked for");
    let mut received = 0;
    while let Some(chunk) = response.next_chunk().await.unwrap() {
        assert!(chunk.len() <= 1 << 17, "a chunk of {} bytes", chunk.len());
        received += chunk.len();
    }
    assert_eq!(received, LENGTH);
    let _peer = server.await.unwrap();
    drop(response);
    assert!(connection.is_reusable());
}

#[tokio::test]
async fn an_answer_knows_the_hint_for_what_was_asked() {
    let mut project = Project::start().await;
    project.endpoint.schema = SchemaName::parse("api").unwrap();
    let body = r#"{"code":"42501","message":"permission denied for table orders"}"#;
    let answer = format!("HTTP/1.1 401 x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut named = Request::new(Method::Delete, Service::Rest, ["orders"]);
    named.headers.push(("Content-Profile".into(), "other".into()));
    for (request, grant) in [
        (get(), "GRANT SELECT ON api.orders TO anon;"),
        (named, "GRANT SELECT, DELETE ON other.orders TO anon;"),
    ] {
        let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
        let bounds = bounds();
        let (response, _) = tokio::join!(connection.send(&request, &bounds), peer.answer(&answer));
        let mut response = response.unwrap();
        let start = text(&mut response).await.unwrap();
        let hint = response.hint(start.as_bytes()).unwrap();
        assert!(hint.ends_with(grant), "{hint}");
    }
}
