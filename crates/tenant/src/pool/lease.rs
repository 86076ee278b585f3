//! What a caller holds: room for a session that is being opened, or a session. Dropping either releases it.

use std::{
    mem,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{PoolLimits, Session, state::Reservation};
use crate::background;

/// Where leases return to. This trait hides how callers wait, so that a lease only knows its session.
pub(super) trait Home<S>: Send + Sync {
    fn limits(&self) -> &PoolLimits;
    /// Frees the room of a session that is closed or was never opened.
    fn close(self: Arc<Self>, reservation: Reservation);
    /// Hands a session to the next caller, or lets it idle.
    fn hand_on(self: Arc<Self>, session: S, opened: Instant, lease: Lease<S>);
}

/// Room for one session, counted until this is dropped or disarmed.
pub(super) struct Lease<S> {
    home: Arc<dyn Home<S>>,
    reservation: Option<Reservation>,
    /// Keeps the process from exiting before the session's statement is over.
    _held: TaskTrackerToken,
}

impl<S> Lease<S> {
    /// A lease of room that the state has reserved.
    pub(super) fn new(home: Arc<dyn Home<S>>, reservation: Reservation) -> Self {
        Self { home, reservation: Some(reservation), _held: background::hold() }
    }

    /// Takes the reservation out, so that dropping the lease frees nothing.
    pub(super) fn disarm(&mut self) -> Option<Reservation> {
        self.reservation.take()
    }

    pub(super) fn reservation(&self) -> Option<Reservation> {
        self.reservation
    }

    pub(super) fn set_opened(&mut self, reservation: Reservation) {
        self.reservation = Some(reservation);
    }
}

impl<S> Drop for Lease<S> {
    fn drop(&mut self) {
        if let Some(reservation) = self.disarm() {
            Arc::clone(&self.home).close(reservation);
        }
    }
}

/// A session acquired from a pool. Dropping it releases it; if its statement is not over, the statement is first
/// cancelled on the server, in the background.
pub struct Pooled<S: Session> {
    held: Option<(S, Lease<S>)>,
    opened: Instant,
}

impl<S: Session> Pooled<S> {
    pub(super) fn new(session: S, lease: Lease<S>, opened: Instant) -> Self {
        Self { held: Some((session, lease)), opened }
    }

    /// Takes session and lease out, because their caller has gone.
    pub(super) fn take(mut self) -> Option<(S, Lease<S>)> {
        mem::take(&mut self.held)
    }

    /// Whether an idle session can still be used.
    pub(super) fn is_fresh(&mut self, limits: &PoolLimits) -> bool {
        let opened = self.opened;
        self.held.as_mut().is_some_and(|(session, _)| is_fresh(session, opened, limits))
    }

    /// Closes the session instead of releasing it.
    pub(super) fn close(mut self) {
        self.held = None;
    }
}

impl<S: Session> Deref for Pooled<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.held.as_ref().expect("held until dropped").0
    }
}

impl<S: Session> DerefMut for Pooled<S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.held.as_mut().expect("held until dropped").0
    }
}

impl<S: Session> Drop for Pooled<S> {
    fn drop(&mut self) {
        if let Some((session, lease)) = self.held.take() {
            release(session, self.opened, lease);
        }
    }
}

/// The check that every session passes before its next user gets it, whether it was idle or that user is waiting for
/// it.
fn is_fresh<S: Session>(session: &mut S, opened: Instant, limits: &PoolLimits) -> bool {
    opened.elapsed() < limits.lifetime && session.is_quiet()
}

/// Releases a session after its use.
fn release<S: Session>(mut session: S, opened: Instant, lease: Lease<S>) {
    if session.is_reusable() {
        return hand_on(session, opened, lease);
    }
    // A statement may still be running, and its caller has gone. A task cancels the statement and keeps the room until
    // the server has stopped. Without a runtime, the session is closed.
    if session.is_recoverable() {
        background::spawn(async move {
            if session.recover().await {
                hand_on(session, opened, lease);
            }
        });
    }
}

fn hand_on<S: Session>(mut session: S, opened: Instant, lease: Lease<S>) {
    session.shrink();
    if is_fresh(&mut session, opened, lease.home.limits()) {
        Arc::clone(&lease.home).hand_on(session, opened, lease);
    }
}
