//! The ring's state, for Prometheus.

use std::sync::Arc;

use postern_chassis::{Metrics, metrics::number};

use super::RingHolder;

impl RingHolder {
    /// Adds the keys' age and use to the metrics.
    pub(crate) fn show(self: &Arc<Self>, metrics: &Metrics) {
        let ring = Arc::clone(self);
        metrics.gauge(
            "key_age_seconds",
            "Age of the primary key, under which secrets are sealed",
            move || {
                let created_at = ring.with_ring(|ring| {
                    let primary = ring.primary();
                    ring.keys().iter().find(|key| key.id == primary).map(|key| key.created_at)
                });
                let age = created_at.map(|created_at| ring.now().saturating_sub(created_at));
                age.map(|age| (Vec::new(), number(age))).into_iter().collect()
            },
        );
        let ring = Arc::clone(self);
        metrics.counter("seals", "Seals made and opened by this replica's name, by key", move || {
            let value = |key: String, operation: &str, count| {
                (vec![("key", key), ("operation", operation.to_owned())], number(count))
            };
            let counts = ring.use_counts().into_iter();
            let values = |(key, uses): (postern_envelope::KeyId, super::UseCounts)| {
                [value(key.to_string(), "seal", uses.seals), value(key.to_string(), "open", uses.opens)]
            };
            counts.flat_map(values).collect()
        });
    }
}
