//! Refusals and their exit codes.

use std::fs;

use crate::support::{Run, Stage, changed, postern};

#[test]
fn a_configuration_that_is_missing_or_mistyped_is_a_wrong_command() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("postern.toml");
    let status = || {
        let mut command = postern();
        command.args(["keyring", "status"]);
        command
    };
    Run::of(&mut status()).refused(2, "POSTERN_CONFIG");
    Run::of(status().arg("--config").arg(&config)).refused(2, "postern.toml");
    fs::write(&config, "[cripto]\n").unwrap();
    Run::of(status().env("POSTERN_CONFIG", &config)).refused(2, "line 1: cripto: unknown field `cripto`");
    for key in ["migrator_url", "migrator_url_file"] {
        fs::write(&config, format!("[database]\n{key} = 'postgres://postern_migrator:canary@db/app'\n"))
            .unwrap();
        for command in ["migrate", "doctor"] {
            let run = Run::of(postern().arg(command).arg("--config").arg(&config));
            let said = run.stdout + &run.stderr;
            assert!(run.code != 0 && said.contains("line 2"), "{said}");
            assert!(!said.contains("canary"), "{said}");
        }
    }
    fs::write(&config, "").unwrap();
    Run::of(postern().arg("migrate").arg("--config").arg(&config)).refused(2, "migrator_url_file");
}

#[tokio::test]
async fn only_an_operators_certificate_tends_the_ring_and_rewraps() {
    let stage = Stage::new().await;
    stage.user_with("ada", 1).await;
    stage.rotate();
    let config = stage.postern.state().join("as-proxy.toml");
    stage.postern.certificate("proxy-service");
    changed(&stage.config(), "operator.", "proxy-service.", &config);
    let before = stage.rows().await;
    for arguments in [
        &["keyring", "status"][..],
        &["keyring", "stage"],
        &["keyring", "promote", "2", "--wait"],
        &["keyring", "disable", "1", "--yes"],
        &["keyring", "enable", "1"],
        &["keyring", "destroy", "1", "--yes", "--allow-loss"],
        &["rewrap"],
        &["rewrap", "--dry-run"],
    ] {
        Run::of(postern().args(arguments).arg("--config").arg(&config)).refused(3, "operator");
    }
    assert_eq!(stage.rows().await, before);
}

#[tokio::test]
async fn an_unavailable_service_is_not_a_refusal() {
    let stage = Stage::new().await;
    let config = stage.postern.state().join("nowhere.toml");
    changed(&stage.config(), stage.postern.crypto_url(), "https://127.0.0.1:1", &config);
    let status = Run::of(postern().args(["keyring", "status"]).arg("--config").arg(&config));
    status.refused(4, "crypto-service does not answer");

    let before = stage.rows().await;
    for arguments in [&["rewrap"][..], &["rewrap", "--dry-run"], &["keyring", "promote", "1", "--wait"]] {
        let run = Run::of(postern().args(arguments).arg("--config").arg(&config));
        run.refused(4, "crypto-service does not answer");
    }
    assert_eq!(stage.rows().await, before);

    let rewrap = |url: &str| Run::of(stage.command(&["rewrap"]).env("POSTERN_REWRAP_DATABASE_URL", url));
    rewrap("postgres://postern_rewrap:secret-word@127.0.0.1:1/postern")
        .refused(4, "the control database cannot be reached: 127.0.0.1:1 refused the connection");
    rewrap("postgres://postern_rewrap:secret-word@127.0.0.1:1/postern")
        .refused(4, "(URL from POSTERN_REWRAP_DATABASE_URL)");
    // Any other role is refused, even a superuser.
    rewrap(&stage.postern.superuser_url()).refused(3, "postern_rewrap");
    rewrap(&stage.postern.database_url("postern_proxy")).refused(3, "postern_rewrap");
    let malformed = rewrap("postgres//secret-word")
        .refused(2, "not a PostgreSQL URL: it does not start with postgresql://");
    assert!(!malformed.stderr.contains("secret-word"), "{}", malformed.stderr);
}

#[tokio::test]
async fn changes_that_do_not_fit_the_keys_state_are_refused() {
    let stage = Stage::new().await;
    for arguments in [
        &["keyring", "promote", "1"][..],
        &["keyring", "promote", "7"],
        &["keyring", "promote", "7", "--wait"],
        &["keyring", "disable", "1"],
        &["keyring", "enable", "1"],
        &["keyring", "enable", "7"],
        &["keyring", "destroy", "1", "--yes"],
        // Refused in any case, so it does not ask.
        &["keyring", "destroy", "1"],
        &["keyring", "destroy", "7"],
    ] {
        let run = stage.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("key"), "{}", run.stderr);
        assert!(!run.stderr.contains("--yes"), "{arguments:?}: {}", run.stderr);
    }
    let ring = stage.run(&["keyring", "status", "--json"]).succeeded().json();
    assert_eq!((&ring["revision"], &ring["keys"].as_array().unwrap().len()), (&1.into(), &1));
}

/// The wait is longer than the deadline of calls between services, so the error comes from crypto-service.
#[tokio::test]
async fn a_change_that_waits_for_another_in_vain_says_so() {
    let stage = Stage::new().await;
    let lock = fs::File::create(stage.postern.state().join("keys/keyring.json.lock")).unwrap();
    lock.lock().unwrap();
    stage.run(&["keyring", "stage"]).refused(3, "another change of the key ring");
    lock.unlock().unwrap();
    stage.run(&["keyring", "stage"]).succeeded();
}

/// Not exit code 4: trying again would not help.
#[tokio::test]
async fn crypto_services_error_about_the_ring_is_shown() {
    let stage = Stage::new().await;
    let ring = stage.postern.state().join("keys/keyring.json");
    let good = fs::read(&ring).unwrap();
    fs::write(&ring, "{").unwrap();
    let refused = stage.run(&["keyring", "stage"]).refused(3, "the key ring is not the expected JSON");
    assert!(!refused.stderr.contains("does not answer"), "{}", refused.stderr);
    fs::write(&ring, good).unwrap();
    stage.run(&["keyring", "stage"]).succeeded();
}
