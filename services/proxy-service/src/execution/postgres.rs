//! Statements on tenants of kind `postgres`.

use std::sync::Arc;

use postern_chassis::trace;
use postern_domain::{ConnectionId, Endpoint, OwnerId, PostgresEndpoint, SecretName};
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
    run::Sender,
};

/// One statement.
pub(crate) struct Query {
    pub sql: String,
    pub params: Vec<Param>,
    /// Rows after which it ends.
    pub max_rows: u64,
}

/// A part of a result, in the order header, batches, summary.
pub(crate) enum Part {
    /// The columns.
    Header(Arc<[Column]>),
    /// Rows, column by column.
    Batch(RowBatch),
    /// How it ended.
    Summary(Summary),
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

    async fn run_query(&self, job: &Job, query: &Query, sender: &Sender<Part>) -> Result<(), Failure> {
        let reached = self.reach(job).await?;
        let span = trace::database("statement", "tenant");
        self.run_on(reached, job, query, sender).instrument(span).await
    }

    async fn run_on(
        &self,
        mut reached: Reached,
        job: &Job,
        query: &Query,
        sender: &Sender<Part>,
    ) -> Result<(), Failure> {
        let statement = Statement {
            params: &query.params,
            access_mode: reached.endpoint.access_mode,
            max_rows: query.max_rows,
            ..Statement::new(&query.sql, job.deadline)
        };
        let asked_at = Instant::now();
        let mut rows = reached.session.query(&statement).await?;
        reached.timings.first_row = asked_at.elapsed();
        stream(&mut rows, sender).await?;
        let ended = rows.summary().ok_or_else(|| Failure::Defect("a result without an end".into()))?;
        let timings = Timings { total: job.started.elapsed(), ..reached.timings };
        let (rows, command_tag, truncated) = (ended.rows, ended.command_tag.clone(), ended.truncated);
        let summary = Summary { rows, command_tag, truncated, timings, role: reached.endpoint.user };
        sender.send(Part::Summary(summary), 0).await;
        Ok(())
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
        Ok(Reached { session: acquired?, endpoint: endpoint.clone(), timings })
    }

    /// A signed-in session: from the pool of exactly this version, or a new one.
    async fn acquire(
        &self,
        job: &Job,
        connection: &SavedConnection,
        endpoint: &PostgresEndpoint,
    ) -> Result<Session, Failure> {
        let open = async || {
            let password =
                self.open_secret(job, connection, SecretName::Password).await.map_err(OpenFailure)?;
            let span = trace::database("open session", "tenant");
            Ok(connect(&self.dialer, endpoint, &password, job.deadline).instrument(span).await?)
        };
        let key = pool_key(job.owner(), connection);
        Ok(self.sessions.0.acquire(key, job.deadline, open).await?)
    }
}

/// A session with the caller's database.
struct Reached {
    session: Session,
    endpoint: PostgresEndpoint,
    timings: Timings,
}

async fn stream(rows: &mut Rows<'_>, sender: &Sender<Part>) -> Result<(), Failure> {
    sender.send(Part::Header(Arc::clone(rows.columns())), 0).await;
    while let Some(batch) = rows.next_batch().await? {
        note_rows(sender.call(), batch.rows, batch.bytes);
        let memory = batch.memory;
        sender.send(Part::Batch(batch), memory).await;
    }
    Ok(())
}
