//! One place where every call ends, whatever way it ends.
//!
//! [`CallLayer`] stands before the gate. It gives each call its ids, runs the handler and the response body inside a
//! span that carries them, and writes one log line when the call has ended: answered, refused, cancelled, timed out or
//! panicked. The same place feeds the metrics. Handlers add what only they know through their [`Call`].

mod answer;
mod body;
mod ids;
mod layer;
mod outcome;

use std::{
    fmt, mem,
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use postern_rpc::{Problem, Reason};
use tonic::{Code, Status, metadata::MetadataMap};
use tracing::Span;
use uuid::Uuid;

use answer::Answer;
pub use body::CallBody;
pub(crate) use ids::{Ids, TRACEPARENT};
pub use layer::{CallLayer, CallService};
pub(crate) use outcome::TARGET;
use outcome::{Ending, Outcome};

/// The call that a request belongs to. Without a [`CallLayer`] it is a detached one, of which nothing is logged.
pub fn call<T>(request: &tonic::Request<T>) -> Call {
    request.extensions().get::<Call>().cloned().unwrap_or_else(Call::detached)
}

/// A call in progress, as its handler sees it. Clones are one call.
#[derive(Clone)]
pub struct Call(Arc<Shared>);

/// A call that may be gone.
pub struct WeakCall(Weak<Shared>);

/// What the handler of a call reports for its log line. None of it may be SQL, a parameter, a row, a token, a secret
/// or a tenant's address.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Tenant kind, such as `postgres`.
    pub kind: Option<&'static str>,
    /// Id of the connection.
    pub connection: Option<Uuid>,
    /// Version of the connection.
    pub version: Option<i64>,
    /// Rows of the result.
    pub rows: u64,
    /// Bytes of the result. Left at 0, the bytes of the response body are logged in their place.
    pub bytes: u64,
    /// Time that the connection's lookup took.
    pub lookup: Option<Duration>,
    /// Time until a tenant session was acquired.
    pub acquire: Option<Duration>,
    /// Time until the first row arrived.
    pub first_row: Option<Duration>,
    /// Why the call failed as INTERNAL or UNAVAILABLE. For the log only.
    pub cause: Option<String>,
    /// The reason, where the status does not carry it.
    pub reason: Option<Reason>,
}

impl Call {
    /// The id that the caller sent, or that the layer made.
    pub fn request_id(&self) -> &str {
        self.0.ids.request_id()
    }

    /// The span of the call, for tasks that the handler spawns.
    pub fn span(&self) -> &Span {
        &self.0.span
    }

    /// Adds to the facts. `update` runs under a lock: it must be short, and must not use the call.
    pub fn facts(&self, update: impl FnOnce(&mut Facts)) {
        update(&mut self.0.state().facts);
    }

    /// The status of a problem, with its reason and cause noted for the log. Needed where the status ends a stream:
    /// its trailers carry no cause.
    pub fn failed(&self, problem: Problem) -> Status {
        self.facts(|facts| {
            facts.reason = Some(problem.reason());
            facts.cause = problem.cause().map(str::to_owned);
        });
        problem.into()
    }

    /// Keeps `held` until the response body is dropped, or the call ends without one.
    pub fn hold(&self, held: impl Send + 'static) {
        let mut state = self.0.state();
        if state.released {
            // Dropped after the lock: `held` may use the call when it is dropped.
            drop(state);
        } else {
            state.held.push(Box::new(held));
        }
    }

    /// Frees at once whatever the response body still has queued and what is held for it, and makes the body end with
    /// an error. For a deadline that passes while the reader has stalled: such a body is not polled, and so it could
    /// not end by itself.
    pub fn cut(&self) {
        let shared = &*self.0;
        let sent = shared.sent.load(Ordering::Relaxed);
        let removed = shared.span.in_scope(|| shared.answer.cut());
        if removed {
            shared.end(&Ending::of(Outcome::Timeout, Code::DeadlineExceeded).sent(sent));
        }
        shared.release();
    }

    /// The call for somebody who must not keep it alive.
    pub fn downgrade(&self) -> WeakCall {
        WeakCall(Arc::downgrade(&self.0))
    }

    /// Passes the ids of this call on with a request to another service.
    pub fn propagate<T>(&self, request: &mut tonic::Request<T>) {
        let mut headers = mem::take(request.metadata_mut()).into_headers();
        self.0.ids.propagate(&mut headers);
        *request.metadata_mut() = MetadataMap::from_headers(headers);
    }

    /// A call of which nothing is logged.
    pub fn detached() -> Self {
        Self::new(Shared::new(Ids::detached(), Span::none(), ""))
    }

    fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.0.ids
    }
}

impl WeakCall {
    /// The call, unless it is gone.
    pub fn upgrade(&self) -> Option<Call> {
        self.0.upgrade().map(Call)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.request_id()).finish()
    }
}

/// What the layer, the response body and the handler of one call share.
struct Shared {
    ids: Ids,
    span: Span,
    /// `package.Service/Method`; empty for a detached call.
    method: &'static str,
    started: Instant,
    /// The caller's deadline, counted from its own start.
    timeout: Option<Duration>,
    /// Bytes that the response body has handed out.
    sent: AtomicU64,
    answer: Answer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    facts: Facts,
    held: Vec<Box<dyn Send>>,
    /// The log line is written.
    ended: bool,
    /// The response body is gone, and with it what was held.
    released: bool,
}

impl Shared {
    fn new(ids: Ids, span: Span, method: &'static str) -> Self {
        Self {
            ids,
            span,
            method,
            started: Instant::now(),
            timeout: None,
            sent: AtomicU64::new(0),
            answer: Answer::default(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Writes the log line. The first ending counts; what comes after it is only the call being cleared away.
    fn end(&self, ending: &Ending<'_>) {
        let mut state = self.state();
        if mem::replace(&mut state.ended, true) {
            return;
        }
        let facts = mem::take(&mut state.facts);
        drop(state);
        outcome::log(self, ending, &facts);
    }

    /// The caller went away before the end, or its deadline has passed.
    fn abandon(&self) {
        // The caller's clock started earlier than ours, by the time that its request took to arrive.
        let overdue = self.timeout.is_some_and(|timeout| self.started.elapsed() >= timeout / 20 * 19);
        let (outcome, code) = if overdue {
            (Outcome::Timeout, Code::DeadlineExceeded)
        } else {
            (Outcome::Cancelled, Code::Cancelled)
        };
        self.end(&Ending::of(outcome, code).sent(self.sent.load(Ordering::Relaxed)));
    }

    /// Drops what was held, outside the lock.
    fn release(&self) {
        let mut state = self.state();
        state.released = true;
        let held = mem::take(&mut state.held);
        drop(state);
        drop(held);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
