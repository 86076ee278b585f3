//! A Postern whose key is rotated while users work with it.

use std::{collections::BTreeMap, str::FromStr};

use postern_chassis::{
    config::{CryptoClientConfig, TlsFiles},
    mtls::{self, CryptoChannel},
};
use postern_domain::limits::SECRET_BYTES;
use postern_rewrap::Job;
use postern_rpc::{
    connection::{AccessMode, UpsertConnectionRequest, upsert_connection_request::Endpoint},
    crypto::{
        Context, EncryptRequest, PromoteKeyRequest, StageKeyRequest,
        crypto_service_client::CryptoServiceClient, keyring_service_client::KeyringServiceClient,
    },
};
use postern_store::{PoolOptions, RewrapStore};
use postern_testkit::{Postern, TenantDatabase, TenantServer, User};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row, postgres::PgConnectOptions};
use tonic::{Request, Status, metadata::MetadataValue};
use uuid::Uuid;

/// The password of every tenant.
pub(crate) const PASSWORD: &str = "tenant-password";

/// A Postern of its own: other tests rotate keys too.
pub(crate) struct Stage {
    pub postern: Postern,
    pub tenant: TenantDatabase,
    pub store: RewrapStore,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let postern = Postern::start(None).await;
        let tenant = TenantServer::shared().await.database(PASSWORD).await;
        let store =
            RewrapStore::connect(&postern.database_url("postern_rewrap"), PoolOptions::default()).await;
        let store = store.unwrap();
        Self { postern, tenant, store }
    }

    /// A user with so many connections, `c-0` and on, which were never used: each use after this opens its seal.
    pub(crate) async fn user_with(&self, name: &str, connections: usize) -> User {
        let user = self.postern.user(name);
        for number in 0..connections {
            user.save(&format!("c-{number}"), self.tenant.dsn(PASSWORD)).await.unwrap();
        }
        user
    }

    /// Makes a new key the primary one.
    pub(crate) async fn rotate(&self) {
        let mut keyring = KeyringServiceClient::new(self.channel("operator"));
        let key_id = keyring.stage_key(StageKeyRequest::default()).await.unwrap().into_inner().key_id;
        keyring.promote_key(PromoteKeyRequest { key_id, expected_revision: None }).await.unwrap();
    }

    pub(crate) fn job(&self) -> Job {
        Job::new(self.store.clone(), self.channel("operator"))
    }

    pub(crate) fn channel(&self, certificate: &str) -> CryptoChannel {
        mtls::crypto_channel(&self.crypto(certificate)).unwrap()
    }

    pub(crate) fn crypto(&self, certificate: &str) -> CryptoClientConfig {
        let files = self.postern.certificate(certificate);
        let tls = TlsFiles {
            certificate: files.certificate,
            key: files.key,
            ca: files.ca,
            trust_domain: "postern".to_owned(),
            namespace: None,
        };
        CryptoClientConfig { url: self.postern.crypto_url().to_owned(), tls }
    }

    /// A connection of the user with a secret of 64 KiB, from a time when saving one was allowed.
    pub(crate) async fn save_long_secret(&self, user: &User, name: &str) {
        user.save(name, self.tenant.dsn(PASSWORD)).await.unwrap();
        let mut superuser = self.superuser().await;
        let row = sqlx::query(
            "select s.secret_id, s.kind, s.endpoint_digest, s.connection_id
               from postern.secrets s join postern.connections c on c.id = s.connection_id where c.name = $1",
        );
        let row = row.bind(name).fetch_one(&mut superuser).await.unwrap();
        let context = Context {
            secret_id: row.get::<Uuid, _>("secret_id").as_bytes().to_vec(),
            kind: row.get("kind"),
            endpoint_digest: row.get("endpoint_digest"),
        };
        let message = EncryptRequest { context: Some(context), plaintext: vec![b'x'; SECRET_BYTES] };
        let mut request = Request::new(message);
        let bearer = MetadataValue::try_from(format!("Bearer {}", user.token())).unwrap();
        request.metadata_mut().insert("authorization", bearer);
        let sealed = CryptoServiceClient::new(self.channel("connection-service")).encrypt(request).await;
        let update = sqlx::query("update postern.secrets set sealed = $1 where connection_id = $2");
        let update = update.bind(sealed.unwrap().into_inner().sealed);
        update.bind(row.get::<Uuid, _>("connection_id")).execute(&mut superuser).await.unwrap();
    }

    /// Changes secrets as a superuser, whom no policy holds: `set` for the connections where `condition`.
    pub(crate) async fn tamper(&self, set: &str, condition: &str) {
        let of = format!("select id from postern.connections where {condition}");
        let sql = format!("update postern.secrets set {set} where connection_id in ({of})");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut self.superuser().await).await.unwrap();
    }

    pub(crate) async fn superuser(&self) -> PgConnection {
        let superuser = PgConnectOptions::from_str(&self.postern.superuser_url()).unwrap();
        superuser.connect().await.unwrap()
    }

    /// Seals under each key.
    pub(crate) async fn seals(&self) -> BTreeMap<u32, i64> {
        let counts = self.store.counts().await.unwrap();
        counts.into_iter().map(|count| (count.key_id, count.seals)).collect()
    }
}

/// Opens these connections of the user. Each takes one of the tenant's connections, of which there are not many.
pub(crate) async fn use_all(user: &User, connections: impl IntoIterator<Item = usize>) -> Result<(), Status> {
    for number in connections {
        user.query(&format!("c-{number}"), "select 1").await?;
    }
    Ok(())
}

/// A connection to a tenant's database without a password: a save of it keeps the one that is stored.
pub(crate) fn keep_secret(
    name: &str,
    tenant: &TenantDatabase,
    access_mode: AccessMode,
) -> UpsertConnectionRequest {
    UpsertConnectionRequest {
        name: name.into(),
        endpoint: Some(Endpoint::Postgres(tenant.endpoint(access_mode))),
        ..UpsertConnectionRequest::default()
    }
}
