//! Users go on saving while their seals are replaced.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicBool, Ordering},
};

use postern_rpc::connection::AccessMode;
use postern_testkit::{TenantDatabase, TenantServer, User};

use crate::support::{PASSWORD, Stage, keep_secret, use_all};

#[tokio::test]
async fn every_seal_is_moved_and_opens_and_no_version_grows() {
    let stage = Stage::new().await;
    // More than one batch.
    let (ada, bob) = (stage.user_with("ada", 120).await, stage.user_with("bob", 3).await);
    stage.rotate().await;
    assert_eq!(stage.seals().await.get(&1), Some(&123));

    let report = stage.job().under(2).run(|_| {}).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!((report.rewrapped, report.overtaken), (123, 0));
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(2, 123)]);
    use_all(&ada, (0..120).step_by(10)).await.unwrap();
    use_all(&bob, 0..3).await.unwrap();
    let list =
        ada.connections().list_connections(postern_rpc::connection::ListConnectionsRequest::default()).await;
    assert!(list.unwrap().into_inner().connections.iter().all(|connection| connection.version == 1));

    assert_eq!(stage.job().under(2).run(|_| {}).await.unwrap().rewrapped, 0);
}

#[tokio::test]
async fn without_being_told_the_job_learns_the_key_from_the_answers() {
    let stage = Stage::new().await;
    let user = stage.user_with("carol", 5).await;
    stage.rotate().await;
    user.save("c-5", stage.tenant.dsn(PASSWORD)).await.unwrap();
    assert_eq!(stage.job().run(|_| {}).await.unwrap().rewrapped, 5);
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(2, 6)]);
}

#[tokio::test]
async fn an_answer_under_another_key_than_the_one_wanted_is_not_stored() {
    let stage = Stage::new().await;
    stage.user_with("dave", 2).await;
    stage.rotate().await;
    let report = stage.job().under(3).run(|_| {}).await.unwrap();
    assert_eq!((report.rewrapped, report.elsewhere, report.is_complete()), (0, 2, false));
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(1, 2)]);
}

/// As when a replica that does not know of the new key yet seals once more under the old one.
#[tokio::test]
async fn what_appears_behind_the_walk_is_found() {
    let stage = Stage::new().await;
    let user = stage.user_with("heidi", 6).await;
    let old = stage.store.page(None, None, 2).await.unwrap();
    stage.rotate().await;

    let moved = std::sync::atomic::AtomicU64::new(0);
    let job = stage.job().under(2).at_most(NonZeroU32::new(2));
    let job = job.run(|report| moved.store(report.rewrapped, Ordering::Relaxed));
    let put_back = async {
        while moved.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let new = stage.store.page(None, None, 2).await.unwrap();
        for (old, new) in old.into_iter().zip(new) {
            let sealed = old.seal.unwrap().secret.sealed;
            assert!(stage.store.replace(&new.place, &new.seal.unwrap(), &sealed).await.unwrap());
        }
    };
    let (report, ()) = tokio::join!(job, put_back);
    assert_eq!(report.unwrap().rewrapped, 8);
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(2, 6)]);
    use_all(&user, 0..6).await.unwrap();
}

/// A hundred of the longest secrets make the longest batch there is.
#[tokio::test]
async fn the_longest_secrets_fit_into_a_batch() {
    let stage = Stage::new().await;
    let user = stage.postern.user("grace");
    for number in 0..100 {
        stage.save_long_secret(&user, &format!("c-{number}")).await;
    }
    stage.rotate().await;
    let report = stage.job().under(2).run(|_| {}).await.unwrap();
    assert_eq!((report.rewrapped, report.failed), (100, 0));
}

/// The save comes exactly between reading and writing.
#[tokio::test]
async fn a_save_in_between_wins() {
    let stage = Stage::new().await;
    let user = stage.user_with("erin", 1).await;
    let row = stage.store.page(None, None, 1).await.unwrap().remove(0);
    user.save("c-0", stage.tenant.dsn(PASSWORD)).await.unwrap();
    assert!(!stage.store.replace(&row.place, &row.seal.unwrap(), &[1; 100]).await.unwrap());
    user.query("c-0", "select 1").await.unwrap();
}

/// The seal is still the one that was read, so the new one is stored, and fits the connection as it is saved now.
#[tokio::test]
async fn a_save_in_between_that_keeps_the_secret_leaves_the_new_seal_valid() {
    let stage = Stage::new().await;
    let user = stage.user_with("erin", 1).await;
    let old = stage.store.page(None, None, 1).await.unwrap().remove(0);
    stage.rotate().await;
    assert_eq!(stage.job().under(2).run(|_| {}).await.unwrap().rewrapped, 1);
    let new = stage.store.page(None, None, 1).await.unwrap().remove(0).seal.unwrap();
    let old_seal = old.seal.unwrap().secret.sealed;
    assert!(stage.store.replace(&old.place, &new, &old_seal).await.unwrap());

    let read = stage.store.page(None, None, 1).await.unwrap().remove(0);
    user.upsert(keep_secret("c-0", &stage.tenant, AccessMode::ReadWrite)).await.unwrap();
    assert!(stage.store.replace(&read.place, &read.seal.unwrap(), &new.secret.sealed).await.unwrap());
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(2, 1)]);
    user.query("c-0", "select 1").await.unwrap();
}

/// Twelve connections are saved again and again, by turns with another tenant's password and without one, while the job
/// walks. Each must lead to where it was last saved to.
#[tokio::test]
async fn saves_during_the_walk_are_kept() {
    let stage = Stage::new().await;
    let tenants = [&stage.tenant, &TenantServer::shared().await.database(PASSWORD).await];
    let user = stage.user_with("frank", 12).await;
    stage.rotate().await;

    let done = AtomicBool::new(false);
    let job = async {
        let rate = NonZeroU32::new(4);
        let report = stage.job().under(2).at_most(rate).run(|_| {}).await.unwrap();
        done.store(true, Ordering::Relaxed);
        report
    };
    let (report, saves) = tokio::join!(job, save_until(&done, &user, &tenants));
    assert!(report.is_complete(), "{report:?}");
    assert!(saves > 12, "{saves}");
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(2, 12)]);
    for number in 0..12 {
        let whom = user.query(&format!("c-{number}"), "select current_user::text").await.unwrap();
        assert_eq!(
            whom.texts(0),
            [tenants[tenant_of(number, saves)].name.as_str()],
            "c-{number} after {saves}"
        );
    }
}

/// Saves one connection after the other; returns how many saves there were.
async fn save_until(done: &AtomicBool, user: &User, tenants: &[&TenantDatabase; 2]) -> usize {
    let mut saves = 0;
    while !done.load(Ordering::Relaxed) {
        let (name, tenant) = (format!("c-{}", saves % 12), tenants[tenant_of(saves % 12, saves + 1)]);
        if keeps_secret(saves) {
            user.upsert(keep_secret(&name, tenant, AccessMode::ReadOnly)).await.unwrap();
        } else {
            user.save(&name, tenant.dsn(PASSWORD)).await.unwrap();
        }
        saves += 1;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    saves
}

/// Every third round leaves the password as it is.
fn keeps_secret(save: usize) -> bool {
    (save / 12).is_multiple_of(3)
}

/// Which tenant a connection leads to after so many saves: the other one after each save that brings a password.
fn tenant_of(connection: usize, saves: usize) -> usize {
    (0..saves).filter(|save| save % 12 == connection && !keeps_secret(*save)).count() % 2
}
