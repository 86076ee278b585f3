//! Some crypto-services with one key ring, and their callers.

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc, time::Duration};

use axum::{Json, Router, routing::get};
use postern_chassis::{
    Lifecycle,
    config::{CryptoClientConfig, OpsConfig, TlsFiles},
    mtls::{CryptoChannel, crypto_channel},
};
use postern_crypto_service::{Config, KeyringConfig, RootConfig};
use postern_devkit::{
    ca::{DevCa, TRUST_DOMAIN},
    issuer::{AUDIENCE, DevIssuer},
};
use postern_domain::SystemClock;
use postern_egress::Policy;
use postern_keyring::key_files;
use postern_rpc::crypto::{
    GetKeyringRequest, Key, Keyring, crypto_service_client::CryptoServiceClient,
    keyring_service_client::KeyringServiceClient,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{Request, metadata::MetadataValue};
use uuid::Uuid;

const ISSUER: &str = "https://issuer.test";

/// Bytes of the longest answer that callers here take: a batch of a hundred secrets.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// What the replicas share.
pub(crate) struct Fleet {
    folder: TempDir,
    ca: DevCa,
    issuer: DevIssuer,
    jwks_url: String,
    /// Another root than a file beside the ring.
    root: Option<RootConfig>,
}

/// One crypto-service.
pub(crate) struct Replica {
    url: String,
    life: Lifecycle,
    task: JoinHandle<()>,
}

impl Fleet {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = DevCa::load_or_create(&folder.path().join("certificates")).unwrap();
        let issuer = DevIssuer::load_or_create(ISSUER, &folder.path().join("issuer.pem")).unwrap();
        let jwks_url = serve_key_set(&issuer).await;
        Self { folder, ca, issuer, jwks_url, root: None }
    }

    /// A new ring under this root.
    pub(crate) async fn with_root(root: RootConfig) -> Self {
        let fleet = Self { root: Some(root), ..Self::new().await };
        std::fs::create_dir(fleet.keys()).unwrap();
        let keyring = fleet.keyring_config();
        tokio::task::spawn_blocking(move || key_files::create(&keyring)).await.unwrap().unwrap();
        fleet
    }

    /// Starts a replica of this name; connections to it wait until it takes them.
    pub(crate) async fn start(&self, name: &str) -> Replica {
        let (url, life, serve) = self.prepare(name).await;
        let task = tokio::spawn(async move { serve.await.unwrap() });
        Replica { url, life, task }
    }

    /// Why a replica of this name does not start, although it could read the ring.
    pub(crate) async fn refusal(&self, name: &str) -> String {
        let (_, _, serve) = self.prepare(name).await;
        let ended = tokio::time::timeout(Duration::from_secs(10), serve).await.expect("it serves");
        format!("{:#}", ended.unwrap_err())
    }

    async fn prepare(
        &self,
        name: &str,
    ) -> (String, Lifecycle, impl Future<Output = anyhow::Result<()>> + use<>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut keyring = self.keyring_config();
        keyring.replica = Some(name.to_owned().try_into().unwrap());
        let issuer = serde_json::json!({
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "jwks_url": self.jwks_url,
            "subject": "uuid",
        });
        let config = Config {
            ops: OpsConfig::default(),
            listen: address,
            tls: self.tls("crypto-service"),
            keyring,
            issuers: vec![serde_json::from_value(issuer).unwrap()],
            egress: Policy::development(),
        };
        let life = Lifecycle::default();
        let serve = postern_crypto_service::serve(config, listener, life.clone());
        (format!("https://{address}"), life, serve)
    }

    /// A client of one replica, with the certificate of `caller`.
    pub(crate) fn crypto(&self, replica: &Replica, caller: &str) -> CryptoServiceClient<CryptoChannel> {
        let client = CryptoServiceClient::new(self.channel(replica, caller));
        client.max_decoding_message_size(ANSWER_BYTES)
    }

    /// An operator's client of one replica.
    pub(crate) fn operator(&self, replica: &Replica) -> KeyringServiceClient<CryptoChannel> {
        KeyringServiceClient::new(self.channel(replica, "operator"))
    }

    /// What one replica says of the ring.
    pub(crate) async fn keyring(&self, replica: &Replica) -> Keyring {
        let got = self.operator(replica).get_keyring(GetKeyringRequest {}).await.unwrap();
        got.into_inner().keyring.unwrap()
    }

    /// A token for this user.
    pub(crate) fn token(&self, user: Uuid) -> Arc<str> {
        self.issuer.mint(&user.to_string(), &SystemClock).unwrap().into()
    }

    /// The folder of the ring.
    pub(crate) fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn keyring_config(&self) -> KeyringConfig {
        match self.root.clone() {
            Some(root) => KeyringConfig { file: self.keys().join("keyring.json"), root, replica: None },
            None => KeyringConfig::embedded(&self.keys()).unwrap(),
        }
    }

    /// A channel to one replica, with the certificate of `caller`.
    pub(crate) fn channel(&self, replica: &Replica, caller: &str) -> CryptoChannel {
        crypto_channel(&CryptoClientConfig { url: replica.url.clone(), tls: self.tls(caller) }).unwrap()
    }

    fn tls(&self, service: &str) -> TlsFiles {
        let files = self.ca.service(service).unwrap();
        TlsFiles {
            certificate: files.certificate,
            key: files.key,
            ca: files.ca,
            trust_domain: TRUST_DOMAIN.to_owned(),
            namespace: None,
        }
    }
}

impl Replica {
    /// Stops it in good order.
    pub(crate) async fn stop(self) {
        self.life.stop();
        self.task.await.unwrap();
    }

    /// Ends it at once, as a kill does.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// A request with a user's token.
pub(crate) fn as_user<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// The key of this id.
pub(crate) fn key(ring: &Keyring, id: u32) -> &Key {
    ring.keys.iter().find(|key| key.id == id).unwrap()
}

/// Asks again until it is so, for at most ten seconds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within ten seconds: {what}");
}

async fn serve_key_set(issuer: &DevIssuer) -> String {
    let jwks = issuer.jwks();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let routes = Router::new().route("/jwks.json", get(move || async move { Json(jwks) }));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}
