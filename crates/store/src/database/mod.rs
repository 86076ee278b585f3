//! Connections to the control database, bounded in number and in time.
//!
//! Not sqlx's own pool: that one sends a ping with every release, which for a lookup costs about as much as the lookup,
//! and it keeps connections whose packets get lost. A bare sqlx connection was no slower than tokio-postgres, whose
//! connections live in tasks of their own.
//!
//! * A call leases a connection, and [settles](Lease::settle) it with the outcome of its statements. Whatever goes
//!   wrong with a connection, it is closed and not used again.
//! * Every step has a deadline. A call that finds the server silent has the server [probed](health); while probes fail,
//!   all calls fail at once.

mod finish;
mod health;
mod lease;
mod scope;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use postern_domain::PoolState;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};

use crate::{PoolOptions, Role, StoreError, connect};
pub(crate) use finish::finish;
use health::Health;
pub(crate) use lease::{Lease, within};
pub use scope::Scope;
pub(crate) use scope::{PgQuery, as_owner, query, transaction};

/// Time for a call's statements, and the deadline for a server that no longer answers. Longer than the server's own
/// limit (`statement_timeout` in roles.sql), so that a call that waits for a lock gets the server's answer.
pub(crate) const CALL: Duration = Duration::from_secs(4);

/// Time for a connection to be opened, with its sign-in.
const CONNECT: Duration = Duration::from_secs(2);

/// A connection that was idle for longer is asked for a sign of life first: a firewall may have forgotten it.
const TRUSTED: Duration = Duration::from_secs(10);

/// Time for that sign of life.
const PING: Duration = Duration::from_millis(500);

/// Age at which a connection is replaced, so that memory that a server process has gathered is freed.
const LIFETIME: Duration = Duration::from_mins(30);

/// The connections of one store.
#[derive(Clone)]
pub(crate) struct Database(Arc<Shared>);

struct Shared {
    options: PgConnectOptions,
    limits: PoolOptions,
    /// As many as connections may exist.
    permits: Semaphore,
    /// Calls that wait for a permit.
    waiting: AtomicUsize,
    idle: Mutex<Idle>,
    health: Health,
}

#[derive(Default)]
struct Idle {
    /// Grows when a connection fails: those of an older generation are suspect, too.
    generation: u64,
    /// The one used last is used next, so that few are kept warm.
    connections: Vec<Kept>,
}

struct Kept {
    connection: PgConnection,
    generation: u64,
    opened: Instant,
    used: Instant,
}

impl Database {
    /// Signs in as `role` once, so that what is wrong shows now and with its cause.
    pub(crate) async fn connect(url: &str, role: Role, limits: PoolOptions) -> Result<Self, StoreError> {
        let options = connect::checked(url, role).await?;
        Ok(Self::new(options, limits))
    }

    fn new(options: PgConnectOptions, limits: PoolOptions) -> Self {
        let permits =
            Semaphore::new(usize::try_from(limits.max_connections).unwrap_or(Semaphore::MAX_PERMITS));
        let (waiting, idle, health) = (AtomicUsize::new(0), Mutex::default(), Health::default());
        Self(Arc::new(Shared { options, limits, permits, waiting, idle, health }))
    }

    /// The connections as they are now.
    pub(crate) fn state(&self) -> PoolState {
        let Shared { limits, permits, waiting, .. } = &*self.0;
        let limit = usize::try_from(limits.max_connections).unwrap_or(usize::MAX);
        PoolState {
            limit,
            used: limit.saturating_sub(permits.available_permits()),
            idle: self.0.lock().connections.len(),
            waiting: waiting.load(Ordering::Relaxed),
        }
    }

    /// How statements are sent.
    pub(crate) fn pooling(&self) -> postern_domain::Pooling {
        self.0.limits.pooling
    }

    /// A connection for one call. Fails at once while the server is known not to answer.
    pub(crate) async fn lease(&self) -> Result<Lease, StoreError> {
        self.permit().await?.forget();
        let mut lease = Lease::empty(Arc::clone(&self.0));
        let kept = match self.0.usable().await {
            Some(kept) => kept,
            None => self.0.open().await?,
        };
        lease.fill(kept);
        Ok(lease)
    }

    /// A round trip that reads nothing: whether the server answers.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        let mut lease = self.lease().await?;
        let ping =
            async { Ok(sqlx::raw_sql("/* database.ping */ select").execute(lease.connection()).await?) };
        let outcome = within(CALL, ping).await;
        lease.settle(outcome).map(drop)
    }

    /// Leave to use a connection.
    async fn permit(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        let Shared { health, limits, permits, waiting, .. } = &*self.0;
        if health.is_known_to_be_down() {
            return Err(down());
        }
        if let Ok(permit) = permits.try_acquire() {
            return Ok(permit);
        }
        let _waits = Waits::new(waiting);
        tokio::select! {
            biased;
            () = health.is_down() => Err(down()),
            permit = timeout(limits.acquire_timeout, permits.acquire()) => match permit {
                Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
                Err(_) => Err(StoreError::Busy),
            },
        }
    }
}

/// Counts a call for as long as it waits.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn down() -> StoreError {
    StoreError::Unreachable("it does not answer; it is tried again until it does".into())
}

impl Shared {
    /// An idle connection that is known, or has just been seen, to work.
    async fn usable(self: &Arc<Self>) -> Option<Kept> {
        loop {
            let mut kept = self.lock().connections.pop()?;
            if kept.opened.elapsed() > LIFETIME {
                continue;
            }
            if kept.used.elapsed() <= TRUSTED {
                return Some(kept);
            }
            match timeout(PING, kept.connection.ping()).await {
                Ok(Ok(())) => return Some(kept),
                // The others have been idle for longer.
                _ => self.discard_idle(),
            }
        }
    }

    async fn open(self: &Arc<Self>) -> Result<Kept, StoreError> {
        let generation = self.lock().generation;
        match connect::open(&self.options, CONNECT).await {
            Ok(connection) => {
                let now = Instant::now();
                Ok(Kept { connection, generation, opened: now, used: now })
            }
            Err(error) => {
                if error.is_outage() {
                    self.suspect();
                }
                Err(error)
            }
        }
    }

    /// Keeps a connection, unless another one has failed since it was opened.
    fn keep(&self, mut kept: Kept) {
        kept.used = Instant::now();
        let mut idle = self.lock();
        if kept.generation == idle.generation {
            idle.connections.push(kept);
        }
    }

    /// [`Shared::keep`] for a connection that was opened without a permit.
    fn keep_if_room(&self, kept: Kept) {
        let Ok(_permit) = self.permits.try_acquire() else { return };
        // Each permit that is held may stand for a connection in use.
        let room = self.lock().connections.len() <= self.permits.available_permits();
        if room {
            self.keep(kept);
        }
    }

    fn discard_idle(&self) {
        let discarded = {
            let mut idle = self.lock();
            idle.generation += 1;
            std::mem::take(&mut idle.connections)
        };
        drop(discarded);
    }

    /// A call found the server silent or gone.
    fn suspect(self: &Arc<Self>) {
        self.discard_idle();
        health::probe(self);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;
