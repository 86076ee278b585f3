//! Lookups that share round trips, on a real database.

use std::collections::BTreeSet;

use postern_domain::{ConnectionName, Version};
use postern_store::{ConnectionStore, PoolOptions, ProxyStore};
use postern_testkit::Postern;
use tokio::task::JoinSet;

use crate::quota::{caller, change};

async fn stores() -> (ConnectionStore, ProxyStore) {
    let postern = Postern::shared().await;
    let limits = PoolOptions { max_connections: 4, ..PoolOptions::default() };
    let connections = ConnectionStore::connect(&postern.database_url("postern_connection"), limits).await;
    let proxy = ProxyStore::connect(&postern.database_url("postern_proxy"), limits).await;
    (connections.unwrap(), proxy.unwrap())
}

fn name() -> ConnectionName {
    ConnectionName::parse("shop").unwrap()
}

#[tokio::test]
async fn owners_with_one_name_never_meet_however_many_look_up_at_once() {
    let (connections, proxy) = stores().await;
    let mut owners = Vec::new();
    for _ in 0..20 {
        let owner = caller();
        let saved = connections.upsert(owner.clone(), change("shop")).await.unwrap();
        owners.push((owner, saved.connection.id));
    }
    assert_eq!(owners.iter().map(|(_, id)| id.0).collect::<BTreeSet<_>>().len(), owners.len());
    let nobody = caller();
    let mut lookups = JoinSet::new();
    for _ in 0..20 {
        for (owner, id) in
            owners.iter().map(|(owner, id)| (owner.clone(), Some(*id))).chain([(nobody.clone(), None)])
        {
            let proxy = proxy.clone();
            lookups.spawn(async move {
                let found = proxy.look_up(&owner, &name()).await.unwrap();
                assert_eq!(found.map(|found| found.id), id);
            });
        }
    }
    while let Some(ended) = lookups.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn a_change_that_was_committed_before_a_call_is_seen_by_it() {
    let (connections, proxy) = stores().await;
    let owner = caller();
    // Keep all round trips busy, with the same question, too.
    let mut busy = JoinSet::new();
    for _ in 0..16 {
        let (proxy, owner) = (proxy.clone(), owner.clone());
        busy.spawn(async move {
            loop {
                proxy.look_up(&owner, &name()).await.unwrap();
            }
        });
    }
    for version in 1..=30 {
        connections.upsert(owner.clone(), change("shop")).await.unwrap();
        let found = proxy.look_up(&owner, &name()).await.unwrap().unwrap();
        assert_eq!(found.version, Version(version));
    }
    assert!(connections.delete(owner.clone(), name(), None).await.unwrap());
    assert!(proxy.look_up(&owner, &name()).await.unwrap().is_none());
}
