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
    remaining(CHECK, &format!("it is for {OPERATOR}"), *expires_at, now)
}

/// The certificate of a service, judged as its peers do.
pub(super) fn of_service(files: &TlsFiles) -> Finding {
    let (now, shown) = (SystemClock.now(), files.certificate.display());
    match mtls::inspect(files, now) {
        Err(error) => Finding::failed(CHECK, format!("{shown}: {error:#}"))
            .advice("Check that certificate, key and ca belong together, or issue a new certificate."),
        Ok(Inspected { peer, expires_at }) => {
            remaining(CHECK, &format!("{shown} is for {}", peer.service()), expires_at, now)
        }
    }
}

/// How long a certificate is still valid. The times are since 1970-01-01T00:00:00Z.
pub(super) fn remaining(check: &'static str, which: &str, expires_at: Duration, now: Duration) -> Finding {
    let left = expires_at.saturating_sub(now);
    let days = left.as_secs() / 86_400;
    if left.is_zero() {
        return Finding::failed(check, format!("{which}, and has expired")).advice("Renew it.");
    }
    if left < SOON {
        return Finding::warning(check, format!("{which}, and expires in {days} days")).advice("Renew it.");
    }
    Finding::ok(check, format!("{which}, and valid for {days} more days"))
}
