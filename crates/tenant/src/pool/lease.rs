//! What a caller holds: room in which a session is opened, or a session. Dropping either gives it back.

use std::{
    mem,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use tokio::time::Instant;

use super::{PoolLimits, Session, state::Reservation};
use crate::background;

/// Where leases go back to. It hides how callers wait, so that a lease only knows about its session.
pub(super) trait Home<S>: Send + Sync {
    fn limits(&self) -> &PoolLimits;
    /// Gives up room whose session is gone, or was never opened.
    fn close(self: Arc<Self>, reservation: Reservation);
    /// Hands a session to the next caller, or lets it idle.
    fn hand_on(self: Arc<Self>, session: S, opened: Instant, lease: Lease<S>);
}

/// Room for one session, counted until this is dropped or disarmed.
pub(super) struct Lease<S> {
    home: Arc<dyn Home<S>>,
    reservation: Option<Reservation>,
}

impl<S> Lease<S> {
    /// Stands for room that the state has reserved already.
    pub(super) fn new(home: Arc<dyn Home<S>>, reservation: Reservation) -> Self {
        Self { home, reservation: Some(reservation) }
    }

    /// Takes the reservation out, so that dropping the lease gives up nothing.
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

    /// Takes session and lease out, for a caller that is gone.
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

/// The one check that a session passes before its next user gets it, whether that user waits for it already or not.
fn is_fresh<S: Session>(session: &mut S, opened: Instant, limits: &PoolLimits) -> bool {
    opened.elapsed() < limits.lifetime && session.is_quiet()
}

/// Releases a session that its user is done with.
fn release<S: Session>(mut session: S, opened: Instant, lease: Lease<S>) {
    if session.is_reusable() {
        return hand_on(session, opened, lease);
    }
    // The session may be in the middle of a statement. Its user is gone, so a task cancels the statement, and keeps the
    // room until the server is done with it. Without a runtime, the session is closed.
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
