//! Ways to the conversions for `tests/fuzz`. Behind the feature `fuzzing`, which nothing else may ask for.

use std::time::Duration;

use postern_rpc::{Problem, proxy::QueryRequest};
use postern_tenant::{Param, TenantError};

use crate::{
    execution::{Failure, postgres::Query},
    problem,
    rpc::query::Plan,
};

/// What a request would run.
#[derive(Debug)]
pub struct Planned {
    /// The statement.
    pub sql: String,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Rows after which it ends.
    pub max_rows: u64,
    /// Time that it is given.
    pub timeout: Duration,
}

/// What a request would run, or why it would not.
pub fn plan(request: QueryRequest) -> Result<Planned, Problem> {
    let Plan { query: Query { sql, params, max_rows }, timeout, .. } = Plan::parse(request)?;
    Ok(Planned { sql, params, max_rows, timeout })
}

/// The user's error when a tenant's database gives no result.
pub fn problem(error: &TenantError) -> Problem {
    problem::of(&Failure::from(error.clone()))
}
