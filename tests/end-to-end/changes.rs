//! A change holds for the very next query.

use postern_rpc::connection::{
    AccessMode, GetConnectionRequest, PostgresEndpoint, UpsertConnectionRequest,
    upsert_connection_request::Endpoint,
};
use postern_testkit::{Postern, TenantServer, reason};
use tonic::Code;

#[tokio::test]
async fn a_saved_connection_is_queried_and_read_back_without_its_password() {
    let tenant = TenantServer::shared().await.database("first-password").await;
    tenant
        .as_owner("first-password", "create table fruit (name text); insert into fruit values ('fig')")
        .await;
    let user = Postern::shared().await.user("changes-one");

    let saved = user.save("main", tenant.dsn("first-password")).await.unwrap();
    assert_eq!((saved.name.as_str(), saved.version), ("main", 1));
    assert_eq!(user.query("main", "select name from fruit").await.unwrap().texts(0), ["fig"]);

    let request = GetConnectionRequest { name: "main".into() };
    let read = user.connections().get_connection(request).await.unwrap().into_inner();
    assert!(!format!("{read:?}").contains("first-password"));
    assert_eq!(read.connection.unwrap(), saved);
}

#[tokio::test]
async fn a_new_password_is_used_by_the_very_next_query() {
    let tenant = TenantServer::shared().await.database("old").await;
    let user = Postern::shared().await.user("changes-two");
    user.save("main", tenant.dsn("old")).await.unwrap();
    user.query("main", "select 1").await.unwrap();

    // The pool of the old version still holds a signed-in session. A wrong password must fail all the same.
    user.save("main", tenant.dsn("wrong")).await.unwrap();
    let status = user.query("main", "select 1").await.unwrap_err();
    assert_eq!(reason(&status), "TENANT_AUTH_FAILED", "{status}");

    tenant.set_password("new").await;
    user.save("main", tenant.dsn("new")).await.unwrap();
    user.query("main", "select 1").await.unwrap();
}

#[tokio::test]
async fn a_deleted_connection_is_not_found_by_the_very_next_query() {
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = Postern::shared().await.user("changes-three");
    user.save("main", tenant.dsn("secret")).await.unwrap();
    user.query("main", "select 1").await.unwrap();

    user.delete("main").await.unwrap();
    let status = user.query("main", "select 1").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "CONNECTION_NOT_FOUND"));
    assert_eq!(user.delete("main").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_stored_password_stays_with_the_server_it_was_saved_for() {
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = Postern::shared().await.user("changes-four");
    user.save("main", tenant.dsn("secret")).await.unwrap();

    let endpoint = tenant.endpoint(AccessMode::ReadWrite);
    let change = |endpoint| UpsertConnectionRequest {
        name: "main".into(),
        endpoint: Some(Endpoint::Postgres(endpoint)),
        ..UpsertConnectionRequest::default()
    };
    let changed = user.upsert(change(endpoint.clone())).await.unwrap();
    assert_eq!(changed.version, 2);
    user.query("main", "create table kept (n int)").await.unwrap();

    let elsewhere = PostgresEndpoint { host: "localhost".into(), ..endpoint };
    let status = user.upsert(change(elsewhere)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "SECRET_REQUIRED"));
}

#[tokio::test]
async fn a_stale_version_is_refused_and_changes_nothing() {
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = Postern::shared().await.user("changes-five");
    let save = async |expected| {
        let endpoint = Some(Endpoint::PostgresDsn(tenant.dsn("secret")));
        let request = UpsertConnectionRequest {
            name: "main".into(),
            endpoint,
            password: None,
            expected_version: expected,
            ..UpsertConnectionRequest::default()
        };
        user.upsert(request).await
    };
    assert_eq!(save(Some(0)).await.unwrap().version, 1);
    for stale in [0, 2] {
        let status = save(Some(stale)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "VERSION_STALE"));
    }
    assert_eq!(save(Some(1)).await.unwrap().version, 2);
    assert_eq!(save(None).await.unwrap().version, 3);
}

#[tokio::test]
async fn saving_at_once_from_two_places_loses_neither() {
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = Postern::shared().await.user("changes-six");
    let saves = (0..8).map(|_| {
        let (user, dsn) = (user.clone(), tenant.dsn("secret"));
        tokio::spawn(async move { user.save("main", dsn).await.unwrap().version })
    });
    let mut versions = Vec::new();
    for save in saves.collect::<Vec<_>>() {
        versions.push(save.await.unwrap());
    }
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7, 8]);
}
