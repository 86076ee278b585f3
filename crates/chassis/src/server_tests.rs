//! Connections of the inside, over real sockets: whose certificates they show, how old they get, when they are dead.

use std::net::Ipv4Addr;

use tokio::{task::JoinHandle, time::timeout};
use tonic::Status;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::*;
use crate::{
    config::CryptoClientConfig,
    mtls::{
        CryptoChannel, crypto_channel,
        test_support::{Authority, Folder, Wire, authority},
    },
};

/// Far more than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// A running server with crypto-service's certificate.
struct Running {
    address: SocketAddr,
    folder: Folder,
    life: Lifecycle,
    task: JoinHandle<Result<()>>,
}

impl Running {
    async fn start(authority: &Authority, age: Duration) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), authority, age).await
    }

    async fn start_at(address: SocketAddr, authority: &Authority, age: Duration) -> Self {
        let folder = Folder::of(authority, "crypto-service");
        let listener = bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tls, life) = (ServerTls::load(&folder.files()).unwrap(), Lifecycle::default());
        let health = Routes::new(tonic_health::server::health_reporter().1).prepare();
        let task = tokio::spawn(serve_aging(listener, health, tls, life.clone(), age));
        Self { address, folder, life, task }
    }

    async fn stop(self) -> SocketAddr {
        self.life.stop();
        self.task.await.unwrap().unwrap();
        self.address
    }
}

fn client(address: SocketAddr, folder: &Folder) -> HealthClient<CryptoChannel> {
    let config = CryptoClientConfig { url: format!("https://{address}"), tls: folder.files() };
    HealthClient::new(crypto_channel(&config).unwrap())
}

async fn call(client: &HealthClient<CryptoChannel>) -> Result<(), Status> {
    timeout(LONG, client.clone().check(HealthCheckRequest::default())).await.expect("an answer").map(drop)
}

#[tokio::test]
async fn a_client_shows_its_renewed_certificate_with_the_next_connection() {
    let (old, new) = (authority(), authority());
    let server = Running::start(&old, CONNECTION_AGE).await;
    let folder = Folder::of(&old, "connection-service");
    let client = client(server.address, &folder);
    call(&client).await.unwrap();

    let server = Running::start_at(server.stop().await, &new, CONNECTION_AGE).await;
    call(&client).await.unwrap_err();
    folder.renew(&new);
    call(&client).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_server_shows_its_renewed_certificate_and_trusts_the_new_authority_alone() {
    let (old, new) = (authority(), authority());
    let server = Running::start(&old, CONNECTION_AGE).await;
    let of = |authority| Folder::of(authority, "connection-service");
    let (before, after) = (of(&old), of(&new));
    call(&client(server.address, &before)).await.unwrap();
    let renewed = client(server.address, &after);
    call(&renewed).await.unwrap_err();

    server.folder.renew(&new);
    let looked = async {
        while call(&renewed).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LONG, looked).await.expect("the server takes its new certificate up");
    call(&client(server.address, &before)).await.unwrap_err();
}

#[tokio::test]
async fn connections_are_replaced_when_they_are_old_and_no_call_is_lost() {
    let authority = authority();
    // Longer than a client's first frame takes to arrive on a busy machine: before it has that, hyper ends a connection
    // without a GOAWAY, and a call may be lost.
    let server = Running::start(&authority, Duration::from_secs(1)).await;
    let wire = Wire::to(server.address).await;
    let client = client(wire.address, &Folder::of(&authority, "connection-service"));
    let busy = async || {
        while wire.connections() < 4 {
            call(&client).await.unwrap();
        }
    };
    let calls = futures_util::future::join_all((0..16).map(|_| busy()));
    timeout(LONG, calls).await.expect("connections end");
}

#[tokio::test]
async fn a_dead_connection_is_noticed_before_a_call_gives_up_and_then_replaced() {
    let authority = authority();
    let server = Running::start(&authority, CONNECTION_AGE).await;
    let wire = Wire::to(server.address).await;
    let client = client(wire.address, &Folder::of(&authority, "connection-service"));
    call(&client).await.unwrap();

    wire.cut();
    tokio::time::pause();
    call(&client).await.unwrap_err();
    tokio::time::resume();
    call(&client).await.unwrap();
    assert_eq!(wire.connections(), 2);
}
