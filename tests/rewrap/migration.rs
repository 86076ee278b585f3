//! A filled database of schema 3 is migrated: its connections are listed as before, and their seals open and move.

use std::{collections::BTreeMap, net::IpAddr};

use postern_domain::{
    AccessMode, CaBundle, Caller, ConnectionId, Endpoint, EndpointDigest, Host, OwnerId, PostgresEndpoint,
    TlsMode,
};
use postern_rpc::connection::{
    self as proto, Connection, ListConnectionsRequest, UpsertConnectionRequest,
    upsert_connection_request::Endpoint as Sent,
};
use postern_store::{ConnectionStore, PoolOptions};
use postern_testkit::{TenantDatabase, User, reason};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use sqlx::{Executor, PgConnection};
use uuid::Uuid;

use crate::support::{PASSWORD, Stage};

#[tokio::test]
async fn saved_connections_are_listed_as_before_and_open() {
    let stage = Stage::new().await;
    let (ada, bob) = (stage.postern.user("ada"), stage.postern.user("bob"));
    save_of_every_form(&stage, &ada).await;
    bob.save("plain", stage.tenant.dsn(PASSWORD)).await.unwrap();
    bob.save("plain", stage.tenant.dsn(PASSWORD)).await.unwrap();
    let before = (list(&ada).await, list(&bob).await);
    assert_eq!((before.0.len(), before.1[0].version), (4, 2));

    let mut superuser = stage.superuser().await;
    superuser.execute(KEEP).await.unwrap();
    back_to_schema_3(&mut superuser).await;
    superuser.execute(PUT_BACK).await.unwrap();
    postern_store::migrate(&stage.postern.database_url("postern_migrator")).await.unwrap();

    assert_eq!((list(&ada).await, list(&bob).await), before);
    // The first sessions of these connections: each opens a seal.
    all_open(&ada).await;
    bob.query("plain", "select 1").await.unwrap();

    stage.rotate().await;
    let report = stage.job().under(2).run(|_| {}).await.unwrap();
    assert_eq!((report.rewrapped, report.failed), (5, 0));
    // Saved anew without its password, which is kept.
    let plain = proto::AccessMode::ReadWrite;
    ada.upsert(request("plain", stage.tenant.endpoint(plain), None)).await.unwrap();
    ada.query("plain", "select 1").await.unwrap();
}

/// The digests that SQL computes are those that the services compute.
#[tokio::test]
async fn digests_are_those_of_the_domain() {
    const ENDPOINTS: usize = 400;
    let stage = Stage::new().await;
    let mut superuser = stage.superuser().await;
    back_to_schema_3(&mut superuser).await;
    let owner = OwnerId(Uuid::from_u128(7));
    let mut saved = BTreeMap::new();
    let mut runner = TestRunner::deterministic();
    for number in 0..ENDPOINTS {
        let endpoint = endpoints().new_tree(&mut runner).unwrap().current();
        let id = insert_as_schema_3(&mut superuser, owner, number, &endpoint).await;
        saved.insert(id, Endpoint::from(endpoint));
    }
    postern_store::migrate(&stage.postern.database_url("postern_migrator")).await.unwrap();

    let url = stage.postern.database_url("postern_connection");
    let store = ConnectionStore::connect(&url, PoolOptions::default()).await.unwrap();
    let caller = Caller { owner, issuer: "iss".into(), token_id: None };
    let read = store.list(caller, String::new(), 1000).await.unwrap();
    let read: BTreeMap<_, _> =
        read.into_iter().map(|own| (own.connection.id, own.connection.endpoint)).collect();
    assert_eq!(read, saved);

    let seals = stage.store.page(None, None, 1000).await.unwrap();
    let stored: BTreeMap<ConnectionId, EndpointDigest> =
        seals.into_iter().map(|row| (row.place.connection, row.seal.unwrap().endpoint)).collect();
    assert_eq!(stored, saved.into_iter().map(|(id, endpoint)| (id, endpoint.digest())).collect());
}

async fn save_of_every_form(stage: &Stage, user: &User) {
    let (read_only, read_write) = (proto::AccessMode::ReadOnly, proto::AccessMode::ReadWrite);
    user.upsert(request("plain", stage.tenant.endpoint(read_write), Some(PASSWORD))).await.unwrap();

    let ca_pem = std::fs::read_to_string(stage.postern.certificate("operator").ca).unwrap();
    let with_ca = proto::PostgresEndpoint { ca_pem, ..stage.tenant.endpoint(read_only) };
    user.upsert(request("with-ca", with_ca, Some(PASSWORD))).await.unwrap();

    let TenantDatabase { name, .. } = &stage.tenant;
    stage.tenant.as_admin(&format!("create database \"läden 🦀\" owner {name} template template0")).await;
    let unicode =
        proto::PostgresEndpoint { database: "läden 🦀".into(), ..stage.tenant.endpoint(read_only) };
    user.upsert(request("unicode", unicode, Some(PASSWORD))).await.unwrap();

    let v6 = proto::PostgresEndpoint { host: "[0:0::1]".into(), ..stage.tenant.endpoint(read_only) };
    user.upsert(request("v6", v6, Some(PASSWORD))).await.unwrap();
}

async fn all_open(user: &User) {
    for name in ["plain", "with-ca", "unicode"] {
        user.query(name, "select 1").await.unwrap();
    }
    // The seal is opened before the server is dialled, which may not listen there.
    if let Err(status) = user.query("v6", "select 1").await {
        assert_eq!(reason(&status), "TENANT_UNREACHABLE");
    }
}

fn request(name: &str, endpoint: proto::PostgresEndpoint, password: Option<&str>) -> UpsertConnectionRequest {
    UpsertConnectionRequest {
        name: name.into(),
        endpoint: Some(Sent::Postgres(endpoint)),
        password: password.map(str::to_owned),
        ..UpsertConnectionRequest::default()
    }
}

async fn list(user: &User) -> Vec<Connection> {
    let list = user.connections().list_connections(ListConnectionsRequest::default()).await;
    list.unwrap().into_inner().connections
}

/// Drops the schema and makes it anew as the last release left it.
async fn back_to_schema_3(superuser: &mut PgConnection) {
    superuser.execute("drop schema postern cascade").await.unwrap();
    superuser
        .execute("set role postern_owner; create schema postern; set search_path = postern")
        .await
        .unwrap();
    postern_store::migrations(3).run_direct(None, superuser, false).await.unwrap();
    superuser.execute("reset role; reset search_path").await.unwrap();
    let version: i32 =
        sqlx::query_scalar("select postern.schema_version()").fetch_one(superuser).await.unwrap();
    assert_eq!(version, 3);
}

const KEEP: &str = "create table public.kept as
    select c.id, c.owner_id, c.name, version, c.kind, endpoint->>'host' as host, (endpoint->>'port')::integer as port,
           endpoint->>'database' as database, endpoint->>'user' as username, endpoint->>'tls_mode' as tls_mode,
           endpoint->>'ca_pem' as ca_pem, read_only, secret_id, sealed, created_at, updated_at
      from postern.connections c join postern.secrets s on s.connection_id = c.id";

const PUT_BACK: &str = "insert into postern.connections
    (id, owner_id, name, version, kind, host, port, database, username, tls_mode, ca_pem, read_only, secret_id, sealed,
     created_at, updated_at)
    select * from public.kept";

async fn insert_as_schema_3(
    superuser: &mut PgConnection,
    owner: OwnerId,
    number: usize,
    endpoint: &PostgresEndpoint,
) -> ConnectionId {
    let insert = sqlx::query_scalar(
        "insert into postern.connections (owner_id, name, kind, host, port, database, username, tls_mode, ca_pem,
                                          read_only, secret_id, sealed)
         values ($1, $2, 'postgres', $3, $4, $5, $6, $7, $8, $9, gen_random_uuid(), decode(repeat('00', 100), 'hex'))
         returning id",
    );
    let insert = insert
        .bind(owner.0)
        .bind(format!("c-{number}"))
        .bind(endpoint.host.to_string())
        .bind(i32::from(endpoint.port))
        .bind(&endpoint.database)
        .bind(&endpoint.user)
        .bind(endpoint.tls_mode.as_str())
        .bind(endpoint.ca.as_pem())
        .bind(endpoint.access_mode == AccessMode::ReadOnly);
    ConnectionId(insert.fetch_one(superuser).await.unwrap())
}

fn endpoints() -> impl Strategy<Value = PostgresEndpoint> {
    let host = prop_oneof![
        any::<IpAddr>().prop_map(Host::Ip),
        "[a-z][a-z0-9]{0,20}(\\.[a-z][a-z0-9_]{0,20}){0,3}".prop_map(|name| Host::parse(&name).unwrap()),
    ];
    let name = "[^\0]{1,60}";
    let tls_mode = prop_oneof![Just(TlsMode::VerifyFull), Just(TlsMode::Disable)];
    let ca = prop_oneof![
        Just(CaBundle::default()),
        "-----BEGIN CERTIFICATE-----[^\0]{0,200}\n-----END".prop_map(|pem| CaBundle::parse(&pem).unwrap()),
    ];
    let access_mode = prop_oneof![Just(AccessMode::ReadOnly), Just(AccessMode::ReadWrite)];
    (host, 1..=u16::MAX, name, name, tls_mode, ca, access_mode).prop_map(
        |(host, port, database, user, tls_mode, ca, access_mode)| PostgresEndpoint {
            host,
            port,
            database,
            user,
            tls_mode,
            ca,
            access_mode,
        },
    )
}
