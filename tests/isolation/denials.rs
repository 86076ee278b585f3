//! Denials, as the two stores see them: with prepared statements, and behind a pooler in transaction mode.

use std::time::Duration;

use postern_domain::{Caller, ConnectionName, Host, Pooling};
use postern_store::{ConnectionStore, DenialStore, Denied, PoolOptions, ProxyStore, StoreError};
use postern_testkit::Postern;
use tokio::task::JoinSet;

use crate::{
    pooler::{limits, pooler},
    quota::{caller, change},
};

struct Stores {
    connections: ConnectionStore,
    proxy: ProxyStore,
}

impl Stores {
    async fn direct() -> Self {
        let postern = Postern::shared().await;
        let [connection, proxy] =
            ["postern_connection", "postern_proxy"].map(|role| postern.database_url(role));
        Self::connect(&connection, &proxy, Pooling::None).await
    }

    async fn connect(connection: &str, proxy: &str, pooling: Pooling) -> Self {
        Self {
            connections: ConnectionStore::connect(connection, limits(pooling)).await.unwrap(),
            proxy: ProxyStore::connect(proxy, limits(pooling)).await.unwrap(),
        }
    }

    async fn look_up(&self, caller: &Caller) -> Result<(), StoreError> {
        self.proxy.look_up(caller, &name()).await.map(|found| drop(found.unwrap()))
    }

    /// Every call that reads or writes rows of a caller.
    async fn calls(&self, caller: &Caller) -> [Result<(), StoreError>; 5] {
        let (connections, nowhere) = (&self.connections, ConnectionName::parse("nowhere").unwrap());
        [
            self.look_up(caller).await,
            connections.upsert(caller.clone(), change("shop")).await.map(drop),
            connections.get(caller.clone(), name()).await.map(drop),
            connections.list(caller.clone(), String::new(), 10).await.map(drop),
            connections.delete(caller.clone(), nowhere, None).await.map(drop),
        ]
    }
}

fn name() -> ConnectionName {
    ConnectionName::parse("shop").unwrap()
}

async fn operator() -> DenialStore {
    let url = Postern::shared().await.database_url("postern_operator");
    DenialStore::connect(&url, PoolOptions::default()).await.unwrap()
}

fn token(caller: &Caller) -> Denied {
    let id = caller.token_id.as_deref().unwrap().to_owned();
    Denied::Token { issuer: caller.issuer.to_string(), id }
}

#[tokio::test]
async fn every_call_of_a_denied_caller_is_refused_until_the_denial_is_removed() {
    let (_pooler, [connection, proxy]) = pooler(2).await;
    let pooled = Stores::connect(&connection, &proxy, Pooling::Transaction).await;
    let operator = operator().await;
    for stores in [Stores::direct().await, pooled] {
        let (one, other) = (caller(), caller());
        for caller in [&one, &other] {
            stores.connections.upsert(caller.clone(), change("shop")).await.unwrap();
        }
        // The issuer is everyone's here.
        let issuer = Caller { issuer: format!("issuer of {:?}", one.owner).into(), ..one.clone() };
        for (caller, denied) in [
            (&one, Denied::Owner(one.owner)),
            (&one, token(&one)),
            (&issuer, Denied::Issuer(issuer.issuer.to_string())),
        ] {
            operator.add(&denied, "", None).await.unwrap();
            for result in stores.calls(caller).await {
                assert!(matches!(result, Err(StoreError::AccessWithdrawn)), "{denied:?}: {result:?}");
            }
            for result in stores.calls(&other).await {
                result.unwrap();
            }
            assert!(operator.remove(&denied).await.unwrap());
            for result in stores.calls(caller).await {
                result.unwrap();
            }
        }
        without_an_id(&stores, &operator, &one).await;
    }
}

/// A token without `jti` is not the one that is denied, however that is spelled.
async fn without_an_id(stores: &Stores, operator: &DenialStore, caller: &Caller) {
    let denied = token(caller);
    operator.add(&denied, "", None).await.unwrap();
    let without = Caller { token_id: None, ..caller.clone() };
    for result in stores.calls(&without).await {
        result.unwrap();
    }
    operator.remove(&denied).await.unwrap();
}

#[tokio::test]
async fn a_denied_connection_or_host_is_neither_looked_up_nor_saved() {
    let (_pooler, [connection, proxy]) = pooler(2).await;
    let pooled = Stores::connect(&connection, &proxy, Pooling::Transaction).await;
    let operator = operator().await;
    for (stores, host) in [(Stores::direct().await, "2001:db8::1"), (pooled, "db.denied.example.com")] {
        let one = caller();
        let mut change = change("shop");
        let postern_domain::Endpoint::Postgres(endpoint) = &mut change.endpoint else { panic!("it is one") };
        endpoint.host = Host::parse(host).unwrap();
        let saved = stores.connections.upsert(one.clone(), change.clone()).await.unwrap();
        for denied in [Denied::Connection(saved.connection.id), Denied::Host(Host::parse(host).unwrap())] {
            operator.add(&denied, "", None).await.unwrap();
            let refused = stores.look_up(&one).await;
            assert!(matches!(refused, Err(StoreError::ConnectionWithdrawn)), "{denied:?}: {refused:?}");
            let refused = stores.connections.upsert(one.clone(), change.clone()).await;
            assert!(matches!(refused, Err(StoreError::ConnectionWithdrawn)), "{denied:?}: {refused:?}");
            assert!(stores.connections.get(one.clone(), name()).await.unwrap().is_some());
            assert!(operator.remove(&denied).await.unwrap());
            stores.look_up(&one).await.unwrap();
        }
    }
}

/// In a batch, each caller gets its own answer.
#[tokio::test]
async fn of_callers_who_look_up_at_once_only_the_denied_ones_are_refused() {
    let (stores, operator) = (Stores::direct().await, operator().await);
    let callers: Vec<_> = (0..20).map(|_| caller()).collect();
    for (number, caller) in callers.iter().enumerate() {
        stores.connections.upsert(caller.clone(), change("shop")).await.unwrap();
        if number % 2 == 0 {
            operator.add(&token(caller), "", None).await.unwrap();
        }
    }
    let mut lookups = JoinSet::new();
    for _ in 0..20 {
        for (number, caller) in callers.iter().cloned().enumerate() {
            let proxy = stores.proxy.clone();
            lookups.spawn(async move {
                let found = proxy.look_up(&caller, &name()).await;
                assert_eq!(matches!(found, Err(StoreError::AccessWithdrawn)), number % 2 == 0, "{found:?}");
            });
        }
    }
    while let Some(ended) = lookups.join_next().await {
        ended.unwrap();
    }
    for caller in callers.iter().step_by(2) {
        assert!(operator.remove(&token(caller)).await.unwrap());
    }
}

#[tokio::test]
async fn a_denial_expires_by_itself_and_is_changed_when_it_is_added_again() {
    let (stores, operator) = (Stores::direct().await, operator().await);
    let one = caller();
    stores.connections.upsert(one.clone(), change("shop")).await.unwrap();
    let denied = Denied::Owner(one.owner);
    let listed = async || {
        let denials = operator.list().await.unwrap();
        denials.into_iter().find(|denial| denial.denied == denied)
    };
    operator.add(&denied, "for good", None).await.unwrap();
    let for_good = listed().await.unwrap();
    assert_eq!((for_good.note.as_str(), for_good.expires_at), ("for good", None));
    let before = stores.proxy.denials_after(0).await.unwrap();
    let (revision, _) = before.iter().find(|(_, other)| *other == denied).unwrap();

    operator.add(&denied, "for an hour", Some(Duration::from_hours(1))).await.unwrap();
    let changed = listed().await.unwrap();
    assert_eq!(changed.note, "for an hour");
    assert_eq!(changed.expires_at, Some(changed.created_at + Duration::from_hours(1)));
    let after = stores.proxy.denials_after(*revision).await.unwrap();
    assert!(
        after.iter().any(|(newer, other)| newer > revision && *other == denied),
        "replicas see the change"
    );

    operator.add(&denied, "", Some(Duration::from_millis(1))).await.unwrap();
    while matches!(stores.look_up(&one).await, Err(StoreError::AccessWithdrawn)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stores.look_up(&one).await.unwrap();
    assert!(listed().await.is_none());
    assert!(!operator.remove(&denied).await.unwrap(), "it was not in force any more");
}
