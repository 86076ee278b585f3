//! Logs: JSON lines on stderr, filtered by `POSTERN_LOG` (for example `info,postern_tenant=debug`). And traces, where
//! `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector: over gRPC, sampled as `OTEL_TRACES_SAMPLER` says.
//!
//! Never logged, at any level, and in no span: secrets, tokens, SQL, parameters, rows, tenants' addresses, whole
//! requests.

use std::{
    fs::File,
    io::{self, Write},
    panic,
    sync::Arc,
};

use anyhow::{Context, Result};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::{
    log_writer::{self, LogThread},
    trace::{self, Exporter, recent::Recent},
};

/// sqlx logs the server's notices at info. They are meant for people who run migrations by hand.
const DEFAULT: &str = "info,sqlx=warn";

/// How to start logs and traces.
pub struct Telemetry {
    service: &'static str,
    file: Option<File>,
    exporter: Exporter,
}

/// Running telemetry. Dropped, it writes the last lines of the log.
#[must_use = "the last lines and spans are lost unless they are flushed"]
pub struct Running {
    provider: Option<SdkTracerProvider>,
    _log: LogThread,
}

impl Telemetry {
    /// Logs to stderr; traces go where the environment says.
    pub fn new(service: &'static str) -> Self {
        Self { service, file: None, exporter: Exporter::default() }
    }

    /// Logs to a file instead: for the development server, whose terminal is for its user.
    #[must_use]
    pub fn log_to(mut self, file: File) -> Self {
        self.file = Some(file);
        self
    }

    /// Keeps the last spans in memory.
    #[must_use]
    pub fn keep(mut self, recent: Recent) -> Self {
        self.exporter.recent = Some(recent);
        self
    }

    /// Sends spans to the collector of this URL, whatever the environment says.
    #[must_use]
    pub fn export_to(mut self, endpoint: String) -> Self {
        self.exporter.endpoint = Some(endpoint);
        self
    }

    /// Starts, once in a process. To be called within a runtime.
    pub fn start(self) -> Result<Running> {
        let provider = self.exporter.provider(self.service)?;
        let file: Box<dyn Write + Send> = match self.file {
            Some(file) => Box::new(file),
            None => Box::new(io::stderr()),
        };
        let (writer, log) = log_writer::start(file).context("cannot start the log's thread")?;
        start(Arc::new(writer), provider.as_ref());
        Ok(Running { provider, _log: log })
    }
}

impl Running {
    /// Sends the last spans, for a second at most, and writes the last lines. Blocks.
    pub fn flush(self) {
        if let Some(provider) = &self.provider {
            trace::flush(provider);
        }
    }
}

/// A filter that cannot be read is replaced by `info`, and the log says so.
fn start(writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static, provider: Option<&SdkTracerProvider>) {
    let wanted = std::env::var("POSTERN_LOG").unwrap_or_else(|_| DEFAULT.to_owned());
    let parsed = EnvFilter::try_new(&wanted);
    let unreadable = parsed.is_err();
    let filter = parsed.unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let started = match provider {
        // One filter for everything costs less than one for each layer.
        None => tracing_subscriber::registry().with(filter).with(lines(writer)).try_init(),
        Some(provider) => tracing_subscriber::registry()
            .with(trace::layer(provider))
            .with(lines(writer).with_filter(filter))
            .try_init(),
    };
    if started.is_ok() && unreadable {
        tracing::warn!("POSTERN_LOG cannot be read as a filter; using {DEFAULT}");
    }
}

/// Makes panics lines of the log, not text between them, in the whole process. A message is logged only if it is fixed
/// text: a formatted one may contain whatever the code was working on.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let text = panic.payload().downcast_ref::<&'static str>().copied();
        let place = panic.location().map(tracing::field::display);
        tracing::error!(place, "panicked: {}", text.unwrap_or("a formatted message"));
    }));
}

/// One JSON object per line: the event's fields at the top, those of the call it belongs to under `span`.
pub(crate) fn lines<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer)
}
