//! A stop lets calls in progress end, and ends those that take too long. In a binary of its own, since it stops its
//! Posterns.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use postern_rpc::proxy::QueryRequest;
use postern_testkit::{Postern, StopTimes, TenantServer};
use tonic::Code;
use tonic_types::StatusExt;

#[tokio::test]
async fn a_query_that_runs_when_the_stop_comes_is_answered_and_a_new_one_is_not() {
    let postern = Postern::start(None).await;
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = postern.user("drain-one");
    user.save("main", tenant.dsn("secret")).await.unwrap();

    // Rows that are longer than the server's buffer, so that the first ones are sent before the last ones are there.
    let sql = "select repeat('x', 10000), pg_sleep(0.1) from generate_series(1, 10)".to_owned();
    let request = QueryRequest { connection: "main".into(), sql, ..QueryRequest::default() };
    let mut parts = user.proxy().query(request).await.unwrap().into_inner();
    let first = parts.message().await.unwrap().expect("a first message");
    assert!(first.summary.is_none(), "the query had ended before the stop");
    postern.stop();
    let mut last = None;
    while let Some(message) = parts.message().await.unwrap() {
        last = message.summary;
    }
    assert!(last.is_some(), "the result ended early");
    postern.user("drain-one").query("main", "select 1").await.unwrap_err();
}

#[tokio::test]
async fn a_statement_that_outlasts_the_drain_is_cancelled_and_its_caller_may_retry() {
    let times = StopTimes { lame_duck: Duration::ZERO, drain: Duration::from_millis(100) };
    let postern = Postern::stopping_within(times).await;
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = postern.user("drain-two");
    user.save("main", tenant.dsn("secret")).await.unwrap();

    let running = tokio::spawn(async move { user.query("main", "select pg_sleep(120)").await });
    let active = format!(
        "select count(*) from pg_stat_activity where usename = '{}' and state = 'active'",
        tenant.name
    );
    while tenant.ask(&active).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    postern.stopped().await;
    assert_eq!(tenant.ask(&active).await, 0, "the statement still runs after the exit");
    let status = running.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.get_details_retry_info().is_some(), "{status}");
}
