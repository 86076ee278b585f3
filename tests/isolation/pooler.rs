//! Behind a pooler in transaction mode, where each transaction may run in another session of the server.

use std::time::Duration;

use postern_domain::{ConnectionName, Pooling, Version};
use postern_store::{Change, ConnectionStore, PoolOptions, ProxyStore, StoreError};
use postern_testkit::{PgBouncer, Postern};
use tokio::task::JoinSet;
use url::Url;

use crate::quota::{caller, change};

/// A pooler with this many sessions for each role, and the roles' URLs through it.
pub(crate) async fn pooler(sessions: u32) -> (PgBouncer, [String; 2]) {
    let postern = Postern::shared().await;
    let urls =
        ["postern_connection", "postern_proxy"].map(|role| Url::parse(&postern.database_url(role)).unwrap());
    let logins = urls.each_ref().map(|url| (url.username(), url.password().unwrap()));
    let pooler = PgBouncer::start(urls[0].port().unwrap(), &logins, sessions);
    let through = urls.clone().map(|mut url| {
        url.set_port(Some(pooler.port())).unwrap();
        url.into()
    });
    (pooler, through)
}

pub(crate) fn limits(pooling: Pooling) -> PoolOptions {
    PoolOptions { max_connections: 8, acquire_timeout: Duration::from_secs(30), pooling }
}

fn name() -> ConnectionName {
    ConnectionName::parse("shop").unwrap()
}

#[tokio::test]
async fn owners_keep_to_their_rows_however_sessions_are_shared() {
    let (_pooler, [connection, proxy]) = pooler(2).await;
    let connections = ConnectionStore::connect(&connection, limits(Pooling::Transaction)).await.unwrap();
    let proxy = ProxyStore::connect(&proxy, limits(Pooling::Transaction)).await.unwrap();
    let mut users = JoinSet::new();
    for _ in 0..16 {
        users.spawn(use_everything(connections.clone(), proxy.clone()));
    }
    while let Some(ended) = users.join_next().await {
        ended.unwrap();
    }
}

/// Every statement of both stores, several times, on behalf of one owner.
async fn use_everything(connections: ConnectionStore, proxy: ProxyStore) {
    let owner = caller();
    for round in 1..=5 {
        let saved = connections.upsert(owner.clone(), change("shop")).await.unwrap().connection;
        assert_eq!(saved.version, Version(1));
        let kept = Change { secrets: Vec::new(), expected: Some(Version(1)), ..change("shop") };
        let kept = connections.upsert(owner.clone(), kept).await.unwrap();
        assert_eq!((kept.connection.version, kept.secrets.len()), (Version(2), 1));
        let stale = Change { expected: Some(Version(1)), ..change("shop") };
        assert!(matches!(connections.upsert(owner.clone(), stale).await, Err(StoreError::VersionStale)));

        let found = proxy.look_up(&owner, &name()).await.unwrap().unwrap();
        assert_eq!((found.id, found.version), (saved.id, Version(2)), "round {round}");
        assert_eq!(proxy.seals(owner.owner, saved.id, Version(2)).await.unwrap().unwrap().len(), 1);
        assert_eq!(connections.get(owner.clone(), name()).await.unwrap().unwrap().connection.id, saved.id);
        assert_eq!(connections.list(owner.clone(), String::new(), 10).await.unwrap().len(), 1);
        assert!(connections.delete(owner.clone(), name(), None).await.unwrap());
        assert!(proxy.look_up(&owner, &name()).await.unwrap().is_none());
    }
}

/// Both clients get the server's one session, where the second finds the first one's statement.
#[tokio::test]
async fn with_the_wrong_setting_the_error_says_what_to_set() {
    let (_pooler, [_, proxy]) = pooler(1).await;
    let owner = caller();
    let first = ProxyStore::connect(&proxy, limits(Pooling::None)).await.unwrap();
    assert!(first.look_up(&owner, &name()).await.unwrap().is_none());
    let second = ProxyStore::connect(&proxy, limits(Pooling::None)).await.unwrap();
    let error = second.look_up(&owner, &name()).await.unwrap_err().to_string();
    assert!(error.contains("set pooling = \"transaction\""), "{error}");
}
