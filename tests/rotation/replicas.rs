//! What replicas report, and what a restart keeps.

use std::{fs, time::Duration};

use postern_rpc::crypto::{Context, EncryptRequest, Keyring, StageKeyRequest};
use tonic::Status;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::fleet::{Fleet, Replica, as_user, eventually, key};

pub(crate) async fn seal(fleet: &Fleet, replica: &Replica, times: usize) {
    for _ in 0..times {
        encrypt(fleet, replica).await.unwrap();
    }
}

async fn encrypt(fleet: &Fleet, replica: &Replica) -> Result<(), Status> {
    let context =
        Context { secret_id: vec![1; 16], kind: "postgres".to_owned(), endpoint_digest: vec![7; 32] };
    let message = EncryptRequest { context: Some(context), plaintext: vec![1; 128] };
    let token = fleet.token(Uuid::new_v4());
    fleet.crypto(replica, "connection-service").encrypt(as_user(&token, message)).await.map(drop)
}

fn replicas(ring: &Keyring) -> Vec<(&str, i64, bool)> {
    ring.replicas.iter().map(|replica| (replica.name.as_str(), replica.revision, replica.live)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uses_are_counted_across_replicas_and_restarts() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.start("one").await, fleet.start("two").await);
    seal(&fleet, &one, 3).await;
    seal(&fleet, &two, 4).await;
    eventually("both report their uses", async || key(&fleet.keyring(&one).await, 1).seal_count == 7).await;

    two.stop().await;
    let ring = fleet.keyring(&one).await;
    assert_eq!(
        replicas(&ring),
        [("one", 1, true), ("two", 1, false)],
        "a stop in good order is told at once"
    );
    assert_eq!(key(&ring, 1).seal_count, 7);

    let two = fleet.start("two").await;
    seal(&fleet, &two, 5).await;
    let ring = fleet.keyring(&two).await;
    assert_eq!(key(&ring, 1).seal_count, 12);
    assert!(key(&ring, 1).last_use_time.is_some());
    assert_eq!(replicas(&ring), [("one", 1, true), ("two", 1, true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replica_keeps_what_it_reported_and_holds_up_nothing_for_long() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.start("one").await, fleet.start("two").await);
    seal(&fleet, &two, 4).await;
    eventually("two reports its uses", async || key(&fleet.keyring(&one).await, 1).seal_count == 4).await;
    two.kill().await;
    assert_eq!(replicas(&fleet.keyring(&one).await)[1], ("two", 1, true), "it may be alive");
    let two = fleet.start("two").await;
    seal(&fleet, &two, 1).await;
    assert_eq!(key(&fleet.keyring(&two).await, 1).seal_count, 5);
}

/// It would write over what the first has loaded, and hide that one of the two lacks a key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_replica_of_one_name_does_not_start() {
    let fleet = Fleet::new().await;
    let one = fleet.start("one").await;
    seal(&fleet, &one, 2).await;
    let refusal = fleet.refusal("one").await;
    assert!(
        refusal.contains("running as the replica \"one\"") && refusal.contains("keyring.replica"),
        "{refusal}"
    );
    let ring = fleet.keyring(&one).await;
    assert_eq!(replicas(&ring), [("one", 1, true)]);

    // The name is free as soon as its replica ends, however that happens.
    one.kill().await;
    let one = fleet.start("one").await;
    seal(&fleet, &one, 1).await;
    one.stop().await;
    seal(&fleet, &fleet.start("one").await, 1).await;
}

/// Nothing waits for it, so that it must not be asked to open what it may lack the key of, and seals nothing under a
/// key that may be gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_cannot_report_is_not_healthy_until_it_can() {
    let fleet = Fleet::new().await;
    let one = fleet.start("one").await;
    let health = HealthClient::new(fleet.channel(&one, "proxy-service"));
    let is = async |status: ServingStatus| {
        let service = "postern.crypto.v1.CryptoService".to_owned();
        health.clone().check(HealthCheckRequest { service }).await.unwrap().into_inner().status() == status
    };
    eventually("it is healthy", async || is(ServingStatus::Serving).await).await;

    let (replicas, away) = (fleet.keys().join("replicas"), fleet.keys().join("away"));
    fs::rename(&replicas, &away).unwrap();
    fs::write(&replicas, "in the way").unwrap();
    // For as long as it is waited for without a report, all is well.
    while is(ServingStatus::Serving).await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refused = encrypt(&fleet, &one).await.unwrap_err();
    assert_eq!(refused.get_details_error_info().unwrap().reason, "DEPENDENCY_UNAVAILABLE");
    fs::remove_file(&replicas).unwrap();
    fs::rename(&away, &replicas).unwrap();
    eventually("it is healthy again", async || is(ServingStatus::Serving).await).await;
    encrypt(&fleet, &one).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ring_is_tended_by_operators_alone() {
    let fleet = Fleet::new().await;
    let one = fleet.start("one").await;
    let mut operator = fleet.operator(&one);
    operator.stage_key(StageKeyRequest { expected_revision: Some(1) }).await.unwrap();
    let stale = operator.stage_key(StageKeyRequest { expected_revision: Some(1) }).await.unwrap_err();
    assert_eq!(stale.get_details_error_info().unwrap().reason, "VERSION_STALE");
    let answer = format!("{:?}", fleet.keyring(&one).await);
    let ring = fs::read_to_string(fleet.keys().join("keyring.json")).unwrap();
    let wrapped = ring.split("\"wrapped\": \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(wrapped.len() > 60 && !answer.contains(wrapped), "no key is shown, not even wrapped");
}
