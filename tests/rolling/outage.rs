//! crypto-service stops answering without a word: its processes hang, and their connections stay open.

use std::{future::Future, time::Duration};

use postern_testkit::{TenantServer, User, reason};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Status};

use crate::{
    installation::{Installation, url_of},
    log,
    replica::Replica,
};

/// Callers get an answer within two seconds. The rest is for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(10);

/// An installation with these replicas of crypto-service, and one of each other service.
struct Running {
    crypto: Vec<Replica>,
    connection: Replica,
    proxy: Replica,
    installation: Installation,
}

impl Running {
    async fn start(names: &[&'static str]) -> Self {
        let installation = Installation::new().await;
        let crypto: Vec<_> = names.iter().map(|name| installation.crypto(name)).collect();
        let url = url_of(&crypto.iter().collect::<Vec<_>>());
        installation.configure_operator(&url);
        installation.initialize(&crypto[0]).await;
        let connection = installation.connection("connection", &url);
        let proxy = installation.proxy("proxy", &url);
        let mut running = Self { crypto, connection, proxy, installation };
        for replica in running.all() {
            replica.start().await;
        }
        running
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Replica> {
        self.crypto.iter_mut().chain([&mut self.connection, &mut self.proxy])
    }

    /// The same user, who saves at one service and queries at the other.
    fn user(&self, name: &str) -> (User, User) {
        let at =
            |replica: &Replica| self.installation.user(name, &format!("http://127.0.0.1:{}", replica.port));
        (at(&self.connection), at(&self.proxy))
    }
}

/// A call that ends soon.
async fn soon<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    timeout(PATIENCE, call).await.unwrap_or_else(|_| panic!("no answer\n{}", log::tail()))
}

fn is_unavailable<T>(answer: &Result<T, Status>) -> bool {
    let Err(status) = answer else { return false };
    (status.code(), reason(status).as_str()) == (Code::Unavailable, "DEPENDENCY_UNAVAILABLE")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_crypto_service_hangs_calls_are_unavailable_and_afterwards_they_succeed() {
    let mut running = Running::start(&["crypto"]).await;
    let tenant = TenantServer::shared().await.database("secret").await;
    let (saves, queries) = running.user("user");
    // Two connections: the first has a session already, which needs no secret.
    for name in ["open", "sealed"] {
        saves.save(name, tenant.dsn("secret")).await.unwrap();
    }
    queries.query("open", "select 1").await.unwrap();

    running.crypto[0].pause();
    for _ in 0..3 {
        let (connection, rows) = tokio::join!(
            soon(saves.save("new", tenant.dsn("secret"))),
            soon(queries.query("sealed", "select 1")),
        );
        assert!(is_unavailable(&connection), "{connection:?}");
        assert!(is_unavailable(&rows), "{:?}", rows.err());
    }
    soon(queries.query("open", "select 1")).await.unwrap();

    running.crypto[0].resume();
    let back = Instant::now();
    while soon(saves.save("new", tenant.dsn("secret"))).await.is_err()
        || soon(queries.query("sealed", "select 1")).await.is_err()
    {
        assert!(back.elapsed() < PATIENCE, "not back in time\n{}", log::tail());
        sleep(Duration::from_millis(20)).await;
    }
    for replica in running.all() {
        replica.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_one_of_two_replicas_hangs_no_call_fails() {
    let mut running = Running::start(&["crypto-one", "crypto-two"]).await;
    let tenant = TenantServer::shared().await.database("secret").await;
    let (saves, queries) = running.user("user");
    // Calls go in turn to the replicas that are ready, and this one was a moment ago.
    running.crypto[1].pause();
    for number in 0..8 {
        let name = format!("saved-{number}");
        soon(saves.save(&name, tenant.dsn("secret"))).await.unwrap();
        soon(queries.query(&name, "select 1")).await.unwrap();
    }
    running.crypto[1].resume();
    for replica in running.all() {
        replica.stop().await;
    }
}
