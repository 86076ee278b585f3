//! What is told to a user whose project, key or request is not as it should be.

use std::{collections::BTreeSet, fs, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use postern_rpc::{
    connection::{AccessMode, ServingKey, SupabaseEndpoint, UpsertConnectionRequest},
    proxy::{ForwardRequest, HttpMethod},
};
use postern_testkit::{Postern, reason};
use serde_json::Value;
use tonic::Status;
use tonic_types::StatusExt;

use crate::caller::{Caller, rest, upsert};

const PUBLISHABLE: &str = "sb_publishable_aB3dE5fG7hJ9kL1mN3pQ5r_sT7uV9wX";

/// Reason and field of a refusal.
fn told(status: &Status) -> (String, String) {
    let info = status.get_details_error_info().expect("a refusal of Postern has a reason");
    (info.reason, info.metadata.get("field").cloned().unwrap_or_default())
}

fn hint(status: &Status) -> String {
    let info = status.get_details_error_info().expect("a refusal of Postern has a reason");
    info.metadata.get("hint").cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_url_that_is_no_project_is_refused_when_it_is_saved() {
    let user = Postern::shared().await.user("refusals-url");
    for (url, word) in [
        ("http://abcdefghijklmnopqrst.supabase.co", "https"),
        ("https://supabase.com/dashboard/projects", "project"),
        ("https://db.abcdefghijklmnopqrst.supabase.co", "database"),
        ("https://user:pass@abcdefghijklmnopqrst.supabase.co", "user"),
        ("postgresql://postgres@localhost/postgres", "https"),
        ("shop", "https"),
        ("", "https"),
    ] {
        let endpoint = SupabaseEndpoint { url: url.into(), ..SupabaseEndpoint::default() };
        let request =
            UpsertConnectionRequest { publishable_key: Some(PUBLISHABLE.into()), ..upsert(endpoint) };
        let status = user.upsert(request).await.unwrap_err();
        assert_eq!(told(&status), ("INVALID_FIELD".into(), "supabase.url".into()), "{url}");
        assert!(status.message().to_lowercase().contains(word), "{url}: {}", status.message());
    }
}

#[tokio::test]
async fn a_key_of_another_project_or_sort_or_one_that_has_expired_is_refused_when_it_is_saved() {
    let user = Postern::shared().await.user("refusals-key");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/supabase-keys.json");
    let cases: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let mut seen = BTreeSet::new();
    for case in cases.iter().filter(|case| case["valid"] == false && case["error"] != "EMPTY") {
        if case["error"] == "EXPIRED" && !expired_long_ago(case) {
            continue;
        }
        let input = case["input"].as_str().unwrap().to_owned();
        let field = case["field"].as_str().unwrap();
        let (publishable_key, secret_key) =
            if field == "secret" { (None, Some(input)) } else { (Some(input), None) };
        let url = case["url"].as_str().unwrap().to_owned();
        let endpoint = SupabaseEndpoint { url, ..SupabaseEndpoint::default() };
        let request = UpsertConnectionRequest { publishable_key, secret_key, ..upsert(endpoint) };
        let status = user.upsert(request).await.unwrap_err();
        assert_eq!(told(&status), ("INVALID_KEY".into(), format!("{field}_key")), "{case}: {status:?}");
        seen.insert(case["error"].as_str().unwrap().to_owned());
    }
    for error in
        ["OTHER_PROJECT", "EXPIRED", "SECRET_AS_PUBLISHABLE", "PUBLISHABLE_AS_SECRET", "ACCESS_TOKEN"]
    {
        assert!(seen.contains(error), "there is no case of {error}");
    }
}

/// Whether a case's key expired before 2002, and not at the time that the vectors take for now.
fn expired_long_ago(case: &Value) -> bool {
    let payload = case["input"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["exp"].as_f64().unwrap() <= 1e9
}

#[tokio::test]
async fn keys_are_not_kept_when_the_project_changes() {
    let caller = Caller::with_project("refusals-moved").await;
    let elsewhere = SupabaseEndpoint {
        url: "https://abcdefghijklmnopqrst.supabase.co".into(),
        ..caller.endpoint(ServingKey::Publishable)
    };
    let status = caller.user.upsert(upsert(elsewhere)).await.unwrap_err();
    assert_eq!(reason(&status), "SECRET_REQUIRED");
    assert_eq!(caller.get(&["orders"]).await.unwrap().status, 200, "nothing has changed");
}

#[tokio::test]
async fn a_revoked_key_is_named_with_where_to_get_a_new_one() {
    let caller = Caller::new("refusals-revoked").await;
    caller.save(caller.endpoint(ServingKey::Secret)).await;
    assert_eq!(caller.get(&["orders"]).await.unwrap().status, 200);
    caller.project.revoke(&caller.project.keys().secret);

    let answer = caller.get(&["orders"]).await.unwrap();
    assert_eq!(answer.status, 401);
    let hint = &answer.summary.hint;
    assert!(
        hint.contains("secret key") && hint.contains("copy a new one at the project's dashboard"),
        "{hint}"
    );

    // The key is replaced by itself, and serves the very next call.
    caller.save(caller.endpoint(ServingKey::Publishable)).await;
    assert_eq!(caller.get(&["orders"]).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_paused_project_is_told_with_what_to_do() {
    let caller = Caller::with_project("refusals-paused").await;
    caller.project.set_paused(true);
    let answer = caller.get(&["orders"]).await.unwrap();
    assert_eq!(answer.status, 540);
    assert!(answer.summary.hint.contains("paused; restore it"), "{}", answer.summary.hint);
    caller.project.set_paused(false);
    assert_eq!(caller.get(&["orders"]).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_table_without_grants_is_told_with_the_grant_to_run() {
    let caller = Caller::with_project("refusals-grant").await;
    let answer = caller.get(&["ungranted"]).await.unwrap();
    assert_eq!(answer.json()["code"], "42501");
    let hint = answer.summary.hint;
    assert!(hint.ends_with("run: GRANT SELECT ON public.ungranted TO anon;"), "{hint}");

    let (_, grant) = hint.split_once("run: ").unwrap();
    caller.project.sql(grant).await;
    assert_eq!(caller.get(&["ungranted"]).await.unwrap().status, 200, "the hint is a statement that helps");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_by_its_length() {
    let caller = Caller::with_project("refusals-large").await;
    let status = caller.invoke(&["announced", "268435457"]).await.unwrap_err();
    assert_eq!(reason(&status), "RESPONSE_TOO_LARGE");
    assert!(status.message().contains("set a limit or a range"), "{}", status.message());
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_compressed_answer_not_unpacked() {
    let caller = Caller::with_project("refusals-answers").await;
    for (function, word) in [(&["redirect"][..], "redirect"), (&["deflated", "1000000"], "compressed")] {
        caller.project.forget_requests();
        let status = caller.invoke(function).await.unwrap_err();
        assert_eq!(reason(&status), "TENANT_PROTOCOL");
        assert!(status.message().contains(word), "{}", status.message());
        assert_eq!(caller.project.requests().len(), 1, "{word}: nothing else was asked for");
    }
}

#[tokio::test]
async fn a_project_at_an_address_inside_is_not_called() {
    let caller = Caller::new("refusals-inside").await;
    for url in [
        "https://10.0.0.1",
        "https://169.254.169.254",
        "https://[::ffff:10.0.0.1]",
        "https://100.64.0.1:8443",
    ] {
        caller.save(SupabaseEndpoint { url: url.into(), ..caller.endpoint(ServingKey::Secret) }).await;
        assert_eq!(reason(&caller.get(&["orders"]).await.unwrap_err()), "ADDRESS_REFUSED", "{url}");
    }
}

#[tokio::test]
async fn what_the_connection_does_not_allow_is_refused_with_the_way_out() {
    let caller = Caller::new("refusals-settings").await;
    let endpoint = SupabaseEndpoint {
        access_mode: AccessMode::ReadOnly.into(),
        services: Vec::new(),
        ..caller.endpoint(ServingKey::Publishable)
    };
    caller.save(endpoint).await;
    let status = caller.forward(rest(HttpMethod::Post, &["rpc", "add"])).await.unwrap_err();
    assert_eq!(reason(&status), "READ_ONLY");
    assert!(hint(&status).contains("{ get: true }"), "{}", hint(&status));
    let status = caller.forward(rest(HttpMethod::Delete, &["drafts"])).await.unwrap_err();
    assert_eq!(reason(&status), "READ_ONLY");
    let status = caller.invoke(&["echo"]).await.unwrap_err();
    assert_eq!(reason(&status), "SERVICE_DISABLED");
    assert!(caller.project.requests().is_empty(), "the project was not asked");
}

#[tokio::test]
async fn a_request_whose_path_or_key_is_not_plain_never_reaches_the_project() {
    let caller = Caller::with_project("refusals-path").await;
    for segment in ["..", "", "a/b", "..%2f", "%252e%252e"] {
        let status = caller.get(&["orders", segment]).await.unwrap_err();
        assert_eq!(told(&status), ("INVALID_FIELD".into(), "path".into()), "{segment:?}");
    }
    let large =
        ForwardRequest { body: vec![b' '; 3 * 1024 * 1024 + 1], ..rest(HttpMethod::Post, &["drafts"]) };
    assert_eq!(told(&caller.forward(large).await.unwrap_err()), ("INVALID_FIELD".into(), "body".into()));
    assert!(caller.project.requests().is_empty());
}
