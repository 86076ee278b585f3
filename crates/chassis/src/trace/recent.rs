//! The last traces, in memory: for the development server's page.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use serde::Serialize;

/// Spans that are kept. A trace of a query has about ten.
const SPANS: usize = 1000;

/// The last spans. Clones are one list.
#[derive(Clone, Debug, Default)]
pub struct Recent(Arc<Mutex<VecDeque<RecentSpan>>>);

/// One span.
#[derive(Clone, Debug, Serialize)]
pub struct RecentSpan {
    /// Id of its trace, in hex.
    pub trace: String,
    /// Its own id, in hex.
    pub id: String,
    /// Its parent's id, in hex; zeros without a parent.
    pub parent: String,
    /// Its name, such as `postern.proxy.v1.ProxyService/Query`.
    pub name: String,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub started_us: u64,
    /// Microseconds.
    pub duration_us: u64,
    /// It ended with an error.
    pub failed: bool,
}

impl Recent {
    /// The spans, oldest first.
    pub fn spans(&self) -> Vec<RecentSpan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl SpanExporter for Recent {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for span in batch {
            if spans.len() == SPANS {
                spans.pop_front();
            }
            spans.push_back(RecentSpan::of(&span));
        }
        Ok(())
    }
}

impl RecentSpan {
    fn of(span: &SpanData) -> Self {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self {
            trace: span.span_context.trace_id().to_string(),
            id: span.span_context.span_id().to_string(),
            parent: span.parent_span_id.to_string(),
            name: span.name.to_string(),
            started_us: micros(span.start_time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()),
            duration_us: micros(span.end_time.duration_since(span.start_time).unwrap_or_default()),
            failed: matches!(span.status, opentelemetry::trace::Status::Error { .. }),
        }
    }
}
