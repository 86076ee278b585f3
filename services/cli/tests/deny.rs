//! Denials, read aloud.

use serde_json::json;

use crate::support::{Run, Stage, postern};

const CONNECTION: &str = "6f1d6c2e-4a55-4f0e-9d3a-0a4f3c2b1a00";

#[tokio::test]
async fn denials_are_added_listed_and_removed() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["deny", "list"]).succeeded().stdout, "Nothing is denied.\n");
    let user = stage.user_with("ada", 1).await;

    let by_subject = ["deny", "add", "owner", "ada", "--issuer", "postern-development", "--note", "left us"];
    let added = stage.run(&by_subject).succeeded();
    assert_eq!((added.stdout.split_at(13).0, added.stderr.as_str()), ("Denied owner ", ""));
    let refused = user.query("c-0", "select 1").await.unwrap_err();
    assert_eq!(postern_testkit::reason(&refused), "ACCESS_WITHDRAWN");
    let jti =
        ["deny", "add", "jti", "token-7", "--issuer", "https://auth.example.com", "--for", "12h", "--json"];
    let added = stage.run(&jti).succeeded().json();
    assert_eq!(added, json!({ "kind": "jti", "value": "token-7" }));
    stage.run(&["deny", "add", "connection", CONNECTION]).succeeded();
    assert_eq!(
        stage.run(&["deny", "add", "host", "DB.Example.com."]).succeeded().stdout,
        "Denied host db.example.com\n"
    );

    let listed = stage.run(&["deny", "list"]).succeeded().stdout;
    let words: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["kind", "value", "issuer", "since", "expires", "note"]);
    assert_eq!((words[1][0], &words[1][3..]), ("owner", &["never", "left", "us"][..]));
    assert_eq!(words[2][..3], ["jti", "token-7", "https://auth.example.com"]);
    assert_eq!(words[3][..2], ["connection", CONNECTION]);
    assert_eq!((words[4][0], words[4][1], words.len()), ("host", "db.example.com", 5));
    let listed = stage.run(&["deny", "list", "--json"]).succeeded().json();
    assert_eq!((&listed[0]["note"], &listed[0]["expire_time"]), (&"left us".into(), &json!(null)));
    assert_eq!(listed[1]["expire_time"].as_str().unwrap().len(), "2026-01-01T00:00:00Z".len());

    let owner = listed[0]["value"].as_str().unwrap();
    let removed = stage.run(&["deny", "remove", "owner", owner]).succeeded();
    assert_eq!(removed.stdout, format!("No longer denied: owner {owner}\n"));
    user.query("c-0", "select 1").await.unwrap();
    let again = stage.run(&["deny", "remove", "owner", owner]);
    let again = again.refused(3, &format!("the owner {owner} is not denied"));
    assert!(again.stderr.contains("`postern deny list` shows what is."), "{}", again.stderr);
}

#[test]
fn what_cannot_be_denied_is_a_wrong_command_that_says_what_to_do() {
    let deny = |arguments: &[&str]| Run::of(postern().arg("deny").args(arguments));
    deny(&["add", "user", "ada"]).refused(2, "[possible values: owner, jti, issuer, host, connection]");
    deny(&["add", "owner"]).refused(2, "<VALUE>");
    deny(&["add", "host", "h", "--for", "soon"]).refused(2, "such as 90s, 30m, 12h or 7d");
    let run = deny(&["add", "owner", "ada"]).refused(2, "an owner is a UUID");
    assert!(run.stderr.contains("add --issuer"), "{}", run.stderr);
    deny(&["add", "jti", "token-7"]).refused(2, "a jti needs --issuer");
    deny(&["add", "host", "https://x"]).refused(2, "a host is an IP address or a DNS name");
    deny(&["remove", "connection", "shop"]).refused(2, "The services log it as `connection`");
    deny(&["list"]).refused(2, "database.operator_url_file or POSTERN_OPERATOR_DATABASE_URL");
}

#[tokio::test]
async fn only_the_operators_role_may_deny() {
    let stage = Stage::new().await;
    let url = stage.postern.database_url("postern_proxy");
    let run = Run::of(stage.command(&["deny", "list"]).env("POSTERN_OPERATOR_DATABASE_URL", url));
    run.refused(3, "sign in as postern_operator");
}
