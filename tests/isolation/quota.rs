//! The limit of connections per owner holds when many are saved at once.

use std::{str::FromStr, time::Duration};

use postern_domain::{
    AccessMode, CaBundle, Caller, ConnectionName, Host, OwnerId, PostgresEndpoint, SealedSecret, SecretId,
    SecretLabel, SecretName, TlsMode, limits::CONNECTIONS_PER_OWNER,
};
use postern_store::{Change, ConnectionStore, NewSecret, PoolOptions, StoreError};
use postern_testkit::Postern;
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::task::JoinSet;
use uuid::Uuid;

const AT_ONCE: u32 = 12;

/// All of them have counted, or wait to, before the first may insert.
#[tokio::test]
async fn of_many_saves_at_the_limit_one_succeeds() {
    let postern = Postern::shared().await;
    let owner = caller();
    let superuser_url = PgConnectOptions::from_str(&postern.superuser_url()).unwrap();
    let mut superuser: PgConnection = superuser_url.connect().await.unwrap();
    // A transaction would see the activity as it was at its first look.
    let mut observer: PgConnection = superuser_url.connect().await.unwrap();
    fill(&mut superuser, owner.owner, "c", CONNECTIONS_PER_OWNER - 1).await;
    let limits = PoolOptions {
        // One owner may use a quarter of them.
        max_connections: 4 * AT_ONCE,
        acquire_timeout: Duration::from_secs(30),
        ..PoolOptions::default()
    };
    let store = ConnectionStore::connect(&postern.database_url("postern_connection"), limits).await.unwrap();

    // Another transaction has inserted the same names: nobody sees its rows, and inserts wait for its end.
    let mut inserts_wait = superuser.begin().await.unwrap();
    fill(&mut inserts_wait, owner.owner, "new", AT_ONCE.into()).await;
    let mut saves = JoinSet::new();
    for number in 1..=AT_ONCE {
        let (store, owner) = (store.clone(), owner.clone());
        saves.spawn(async move { store.upsert(owner, change(&format!("new-{number}"))).await });
    }
    while waiting(&mut observer).await < i64::from(AT_ONCE) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    inserts_wait.rollback().await.unwrap();

    let outcomes = saves.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::TooMany))).count();
    assert_eq!(refused + 1, outcomes.len());
}

/// Inserts `name-1` to `name-<count>`.
async fn fill(superuser: &mut PgConnection, owner: OwnerId, name: &str, count: i64) {
    let fill = "insert into postern.connections (owner_id, name, kind, endpoint, read_only)
                select $1, $2 || '-' || n, 'postgres', '{}', true from generate_series(1, $3) n";
    sqlx::query(fill).bind(owner.0).bind(name).bind(count).execute(superuser).await.unwrap();
}

/// Saves that wait for a lock: for the owner's, or for the end of the transaction that has inserted the same name.
async fn waiting(observer: &mut PgConnection) -> i64 {
    let waiting = "select count(*) from pg_stat_activity
                    where wait_event_type = 'Lock' and wait_event in ('advisory', 'transactionid', 'spectoken')
                      and usename = 'postern_connection' and query like '%connections.save%'";
    sqlx::query_scalar(waiting).fetch_one(observer).await.unwrap()
}

/// A user that nobody else has, with a token that has an id.
pub(crate) fn caller() -> Caller {
    Caller {
        owner: OwnerId(Uuid::new_v4()),
        issuer: "https://issuer.example.com".into(),
        token_id: Some(Uuid::new_v4().to_string().into()),
    }
}

pub(crate) fn change(name: &str) -> Change {
    Change {
        name: ConnectionName::parse(name).unwrap(),
        endpoint: endpoint(5432).into(),
        secrets: vec![password(seal(1))],
        removed: Vec::new(),
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

/// The sealed password of a Postgres connection.
pub(crate) fn password(secret: SealedSecret) -> NewSecret {
    NewSecret { name: SecretName::Password, label: SecretLabel::default(), secret }
}
