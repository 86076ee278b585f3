//! Statements on tenants of kind `postgres`.

use std::{mem, pin::pin, sync::Arc};

use futures_util::FutureExt;
use postern_chassis::trace;
use postern_domain::{AccessMode, ConnectionId, Endpoint, OwnerId, PostgresEndpoint, SecretName};
use postern_store::SavedConnection;
use postern_tenant::{
    Column, Param, PoolLimits, PoolStats, Pooled, Pools, PostgresSession, RowBatch, Rows, Statement,
    Truncation, connect,
};
use tokio::time::Instant;
use tracing::Instrument;

use super::{
    Core, Failure, Job, Parts, Timings,
    failure::OpenFailure,
    outcome::{note_acquired, note_rows},
    pool_key,
    queue::Last,
    run::Sender,
};

/// One statement.
pub(crate) struct Query {
    pub sql: String,
    pub params: Vec<Param>,
    /// Rows after which it ends.
    pub max_rows: u64,
}

/// A part of a result. A small one is a single part.
#[derive(Default)]
pub(crate) struct Part {
    /// The columns, in the first part.
    pub columns: Option<Arc<[Column]>>,
    /// Rows, column by column.
    pub batch: Option<RowBatch>,
    /// How the result ended, in the last part.
    pub summary: Option<Summary>,
}

/// How a result ended.
pub(crate) struct Summary {
    pub rows: u64,
    /// Postgres' command tag; empty when the server stopped at the cut.
    pub command_tag: String,
    /// Why rows were left out, if they were.
    pub truncated: Option<Truncation>,
    pub timings: Timings,
    /// Role that the statement ran as.
    pub role: String,
}

/// The sessions with tenants' Postgres servers.
pub(super) struct Sessions(Pools<PostgresSession, OpenFailure>);

type Session = Pooled<PostgresSession>;

impl Sessions {
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
    /// Runs a statement on the caller's connection.
    pub(crate) async fn query(self: &Arc<Self>, job: Job, query: Query) -> Result<Parts<Part>, Failure> {
        self.run(job, |core, job, sender| async move { core.run_query(&job, &query, &sender).await }).await
    }

    async fn run_query(
        &self,
        job: &Job,
        query: &Query,
        sender: &Sender<Part>,
    ) -> Result<Option<Last<Part>>, Failure> {
        let reached = self.reach(job).await?;
        let (connection, since) = (Arc::clone(&reached.connection), reached.looked_up_at);
        let span = trace::database("statement", "tenant");
        let running = self.run_on(reached, job, query, sender).instrument(span);
        self.while_allowed(job, &connection, since, running).await
    }

    async fn run_on(
        &self,
        mut reached: Reached,
        job: &Job,
        query: &Query,
        sender: &Sender<Part>,
    ) -> Result<Option<Last<Part>>, Failure> {
        let statement = Statement {
            params: &query.params,
            access_mode: reached.access_mode,
            max_rows: query.max_rows,
            ..Statement::new(&query.sql, job.deadline)
        };
        let asked_at = Instant::now();
        let mut rows = reached.session.query(&statement).await?;
        reached.timings.first_row = asked_at.elapsed();
        let (last, bytes) = stream(&mut rows, sender).await?;
        let ended = rows.summary().ok_or_else(|| Failure::Defect("a result without an end".into()))?;
        let timings = Timings { total: job.started.elapsed(), ..reached.timings };
        let (rows, command_tag, truncated) = (ended.rows, ended.command_tag.clone(), ended.truncated);
        let summary = Summary { rows, command_tag, truncated, timings, role: reached.role };
        Ok(Some(Last { part: Part { summary: Some(summary), ..last }, bytes }))
    }

    /// Looks the connection up and acquires a session; once more if the connection was saved anew between the two.
    async fn reach(&self, job: &Job) -> Result<Reached, Failure> {
        match self.try_reach(job).await {
            Err(Failure::Superseded) => self.try_reach(job).await,
            reached => reached,
        }
    }

    async fn try_reach(&self, job: &Job) -> Result<Reached, Failure> {
        let (connection, lookup) = self.find(job).await?;
        let Endpoint::Postgres(endpoint) = &connection.endpoint else {
            return Err(Failure::OtherKind(connection.endpoint.kind()));
        };
        let acquire_at = Instant::now();
        let span = trace::step("acquire session");
        let acquired = self.acquire(job, &connection, endpoint).instrument(span).await;
        let acquire = note_acquired(&job.call, acquire_at);
        let timings = Timings { lookup, acquire, ..Timings::default() };
        let (access_mode, role) = (endpoint.access_mode, endpoint.user.clone());
        let session = acquired?;
        Ok(Reached { session, connection, looked_up_at: acquire_at, access_mode, role, timings })
    }

    /// A signed-in session: from the pool of exactly this version, or a new one.
    async fn acquire(
        &self,
        job: &Job,
        connection: &SavedConnection,
        endpoint: &PostgresEndpoint,
    ) -> Result<Session, Failure> {
        // Boxed, so that a call that finds an open session does not carry the room for opening one.
        let open = || {
            Box::pin(async {
                let password =
                    self.open_secret(job, connection, SecretName::Password).await.map_err(OpenFailure)?;
                let span = trace::database("open session", "tenant");
                Ok(connect(&self.dialer, endpoint, &password, job.deadline).instrument(span).await?)
            })
        };
        let key = pool_key(job.owner(), connection);
        Ok(self.sessions.0.acquire(key, job.deadline, open).await?)
    }
}

/// A session with the caller's database.
struct Reached {
    session: Session,
    connection: Arc<SavedConnection>,
    looked_up_at: Instant,
    access_mode: AccessMode,
    /// Role that the session signed in as.
    role: String,
    timings: Timings,
}

/// Rows up to this size wait until it is known whether the end is here too. A larger batch is one of many, most likely,
/// and two of them are not held at a time.
const SMALL: usize = 16 * 1024;

/// Sends the columns and rows, except what is ready together with the end: that is returned, with its size.
async fn stream(rows: &mut Rows<'_>, sender: &Sender<Part>) -> Result<(Part, usize), Failure> {
    let mut part = Part { columns: Some(Arc::clone(rows.columns())), ..Part::default() };
    let mut bytes = 0;
    loop {
        let mut next = pin!(rows.next_batch());
        let batch = if let Some(ready) = next.as_mut().now_or_never() {
            ready?
        } else {
            flush(&mut part, &mut bytes, sender).await;
            next.await?
        };
        let Some(batch) = batch else { return Ok((part, bytes)) };
        note_rows(sender.call(), batch.rows, batch.bytes);
        if part.batch.is_some() {
            flush(&mut part, &mut bytes, sender).await;
        }
        bytes = batch.memory;
        part.batch = Some(batch);
        if bytes > SMALL {
            flush(&mut part, &mut bytes, sender).await;
        }
    }
}

/// Sends what is in the part, if anything, and leaves it empty.
async fn flush(part: &mut Part, bytes: &mut usize, sender: &Sender<Part>) {
    if part.columns.is_some() || part.batch.is_some() {
        sender.send(mem::take(part), mem::take(bytes)).await;
    }
}
