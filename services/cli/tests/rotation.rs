//! Rotation from one key to the next, until the old one is destroyed.

use crate::support::{Run, Stage, postern, use_all};

#[tokio::test]
async fn a_key_is_staged_promoted_emptied_disabled_and_destroyed() {
    let stage = Stage::new().await;
    let (ada, bob) = (stage.user_with("ada", 8).await, stage.user_with("bob", 4).await);

    let staged = stage.run(&["keyring", "stage", "--json"]).succeeded().json();
    assert_eq!((&staged["key_id"], &staged["keyring"]["keys"][1]["state"]), (&2.into(), &"staged".into()));
    // An operator repeats the command if the response was lost.
    let again = stage.run(&["keyring", "stage"]).succeeded();
    assert_eq!(again.stdout, "Key 2 is staged already. Next: postern keyring promote 2 --wait\n");
    let again = stage.run(&["keyring", "stage", "--json"]).succeeded().json();
    assert_eq!((&again["key_id"], &again["keyring"]["revision"]), (&2.into(), &2.into()));
    stage.run(&["keyring", "promote", "2", "--wait"]).succeeded();

    let before = stage.rows().await;
    let plan = stage.run(&["rewrap", "--dry-run", "--json"]).succeeded().json();
    assert_eq!((&plan["primary_key_id"], &plan["to_rewrap"]), (&2.into(), &12.into()));
    assert_eq!(
        plan["keys"][0],
        serde_json::json!({ "key_id": 1, "state": "active", "seals": 12, "owners": 2 })
    );
    assert_eq!(stage.rows().await, before, "a dry run changes nothing");

    let done = stage.run(&["rewrap", "--json"]).succeeded().json();
    assert_eq!((&done["rewrapped"], &done["failed"], &done["remaining"]), (&12.into(), &0.into(), &0.into()));
    assert_eq!((stage.seals_under(1).await, stage.seals_under(2).await), (0, 12));
    let again = stage.run(&["rewrap"]).succeeded();
    assert_eq!(again.stdout, "0 seals rewrapped under key 2; 0 left under other keys.\n");

    // No seal is left, so it does not ask.
    stage.run(&["keyring", "disable", "1"]).succeeded();
    stage.run(&["keyring", "destroy", "1", "--yes"]).succeeded();
    let ring = stage.run(&["keyring", "status", "--json"]).succeeded().json();
    assert_eq!(
        (&ring["keys"][0]["state"], &ring["keys"][1]["state"]),
        (&"destroyed".into(), &"primary".into())
    );
    assert_eq!((&ring["keys"][0]["stored_seals"], &ring["keys"][1]["stored_seals"]), (&0.into(), &12.into()));
    assert_eq!((&ring["revision"], &ring["root"]), (&5.into(), &"file".into()));

    use_all(&ada, 8).await;
    use_all(&bob, 4).await;
    ada.save("c-0", "postgresql://a:b@127.0.0.1:1/c?sslmode=disable".into()).await.unwrap();
    assert_eq!(stage.seals_under(2).await, 12);
}

#[tokio::test]
async fn destroying_a_key_names_what_would_be_lost_first() {
    let stage = Stage::new().await;
    let (ada, _) = (stage.user_with("ada", 2).await, stage.user_with("bob", 1).await);
    stage.rotate();

    // Without a terminal, it cannot ask.
    stage.run(&["keyring", "disable", "1"]).refused(3, "3 seals under key 1 would no longer open.");
    stage.run(&["keyring", "disable", "1", "--yes"]).succeeded();
    let lost = "3 seals of 2 owners under key 1 would be lost.";
    stage.run(&["keyring", "destroy", "1", "--yes"]).refused(3, lost);
    stage.run(&["keyring", "destroy", "1", "--allow-loss"]).refused(3, lost);
    let status = stage.run(&["keyring", "status", "--json"]).succeeded().json();
    assert_eq!(status["keys"][0]["state"], "disabled");

    stage.run(&["keyring", "destroy", "1", "--yes", "--allow-loss"]).succeeded();
    assert_eq!(postern_testkit::reason(&ada.query("c-0", "select 1").await.unwrap_err()), "SEAL_BROKEN");
    // Rewrapping reports each lost row and moves the rest.
    ada.save("c-0", "postgresql://a:b@127.0.0.1:1/c?sslmode=disable".into()).await.unwrap();
    let plan = stage.run(&["rewrap", "--dry-run"]).succeeded().stdout;
    assert!(
        plan.ends_with("0 seals to rewrap under key 2.\n2 can't be rewrapped: key 1 is destroyed\n"),
        "{plan}"
    );
    let plan = stage.run(&["rewrap", "--dry-run", "--json"]).succeeded().json();
    assert_eq!((&plan["to_rewrap"], &plan["cannot_be_rewrapped"]), (&0.into(), &2.into()));
    let rest = stage.run(&["rewrap", "--json"]);
    assert_eq!((rest.code, &rest.json()["failed"]), (1, &2.into()), "{}", rest.stderr);
    assert!(rest.stderr.contains("2 seals could not be rewrapped and are unchanged"), "{}", rest.stderr);
    for row in rest.json()["failures"].as_array().unwrap() {
        let line = format!("SEAL_BROKEN: connection {} of owner", row["connection_id"].as_str().unwrap());
        assert!(rest.stderr.contains(&line), "{}", rest.stderr);
    }
}

#[tokio::test]
async fn without_a_database_disabling_asks_and_destroying_is_refused() {
    let stage = Stage::new().await;
    stage.rotate();
    let config = stage.postern.state().join("no-database.toml");
    let text = std::fs::read_to_string(stage.config()).unwrap();
    std::fs::write(&config, text.split("[database]").next().unwrap()).unwrap();
    let run = |arguments: &[&str]| Run::of(postern().arg("--config").arg(&config).args(arguments));

    run(&["keyring", "disable", "1"]).refused(3, "the seals under key 1 cannot be counted");
    run(&["keyring", "disable", "1", "--yes"]).succeeded();
    run(&["keyring", "destroy", "1", "--yes"]).refused(2, "rewrap_url_file");
}

#[tokio::test]
async fn a_key_that_was_disabled_too_early_comes_back() {
    let stage = Stage::new().await;
    let ada = stage.user_with("ada", 2).await;
    stage.rotate();
    stage.run(&["keyring", "disable", "1", "--yes"]).succeeded();
    assert_eq!(postern_testkit::reason(&ada.query("c-0", "select 1").await.unwrap_err()), "SEAL_BROKEN");
    stage.run(&["keyring", "destroy", "1", "--yes"]).refused(3, "Run `postern keyring enable 1`");
    let early = stage.run(&["rewrap"]);
    assert_eq!(early.code, 1, "{}", early.stderr);
    assert!(
        early.stderr.contains("Run `postern keyring enable 1`, then this command again."),
        "{}",
        early.stderr
    );

    let ring = stage.run(&["keyring", "enable", "1", "--json"]).succeeded().json();
    assert_eq!((&ring["keys"][0]["state"], &ring["revision"]), (&"active".into(), &5.into()));
    ada.query("c-0", "select 1").await.unwrap();
    assert_eq!(stage.run(&["rewrap", "--json"]).succeeded().json()["rewrapped"], 2);
    stage.run(&["keyring", "disable", "1"]).succeeded();
    use_all(&ada, 2).await;
}

#[tokio::test]
async fn the_schema_is_migrated_again_and_again() {
    let stage = Stage::new().await;
    for _ in 0..2 {
        let migrated = stage.run(&["migrate", "--json"]).succeeded().json();
        assert_eq!(migrated["schema_version"], postern_store::SCHEMA_VERSION);
    }
    // As before an upgrade that adds a role: the migrator cannot create it, and the error says how to.
    stage.as_superuser("alter role postern_rewrap rename to postern_elsewhere").await;
    stage
        .run(&["migrate"])
        .refused(3, "the role postern_rewrap is missing; run `postern migrate --create-roles`");
}
