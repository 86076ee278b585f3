//! A Postern with two replicas, an operator, and a tenant's server.

use std::time::{Duration, Instant};

use postern_domain::OwnerId;
use postern_rpc::proxy::QueryRequest;
use postern_store::{DenialStore, Denied, PoolOptions};
use postern_testkit::{ISSUER, Postern, Replica, ReplicaOptions, Rows, TenantDatabase, TenantServer, User};
use tokio::task::JoinHandle;
use tonic::Status;

pub(crate) const PASSWORD: &str = "tenant-password";

pub(crate) struct Stage {
    pub postern: Postern,
    pub replica: Replica,
    pub operator: DenialStore,
    pub tenant: TenantDatabase,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ReplicaOptions::default()).await
    }

    /// With another second replica.
    pub(crate) async fn with(options: impl FnOnce(&Postern) -> ReplicaOptions) -> Self {
        let postern = Postern::start(None).await;
        let replica = postern.replica(options(&postern)).await;
        let operator =
            DenialStore::connect(&postern.database_url("postern_operator"), PoolOptions::default()).await;
        let tenant = TenantServer::shared().await.database(PASSWORD).await;
        Self { postern, replica, operator: operator.unwrap(), tenant }
    }

    /// A user with a connection `main` to the tenant.
    pub(crate) async fn user(&self, name: &str) -> User {
        let user = self.postern.user(name);
        user.save("main", self.tenant.dsn(PASSWORD)).await.unwrap();
        user
    }

    pub(crate) async fn deny(&self, denied: &Denied) {
        self.operator.add(denied, "a test", None).await.unwrap();
    }

    /// Returns once this many of the tenant's sessions are as described, in terms of `pg_stat_activity`.
    pub(crate) async fn until_sessions(&self, count: i64, which: &str) {
        let name = &self.tenant.name;
        let sessions = format!("select count(*) from pg_stat_activity where usename = '{name}' and {which}");
        let start = Instant::now();
        loop {
            let found = self.tenant.ask(&sessions).await;
            if found == count {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(40), "{found} sessions, not {count}: {which}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Starts a statement that sleeps, and waits until it runs.
    pub(crate) async fn running(&self, user: &User, seconds: u32) -> JoinHandle<Result<Rows, Status>> {
        let request = QueryRequest {
            connection: "main".into(),
            sql: format!("select pg_sleep({seconds})"),
            ..QueryRequest::default()
        };
        let user = user.clone();
        let running = tokio::spawn(async move { user.run(request).await });
        self.until_sessions(1, RUNNING).await;
        running
    }
}

/// A statement of [`Stage::running`].
pub(crate) const RUNNING: &str = "state = 'active' and query like '%pg_sleep%'";

pub(crate) fn owner(name: &str) -> OwnerId {
    OwnerId::derived(ISSUER, name)
}

pub(crate) fn token(user: &User) -> Denied {
    Denied::Token { issuer: ISSUER.into(), id: user.token_id() }
}
