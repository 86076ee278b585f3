//! `Query`: runs one statement and streams its result.

use std::{sync::Arc, time::Duration};

use postern_chassis::SignedIn;
use postern_domain::{AccessMode, ConnectionName, Endpoint, limits::SQL_BYTES};
use postern_rpc::{
    Problem,
    proxy::{QueryRequest, QueryResponse, Summary, Timings, query_response::Part},
};
use postern_store::SavedConnection;
use postern_tenant::{Param, Pooled, Rows, Statement, TenantError};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::{Instant, sleep_until},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::{convert, problem, tenants::Tenants};

/// The stream of a result's parts.
pub(super) type Parts = ReceiverStream<Result<QueryResponse, Status>>;

/// Parts that may wait for a slow reader. With more, memory would grow with the number of slow readers; with fewer,
/// reading from the tenant and writing to the caller would take turns.
const WAITING_PARTS: usize = 2;

/// Time beyond the deadline for the driver to stop the statement and say so itself.
const GRACE: Duration = Duration::from_secs(3);

const DEFAULT_ROWS: u64 = 10_000;
const MOST_ROWS: u64 = 10_000_000;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_TIMEOUT: Duration = Duration::from_mins(5);
const MOST_PARAMETERS: usize = 65_535;

/// Checks the request and starts the query in a task of its own. The task ends when the result does, or when the caller
/// goes away.
pub(super) fn query(
    tenants: Arc<Tenants>,
    caller: SignedIn,
    request: QueryRequest,
) -> Result<Parts, Problem> {
    let plan = Plan::parse(request)?;
    let (parts, answer): (Sender<_>, Receiver<_>) = channel(WAITING_PARTS);
    tokio::spawn(async move {
        let outcome = tokio::select! {
            outcome = plan.run(&tenants, &caller, &parts) => outcome,
            // Dropping the running query cancels its statement on the tenant's server.
            () = parts.closed() => return,
            // So does a caller that stops reading: it may not hold the session for longer than the statement was given.
            () = sleep_until(plan.deadline + GRACE) => Err(problem::of(&TenantError::Timeout)),
        };
        if let Err(problem) = outcome {
            let _ = parts.send(Err(problem.into())).await;
        }
    });
    Ok(ReceiverStream::new(answer))
}

/// A request that can be run.
pub(crate) struct Plan {
    connection: ConnectionName,
    pub(crate) sql: String,
    pub(crate) params: Vec<Param>,
    pub(crate) max_rows: u64,
    pub(crate) started: Instant,
    pub(crate) deadline: Instant,
}

impl Plan {
    pub(crate) fn parse(request: QueryRequest) -> Result<Self, Problem> {
        let connection = ConnectionName::parse(&request.connection)
            .map_err(|error| Problem::field("connection", error.to_string()))?;
        if request.sql.trim().is_empty() || request.sql.len() > SQL_BYTES || request.sql.contains('\0') {
            return Err(Problem::field("sql", "a statement has 1 byte to 256 KiB and no NUL"));
        }
        if request.parameters.len() > MOST_PARAMETERS {
            return Err(Problem::field("parameters", "a statement has at most 65535 parameters"));
        }
        let started = Instant::now();
        Ok(Self {
            connection,
            sql: request.sql,
            params: request.parameters.into_iter().map(convert::param).collect(),
            max_rows: max_rows(request.max_rows)?,
            started,
            deadline: started + timeout(request.timeout)?,
        })
    }

    async fn run(&self, tenants: &Tenants, caller: &SignedIn, parts: &Answer) -> Result<(), Problem> {
        let (resolved, resolved_at, mut connection) = self.reach(tenants, caller).await?;
        let reached_at = Instant::now();

        let Endpoint::Postgres(endpoint) = resolved.endpoint;
        let statement = self.statement(endpoint.access_mode);
        let mut rows = connection.query(&statement).await.map_err(|error| problem::of(&error))?;
        let first_row_at = Instant::now();
        stream(&mut rows, parts).await?;

        let timings = Timings {
            lookup: Some(convert::span(resolved_at - self.started)),
            acquire: Some(convert::span(reached_at - resolved_at)),
            first_row: Some(convert::span(first_row_at - reached_at)),
            total: Some(convert::span(self.started.elapsed())),
        };
        let summary = summary(&rows, timings, endpoint.user)?;
        send(parts, Part::Summary(summary)).await
    }

    /// Resolves and connects; once more if the connection was saved anew between the two.
    async fn reach(
        &self,
        tenants: &Tenants,
        caller: &SignedIn,
    ) -> Result<(SavedConnection, Instant, Pooled), Problem> {
        let mut again = true;
        loop {
            let resolved = tenants.resolve(caller, &self.connection).await?;
            let resolved_at = Instant::now();
            match tenants.reach(caller, &resolved, self.deadline).await {
                Ok(connection) => return Ok((resolved, resolved_at, connection)),
                Err(TenantError::Superseded) if again => again = false,
                Err(error) => return Err(problem::of(&error)),
            }
        }
    }

    fn statement(&self, access_mode: AccessMode) -> Statement<'_> {
        Statement {
            params: &self.params,
            access_mode,
            max_rows: self.max_rows,
            ..Statement::new(&self.sql, self.deadline)
        }
    }
}

type Answer = Sender<Result<QueryResponse, Status>>;

async fn stream(rows: &mut Rows<'_>, parts: &Answer) -> Result<(), Problem> {
    send(parts, Part::Header(convert::header(rows.columns()))).await?;
    while let Some(batch) = rows.next_batch().await.map_err(|error| problem::of(&error))? {
        send(parts, Part::Batch(convert::batch(batch)?)).await?;
    }
    Ok(())
}

/// Waits while the caller reads more slowly than the tenant writes: the tenant then waits too.
async fn send(parts: &Answer, part: Part) -> Result<(), Problem> {
    // A caller that is gone ends the task by itself.
    let _ = parts.send(Ok(QueryResponse { part: Some(part) })).await;
    Ok(())
}

fn summary(rows: &Rows<'_>, timings: Timings, role: String) -> Result<Summary, Problem> {
    let ended = rows.summary().ok_or_else(Problem::internal)?;
    Ok(Summary {
        row_count: ended.rows.try_into().map_err(|_| Problem::internal())?,
        command_tag: ended.command_tag.clone(),
        truncation: convert::truncation(ended.truncated).into(),
        timings: Some(timings),
        role,
    })
}

fn max_rows(asked: i64) -> Result<u64, Problem> {
    match u64::try_from(asked) {
        Ok(0) => Ok(DEFAULT_ROWS),
        Ok(rows) if rows <= MOST_ROWS => Ok(rows),
        _ => Err(Problem::field("max_rows", "max_rows is at most 10000000; 0 means 10000")),
    }
}

fn timeout(asked: Option<prost_types::Duration>) -> Result<Duration, Problem> {
    let Some(asked) = asked else { return Ok(DEFAULT_TIMEOUT) };
    match Duration::try_from(asked) {
        Ok(timeout) if !timeout.is_zero() && timeout <= LONGEST_TIMEOUT => Ok(timeout),
        _ => Err(Problem::field("timeout", "timeout is more than 0 and at most 300 s")),
    }
}
