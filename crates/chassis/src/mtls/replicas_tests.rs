//! Replicas that come and go, over real mutual TLS.

use std::{net::Ipv4Addr, sync::Mutex};

use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{Code, Status, service::Routes};
use tonic_health::server::HealthReporter;

use super::*;
use crate::{
    Lifecycle,
    config::CryptoClientConfig,
    lifecycle::StopTimes,
    mtls::{
        ServerTls, crypto_channel,
        test_support::{Authority, Folder, authority},
    },
    server,
};

/// Far more than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// A server that counts the calls that it answers, health checks of the channel itself aside.
struct Server {
    address: SocketAddr,
    life: Lifecycle,
    health: HealthReporter,
    calls: Arc<AtomicUsize>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    async fn start(authority: &Authority, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = ServerTls::load(&Folder::of(authority, "crypto-service").files()).unwrap();
        let life = Lifecycle::new(StopTimes { lame_duck: Duration::ZERO, drain: LONG });
        let (health, service) = tonic_health::server::health_reporter();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let service = tower::ServiceBuilder::new()
            .map_request(move |request: Request<Body>| {
                counted.fetch_add(usize::from(request.headers().contains_key("x-counted")), Ordering::SeqCst);
                request
            })
            .service(Routes::new(service).prepare());
        let serving = server::serve_internal(listener, service, tls, life.clone());
        let task = tokio::spawn(async move { serving.await.unwrap() });
        Self { address, life, health, calls, task: Mutex::new(Some(task)) }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn stop(&self) {
        self.life.stop();
        let task = self.task.lock().unwrap().take().unwrap();
        task.await.unwrap();
    }
}

async fn two(authority: &Authority) -> (Server, Server, HealthClient<CryptoChannel>) {
    let any = (Ipv4Addr::LOCALHOST, 0).into();
    let (one, two) = (Server::start(authority, any).await, Server::start(authority, any).await);
    let folder = Folder::of(authority, "proxy-service");
    let url = format!("https://{}, https://{}", one.address, two.address);
    let channel = crypto_channel(&CryptoClientConfig { url, tls: folder.files() }).unwrap();
    (one, two, HealthClient::new(channel))
}

async fn call(client: &HealthClient<CryptoChannel>) -> Result<(), Status> {
    let mut request = tonic::Request::new(HealthCheckRequest::default());
    request.metadata_mut().insert("x-counted", "yes".parse().unwrap());
    timeout(LONG, client.clone().check(request)).await.expect("an answer").map(drop)
}

/// Calls until it is so.
async fn call_until(client: &HealthClient<CryptoChannel>, is_so: impl Fn() -> bool) {
    let calling = async {
        while !is_so() {
            call(client).await.unwrap();
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, calling).await.expect("it is never so");
}

#[tokio::test]
async fn calls_are_spread_over_the_replicas_that_serve() {
    let authority = authority();
    let (one, two, client) = two(&authority).await;
    call_until(&client, || one.calls() > 2 && two.calls() > 2).await;

    // Before it stops, a replica says that it is not ready: no call has to fail for that to be noticed.
    one.health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
    let mut since = (one.calls(), two.calls());
    let passed_over = async {
        while one.calls() > since.0 || two.calls() < since.1 + 20 {
            if one.calls() > since.0 {
                since = (one.calls(), two.calls());
            }
            call(&client).await.unwrap();
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, passed_over).await.expect("a replica that is not ready still gets calls");
    one.health.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let before = one.calls();
    call_until(&client, || one.calls() > before).await;
}

#[tokio::test]
async fn a_replica_that_is_gone_fails_one_call_at_most_until_it_is_back() {
    let authority = authority();
    let (one, two, client) = two(&authority).await;
    call_until(&client, || one.calls() > 0 && two.calls() > 0).await;
    one.stop().await;
    for _ in 0..20 {
        if call(&client).await.is_err() {
            call(&client).await.expect("the next attempt goes to the other replica");
        }
    }
    let one = Server::start(&authority, one.address).await;
    call_until(&client, || one.calls() > 2).await;
}

#[tokio::test]
async fn without_a_replica_that_serves_a_call_says_why() {
    let authority = authority();
    let (one, two, client) = two(&authority).await;
    one.stop().await;
    two.stop().await;
    let status = call(&client).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(describe(&status).contains("refused"), "{}", describe(&status));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named() {
    let folder = Folder::of(&authority(), "proxy-service");
    let url = "https://no-such-host.invalid:8443".to_owned();
    let channel = crypto_channel(&CryptoClientConfig { url, tls: folder.files() }).unwrap();
    let status = call(&HealthClient::new(channel)).await.unwrap_err();
    assert!(describe(&status).contains("no-such-host.invalid"), "{}", describe(&status));
}
