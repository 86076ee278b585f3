//! Checks crypto-service and its key ring.

use postern_rpc::crypto::{KeyState, Keyring};
use postern_store::SealCount;

use super::finding::{Finding, Findings};
use crate::{
    crypto::{self, Crypto},
    output::count,
};

/// Fetches the ring; `None` if that fails.
pub(super) async fn fetch(crypto: &Crypto, findings: &mut Findings) -> Option<Keyring> {
    match crypto.ring().await {
        Ok(ring) => {
            findings.push(Finding::ok("crypto-service", "it is reachable and accepts this certificate"));
            Some(ring)
        }
        Err(failure) => {
            findings.push(Finding::failure("crypto-service", failure));
            None
        }
    }
}

/// `seals`: the number of stored seals under each key, if known.
pub(super) fn look(ring: &Keyring, seals: Option<&[SealCount]>, findings: &mut Findings) {
    findings.push(match crypto::primary(ring) {
        Ok(primary) => {
            Finding::ok("key ring", format!("revision {}, the primary key is {}", ring.revision, primary.id))
        }
        Err(failure) => Finding::failed("key ring", failure),
    });
    findings.push(replicas(ring));
    for count in seals.unwrap_or_default() {
        findings.push(stored(ring, *count));
    }
}

fn replicas(ring: &Keyring) -> Finding {
    let live = ring.replicas.iter().filter(|replica| replica.live);
    let (ready, behind): (Vec<_>, Vec<_>) = live.partition(|replica| replica.revision == ring.revision);
    let names = |replicas: &[&postern_rpc::crypto::Replica]| {
        replicas.iter().map(|replica| replica.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    if behind.is_empty() {
        return Finding::ok("replicas", format!("ready: {}", names(&ready)));
    }
    Finding::warning("replicas", format!("not at revision {} yet: {}", ring.revision, names(&behind)))
        .advice("If this does not change within a minute, see their logs.")
}

fn stored(ring: &Keyring, SealCount { key_id, seals, .. }: SealCount) -> Finding {
    let state = crypto::state(ring, key_id).unwrap_or_default();
    let stored = count(seals.unsigned_abs(), "seal");
    let message = format!("{stored} under key {key_id}, which is {}", crypto::state_word(state));
    match state {
        KeyState::Primary => Finding::ok("seals", message),
        KeyState::Staged | KeyState::Active => {
            Finding::warning("seals", message).advice("Run `postern rewrap`.")
        }
        KeyState::Disabled => Finding::failed("seals", format!("{message}: they cannot be opened"))
            .advice(format!("Run `postern keyring enable {key_id}`, then `postern rewrap`.")),
        KeyState::Destroyed | KeyState::Unspecified => {
            Finding::failed("seals", format!("{message}: they cannot be opened"))
                .advice("Their owners must save these connections again; `postern rewrap` names them.")
        }
    }
}
