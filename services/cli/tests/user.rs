//! `postern user export` and `postern user erase`.

use postern_testkit::ISSUER;
use serde_json::{Value, json};

use crate::{
    support::{PASSWORD, Run, Stage},
    terminal::at_terminal,
};

/// The owner in a user's own export.
async fn owner_of(user: &postern_testkit::User) -> String {
    let document: Value = serde_json::from_str(&user.export_data().await.unwrap()).unwrap();
    document["owner"].as_str().unwrap().to_owned()
}

/// A document without the time at which it was made.
fn timeless(mut document: Value) -> Value {
    document["exported_at"].take();
    document
}

#[tokio::test]
async fn an_operator_exports_what_the_user_would() {
    let stage = Stage::new().await;
    let (ada, _bob) = (stage.user_with("ada", 2).await, stage.user_with("bob", 1).await);
    let own: Value = serde_json::from_str(&ada.export_data().await.unwrap()).unwrap();
    let owner = owner_of(&ada).await;

    let by_owner = stage.run(&["user", "export", &owner]).succeeded();
    assert_eq!(by_owner.stderr, "");
    assert!(!by_owner.stdout.contains(PASSWORD));
    assert_eq!(timeless(by_owner.json()), timeless(own));
    let by_subject = stage.run(&["user", "export", "--issuer", ISSUER, "--subject", "ada"]).succeeded();
    assert_eq!(timeless(by_subject.json()), timeless(by_owner.json()));

    stage.rotate();
    stage.run(&["rewrap"]).succeeded();
    let rewrapped = stage.run(&["user", "export", &owner]).succeeded().json();
    assert_eq!(rewrapped["connections"][1]["secrets"][0]["key_id"], 2);
}

#[tokio::test]
async fn an_operator_erases_one_owner_after_a_yes() {
    let stage = Stage::new().await;
    let (ada, bob) = (stage.user_with("ada", 2).await, stage.user_with("bob", 1).await);
    let owner = owner_of(&ada).await;
    let before = stage.rows().await;
    let erase = ["user", "erase", owner.as_str()];

    stage.run(&erase).refused(3, "stdin is not a terminal; pass --yes to confirm.");
    let refused = at_terminal(stage.command(&erase), "no\n");
    assert_eq!((refused.code, refused.stdout.as_str()), (3, ""), "{}", refused.screen);
    let asked = format!("Owner {owner} has 2 rows in connections, 2 rows in secrets.");
    assert!(refused.screen.contains(&asked), "{}", refused.screen);
    assert!(refused.screen.contains("Backups of the database keep it"), "{}", refused.screen);
    assert_eq!(stage.rows().await, before);

    let erased = at_terminal(stage.command(&erase), "yes\n");
    assert_eq!(erased.code, 0, "{}", erased.screen);
    assert!(erased.stdout.starts_with(&format!("Everything about owner {owner} is erased.")));
    let lines: Vec<Vec<&str>> = erased.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[2], ["table", "rows", "before", "rows", "after"]);
    assert_eq!((&lines[3], &lines[4]), (&vec!["connections", "2", "0"], &vec!["secrets", "2", "0"]));
    assert_eq!(lines.last().unwrap(), &["connections:", "c-0,", "c-1"]);
    assert_eq!(stage.rows().await.len(), 1);
    crate::support::use_all(&bob, 1).await;

    // Nothing is left to ask about.
    let again = stage.run(&erase).succeeded();
    assert_eq!(again.stdout, format!("Nothing is stored about owner {owner}.\n"));
    let empty = stage.run(&["user", "export", &owner]).succeeded();
    assert_eq!(empty.json()["connections"], json!([]));
    assert!(empty.stderr.contains("nothing is stored about owner"), "{}", empty.stderr);
}

#[tokio::test]
async fn the_result_of_an_erasure_is_also_json() {
    let stage = Stage::new().await;
    let owner = owner_of(&stage.user_with("ada", 1).await).await;
    let erased =
        stage.run(&["user", "erase", "--issuer", ISSUER, "--subject", "ada", "--yes", "--json"]).succeeded();
    let expected = json!({
        "owner": owner,
        "tables": [
            { "table": "connections", "rows_before": 1, "rows_after": 0 },
            { "table": "secrets", "rows_before": 1, "rows_after": 0 },
        ],
        "connections": ["c-0"],
    });
    assert_eq!(erased.json(), expected);
}

#[tokio::test]
async fn whose_data_it_is_has_to_be_said_in_one_way() {
    let stage = Stage::new().await;
    let owner = "6f1d6c2e-4a55-4f0e-9d3a-0a4f3c2b1a00";
    for arguments in [
        &["user", "export"][..],
        &["user", "export", "ada"],
        &["user", "export", owner, "--issuer", "i", "--subject", "s"],
        &["user", "erase", "--yes", "--subject", "s"],
        &["user", "erase", "--yes", "--issuer", "i"],
        &["user", "export", "--issuer", "i", "--subject", ""],
    ] {
        let run = stage.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}: {}", run.stderr);
    }
    // A Supabase user's subject, for example.
    let uuid = stage.run(&["user", "export", "--issuer", "i", "--subject", owner]).succeeded();
    assert!(uuid.stderr.contains("pass it as OWNER"), "{}", uuid.stderr);
}

#[tokio::test]
async fn another_role_is_refused() {
    let stage = Stage::new().await;
    let owner = owner_of(&stage.user_with("ada", 1).await).await;
    let before = stage.rows().await;
    for role in ["postern_proxy", "postern_rewrap", "postern_migrator"] {
        let url = stage.postern.database_url(role);
        let mut erase = stage.command(&["user", "erase", &owner, "--yes"]);
        Run::of(erase.env("POSTERN_CONNECTION_DATABASE_URL", url)).refused(3, "postern_connection");
    }
    assert_eq!(stage.rows().await, before);
}
