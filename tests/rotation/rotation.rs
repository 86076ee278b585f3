//! Rotation while callers are at work.

use std::time::{Duration, Instant};

use postern_rpc::crypto::{
    DestroyKeyRequest, DisableKeyRequest, KeyState, PromoteKeyRequest, StageKeyRequest,
};
use tonic::Status;
use tonic_types::StatusExt;

use crate::{
    fleet::{Fleet, Replica, eventually, key},
    load::Load,
};

/// For how long callers and rotation go on.
const WHILE: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ring_rotated_under_load_shows_no_failed_call() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.start("one").await, fleet.start("two").await);
    let load = Load::start(&fleet, [&one, &two], 4);

    let (start, mut rotations) = (Instant::now(), 0);
    while start.elapsed() < WHILE {
        // Both phases at one replica, so that the other must learn of them by itself; each in its turn.
        let tended = if rotations % 2 == 0 { &one } else { &two };
        let staged = stage(&fleet, tended).await;
        promote_when_ready(&fleet, tended, staged).await;
        rotations += 1;
    }
    let done = load.finish().await;
    println!("{rotations} rotations, {} calls", done.calls);
    assert!(rotations >= 6 && done.calls > 200, "{rotations} rotations, {done:?}");

    let ring = fleet.keyring(&one).await;
    assert_eq!(ring.revision, 1 + 2 * rotations);
    assert!(ring.keys.iter().all(|key| key.seal_count > 0 || key.state() == KeyState::Primary), "{ring:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_key_can_be_disabled_and_destroyed_once_nothing_is_under_it() {
    let fleet = Fleet::new().await;
    let (one, two) = (fleet.start("one").await, fleet.start("two").await);
    let staged = stage(&fleet, &one).await;
    promote_when_ready(&fleet, &one, staged).await;
    eventually("replica two has it", async || fleet.keyring(&two).await.revision == 3).await;

    let load = Load::start(&fleet, [&one, &two], 2);
    let mut operator = fleet.operator(&two);
    let disable = DisableKeyRequest { key_id: 1, expected_revision: Some(3) };
    ready("no replica seals under it", async || operator.disable_key(disable).await.map(drop)).await;
    let destroy = DestroyKeyRequest {
        key_id: 1,
        expected_revision: Some(4),
        remaining_seals: Some(0),
        allow_loss: false,
    };
    ready("no replica uses it", async || operator.destroy_key(destroy).await.map(drop)).await;
    load.finish().await;
    eventually("both have the change", async || {
        let ring = fleet.keyring(&one).await;
        ring.replicas.iter().all(|replica| replica.key_ids == [2])
    })
    .await;
    assert_eq!(key(&fleet.keyring(&one).await, 1).state(), KeyState::Destroyed);
}

async fn stage(fleet: &Fleet, replica: &Replica) -> u32 {
    let request = StageKeyRequest { expected_revision: None };
    fleet.operator(replica).stage_key(request).await.unwrap().into_inner().key_id
}

async fn promote(fleet: &Fleet, replica: &Replica, key_id: u32) -> Result<(), Status> {
    let request = PromoteKeyRequest { key_id, expected_revision: None };
    fleet.operator(replica).promote_key(request).await.map(drop)
}

/// Promotes as soon as no replica lacks the key.
async fn promote_when_ready(fleet: &Fleet, replica: &Replica, key_id: u32) {
    ready("every replica has the key", async || promote(fleet, replica, key_id).await).await;
}

/// Asks for a change until no replica stands in its way.
async fn ready(what: &str, mut change: impl AsyncFnMut() -> Result<(), Status>) {
    eventually(what, async || match change().await {
        Ok(()) => true,
        Err(status) => {
            assert_eq!(status.get_details_error_info().unwrap().reason, "REPLICA_NOT_READY", "{status}");
            false
        }
    })
    .await;
}
