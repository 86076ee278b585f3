//! The root is away while operators tend the ring.

use std::{collections::BTreeSet, fs};

use postern_chassis::mtls::CryptoChannel;
use postern_crypto_service::RootConfig;
use postern_rpc::crypto::{
    DisableKeyRequest, EnableKeyRequest, PromoteKeyRequest, StageKeyRequest,
    keyring_service_client::KeyringServiceClient,
};
use postern_testkit::OpenBao;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{fleet::Fleet, replicas::seal};

type Operator = KeyringServiceClient<CryptoChannel>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_root_away_changes_that_need_it_are_refused_and_the_rest_goes_on() {
    let mut vault = tokio::task::spawn_blocking(OpenBao::start).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let fleet = Fleet::with_root(root(&vault, &folder)).await;
    let one = fleet.start("one").await;
    let mut operator = fleet.operator(&one);
    assert_eq!(stage(&mut operator).await.unwrap(), 2);
    operator.promote_key(PromoteKeyRequest { key_id: 2, expected_revision: None }).await.unwrap();
    operator.disable_key(DisableKeyRequest { key_id: 1, expected_revision: None }).await.unwrap();

    let before = ring_files(&fleet);
    vault.stop();
    refused(stage(&mut operator).await);
    refused(enable(&mut operator).await);
    vault.resume();
    // It answers, and says that it is sealed.
    refused(stage(&mut operator).await);
    assert_eq!(ring_files(&fleet), before, "nothing is half-written");
    assert_eq!(fleet.keyring(&one).await.revision, 4);
    seal(&fleet, &one, 3).await;

    vault.unseal();
    enable(&mut operator).await.unwrap();
    assert_eq!(stage(&mut operator).await.unwrap(), 3, "no id was used up");
    assert_eq!(fleet.keyring(&one).await.revision, 6);
}

fn root(vault: &OpenBao, folder: &tempfile::TempDir) -> RootConfig {
    let token = folder.path().join("token");
    fs::write(&token, vault.token(&["-ttl=1h"])).unwrap();
    let config = serde_json::json!({
        "kind": "vault-transit",
        "address": vault.address(),
        "ca": vault.ca(),
        "key": OpenBao::KEY,
        "auth": { "token_file": token },
    });
    serde_json::from_value(config).unwrap()
}

async fn stage(operator: &mut Operator) -> Result<u32, Status> {
    let staged = operator.stage_key(StageKeyRequest { expected_revision: None }).await;
    staged.map(|response| response.into_inner().key_id)
}

async fn enable(operator: &mut Operator) -> Result<(), Status> {
    operator.enable_key(EnableKeyRequest { key_id: 1, expected_revision: None }).await.map(drop)
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Status>) {
    let status = outcome.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert_eq!(status.get_details_error_info().unwrap().reason, "ROOT_UNAVAILABLE");
    assert!(status.message().contains("the root is unavailable"), "{status}");
}

/// The ring, and the names of all that lies beside it.
fn ring_files(fleet: &Fleet) -> (String, BTreeSet<String>) {
    let names = fs::read_dir(fleet.keys()).unwrap().map(|entry| entry.unwrap().file_name());
    let ring = fs::read_to_string(fleet.keys().join("keyring.json")).unwrap();
    (ring, names.map(|name| name.into_string().unwrap()).collect())
}
