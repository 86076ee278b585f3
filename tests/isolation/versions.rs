//! Secrets belong to one version of one owner's connection.

use postern_domain::{ConnectionName, SecretName, Version};
use postern_store::{
    Change, ConnectionStore, OwnConnection, PoolOptions, ProxyStore, StoreError, StoredSecret,
};
use postern_testkit::Postern;

use crate::quota::{caller, endpoint, password, seal};

async fn stores() -> (ConnectionStore, ProxyStore) {
    let postern = Postern::shared().await;
    let (url, pool) = (
        |role: &str| postern.database_url(role),
        PoolOptions { max_connections: 2, ..PoolOptions::default() },
    );
    let connections = ConnectionStore::connect(&url("postern_connection"), pool).await.unwrap();
    (connections, ProxyStore::connect(&url("postern_proxy"), pool).await.unwrap())
}

fn name() -> ConnectionName {
    ConnectionName::parse("shop").unwrap()
}

fn change(port: u16, sealed: Option<u8>) -> Change {
    let secrets = sealed.map(|byte| password(seal(byte))).into_iter().collect();
    Change { name: name(), endpoint: endpoint(port).into(), secrets, removed: Vec::new(), expected: None }
}

#[tokio::test]
async fn seals_are_read_for_the_version_that_was_looked_up_and_for_its_owner() {
    let (connections, proxy) = stores().await;
    let (owner, other) = (caller(), caller());
    assert!(proxy.look_up(&owner, &name()).await.unwrap().is_none());
    connections.upsert(owner.clone(), change(5432, Some(1))).await.unwrap();

    let saved = proxy.look_up(&owner, &name()).await.unwrap().unwrap();
    assert_eq!((saved.version, saved.endpoint.clone()), (Version(1), endpoint(5432).into()));
    assert!(proxy.look_up(&other, &name()).await.unwrap().is_none());
    let seals = proxy.seals(owner.owner, saved.id, Version(1)).await.unwrap().unwrap();
    let [StoredSecret { name: SecretName::Password, secret }] = seals.as_slice() else { panic!("{seals:?}") };
    assert_eq!(secret.sealed, [1; 100]);
    assert!(proxy.seals(other.owner, saved.id, Version(1)).await.unwrap().is_none());
    assert!(proxy.seals(owner.owner, saved.id, Version(2)).await.unwrap().is_none());

    connections.upsert(owner.clone(), change(5432, None)).await.unwrap();
    assert!(proxy.seals(owner.owner, saved.id, Version(1)).await.unwrap().is_none(), "it was changed");
    assert_eq!(
        proxy.seals(owner.owner, saved.id, Version(2)).await.unwrap().unwrap(),
        seals,
        "its secret was kept"
    );
    assert!(connections.delete(owner.clone(), name(), None).await.unwrap());
    assert!(proxy.seals(owner.owner, saved.id, Version(2)).await.unwrap().is_none(), "it was deleted");
}

#[tokio::test]
async fn a_changed_endpoint_needs_its_secret_anew() {
    let (connections, proxy) = stores().await;
    let owner = caller();
    let refused = async |change| connections.upsert(owner.clone(), change).await.unwrap_err();
    assert!(matches!(refused(change(5432, None)).await, StoreError::SecretRequired));
    let saved = connections.upsert(owner.clone(), change(5432, Some(1))).await.unwrap();
    assert_eq!(names(&saved), [SecretName::Password]);
    assert!(matches!(refused(change(5433, None)).await, StoreError::SecretRequired));

    let saved = connections.upsert(owner.clone(), change(5433, Some(2))).await.unwrap();
    assert_eq!((saved.connection.version, names(&saved)), (Version(2), vec![SecretName::Password]));
    let seals = proxy.seals(owner.owner, saved.connection.id, Version(2)).await.unwrap().unwrap();
    assert_eq!((seals.len(), seals[0].secret.sealed.as_slice()), (1, &[2; 100][..]));
    let stale = Change { expected: Some(Version(1)), ..change(5433, Some(3)) };
    assert!(matches!(refused(stale).await, StoreError::VersionStale));
    assert_eq!(proxy.seals(owner.owner, saved.connection.id, Version(2)).await.unwrap().unwrap(), seals);
    let own = connections.get(owner.clone(), name()).await.unwrap().unwrap();
    assert_eq!(names(&own), [SecretName::Password]);
}

fn names(own: &OwnConnection) -> Vec<SecretName> {
    own.secrets.iter().map(|secret| secret.name).collect()
}
