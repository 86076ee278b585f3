//! The one way to a tenant, whatever door a call comes through: admit → look up → acquire → run → outcome.
//!
//! * A call is admitted before anything is done for it ([`admission`]).
//! * Its connection is looked up anew, under row level security ([`lookup`]), so that a changed or deleted one is dead
//!   for the very next call, and once a second while the call runs ([`withdrawal`]). Owners take turns at the control
//!   database.
//! * A session is acquired from the pool of exactly that version. The secret is opened only when a session is.
//! * The result leaves in parts, through a queue that is bounded by bytes ([`queue`], [`budget`]).
//! * However the call ends, its [`outcome`] is recorded in one place.
//!
//! Nothing here knows protobuf. What is done with a session is up to the kind of tenant: [`postgres`],
//! [`supabase`].

mod admission;
mod budget;
mod failure;
mod gauges;
mod lookup;
mod outcome;
pub(crate) mod postgres;
mod queue;
mod run;
pub(crate) mod supabase;
mod withdrawal;

use std::{sync::Arc, time::Duration};

use postern_chassis::{Lifecycle, SignedIn, call::Call, trace};
use postern_crypto_client::Opener;
use postern_domain::{ConnectionId, ConnectionName, OwnerId, Secret, SecretName};
use postern_egress::Dialer;
use postern_store::{ProxyStore, SavedConnection};
use postern_tenant::{PoolKey, PoolLimits};
use tokio::time::Instant;
use tracing::Instrument;

use admission::Admission;
pub use admission::AdmissionLimits;
pub(crate) use admission::Refusal;
pub(crate) use failure::Failure;
use lookup::Lookups;
pub(crate) use outcome::Timings;
pub(crate) use run::Parts;

/// Everything that a call goes through.
pub(crate) struct Core {
    admission: Admission,
    lookups: Lookups,
    opener: Opener,
    dialer: Dialer,
    sessions: postgres::Sessions,
    projects: supabase::Projects,
    life: Lifecycle,
    cancel_on_change: bool,
}

/// What a core is made of.
pub(crate) struct Parameters {
    pub store: ProxyStore,
    pub opener: Opener,
    pub dialer: Dialer,
    pub pools: PoolLimits,
    pub admission: AdmissionLimits,
    /// Calls that outlast its drain are ended.
    pub life: Lifecycle,
    /// Whether a call ends when its connection is changed or deleted while it runs.
    pub cancel_on_change: bool,
}

/// A call, as the door that it came through hands it over.
pub(crate) struct Job {
    pub call: Call,
    pub caller: SignedIn,
    /// The caller's name for the connection.
    pub connection: ConnectionName,
    pub started: Instant,
    /// When everything must be over.
    pub deadline: Instant,
}

impl Job {
    fn owner(&self) -> OwnerId {
        self.caller.principal.owner()
    }
}

impl Core {
    /// To be called within a runtime.
    pub(crate) fn new(parameters: Parameters) -> Arc<Self> {
        let core = Arc::new(Self {
            admission: Admission::new(parameters.admission),
            lookups: Lookups::new(parameters.store),
            opener: parameters.opener,
            dialer: parameters.dialer,
            sessions: postgres::Sessions::new(parameters.pools),
            projects: supabase::Projects::new(parameters.pools),
            life: parameters.life,
            cancel_on_change: parameters.cancel_on_change,
        });
        core.follow_denials();
        core
    }

    /// The caller's connection as it is now. Sessions of one that its name no longer leads to are dropped at once.
    async fn look_up(&self, job: &Job) -> Result<Arc<SavedConnection>, Failure> {
        let found = self.lookups.look_up(job.caller.principal.caller(), &job.connection).await?;
        if let Some(gone) = found.gone {
            self.evict(job.owner(), gone);
        }
        found.connection.ok_or_else(|| Failure::NotFound(job.connection.clone()))
    }

    /// [`Core::look_up`], recorded for the outcome, and the time that it took.
    async fn find(&self, job: &Job) -> Result<(Arc<SavedConnection>, Duration), Failure> {
        let since = Instant::now();
        let span = trace::database("look up connection", "control");
        let connection = self.look_up(job).instrument(span).await?;
        let lookup = since.elapsed();
        outcome::note_connection(&job.call, &connection, lookup);
        Ok((connection, lookup))
    }

    /// Opens one of the connection's secrets. The context is made from the row as it is now, so a row that was swapped
    /// does not open.
    async fn open_secret(
        &self,
        job: &Job,
        connection: &SavedConnection,
        name: SecretName,
    ) -> Result<Secret, Failure> {
        let span = trace::database("read seals", "control");
        let sealed = self.lookups.secret(job.owner(), connection, name).instrument(span).await?;
        self.opener.open(&job.caller, &connection.endpoint, name, &sealed).await.map_err(Failure::Seal)
    }

    fn evict(&self, owner: OwnerId, connection: ConnectionId) {
        self.sessions.evict(owner, connection);
        self.projects.evict(owner, connection);
    }
}

/// The pool of exactly this version of a connection.
fn pool_key(owner: OwnerId, connection: &SavedConnection) -> PoolKey {
    PoolKey { owner, connection: connection.id, version: connection.version }
}
