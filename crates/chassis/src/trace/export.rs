//! Exporting spans over OTLP, and keeping the last ones for the development page.

use std::{sync::atomic::Ordering, time::Duration};

use anyhow::{Context, Result};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use super::{ON, TARGET, recent::Recent};
use crate::call::TARGET as CALL;

/// Variables that OpenTelemetry defines for the collector's URL.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Time for the last spans at the end of the process.
const LAST_SPANS: Duration = Duration::from_secs(1);

/// Where spans go.
#[derive(Clone, Default)]
pub(crate) struct Exporter {
    /// The collector's URL; `None` takes the one of the environment, if there is one.
    pub endpoint: Option<String>,
    /// Keeps the last spans too.
    pub recent: Option<Recent>,
}

impl Exporter {
    /// A provider, if spans go anywhere. To be called within a runtime. Sampling is up to `OTEL_TRACES_SAMPLER`; by
    /// default, everything is sampled that the caller's span does not exclude.
    pub(crate) fn provider(self, service: &'static str) -> Result<Option<SdkTracerProvider>> {
        let wanted = self.endpoint.is_some() || ENDPOINTS.iter().any(|name| std::env::var_os(name).is_some());
        if !wanted && self.recent.is_none() {
            return Ok(None);
        }
        let mut provider = SdkTracerProvider::builder().with_resource(resource(service));
        if wanted {
            let exporter = SpanExporter::builder().with_tonic();
            let exporter = match self.endpoint {
                Some(endpoint) => exporter.with_endpoint(endpoint),
                None => exporter,
            };
            provider = provider.with_batch_exporter(exporter.build().context("OTEL_EXPORTER_OTLP_ENDPOINT")?);
        }
        if let Some(recent) = self.recent {
            provider = provider.with_simple_exporter(recent);
        }
        Ok(Some(provider.build()))
    }
}

/// `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` come first.
fn resource(service: &'static str) -> Resource {
    let resource = Resource::builder();
    match std::env::var_os("OTEL_SERVICE_NAME") {
        Some(_) => resource.build(),
        None => resource.with_service_name(service).build(),
    }
}

/// The layer that exports spans. Log lines stay out of them.
pub(crate) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    ON.store(true, Ordering::Relaxed);
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("postern"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(is_exported))
}

/// The spans of calls, but for those of probes, and what is below them.
fn is_exported(metadata: &Metadata<'_>) -> bool {
    let call = || metadata.target() == CALL && *metadata.level() == Level::INFO;
    metadata.is_span() && (metadata.target() == TARGET || call())
}

/// Sends what is left.
pub(crate) fn flush(provider: &SdkTracerProvider) {
    if let Err(error) = provider.shutdown_with_timeout(LAST_SPANS) {
        tracing::warn!(%error, "the last spans could not be sent");
    }
}
