//! Rows that cannot be rewrapped, and callers that may not.

use std::str::FromStr;

use postern_domain::limits::SEAL_BYTES;
use postern_rewrap::{Job, RewrapError};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};

use crate::support::Stage;

#[tokio::test]
async fn a_row_that_fails_is_reported_and_stops_no_other() {
    let stage = Stage::new().await;
    let user = stage.user_with("ada", 8).await;
    stage.rotate().await;
    let mut superuser: PgConnection =
        PgConnectOptions::from_str(&stage.postern.superuser_url()).unwrap().connect().await.unwrap();
    for (name, tamper) in [
        ("c-1", "sealed = set_byte(sealed, 60, get_byte(sealed, 60) # 1)"),
        ("c-3", "sealed = decode(repeat('00', 100), 'hex')"),
        ("c-5", "host = 'not a host'"),
        ("c-7", "secret_id = gen_random_uuid()"),
    ] {
        let sql = format!("update postern.connections set {tamper} where name = '{name}'");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut superuser).await.unwrap();
    }

    let report = stage.job().under(2).run(|_| {}).await.unwrap();
    assert_eq!((report.rewrapped, report.failed, report.is_complete()), (4, 4, false));
    let mut reasons: Vec<_> = report.failures.iter().map(|failure| failure.reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["INTERNAL", "SEAL_BROKEN", "SEAL_BROKEN", "SEAL_BROKEN"]);
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(0, 1), (1, 3), (2, 4)]);
    for number in [0, 2, 4, 6] {
        user.query(&format!("c-{number}"), "select 1").await.unwrap();
    }
}

/// More than crypto-service takes at once, from a time when the database took them.
#[tokio::test]
async fn seals_that_are_too_long_are_reported_and_no_new_one_is_stored() {
    let stage = Stage::new().await;
    stage.user_with("ada", 60).await;
    stage.rotate().await;
    let run = async |sql: String| {
        let url = PgConnectOptions::from_str(&stage.postern.superuser_url()).unwrap();
        let mut superuser: PgConnection = url.connect().await.unwrap();
        sqlx::query(AssertSqlSafe(sql)).execute(&mut superuser).await
    };
    let set = |bytes: usize, rows: &str| {
        let sealed = format!("decode('50534c3100000001' || repeat('00', {bytes} - 8), 'hex')");
        run(format!("update postern.connections set sealed = {sealed} where {rows}"))
    };
    set(SEAL_BYTES, "name = 'c-1'").await.unwrap();
    set(SEAL_BYTES + 1, "name = 'c-1'").await.unwrap_err();
    let unbounded = "alter table postern.connections drop constraint connections_sealed_check";
    run(unbounded.to_owned()).await.unwrap();
    set(131_072, "name <> 'c-7'").await.unwrap();

    let report = stage.job().under(2).run(|_| {}).await.unwrap();
    assert_eq!((report.rewrapped, report.failed), (1, 59));
    assert!(report.failures.iter().all(|failure| failure.reason == "SEAL_BROKEN"));
}

#[tokio::test]
async fn only_an_operator_or_connection_service_rewraps() {
    let stage = Stage::new().await;
    stage.user_with("bob", 1).await;
    stage.rotate().await;
    let run = async |certificate| Job::new(stage.store.clone(), stage.channel(certificate)).run(|_| {}).await;
    assert!(matches!(run("proxy-service").await, Err(RewrapError::Refused(_))));
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(1, 1)]);
    assert_eq!(run("connection-service").await.unwrap().rewrapped, 1);
}
