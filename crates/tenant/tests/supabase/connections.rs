//! When a connection is kept, and when it is closed.

use std::{sync::Arc, time::Duration};

use postern_egress::{AddressClass, Dialer, EgressError, Policy, SystemResolver, tls::TlsError};
use postern_tenant::{
    Session,
    supabase::{self, Method, Request, Service, SupabaseError},
};
use tokio::{io::AsyncWriteExt, time::timeout};

use crate::support::{PUBLISHABLE, Project, SECRET, bounds, connect, exchange, parse, short, soon};

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]";

fn get() -> Request {
    Request::new(Method::Get, Service::Rest, ["orders"])
}

#[tokio::test]
async fn requests_follow_each_other_over_one_connection() {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    for answer in [ANSWER, "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n", ANSWER] {
        exchange(&mut connection, &mut peer, &get(), answer).await.unwrap();
        assert!(connection.is_reusable() && connection.is_quiet(), "{answer}");
    }
}

#[tokio::test]
async fn dropping_an_answer_before_its_end_closes_the_connection() {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let bounds = bounds();
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello";
    let request = get();
    let (response, _) = tokio::join!(connection.send(&request, &bounds), peer.answer(answer));
    let mut response = response.unwrap();
    assert_eq!(response.next_chunk().await.unwrap().unwrap(), "hello");
    drop(response);
    peer.closed().await;
    assert!(!connection.is_reusable());
    assert_eq!(connection.send(&get(), &bounds).await.map(drop), Err(SupabaseError::Unsent));
}

#[tokio::test]
async fn a_cancelled_request_gives_the_connection_up() {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let bounds = bounds();
    let (request, waiting) = (get(), async { peer.read_head().await });
    tokio::select! {
        _ = connection.send(&request, &bounds) => panic!("nobody answers"),
        _ = waiting => {}
    }
    assert!(!connection.is_reusable() && !connection.is_quiet());
    drop(connection);
    peer.closed().await;
}

#[tokio::test]
async fn a_project_that_closes_an_idle_connection_is_noticed() {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    exchange(&mut connection, &mut peer, &get(), ANSWER).await.unwrap();
    peer.0.shutdown().await.unwrap();
    drop(peer);
    while connection.is_quiet() {
        tokio::task::yield_now().await;
    }
    let failure = connection.send(&get(), &bounds()).await.map(drop).unwrap_err();
    assert_eq!(failure, SupabaseError::Unsent);
    assert!(failure.may_retry(Method::Post));
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_closes_the_connection() {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let twice = [ANSWER, ANSWER].concat();
    exchange(&mut connection, &mut peer, &get(), twice).await.unwrap();
    assert!(!connection.is_reusable());
    peer.closed().await;
}

#[tokio::test]
async fn a_project_that_says_close_is_not_asked_again() {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    exchange(&mut connection, &mut peer, &get(), answer).await.unwrap();
    assert!(!connection.is_reusable());
}

#[tokio::test]
async fn a_request_that_was_sent_is_repeated_only_if_it_reads() {
    let project = Project::start().await;
    let (mut connection, mut peer) = project.open(PUBLISHABLE).await;
    let bounds = bounds();
    let server = async move {
        peer.read_head().await;
        drop(peer);
    };
    let request = get();
    let (response, ()) = tokio::join!(connection.send(&request, &bounds), server);
    let failure = response.map(drop).unwrap_err();
    assert_eq!(failure, SupabaseError::Closed);
    for method in Method::ALL {
        assert_eq!(failure.may_retry(method), matches!(method, Method::Get | Method::Head), "{method:?}");
        assert!(!SupabaseError::Timeout.may_retry(method));
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let project = Project::with_name("other.example.com").await;
    let (connection, _) = tokio::join!(connect(&project.endpoint, SECRET), project.accept());
    assert_eq!(connection.err(), Some(SupabaseError::Tls(TlsError::NameMismatch)));
}

#[tokio::test]
async fn an_address_inside_is_not_dialled() {
    let project = Project::start().await;
    let policy = Policy { any_port: true, ..Policy::default() };
    let dialer = Dialer::new(policy, Arc::new(SystemResolver::default()));
    let refused = supabase::connect(&dialer, &project.endpoint, &parse(SECRET), soon()).await;
    let expected = SupabaseError::Egress(EgressError::AddressRefused(AddressClass::Loopback));
    assert_eq!(refused.err(), Some(expected));
}

#[tokio::test]
async fn a_host_that_hangs_in_the_handshake_does_not_hang_the_caller() {
    let project = Project::start().await;
    let dialer = Dialer::new(Policy::development(), Arc::new(SystemResolver::default()));
    let key = parse(SECRET);
    let hanging = supabase::connect(&dialer, &project.endpoint, &key, short().deadline);
    // The caller's deadline counts here, and not the handshake's own of 5 s.
    let failure = timeout(Duration::from_secs(4), hanging).await.expect("the deadline passes").err();
    assert_eq!(failure, Some(SupabaseError::Unanswered));
}
