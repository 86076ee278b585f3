//! Metrics, as Prometheus reads them from `/metrics`.
//!
//! What happens often (calls) is counted where a call ends; states (pools, keys, certificates) are read when Prometheus
//! asks. Labels are fixed words: no owner, no connection, no address.

use std::{
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use postern_domain::PoolState;
use postern_rpc::Reason;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, prometheus_text},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        histogram::Histogram,
    },
    registry::Registry,
};

use crate::call::Facts;

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Histograms = Family<Labels<2>, Histogram, fn() -> Histogram>;

/// Calls by method, outcome and reason.
static CALLS: LazyLock<Family<Labels<3>, Counter>> = LazyLock::new(Family::default);
/// Durations of calls by method and outcome.
static DURATIONS: LazyLock<Histograms> = LazyLock::new(|| Family::new_with_constructor(seconds));
/// Durations of parts of calls, by method and part.
static PARTS: LazyLock<Histograms> = LazyLock::new(|| Family::new_with_constructor(seconds));

/// Buckets from 250 µs, which a warm lookup takes, to 300 s, the longest call.
fn seconds() -> Histogram {
    Histogram::new([
        0.000_25, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0,
        8.0, 16.0, 32.0, 64.0, 128.0, 300.0,
    ])
}

/// Counts a call that has ended.
pub(crate) fn call_ended(
    method: &'static str,
    outcome: &'static str,
    reason: Option<Reason>,
    duration: Duration,
    facts: &Facts,
) {
    let (method, reason) = (("method", method), ("reason", reason.map_or("", Reason::as_str)));
    CALLS.get_or_create(&[method, ("outcome", outcome), reason]).inc();
    DURATIONS.get_or_create(&[method, ("outcome", outcome)]).observe(duration.as_secs_f64());
    let parts = [("lookup", facts.lookup), ("acquire", facts.acquire), ("first_row", facts.first_row)];
    for (part, took) in parts {
        if let Some(took) = took {
            PARTS.get_or_create(&[method, ("part", part)]).observe(took.as_secs_f64());
        }
    }
}

/// The metrics of one service. Clones are one set.
#[derive(Clone)]
pub struct Metrics(Arc<Mutex<Registry>>);

/// A label's name and value, for each label.
pub type LabelSet = Vec<(&'static str, String)>;

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("postern");
        registry.register("calls", "Calls that ended, with their outcome and reason", CALLS.clone());
        registry.register(
            "call_duration_seconds",
            "Time from a call's arrival to its end",
            DURATIONS.clone(),
        );
        registry.register(
            "call_part_duration_seconds",
            "Time that a part of a call took: lookup, acquiring a session, waiting for the first row",
            PARTS.clone(),
        );
        Self(Arc::new(Mutex::new(registry)))
    }
}

impl Metrics {
    /// Adds values that go up and down, read at each scrape.
    pub fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<(LabelSet, f64)> + Send + Sync + 'static,
    ) {
        self.add(Scraped { name, help, kind: MetricType::Gauge, read });
    }

    /// Adds counts that only go up, read at each scrape. `_total` is appended to the name.
    pub fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Vec<(LabelSet, f64)> + Send + Sync + 'static,
    ) {
        self.add(Scraped { name, help, kind: MetricType::Counter, read });
    }

    /// Adds the state of a service's connections to the control database.
    pub fn control_database(&self, state: impl Fn() -> PoolState + Clone + Send + Sync + 'static) {
        let read = state.clone();
        self.gauge(
            "control_database_connections",
            "Connections to the control database, by state",
            move || {
                let PoolState { used, idle, .. } = read();
                [("used", used), ("idle", idle)]
                    .map(|(state, count)| (vec![("state", state.to_owned())], number(count as u64)))
                    .into()
            },
        );
        let read = state.clone();
        self.gauge("control_database_connections_max", "As many may exist: max_connections", move || {
            vec![(Vec::new(), number(read().limit as u64))]
        });
        self.gauge(
            "control_database_waiters",
            "Calls that wait for a connection to the control database",
            move || vec![(Vec::new(), number(state().waiting as u64))],
        );
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_text::encode(&mut text, &registry).expect("a String takes whatever is written to it");
        text
    }

    fn add<R: Fn() -> Vec<(LabelSet, f64)> + Send + Sync + 'static>(&self, scraped: Scraped<R>) {
        let mut registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register_collector(Box::new(scraped));
    }
}

/// A count as Prometheus has it. Beyond 2^53 it is rounded.
#[allow(clippy::cast_precision_loss, reason = "such counts take thousands of years")]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// Values that are read when Prometheus asks.
struct Scraped<R> {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: R,
}

impl<R> fmt::Debug for Scraped<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scraped").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<R: Fn() -> Vec<(LabelSet, f64)> + Send + Sync + 'static> Collector for Scraped<R> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(self.name, self.help, None, self.kind)?;
        for (labels, value) in (self.read)() {
            let encoder = family.encode_family(&labels)?;
            match self.kind {
                MetricType::Counter => ConstCounter::new(value).encode(encoder)?,
                _ => ConstGauge::new(value).encode(encoder)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_outcome_and_reason_and_their_parts_are_timed() {
        let facts = Facts { lookup: Some(Duration::from_millis(3)), ..Facts::default() };
        let method = "postern.metrics.Test/Call";
        for reason in [None, Some(Reason::PoolBusy), Some(Reason::PoolBusy)] {
            let outcome = if reason.is_some() { "error" } else { "ok" };
            call_ended(method, outcome, reason, Duration::from_millis(20), &facts);
        }
        let text = Metrics::default().render();
        for line in [
            r#"postern_calls_total{method="postern.metrics.Test/Call",outcome="ok",reason=""} 1"#,
            r#"postern_calls_total{method="postern.metrics.Test/Call",outcome="error",reason="POOL_BUSY"} 2"#,
            r#"postern_call_duration_seconds_count{method="postern.metrics.Test/Call",outcome="error"} 2"#,
            r#"postern_call_part_duration_seconds_count{method="postern.metrics.Test/Call",part="lookup"} 3"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_full_pool_can_be_told_from_an_idle_one() {
        let metrics = Metrics::default();
        metrics.control_database(|| PoolState { limit: 16, used: 15, idle: 1, waiting: 7 });
        let text = metrics.render();
        for line in [
            "postern_control_database_connections{state=\"used\"} 15",
            "postern_control_database_connections{state=\"idle\"} 1",
            "postern_control_database_connections_max 16",
            "postern_control_database_waiters 7",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn states_are_read_at_each_scrape() {
        let metrics = Metrics::default();
        let value = Arc::new(std::sync::atomic::AtomicU32::new(1));
        let read = Arc::clone(&value);
        metrics.gauge("sessions", "Sessions", move || {
            let value = read.load(std::sync::atomic::Ordering::Relaxed);
            vec![(vec![("state", "idle".to_owned())], f64::from(value))]
        });
        assert!(metrics.render().contains("postern_sessions{state=\"idle\"} 1"), "{}", metrics.render());
        value.store(5, std::sync::atomic::Ordering::Relaxed);
        assert!(metrics.render().contains("postern_sessions{state=\"idle\"} 5"), "{}", metrics.render());
    }
}
