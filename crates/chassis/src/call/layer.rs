//! The layer that begins each call.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use postern_rpc::access;
use tonic::{Status, body::Body};
use tower::{BoxError, Layer, Service};
use tracing::{Span, field::Empty};

use super::{
    Call, CallBody, Shared,
    ids::{Ids, REQUEST_ID},
    outcome::{self, Ending, TARGET},
};
use crate::trace;

/// Gives every request a [`Call`], and writes its log line when it ends. Stands before the gate, so that refusals are
/// calls too, and behind the translation of gRPC-web, so that it sees trailers.
#[derive(Clone, Copy, Default)]
pub struct CallLayer;

/// A service behind a [`CallLayer`].
#[derive(Clone)]
pub struct CallService<S>(S);

/// The handler of one call, at work. Dropped before it has answered, it says that the caller went away.
pub struct CallFuture<F> {
    call: Call,
    /// `None` once the response body is responsible for the end of the call.
    handler: Option<F>,
}

impl<S> Layer<S> for CallLayer {
    type Service = CallService<S>;

    fn layer(&self, inner: S) -> CallService<S> {
        CallService(inner)
    }
}

impl<S, B, R> Service<Request<B>> for CallService<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible, Future: Unpin>,
    R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<CallBody>;
    type Error = Infallible;
    type Future = CallFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let call = Call::of(&request);
        request.extensions_mut().insert(call.clone());
        let handler = call.span().in_scope(|| self.0.call(request));
        CallFuture { call, handler: Some(handler) }
    }
}

impl Call {
    fn of<B>(request: &Request<B>) -> Self {
        let mut ids = Ids::of(request.headers());
        // Only a method that exists is named: any other path is the caller's own text.
        let method = access::rule_of(request.uri().path()).map_or("unknown", |rule| &rule.path[1..]);
        let span = span(method, &ids);
        if trace::is_on()
            && let Some((trace, flags)) = trace::serve(&span, method, request.headers())
        {
            ids.join(trace, flags);
        }
        let timeout = request.headers().get("grpc-timeout").and_then(|value| timeout(value.as_bytes()));
        Self::new(Shared { timeout, ..Shared::new(ids, span, method) })
    }
}

fn span(method: &'static str, ids: &Ids) -> Span {
    let (request_id, trace_id) = (ids.request_id(), ids.trace_id());
    if outcome::is_background(method) {
        tracing::debug_span!(target: TARGET, "call", request_id, method, trace_id)
    } else {
        tracing::info_span!(
            target: TARGET,
            "call",
            request_id,
            method,
            trace_id,
            otel.name = Empty,
            otel.kind = Empty
        )
    }
}

/// `grpc-timeout`: at most eight digits and a unit.
/// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests>
fn timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last().filter(|(_, digits)| digits.len() <= 8)?;
    let count: u64 = str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(count * 3600)),
        b'M' => Some(Duration::from_secs(count * 60)),
        b'S' => Some(Duration::from_secs(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

impl<F, R> Future for CallFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>> + Unpin,
    R: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Output = Result<Response<CallBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { call, handler } = self.get_mut();
        let work = handler.as_mut().expect("a future is not polled after it is ready");
        let span = call.span();
        let polled = span.in_scope(|| catch_unwind(AssertUnwindSafe(|| Pin::new(work).poll(cx))));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(response))) => {
                span.in_scope(|| *handler = None);
                Poll::Ready(Ok(respond(call, response.map(Body::new))))
            }
            Ok(Poll::Ready(Err(never))) => match never {},
            Err(panic) => {
                span.in_scope(|| outcome::drop_panicked(handler.take()));
                Poll::Ready(Ok(panicked(call, &*panic)))
            }
        }
    }
}

impl<F> Drop for CallFuture<F> {
    fn drop(&mut self) {
        if let Some(handler) = self.handler.take() {
            let shared = &*self.call.0;
            shared.span.in_scope(|| drop(handler));
            shared.abandon();
            shared.release();
        }
    }
}

/// A response without a body ends the call; any other goes on in its body.
fn respond(call: &Call, mut response: Response<Body>) -> Response<CallBody> {
    response.headers_mut().insert(REQUEST_ID, call.0.ids.header());
    if response.headers().contains_key("grpc-status") {
        match response.extensions().get::<Status>() {
            Some(status) => call.0.end(&Ending::answered(status)),
            None => call.0.end(&Ending::answered(&status_of(response.headers()))),
        }
    }
    response.map(|body| CallBody::new(call.clone(), body))
}

fn status_of(headers: &HeaderMap) -> Status {
    Status::from_header_map(headers).unwrap_or_else(|| Status::unknown(""))
}

/// The connection lives on: other calls use it.
fn panicked(call: &Call, panic: &(dyn std::any::Any + Send)) -> Response<CallBody> {
    let status = outcome::of_panic(panic);
    call.0.end(&Ending::panicked(&status));
    respond(call, status.into_http())
}
