//! How a call ends is logged once, under a request id that both services know.

use std::time::Duration;

use postern_rpc::proxy::QueryRequest;
use postern_testkit::{Postern, TenantServer, User, reason};
use serde_json::Value;
use tokio::time::sleep;
use tonic::Request;

#[tokio::test]
async fn a_call_is_followed_by_its_request_id_through_the_logs_of_both_services() {
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = Postern::shared().await.user("outcomes-one");
    user.save("main", tenant.dsn("secret")).await.unwrap();
    let answer = query(&user, "select 'needle-in-the-rows'", "followed-7c1").await.unwrap();
    assert_eq!(answer, "followed-7c1", "the id is returned");

    let lines = lines_of("followed-7c1", 2).await;
    let by_method = |end: &str| lines.iter().find(|line| line["method"].as_str().unwrap().ends_with(end));
    let decrypt = by_method("CryptoService/Decrypt").expect("the secret was opened for this call");
    let query = by_method("ProxyService/Query").expect("the query is logged");
    assert_eq!((&decrypt["outcome"], &query["outcome"]), (&"ok".into(), &"ok".into()));
    assert_eq!((&query["rows"], &query["kind"]), (&1.into(), &"postgres".into()));
    assert!(query["bytes"].as_u64() > Some(0) && query["acquire_us"].as_u64() > Some(0), "{query}");
    assert!(!Postern::shared().await.log().contains("needle-in-the-rows"));
}

#[tokio::test]
async fn a_failed_call_is_logged_with_its_reason() {
    let user = Postern::shared().await.user("outcomes-two");
    let status = query(&user, "select 1", "failed-7c1").await.unwrap_err();
    assert_eq!(reason(&status), "CONNECTION_NOT_FOUND");
    let lines = lines_of("failed-7c1", 1).await;
    assert_eq!(
        (&lines[0]["outcome"], &lines[0]["reason"]),
        (&"error".into(), &"CONNECTION_NOT_FOUND".into())
    );
}

#[tokio::test]
async fn a_call_whose_caller_goes_away_is_logged_as_cancelled() {
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = Postern::shared().await.user("outcomes-three");
    user.save("main", tenant.dsn("secret")).await.unwrap();
    let sql = "select repeat('x', 10000), pg_sleep(0.1) from generate_series(1, 1000)";
    let mut parts = user.proxy().query(request(sql, "cancelled-7c1")).await.unwrap().into_inner();
    parts.message().await.unwrap().expect("a header");
    drop(parts);
    let lines = lines_of("cancelled-7c1", 1).await;
    let line = lines.iter().find(|line| line["method"].as_str().unwrap().ends_with("Query"));
    assert_eq!(line.unwrap()["outcome"], "cancelled");
}

fn request(sql: &str, id: &'static str) -> Request<QueryRequest> {
    let (connection, sql) = ("main".into(), sql.into());
    let mut request = Request::new(QueryRequest { connection, sql, ..QueryRequest::default() });
    request.metadata_mut().insert("x-request-id", id.parse().unwrap());
    request
}

/// Runs a statement to its end, and gives the id that came back.
async fn query(user: &User, sql: &str, id: &'static str) -> Result<String, tonic::Status> {
    let response = user.proxy().query(request(sql, id)).await?;
    let returned = response.metadata().get("x-request-id").expect("an id").to_str().unwrap().to_owned();
    let mut parts = response.into_inner();
    while parts.message().await?.is_some() {}
    Ok(returned)
}

/// Waits for the lines about calls with this id: a call is logged when its response has been sent, which a client may
/// see first.
async fn lines_of(id: &str, count: usize) -> Vec<Value> {
    loop {
        let log = Postern::shared().await.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let lines: Vec<_> =
            lines.filter(|line| line["request_id"] == id && line["outcome"].is_string()).collect();
        let has_query = lines.iter().any(|line| line["method"].as_str().unwrap().ends_with("Query"));
        if lines.len() >= count && has_query {
            return lines;
        }
        sleep(Duration::from_millis(20)).await;
    }
}
