//! `Query`: one statement, and its result as a stream.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use postern_chassis::{
    SignedIn,
    call::{self, Call},
    signed_in,
};
use postern_domain::{ConnectionName, limits::SQL_BYTES};
use postern_rpc::{
    Problem,
    proxy::{self, QueryRequest, QueryResponse},
};
use tokio::time::Instant;
use tokio_stream::Stream;
use tonic::{Request, Status};

use super::convert;
use crate::{
    execution::{
        Core, Failure, Job, Parts,
        postgres::{Part, Query, Summary},
    },
    problem,
};

const DEFAULT_ROWS: u64 = 10_000;
const MOST_ROWS: u64 = 10_000_000;
const MOST_PARAMETERS: usize = 65_535;

pub(super) async fn query(core: &Arc<Core>, request: Request<QueryRequest>) -> Result<Responses, Status> {
    let (caller, call) = (signed_in(&request)?.clone(), call::call(&request));
    let plan = Plan::parse(request.into_inner())?;
    let (job, query) = plan.into_job(call, caller);
    let parts = core.query(job, query).await.map_err(|failure| problem::of(&failure))?;
    Ok(Responses(parts))
}

/// A request that can be run.
pub(crate) struct Plan {
    connection: ConnectionName,
    pub(crate) query: Query,
    pub(crate) timeout: Duration,
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
        let query = Query {
            sql: request.sql,
            params: request.parameters.into_iter().map(convert::param).collect(),
            max_rows: max_rows(request.max_rows)?,
        };
        Ok(Self { connection, query, timeout: super::timeout(request.timeout)? })
    }

    fn into_job(self, call: Call, caller: SignedIn) -> (Job, Query) {
        let started = Instant::now();
        let deadline = started + self.timeout;
        (Job { call, caller, connection: self.connection, started, deadline }, self.query)
    }
}

fn max_rows(asked: i64) -> Result<u64, Problem> {
    match u64::try_from(asked) {
        Ok(0) => Ok(DEFAULT_ROWS),
        Ok(rows) if rows <= MOST_ROWS => Ok(rows),
        _ => Err(Problem::field("max_rows", "max_rows is at most 10000000; 0 means 10000")),
    }
}

/// The parts of a result as messages.
pub struct Responses(Parts<Part>);

impl Stream for Responses {
    type Item = Result<QueryResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.0).poll_next(cx));
        Poll::Ready(next.map(|part| part.and_then(response).map_err(|failure| problem::of(&failure).into())))
    }
}

fn response(Part { columns, batch, summary }: Part) -> Result<QueryResponse, Failure> {
    Ok(QueryResponse {
        header: columns.map(|columns| convert::header(&columns)),
        batch: batch.map(convert::batch).transpose()?,
        summary: summary.map(to_message).transpose()?,
    })
}

fn to_message(summary: Summary) -> Result<proxy::Summary, Failure> {
    let too_many = |_| Failure::Defect("a number of rows beyond 64 bits".into());
    Ok(proxy::Summary {
        row_count: summary.rows.try_into().map_err(too_many)?,
        command_tag: summary.command_tag,
        truncation: convert::truncation(summary.truncated).into(),
        timings: Some(convert::timings(&summary.timings)),
        role: summary.role,
    })
}
