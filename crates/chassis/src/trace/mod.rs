//! Traces: one from the browser through the services to the tenant's statement.
//!
//! Spans are `tracing` spans: that of the call (`postern_call`), and below it spans of the target `postern_trace` at
//! debug level, which only the exporter listens to. Without an exporter, making one costs a load of a static. Fields
//! follow OpenTelemetry's semantic conventions for [RPC](https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/)
//! and [databases](https://opentelemetry.io/docs/specs/semconv/database/database-spans/). What is never logged
//! ([`telemetry`](crate::telemetry)) is in no span either, so there is no `db.query.text` and no `server.address`.

mod export;
pub mod recent;

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
};

use http::{HeaderMap, HeaderValue};
use opentelemetry::{
    Context, Value,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{self, TraceContextExt},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::{Code, Status};
use tracing::{Instrument, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::call::TRACEPARENT;
pub(crate) use export::{Exporter, flush, layer};

/// The target of the spans below a call.
pub(crate) const TARGET: &str = "postern_trace";

/// Whether spans are exported.
static ON: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// A step of a call within this service.
pub fn step(name: &'static str) -> Span {
    tracing::debug_span!(target: TARGET, "step", otel.name = name)
}

/// A round trip to a Postgres. `whose` is `control` or `tenant`.
pub fn database(name: &'static str, whose: &'static str) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "database",
        otel.name = name,
        otel.kind = "client",
        db.system.name = "postgresql",
        postern.database = whose,
    )
}

/// An HTTP request to a tenant's project.
pub fn http(name: &'static str) -> Span {
    tracing::debug_span!(target: TARGET, "http", otel.name = name, otel.kind = "client", postern.database = "tenant")
}

/// A call of another service, in a span of its own. `start` makes the request, whose headers then carry the span.
pub async fn calling<T, F>(method: &'static str, start: impl FnOnce() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let (service, name) = method.split_once('/').unwrap_or_default();
    let span = tracing::debug_span!(
        target: TARGET,
        "rpc",
        otel.name = method,
        otel.kind = "client",
        rpc.system.name = "grpc",
        rpc.service = service,
        rpc.method = name,
        rpc.response.status_code = Empty,
    );
    let called = span.in_scope(start).instrument(span.clone()).await;
    if is_on() {
        ended(&span, called.as_ref().err().map_or(Code::Ok, Status::code), None);
    }
    called
}

/// Makes `span` the one of a call that came in: a child of the span that the headers name, if they name one. Returns
/// the id of its trace, in hex, and the trace's flags.
pub(crate) fn serve(span: &Span, method: &'static str, headers: &HeaderMap) -> Option<([u8; 32], [u8; 2])> {
    span.record("otel.name", method);
    span.record("otel.kind", "server");
    let (service, name) = method.split_once('/').unwrap_or_default();
    span.set_attribute("rpc.system.name", "grpc");
    span.set_attribute("rpc.service", service);
    span.set_attribute("rpc.method", name);
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Incoming(headers));
    // Fails only for a span that is not exported, or has started before.
    let _ = span.set_parent(parent);
    let context = span.context();
    let of_span = context.span();
    let ids = of_span.span_context();
    let flags = format!("{:02x}", ids.trace_flags().to_u8());
    let trace = ids.is_valid().then(|| ids.trace_id().to_string())?;
    Some((trace.as_bytes().try_into().ok()?, flags.as_bytes().try_into().ok()?))
}

/// Notes how a call ended. `reason` is one of [`postern_rpc::Reason`].
pub(crate) fn ended(span: &Span, code: Code, reason: Option<&'static str>) {
    let name = name_of(code);
    span.set_attribute("rpc.response.status_code", name);
    if code != Code::Ok {
        span.set_attribute("error.type", Value::from(reason.unwrap_or(name)));
        span.set_status(trace::Status::error(""));
    }
}

/// Makes the current span the parent of what a request causes elsewhere. False if no span is exported.
pub(crate) fn propagate(headers: &mut HeaderMap) -> bool {
    if !is_on() {
        return false;
    }
    let context = Span::current().context();
    let valid = context.span().span_context().is_valid();
    if valid {
        TraceContextPropagator::new().inject_context(&context, &mut Outgoing(headers));
    }
    valid
}

/// `tracestate` is left out both ways: it is foreign text, and nothing here reads it.
struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT.as_str()).then(|| self.0.get(TRACEPARENT)?.to_str().ok()).flatten()
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT.as_str()
            && let Ok(value) = HeaderValue::try_from(value)
        {
            self.0.insert(TRACEPARENT, value);
        }
    }
}

/// As the specification of gRPC writes it.
const fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
