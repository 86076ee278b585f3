//! Closes sessions that have been idle for too long.

use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{OpenError, Session, Shared};

/// Runs four times per idle time, but at most once a second, until the pools are dropped.
pub(super) async fn run<S: Session, E: OpenError>(shared: Weak<Shared<S, E>>, idle: Duration) {
    let mut ticks = interval((idle / 4).max(Duration::from_secs(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        shared.with(|state| state.expire(Instant::now()));
        shared.serve();
    }
}
