//! Closes what has rested too long.

use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Shared;

/// Looks four times per idle time, at most once a second, until the pools are gone.
pub(super) async fn run(shared: Weak<Shared>, idle: Duration) {
    let mut ticks = interval((idle / 4).max(Duration::from_secs(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        let expired = shared.lock().expired(&shared.limits, Instant::now());
        drop(expired);
    }
}
