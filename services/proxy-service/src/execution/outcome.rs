//! How a call went, recorded in one place, whatever way it ended.

use std::time::Duration;

use postern_chassis::call::Call;
use postern_store::SavedConnection;
use tokio::time::Instant;

use super::Failure;
use crate::problem;

/// Where the time of a call went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timings {
    /// Looking the connection up.
    pub lookup: Duration,
    /// Getting a session: opening the secret, dialling and signing in, or waiting for the pool.
    pub acquire: Duration,
    /// From the statement's start to its first answer.
    pub first_row: Duration,
    /// From the call's arrival.
    pub total: Duration,
}

/// Records how a call ended. One that does not end by itself was cancelled by its caller.
pub(super) fn note_end<T>(call: &Call, end: &Result<T, Failure>) {
    let Err(failure) = end else { return };
    let problem = problem::of(failure);
    call.facts(|facts| {
        facts.reason = Some(problem.reason());
        facts.cause = problem.cause().map(str::to_owned);
    });
}

/// Records which connection a call is for, as soon as that is known.
pub(super) fn note_connection(call: &Call, connection: &SavedConnection, lookup: Duration) {
    call.facts(|facts| {
        facts.kind = Some(connection.endpoint.kind().as_str());
        facts.connection = Some(connection.id.0);
        facts.version = Some(connection.version.0);
        facts.lookup = Some(lookup);
    });
}

/// Records a session's acquisition, also one that failed.
pub(super) fn note_acquired(call: &Call, since: Instant) -> Duration {
    let acquire = since.elapsed();
    call.facts(|facts| facts.acquire = Some(acquire));
    acquire
}

/// Records what has been handed to the caller so far.
pub(super) fn note_rows(call: &Call, rows: usize, bytes: usize) {
    call.facts(|facts| {
        facts.rows += rows as u64;
        facts.bytes += bytes as u64;
    });
}
