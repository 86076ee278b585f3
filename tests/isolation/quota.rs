//! The limit of connections per owner holds when many are saved at once.

use std::{str::FromStr, time::Duration};

use postern_domain::{
    AccessMode, CaBundle, ConnectionName, Host, OwnerId, PostgresEndpoint, SealedSecret, SecretId,
    SecretName, TlsMode, limits::CONNECTIONS_PER_OWNER,
};
use postern_store::{Change, ConnectionStore, PoolOptions, StoreError};
use postern_testkit::Postern;
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::task::JoinSet;
use uuid::Uuid;

const AT_ONCE: usize = 12;

#[tokio::test]
async fn of_many_saves_at_the_limit_one_succeeds() {
    let postern = Postern::shared().await;
    let (owner, other) = (OwnerId(Uuid::new_v4()), OwnerId(Uuid::new_v4()));
    let superuser = PgConnectOptions::from_str(&postern.superuser_url()).unwrap();
    let mut superuser: PgConnection = superuser.connect().await.unwrap();
    let fill = "insert into postern.connections (owner_id, name, kind, endpoint, read_only)
                select $1, 'c-' || n, 'postgres', '{}', true from generate_series(2, $2) n";
    let fill = sqlx::query(fill).bind(owner.0).bind(CONNECTIONS_PER_OWNER);
    fill.execute(&mut superuser).await.unwrap();

    let pool = PoolOptions { max_connections: 13, acquire_timeout: Duration::from_secs(30) };
    let store = ConnectionStore::connect(&postern.database_url("postern_connection"), pool).await.unwrap();
    let mut saves = JoinSet::new();
    for number in 0..AT_ONCE {
        let store = store.clone();
        saves.spawn(async move { store.upsert(owner, change(&format!("new-{number}"))).await });
    }
    // Another owner is not held up.
    store.upsert(other, change("first")).await.unwrap();
    let outcomes = saves.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::TooMany)));
    assert_eq!(refused.count(), AT_ONCE - 1);
}

fn change(name: &str) -> Change {
    Change {
        name: ConnectionName::parse(name).unwrap(),
        endpoint: endpoint(5432).into(),
        secrets: vec![(SecretName::Password, seal(1))],
        expected: None,
    }
}

pub(crate) fn endpoint(port: u16) -> PostgresEndpoint {
    PostgresEndpoint {
        host: Host::parse("db.example.com").unwrap(),
        port,
        database: "app".into(),
        user: "app".into(),
        tls_mode: TlsMode::VerifyFull,
        ca: CaBundle::default(),
        access_mode: AccessMode::ReadOnly,
    }
}

/// Nothing that opens; the store does not look into it.
pub(crate) fn seal(byte: u8) -> SealedSecret {
    SealedSecret { id: SecretId(Uuid::new_v4()), sealed: vec![byte; 100] }
}
