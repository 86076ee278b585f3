//! Asks services how they are: their operations listeners tell what they see themselves.

use std::time::Duration;

use postern_chassis::observe;
use postern_domain::{Clock, SystemClock};
use serde::Deserialize;

use super::{
    certificate,
    finding::{Finding, Findings},
};

const CHECK: &str = "service";

/// A key set is fetched anew every ten minutes, so an older one could not be.
const KEY_SET_AGE: f64 = 900.0;

/// The answer of `/readyz`.
#[derive(Deserialize)]
struct Readiness {
    ready: bool,
    faults: Vec<String>,
    stopping: bool,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    state: String,
}

/// `listeners`: `http://host:port` of each operations listener.
pub(super) async fn look(listeners: &[String], findings: &mut Findings) {
    if listeners.is_empty() {
        findings.push(Finding::skipped(CHECK, "no operations listener is configured; set doctor.listeners"));
    }
    for listener in listeners {
        if let Err(error) = ask(listener, findings).await {
            findings.push(
                Finding::failed(CHECK, format!("{listener}: {error:#}"))
                    .advice("Check the URL, that the service runs, and its [ops] listen."),
            );
        }
    }
}

async fn ask(listener: &str, findings: &mut Findings) -> anyhow::Result<()> {
    let (alive, _) = observe::get(listener, "/livez").await?;
    anyhow::ensure!(alive == 200, "/livez answers {alive}; this is not an operations listener");
    let (_, body) = observe::get(listener, "/readyz").await?;
    let readiness: Readiness = serde_json::from_str(&body).map_err(|_| {
        anyhow::anyhow!("/readyz does not answer as this release does; run the same release of both")
    })?;
    findings.push(judge(listener, &readiness));
    for Dependency { name, state } in readiness.dependencies.iter().filter(|one| one.state == "failing") {
        findings.push(
            Finding::warning(CHECK, format!("{listener}: {name} is {state}"))
                .advice("Its log says why; the last attempt to reach it failed."),
        );
    }
    let (_, metrics) = observe::get(listener, "/metrics").await?;
    served_certificate(listener, &metrics, findings);
    key_sets(listener, &metrics, findings);
    Ok(())
}

fn judge(listener: &str, Readiness { ready, faults, stopping, dependencies }: &Readiness) -> Finding {
    if *ready {
        return Finding::ok(CHECK, format!("{listener} is ready"));
    }
    let awaited = dependencies.iter().filter(|one| one.state == "awaited");
    let mut why: Vec<_> = awaited.map(|one| format!("it waits for {}", one.name)).collect();
    why.extend(faults.iter().cloned());
    if *stopping {
        why.push("it is stopping".to_owned());
    }
    let why = if why.is_empty() { "it is starting".to_owned() } else { why.join("; ") };
    Finding::failed(CHECK, format!("{listener} is not ready: {why}")).advice("Its log says more.")
}

/// The certificate that the service uses, which is not necessarily the one on the disk.
fn served_certificate(listener: &str, metrics: &str, findings: &mut Findings) {
    let expiry = values(metrics, "postern_certificate_expires_timestamp_seconds").next();
    let Some((_, at)) = expiry.filter(|(_, at)| at.is_finite() && *at >= 0.0) else { return };
    let at = Duration::from_secs_f64(at);
    findings.push(certificate::remaining(
        "certificate",
        &format!("{listener}: the one in use"),
        at,
        SystemClock.now(),
    ));
}

fn key_sets(listener: &str, metrics: &str, findings: &mut Findings) {
    for (labels, age) in values(metrics, "postern_key_set_age_seconds") {
        let issuer =
            labels.strip_prefix("issuer=\"").and_then(|rest| rest.strip_suffix('"')).unwrap_or(labels);
        findings.push(if age <= KEY_SET_AGE {
            Finding::ok("issuers", format!("{listener} has the key set of {issuer}"))
        } else {
            Finding::warning("issuers", format!("{listener}: the key set of {issuer} is {age:.0} s old"))
                .advice("It could not be fetched anew; the service's log says why.")
        });
    }
}

/// The labels and the value of each line of a metric.
fn values<'a>(metrics: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
    metrics.lines().filter_map(move |line| {
        let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
        // A longer name may begin with this one.
        let labels = if labels.is_empty() { labels } else { labels.strip_prefix('{')?.strip_suffix('}')? };
        Some((labels, value.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_read_with_and_without_labels() {
        let text = "# HELP a b\npostern_age{issuer=\"https://a b\"} 3.5\npostern_age 4\npostern_age_max 5\n";
        let found: Vec<_> = values(text, "postern_age").collect();
        assert_eq!(found, [("issuer=\"https://a b\"", 3.5), ("", 4.0)]);
    }

    #[test]
    fn a_service_that_is_not_ready_tells_why() {
        let readiness = |json: serde_json::Value| serde_json::from_value::<Readiness>(json).unwrap();
        let shown = |finding| serde_json::to_value::<Finding>(finding).unwrap()["message"].to_string();
        let waits = readiness(serde_json::json!({
            "ready": false, "faults": ["own certificate expired"], "stopping": true,
            "dependencies": [{"name": "issuers", "state": "awaited"}, {"name": "x", "state": "reached"}],
        }));
        let told = shown(judge("http://a:1", &waits));
        assert!(told.contains("waits for issuers; own certificate expired; it is stopping"), "{told}");
    }
}
