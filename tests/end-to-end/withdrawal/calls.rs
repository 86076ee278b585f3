//! A denial holds for the next call, whatever it is, on every replica, and so does its end.

use postern_domain::Host;
use postern_rpc::connection::{GetConnectionRequest, ListConnectionsRequest};
use postern_store::Denied;
use postern_testkit::{ISSUER, User, reason};
use tonic::{Code, Status};

use crate::stage::{PASSWORD, Stage, owner, token};

/// The calls of connection-service, and what each came to.
async fn manage(stage: &Stage, user: &User) -> [Result<(), Status>; 4] {
    let get = GetConnectionRequest { name: "main".into() };
    [
        user.save("main", stage.tenant.dsn(PASSWORD)).await.map(drop),
        user.connections().get_connection(get).await.map(drop),
        user.connections().list_connections(ListConnectionsRequest::default()).await.map(drop),
        user.delete("unknown").await,
    ]
}

fn refused(result: Result<(), Status>, because: &str) {
    let status = result.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, because), "{status}");
}

#[tokio::test]
async fn access_that_is_withdrawn_is_withdrawn_from_every_call_on_every_replica() {
    let stage = Stage::new().await;
    let (ada, bob) = (stage.user("ada").await, stage.user("bob").await);
    for (denied, is_bobs) in
        [(Denied::Owner(owner("ada")), false), (token(&ada), false), (Denied::Issuer(ISSUER.into()), true)]
    {
        stage.deny(&denied).await;
        for user in [&ada, &stage.replica.user(&ada)] {
            refused(user.query("main", "select 1").await.map(drop), "ACCESS_WITHDRAWN");
            // Nothing is told of what exists.
            refused(user.query("unknown", "select 1").await.map(drop), "ACCESS_WITHDRAWN");
            for result in manage(&stage, user).await {
                refused(result, "ACCESS_WITHDRAWN");
            }
        }
        assert_eq!(bob.query("main", "select 1").await.is_err(), is_bobs, "{denied:?}");

        assert!(stage.operator.remove(&denied).await.unwrap());
        for user in [&ada, &stage.replica.user(&ada)] {
            user.query("main", "select 1").await.unwrap();
            let [save, get, list, delete] = manage(&stage, user).await;
            assert!(save.is_ok() && get.is_ok() && list.is_ok(), "{denied:?}");
            assert_eq!(delete.unwrap_err().code(), Code::NotFound);
        }
    }
}

#[tokio::test]
async fn another_token_of_the_same_user_is_not_denied() {
    let stage = Stage::new().await;
    let (stolen, own) = (stage.user("ada").await, stage.postern.user("ada"));
    stage.deny(&token(&stolen)).await;
    refused(stolen.query("main", "select 1").await.map(drop), "ACCESS_WITHDRAWN");
    own.query("main", "select 1").await.unwrap();
    // Nor a token of another issuer with the same id.
    stage.operator.remove(&token(&stolen)).await.unwrap();
    stage.deny(&Denied::Token { issuer: "https://other.example.com".into(), id: stolen.token_id() }).await;
    stolen.query("main", "select 1").await.unwrap();
}

#[tokio::test]
async fn a_withdrawn_connection_or_host_is_seen_and_deleted_but_not_used_or_saved() {
    let stage = Stage::new().await;
    let (ada, bob) = (stage.user("ada").await, stage.user("bob").await);
    let connection = connection_of(&stage, "ada").await;
    for (denied, is_bobs) in [(connection, false), (Denied::Host(Host::parse("127.0.0.1").unwrap()), true)] {
        stage.deny(&denied).await;
        for user in [&ada, &stage.replica.user(&ada)] {
            refused(user.query("main", "select 1").await.map(drop), "CONNECTION_WITHDRAWN");
            let [save, get, list, delete] = manage(&stage, user).await;
            refused(save, "CONNECTION_WITHDRAWN");
            assert!(get.is_ok() && list.is_ok(), "{denied:?}");
            assert_eq!(delete.unwrap_err().code(), Code::NotFound);
            assert_eq!(reason(&user.query("unknown", "select 1").await.unwrap_err()), "CONNECTION_NOT_FOUND");
        }
        assert_eq!(bob.query("main", "select 1").await.is_err(), is_bobs, "{denied:?}");
        assert!(stage.operator.remove(&denied).await.unwrap());
        ada.query("main", "select 1").await.unwrap();
        bob.query("main", "select 1").await.unwrap();
    }
    stage.deny(&Denied::Host(Host::parse("127.0.0.1").unwrap())).await;
    ada.delete("main").await.unwrap();
}

/// As an operator finds it in the log.
async fn connection_of(stage: &Stage, name: &str) -> Denied {
    use sqlx::{ConnectOptions, postgres::PgConnectOptions};
    let superuser: PgConnectOptions = stage.postern.superuser_url().parse().unwrap();
    let id: String =
        sqlx::query_scalar("select id::text from postern.connections where owner_id = $1::text::uuid")
            .bind(owner(name).to_string())
            .fetch_one(&mut superuser.connect().await.unwrap())
            .await
            .unwrap();
    Denied::connection(&id).unwrap()
}
