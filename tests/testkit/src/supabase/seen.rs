//! What the gateway saw.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::{Frame, SizeHint};

/// A request that reached the gateway, whether it was let in or not.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// Method.
    pub method: Method,
    /// Path as it was sent, still encoded.
    pub path: String,
    /// Query as it was sent, still encoded; empty if there is none.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not yet.
    Open,
    /// Its answer was sent to the last byte.
    Answered,
    /// The client closed the connection, or the stream, before that.
    Abandoned,
}

/// All requests since the last [`Seen::clear`].
#[derive(Default)]
pub(super) struct Seen(Mutex<Vec<Arc<Mutex<SeenRequest>>>>);

impl Seen {
    pub(super) fn note<B>(&self, request: &Request<B>) -> Watch {
        let seen = Arc::new(Mutex::new(SeenRequest {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
            outcome: Outcome::Open,
        }));
        locked(&self.0).push(seen.clone());
        Watch { seen, ended: Outcome::Abandoned }
    }

    pub(super) fn requests(&self) -> Vec<SeenRequest> {
        locked(&self.0).iter().map(|request| locked(request).clone()).collect()
    }

    pub(super) fn clear(&self) {
        locked(&self.0).clear();
    }
}

/// Notes how a request ended when dropped, which is when its handler or its answer is.
pub(super) struct Watch {
    seen: Arc<Mutex<SeenRequest>>,
    ended: Outcome,
}

impl Watch {
    /// Follows the answer to its end.
    pub(super) fn over(self, response: Response<Body>) -> Response<Body> {
        response.map(|body| Body::new(Watched { body, watch: self }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        locked(&self.seen).outcome = self.ended;
    }
}

/// A body that tells whether it was read to its end.
struct Watched {
    body: Body,
    watch: Watch,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() {
            self.watch.ended = Outcome::Answered;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // A body that knows its length is not polled again at its end.
        if http_body::Body::is_end_stream(&self.body) {
            self.watch.ended = Outcome::Answered;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
