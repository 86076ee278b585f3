use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    str::FromStr,
    sync::atomic::{AtomicUsize, Ordering},
};

use postern_devkit::postgres::{Binaries, Cluster};
use tempfile::TempDir;
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

/// A real server, and this many connections to it at most.
async fn real(max_connections: u32) -> (Cluster, TempDir, Database) {
    let base = std::env::var_os("POSTERN_TEST_DIR").map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(base).unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
    let data = folder.path().join("postgres");
    let start = move || Cluster::start(&Binaries::find()?, &data);
    let cluster = tokio::task::spawn_blocking(start).await.unwrap().unwrap();
    let database = database(&cluster.url("postgres"), max_connections);
    (cluster, folder, database)
}

async fn execute(lease: &mut Lease, sql: &'static str) -> Result<(), StoreError> {
    within(CALL, async { Ok(sqlx::raw_sql(sql).execute(lease.connection()).await?) }).await.map(drop)
}

#[tokio::test]
async fn a_probes_connection_is_kept_only_where_one_more_may_exist() {
    let (_cluster, _folder, database) = real(1).await;
    let idle = || database.0.lock().connections.len();
    let lease = database.lease().await.unwrap();
    assert!(health::attempt(&database.0).await);
    assert_eq!(idle(), 0, "the only connection is in use");
    lease.settle(Ok(())).unwrap();
    assert_eq!(idle(), 1);
    assert!(health::attempt(&database.0).await);
    assert_eq!(idle(), 1, "the only connection is idle");
    database.0.discard_idle();
    assert!(health::attempt(&database.0).await);
    assert_eq!(idle(), 1, "no connection existed before the probe");
}

#[tokio::test]
async fn a_wait_for_a_lock_that_ended_does_not_cost_the_connection() {
    let (_cluster, _folder, database) = real(2).await;
    let mut holds = database.lease().await.unwrap();
    execute(&mut holds, "create table locked ()").await.unwrap();
    execute(&mut holds, "begin; lock table locked").await.unwrap();
    let mut waits = database.lease().await.unwrap();
    let refused = execute(&mut waits, "set lock_timeout = '10ms'; select from locked").await;
    let refused = waits.settle(refused).unwrap_err();
    assert!(refused.is_wait_that_ended(), "{refused:?}");
    assert_eq!(database.0.lock().connections.len(), 1);
    assert!(database.ping().await.is_ok());
    drop(holds);
}
