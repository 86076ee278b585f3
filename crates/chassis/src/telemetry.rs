//! Logs: JSON lines on stderr, filtered by `POSTERN_LOG` (for example `info,postern_tenant=debug`).
//!
//! Never logged, at any level: secrets, tokens, SQL, parameters, rows, addresses of tenants, and whole requests.

use std::{fs::File, io, sync::Mutex};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// sqlx logs the server's notices at info. They are meant for people who run migrations by hand.
const DEFAULT: &str = "info,sqlx=warn";

/// Starts logging to stderr.
pub fn init() {
    start(io::stderr);
}

/// Starts logging to a file: for the development server, whose terminal is for its user.
pub fn init_to(file: File) {
    start(Mutex::new(file));
}

/// A filter that cannot be read is replaced by `info`, and the log says so.
fn start(writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) {
    let wanted = std::env::var("POSTERN_LOG").unwrap_or_else(|_| DEFAULT.to_owned());
    let parsed = EnvFilter::try_new(&wanted);
    let unreadable = parsed.is_err();
    let filter = parsed.unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let started = tracing_subscriber::registry().with(filter).with(lines(writer)).try_init();
    if unreadable && started.is_ok() {
        tracing::warn!("POSTERN_LOG cannot be read as a filter; using {DEFAULT}");
    }
}

/// One JSON object per line: the event's fields at the top, those of the call it belongs to under `span`.
pub(crate) fn lines<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer)
}
