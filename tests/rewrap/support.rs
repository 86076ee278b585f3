//! A Postern whose key is rotated while users work with it.

use std::{collections::BTreeMap, str::FromStr};

use postern_chassis::{
    config::{CryptoClientConfig, TlsFiles},
    mtls,
};
use postern_rewrap::Job;
use postern_rpc::{
    connection::{AccessMode, UpsertConnectionRequest, upsert_connection_request::Endpoint},
    crypto::{PromoteKeyRequest, StageKeyRequest, keyring_service_client::KeyringServiceClient},
};
use postern_store::RewrapStore;
use postern_testkit::{Postern, TenantDatabase, TenantServer, User};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tonic::{Status, transport::Channel};

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
        let store = RewrapStore::connect(&postern.database_url("postern_rewrap")).await.unwrap();
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

    pub(crate) fn channel(&self, certificate: &str) -> Channel {
        mtls::crypto_channel(&self.crypto(certificate)).unwrap()
    }

    pub(crate) fn crypto(&self, certificate: &str) -> CryptoClientConfig {
        let files = self.postern.certificate(certificate);
        let tls = TlsFiles {
            certificate: files.certificate,
            key: files.key,
            ca: files.ca,
            trust_domain: "postern".to_owned(),
        };
        CryptoClientConfig { url: self.postern.crypto_url().to_owned(), tls }
    }

    /// Changes rows as someone whom no rule holds: `set` where `condition`.
    pub(crate) async fn tamper(&self, set: &str, condition: &str) {
        let superuser = PgConnectOptions::from_str(&self.postern.superuser_url()).unwrap();
        let mut superuser: PgConnection = superuser.connect().await.unwrap();
        let sql = format!("update postern.connections set {set} where {condition}");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut superuser).await.unwrap();
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
