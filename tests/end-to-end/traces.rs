//! One trace from the caller through both services to the tenant's statement. A binary of its own: a process has one
//! place that its traces go to.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write;

use opentelemetry_proto::tonic::{
    common::v1::any_value::Value,
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use postern_rpc::proxy::QueryRequest;
use postern_testkit::{Collector, Postern, TenantServer, User};
use tonic::Request;

/// What a browser would send.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

const QUERY: &str = "postern.proxy.v1.ProxyService/Query";
const DECRYPT: &str = "postern.crypto.v1.CryptoService/Decrypt";

#[tokio::test]
async fn a_query_is_one_trace_down_to_the_statement_and_tells_nothing_of_what_it_works_on() {
    let (collector, url) = Collector::start().await;
    let postern = Postern::traced(url).await;
    let tenant = TenantServer::shared().await.database("canary-password").await;
    let user = postern.user("traces-one");
    user.save("main", tenant.dsn("canary-password")).await.unwrap();
    query(&user, "select 'canary-row' as \"canary-column\"").await.unwrap();
    query(&user, "select canary_mistake").await.unwrap_err();
    postern.stopped().await;

    let trace: Vec<_> = collector.spans().into_iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let served = named(&trace, QUERY, SpanKind::Server);
    assert_eq!(served.len(), 2, "{:?}", names(&trace));
    assert!(served.iter().all(|span| hex(&span.parent_span_id) == PARENT), "both are the browser's children");
    let first = served.iter().min_by_key(|span| span.start_time_unix_nano).unwrap();
    child(&trace, first, "look up connection", SpanKind::Client);
    let acquire = child(&trace, first, "acquire session", SpanKind::Internal);
    child(&trace, acquire, "read seals", SpanKind::Client);
    let called = child(&trace, acquire, DECRYPT, SpanKind::Client);
    let opened = child(&trace, called, DECRYPT, SpanKind::Server);
    child(&trace, acquire, "open session", SpanKind::Client);
    let statement = child(&trace, first, "statement", SpanKind::Client);
    assert_eq!(attribute(statement, "db.system.name"), "postgresql");
    assert_eq!(attribute(opened, "rpc.method"), "Decrypt");
    assert_eq!(attribute(first, "rpc.response.status_code"), "OK");
    assert!(first.start_time_unix_nano <= statement.start_time_unix_nano);
    assert!(first.end_time_unix_nano >= statement.end_time_unix_nano, "the call covers its statement");

    let second = served.iter().max_by_key(|span| span.start_time_unix_nano).unwrap();
    assert_eq!(attribute(second, "error.type"), "SQL_ERROR");
    assert_eq!(second.status.as_ref().unwrap().code(), StatusCode::Error);

    let (text, port) = (collector.text(), tenant.port().to_string());
    for canary in ["canary", user.token(), "127.0.0.1", &tenant.name, &port, "select", "traces-one"] {
        assert!(!text.contains(canary), "'{canary}' was exported");
    }
    assert!(postern.log().contains(&format!("\"trace_id\":\"{TRACE}\"")), "log lines name the trace");
}

/// A statement from within a span of the browser's.
async fn query(user: &User, sql: &str) -> Result<(), tonic::Status> {
    let message = QueryRequest { connection: "main".into(), sql: sql.into(), ..QueryRequest::default() };
    let mut request = Request::new(message);
    let traceparent = format!("00-{TRACE}-{PARENT}-01").parse().unwrap();
    request.metadata_mut().insert("traceparent", traceparent);
    let mut parts = user.proxy().query(request).await?.into_inner();
    while parts.message().await?.is_some() {}
    Ok(())
}

fn named<'a>(trace: &'a [Span], name: &str, kind: SpanKind) -> Vec<&'a Span> {
    trace.iter().filter(|span| span.name == name && span.kind() == kind).collect()
}

/// The only child of this name.
fn child<'a>(trace: &'a [Span], parent: &Span, name: &str, kind: SpanKind) -> &'a Span {
    let of_parent = |span: &&Span| span.parent_span_id == parent.span_id;
    let mut children = named(trace, name, kind).into_iter().filter(of_parent);
    let found =
        children.next().unwrap_or_else(|| panic!("no {name} below {}: {:?}", parent.name, names(trace)));
    assert!(children.next().is_none(), "more than one {name} below {}", parent.name);
    found
}

fn names(trace: &[Span]) -> Vec<(&str, String, String)> {
    trace.iter().map(|span| (span.name.as_str(), hex(&span.span_id), hex(&span.parent_span_id))).collect()
}

fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    let value = found.and_then(|found| found.value.as_ref()).and_then(|value| value.value.as_ref());
    match value {
        Some(Value::StringValue(text)) => text.clone(),
        other => panic!("{key} of {} is {other:?}", span.name),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
