//! `promote --wait`, and a replica that has not loaded the key.

use std::{
    fs,
    time::{Duration, Instant},
};

use postern_domain::{Clock, SystemClock};
use serde_json::json;

use crate::support::{Run, Stage};

/// A replica that reported just now, has loaded only the first key, and never reports again. It counts as live for ten
/// seconds.
fn lagging_replica(stage: &Stage) {
    let report = json!({
        "name": "laggard",
        "revision": 1,
        "loaded": [1],
        "uses": [],
        "reported_at": SystemClock.now().as_secs(),
        "stopped": false,
    });
    fs::write(stage.postern.state().join("keys/replicas/laggard.json"), report.to_string()).unwrap();
}

#[tokio::test]
async fn promotion_waits_for_the_replica_that_lacks_the_key_and_names_it() {
    let stage = Stage::new().await;
    stage.run(&["keyring", "stage"]).succeeded();
    lagging_replica(&stage);

    stage.run(&["keyring", "promote", "2"]).refused(3, "laggard");
    let late = stage.run(&["keyring", "promote", "2", "--wait", "--timeout", "1"]);
    late.refused(3, "not loaded within 1 s by laggard");
    let status = stage.run(&["keyring", "status", "--json"]).succeeded().json();
    let laggard =
        status["replicas"].as_array().unwrap().iter().find(|replica| replica["name"] == "laggard").unwrap();
    assert_eq!((&laggard["live"], &laggard["ready"]), (&true.into(), &false.into()));
    assert_eq!(status["keys"][1]["state"], "staged");

    let start = Instant::now();
    let Run { code, stderr, .. } = stage.run(&["keyring", "promote", "2", "--wait"]);
    assert_eq!((code, stderr.as_str()), (0, "postern: waiting for laggard\n"));
    assert!(start.elapsed() > Duration::from_secs(2), "it has waited until the replica was gone");
    assert_eq!(stage.run(&["keyring", "status", "--json"]).succeeded().json()["keys"][1]["state"], "primary");
}
