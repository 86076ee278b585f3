//! Room for one connection, held by whoever uses or opens it, and handed on when they are done.

use std::{mem, sync::Arc};

use postern_domain::{ConnectionId, OwnerId};
use tokio::time::Instant;

use super::{PoolLimits, Pooled, Shared, owner::Idle, state::Return};
use crate::{PostgresConnection, TenantError};

/// What a waiting caller is handed.
pub(super) enum Grant {
    /// A connection.
    Ready(Box<Pooled>),
    /// Room to open one.
    Open(Lease),
    /// The failure of the caller that was opening the first.
    Failed(TenantError),
}

/// Room for one connection. Counted from its making to its drop, unless the connection is put to rest.
pub(super) struct Lease {
    shared: Arc<Shared>,
    pub name: (OwnerId, ConnectionId),
    pub generation: u64,
    /// Whether its holder is opening the connection.
    opening: bool,
    /// Whether it still counts.
    held: bool,
}

impl Lease {
    /// Stands for room that the state has reserved already.
    pub(super) fn new(
        shared: &Arc<Shared>,
        name: (OwnerId, ConnectionId),
        generation: u64,
        opening: bool,
    ) -> Self {
        Self { shared: Arc::clone(shared), name, generation, opening, held: true }
    }

    /// The connection is open. The next caller that waits may open another.
    pub(super) fn opened(mut self, connection: PostgresConnection) -> Pooled {
        self.end_opening(None);
        self.shared.serve(Some(self.name));
        Pooled { connection: Some(connection), lease: Some(self), opened: Instant::now() }
    }

    /// The connection could not be opened. Where the pool has others, those who wait are served by them and do not run
    /// into the same failure one by one; where it has none, they are told the failure, if it would be theirs too.
    pub(super) fn failed(mut self, shared: Option<&TenantError>) {
        self.end_opening(shared);
        self.held = false;
        let has_others = self.shared.lock().close(&self);
        self.shared.serve((!has_others).then_some(self.name));
    }

    pub(super) fn limits(&self) -> &PoolLimits {
        &self.shared.limits
    }

    fn end_opening(&mut self, failure: Option<&TenantError>) {
        if mem::take(&mut self.opening) {
            self.shared.lock().opening_ended(self, failure);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end_opening(None);
        if mem::take(&mut self.held) {
            self.shared.lock().close(self);
            self.shared.serve(Some(self.name));
        }
    }
}

impl Pooled {
    /// A connection that was at rest.
    pub(super) fn again(connection: PostgresConnection, lease: Lease, opened: Instant) -> Self {
        Self { connection: Some(connection), lease: Some(lease), opened }
    }
}

impl Shared {
    /// Lets callers open connections, as far as there is room: those of this pool first, then owner
    /// by owner.
    pub(super) fn serve(self: &Arc<Self>, preferred: Option<(OwnerId, ConnectionId)>) {
        loop {
            let next = self.lock().next_opener(self, preferred);
            let Some((waiting, lease)) = next else { return };
            // A caller that has just gone gives its room back, without a look for the next one, which is done here.
            if let Err(Grant::Open(mut lease)) = waiting.send(Grant::Open(lease)) {
                let mut state = self.lock();
                state.opening_ended(&lease, None);
                state.close(&lease);
                (lease.opening, lease.held) = (false, false);
            }
        }
    }
}

/// Gives a connection back that its user is done with.
pub(super) fn give_back(mut connection: PostgresConnection, lease: Lease, opened: Instant) {
    if connection.is_reusable() {
        return hand_on(connection, lease, opened);
    }
    // The connection may be in the middle of a statement. Whoever drops it is gone in a moment, so a task of its own
    // cancels the statement and keeps the room until the server is done with it. Without a runtime, it is closed.
    if connection.is_recoverable()
        && let Ok(runtime) = tokio::runtime::Handle::try_current()
    {
        runtime.spawn(async move {
            if connection.recover().await {
                hand_on(connection, lease, opened);
            }
        });
    }
}

fn hand_on(mut connection: PostgresConnection, mut lease: Lease, opened: Instant) {
    connection.rest();
    if opened.elapsed() >= lease.shared.limits.lifetime {
        return;
    }
    loop {
        let idle = Idle { connection, opened, since: Instant::now() };
        let returned = lease.shared.lock().take_back(&lease, idle);
        match returned {
            Return::To(waiting, idle) => {
                let pooled = Box::new(Pooled::again(idle.connection, lease, opened));
                let Err(Grant::Ready(mut pooled)) = waiting.send(Grant::Ready(pooled)) else { return };
                // The caller has just gone: try the next.
                let (Some(back), Some(room)) = (pooled.connection.take(), pooled.lease.take()) else {
                    return;
                };
                (connection, lease) = (back, room);
            }
            Return::Rests => {
                lease.held = false;
                return;
            }
            Return::Refused(_) => return,
        }
    }
}
