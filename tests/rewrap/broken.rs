//! Rows that cannot be rewrapped, and callers that may not.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use postern_chassis::mtls;
use postern_domain::limits::SEAL_BYTES;
use postern_rewrap::{Job, RewrapError, RewrapFailed};
use sqlx::AssertSqlSafe;
use tokio::{net::TcpListener, time::sleep};

use crate::{
    road::pass_on,
    support::{Stage, use_all},
};

#[tokio::test]
async fn a_row_that_fails_is_reported_and_stops_no_other() {
    let stage = Stage::new().await;
    let user = stage.user_with("ada", 8).await;
    stage.rotate().await;
    for (name, tamper) in [
        ("c-1", "sealed = set_byte(sealed, 60, get_byte(sealed, 60) # 1)"),
        ("c-3", "sealed = decode(repeat('00', 100), 'hex')"),
        ("c-5", "kind = 'mysql'"),
        ("c-7", "secret_id = gen_random_uuid()"),
    ] {
        stage.tamper(tamper, &format!("name = '{name}'")).await;
    }

    let report = stage.job().under(2).run(|_| {}).await.unwrap();
    assert_eq!((report.rewrapped, report.failed, report.is_complete()), (4, 4, false));
    let mut reasons: Vec<_> = report.failures.iter().map(|failure| failure.reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["INTERNAL", "SEAL_BROKEN", "SEAL_BROKEN", "SEAL_BROKEN"]);
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(0, 1), (1, 3), (2, 4)]);
    for number in [0, 2, 4, 6] {
        user.query(&format!("c-{number}"), "select 1").await.unwrap();
    }
}

#[tokio::test]
async fn a_broken_row_that_names_a_key_of_the_future_stops_no_other() {
    let stage = Stage::new().await;
    stage.user_with("ada", 5).await;
    stage.rotate().await;
    stage.tamper(r"sealed = '\x50534c31ffffffff' || substring(sealed from 9)", "name = 'c-2'").await;

    let report = stage.job().run(|_| {}).await.unwrap();
    assert_eq!((report.rewrapped, report.failed, report.elsewhere), (4, 1, 0));
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(2, 4), (u32::MAX, 1)]);
}

/// The walk is repeated after one that has moved something, and meets the rows that failed again.
#[tokio::test]
async fn a_row_that_fails_is_sent_once() {
    const SEALS: usize = 10 * 64 * 1024;
    let stage = Stage::new().await;
    let user = stage.user_with("carol", 4).await;
    for number in 0..10 {
        stage.save_long_secret(&user, &format!("long-{number}")).await;
    }
    stage.rotate().await;
    stage.tamper("secret_id = gen_random_uuid()", "name like 'long-%'").await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (mut config, sent) = (stage.crypto("operator"), Arc::<AtomicUsize>::default());
    let crypto = config.url.strip_prefix("https://").unwrap().parse().unwrap();
    config.url = format!("https://{}", listener.local_addr().unwrap());
    let road = tokio::spawn(pass_on(listener, crypto, sent.clone()));
    let job = Job::new(stage.store.clone(), mtls::crypto_channel(&config).unwrap());
    let report = job.under(2).run(|_| {}).await.unwrap();
    road.abort();
    assert_eq!((report.rewrapped, report.failed, report.failures.len()), (4, 10, 10));
    let sent = sent.load(Ordering::Relaxed);
    assert!((SEALS..SEALS * 3 / 2).contains(&sent), "{sent} bytes for {SEALS} bytes of seals");
}

#[tokio::test]
async fn a_row_that_failed_and_is_mended_meanwhile_is_moved() {
    let stage = Stage::new().await;
    let user = stage.user_with("dan", 6).await;
    stage.rotate().await;
    let first = stage.store.page(None, None, 1).await.unwrap().remove(0).place.connection;
    let (turn, this) = ("sealed = set_byte(sealed, 60, get_byte(sealed, 60) # 1)", format!("id = '{first}'"));
    stage.tamper(turn, &this).await;

    let failed = AtomicU64::new(0);
    let job = stage.job().under(2).at_most(NonZeroU32::new(2));
    let job = job.run(|report| failed.store(report.failed, Ordering::Relaxed));
    let mend = async {
        while failed.load(Ordering::Relaxed) == 0 {
            sleep(Duration::from_millis(10)).await;
        }
        stage.tamper(turn, &this).await;
    };
    let (report, ()) = tokio::join!(job, mend);
    let report = report.unwrap();
    assert_eq!((report.rewrapped, report.failed, report.is_complete()), (6, 0, true));
    use_all(&user, 0..6).await.unwrap();
}

/// More than crypto-service takes at once, from a time when the database took them.
#[tokio::test]
async fn seals_that_are_too_long_are_reported_and_no_new_one_is_stored() {
    let stage = Stage::new().await;
    stage.user_with("ada", 60).await;
    stage.rotate().await;
    let run = async |sql: String| sqlx::query(AssertSqlSafe(sql)).execute(&mut stage.superuser().await).await;
    let set = |bytes: usize, rows: &str| {
        let sealed = format!("decode('50534c3100000001' || repeat('00', {bytes} - 8), 'hex')");
        let of = format!("select id from postern.connections where {rows}");
        run(format!("update postern.secrets set sealed = {sealed} where connection_id in ({of})"))
    };
    set(SEAL_BYTES, "name = 'c-1'").await.unwrap();
    set(SEAL_BYTES + 1, "name = 'c-1'").await.unwrap_err();
    let unbounded = "alter table postern.secrets drop constraint secrets_sealed_check";
    run(unbounded.to_owned()).await.unwrap();
    set(131_072, "name <> 'c-7'").await.unwrap();

    let report = stage.job().under(2).run(|_| {}).await.unwrap();
    assert_eq!((report.rewrapped, report.failed), (1, 59));
    assert!(report.failures.iter().all(|failure| failure.reason == "SEAL_BROKEN"));
}

#[tokio::test]
async fn only_an_operator_or_connection_service_rewraps() {
    let stage = Stage::new().await;
    stage.user_with("bob", 1).await;
    stage.rotate().await;
    let run = async |certificate| Job::new(stage.store.clone(), stage.channel(certificate)).run(|_| {}).await;
    assert!(matches!(run("proxy-service").await, Err(RewrapError::Crypto(RewrapFailed::Refused(_)))));
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(1, 1)]);
    assert_eq!(run("connection-service").await.unwrap().rewrapped, 1);
}
