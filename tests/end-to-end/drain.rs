//! A stop lets calls in progress end. A binary of its own: it stops the Postern that others would share.

#![allow(clippy::unwrap_used, reason = "a test")]

use postern_rpc::proxy::QueryRequest;
use postern_testkit::{Postern, TenantServer};

#[tokio::test]
async fn a_query_that_runs_when_the_stop_comes_is_answered_and_a_new_one_is_not() {
    let postern = Postern::start(None).await;
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = postern.user("drain-one");
    user.save("main", tenant.dsn("secret")).await.unwrap();

    let sql = "select n, pg_sleep(0.1) from generate_series(1, 10) n".to_owned();
    let request = QueryRequest { connection: "main".into(), sql, ..QueryRequest::default() };
    let mut parts = user.proxy().query(request).await.unwrap().into_inner();
    parts.message().await.unwrap().expect("a header");
    postern.stop();
    let mut last = None;
    while let Some(message) = parts.message().await.unwrap() {
        last = message.summary;
    }
    assert!(last.is_some(), "the result ended early");
    postern.user("drain-one").query("main", "select 1").await.unwrap_err();
}
