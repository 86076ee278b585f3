//! Through the public API, another's connection does not exist.

use postern_rpc::connection::{GetConnectionRequest, ListConnectionsRequest};
use postern_testkit::{Postern, TenantServer, reason};
use tonic::Code;

#[tokio::test]
async fn another_user_cannot_see_change_or_use_a_connection() {
    let postern = Postern::shared().await;
    let tenant = TenantServer::shared().await.database("secret").await;
    let (alice, bob) = (postern.user("api-alice"), postern.user("api-bob"));
    let saved = alice.save("private", tenant.dsn("secret")).await.unwrap();

    let get = GetConnectionRequest { name: "private".into() };
    assert_eq!(bob.connections().get_connection(get.clone()).await.unwrap_err().code(), Code::NotFound);
    let list =
        bob.connections().list_connections(ListConnectionsRequest::default()).await.unwrap().into_inner();
    assert!(list.connections.is_empty());
    assert_eq!(bob.delete("private").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(reason(&bob.query("private", "select 1").await.unwrap_err()), "CONNECTION_NOT_FOUND");

    let read = alice.connections().get_connection(get).await.unwrap().into_inner();
    assert_eq!(read.connection.unwrap(), saved);
    alice.query("private", "select 1").await.unwrap();
}

#[tokio::test]
async fn two_users_may_use_one_name_and_neither_learns_of_it() {
    let postern = Postern::shared().await;
    let server = TenantServer::shared().await;
    let (one, two) = (server.database("one").await, server.database("two").await);
    let (alice, bob) = (postern.user("api-alice-2"), postern.user("api-bob-2"));
    assert_eq!(alice.save("main", one.dsn("one")).await.unwrap().version, 1);
    assert_eq!(bob.save("main", two.dsn("two")).await.unwrap().version, 1);

    let whoami = "select current_user::text";
    assert_eq!(alice.query("main", whoami).await.unwrap().texts(0), [one.name.as_str()]);
    assert_eq!(bob.query("main", whoami).await.unwrap().texts(0), [two.name.as_str()]);
    bob.delete("main").await.unwrap();
    alice.query("main", whoami).await.unwrap();
}
