//! What reaches the project, and what does not.

use postern_domain::{
    AccessMode, Secret,
    supabase::{SchemaName, Services},
};
use postern_tenant::{
    Session,
    supabase::{InvalidRequest, Method, REQUEST_BODY_BYTES, Request, Service, SupabaseError},
};

use crate::support::{ANON, PUBLISHABLE, Project, SECRET, bounds, connect, exchange, for_users};

const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn get() -> Request {
    Request::new(Method::Get, Service::Rest, ["orders"])
}

/// The head of a request as the project reads it.
async fn sent(project: &Project, key: &str, request: &Request) -> String {
    let (mut connection, mut peer) = project.open(key).await;
    let bounds = bounds();
    let (response, head) = tokio::join!(connection.send(request, &bounds), peer.answer(EMPTY));
    response.unwrap();
    head
}

/// Why a request is not sent. Nothing may have reached the project, and the connection stays usable.
async fn refused(project: &Project, request: &Request) -> InvalidRequest {
    let (mut connection, mut peer) = project.open(SECRET).await;
    let Err(SupabaseError::Request(refusal)) = connection.send(request, &bounds()).await.map(drop) else {
        panic!("the request is sent");
    };
    assert!(connection.is_reusable() && connection.is_quiet());
    if !project.endpoint.pass_user_token {
        let next = exchange(&mut connection, &mut peer, &get(), EMPTY).await.unwrap();
        assert_eq!(next.0, 200);
    }
    refusal
}

fn with_header(name: &str, value: &str) -> Request {
    let mut request = get();
    request.headers.push((name.into(), value.into()));
    request
}

#[tokio::test]
async fn a_request_is_what_was_asked_with_the_keys_headers_and_ours() {
    let project = Project::start().await;
    let mut request = get();
    request.query = vec![("select".into(), "id,total".into()), ("total".into(), "gt.5".into())];
    request.headers = vec![("Prefer".into(), "count=exact".into()), ("Range".into(), "0-9".into())];
    let head = sent(&project, PUBLISHABLE, &request).await;
    let mut lines: Vec<_> = head.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), "GET /rest/v1/orders?select=id%2Ctotal&total=gt.5 HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: {}", project.endpoint.url.authority());
    let agent = format!("user-agent: postern/{}", env!("CARGO_PKG_VERSION"));
    let apikey = format!("apikey: {PUBLISHABLE}");
    let expected = ["accept-encoding: identity", &apikey, &host, "prefer: count=exact", "range: 0-9", &agent];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn only_a_jwt_key_is_sent_as_a_bearer_token() {
    let project = Project::start().await;
    assert!(!sent(&project, SECRET, &get()).await.contains("authorization"));
    let head = sent(&project, ANON, &get()).await;
    assert!(head.contains(&format!("apikey: {ANON}\r\n")), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {ANON}\r\n")), "{head}");
}

#[tokio::test]
async fn the_callers_key_user_agent_and_host_are_not_sent() {
    let project = Project::start().await;
    let mut request = get();
    for (name, value) in [
        ("apikey", "stolen"),
        ("ApiKey", "stolen"),
        ("Authorization", "Bearer stolen"),
        ("User-Agent", "stolen"),
        ("Host", "stolen"),
        ("Accept-Encoding", "stolen"),
        ("Cookie", "stolen"),
        ("Transfer-Encoding", "stolen"),
        ("Content-Length", "7"),
    ] {
        request.headers.push((name.into(), value.into()));
    }
    request.user_token = Some(Secret::from_text("stolen.stolen.stolen".into()));
    let head = sent(&project, ANON, &request).await;
    assert!(!head.contains("stolen") && !head.contains("content-length: 7"), "{head}");
}

#[tokio::test]
async fn a_body_is_sent_with_its_length() {
    let project = Project::start().await;
    let mut request = Request::new(Method::Post, Service::Rest, ["orders"]);
    request.headers.push(("Content-Type".into(), "application/json".into()));
    request.body = "{\"a\":1}".into();
    let head = sent(&project, PUBLISHABLE, &request).await;
    assert!(head.starts_with("POST /rest/v1/orders HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-length: 7\r\n") && !head.contains("transfer-encoding"), "{head}");
}

#[tokio::test]
async fn the_connections_schema_applies_where_the_caller_names_none() {
    let mut project = Project::start().await;
    assert!(!sent(&project, PUBLISHABLE, &get()).await.contains("profile"));
    project.endpoint.schema = SchemaName::parse("api").unwrap();
    assert!(sent(&project, PUBLISHABLE, &get()).await.contains("accept-profile: api\r\n"));
    let post = Request::new(Method::Post, Service::Rest, ["orders"]);
    let head = sent(&project, PUBLISHABLE, &post).await;
    assert!(head.contains("content-profile: api\r\n") && !head.contains("accept-profile"), "{head}");
    let head = sent(&project, PUBLISHABLE, &with_header("Accept-Profile", "other")).await;
    assert!(head.contains("accept-profile: other\r\n") && !head.contains("api\r\n"), "{head}");
}

#[tokio::test]
async fn a_users_token_takes_the_keys_place_where_the_connection_passes_it_on() {
    let mut project = Project::start().await;
    project.endpoint = for_users(&project.endpoint);
    let mut request = get();
    request.user_token = Some(Secret::from_text("a.b.c".into()));
    let head = sent(&project, SECRET, &request).await;
    assert!(head.contains("authorization: Bearer a.b.c\r\n"), "{head}");
    assert!(head.contains(&format!("apikey: {SECRET}\r\n")), "{head}");
}

#[tokio::test]
async fn without_a_user_the_secret_key_does_not_take_the_users_place() {
    let mut project = Project::start().await;
    project.endpoint = for_users(&project.endpoint);
    assert_eq!(refused(&project, &get()).await, InvalidRequest::UserTokenMissing);
    for token in ["a.b", "a.b.c.d", "a..c", "a.b.c\r\nx: y", SECRET, "", &format!("a.b.{}", "c".repeat(9000))]
    {
        let mut request = get();
        request.user_token = Some(Secret::from_text(token.into()));
        assert_eq!(refused(&project, &request).await, InvalidRequest::UserToken, "{token:?}");
    }
}

#[tokio::test]
async fn a_read_only_connection_sends_get_and_head_only() {
    let mut project = Project::start().await;
    project.endpoint.access_mode = AccessMode::ReadOnly;
    for method in Method::ALL {
        let request = Request::new(method, Service::Rest, ["orders"]);
        if matches!(method, Method::Get | Method::Head) {
            let head = sent(&project, PUBLISHABLE, &request).await;
            assert!(head.starts_with(method.as_str()), "{head}");
        } else {
            assert_eq!(
                refused(&project, &request).await,
                InvalidRequest::ReadOnly { rpc: false },
                "{method:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_read_only_rpc_by_post_is_refused_with_the_way_to_call_it_by_get() {
    let mut project = Project::start().await;
    project.endpoint.access_mode = AccessMode::ReadOnly;
    let request = Request::new(Method::Post, Service::Rest, ["rpc", "total"]);
    let refusal = refused(&project, &request).await;
    assert_eq!(refusal, InvalidRequest::ReadOnly { rpc: true });
    assert!(SupabaseError::from(refusal).hint().unwrap().contains("{ get: true }"));
    sent(&project, PUBLISHABLE, &Request::new(Method::Get, Service::Rest, ["rpc", "total"])).await;
}

#[tokio::test]
async fn a_service_that_is_not_switched_on_is_refused() {
    let mut project = Project::start().await;
    for service in [Service::Storage, Service::Functions, Service::Auth] {
        let request = Request::new(Method::Get, service, ["x"]);
        assert_eq!(refused(&project, &request).await, InvalidRequest::ServiceOff(service));
    }
    project.endpoint.services = Services { storage: true, functions: true, auth: true };
    for service in Service::ALL {
        let head = sent(&project, PUBLISHABLE, &Request::new(Method::Get, service, ["x"])).await;
        assert!(head.starts_with(&format!("GET {}/x HTTP/1.1\r\n", service.prefix())), "{head}");
    }
}

#[tokio::test]
async fn a_request_that_could_become_another_one_is_not_sent() {
    let project = Project::start().await;
    for segment in ["..", "", "a/../../auth/v1/admin", "..%2f", "%252e%252e", "x HTTP/1.1\r\nhost: evil"] {
        let request = Request::new(Method::Get, Service::Rest, ["orders", segment]);
        assert_eq!(refused(&project, &request).await, InvalidRequest::Segment, "{segment:?}");
    }
    let smuggled = with_header("Prefer", "a\r\ntransfer-encoding: chunked");
    assert_eq!(refused(&project, &smuggled).await, InvalidRequest::Header("prefer"));
    let mut keyed = get();
    keyed.query.push(("apikey".into(), "x".into()));
    assert_eq!(refused(&project, &keyed).await, InvalidRequest::KeyInQuery);
}

#[tokio::test]
async fn a_line_break_in_the_query_stays_in_the_query() {
    let project = Project::start().await;
    let mut request = get();
    request.query.push(("a".into(), "x HTTP/1.1\r\nhost: evil\r\n\r\nGET /".into()));
    let head = sent(&project, PUBLISHABLE, &request).await;
    assert_eq!(head.matches("\r\nhost: ").count(), 1, "{head}");
    assert!(head.starts_with("GET /rest/v1/orders?a=x%20HTTP%2F1.1%0D%0Ahost%3A%20evil"), "{head}");
}

#[tokio::test]
async fn bodies_are_bounded_and_reads_have_none() {
    let project = Project::start().await;
    let mut request = Request::new(Method::Post, Service::Rest, ["orders"]);
    request.body = vec![b'x'; REQUEST_BODY_BYTES + 1].into();
    assert_eq!(refused(&project, &request).await, InvalidRequest::BodyTooLarge);
    let mut request = get();
    request.body = "x".into();
    assert_eq!(refused(&project, &request).await, InvalidRequest::BodyNotAllowed);
}

#[tokio::test]
async fn the_project_never_sees_the_key_before_its_certificate_holds() {
    let project = Project::start().await;
    let other = Project::start().await;
    let mut endpoint = project.endpoint.clone();
    endpoint.ca = other.endpoint.ca.clone();
    let (connection, accepted) = tokio::join!(connect(&endpoint, SECRET), project.accept());
    let failure = connection.err().unwrap();
    assert_eq!(failure, SupabaseError::Tls(postern_egress::tls::TlsError::UnknownIssuer));
    assert!(accepted.is_err());
}
