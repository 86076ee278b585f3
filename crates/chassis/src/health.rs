//! Whether a replica should get calls, and the state of what it depends on.
//!
//! A replica becomes ready once everything that it depends on was reached. After that, a dependency's outage is shown
//! but changes nothing: all replicas share it, and without any of them a load balancer has nowhere to send calls, not
//! even those that need no such dependency. A replica becomes unready again only by a fault of its own, or when it
//! stops.

use std::{
    fmt::Display,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Duration, sleep},
};

use crate::Lifecycle;

/// The health of one service. Clones are one health.
#[derive(Clone)]
pub struct Health(Arc<Shared>);

struct Shared {
    service: &'static str,
    state: Mutex<State>,
    ready: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// Where the service takes calls, once it does.
    serving_at: Option<SocketAddr>,
    leaving: bool,
    was_ready: bool,
    dependencies: Vec<(&'static str, Reach)>,
    faults: Vec<(&'static str, bool)>,
}

/// How far a dependency was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Not yet since the start.
    Awaited,
    /// The last attempt succeeded.
    Reached,
    /// It was reached before; the last attempt failed.
    Failing,
}

/// What `/readyz` shows. Names and words only: no address and no error text.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether the replica should get calls.
    pub ready: bool,
    /// Faults of this replica.
    pub faults: Vec<&'static str>,
    /// It was asked to stop.
    pub stopping: bool,
    /// What it depends on.
    pub dependencies: Vec<DependencyReport>,
}

/// One dependency in a [`Report`].
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct DependencyReport {
    /// Its name, such as `control database`.
    pub name: &'static str,
    /// How far it was reached.
    pub state: Reach,
}

impl Health {
    /// The health of a service that is starting. To be called within a runtime.
    pub fn new(service: &'static str, life: &Lifecycle) -> Self {
        let (state, ready) = (Mutex::default(), watch::Sender::new(false));
        let health = Self(Arc::new(Shared { service, state, ready }));
        let (leaving, life) = (health.clone(), life.clone());
        tokio::spawn(async move {
            life.leaving().await;
            leaving.update(|state| state.leaving = true);
        });
        health
    }

    /// Adds something that must be reached before the service is ready.
    pub fn dependency(&self, name: &'static str) -> Dependency {
        self.update(|state| state.dependencies.push((name, Reach::Awaited)));
        Dependency { health: self.clone(), name }
    }

    /// Adds a condition of this replica that makes it unready while it holds.
    pub fn fault(&self, name: &'static str) -> Fault {
        self.update(|state| state.faults.push((name, false)));
        Fault { health: self.clone(), name }
    }

    /// The service takes calls from now on. It is ready once its dependencies were reached, which the log says.
    pub fn serving(&self, at: SocketAddr) {
        self.update(|state| state.serving_at = Some(at));
    }

    /// Whether the service is ready, now and later.
    pub fn ready(&self) -> watch::Receiver<bool> {
        self.0.ready.subscribe()
    }

    /// The state of everything at this moment.
    pub fn report(&self) -> Report {
        let state = self.lock();
        Report {
            ready: state.is_ready(),
            faults: state.faults.iter().filter(|(_, holds)| *holds).map(|(name, _)| *name).collect(),
            stopping: state.leaving,
            dependencies: state
                .dependencies
                .iter()
                .map(|&(name, state)| DependencyReport { name, state })
                .collect(),
        }
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let ready = state.is_ready();
        let first_at = state.serving_at.filter(|_| ready && !state.was_ready);
        state.was_ready |= ready;
        // Under the lock, so that readers see the changes in their order.
        self.0.ready.send_if_modified(|before| std::mem::replace(before, ready) != ready);
        drop(state);
        if let Some(address) = first_at {
            tracing::info!(%address, "{} is ready", self.0.service);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_ready(&self) -> bool {
        let reached = || self.dependencies.iter().all(|(_, reach)| *reach != Reach::Awaited);
        let sound = || self.faults.iter().all(|(_, holds)| !holds);
        self.serving_at.is_some() && !self.leaving && reached() && sound()
    }
}

/// Something that a service needs and that runs elsewhere. Clones are one dependency.
#[derive(Clone)]
pub struct Dependency {
    health: Health,
    name: &'static str,
}

impl Dependency {
    /// Notes that it was reached.
    pub fn reached(&self) {
        if self.set(Reach::Reached) == Reach::Failing {
            tracing::info!("{} is reached again", self.name);
        }
    }

    /// Notes that an attempt to reach it failed, and logs why, once per outage.
    pub fn failed(&self, cause: &str) {
        if self.set(Reach::Failing) == Reach::Reached {
            tracing::warn!("{}: {cause}", self.name);
        }
    }

    /// Sets the state, and returns the one before. What was never reached stays awaited.
    fn set(&self, to: Reach) -> Reach {
        let mut before = Reach::Awaited;
        self.health.update(|state| {
            let found = state.dependencies.iter_mut().find(|(name, _)| *name == self.name);
            let (_, reach) = found.expect("a dependency is added when it is made, and never removed");
            before = *reach;
            if to == Reach::Reached || before != Reach::Awaited {
                *reach = to;
            }
        });
        before
    }

    /// Tries again and again, at growing intervals, until `connect` succeeds: `None` if the service is asked to stop
    /// before that. A failure that is `permanent` is returned.
    pub async fn reach<T, E: Display, F: Future<Output = Result<T, E>>>(
        &self,
        life: &Lifecycle,
        connect: impl Fn() -> F,
        permanent: impl Fn(&E) -> bool,
    ) -> Result<Option<T>, E> {
        let trying = async {
            let (mut pause, mut told) = (FIRST_PAUSE, String::new());
            loop {
                match connect().await {
                    Ok(connected) => return Ok(connected),
                    Err(error) if permanent(&error) => return Err(error),
                    Err(error) => self.tell(&mut told, error.to_string()),
                }
                sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        };
        let connected = tokio::select! {
            connected = trying => connected?,
            () = life.stopping() => return Ok(None),
        };
        self.reached();
        Ok(Some(connected))
    }

    /// [`Dependency::reach`], and then [`Dependency::watch`] with probes of what was connected.
    pub async fn reach_and_watch<T, E, F, P>(
        self,
        life: &Lifecycle,
        connect: impl Fn() -> F,
        permanent: impl Fn(&E) -> bool,
        probe: impl Fn(T) -> P + Send + Sync + 'static,
    ) -> Result<Option<T>, E>
    where
        T: Clone + Send + Sync + 'static,
        E: Display + Send + 'static,
        F: Future<Output = Result<T, E>>,
        P: Future<Output = Result<(), E>> + Send + 'static,
    {
        let reached = self.reach(life, connect, permanent).await?;
        if let Some(connected) = reached.clone() {
            tokio::spawn(self.watch(life.clone(), move || probe(connected.clone())));
        }
        Ok(reached)
    }

    /// Logs a cause, unless it is the one that was logged last.
    fn tell(&self, told: &mut String, cause: String) {
        if *told != cause {
            tracing::warn!("not ready: waiting for {}: {cause}", self.name);
            *told = cause;
        }
    }

    /// Probes it for as long as the service runs: often until it was reached, then now and then.
    pub async fn watch<E: Display, F: Future<Output = Result<(), E>>>(
        self,
        life: Lifecycle,
        probe: impl Fn() -> F,
    ) {
        if !matches!(self.reach(&life, &probe, |_| false).await, Ok(Some(()))) {
            return;
        }
        let again = async {
            loop {
                sleep(PROBE).await;
                match probe().await {
                    Ok(()) => self.reached(),
                    Err(error) => self.failed(&error.to_string()),
                }
            }
        };
        tokio::select! { () = again => {} () = life.stopping() => {} }
    }
}

/// Pauses between attempts to reach a dependency for the first time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Time between two probes of a dependency that was reached.
const PROBE: Duration = Duration::from_secs(10);

/// A condition of this replica that makes it unready while it holds. Clones are one condition.
#[derive(Clone)]
pub struct Fault {
    health: Health,
    name: &'static str,
}

impl Fault {
    /// Sets whether the condition holds.
    pub fn set(&self, holds: bool) {
        self.health.update(|state| {
            let found = state.faults.iter_mut().find(|(name, _)| *name == self.name);
            found.expect("a fault is added when it is made, and never removed").1 = holds;
        });
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
