//! Checks the operator's certificate by crypto-service's rules.

use std::time::Duration;

use postern_chassis::{
    config::TlsFiles,
    mtls::{self, Inspected},
};
use postern_domain::{Clock, SystemClock};
use postern_rpc::access::OPERATOR;

use super::finding::Finding;

const CHECK: &str = "certificate";

/// Remaining lifetime below which the certificate should be renewed.
const SOON: Duration = Duration::from_hours(14 * 24);

pub(super) fn look(files: &TlsFiles) -> Finding {
    let now = SystemClock.now();
    match mtls::inspect(files, now) {
        Err(error) => Finding::failed(CHECK, format!("{error:#}")).advice(
            "Check that certificate, key and ca in crypto.tls belong together, or issue a new certificate.",
        ),
        Ok(inspected) => judged(&inspected, now),
    }
}

fn judged(Inspected { peer, expires_at }: &Inspected, now: Duration) -> Finding {
    if peer.service() != OPERATOR {
        return Finding::failed(CHECK, format!("it is for {}, not for {OPERATOR}", peer.service()))
            .advice("The certificate must name spiffe://<trust domain>/operator.");
    }
    let left = expires_at.saturating_sub(now);
    let days = left.as_secs() / 86_400;
    if left < SOON {
        return Finding::warning(CHECK, format!("it expires in {days} days")).advice("Renew it.");
    }
    Finding::ok(CHECK, format!("it is for {OPERATOR} and valid for {days} more days"))
}
