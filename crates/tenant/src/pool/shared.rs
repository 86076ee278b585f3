//! The state behind its lock, and the callers that wait for its decisions.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{sync::oneshot, time::Instant};

use super::{
    OpenError, PoolLimits, Pooled, Session,
    lease::{Home, Lease},
    owner::{Idle, Waiter},
    state::{Failure, Released, Reservation, State},
};

/// What a waiting caller gets.
pub(super) enum Grant<S: Session, E> {
    /// A session.
    Session(Pooled<S>),
    /// Room to open one.
    Room(Lease<S>),
    /// The error of the caller that tried to open the pool's first session.
    Failed(E),
}

/// What all pools share.
pub(super) struct Shared<S: Session, E: OpenError> {
    pub limits: PoolLimits,
    state: Mutex<State<S, Sender<S, E>>>,
}

type Sender<S, E> = oneshot::Sender<Grant<S, E>>;

impl<S: Session, E: OpenError> Waiter for Sender<S, E> {
    fn is_gone(&self) -> bool {
        self.is_closed()
    }
}

impl<S: Session, E: OpenError> Shared<S, E> {
    pub(super) fn new(limits: PoolLimits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::new(State::new(limits)) })
    }

    /// Reads or changes the state. It is consistent between two such calls, so a poisoned lock is no problem.
    pub(super) fn with<R>(&self, look: impl FnOnce(&mut State<S, Sender<S, E>>) -> R) -> R {
        let (found, discarded) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            (look(&mut state), state.take_discarded())
        };
        // Outside the lock, because dropping a session writes to its socket.
        drop(discarded);
        found
    }

    /// Makes a lease of a reservation.
    pub(super) fn lease(self: &Arc<Self>, reservation: Reservation) -> Lease<S> {
        Lease::new(Arc::<Self>::clone(self), reservation)
    }

    /// Lets waiting callers open sessions, as long as there is room.
    pub(super) fn serve(self: &Arc<Self>) {
        while let Some((waiter, reservation)) = self.with(State::next_opener) {
            // If the caller has just gone, its room is freed and the loop finds the next one.
            if let Err(Grant::Room(mut lease)) = waiter.send(Grant::Room(self.lease(reservation)))
                && let Some(reservation) = lease.disarm()
            {
                self.with(|state| state.close(reservation));
            }
        }
    }

    /// Notes that the lease's session is open.
    pub(super) fn opened(self: &Arc<Self>, session: S, mut lease: Lease<S>) -> Pooled<S> {
        if let Some(reservation) = lease.reservation() {
            lease.set_opened(self.with(|state| state.opened(reservation)));
        }
        self.serve();
        Pooled::new(session, lease, Instant::now())
    }

    /// Notes that the lease's session could not be opened. Returns whether its pool has others.
    pub(super) fn open_failed(self: &Arc<Self>, mut lease: Lease<S>, shared: Option<&E>) -> bool {
        let Some(reservation) = lease.disarm() else { return false };
        let Failure { shared_by, has_others } =
            self.with(|state| state.open_failed(reservation, shared.is_some()));
        if let Some(error) = shared {
            for waiter in shared_by {
                let _ = waiter.send(Grant::Failed(error.clone()));
            }
        }
        self.serve();
        has_others
    }
}

impl<S: Session, E: OpenError> Home<S> for Shared<S, E> {
    fn limits(&self) -> &PoolLimits {
        &self.limits
    }

    fn close(self: Arc<Self>, reservation: Reservation) {
        self.with(|state| state.close(reservation));
        self.serve();
    }

    fn hand_on(self: Arc<Self>, mut session: S, opened: Instant, mut lease: Lease<S>) {
        while let Some(reservation) = lease.reservation() {
            let idle = Idle { session, opened, since: Instant::now() };
            match self.with(|state| state.release(reservation, idle)) {
                Released::To(waiter, idle) => {
                    let pooled = Pooled::new(idle.session, lease, opened);
                    let Err(Grant::Session(pooled)) = waiter.send(Grant::Session(pooled)) else { return };
                    // The caller has just gone: try the next.
                    let Some(back) = pooled.take() else { return };
                    (session, lease) = back;
                }
                Released::Idle => {
                    lease.disarm();
                    return;
                }
                Released::Discarded => return,
            }
        }
    }
}
