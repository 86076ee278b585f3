//! Without Postern: the table does what its names say, and gives the same twice. What goes through Postern is compared
//! with this.

use std::collections::BTreeSet;

use http::HeaderName;
use postern_testkit::{Outcome, SupabaseProject, TenantServer};
use serde_json::{Value, json};

use crate::driver::{ALL, Driver, Run, Way, assert_same};

/// Every header that supabase-js 2 sends, or Node.js' `fetch` for it.
const SENT: [&str; 20] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "accept-profile",
    "apikey",
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "content-profile",
    "content-type",
    "host",
    "prefer",
    "sec-fetch-mode",
    "user-agent",
    "x-client-info",
    "x-supabase-api-version",
    "x-metadata",
    "x-region",
    "x-upsert",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_gives_the_same_twice_with_either_key() {
    let project = SupabaseProject::start(TenantServer::shared().await).await;
    let driver = tokio::task::spawn_blocking(Driver::new).await.unwrap();
    let keys = project.keys().clone();

    let publishable = twice(&driver, &project, &keys.publishable).await;
    assert_common(&publishable);
    assert_publishable(&publishable);
    assert_requests(&project);

    let secret = twice(&driver, &project, &keys.secret).await;
    assert_common(&secret);
    assert_secret(&secret);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_legacy_key_gives_what_its_successor_gives() {
    let project = SupabaseProject::start(TenantServer::shared().await).await;
    let driver = tokio::task::spawn_blocking(Driver::new).await.unwrap();
    let keys = project.keys().clone();
    for (legacy, successor) in [(&keys.anon, &keys.publishable), (&keys.service_role, &keys.secret)] {
        let with_successor = once(&driver, &project, successor).await;
        assert_same(&with_successor, &once(&driver, &project, legacy).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_treats_keys_as_supabase_does() {
    let project = SupabaseProject::start(TenantServer::shared().await).await;
    let driver = tokio::task::spawn_blocking(Driver::new).await.unwrap();
    let keys = project.keys().clone();
    let expected = [
        (&keys.publishable, 200, "\"anon\""),
        (&keys.secret, 401, "\"service_role\""),
        (&keys.anon, 200, "\"anon\""),
        // Without its token, a legacy key says nothing to PostgREST.
        (&keys.service_role, 200, "\"anon\""),
    ];
    for (key, from_browser, role) in expected {
        let run = run(&driver, &project, key, "keys").await;
        for (name, message) in REFUSED {
            let answer: Value = serde_json::from_str(body(&run, name)).unwrap();
            assert_eq!((status(&run, name), &answer["message"]), (401, &json!(message)), "{name}");
        }
        assert_eq!(status(&run, "the key of this project"), 200);
        assert_eq!(status(&run, "from a browser"), from_browser);
        assert_eq!(body(&run, "role by the key alone"), role);
    }
}

/// Who is refused, whatever the project's own key is.
const REFUSED: [(&str, &str); 4] = [
    ("no key", "No API key found in request"),
    ("an unknown key", "Unregistered API key"),
    ("something else", "Invalid API key"),
    ("another key as a token", "Unregistered API key"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_and_a_paused_project_are_refused() {
    let project = SupabaseProject::start(TenantServer::shared().await).await;
    let driver = tokio::task::spawn_blocking(Driver::new).await.unwrap();
    let keys = project.keys().clone();
    let status_of = async |key: &str| status(&run(&driver, &project, key, "ping").await, "ping");
    project.revoke(&keys.secret);
    assert_eq!((status_of(&keys.secret).await, status_of(&keys.publishable).await), (401, 200));
    project.set_paused(true);
    assert_eq!(status_of(&keys.publishable).await, 540);
    project.set_paused(false);
    assert_eq!(status_of(&keys.publishable).await, 200);
}

async fn twice(driver: &Driver, project: &SupabaseProject, key: &str) -> Run {
    let first = once(driver, project, key).await;
    assert_same(&first, &once(driver, project, key).await);
    first
}

async fn once(driver: &Driver, project: &SupabaseProject, key: &str) -> Run {
    project.reset().await;
    project.forget_requests();
    run(driver, project, key, ALL).await
}

async fn run(driver: &Driver, project: &SupabaseProject, key: &str, groups: &str) -> Run {
    let (url, ca) = (project.url(), project.ca_file());
    driver.run(&Way { url, key, ca, groups, fetch: None }).await
}

/// What both keys get.
fn assert_common(run: &Run) {
    assert_selects(run);
    assert_ranges(run);
    assert_writes(run);
    assert_functions(run);
    assert_errors(run);
    assert_services(run);
}

fn assert_selects(run: &Run) {
    assert_eq!(data(run, "embed one")[0], json!({ "id": 10, "customer": { "name": "Ada" } }));
    assert_eq!(data(run, "embed many")[0]["orders"].as_array().unwrap().len(), 2);
    assert_eq!(data(run, "embed nested")[0]["orders"][0]["items"].as_array().unwrap().len(), 2);
    assert_eq!(data(run, "embed inner"), &json!([{ "id": 10, "items": [{ "product": "Oil" }] }]));
    assert_eq!(data(run, "embed ordered and limited")[0]["orders"], json!([{ "id": 11 }]));
    assert_eq!(data(run, "json path")[0]["card"], "Hello");
    assert_eq!(data(run, "encoded names"), &json!([{ "the text": "encoded" }]));
    assert_eq!(header(run, "csv", "content-type"), "text/csv; charset=utf-8");
    assert!(data(run, "csv").as_str().unwrap().starts_with("id,total,note\n10,12.50,\n"));
    assert_eq!(data(run, "large").as_array().unwrap().len(), 1000, "no more at once");
    for (name, ids) in FILTERED {
        let found: Vec<_> =
            data(run, name).as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert_eq!(&found, ids, "{name}");
    }
}

/// The ids that each filter lets through.
const FILTERED: &[(&str, &[i64])] = &[
    ("eq", &[10, 13]),
    ("neq", &[11, 12]),
    ("gt and lte", &[10, 11]),
    ("like", &[1]),
    ("ilike", &[3]),
    ("is null", &[3]),
    ("in", &[10, 12, 13]),
    ("in with reserved characters", &[1, 2]),
    ("contains", &[10, 12]),
    ("contained by", &[10, 11, 12]),
    ("overlaps", &[10, 13]),
    ("json contains", &[11]),
    ("json arrow", &[10]),
    ("text search", &[2]),
    ("text search, web style", &[1]),
    ("or", &[11, 12]),
    ("not", &[12]),
    ("match", &[10]),
    ("filter", &[12, 13]),
    ("special characters", &[11]),
    ("slashes", &[12]),
    ("order, descending", &[13, 11, 10, 12]),
    ("limit", &[1, 2, 3]),
    ("range", &[11, 12, 13]),
    ("range with exact count", &[11, 12, 13]),
];

fn assert_ranges(run: &Run) {
    assert_eq!(header(run, "range with exact count", "content-range"), "10-12/2500");
    assert_eq!(header(run, "planned count", "content-range"), "0-1/2500");
    assert_eq!((&result(run, "head")["count"], data(run, "head")), (&json!(2500), &Value::Null));
    assert_eq!(result(run, "head with a filter")["count"], 833);
    assert_eq!(run["head"]["answers"][0]["method"], "HEAD");
    assert_eq!(status(run, "range beyond the end"), 416);
    assert_eq!(data(run, "single hit"), &json!({ "id": 10, "total": 12.50 }));
    assert_eq!((status(run, "single none"), status(run, "single many")), (406, 406));
    assert_eq!(data(run, "maybeSingle hit"), &json!({ "id": 10 }));
    assert_eq!(
        (data(run, "maybeSingle none"), &result(run, "maybeSingle none")["error"]),
        (&Value::Null, &Value::Null)
    );
    assert_ne!(result(run, "maybeSingle many")["error"], Value::Null);
}

fn assert_writes(run: &Run) {
    assert_eq!((status(run, "insert minimal"), body(run, "insert minimal")), (201, ""));
    assert_eq!(data(run, "insert representation")[0]["stars"], 4);
    assert_eq!(header(run, "insert counted", "content-range"), "*/1");
    assert_eq!(data(run, "bulk insert").as_array().unwrap().len(), 2);
    assert_eq!(data(run, "bulk insert, missing as default")[1], json!({ "title": "D", "body": "empty" }));
    assert_eq!(
        header(run, "bulk insert, missing as default", "preference-applied"),
        "missing=default, return=representation"
    );
    assert_eq!(data(run, "upsert merge")[0]["title"], "First again");
    assert_eq!(data(run, "upsert ignore"), &json!([]));
    assert_eq!(data(run, "upsert on a column"), &json!([{ "title": "Second", "stars": 5 }]));
    assert_eq!((status(run, "update"), body(run, "update")), (204, ""));
    assert_eq!(data(run, "update representation"), &json!([{ "title": "Third", "body": "ünï" }]));
    assert_eq!(data(run, "update nothing"), &json!([]));
    assert_eq!(result(run, "update counted")["count"], 2);
    assert_eq!(status(run, "delete"), 204);
    assert_eq!(data(run, "delete representation"), &json!([{ "title": "B" }]));
    assert_eq!(data(run, "drafts in the end").as_array().unwrap().len(), 9);
    assert!(header(run, "insert with headers only", "location").starts_with("/drafts?id=eq."));
}

fn assert_functions(run: &Run) {
    assert_eq!((data(run, "rpc scalar"), data(run, "rpc by GET")), (&json!(5), &json!(5)));
    assert_eq!(data(run, "rpc by GET with an array"), 6);
    assert_eq!(result(run, "rpc by HEAD")["count"], 2);
    assert_eq!(data(run, "rpc table").as_array().unwrap().len(), 2);
    assert_eq!(data(run, "rpc table, filtered"), &json!([{ "id": 10, "status": "open" }]));
    assert_eq!(data(run, "rpc row"), &json!({ "id": 13 }));
    assert_eq!((status(run, "rpc void"), body(run, "rpc void")), (204, ""));
    assert_eq!(data(run, "rpc that writes")[0]["title"], "Renamed");
    assert_ne!(result(run, "rpc that writes, by GET")["error"], Value::Null);
    assert_eq!(error(run, "rpc that fails", "code"), "P0001");
    assert_eq!(error(run, "rpc that fails", "hint"), "Order more.");
    assert_eq!(status(run, "rpc that does not exist"), 404);
    assert_eq!(header(run, "custom schema", "content-profile"), "warehouse");
    assert_eq!(data(run, "custom schema"), &json!([{ "id": 1, "name": "bolt" }, { "id": 2, "name": "nut" }]));
    assert_eq!(header(run, "custom schema, write", "content-profile"), "warehouse");
    assert_eq!(status(run, "custom schema, delete"), 204);
    assert_eq!(status(run, "schema that is not exposed"), 406);
}

fn assert_errors(run: &Run) {
    assert_eq!(status(run, "unknown table"), 404);
    assert_eq!(error(run, "unknown column", "code"), "42703");
    assert_eq!(error(run, "unknown embedding", "code"), "PGRST200");
    assert_eq!(status(run, "bad filter"), 400);
    assert_eq!(error(run, "bad value", "code"), "22P02");
    assert_eq!((status(run, "unique violation"), error(run, "unique violation", "code")), (409, "23505"));
    assert_eq!(error(run, "check violation", "code"), "23514");
    assert_eq!(error(run, "not null violation", "code"), "23502");
    assert_eq!(error(run, "permission denied", "code"), "42501");
    assert_eq!(error(run, "write without a grant", "code"), "42501");
    assert_eq!(result(run, "thrown error")["threw"]["name"], "PostgrestError");
    for aborted in ["abort beforehand", "abort"] {
        assert_eq!(run[aborted]["answers"], json!([]), "{aborted}: nothing arrived");
        assert!(error(run, aborted, "message").contains("AbortError"), "{aborted}: {}", run[aborted]);
    }
}

fn assert_services(run: &Run) {
    assert_eq!(result(run, "upload again")["error"]["message"], "The resource already exists");
    assert_eq!(header(run, "download", "content-type"), "image/png");
    assert_eq!(body(run, "download"), "AP+A", "the bytes 0, 255, 128");
    assert_eq!(data(run, "list objects")[0]["metadata"]["size"], 3);
    assert_eq!(data(run, "remove")[0]["name"], "notes/a b.txt");
    assert_eq!(data(run, "invoke with JSON")["body"], r#"{"a":[1,"ü"]}"#);
    assert_eq!(data(run, "invoke with bytes")["bytes"], 3);
    assert_eq!(data(run, "invoke with a form")["content_type"], "multipart/form-data");
    assert_eq!(data(run, "invoke by GET")["query"], "a=1&b=x%20y");
    assert_eq!(data(run, "invoke by DELETE")["method"], "DELETE");
    assert_eq!((status(run, "invoke a failing one"), status(run, "invoke a busy one")), (500, 429));
    assert_eq!(header(run, "invoke a busy one", "retry-after"), "2");
    assert_eq!(result(run, "invoke a large answer")["size"], 300_000);
    assert_eq!(run["abort an invocation"]["answers"], json!([]));
    assert_eq!(result(run, "sign in and see own rows")["own"]["data"], json!([{ "id": 1 }]));
}

/// What only those get whom row level security holds.
fn assert_publishable(run: &Run) {
    assert_eq!(data(run, "rpc without arguments"), "anon");
    assert_eq!(data(run, "select all").as_array().unwrap().len(), 3);
    assert_eq!(data(run, "row level security on read"), &json!([]));
    assert_eq!(error(run, "row level security on write", "code"), "42501");
    assert_eq!(result(run, "schema of the API"), 401);
}

fn assert_secret(run: &Run) {
    assert_eq!(data(run, "rpc without arguments"), "service_role");
    assert_eq!(data(run, "select all").as_array().unwrap().len(), 4);
    assert_eq!(data(run, "row level security on read").as_array().unwrap().len(), 2);
    assert_eq!(status(run, "row level security on write"), 201);
    assert_eq!(result(run, "schema of the API"), 200);
}

/// What the gateway saw of the last run.
fn assert_requests(project: &SupabaseProject) {
    let requests = project.requests();
    let sent: BTreeSet<_> =
        requests.iter().flat_map(|request| request.headers.keys().map(HeaderName::as_str)).collect();
    let unknown: Vec<_> = sent.iter().filter(|name| !SENT.contains(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let abandoned: Vec<_> =
        requests.iter().filter(|r| r.outcome == Outcome::Abandoned).map(|r| r.path.as_str()).collect();
    assert_eq!(abandoned, ["/rest/v1/rpc/slow", "/functions/v1/hang"]);
}

fn result<'a>(run: &'a Run, name: &str) -> &'a Value {
    &run.get(name).unwrap_or_else(|| panic!("there is no call {name:?}"))["result"]
}

fn data<'a>(run: &'a Run, name: &str) -> &'a Value {
    &result(run, name)["data"]
}

fn error<'a>(run: &'a Run, name: &str, field: &str) -> &'a str {
    let error = &result(run, name)["error"];
    error[field].as_str().unwrap_or_else(|| panic!("{name}: {}", run[name]))
}

/// Of the last answer.
fn answer<'a>(run: &'a Run, name: &str) -> &'a Value {
    result(run, name);
    run[name]["answers"].as_array().unwrap().last().unwrap_or_else(|| panic!("{name}: {}", run[name]))
}

fn status(run: &Run, name: &str) -> u64 {
    answer(run, name)["status"].as_u64().unwrap()
}

fn body<'a>(run: &'a Run, name: &str) -> &'a str {
    answer(run, name)["body"].as_str().unwrap()
}

fn header<'a>(run: &'a Run, name: &str, header: &str) -> &'a str {
    answer(run, name)["headers"][header].as_str().unwrap_or_else(|| panic!("{name}: {}", run[name]))
}
