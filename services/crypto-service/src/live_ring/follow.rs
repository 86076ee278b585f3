//! Follows the ring file.

use std::{sync::Arc, time::Duration};

use postern_chassis::health::Fault;
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};

use super::{Look, Reporter, RingHolder};

/// Time between two looks at the ring file.
const LOOK: Duration = Duration::from_millis(250);

/// Loads newer rings and has them reported, for as long as it is polled. `now` asks for a look at once; `unreadable`
/// holds while the file cannot be used.
pub(crate) async fn follow(
    holder: Arc<RingHolder>,
    reporter: Arc<Reporter>,
    now: Arc<Notify>,
    unreadable: Fault,
) {
    let mut trouble = None;
    let mut due = interval(LOOK);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let look = tokio::select! {
            () = now.notified() => Look::Anyway,
            _ = due.tick() => Look::IfChanged,
        };
        let looked = holder.look(look).await;
        if looked == Ok(true) || look == Look::Anyway {
            reporter.report_soon();
        }
        // Logged once per cause, not with every look.
        if let Err(error) = looked
            && trouble != Some(error)
        {
            tracing::error!("the key ring's file cannot be used; the ring in memory stays in use: {error}");
        }
        if looked.err() != trouble {
            trouble = looked.err();
            unreadable.set(trouble.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use postern_chassis::{Health, Lifecycle};
    use tokio::sync::oneshot;

    use super::*;
    use crate::live_ring::test_support::{HangingRoot, RingFolder, eventually, rotate};

    /// Were it taken for gone, a key could be promoted that it lacks.
    #[tokio::test]
    async fn a_replica_that_waits_for_its_root_goes_on_reporting() {
        let folder = RingFolder::new();
        let (root, hold) = HangingRoot::new(folder.root());
        let ring = folder.holder_with(Box::new(root));
        let reporter = folder.reporter("one");
        reporter.started(ring.clone());
        let (_stop, stopped) = oneshot::channel();
        let reporting = tokio::spawn(reporter.clone().run(stopped));
        let unreadable = Health::new("crypto-service", &Lifecycle::default()).fault("key ring unreadable");
        let following = tokio::spawn(follow(ring.clone(), reporter, Arc::default(), unreadable));

        rotate(&folder.holder());
        eventually("it asks its root", || hold.is_waited_for()).await;
        for _ in 0..3 {
            let report = folder.report_of("one");
            eventually("it reports", || report.exists()).await;
            fs::remove_file(&report).unwrap();
        }
        assert_eq!(ring.with_ring(postern_keyring::LoadedRing::revision), 1, "it still waits");

        drop(hold);
        eventually("it has the ring", || ring.with_ring(postern_keyring::LoadedRing::revision) == 3).await;
        following.abort();
        reporting.abort();
    }
    #[tokio::test]
    async fn a_replica_whose_ring_file_is_damaged_is_not_ready_until_it_is_whole_again() {
        let folder = RingFolder::new();
        let ring = folder.holder();
        let health = Health::new("crypto-service", &Lifecycle::default());
        health.serving(([127, 0, 0, 1], 1).into());
        let unreadable = health.fault("key ring unreadable");
        tokio::spawn(follow(ring.clone(), folder.reporter("one"), Arc::default(), unreadable));
        let whole = fs::read(ring.file()).unwrap();
        fs::write(ring.file(), "{").unwrap();
        eventually("it is not ready", || health.report().faults == ["key ring unreadable"]).await;
        fs::write(ring.file(), whole).unwrap();
        eventually("it is ready again", || health.report().ready).await;
    }
}
