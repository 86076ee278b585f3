//! connection-service rewraps in the background, where it is told to.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use postern_chassis::{Lifecycle, config::DatabaseConfig};
use postern_connection_service::{RewrapConfig, Rewrapping};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Stage, use_all};

#[tokio::test]
async fn each_rotation_is_followed_until_the_service_stops() {
    let stage = Stage::new().await;
    let user = stage.user_with("ada", 10).await;
    let config = RewrapConfig {
        database: DatabaseConfig::new(stage.postern.state().join("urls/postern_rewrap")),
        interval_seconds: NonZeroU64::MIN,
        rows_per_second: NonZeroU32::new(1000).unwrap(),
    };
    let life = Lifecycle::default();
    let rewrapping = Rewrapping::connect(&config, &stage.crypto("connection-service")).await.unwrap();
    let running = tokio::spawn(rewrapping.run(life.clone()));
    for key in [2, 3] {
        stage.rotate().await;
        all_under(&stage, key).await;
    }
    use_all(&user, 0..10).await.unwrap();
    life.stop();
    timeout(Duration::from_secs(5), running).await.unwrap().unwrap();
}

/// The lock is what two replicas of the service would take from each other.
#[tokio::test]
async fn one_replica_rewraps_at_a_time() {
    let stage = Stage::new().await;
    stage.user_with("ada", 3).await;
    stage.rotate().await;
    let config = RewrapConfig {
        database: DatabaseConfig::new(stage.postern.state().join("urls/postern_rewrap")),
        interval_seconds: NonZeroU64::MIN,
        rows_per_second: NonZeroU32::new(1000).unwrap(),
    };
    let lock = stage.store.try_lock().await.unwrap().expect("nobody has it");
    assert!(stage.store.try_lock().await.unwrap().is_none(), "two have it");
    let rewrapping = Rewrapping::connect(&config, &stage.crypto("connection-service")).await.unwrap();
    let life = Lifecycle::default();
    timeout(Duration::from_secs(1), rewrapping.run(life.clone())).await.unwrap_err();
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(1, 3)]);

    lock.end().await.unwrap();
    let rewrapping = Rewrapping::connect(&config, &stage.crypto("connection-service")).await.unwrap();
    let running = tokio::spawn(rewrapping.run(life.clone()));
    all_under(&stage, 2).await;
    life.stop();
    running.await.unwrap();
}

#[tokio::test]
async fn it_does_not_start_with_another_role() {
    let stage = Stage::new().await;
    let config = RewrapConfig {
        database: DatabaseConfig::new(stage.postern.state().join("urls/postern_connection")),
        interval_seconds: NonZeroU64::MIN,
        rows_per_second: NonZeroU32::MIN,
    };
    let refused = Rewrapping::connect(&config, &stage.crypto("connection-service")).await.err().unwrap();
    let refused = format!("{refused:#}");
    assert!(refused.contains("sign in as postern_rewrap"), "{refused}");
    assert!(refused.contains("urls/postern_connection: "), "{refused}");
}

async fn all_under(stage: &Stage, key: u32) {
    let start = Instant::now();
    while stage.seals().await.keys().ne([&key]) {
        assert!(start.elapsed() < Duration::from_secs(20), "the background task does not rewrap");
        sleep(Duration::from_millis(50)).await;
    }
}
