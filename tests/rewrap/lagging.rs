//! A replica of crypto-service that has not heard of the newest primary key.

use std::{fs, net::Ipv4Addr};

use postern_chassis::{Lifecycle, config::OpsConfig, mtls};
use postern_crypto_service::{Config, KeyringConfig};
use postern_egress::Policy;
use postern_rewrap::Job;
use postern_rpc::crypto::{PromoteKeyRequest, StageKeyRequest, keyring_service_client::KeyringServiceClient};
use tokio::net::TcpListener;

use crate::support::{PASSWORD, Stage};

/// The first hundred rows are under the old key, and answers for them name it; the next hundred are under the new one.
#[tokio::test]
async fn a_replica_that_lags_behind_puts_no_seal_back_under_the_key_before() {
    let stage = Stage::new().await;
    let first_owner = async || stage.store.page(None, None, 1).await.unwrap()[0].place.owner;
    let ada = stage.user_with("ada", 100).await;
    let owner_of_ada = first_owner().await;
    let bob = stage.user_with("bob", 100).await;
    let last = if first_owner().await == owner_of_ada { bob } else { ada };

    let mut keyring = KeyringServiceClient::new(stage.channel("operator"));
    let key_id = keyring.stage_key(StageKeyRequest::default()).await.unwrap().into_inner().key_id;
    let lagging = lagging(&stage).await;
    keyring.promote_key(PromoteKeyRequest { key_id, expected_revision: None }).await.unwrap();
    for number in 0..100 {
        last.save(&format!("c-{number}"), stage.tenant.dsn(PASSWORD)).await.unwrap();
    }
    assert_eq!(seals(&stage).await, [(1, 100), (2, 100)]);

    let mut config = stage.crypto("connection-service");
    config.url = lagging;
    let job = Job::new(stage.store.clone(), mtls::crypto_channel(&config).unwrap());
    let report = job.run(|_| {}).await.unwrap();
    assert_eq!((report.rewrapped, report.elsewhere, report.failed), (0, 100, 0));
    assert_eq!(seals(&stage).await, [(1, 100), (2, 100)]);

    let report = stage.job().run(|_| {}).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(seals(&stage).await, [(2, 200)]);
}

async fn seals(stage: &Stage) -> Vec<(u32, i64)> {
    stage.seals().await.into_iter().collect()
}

/// A crypto-service over a copy of the ring as it is now, which nobody changes. Its URL.
async fn lagging(stage: &Stage) -> String {
    let (from, to) = (stage.postern.state().join("keys"), stage.postern.state().join("copied-keys"));
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let secret = to.join("issuer.secret");
    fs::write(&secret, [7; 32]).unwrap();
    let issuer = serde_json::json!({ "issuer": "nobody", "audience": "nobody", "hs256_secret_file": secret });
    let config = Config {
        ops: OpsConfig::default(),
        listen: address,
        tls: stage.crypto("crypto-service").tls,
        keyring: KeyringConfig::embedded(&to).unwrap(),
        issuers: vec![serde_json::from_value(issuer).unwrap()],
        egress: Policy::default(),
    };
    tokio::spawn(postern_crypto_service::serve(config, listener, Lifecycle::default()));
    format!("https://{address}")
}
