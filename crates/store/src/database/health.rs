//! Whether the server answers.
//!
//! A call that finds it silent starts a probe, which opens a connection of its own. When that fails, too, the server is
//! down: calls fail at once, without waiting for a timeout each, until a later probe gets through. A call that was only
//! slow, on a server that answers, affects nobody else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time::sleep};

use super::{CONNECT, Kept, Shared};
use crate::connect;

/// Time between two probes: that long, at most, and the time of one probe, calls still fail after the server's return.
const PAUSE: Duration = Duration::from_millis(500);

/// What is known of the server.
pub(super) struct Health {
    down: watch::Sender<bool>,
    is_probing: AtomicBool,
}

impl Default for Health {
    fn default() -> Self {
        Self { down: watch::Sender::new(false), is_probing: AtomicBool::new(false) }
    }
}

impl Health {
    pub(super) fn is_known_to_be_down(&self) -> bool {
        *self.down.borrow()
    }

    /// Returns when the server is down: at once if it is known to be.
    pub(super) async fn is_down(&self) {
        // The sender lives as long as this does.
        drop(self.down.subscribe().wait_for(|down| *down).await);
    }
}

/// Probes the server until it answers, unless that is under way.
pub(super) fn probe(shared: &Arc<Shared>) {
    if shared.health.is_probing.swap(true, Ordering::AcqRel) {
        return;
    }
    let shared = Arc::downgrade(shared);
    tokio::spawn(async move {
        while let Some(shared) = shared.upgrade() {
            if attempt(&shared).await {
                break;
            }
            drop(shared);
            sleep(PAUSE).await;
        }
    });
}

/// One probe; whether the server answered.
pub(super) async fn attempt(shared: &Arc<Shared>) -> bool {
    let generation = shared.lock().generation;
    let health = &shared.health;
    match connect::open(&shared.options, CONNECT).await {
        Ok(connection) => {
            let now = tokio::time::Instant::now();
            health.is_probing.store(false, Ordering::Release);
            if health.down.send_replace(false) {
                tracing::info!("the control database answers again");
            }
            // What the next call uses, if calls have not opened as many as may exist.
            shared.keep_if_room(Kept { connection, generation, opened: now, used: now });
            true
        }
        // It answers, if only that it has no room or does not let us in: each call gets that answer itself.
        Err(error) if !error.is_outage() => {
            health.is_probing.store(false, Ordering::Release);
            health.down.send_replace(false);
            true
        }
        Err(error) => {
            if !health.down.send_replace(true) {
                tracing::error!(%error, "the control database does not answer; calls fail until it does");
            }
            false
        }
    }
}
