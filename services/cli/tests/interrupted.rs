//! `postern rewrap` is killed while it runs.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::support::{Stage, use_all};

#[tokio::test]
async fn killed_at_any_point_it_loses_nothing_and_goes_on() {
    let stage = Stage::new().await;
    let user = stage.user_with("ada", 40).await;
    stage.rotate();
    // Killed a little later each time, counted from the first row that it moves.
    for millis in [0, 5, 10, 15, 20] {
        let before = stage.seals_under(1).await;
        let mut child = stage.command(&["rewrap", "--rate", "7"]).spawn().unwrap();
        let start = Instant::now();
        while stage.seals_under(1).await == before {
            assert!(start.elapsed() < Duration::from_secs(20) && child.try_wait().unwrap().is_none());
        }
        sleep(Duration::from_millis(millis)).await;
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        // The server may still be executing the last statement it received.
        stage.rewrap_sessions_have_ended().await;
        let (old, new) = (stage.seals_under(1).await, stage.seals_under(2).await);
        assert_eq!(old + new, 40);
        assert!(old > 0, "it was done before it was killed");
    }

    let left = stage.seals_under(1).await;
    let done = stage.run(&["rewrap", "--json"]).succeeded().json();
    assert_eq!((&done["rewrapped"], &done["remaining"]), (&left.into(), &0.into()));
    stage.run(&["keyring", "disable", "1"]).succeeded();
    use_all(&user, 40).await;
}

#[tokio::test]
async fn the_rate_is_kept() {
    let stage = Stage::new().await;
    stage.user_with("bob", 12).await;
    stage.rotate();
    let start = Instant::now();
    stage.run(&["rewrap", "--rate", "4"]).succeeded();
    assert!(start.elapsed() >= Duration::from_secs(3), "{:?}", start.elapsed());
}
