//! The control database goes away without a word, and comes back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use postern_domain::{Caller, ConnectionName, Version};
use postern_store::{ConnectionStore, PoolOptions, ProxyStore, StoreError};
use postern_testkit::{Postern, Relay};
use tokio::task::JoinSet;
use url::Url;

use crate::quota::{caller, change};

/// What the services turn into UNAVAILABLE.
fn is_unavailable(error: &StoreError) -> bool {
    use StoreError::{Busy, Database, Silent, Unreachable};
    matches!(error, Database(_) | Unreachable(_) | Silent | Busy)
}

async fn through(relay: &Relay, role: &str) -> String {
    let mut url = Url::parse(&Postern::shared().await.database_url(role)).unwrap();
    url.set_port(Some(relay.port())).unwrap();
    url.into()
}

/// Saves until told to stop. Returns the version that was acknowledged last.
async fn save_on(store: ConnectionStore, owner: Caller, name: String, stop: Arc<AtomicBool>) -> Version {
    let mut acknowledged = Version(0);
    while !stop.load(Ordering::Relaxed) {
        match store.upsert(owner.clone(), change(&name)).await {
            Ok(saved) => acknowledged = saved.connection.version,
            Err(error) => {
                assert!(is_unavailable(&error), "{error:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    acknowledged
}

#[tokio::test]
async fn after_packets_were_dropped_service_is_back_in_seconds_and_no_acknowledged_write_is_lost() {
    let postern = Postern::shared().await;
    let server = Url::parse(&postern.database_url("postern_proxy")).unwrap().port().unwrap();
    let relay = Relay::to_port(server).await;
    let limits = PoolOptions { max_connections: 8, ..PoolOptions::default() };
    let connections =
        ConnectionStore::connect(&through(&relay, "postern_connection").await, limits).await.unwrap();
    let proxy = ProxyStore::connect(&through(&relay, "postern_proxy").await, limits).await.unwrap();
    let (owner, stop) = (caller(), Arc::new(AtomicBool::new(false)));
    let looked_up = ConnectionName::parse("looked-up").unwrap();
    connections.upsert(owner.clone(), change("looked-up")).await.unwrap();
    proxy.look_up(&owner, &looked_up).await.unwrap().unwrap();
    let mut writers = JoinSet::new();
    for number in 0..4 {
        let (store, owner, stop) = (connections.clone(), owner.clone(), Arc::clone(&stop));
        let name = format!("written-{number}");
        writers.spawn(async move { (name.clone(), save_on(store, owner, name, stop).await) });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;

    relay.silence();
    let silent_at = Instant::now();
    // Each call ends, and in the end at once.
    loop {
        let start = Instant::now();
        let error = proxy.look_up(&owner, &looked_up).await.unwrap_err();
        assert!(is_unavailable(&error), "{error:?}");
        if start.elapsed() < Duration::from_millis(100) {
            break;
        }
        assert!(silent_at.elapsed() < Duration::from_secs(30), "it does not fail fast");
    }

    relay.restore();
    let back_at = Instant::now();
    while proxy.look_up(&owner, &looked_up).await.is_err()
        || connections.upsert(owner.clone(), change("looked-up")).await.is_err()
    {
        assert!(back_at.elapsed() < Duration::from_secs(5), "it is not back in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    stop.store(true, Ordering::Relaxed);
    for (name, acknowledged) in writers.join_all().await {
        assert!(acknowledged > Version(0), "{name} was saved");
        let stored =
            connections.get(owner.clone(), ConnectionName::parse(&name).unwrap()).await.unwrap().unwrap();
        assert!(stored.connection.version >= acknowledged, "{name}: {acknowledged:?}");
    }
}
