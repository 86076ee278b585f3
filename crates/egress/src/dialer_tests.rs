use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::{
    AddressClass,
    test_support::{Empty, Scripted, Silent, host, listen},
};

fn dialer(policy: Policy, resolver: Arc<dyn Resolve>) -> Dialer {
    Dialer::new(policy, resolver)
}

async fn refusal(answers: &[&str]) -> EgressError {
    let dialer = dialer(Policy::default(), Scripted::new(&[answers]));
    dialer.dial(&host("db.example.com"), 5432).await.err().unwrap()
}

#[tokio::test]
async fn one_bad_answer_among_good_ones_refuses_the_host() {
    use AddressClass::{LinkLocal, Loopback, Private, Translated};
    assert_eq!(refusal(&["8.8.8.8", "127.0.0.1"]).await, EgressError::AddressRefused(Loopback));
    assert_eq!(refusal(&["10.0.0.1", "8.8.8.8"]).await, EgressError::AddressRefused(Private));
    assert_eq!(refusal(&["8.8.8.8", "::ffff:169.254.169.254"]).await, EgressError::AddressRefused(LinkLocal));
    assert_eq!(refusal(&["2606:4700::1", "64:ff9b::a00:1"]).await, EgressError::AddressRefused(Translated));
}

#[tokio::test]
async fn a_refusal_never_shows_the_address_or_the_name() {
    let message = refusal(&["10.11.12.13"]).await.to_string();
    assert!(!message.contains("10.11") && !message.contains("example.com"), "{message}");
}

#[tokio::test]
async fn the_name_is_resolved_once_and_a_later_answer_has_no_say() {
    let resolver = Scripted::new(&[&["8.8.8.8"], &["127.0.0.1"]]);
    let dialer = dialer(Policy::default(), resolver.clone());
    let judged = dialer.resolve_and_judge(&host("db.example.com"), 443).await.unwrap();
    assert_eq!(judged[0].socket(), SocketAddr::from(([8, 8, 8, 8], 443)));
    assert_eq!(resolver.asked(), 1);
}

#[tokio::test]
async fn the_dial_goes_to_the_first_answer_and_not_to_a_rebound_one() {
    let (first, address) = listen("127.0.0.1:0").await;
    let (_rebound, _) = listen(&format!("127.0.0.2:{}", address.port())).await;
    let resolver = Scripted::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let dialer = dialer(Policy::development(), resolver.clone());
    let made = dialer.dial(&host("localhost"), address.port()).await.unwrap();
    let (_, from) = first.accept().await.unwrap();
    assert_eq!(made.stream.local_addr().unwrap(), from);
    assert_eq!(made.host, host("localhost"));
    assert_eq!(resolver.asked(), 1);
}

#[tokio::test]
async fn a_dialled_stream_has_no_delay_and_is_kept_alive() {
    let (_listener, address) = listen("127.0.0.1:0").await;
    let dialer = dialer(Policy::development(), Scripted::new(&[&[]]));
    let made = dialer.dial(&host("127.0.0.1"), address.port()).await.unwrap();
    assert!(made.stream.nodelay().unwrap());
    let socket = SockRef::from(&made.stream);
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_IDLE);
}

#[tokio::test]
async fn what_the_policy_refuses_is_never_resolved() {
    let resolver = Scripted::new(&[&["8.8.8.8"]]);
    let dialer = dialer(Policy::default(), resolver.clone());
    for (name, port) in [("db.example.com", 22), ("db.x.svc", 5432), ("redis", 5432), ("10.0.0.1", 5432)] {
        assert!(dialer.dial(&host(name), port).await.err().unwrap().is_refusal(), "{name}:{port}");
    }
    assert_eq!(resolver.asked(), 0);
}

#[tokio::test]
async fn a_name_without_addresses_is_not_found() {
    for resolver in [Scripted::new(&[&[]]) as Arc<dyn Resolve>, Arc::new(Empty)] {
        let failure = dialer(Policy::default(), resolver).dial(&host("gone.example.com"), 5432).await.err();
        assert_eq!(failure, Some(EgressError::NameNotFound));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_resolver_ends_with_the_budget() {
    let start = Instant::now();
    let failure = dialer(Policy::default(), Arc::new(Silent)).dial(&host("db.example.com"), 5432).await.err();
    assert_eq!(failure, Some(EgressError::Timeout));
    assert_eq!(start.elapsed().as_secs(), CONNECT_BUDGET.as_secs());
}

#[tokio::test]
async fn a_closed_port_is_refused_by_the_host() {
    let (listener, address) = listen("127.0.0.1:0").await;
    drop(listener);
    let dialer = dialer(Policy::development(), Scripted::new(&[&[]]));
    let failure = dialer.dial(&host("127.0.0.1"), address.port()).await.err();
    assert_eq!(failure, Some(EgressError::ConnectionRefused));
}

/// Linux drops the SYNs to a listener whose queue is full: the address is there and never answers.
fn dead_listener(address: SocketAddr) -> (Socket, std::net::TcpStream) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(0).unwrap();
    #[expect(clippy::disallowed_methods, reason = "fills the queue of a listener on loopback")]
    let queued = std::net::TcpStream::connect(address).unwrap();
    (socket, queued)
}

#[tokio::test]
async fn a_dead_first_address_leaves_time_for_the_second() {
    let (_live, address) = listen("127.0.0.1:0").await;
    let _dead = dead_listener(SocketAddr::from(([127, 0, 0, 3], address.port())));
    let resolver = Scripted::new(&[&["127.0.0.3", "127.0.0.1"]]);
    let budget = Duration::from_millis(800);
    let dialer = dialer(Policy::development(), resolver).with_budget(budget);
    let start = Instant::now();
    let made = dialer.dial(&host("localhost"), address.port()).await.unwrap();
    assert_eq!(made.stream.peer_addr().unwrap(), address);
    assert!(start.elapsed() >= budget / 2, "the first address was not dead");
    assert!(start.elapsed() < budget, "the first address took all of the budget");
}

#[tokio::test]
async fn dead_addresses_alone_end_in_a_timeout() {
    let (live, address) = listen("127.0.0.1:0").await;
    drop(live);
    let _dead = dead_listener(SocketAddr::from(([127, 0, 0, 3], address.port())));
    let dialer = dialer(Policy::development(), Scripted::new(&[&["127.0.0.3"]]));
    let failure =
        dialer.with_budget(Duration::from_millis(50)).dial(&host("localhost"), address.port()).await.err();
    assert_eq!(failure, Some(EgressError::Timeout));
}

#[test]
fn another_peer_than_the_one_judged_is_refused() {
    let dialer = dialer(Policy::default(), Scripted::new(&[&[]]));
    let ip = |last| IpAddr::V4(Ipv4Addr::new(8, 8, 8, last));
    let dialled = dialer.policy().judge(ip(8), 443).unwrap();
    assert_eq!(dialer.check_peer(SocketAddr::new(ip(8), 443), dialled), Ok(()));
    assert_eq!(dialer.check_peer(SocketAddr::new(ip(9), 443), dialled), Err(EgressError::PeerMismatch));
    assert_eq!(dialer.check_peer(SocketAddr::new(ip(8), 444), dialled), Err(EgressError::PeerMismatch));
    let inside = dialer.check_peer(SocketAddr::from(([10, 0, 0, 1], 443)), dialled);
    assert_eq!(inside, Err(EgressError::AddressRefused(AddressClass::Private)));
}

#[tokio::test]
async fn a_name_of_one_of_posterns_own_addresses_is_refused_before_and_after_connecting() {
    let (_listener, address) = listen("127.0.0.1:0").await;
    let policy = Policy { allow_own_addresses: false, ..Policy::development() };
    let (own, dialer) = (policy.own.clone(), dialer(policy, Scripted::new(&[&["127.0.0.2", "127.0.0.1"]])));
    let judged = dialer.resolve_and_judge(&host("other-name.localhost"), address.port()).await.unwrap();
    own.saw(["127.0.0.1".parse().unwrap()]);
    let refused = Some(EgressError::AddressRefused(AddressClass::Own));
    for name in ["other-name.localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        assert_eq!(dialer.dial(&host(name), address.port()).await.err(), refused, "{name}");
    }
    // It became one of Postern's own after it was judged.
    let own_only: Vec<_> = judged.into_iter().skip(1).collect();
    assert_eq!(dialer.connect(&own_only).await.err(), refused);
}

#[test]
fn an_unreachable_host_with_ipv6_alone_is_told_so() {
    let judge = |text: &str| Policy::default().judge(text.parse().unwrap(), 5432).unwrap();
    let (v6, v4) = (judge("2606:4700::1"), judge("8.8.8.8"));
    assert_eq!(explain(EgressError::Unreachable, &[v6, v6]), EgressError::Ipv6Only);
    assert_eq!(explain(EgressError::Unreachable, &[v6, v4]), EgressError::Unreachable);
    assert_eq!(explain(EgressError::ConnectionRefused, &[v6]), EgressError::ConnectionRefused);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_that_vanishes_is_noticed_within_a_minute() {
    let (_live, address) = listen("127.0.0.1:0").await;
    let dialer = dialer(Policy::development(), Scripted::new(&[&["127.0.0.1"]]));
    let stream = dialer.dial(&host("localhost"), address.port()).await.unwrap().stream;
    let socket = SockRef::from(&stream);
    assert!(socket.keepalive().unwrap());
    let noticed = socket.tcp_keepalive_time().unwrap() + socket.tcp_user_timeout().unwrap().unwrap();
    assert!(noticed <= Duration::from_mins(1), "{noticed:?}");
}
