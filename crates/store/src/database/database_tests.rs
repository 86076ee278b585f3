use std::{
    str::FromStr,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::net::TcpListener;

use super::*;

/// A server that accepts connections and says nothing; counts them.
async fn silent_server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://u:p@{}/d?sslmode=disable", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            held.push(stream);
        }
    });
    (url, accepted)
}

fn database(url: &str, max_connections: u32) -> Database {
    let limits = PoolOptions { max_connections, ..PoolOptions::default() };
    Database::new(PgConnectOptions::from_str(url).unwrap(), limits)
}

#[tokio::test(start_paused = true)]
async fn once_the_server_is_known_to_be_silent_calls_fail_at_once() {
    let (url, accepted) = silent_server().await;
    let database = database(&url, 4);
    let start = Instant::now();
    assert!(matches!(database.lease().await, Err(StoreError::Unreachable(_))));
    assert_eq!(start.elapsed().as_secs(), CONNECT.as_secs(), "the first call waits for its deadline");
    database.0.health.is_down().await;

    let (start, tried) = (Instant::now(), accepted.load(Ordering::SeqCst));
    for _ in 0..100 {
        assert!(matches!(database.lease().await, Err(StoreError::Unreachable(_))));
    }
    assert_eq!((start.elapsed(), accepted.load(Ordering::SeqCst)), (Duration::ZERO, tried));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_connection_fails_when_the_server_is_found_to_be_down() {
    let (url, _) = silent_server().await;
    let database = database(&url, 1);
    let held = database.0.permits.acquire().await.unwrap();
    let waits = tokio::spawn({
        let database = database.clone();
        async move { database.lease().await.map(drop) }
    });
    tokio::task::yield_now().await;
    database.0.suspect();
    assert!(matches!(waits.await.unwrap(), Err(StoreError::Unreachable(_))));
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_connection_as_long_as_configured_and_takes_none_with_it() {
    let (url, _) = silent_server().await;
    let database = database(&url, 1);
    let held = database.0.permits.acquire().await.unwrap();
    let start = Instant::now();
    assert!(matches!(database.lease().await, Err(StoreError::Busy)));
    assert_eq!(start.elapsed(), database.0.limits.acquire_timeout);
    drop(held);
    assert!(database.lease().await.is_err());
    assert_eq!(database.0.permits.available_permits(), 1);
}
