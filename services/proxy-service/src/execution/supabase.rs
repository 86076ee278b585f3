//! Requests to tenants of kind `supabase`.

use bytes::Bytes;
use postern_chassis::trace;
use postern_domain::{
    ConnectionId, Endpoint, OwnerId,
    supabase::{SupabaseEndpoint, SupabaseKey},
};
use postern_store::SavedConnection;
use postern_tenant::{
    PoolLimits, PoolStats, Pooled, Pools,
    supabase::{
        Bounds, Request, Response, SupabaseConnection, SupabaseError, connect, hints::BODY_START_BYTES,
    },
};
use tokio::time::Instant;
use tracing::Instrument;

use std::sync::Arc;

use super::{
    Core, Failure, Job, Parts, Timings,
    failure::OpenFailure,
    outcome::{note_acquired, note_rows},
    pool_key,
    run::Sender,
};

/// Bytes that the body of one answer may have.
const BODY_BYTES: u64 = 256 * 1024 * 1024;

/// A part of an answer, in the order head, body, summary.
pub(crate) enum ForwardPart {
    /// Status and headers.
    Head {
        /// The HTTP status.
        status: u16,
        /// The headers that are passed on, with their names in lower case.
        headers: Vec<(&'static str, String)>,
    },
    /// Some of the body.
    Body(Bytes),
    /// How it ended.
    Summary {
        /// Bytes of the body.
        bytes: u64,
        /// Where the time went.
        timings: Timings,
        /// What to do about an error that the project answered with, if that is known.
        hint: Option<String>,
    },
}

/// The connections to projects.
pub(super) struct Projects(Pools<SupabaseConnection, OpenFailure>);

type Connection = Pooled<SupabaseConnection>;

impl Projects {
    pub(super) fn new(limits: PoolLimits) -> Self {
        Self(Pools::new(limits))
    }

    pub(super) fn evict(&self, owner: OwnerId, connection: ConnectionId) {
        self.0.evict(owner, connection);
    }

    pub(super) fn stats(&self) -> PoolStats {
        self.0.stats()
    }
}

impl Core {
    /// Sends one request to the caller's project.
    pub(crate) async fn forward(
        self: &Arc<Self>,
        job: Job,
        request: Request,
    ) -> Result<Parts<ForwardPart>, Failure> {
        self.run(job, |core, job, sender| async move {
            core.run_forward(&job, &request, &sender).await.map(|()| None)
        })
        .await
    }

    async fn run_forward(
        &self,
        job: &Job,
        request: &Request,
        sender: &Sender<ForwardPart>,
    ) -> Result<(), Failure> {
        match self.exchange(job, request, sender).await {
            // A kept connection that has ended: nothing was sent, or it may be sent again without harm.
            Err(Failure::Project(error)) if error.may_retry(request.method) && !sender.has_sent() => {
                self.exchange(job, request, sender).await
            }
            ended => ended,
        }
    }

    async fn exchange(
        &self,
        job: &Job,
        request: &Request,
        sender: &Sender<ForwardPart>,
    ) -> Result<(), Failure> {
        let Reached { mut connection, saved, looked_up_at, mut timings } = match self.reach_project(job).await
        {
            Err(Failure::Superseded) => self.reach_project(job).await,
            reached => reached,
        }?;
        let asked_at = Instant::now();
        let bounds = Bounds { head: job.deadline, deadline: job.deadline, body_bytes: BODY_BYTES };
        let span = trace::http("request");
        let exchanging = async move {
            let response = connection.send(request, &bounds).await?;
            timings.first_row = asked_at.elapsed();
            stream(response, sender, timings, job.started).await
        };
        self.while_allowed(job, &saved, looked_up_at, exchanging.instrument(span)).await
    }

    async fn reach_project(&self, job: &Job) -> Result<Reached, Failure> {
        let (saved, lookup) = self.find(job).await?;
        let Endpoint::Supabase(endpoint) = &saved.endpoint else {
            return Err(Failure::OtherKind(saved.endpoint.kind()));
        };
        let acquire_at = Instant::now();
        let span = trace::step("acquire connection");
        let acquired = self.acquire_project(job, &saved, endpoint).instrument(span).await;
        let acquire = note_acquired(&job.call, acquire_at);
        let connection = acquired?;
        let timings = Timings { lookup, acquire, ..Timings::default() };
        Ok(Reached { connection, saved, looked_up_at: acquire_at, timings })
    }

    /// A connection to the project: from the pool of exactly this version, or a new one.
    async fn acquire_project(
        &self,
        job: &Job,
        connection: &SavedConnection,
        endpoint: &SupabaseEndpoint,
    ) -> Result<Connection, Failure> {
        let open = async || {
            let name = endpoint.serving.secret_name();
            let secret = self.open_secret(job, connection, name).await.map_err(OpenFailure)?;
            let key = SupabaseKey::parse(&secret).map_err(|_| OpenFailure(Failure::NoSecret))?;
            connect(&self.dialer, endpoint, &key, job.deadline)
                .instrument(trace::http("open connection"))
                .await
                .map_err(|error| OpenFailure(error.into()))
        };
        let key = pool_key(job.owner(), connection);
        Ok(self.projects.0.acquire(key, job.deadline, open).await?)
    }
}

/// A connection to the caller's project.
struct Reached {
    connection: Connection,
    saved: Arc<SavedConnection>,
    looked_up_at: Instant,
    timings: Timings,
}

async fn stream(
    mut response: Response<'_>,
    sender: &Sender<ForwardPart>,
    timings: Timings,
    started: Instant,
) -> Result<(), Failure> {
    let (status, headers) = (response.status(), response.headers().to_vec());
    sender.send(ForwardPart::Head { status, headers }, 0).await;
    let (mut bytes, mut start) = (0, Vec::new());
    while let Some(chunk) = response.next_chunk().await? {
        bytes += chunk.len() as u64;
        if status >= 400 && start.len() < BODY_START_BYTES {
            start.extend_from_slice(&chunk[..chunk.len().min(BODY_START_BYTES - start.len())]);
        }
        note_rows(sender.call(), 0, chunk.len());
        let length = chunk.len();
        sender.send(ForwardPart::Body(chunk), length).await;
    }
    let hint = if status >= 400 { response.hint(&start) } else { None };
    let timings = Timings { total: started.elapsed(), ..timings };
    sender.send(ForwardPart::Summary { bytes, timings, hint }, 0).await;
    Ok(())
}

impl From<SupabaseError> for Failure {
    fn from(error: SupabaseError) -> Self {
        match error {
            SupabaseError::Timeout => Self::Timeout,
            other => Self::Project(other),
        }
    }
}
