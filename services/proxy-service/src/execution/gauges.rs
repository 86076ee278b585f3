//! The core's state, for Prometheus.

use std::sync::Arc;

use postern_chassis::{
    Metrics,
    metrics::{LabelSet, number},
};
use postern_tenant::PoolStats;

use super::Core;

impl Core {
    /// Adds what the core holds to the metrics.
    pub(crate) fn show(self: &Arc<Self>, metrics: &Metrics) {
        let core = Arc::clone(self);
        metrics.gauge("calls_in_progress", "Calls that were admitted and have not ended", move || {
            vec![(Vec::new(), core.admission.in_progress().into())]
        });
        let core = Arc::clone(self);
        metrics.gauge("tenant_sessions", "Sessions with tenants, by kind and state", move || {
            let mut values = sessions("postgres", core.sessions.stats());
            values.extend(sessions("supabase", core.projects.stats()));
            values
        });
        let core = Arc::clone(self);
        metrics.gauge("tenant_session_waiters", "Calls that wait for a session with a tenant", move || {
            let waiting = |kind: &str, stats: PoolStats| {
                (vec![("kind", kind.to_owned())], number(stats.waiting as u64))
            };
            vec![waiting("postgres", core.sessions.stats()), waiting("supabase", core.projects.stats())]
        });
    }
}

fn sessions(kind: &str, stats: PoolStats) -> Vec<(LabelSet, f64)> {
    let value = |state: &str, count: usize| {
        (vec![("kind", kind.to_owned()), ("state", state.to_owned())], number(count as u64))
    };
    vec![value("idle", stats.idle), value("used", stats.open - stats.idle)]
}
