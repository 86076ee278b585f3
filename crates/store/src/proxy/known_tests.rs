use postern_domain::{
    AccessMode, CaBundle, ConnectionName, Host, PostgresEndpoint, TlsMode, limits::CA_PEM_BYTES,
};
use tokio::time::advance;
use uuid::Uuid;

use super::*;

fn key(owner: u128, id: u128, version: i64) -> Key {
    (OwnerId(Uuid::from_u128(owner)), ConnectionId(Uuid::from_u128(id)), Version(version))
}

fn connection(key: Key, ca: CaBundle) -> Arc<SavedConnection> {
    let endpoint = PostgresEndpoint {
        host: Host::parse("db.example.com").unwrap(),
        port: 5432,
        database: "app".into(),
        user: "app".into(),
        tls_mode: TlsMode::VerifyFull,
        ca,
        access_mode: AccessMode::ReadOnly,
    };
    Arc::new(SavedConnection {
        id: key.1,
        name: ConnectionName::parse("shop").unwrap(),
        version: key.2,
        endpoint: endpoint.into(),
        created_at: Duration::ZERO,
        updated_at: Duration::ZERO,
    })
}

fn insert(known: &Known, key: Key) {
    known.insert(key, connection(key, CaBundle::default()));
}

#[tokio::test(start_paused = true)]
async fn an_entry_serves_its_owner_and_its_version_only() {
    let known = Known::default();
    insert(&known, key(1, 7, 1));
    assert!(known.get(&key(1, 7, 1)).is_some());
    for other in [key(2, 7, 1), key(1, 8, 1), key(1, 7, 2)] {
        assert!(known.get(&other).is_none(), "{other:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_used_stays_and_what_is_not_is_forgotten() {
    let known = Known::default();
    insert(&known, key(1, 7, 1));
    insert(&known, key(1, 8, 1));
    for _ in 0..4 {
        advance(IDLE).await;
        assert!(known.get(&key(1, 7, 1)).is_some());
    }
    assert!(known.get(&key(1, 8, 1)).is_none());
    advance(2 * IDLE).await;
    assert!(known.get(&key(1, 7, 1)).is_none());
}

#[tokio::test(start_paused = true)]
async fn entries_are_bounded_in_number_and_in_bytes() {
    let known = Known::default();
    for id in 0..3 * ENTRIES as u128 {
        insert(&known, key(1, id, 1));
    }
    let kept = |known: &Known| {
        let generations = known.lock();
        generations.young.len() + generations.old.len()
    };
    assert!(kept(&known) <= ENTRIES && kept(&known) > ENTRIES / 3);

    let pem =
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", "A".repeat(CA_PEM_BYTES - 100));
    let ca = CaBundle::parse(&pem).unwrap();
    let known = Known::default();
    for id in 0..4 * (BYTES / CA_PEM_BYTES) as u128 {
        let key = key(1, id, 1);
        known.insert(key, connection(key, ca.clone()));
    }
    assert!(kept(&known) <= BYTES / (CA_PEM_BYTES - 100), "{}", kept(&known));
}
