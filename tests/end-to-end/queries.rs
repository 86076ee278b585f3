//! Results: types, parameters, limits, errors, cancellation.

use std::time::Duration;

use prost::Message;

use postern_rpc::proxy::{QueryRequest, SqlError, Truncation, Value, value::Kind};
use postern_testkit::{Postern, TenantDatabase, TenantServer, User, reason};
use tonic::{Code, Status};

async fn saved(name: &str) -> (User, TenantDatabase) {
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = Postern::shared().await.user(name);
    user.save("main", tenant.dsn("secret")).await.unwrap();
    (user, tenant)
}

fn request(sql: &str) -> QueryRequest {
    QueryRequest { connection: "main".into(), sql: sql.into(), ..QueryRequest::default() }
}

#[tokio::test]
async fn values_keep_their_types_and_parameters_take_the_one_asked_for() {
    let (user, _tenant) = saved("queries-one").await;
    let value = |kind| Value { kind: Some(kind) };
    let parameters = vec![
        value(Kind::IntValue(i64::MAX)),
        value(Kind::TextValue("12.50".into())),
        value(Kind::BytesValue(vec![0, 255])),
        value(Kind::BoolValue(true)),
        Value { kind: None },
    ];
    let sql = "select $1::int8, $2::numeric, $3::bytea, $4::bool, $5::text, 0.1::float8, '2026-01-02 03:04:05+00'::timestamptz";
    let rows = user.run(QueryRequest { parameters, ..request(sql) }).await.unwrap();
    let [columns] = rows.batches.as_slice() else { panic!("one batch") };
    assert_eq!(columns[0].ints, [i64::MAX]);
    assert_eq!(columns[1].texts, ["12.50"]);
    assert_eq!(columns[2].blobs, [[0, 255]]);
    assert_eq!(columns[3].bools, [true]);
    assert_eq!(
        (columns[4].nulls.as_slice(), columns[4].texts.as_slice()),
        ([1].as_slice(), [String::new()].as_slice())
    );
    assert!((columns[5].doubles[0] - 0.1).abs() < f64::EPSILON);
    assert_eq!(columns[6].texts, ["2026-01-02T03:04:05+00:00"]);
    assert_eq!(rows.header.columns.iter().map(|c| c.type_name.as_str()).next(), Some("int8"));
}

#[tokio::test]
async fn a_small_result_is_one_message() {
    let (user, _tenant) = saved("queries-nine").await;
    // The session is open by then, and its server has the answer whole when the call reads it.
    user.query("main", "select 1").await.unwrap();
    let mut messages = user.proxy().query(request("select 7 as n")).await.unwrap().into_inner();
    let only = messages.message().await.unwrap().unwrap();
    assert_eq!(only.header.unwrap().columns[0].name, "n");
    assert_eq!(only.batch.unwrap().columns[0].ints, [7]);
    assert_eq!(only.summary.unwrap().row_count, 1);
    assert!(messages.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_large_result_comes_in_batches_and_whole() {
    let (user, _tenant) = saved("queries-two").await;
    let sql = "select n, 'row ' || n from generate_series(1, 50000) n";
    let rows = user.run(QueryRequest { max_rows: 100_000, ..request(sql) }).await.unwrap();
    assert!(rows.batches.len() >= 50, "{} batches", rows.batches.len());
    assert_eq!(rows.ints(0), (1..=50_000).collect::<Vec<_>>());
    assert_eq!((rows.summary.row_count, rows.summary.command_tag.as_str()), (50_000, "SELECT 50000"));
}

#[tokio::test]
async fn a_result_is_cut_at_the_row_limit_and_says_so() {
    let (user, _tenant) = saved("queries-three").await;
    let cut =
        user.run(QueryRequest { max_rows: 10, ..request("select generate_series(1, 11)") }).await.unwrap();
    assert_eq!((cut.ints(0).len(), cut.summary.truncation()), (10, Truncation::RowLimit));
    let whole =
        user.run(QueryRequest { max_rows: 10, ..request("select generate_series(1, 10)") }).await.unwrap();
    assert_eq!((whole.ints(0).len(), whole.summary.truncation()), (10, Truncation::Unspecified));
}

#[tokio::test]
async fn the_servers_own_error_reaches_the_user_with_its_position() {
    let (user, _tenant) = saved("queries-four").await;
    let status = user.query("main", "select * from missing").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "SQL_ERROR"));
    let sql = sql_error(&status);
    assert_eq!((sql.sqlstate.as_str(), sql.position), ("42P01", 15));
    user.query("main", "select 1").await.unwrap();
}

fn sql_error(status: &Status) -> SqlError {
    let details = tonic_types::pb::Status::decode(status.details()).unwrap().details;
    let any = details.into_iter().find(|any| any.type_url.ends_with("SqlError")).unwrap();
    SqlError::decode(any.value.as_slice()).unwrap()
}

#[tokio::test]
async fn a_read_only_connection_cannot_be_talked_into_writing() {
    let (user, tenant) = saved("queries-five").await;
    tenant.as_owner("secret", "create table kept (n int); insert into kept values (1)").await;
    for sql in [
        "delete from kept",
        "set session characteristics as transaction read write",
        "set default_transaction_read_only = off",
        "set transaction read write",
        "select set_config('transaction_read_only', 'off', false)",
        "commit",
        "begin read write",
        "do $$ begin commit; delete from kept; end $$",
        "select 1; delete from kept",
    ] {
        let _ = user.query("main", sql).await;
        let status = user.query("main", "delete from kept").await.unwrap_err();
        assert_eq!(sql_error(&status).sqlstate, "25006", "after {sql}");
    }
    assert_eq!(user.query("main", "select n from kept").await.unwrap().ints(0), [1]);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped_on_the_server() {
    let (user, tenant) = saved("queries-six").await;
    let timeout = Some(prost_types::Duration { seconds: 0, nanos: 300_000_000 });
    let status = user.run(QueryRequest { timeout, ..request("select pg_sleep(60)") }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "QUERY_TIMEOUT"));
    until_idle(&tenant).await;
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_the_statement_on_the_server() {
    let (user, tenant) = saved("queries-seven").await;
    let sql = "select n, pg_sleep(0.01) from generate_series(1, 100000) n";
    let mut parts = user.proxy().query(request(sql)).await.unwrap().into_inner();
    let first = parts.message().await.unwrap().unwrap();
    assert!(first.header.is_some() && first.summary.is_none());
    assert_eq!(active(&tenant).await, 1);
    drop(parts);
    until_idle(&tenant).await;
}

async fn active(tenant: &TenantDatabase) -> i64 {
    let name = &tenant.name;
    tenant
        .ask(&format!("select count(*) from pg_stat_activity where usename = '{name}' and state = 'active'"))
        .await
}

/// Waits for what is to happen; the test's own time limit is the one on it not happening.
async fn until_idle(tenant: &TenantDatabase) {
    let idle = async {
        while active(tenant).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), idle)
        .await
        .expect("the statement still runs on the server");
}

#[tokio::test]
async fn bad_requests_are_refused_before_anything_is_dialled() {
    let user = Postern::shared().await.user("queries-eight");
    let cases = [
        ("connection", QueryRequest { connection: "No Name".into(), ..request("select 1") }),
        ("sql", request("  ")),
        ("sql", request("select '\0'")),
        ("max_rows", QueryRequest { max_rows: -1, ..request("select 1") }),
        (
            "timeout",
            QueryRequest {
                timeout: Some(prost_types::Duration { seconds: 301, nanos: 0 }),
                ..request("select 1")
            },
        ),
    ];
    for (field, request) in cases {
        let status = user.run(request).await.unwrap_err();
        assert_eq!(reason(&status), "INVALID_FIELD");
        let info = tonic_types::StatusExt::get_details_error_info(&status).unwrap();
        assert_eq!(info.metadata["field"], field);
    }
    let status = user.query("unknown", "select 1").await.unwrap_err();
    assert_eq!(reason(&status), "CONNECTION_NOT_FOUND");
}
