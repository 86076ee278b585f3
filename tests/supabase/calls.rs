//! A Forward is a call like any other: looked up anew, admitted, ended at its deadline, logged once.

use std::time::Duration;

use postern_domain::OwnerId;
use postern_rpc::{
    connection::{
        GetConnectionRequest, ListConnectionsRequest, ServingKey, SupabaseService, UpsertConnectionRequest,
    },
    proxy::{ForwardRequest, HttpHeader, HttpMethod},
};
use postern_store::{DenialStore, Denied, PoolOptions};
use postern_testkit::{ISSUER, Outcome, Postern, reason};
use serde_json::Value;
use tokio::time::sleep;
use tonic::{Code, Request};

use crate::caller::{Caller, PROJECT, rest, upsert};

#[tokio::test]
async fn another_user_cannot_use_see_or_overwrite_a_project() {
    let alice = Caller::with_project("calls-alice").await;
    let bob = Caller::new("calls-bob").await;
    assert_eq!(reason(&bob.get(&["orders"]).await.unwrap_err()), "CONNECTION_NOT_FOUND");
    let get = GetConnectionRequest { name: PROJECT.into() };
    assert_eq!(bob.user.connections().get_connection(get).await.unwrap_err().code(), Code::NotFound);
    let list = bob.user.connections().list_connections(ListConnectionsRequest::default()).await.unwrap();
    assert!(list.into_inner().connections.is_empty());
    assert_eq!(bob.user.delete(PROJECT).await.unwrap_err().code(), Code::NotFound);

    // The same name, and the same project, as far as it is known to bob: his keys are not hers.
    let request = upsert(alice.endpoint(ServingKey::Publishable));
    assert_eq!(reason(&bob.user.upsert(request).await.unwrap_err()), "SECRET_REQUIRED");
    bob.save(bob.endpoint(ServingKey::Publishable)).await;
    alice.project.forget_requests();
    assert_eq!(bob.get(&["orders"]).await.unwrap().status, 200);
    assert!(alice.project.requests().is_empty());
    assert_eq!(alice.get(&["orders"]).await.unwrap().status, 200);
    assert_eq!(alice.project.requests().len(), 1);
}

#[tokio::test]
async fn a_deleted_connection_is_dead_for_the_very_next_request() {
    let caller = Caller::with_project("calls-deleted").await;
    assert_eq!(caller.get(&["orders"]).await.unwrap().status, 200);
    caller.user.delete(PROJECT).await.unwrap();
    assert_eq!(reason(&caller.get(&["orders"]).await.unwrap_err()), "CONNECTION_NOT_FOUND");
}

#[tokio::test]
async fn each_key_is_replaced_by_itself_and_either_may_serve() {
    let caller = Caller::with_project("calls-keys").await;
    let keys = caller.project.keys();
    let role = async || caller.get(&["rpc", "role_in_use"]).await.unwrap().body;
    let replaced = UpsertConnectionRequest {
        secret_key: Some(keys.secret.clone()),
        ..upsert(caller.endpoint(ServingKey::Publishable))
    };
    caller.user.upsert(replaced).await.unwrap();
    assert_eq!(role().await, "\"anon\"", "the publishable key is kept, and serves");
    caller.user.upsert(upsert(caller.endpoint(ServingKey::Secret))).await.unwrap();
    assert_eq!(role().await, "\"service_role\"");
    let replaced = UpsertConnectionRequest {
        secret_key: Some(keys.service_role.clone()),
        ..upsert(caller.endpoint(ServingKey::Secret))
    };
    caller.user.upsert(replaced).await.unwrap();
    caller.project.revoke(&keys.secret);
    assert_eq!(role().await, "\"service_role\"", "the legacy key took the other's place");
    caller.user.upsert(upsert(caller.endpoint(ServingKey::Publishable))).await.unwrap();
    assert_eq!(role().await, "\"anon\"");
}

#[tokio::test]
async fn the_project_gets_the_stored_key_and_none_that_the_caller_sends() {
    let caller = Caller::with_project("calls-headers").await;
    let header = |name: &str, value: &str| HttpHeader { name: name.into(), value: value.into() };
    let headers = vec![
        header("apikey", "sb_publishable_placeholder"),
        header("authorization", "Bearer sb_publishable_placeholder"),
        header("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
        header("cookie", "a=b"),
        header("prefer", "count=exact"),
    ];
    let request = ForwardRequest { headers, ..rest(HttpMethod::Get, &["orders"]) };
    assert_eq!(caller.forward(request).await.unwrap().status, 200);
    let [seen] = &caller.project.requests()[..] else { panic!("one request") };
    assert_eq!(seen.headers["apikey"], caller.project.keys().publishable.as_str());
    assert_eq!(seen.headers["prefer"], "count=exact");
    assert!(!seen.headers.contains_key("authorization") && !seen.headers.contains_key("cookie"));
    assert!(seen.headers["user-agent"].to_str().unwrap().starts_with("postern/"));
}

#[tokio::test]
async fn a_cancelled_call_closes_the_request_to_the_project() {
    let caller = Caller::with_project("calls-cancelled").await;
    let service = SupabaseService::Functions.into();
    let request = ForwardRequest { service, ..rest(HttpMethod::Get, &["stall"]) };
    let mut parts = caller.user.proxy().forward(request).await.unwrap().into_inner();
    parts.message().await.unwrap().expect("a head");
    assert_eq!(caller.project.requests()[0].outcome, Outcome::Open);
    drop(parts);
    until(|| caller.project.requests()[0].outcome == Outcome::Abandoned).await;
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_and_so_does_the_request_to_the_project() {
    let caller = Caller::with_project("calls-deadline").await;
    let request = ForwardRequest {
        service: SupabaseService::Functions.into(),
        timeout: Some(prost_types::Duration { seconds: 0, nanos: 300_000_000 }),
        ..rest(HttpMethod::Get, &["hang"])
    };
    assert_eq!(reason(&caller.forward(request).await.unwrap_err()), "QUERY_TIMEOUT");
    until(|| caller.project.requests().iter().all(|request| request.outcome == Outcome::Abandoned)).await;
}

/// Both that has not been answered yet and one that streams.
#[tokio::test]
async fn a_request_that_runs_ends_when_its_connection_is_withdrawn() {
    let operator = Postern::shared().await.database_url("postern_operator");
    let operator = DenialStore::connect(&operator, PoolOptions::default()).await.unwrap();
    for (name, path) in [("calls-withdrawn-one", "hang"), ("calls-withdrawn-two", "stall")] {
        let caller = Caller::with_project(name).await;
        let denied = Denied::Owner(OwnerId::derived(ISSUER, name));
        let deny = async {
            until(|| !caller.project.requests().is_empty()).await;
            operator.add(&denied, "", None).await.unwrap();
        };
        let path = [path];
        let (ended, ()) = tokio::join!(caller.invoke(&path), deny);
        assert_eq!(reason(&ended.unwrap_err()), "ACCESS_WITHDRAWN");
        until(|| caller.project.requests()[0].outcome == Outcome::Abandoned).await;
        assert_eq!(reason(&caller.get(&["orders"]).await.unwrap_err()), "ACCESS_WITHDRAWN");
        assert!(operator.remove(&denied).await.unwrap());
        assert_eq!(caller.get(&["orders"]).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_statement_behind_a_project_ends_with_its_deleted_connection() {
    let caller = Caller::with_project("calls-slow-deleted").await;
    let slow = ForwardRequest {
        body: br#"{"seconds": 60}"#.to_vec(),
        headers: vec![HttpHeader { name: "content-type".into(), value: "application/json".into() }],
        ..rest(HttpMethod::Post, &["rpc", "slow"])
    };
    let delete = async {
        until(|| !caller.project.requests().is_empty()).await;
        caller.user.delete(PROJECT).await.unwrap();
    };
    let (ended, ()) = tokio::join!(caller.forward(slow), delete);
    assert_eq!(reason(&ended.unwrap_err()), "CONNECTION_NOT_FOUND");
    until(|| caller.project.requests()[0].outcome == Outcome::Abandoned).await;
}

#[tokio::test]
async fn a_forward_is_logged_once_with_its_kind_and_without_its_contents() {
    let caller = Caller::with_project("calls-logged").await;
    let mut message = rest(HttpMethod::Get, &["customers"]);
    message.query = vec![postern_rpc::proxy::QueryParameter {
        name: "name".into(),
        value: "eq.needle-in-the-query".into(),
    }];
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-request-id", "forwarded-7c1".parse().unwrap());
    let mut parts = caller.user.proxy().forward(request).await.unwrap().into_inner();
    while parts.message().await.unwrap().is_some() {}

    let line = line_of("forwarded-7c1").await;
    assert_eq!((&line["outcome"], &line["kind"]), (&"ok".into(), &"supabase".into()), "{line}");
    let log = Postern::shared().await.log();
    assert!(!log.contains("needle-in-the-query") && !log.contains(&caller.project.keys().publishable));
}

/// The only line about how the Forward with this id ended, which may be written after the caller has the answer.
async fn line_of(id: &str) -> Value {
    loop {
        let log = Postern::shared().await.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let is_end = |line: &Value| {
            let method = line["method"].as_str().unwrap_or_default();
            line["request_id"] == id && line["outcome"].is_string() && method.ends_with("Forward")
        };
        let mut lines: Vec<_> = lines.filter(is_end).collect();
        assert!(lines.len() < 2, "{lines:?}");
        if let Some(line) = lines.pop() {
            return line;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for something that follows, however long it takes on a busy machine.
async fn until(happened: impl Fn() -> bool) {
    while !happened() {
        sleep(Duration::from_millis(10)).await;
    }
}
