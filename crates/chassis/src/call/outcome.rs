//! How a call ended, and the log line that says so.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use postern_rpc::{Problem, Reason, cause_of};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tracing::{Level, event};

use super::{Facts, Shared};
use crate::{metrics, trace};

/// The target of the log lines, for filters: `POSTERN_LOG=info,postern_call=warn`.
pub(crate) const TARGET: &str = "postern_call";

/// The ways in which a call can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Error,
    /// The caller went away before the end.
    Cancelled,
    Timeout,
    Panicked,
}

/// How one call ended.
#[derive(Clone, Copy)]
pub(super) struct Ending<'a> {
    outcome: Outcome,
    code: Code,
    status: Option<&'a Status>,
    sent: u64,
}

impl<'a> Ending<'a> {
    pub(super) fn of(outcome: Outcome, code: Code) -> Self {
        Self { outcome, code, status: None, sent: 0 }
    }

    /// The handler panicked, and its caller gets this status.
    pub(super) fn panicked(status: &'a Status) -> Self {
        Self { outcome: Outcome::Panicked, ..Self::answered(status) }
    }

    /// As the status says: it may be OK.
    pub(super) fn answered(status: &'a Status) -> Self {
        let outcome = match status.code() {
            Code::Ok => Outcome::Ok,
            Code::DeadlineExceeded => Outcome::Timeout,
            _ => Outcome::Error,
        };
        Self { status: Some(status), ..Self::of(outcome, status.code()) }
    }

    /// After this many bytes of response body.
    pub(super) fn sent(self, sent: u64) -> Self {
        Self { sent, ..self }
    }

    fn reason(&self, facts: &Facts) -> Option<Reason> {
        let of_status = || {
            let info = self.status.filter(|status| status.code() != Code::Ok)?.get_details_error_info()?;
            Reason::ALL.iter().copied().find(|reason| reason.as_str() == info.reason)
        };
        facts.reason.or_else(of_status)
    }
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
            Self::Panicked => "panicked",
        }
    }
}

/// Probes and tools call these all the time.
pub(super) fn is_background(method: &str) -> bool {
    method.starts_with("grpc.")
}

/// Writes the one line of a call, without its span, whose fields the line has itself; counts the call; and says in its
/// trace how it ended.
pub(super) fn log(call: &Shared, ending: &Ending<'_>, facts: &Facts) {
    if call.method.is_empty() {
        return;
    }
    let reason = ending.reason(facts);
    let took = call.started.elapsed();
    if !is_background(call.method) {
        metrics::call_ended(call.method, ending.outcome.as_str(), reason, took, facts);
    }
    if trace::is_on() {
        trace::ended(&call.span, ending.code, reason.map(Reason::as_str));
    }
    let cause = || cause(ending, facts, reason);
    macro_rules! line {
        ($level:expr, $cause:expr) => {
            event!(
                target: TARGET,
                parent: None,
                $level,
                method = call.method,
                request_id = call.ids.request_id(),
                trace_id = call.ids.trace_id(),
                outcome = ending.outcome.as_str(),
                code = ?ending.code,
                reason = reason.map(Reason::as_str),
                cause = $cause,
                kind = facts.kind,
                connection = facts.connection.map(tracing::field::display),
                version = facts.version,
                rows = nonzero(facts.rows),
                bytes = nonzero(facts.bytes).or_else(|| nonzero(ending.sent)),
                duration_us = micros(took),
                lookup_us = facts.lookup.map(micros),
                acquire_us = facts.acquire.map(micros),
                first_row_us = facts.first_row.map(micros),
                "call ended"
            )
        };
    }
    match severity(ending, reason) {
        Level::ERROR => line!(Level::ERROR, cause().as_deref()),
        Level::WARN => line!(Level::WARN, cause().as_deref()),
        _ if is_background(call.method) => line!(Level::DEBUG, None::<&str>),
        _ => line!(Level::INFO, None::<&str>),
    }
}

/// A defect is logged as an error and an outage as a warning. Faults of the caller or the caller's own database are
/// neither.
fn severity(ending: &Ending<'_>, reason: Option<Reason>) -> Level {
    match (ending.code, reason) {
        (_, Some(Reason::TenantUnreachable | Reason::TenantProtocol)) => Level::INFO,
        (Code::Internal, _) => Level::ERROR,
        (Code::Unavailable, _) => Level::WARN,
        _ => Level::INFO,
    }
}

/// What the handler gave as the cause. A status of tonic's own has its message for one; that of a [`Problem`] is for
/// the caller, and may name the caller's own things.
fn cause(ending: &Ending<'_>, facts: &Facts, reason: Option<Reason>) -> Option<String> {
    let of_problem = || ending.status.and_then(cause_of).map(str::to_owned);
    let of_tonic = || Some(ending.status.filter(|_| reason.is_none())?.message().to_owned());
    facts.cause.clone().or_else(of_problem).or_else(of_tonic)
}

/// The status of a call whose handler panicked. A panic's message is logged only if it is fixed text: a formatted one
/// may contain whatever the handler was working on.
pub(super) fn of_panic(panic: &(dyn Any + Send)) -> Status {
    let message = panic.downcast_ref::<&'static str>().copied();
    Problem::internal(message.unwrap_or("a panic with a formatted message")).into()
}

/// Drops what has panicked: it may do so once more.
pub(super) fn drop_panicked<T>(panicked: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panicked)));
}

fn nonzero(count: u64) -> Option<u64> {
    (count > 0).then_some(count)
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros().try_into().unwrap_or(u64::MAX)
}
