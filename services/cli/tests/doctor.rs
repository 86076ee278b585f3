//! `postern doctor` finds what works and what does not.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use postern_devkit::ca::DevCa;
use postern_store::SCHEMA_VERSION;
use serde_json::Value;

use crate::support::{Run, Stage, changed, postern};

/// The findings of a check, as `state: message` and what to do.
fn findings(run: &Run, check: &str) -> Vec<String> {
    let text = |finding: &Value| {
        let [state, message] = ["state", "message"].map(|key| finding[key].as_str().unwrap());
        format!("{state}: {message} / {}", finding["advice"].as_str().unwrap_or_default())
    };
    let json = run.json();
    let all = json["checks"].as_array().unwrap();
    all.iter().filter(|finding| finding["check"] == check).map(text).collect()
}

/// One finding of the check starts like this, and the exit code says whether anything failed.
#[track_caller]
pub(crate) fn found(run: &Run, code: i32, check: &str, beginning: &str) {
    let found = findings(run, check);
    assert!(found.iter().any(|finding| finding.starts_with(beginning)), "{found:#?}");
    assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
}

fn doctor(stage: &Stage) -> Run {
    stage.run(&["doctor", "--json"])
}

#[tokio::test]
async fn all_is_well_and_no_secret_is_shown() {
    let stage = Stage::new().await;
    stage.user_with("ada", 2).await;
    let run = stage.run(&["doctor"]).succeeded();
    // Services in one process have neither files nor operations listeners of their own.
    let (skipped, checked): (Vec<_>, Vec<_>) =
        run.stdout.lines().partition(|line| line.starts_with("skip ") && line.contains("set doctor."));
    assert_eq!(skipped.len(), 2, "{}", run.stdout);
    for line in checked {
        assert!(line.starts_with("ok "), "{}", run.stdout);
    }
    for said in [
        "is for operator",
        "the primary key is 1",
        "2 seals under key 1",
        &format!("version {SCHEMA_VERSION}"),
        "postern_proxy can sign in",
    ] {
        assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
    }
    assert!(!run.stdout.contains('\x1b'), "no colours where there is no terminal");
    for role in postern_store::roles::LOGIN_ROLES {
        let password = fs::read_to_string(stage.postern.state().join("passwords").join(role)).unwrap();
        assert!(!run.stdout.contains(password.trim()));
    }
    let json = doctor(&stage).succeeded().json();
    let states = json["checks"].as_array().unwrap().iter().map(|finding| finding["state"].as_str().unwrap());
    assert_eq!(states.filter(|state| *state != "ok").collect::<Vec<_>>(), ["skip"; 2], "{json}");
}

#[tokio::test]
async fn keys_and_seals_that_need_care_are_named() {
    let stage = Stage::new().await;
    stage.user_with("ada", 3).await;
    stage.rotate();
    found(&doctor(&stage), 0, "seals", "warn: 3 seals under key 1, which is active / Run `postern rewrap`.");
    stage.run(&["keyring", "disable", "1", "--yes"]).succeeded();
    let lost = "fail: 3 seals under key 1, which is disabled: they cannot be opened / Run `postern keyring enable 1`";
    found(&doctor(&stage), 1, "seals", lost);
    stage.run(&["keyring", "destroy", "1", "--yes", "--allow-loss"]).succeeded();
    found(&doctor(&stage), 1, "seals", "fail: 3 seals under key 1, which is destroyed");
}

#[tokio::test]
async fn a_database_that_does_not_fit_is_told() {
    let stage = Stage::new().await;
    stage.as_superuser("alter role postern_proxy bypassrls").await;
    let run = doctor(&stage);
    found(&run, 1, "roles", "fail: postern_proxy could bypass row level security / As a superuser");
    found(
        &run,
        1,
        "database",
        "fail: postern_proxy: the control database cannot be used: the role could bypass",
    );
    stage.as_superuser("alter role postern_proxy nobypassrls").await;

    stage.as_superuser("alter role postern_connection set lock_timeout = 0").await;
    found(&doctor(&stage), 0, "roles", "warn: postern_connection has no timeouts");
    stage.as_superuser("alter role postern_connection set lock_timeout = '2s'").await;

    stage
        .as_superuser(
            "create or replace function postern.schema_version() returns integer language sql as 'select 1'",
        )
        .await;
    let older = format!("fail: version 1; this release needs {SCHEMA_VERSION} / Run `postern migrate`.");
    found(&doctor(&stage), 1, "schema", &older);
    stage.as_superuser("drop schema postern cascade").await;
    found(&doctor(&stage), 1, "schema", "fail: the database has no schema yet / Run `postern migrate`.");
    stage.as_superuser("alter role postern_rewrap rename to postern_elsewhere").await;
    found(
        &doctor(&stage),
        1,
        "roles",
        "fail: missing: postern_rewrap / Run `postern migrate --create-roles`.",
    );

    let nowhere = "postgres://postern_proxy:secret-word@127.0.0.1:1/postern";
    let run = Run::of(stage.command(&["doctor", "--json"]).env("POSTERN_PROXY_DATABASE_URL", nowhere));
    found(
        &run,
        1,
        "database",
        "fail: postern_proxy: the control database cannot be reached: 127.0.0.1:1 refused the connection",
    );
    let run = Run::of(
        stage
            .command(&["doctor", "--json"])
            .env("POSTERN_PROXY_DATABASE_URL", "postgres://postern_proxy:secret-word@db.invalid/postern"),
    );
    found(
        &run,
        1,
        "database TLS",
        "fail: postern_proxy: the control database's URL cannot be used: it sets no sslmode",
    );
    assert!(!run.stdout.contains("secret-word"), "{}", run.stdout);

    // A URL file that exists but cannot be read.
    let copy = stage.postern.state().join("unreadable.toml");
    let url_file = stage.postern.state().join("urls/postern_rewrap");
    changed(&stage.config(), url_file.to_str().unwrap(), stage.postern.state().to_str().unwrap(), &copy);
    let run = Run::of(postern().args(["doctor", "--json"]).arg("--config").arg(&copy));
    found(&run, 1, "database", &format!("fail: postern_rewrap: {}: ", stage.postern.state().display()));
}

#[tokio::test]
async fn certificates_and_files_are_judged() {
    let stage = Stage::new().await;
    let copy = stage.postern.state().join("copy.toml");
    let run = || Run::of(postern().args(["doctor", "--json", "--config"]).arg(&copy));

    stage.postern.certificate("proxy-service");
    changed(&stage.config(), "operator.", "proxy-service.", &copy);
    found(&run(), 1, "certificate", "fail: it is for proxy-service, not for operator");
    found(
        &run(),
        1,
        "crypto-service",
        "fail: This caller may not call this method. / The certificate must name",
    );

    let foreign =
        DevCa::load_or_create(&stage.postern.state().join("foreign")).unwrap().service("operator").unwrap();
    let own = stage.postern.certificate("operator");
    changed(&stage.config(), own.ca.to_str().unwrap(), foreign.ca.to_str().unwrap(), &copy);
    found(&run(), 1, "certificate", "fail: the CA does not vouch for the certificate");

    changed(&stage.config(), stage.postern.crypto_url(), "https://127.0.0.1:1", &copy);
    found(&run(), 1, "crypto-service", "fail: crypto-service does not answer");

    changed(&stage.config(), "[crypto]", "[crypto]", &copy);
    fs::set_permissions(&own.key, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&copy, Permissions::from_mode(0o666)).unwrap();
    found(&run(), 0, "secret file", &format!("warn: {} has mode 644", own.key.display()));
    found(&run(), 0, "configuration", &format!("warn: {} has mode 666", copy.display()));
    fs::remove_file(&own.key).unwrap();
    found(&run(), 1, "secret file", &format!("fail: {}: No such file", own.key.display()));
}

#[test]
fn without_a_configuration_nothing_is_looked_at_and_a_broken_one_fails() {
    let run = Run::of(postern().args(["doctor", "--json"])).succeeded();
    found(&run, 0, "configuration", "skip: no file is selected");
    found(&run, 0, "database", "skip: postern_proxy: no URL is configured");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("postern.toml");
    fs::write(&config, "[cripto]\n").unwrap();
    let run = Run::of(postern().args(["doctor", "--json", "--config"]).arg(&config));
    found(&run, 1, "configuration", "fail: ");
    assert!(run.stderr.contains("1 check failed"), "{}", run.stderr);
}
