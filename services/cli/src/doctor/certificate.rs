//! The operator's certificate, as crypto-service would judge it.

use std::time::Duration;

use postern_chassis::{
    config::TlsFiles,
    mtls::{self, Inspected},
};
use postern_domain::{Clock, SystemClock};
use postern_rpc::access::OPERATOR;

use super::finding::Finding;

const CHECK: &str = "certificate";

/// Left of a certificate's life when it is time to renew it.
const SOON: Duration = Duration::from_hours(14 * 24);

pub(super) fn look(files: &TlsFiles) -> Finding {
    let now = SystemClock.now();
    match mtls::inspect(files, now) {
        Err(error) => Finding::failed(CHECK, format!("{error:#}"))
            .advice("Check crypto.tls: certificate, key and ca belong together; or have a new one issued."),
        Ok(inspected) => judged(&inspected, now),
    }
}

fn judged(Inspected { peer, expires_at }: &Inspected, now: Duration) -> Finding {
    if peer.service() != OPERATOR {
        return Finding::failed(CHECK, format!("it names {}, and not {OPERATOR}", peer.service()))
            .advice("The certificate must name spiffe://<trust domain>/operator.");
    }
    let left = expires_at.saturating_sub(now);
    let days = left.as_secs() / 86_400;
    if left < SOON {
        return Finding::warning(CHECK, format!("it expires in {days} d")).advice("Have it renewed.");
    }
    Finding::ok(CHECK, format!("it names {OPERATOR}, and is good for {days} d"))
}
