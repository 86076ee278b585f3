//! What runs ends, and idle sessions are closed.

use std::time::Duration;

use postern_domain::Host;
use postern_store::Denied;
use postern_testkit::{ISSUER, Relay, ReplicaOptions, reason};
use url::Url;

use crate::stage::{PASSWORD, RUNNING, Stage, owner, token};

/// A minute: longer than everything here takes.
const LONG: u32 = 60;

#[tokio::test]
async fn a_statement_is_cancelled_on_the_server_and_its_caller_is_told_why() {
    let stage = Stage::new().await;
    let ada = stage.user("ada").await;
    for (denied, because) in [
        (Denied::Owner(owner("ada")), "ACCESS_WITHDRAWN"),
        (token(&ada), "ACCESS_WITHDRAWN"),
        (Denied::Issuer(ISSUER.into()), "ACCESS_WITHDRAWN"),
        (Denied::Host(Host::parse("127.0.0.1").unwrap()), "CONNECTION_WITHDRAWN"),
    ] {
        for user in [ada.clone(), stage.replica.user(&ada)] {
            let running = stage.running(&user, LONG).await;
            stage.deny(&denied).await;
            assert_eq!(reason(&running.await.unwrap().unwrap_err()), because, "{denied:?}");
            stage.until_sessions(0, RUNNING).await;
            assert!(stage.operator.remove(&denied).await.unwrap());
        }
    }
}

/// Idle sessions would otherwise be kept for a minute.
#[tokio::test]
async fn idle_sessions_are_closed_within_seconds_on_every_replica() {
    let stage = Stage::new().await;
    let ada = stage.user("ada").await;
    for denied in [
        Denied::Owner(owner("ada")),
        Denied::Issuer(ISSUER.into()),
        Denied::Host(Host::parse("127.0.0.1").unwrap()),
    ] {
        for user in [&ada, &stage.replica.user(&ada)] {
            user.query("main", "select 1").await.unwrap();
        }
        stage.until_sessions(2, "true").await;
        stage.deny(&denied).await;
        stage.until_sessions(0, "true").await;
        assert!(stage.operator.remove(&denied).await.unwrap());
    }
}

#[tokio::test]
async fn a_changed_or_deleted_connection_ends_what_runs_on_its_old_version() {
    let stage = Stage::new().await;
    let ada = stage.user("ada").await;
    let running = stage.running(&ada, LONG).await;
    ada.save("main", stage.tenant.dsn(PASSWORD)).await.unwrap();
    let status = running.await.unwrap().unwrap_err();
    assert_eq!(reason(&status), "VERSION_STALE");
    assert!(status.message().contains("changed while this ran"), "{status}");
    stage.until_sessions(0, RUNNING).await;

    let running = stage.running(&ada, LONG).await;
    ada.delete("main").await.unwrap();
    let status = running.await.unwrap().unwrap_err();
    assert_eq!(reason(&status), "CONNECTION_NOT_FOUND");
    assert!(status.message().contains("deleted while this ran"), "{status}");
    stage.until_sessions(0, "true").await;
}

#[tokio::test]
async fn without_the_setting_only_a_denial_ends_what_runs() {
    let off = |_: &_| ReplicaOptions { cancel_on_change: false, ..ReplicaOptions::default() };
    let stage = Stage::with(off).await;
    let ada = stage.replica.user(&stage.user("ada").await);
    // Long enough for several looks at the connection.
    let running = stage.running(&ada, 5).await;
    ada.save("main", stage.tenant.dsn(PASSWORD)).await.unwrap();
    ada.delete("main").await.unwrap();
    running.await.unwrap().unwrap();

    ada.save("main", stage.tenant.dsn(PASSWORD)).await.unwrap();
    let running = stage.running(&ada, LONG).await;
    stage.deny(&Denied::Owner(owner("ada"))).await;
    assert_eq!(reason(&running.await.unwrap().unwrap_err()), "ACCESS_WITHDRAWN");
    stage.until_sessions(0, RUNNING).await;
}

/// An outage of the control database must not end everything that runs.
#[tokio::test]
async fn what_runs_goes_on_while_the_control_database_does_not_answer() {
    let stage = Stage::new().await;
    let mut url = Url::parse(&stage.postern.database_url("postern_proxy")).unwrap();
    let relay = Relay::to_port(url.port().unwrap()).await;
    url.set_port(Some(relay.port())).unwrap();
    let options = ReplicaOptions { proxy_database_url: Some(url.into()), ..ReplicaOptions::default() };
    let replica = stage.postern.replica(options).await;
    let ada = replica.user(&stage.user("ada").await);

    let running = stage.running(&ada, 8).await;
    relay.silence();
    while reason(&ada.query("main", "select 1").await.unwrap_err()) != "DEPENDENCY_UNAVAILABLE" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.await.unwrap().unwrap();
}
